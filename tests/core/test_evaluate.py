"""From observation to result: precedence, gates, memory, and no exception ever."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.evaluate import judge
from exporter.core.memory import Memory
from exporter.core.model import Failure, Observation, Reason
from exporter.core.plan import Fields, Meaning, TargetPlan
from exporter.core.result import Facts
from exporter.core.skew import Sample, Skew
from tests.core import samples
from tests.core.samples import NOW, answer, failed, judged, plan

PLANS = {
    "depth": (plan(samples.DEPTH, "depth"), samples.depth()),
    "ticker": (plan(samples.TICKER, "ticker"), samples.ticker()),
    "trades": (plan(samples.TRADES, "trades"), samples.trade_list()),
    "klines": (plan(samples.KLINES, "klines"), samples.kline_list()),
    "time": (plan(samples.TIME, "time"), {"serverTime": int(NOW * 1000)}),
    "status": (plan(samples.STATUS, "status"), {"status": 0}),
    "price": (plan(samples.LAST, "price"), {"price": "100"}),
}
every_endpoint = pytest.mark.parametrize("endpoint", PLANS)


@every_endpoint
def test_a_good_answer_passes_every_check(endpoint: str) -> None:
    """All checks that apply are judged, and none fails."""
    target, body = PLANS[endpoint]

    result = judged(body, target).result

    assert result.ok
    assert tuple(verdict.check for verdict in result.verdicts) == target.checks


def test_an_attempt_that_failed_is_not_judged() -> None:
    """There is nothing to judge, and nothing to learn."""
    failure = Failure(Reason.TIMEOUT, "no answer within 5 s")
    memory, skew = samples.price_memory("1"), Skew()

    judgement = judge(Observation(5.0, failure=failure), PLANS["depth"][0], memory, skew, NOW)

    assert (judgement.result.failure, judgement.result.verdicts) == (failure, ())
    assert (judgement.memory, judgement.skew) == (memory, skew)


@pytest.mark.parametrize(
    ("body", "status", "judged_checks", "reason"),
    [
        pytest.param(b"{", 200, "json", Reason.MALFORMED, id="not JSON"),
        pytest.param(b"<html>", 503, "json envelope", Reason.HTTP_ERROR, id="page with 503"),
        pytest.param({"code": -1, "msg": "?"}, 200, "json envelope", Reason.API_ERROR, id="error"),
        pytest.param({"code": -1003, "msg": "!"}, 429, "json envelope", Reason.RATE_LIMITED,
                     id="rate limit"),
        pytest.param({"x": 1}, 200, "json envelope schema", Reason.INVALID_DATA, id="schema"),
    ],
)  # fmt: skip
def test_nothing_is_judged_beyond_a_gate(
    body: object, status: int, judged_checks: str, reason: Reason
) -> None:
    """Checks of data that were not read are absent, not passed."""
    target = plan(samples.DEPTH, payload_error=lambda body: None if "bids" in body else "no bids")

    result = judged(body, target, status=status).result

    assert " ".join(verdict.check for verdict in result.verdicts) == judged_checks
    assert result.failure is not None
    assert (result.failure.reason, result.facts) == (reason, Facts())


def test_the_first_failing_check_names_the_reason() -> None:
    """All are told, one leads."""
    body = samples.ticker(age=100, symbol="ETHUSDT", bidPrice="200")

    judgement = judged(body, PLANS["ticker"][0])

    assert failed(judgement) == {
        "symbol": "invalid_data", "quote": "invalid_data", "freshness": "stale_data",
    }  # fmt: skip
    assert judgement.result.failure is not None
    assert judgement.result.failure.detail == "asked for BTCUSDT, answered about ETHUSDT"


def test_the_error_of_the_provider_is_handed_on() -> None:
    """The limiter needs to know of bans."""
    body = {"code": -1003, "msg": f"IP banned until {int((NOW + 60) * 1000)}."}

    error = judged(body, PLANS["depth"][0], status=418).result.error

    assert error is not None
    assert (error.meaning, error.until) == (Meaning.BANNED, NOW + 60)


def test_a_bug_in_a_check_is_not_blamed_on_the_exchange() -> None:
    """Nor on the other checks, which are judged all the same."""
    target = replace(PLANS["depth"][0], parameters={"book": {}})  # lacks what the check needs

    judgement = judged(samples.depth(), target)

    assert failed(judgement) == {"book": "internal_error"}
    assert judgement.result.verdicts[-1].check == "unchanged"
    assert judgement.memory.price is None


def test_a_bug_while_reading_is_a_result_too() -> None:
    """A scrape must not end because of one target."""

    def broken(_: object) -> str | None:
        raise KeyError("bug")

    judgement = judged({}, plan(samples.DEPTH, payload_error=broken))

    assert judgement.result.failure == Failure(Reason.INTERNAL_ERROR, "KeyError: 'bug'")


def test_facts_are_what_the_payload_said() -> None:
    """A crossed book is published beside its verdict."""
    body = samples.depth(bids=[["101", "1"]], asks=[["100", "1"], ["102", "1"]])

    result = judged(body, PLANS["depth"][0]).result

    assert not result.ok
    assert result.facts == Facts(
        price=Decimal("100.5"), bid=Decimal(101), ask=Decimal(100), bid_levels=1, ask_levels=2,
        sequence=7, unchanged=0.0,
    )  # fmt: skip


def test_the_clock_skew_is_published_and_learnt_from_the_time_endpoint_only() -> None:
    """A ticker's time is the age of its data."""
    time = judged({"serverTime": int((NOW + 1) * 1000)}, PLANS["time"][0])
    ticker = judged(samples.ticker(), PLANS["ticker"][0])

    assert time.result.facts.clock_skew == pytest.approx(1.0505)
    assert time.skew.offset(NOW) == pytest.approx(1.0505)
    assert (ticker.result.facts.clock_skew, ticker.skew) == (None, Skew())


