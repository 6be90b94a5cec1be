"""What was last accepted of one target: the baselines of the checks that compare with the past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from exporter.core.model import Verdict
from exporter.core.reading import Reading

MAX_SUSPECTS = 20
"""How many refused prices are kept."""

_DISQUALIFYING = frozenset(
    {"json", "envelope", "schema", "symbol", "book", "quote", "trades", "klines", "freshness"}
)


@dataclass(frozen=True, slots=True)
class Memory:
    """Baselines of one target. Times are unix seconds, by our clock except ``server_time``.

    ``suspects`` are the prices refused since ``price`` was accepted, newest last. ``data`` are
    the market data, the same since ``unchanged_since``.
    """

    price: Decimal | None = None
    price_at: float = 0.0
    suspects: tuple[Decimal, ...] = ()
    bid_levels: int | None = None
    ask_levels: int | None = None
    levels_at: float = 0.0
    sequence: int | None = None
    data: tuple[object, ...] | None = None
    unchanged_since: float = 0.0
    server_time: float | None = None
    server_time_at: float = 0.0


def remember(memory: Memory, reading: Reading, verdicts: Iterable[Verdict], now: float) -> Memory:
    """The memory after one judged answer. Bad data are never learnt.

    A sequence that went back is learnt, so that a provider's restart is one failure and not an
    endless one.
    """
    failed = {verdict.check for verdict in verdicts if not verdict.ok}
    if failed & _DISQUALIFYING:
        return memory
    return replace(
        memory,
        sequence=memory.sequence if reading.sequence is None else reading.sequence,
        data=reading.data,
        unchanged_since=unchanged_since(memory, reading, now),
        **_price(memory, reading, "price" not in failed, now),
        **_levels(reading, now),
        **_server_time(reading, "clock_skew" not in failed, now),
    )


def _price(memory: Memory, reading: Reading, accepted: bool, now: float) -> dict[str, Any]:
    if reading.price is None:
        return {}
    if accepted:
        return {"price": reading.price, "price_at": now, "suspects": ()}
    return {"suspects": (*memory.suspects, reading.price)[-MAX_SUSPECTS:]}


def _levels(reading: Reading, now: float) -> dict[str, Any]:
    bids, asks = reading.bids, reading.asks
    if bids is None or asks is None:
        return {}
    return {"bid_levels": bids.count, "ask_levels": asks.count, "levels_at": now}


def _server_time(reading: Reading, accepted: bool, now: float) -> dict[str, Any]:
    if reading.server_time is None or not accepted:
        return {}
    return {"server_time": reading.server_time, "server_time_at": now}


def unchanged_since(memory: Memory, reading: Reading, now: float) -> float:
    """The unix time since which the market data have been what this reading says."""
    same = reading.data is not None and reading.data == memory.data
    return memory.unchanged_since if same else now
