"""The table of faults and the reading of requests for them."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.simulator.distort import DOCUMENT, FACTS, REPLY
from exporter.simulator.faults import FAULTS, FaultError, Kind, read_faults
from exporter.simulator.wire import WIRE

ENDPOINTS: dict[str, dict[str, None]] = {"okx": {"depth": None, "time": None}, "kraken": {}}


@pytest.mark.parametrize(
    ("kind", "implemented"),
    [
        (Kind.FACTS, set(FACTS)),
        (Kind.DOCUMENT, set(DOCUMENT)),
        (Kind.REPLY, set(REPLY)),
        (Kind.WIRE, {*WIRE, "latency"}),
    ],
)
def test_every_fault_has_an_implementation(kind: Kind, implemented: set[str]) -> None:
    """The tables of functions and the table of faults name the same."""
    assert {name for name, fault in FAULTS.items() if fault.kind is kind} == implemented


def test_defaults_satisfy_their_own_bounds() -> None:
    """A fault needs no parameters."""
    for fault in FAULTS.values():
        assert not any(p.problem(p.default) for p in fault.parameters.values())


def test_read_fault_keeps_place_and_parameters() -> None:
    """What was asked for can be read back and asked for again."""
    request = [{"exchange": "okx", "endpoint": "depth", "fault": "stale", "seconds": 90}]
    (fault,) = read_faults(request, ENDPOINTS, 5.0)
    assert fault.document() == request[0]
    assert fault.since == 5.0


def test_defaults_are_filled_in() -> None:
    """Parameters left out have their defaults."""
    (fault,) = read_faults([{"exchange": "kraken", "fault": "latency"}], ENDPOINTS, 0.0)
    assert fault.document() == {"exchange": "kraken", "fault": "latency", "ms": 1000.0}


OKX = {"exchange": "okx"}
NONSENSE: list[tuple[Any, str]] = [
    ({}, "$: must be a list"),
    (["x"] * 501, "$: more than 500 faults"),
    (["x"], "$[0]: must be an object"),
    ([{"fault": "hang"}], "$[0].exchange: must be one of okx, kraken"),
    ([{"exchange": ["okx"], "fault": "hang"}], "$[0].exchange: must be one of"),
    ([{**OKX, "endpoint": "x", "fault": "hang"}], "$[0].endpoint: must be one of depth, time"),
    ([{**OKX, "endpoint": {}, "fault": "hang"}], "$[0].endpoint: must be one of"),
    ([OKX], "$[0].fault: must be one of latency"),
    ([{**OKX, "fault": "hang", "ms": 1}], "$[0].ms: hang has no such parameter (it has seconds)"),
    ([{**OKX, "fault": "drop", "ms": 1}], "$[0].ms: drop has no such parameter (it has none)"),
    ([{**OKX, "fault": "hang", "seconds": "1"}], "$[0].seconds: must be a number"),
    ([{**OKX, "fault": "hang", "seconds": True}], "$[0].seconds: must be a number"),
    ([{**OKX, "fault": "hang", "seconds": -1}], "$[0].seconds: must be between 0 and 86400"),
    ([{**OKX, "fault": "hang", "seconds": float("nan")}], "$[0].seconds: must be between"),
    ([{**OKX, "fault": "empty_side", "side": "c"}], "$[0].side: must be one of bids, asks"),
    ([{**OKX, "fault": "redirect", "to": "http://a/\r\nb: c"}], "$[0].to: must be a text like"),
    ([{**OKX, "fault": "redirect", "to": "ftp://a"}], "$[0].to: must be a text like"),
    ([{**OKX, "fault": "missing_field", "field": 5}], "$[0].field: must be a text"),
]


@pytest.mark.parametrize(("request_", "problem"), NONSENSE, ids=[p for _, p in NONSENSE])
def test_nonsense_is_refused(request_: Any, problem: str) -> None:
    """Each mistake is named with its place."""
    with pytest.raises(FaultError) as error:
        read_faults(request_, ENDPOINTS, 0.0)
    assert error.value.problems[0].startswith(problem)


def test_all_problems_come_at_once() -> None:
    """Nobody must mend one mistake to hear of the next."""
    with pytest.raises(FaultError) as error:
        read_faults([{"exchange": "x", "fault": "y"}, 5], ENDPOINTS, 0.0)
    assert len(error.value.problems) == 3