def test_freshness_is_by_the_learnt_clock() -> None:
    """Ours is 40 s ahead here, which must not make their data look stale."""
    skew = Skew(believed=(Sample(NOW, -40.0, 0.01),))
    body = samples.ticker(age=41.0)

    assert failed(judged(body, PLANS["ticker"][0])) == {"freshness": "stale_data"}
    fresh = judged(body, PLANS["ticker"][0], skew=skew)
    assert failed(fresh) == {}
    assert fresh.result.facts.payload_age == pytest.approx(1.0)


def test_a_frozen_server_time_does_not_make_stale_data_look_fresh() -> None:
    """A proxy that caches everything: the time stands still beside the data."""
    skew, memory, ticker_memory = Skew(), Memory(), Memory()
    for n in range(20):
        at = NOW + 10 * n
        time = judged({"serverTime": int(NOW * 1000)}, PLANS["time"][0], memory, skew, at)
        skew, memory = time.skew, time.memory
        ticker = judged(samples.ticker(), PLANS["ticker"][0], ticker_memory, skew, at)
        ticker_memory = ticker.memory
        assert ("clock_skew" in failed(time)) == (n > 0)
        assert ("freshness" in failed(ticker)) == (n > 2)
        assert ("unchanged" in failed(ticker)) == (n > 12)


def test_a_sequence_that_steps_back_fails_once() -> None:
    """The lower number is the new baseline."""
    memory, seen = Memory(), []
    for sequence in (10, 11, 5, 6, 6, 4):
        judgement = judged(samples.depth(sequence=sequence), PLANS["depth"][0], memory)
        memory = judgement.memory
        seen.append("sequence" in failed(judgement))

    assert seen == [False, False, True, False, False, True]


def test_bad_data_are_never_learnt() -> None:
    """Neither the levels, nor the price, nor the sequence of a book that cannot be."""
    good = judged(samples.depth(), PLANS["depth"][0]).memory
    crossed = samples.depth(bids=[["110", "1"]] * 90, sequence=999)

    assert judged(crossed, PLANS["depth"][0], good, at=NOW + 1).memory == good
    assert judged(b"{", PLANS["depth"][0], good, at=NOW + 1).memory == good


def test_stale_data_are_no_baseline() -> None:
    """The price of an hour ago says nothing about the next one."""
    good = judged(samples.ticker("100"), PLANS["ticker"][0]).memory

    assert judged(samples.ticker("99", age=3600), PLANS["ticker"][0], good).memory == good


def test_a_refused_price_leaves_the_baseline_alone() -> None:
    """It is remembered as a suspect only."""
    good = judged({"price": "100"}, PLANS["price"][0]).memory

    memory = judged({"price": "500"}, PLANS["price"][0], good).memory

    assert (memory.price, memory.suspects) == (Decimal(100), (Decimal(500),))


