"""Snapshot ⇄ a JSON document, strict on the way in.

{"version": 1,
 "buckets": [{"key", "spent": [[unix, units], …], "advertised", "observed"}, …],
 "blocks": [{"scope", "exchange", "endpoint", "account", "until", "reason", "count"}, …],
 "circuits": [{"exchange", "host", "openings", "retry_at"}, …]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn, TypeVar

from exporter.core.breaker import CircuitState
from exporter.core.bucket import BucketState, Observed
from exporter.core.limits import BlockState, LimiterState
from exporter.core.model import Reason
from exporter.core.plan import Scope
from exporter.state.store import Snapshot

VERSION = 1

_T = TypeVar("_T")


def encode(snapshot: Snapshot) -> bytes:
    """The document as UTF-8. Raises ValueError when a number is not finite."""
    document = {
        "version": VERSION,
        "buckets": [asdict(bucket) for bucket in snapshot.limiter.buckets],
        "blocks": [asdict(block) for block in snapshot.limiter.blocks],
        "circuits": [asdict(circuit) for circuit in snapshot.circuits],
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def decode(text: bytes) -> Snapshot:
    """The snapshot in a document. Raises ValueError, and nothing else, on any other input."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    found = document.get("version") if isinstance(document, dict) else None
    if type(found) is not int or found != VERSION:
        raise ValueError(f"expected a document of version {VERSION}")
    fields = _fields(document, "version", "buckets", "blocks", "circuits")
    return Snapshot(
        LimiterState(_all(fields["buckets"], _bucket), _all(fields["blocks"], _block)),
        _all(fields["circuits"], _circuit),
    )


def _bucket(value: object) -> BucketState:
    fields = _fields(value, "key", "spent", "advertised", "observed")
    return BucketState(
        _text(fields["key"]),
        _all(fields["spent"], _spent),
        _optional(fields["advertised"], _positive),
        _optional(fields["observed"], _observed),
    )


def _spent(value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("expected [unix seconds, units]")
    return _number(value[0]), _number(value[1])


def _observed(value: object) -> Observed:
    fields = _fields(value, "used", "limit", "until")
    return Observed(_number(fields["used"]), _positive(fields["limit"]), _number(fields["until"]))


def _block(value: object) -> BlockState:
    names = ("scope", "exchange", "endpoint", "account", "until", "reason", "count")
    fields = _fields(value, *names)
    return BlockState(
        scope=Scope(_text(fields["scope"])),
        exchange=_text(fields["exchange"]),
        endpoint=_text(fields["endpoint"]),
        account=_text(fields["account"]),
        until=_number(fields["until"]),
        reason=Reason(_text(fields["reason"])),
        count=_count(fields["count"]),
    )


def _circuit(value: object) -> CircuitState:
    fields = _fields(value, "exchange", "host", "openings", "retry_at")
    return CircuitState(
        _text(fields["exchange"]),
        _text(fields["host"]),
        _count(fields["openings"]),
        _number(fields["retry_at"]),
    )


def _fields(value: object, *names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise ValueError(f"expected an object of {', '.join(names)}")
    return value


def _all(value: object, read: Callable[[object], _T]) -> tuple[_T, ...]:
    if not isinstance(value, list):
        raise ValueError("expected a list")
    return tuple(read(each) for each in value)


def _optional(value: object, read: Callable[[object], _T]) -> _T | None:
    return None if value is None else read(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def _number(value: object) -> float:
    """A finite number that is not negative; no time or amount in here is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number")
    if not 0 <= value < math.inf or value > 1e15:
        raise ValueError("number out of range")
    return float(value)


def _positive(value: object) -> float:
    number = _number(value)
    if number == 0.0:
        raise ValueError("expected a positive number")
    return number


def _count(value: object) -> int:
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise ValueError("expected a count")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
