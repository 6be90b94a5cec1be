"""What the faults do to facts, documents and replies. One table for each kind, name → function."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.simulator.faults import ActiveFault
from exporter.simulator.market import SEQUENCE_PER_STEP, STEPS_PER_SECOND, Level, Snapshot


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is sent. Header names are as they go on the wire. A refusal ends at
    ``until`` (unix seconds); 0 for anything else."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    content_type: str = "application/json"
    until: float = 0.0


def _moved(facts: Snapshot, seconds: float) -> Snapshot:
    """All times later by ``seconds``; candles by whole minutes, so that they stay aligned."""
    minutes = seconds // 60 * 60
    return replace(
        facts,
        time=facts.time + seconds,
        trades=tuple(t._replace(time=t.time + seconds) for t in facts.trades),
        klines=tuple(k._replace(time=k.time + minutes) for k in facts.klines),
    )


def _scaled(facts: Snapshot, factor: float) -> Snapshot:
    """All prices times ``factor``."""

    def side(levels: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple((price * factor, size) for price, size in levels)

    return replace(
        facts,
        last=facts.last * factor,
        open=facts.open * factor,
        high=facts.high * factor,
        low=facts.low * factor,
        bid=(facts.bid[0] * factor, facts.bid[1]),
        ask=(facts.ask[0] * factor, facts.ask[1]),
        bids=side(facts.bids),
        asks=side(facts.asks),
        trades=tuple(t._replace(price=t.price * factor) for t in facts.trades),
        klines=tuple(
            k._replace(
                open=k.open * factor,
                high=k.high * factor,
                low=k.low * factor,
                close=k.close * factor,
            )
            for k in facts.klines
        ),
    )


def _lifted_bids(facts: Snapshot, spreads: float) -> Snapshot:
    by = (facts.ask[0] - facts.bid[0]) * spreads
    return replace(
        facts,
        bid=(facts.bid[0] + by, facts.bid[1]),
        bids=tuple((price + by, size) for price, size in facts.bids),
    )


def _unsorted(facts: Snapshot) -> Snapshot:
    return replace(
        facts,
        bids=facts.bids[::-1],
        asks=facts.asks[::-1],
        trades=facts.trades[1:] + facts.trades[:1],
        klines=facts.klines[1:] + facts.klines[:1],
    )


def _sized(facts: Snapshot, factor: float) -> Snapshot:
    """All sizes times ``factor``."""
    return replace(
        facts,
        bid=(facts.bid[0], facts.bid[1] * factor),
        ask=(facts.ask[0], facts.ask[1] * factor),
        bids=tuple((price, size * factor) for price, size in facts.bids),
        asks=tuple((price, size * factor) for price, size in facts.asks),
        trades=tuple(t._replace(size=t.size * factor) for t in facts.trades),
        klines=tuple(k._replace(volume=k.volume * factor) for k in facts.klines),
    )


def _few_levels(facts: Snapshot, count: int) -> Snapshot:
    return replace(facts, bids=facts.bids[:count], asks=facts.asks[:count])


def _empty_side(facts: Snapshot, fault: ActiveFault) -> Snapshot:
    if fault.values["side"] == "bids":
        return replace(facts, bids=(), bid=(0.0, 0.0))
    return replace(facts, asks=(), ask=(0.0, 0.0))


def _sequence_back(facts: Snapshot, fault: ActiveFault) -> Snapshot:
    """Mirror the sequence at the time the fault began: it falls as fast as it used to grow."""
    back = 2 * (1 + int(max(0.0, facts.time - fault.since) * STEPS_PER_SECOND))
    return replace(
        facts,
        sequence=facts.sequence - back * SEQUENCE_PER_STEP,
        update_id=facts.update_id - back,
    )


FACTS: Mapping[str, Callable[[Snapshot, ActiveFault], Snapshot]] = {
    "stale": lambda facts, f: _moved(facts, f.since - f.number("seconds") - facts.time),
    "future": lambda facts, f: _moved(facts, f.number("seconds")),
    "crossed": lambda facts, _: _lifted_bids(facts, 2.0),
    "locked": lambda facts, _: _lifted_bids(facts, 1.0),
    "unsorted": lambda facts, _: _unsorted(facts),
    "negative_price": lambda facts, _: _scaled(facts, -1.0),
    "zero_price": lambda facts, _: _scaled(facts, 0.0),
    "negative_size": lambda facts, _: _sized(facts, -1.0),
    "zero_size": lambda facts, _: _sized(facts, 0.0),
    "empty_side": _empty_side,
    "few_levels": lambda facts, f: _few_levels(facts, int(f.number("levels"))),
    "nan": lambda facts, f: _scaled(facts, float(f.values["value"])),
    "price_jump": lambda facts, f: _scaled(facts, 1.0 + f.number("percent") / 100),
    "sequence_back": _sequence_back,
}


def _without(node: Any, field: str) -> Any:
    if isinstance(node, dict):
        return {key: _without(value, field) for key, value in node.items() if key != field}
    if isinstance(node, list):
        return [_without(item, field) for item in node]
    return node


def _replaced(node: Any, field: str, by: Any) -> Any:
    if isinstance(node, dict):
        return {k: by if k == field else _replaced(v, field, by) for k, v in node.items()}
    if isinstance(node, list):
        return [_replaced(item, field, by) for item in node]
    return node


def _rows_changed(node: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """For documents of bare rows, where no field has a name: change every innermost list."""
    if isinstance(node, dict):
        return {key: _rows_changed(value, change) for key, value in node.items()}
    if isinstance(node, list) and any(isinstance(item, list | dict) for item in node):
        return [_rows_changed(item, change) for item in node]
    return change(node) if isinstance(node, list) else node


def _missing_field(document: Any, field: str) -> Any:
    return _without(document, field) if field else _rows_changed(document, lambda row: row[:1])


def _overwritten(document: Any, field: str, by: Any) -> Any:
    """The field, or else all values of all rows, or else the document itself replaced."""
    if field:
        return _replaced(document, field, by)
    changed = _rows_changed(document, lambda row: [by for _ in row])
    return by if changed == document else changed


DOCUMENT: Mapping[str, Callable[[Any, str, ActiveFault], Any]] = {
    "missing_field": lambda document, field, _: _missing_field(document, field),
    "wrong_type": lambda document, field, _: _overwritten(document, field, [None]),
    "bare_nan": lambda document, field, f: _overwritten(document, field, float(f.values["value"])),
}
"""Document, the name of a field (empty: it has none to break) and fault → document."""

_TAIL_EXPONENT = 1.5
_LONGEST_DELAY_MS = 600_000.0

_PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"
_FIRST_KEY = re.compile(rb'\{("(?:[^"\\]|\\.)*"):')


def _page(reply: Reply, status: int, text: bytes) -> Reply:
    return replace(reply, status=status, body=_PAGE % (text, text), content_type="text/html")


def _redirected(reply: Reply, fault: ActiveFault) -> Reply:
    headers = {**reply.headers, "Location": str(fault.values["to"])}
    return replace(reply, status=302, headers=headers, body=b"")


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def _not_utf8(body: bytes) -> bytes:
    """Bytes that are no UTF-8 in the first text of a body that is otherwise well-formed."""
    return body.replace(b'"', b'"\xff\xfe', 1) if b'"' in body else b'"\xff\xfe"'


REPLY: Mapping[str, Callable[[Reply, ActiveFault, Any], Reply]] = {
    "status_500": lambda reply, _f, _k: _page(reply, 500, b"Internal Server Error"),
    "status_503": lambda reply, _f, _k: _page(reply, 503, b"Service Temporarily Unavailable"),
    "waf": lambda reply, _f, _k: _page(reply, 403, b"Sorry, you have been blocked"),
    "html": lambda reply, _f, _k: _page(reply, 200, b"We are down for maintenance"),
    "empty": lambda reply, _f, _k: replace(reply, body=b""),
    "cut": lambda reply, _f, _k: replace(reply, body=reply.body[: len(reply.body) // 2]),
    "deep_json": lambda reply, f, _k: replace(reply, body=_nested(int(f.number("depth")))),
    "invalid_utf8": lambda reply, _f, _k: replace(reply, body=_not_utf8(reply.body)),
    "duplicate_keys": lambda reply, _f, _k: replace(
        reply, body=_FIRST_KEY.sub(rb"{\1:null,\1:", reply.body, count=1)
    ),
    "frozen": lambda reply, f, key: replace(reply, body=f.memory.setdefault(key, reply.body)),
    "redirect": lambda reply, f, _k: _redirected(reply, f),
}
"""Reply, fault and what identifies the question → reply."""


def delay(fault: ActiveFault, chance: random.Random) -> float:
    """Seconds by which the fault ``latency`` holds one answer back."""
    tail = math.pow(1.0 - chance.random(), -1 / _TAIL_EXPONENT) - 1.0
    ms = fault.number("ms") + fault.number("jitter_ms") * chance.random()
    return min(ms + fault.number("tail_ms") * tail, _LONGEST_DELAY_MS) / 1000
