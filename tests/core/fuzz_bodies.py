"""Mutated answers of every endpoint, and all that the core makes of them.

``python -m tests.core.fuzz_bodies 100000`` tries so many in all processors' processes, and keeps
the smallest body that anything escapes from in ``fuzz_samples``, where the tests find it.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from exporter.config.loader import load_config, shipped_catalog
from exporter.config.plan import build_plan
from exporter.core.evaluate import judge
from exporter.core.memory import Memory
from exporter.core.model import Observation, Reason
from exporter.core.plan import Plan, TargetPlan
from exporter.core.reading import read
from exporter.core.result import Result
from exporter.core.skew import Skew
from exporter.core.usage import block_seconds, limit_usages, retry_after
from exporter.core.view import View
from exporter.metrics import ProbeMetrics
from exporter.simulator import Simulation
from exporter.simulator.provider import Call

SAMPLES = Path(__file__).parent / "fuzz_samples"
NOW = 1_800_000_030.5

Body = tuple[str, int, bytes]
"""Target, status and body of one answer."""


@lru_cache(1)
def plan() -> Plan:
    """The plan of every shipped exchange."""
    return build_plan(load_config(None, {}))


@lru_cache(1)
def healthy() -> dict[str, Any]:
    """A healthy document of every target."""
    catalog = {name: document.data for name, document in shipped_catalog().items()}
    simulation = Simulation(catalog, now=lambda: NOW)
    return {
        key: json.loads(json.dumps(_document(simulation, target)))
        for key, target in plan().targets.items()
    }


def _document(simulation: Simulation, plan: TargetPlan) -> Any:
    exchange = simulation.exchanges[plan.target.exchange]
    call = exchange.provider.endpoints[plan.target.endpoint]
    pair = plan.target.pair or exchange.provider.default_pair
    # Few rows: what is wrong with the third is wrong with the hundredth.
    return exchange.document(Call(call, pair, 5), pair, NOW)


def judge_body(target: str, status: int, body: bytes, headers: dict[str, str]) -> list[Result]:
    """Everything that an answer goes through, after a healthy one and twice in a row.

    Raises what escapes; the results must not blame ourselves.
    """
    target_plan = plan().targets[target]
    limits = [plan().limits[key] for key, _ in target_plan.costs]
    metrics = ProbeMetrics(plan())
    memory, skew = _healthy_memory(target), Skew()
    results = []
    for n in range(2):
        now = NOW + 60 * (n + 1)
        observation = Observation(
            elapsed=0.1,
            sent_at=now - 0.1,
            received_at=now,
            latency=0.1,
            status=status,
            headers=headers,
            body=body,
            requests_sent=1,
        )
        read(observation, target_plan, now)
        judgement = judge(observation, target_plan, memory, skew, now)
        memory, skew, result = judgement.memory, judgement.skew, judgement.result
        limit_usages(headers, limits, now)
        wait = retry_after(headers, now, target_plan.envelope.retry_after_unit)
        until = result.error.until if result.error else None
        seconds = block_seconds(target_plan.envelope, now, until=until, retry_after=wait)
        assert 1.0 <= seconds <= target_plan.envelope.max_block
        metrics.record(result)
        metrics.render([View(target_plan, result, age=0.0)], openmetrics=True)
        results.append(result)
    return results


@lru_cache(None)
def _healthy_memory(target: str) -> Memory:
    body = json.dumps(healthy()[target]).encode()
    observation = Observation(0.1, status=200, body=body, sent_at=NOW, received_at=NOW)
    return judge(observation, plan().targets[target], Memory(), Skew(), NOW).memory


def is_our_fault(result: Result) -> bool:
    """Whether a judgement ended in a bug of ours."""
    failures = [result.failure, *(verdict.failure for verdict in result.verdicts)]
    return any(failure and failure.reason is Reason.INTERNAL_ERROR for failure in failures)


_NUMBERS = ("nan", "inf", "-0", "1e400", "1e-400", "1e999999999", "0x10", "1_000", " 1 ", "١٢٣",
            "1" * 400, "0." + "3" * 400, "-1", "0", "", "1,5", "99999999999999999999")  # fmt: skip
_TEXTS = ("2026-99-99T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00",
          "\ud800", "\x00", "é" * 300, "EGeneral:", "until 9999999999999", "BTCUSDT")  # fmt: skip

JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.sampled_from([0, -1, 10**30, -(10**30), 10**400, 2**63, 1e308, 5e-324, -0.0]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_TEXTS),
    st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [None], {"code": -1003, "msg": []}, [[1] * 9] * 3]),
)

INTEGERS = (0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63), 10**18, 10**30, 253402300800, 10**400)
FLOATS = (0.0, -0.0, -1.5, 1e-320, 1e308, -1e308, 60000.0, 1e16, 0.1)
DECIMALS = ("0", "-0", "0.0", "-1.5", "1" * 30, "0." + "0" * 30 + "1", "1" * 400, "00012",
            "99999999999999999999.99999999999999999999", "9" * 63 + ".9", "60000.00")  # fmt: skip
"""What the schemas accept and no market has."""

Change = Callable[[Any, Any, Any, int], None]
"""Changes the member ``key`` of ``parent``, with junk or by the number of a choice."""


def _replace(parent: Any, key: Any, junk: Any, _chosen: int) -> None:
    parent[key] = junk


def _delete(parent: Any, key: Any, _junk: Any, _chosen: int) -> None:
    del parent[key]


def _repeat(parent: Any, key: Any, junk: Any, _chosen: int) -> None:
    if isinstance(parent, list):
        parent.insert(key, parent[key])
    else:
        parent[f"{key}{key}"] = junk


def _wrap(parent: Any, key: Any, _junk: Any, _chosen: int) -> None:
    parent[key] = [parent[key]]


def _reverse(parent: Any, key: Any, junk: Any, _chosen: int) -> None:
    if isinstance(parent[key], list):
        parent[key].reverse()
    else:
        parent[key] = junk


def _of_its_kind(parent: Any, key: Any, _junk: Any, chosen: int) -> None:
    """Another value that a schema may well accept, so that the checks behind it have their turn."""
    value = parent[key]
    if isinstance(value, list):
        _another_list(value, chosen)
    elif isinstance(value, dict):
        parent[key] = dict(list(value.items())[::-1])
    elif isinstance(value, bool):
        parent[key] = not value
    elif isinstance(value, int):
        parent[key] = INTEGERS[chosen % len(INTEGERS)]
    elif isinstance(value, float):
        parent[key] = FLOATS[chosen % len(FLOATS)]
    elif isinstance(value, str) and value.lstrip("-").replace(".", "", 1).isdigit():
        parent[key] = DECIMALS[chosen % len(DECIMALS)]


def _another_list(rows: list[Any], chosen: int) -> None:
    if chosen % 4 == 0:
        rows.reverse()
    elif chosen % 4 == 1:
        rows.clear()
    elif chosen % 4 == 2:
        rows[:] = rows[:1] * 3
    else:
        rows.extend(copy.deepcopy(rows))


CHANGES: tuple[Change, ...] = (
    *(_of_its_kind for _ in range(8)),
    *(_replace, _delete, _repeat, _wrap, _reverse),
)


def _places(
    node: Any, shape: tuple[Any, ...] = (), parent: Any = None, key: Any = None
) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Every (shape, parent, key) in a document; all rows of a list have one shape."""
    if parent is not None:
        yield shape, parent, key
    if isinstance(node, dict | list):
        members = node.items() if isinstance(node, dict) else enumerate(node)
        for inner, value in members:
            row = isinstance(node, list) and isinstance(value, dict | list)
            yield from _places(value, (*shape, "*" if row else inner), node, inner)


