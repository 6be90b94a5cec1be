"""The verdict matrix of streams: every fault of the simulator on every exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter.simulator.stream_faults import STREAM_FAULTS
from tests.runner.virtual import run
from tests.simulator.streaming import EXCHANGES, plan

from .simulated import SimulatedWorld

HEALTHY = 10.0
"""Seconds without a fault before it comes."""


@dataclass(frozen=True)
class Row:
    """What the monitor must say within ``seconds`` of a fault on the book.

    ``verdict`` is a reason, or "" for a stream that must never count as failing. ``counter`` grows.
    ``but`` names the exchanges whose verdict differs.
    """

    fault: str
    verdict: str
    counter: str = ""
    seconds: float = 60.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    but: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.fault}({shown})"


# The books of these carry no ids that tell what is missing, or none at all.
_UNSEEN_GAP = {"kraken": "", "coinbase": "", "bybit": ""}
_NO_IDS = {"kraken": "", "coinbase": ""}
# These announce a shutdown; the others just close.
_ANNOUNCED = {"binance": "", "okx": ""}

ROWS = (
    Row("stream_refused", "http_error", parameters={"status": 503}),
    Row("stream_refused", "rate_limited", parameters={"status": 429}),
    Row("stream_no_ack", "timeout"),
    Row("stream_no_data", "stale_data", seconds=120.0),
    Row("stream_silent", "stale_data", seconds=120.0),
    Row("stream_close", "disconnected", parameters={"code": "1001", "seconds": 10.0}),
    Row("stream_close", "disconnected", parameters={"code": "1006", "seconds": 10.0}),
    Row("stream_close", "disconnected", parameters={"code": "1008", "seconds": 10.0}),
    Row("stream_close", "disconnected", parameters={"code": "1013", "seconds": 10.0}),
    Row("stream_no_pong", "timeout", seconds=150.0),
    Row("stream_gap", "invalid_data", "gaps", but=_UNSEEN_GAP),
    Row("stream_duplicate", "", "duplicates"),
    Row("stream_out_of_order", "invalid_data", "out_of_order", but=_NO_IDS),
    Row("stream_lag", "stale_data"),
    Row("stream_burst", "", seconds=1.0, parameters={"rate": 5000}),
    Row("stream_garbage", "malformed", "malformed", parameters={"form": "text"}),
    Row("stream_garbage", "malformed", "malformed", parameters={"form": "binary"}),
    Row("stream_garbage", "malformed", "malformed", parameters={"form": "cut"}),
    Row("stream_garbage", "malformed", "malformed", parameters={"form": "nested"}),
    Row("stream_garbage", "", "unmatched", parameters={"form": "number"}),
    Row("stream_oversize", "too_large", "oversize"),
    Row("stream_shutdown", "disconnected", seconds=90.0, but=_ANNOUNCED),
    Row("stream_reset", ""),
    Row("stream_keepalive", ""),
    Row("stream_maintenance", "stale_data", seconds=120.0, but={"kraken": "maintenance"}),
)
CASES = [
    pytest.param(row, exchange, id=f"{row}-{exchange}") for row in ROWS for exchange in EXCHANGES
]
RECONNECTS_ONLY = ("stream_no_ack", "stream_refused")
"""Faults that only a connection meets that is opened after them."""


def test_every_fault_has_a_row() -> None:
    """A new fault needs a verdict."""
    assert {row.fault for row in ROWS} == STREAM_FAULTS.keys()


@pytest.mark.parametrize(("row", "exchange"), CASES)
def test_a_fault_gets_its_verdict(row: Row, exchange: str) -> None:
    """Healthy first, and then failing for that reason and counted, or not failing at all."""

    async def test() -> None:
        async with SimulatedWorld(exchange, "book") as world:
            if row.fault in RECONNECTS_ONLY:
                world.exchange.set_fault(row.fault, **row.parameters)
            else:
                assert await world.reasons(HEALTHY) == {""}
                world.exchange.set_fault(row.fault, **row.parameters)
            before = world.stream()
            expected = row.but.get(exchange, row.verdict)
            seen = await world.reasons(row.seconds, until=expected or None)
            after = world.stream()
        assert expected in seen
        assert expected or seen == {""}
        counted = row.counter and plan(exchange, "book").channels[0].sequence
        if expected and counted:
            assert getattr(after, row.counter) > getattr(before, row.counter)

    run(test())