def test_a_random_walk_of_valid_answers_is_never_refused() -> None:
    """An hour of a living market, with jitter, on every endpoint."""
    walk, price, sequence = random.Random(7), 10_000, 0
    memories = {endpoint: Memory() for endpoint in PLANS}
    skew = Skew()
    for n in range(360):
        at = NOW + 10 * n + walk.random()
        price += walk.randrange(-50, 51)
        sequence += walk.randrange(3)
        bodies = _market(walk, at, price, sequence)
        for endpoint, (target, _) in PLANS.items():
            judgement = judged(bodies[endpoint], target, memories[endpoint], skew, at)
            assert failed(judgement) == {}, (endpoint, n)
            memories[endpoint], skew = judgement.memory, judgement.skew


def _market(walk: random.Random, at: float, price: int, sequence: int) -> dict[str, Any]:
    """The answers of all endpoints at one moment; the price counts in hundredths."""
    levels = range(walk.randrange(5, 20))
    bids = [[f"{(price - 1 - n) / 100:.2f}", "1.5"] for n in levels]
    asks = [[f"{(price + 1 + n) / 100:.2f}", "0.5"] for n in levels]
    ticker = {
        "symbol": "BTCUSDT", "lastPrice": f"{price / 100:.2f}", "bidPrice": bids[0][0],
        "askPrice": asks[0][0], "closeTime": int((at - walk.random() * 5) * 1000),
    }  # fmt: skip
    return {
        "depth": samples.depth(bids, asks, sequence),
        "ticker": ticker,
        "trades": samples.trade_list(walk.randrange(1, 30), at - walk.random() * 20),
        "klines": samples.kline_list(walk.randrange(1, 30), at // 60 * 60),
        "time": {"serverTime": int((at - 0.05 * walk.random()) * 1000)},
        "status": {"status": 0},
        "price": {"price": f"{price / 100:.2f}"},
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["1e999", "NaN", "-0", "\ud800", "1_0", "9" * 70, 10**50, -1, "0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def _mutated(node: Any, draw: st.DrawFn) -> Any:
    """The document with one node somewhere replaced, removed or repeated."""
    if not isinstance(node, dict | list | tuple) or not node or draw(st.integers(0, 4)) == 0:
        return draw(json_values)
    if isinstance(node, dict):
        key = draw(st.sampled_from(sorted(node)))
        return node | {key: _mutated(node[key], draw)}
    at = draw(st.integers(0, len(node) - 1))
    change = [_mutated(node[at], draw)] * draw(st.integers(0, 2))
    return [*node[:at], *change, *node[at + 1 :]]


@st.composite
def hostile_bodies(draw: st.DrawFn) -> tuple[TargetPlan, bytes]:
    target, body = PLANS[draw(st.sampled_from(sorted(PLANS)))]
    raw = json.dumps(_mutated(body, draw)).encode()
    if draw(st.booleans()):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=4)) + raw[at + draw(st.integers(0, 4)) :]
    return target, raw


@settings(max_examples=400)
@given(
    hostile_bodies(),
    st.sampled_from([200, 204, 302, 400, 418, 429, 503]),
    st.builds(
        Memory,
        price=st.sampled_from([None, Decimal(100)]),
        price_at=st.just(NOW),
        sequence=st.sampled_from([None, 10**9]),
        bid_levels=st.sampled_from([None, 1000]),
        ask_levels=st.sampled_from([None, 1000]),
        levels_at=st.just(NOW),
    ),
)
def test_no_body_raises_or_is_blamed_on_us(
    hostile: tuple[TargetPlan, bytes], status: int, memory: Memory
) -> None:
    """Whatever an exchange sends is judged, in bounded words."""
    target, body = hostile

    result = judged(body, target, memory, status=status).result

    assert result.ok == all(verdict.ok for verdict in result.verdicts)
    for verdict in result.verdicts:
        assert verdict.failure is None or verdict.failure.reason is not Reason.INTERNAL_ERROR
        assert verdict.failure is None or len(verdict.failure.detail) <= 400


@given(st.binary(max_size=60))
def test_no_bytes_raise(body: bytes) -> None:
    """Nor does garbage."""
    for target, _ in PLANS.values():
        result = judge(answer(body), target, Memory(), Skew(), NOW).result

        assert result.failure is None or result.failure.reason is not Reason.INTERNAL_ERROR


def test_an_answer_without_time_stamps_is_judged() -> None:
    """A message of a stream has no request before it."""
    observation = Observation(0.0, body=json.dumps(samples.ticker()).encode())

    assert judge(observation, PLANS["ticker"][0], Memory(), Skew(), NOW).result.ok


def test_an_endpoint_without_data_is_judged_by_its_answer() -> None:
    """A ping is an empty object."""
    assert judged({}, plan(Fields(), "ping")).result.ok