def mutated(document: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """The document after some changes at drawn places."""
    holder = [json.loads(json.dumps(document))]
    for _ in range(draw(st.integers(1, 4))):
        shapes: dict[Any, list[tuple[Any, Any]]] = {}
        for shape, parent, key in _places(holder):
            shapes.setdefault(shape, []).append((parent, key))
        if not shapes:
            break
        parent, key = draw(st.sampled_from(draw(st.sampled_from(list(shapes.values())))))
        draw(st.sampled_from(CHANGES))(
            parent, key, copy.deepcopy(draw(JUNK)), draw(st.integers(0, 59))
        )
    return holder[0] if holder else None


def spoilt(body: bytes, draw: Callable[[st.SearchStrategy[Any]], Any]) -> bytes:
    """The bytes after some damage."""
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(body)))
        to = draw(st.integers(at, min(at + 40, len(body))))
        bits = (b'"', b"}", b"\xff", b"\x00", b"[" * 2000, b"NaN", b"1e5", b"\\ud800", b"9" * 5000)
        body = body[:at] + draw(st.one_of(st.binary(max_size=6), st.sampled_from(bits))) + body[to:]
    return body


STATUSES = st.sampled_from([*([200] * 30), 201, 204, 302, 400, 403, 418, 429, 503])
_WHOLE = st.sampled_from([True, True, True, False])


@st.composite
def bodies(draw: Any) -> Body:
    """An answer of some target that went wrong in its document, its bytes or its status."""
    target = draw(st.sampled_from(sorted(healthy())))
    document = mutated(healthy()[target], draw)
    text = json.dumps(document, ensure_ascii=draw(st.booleans()))
    body = text.encode("utf-8", "surrogatepass")
    if not draw(_WHOLE):
        body = spoilt(body, draw)
    return target, draw(STATUSES), body


_NUMBER_HEADERS = st.sampled_from([*_NUMBERS, "Fri, 99 Foo 2026 00:00:00 GMT", "30", "1e3"])


def headers() -> st.SearchStrategy[dict[str, str]]:
    """Usage headers and Retry-After with junk in them."""
    names = {"retry-after"}
    for limit in plan().limits.values():
        told = limit.headers
        names |= {name for name in (told.used, told.remaining, told.limit, told.reset) if name}
    return st.dictionaries(st.sampled_from(sorted(names)), _NUMBER_HEADERS, max_size=3)


def fuzz(count: int) -> int:
    """Judge so many bodies; the smallest one that anything escapes from is kept. Returns how many
    were judged."""
    judged = 0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(bodies(), headers())
    def attempt(answer: Body, told: dict[str, str]) -> None:
        nonlocal judged
        judged += 1
        try:
            wrong = any(is_our_fault(result) for result in judge_body(*answer, told))
        except Exception:
            keep(answer)
            raise
        if wrong:
            keep(answer)
            raise AssertionError(answer)

    try:
        attempt()
    except Exception as error:
        sys.stdout.write(f"{error!r}\n")
    return judged


def keep(answer: Body) -> None:
    """Write a sample; Hypothesis shrinks, so the last one written by a process is the smallest."""
    target, status, body = answer
    name = f"{target.replace('/', '.')}.{status}.{os.getpid()}.body"
    (SAMPLES / name).write_bytes(body)


def samples() -> list[tuple[str, Body]]:
    """The kept samples by file name: ``TARGET.STATUS.NUMBER.body``, dots for slashes."""
    found = []
    for file in sorted(SAMPLES.glob("*.body")):
        target, status, _, _ = file.name.rsplit(".", 3)
        found.append((file.name, (target.replace(".", "/"), int(status), file.read_bytes())))
    return found


def main() -> None:
    count, workers = int(sys.argv[1]), os.cpu_count() or 1
    rounds = max(1, count // 5000)  # Hypothesis slows down over long runs
    began = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        judged = sum(pool.map(fuzz, [-(-count // rounds)] * rounds))
    sys.stdout.write(f"{judged} bodies in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
