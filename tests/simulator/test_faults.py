"""The table of faults and the reading of requests for them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from exporter.simulator.distort import DOCUMENT, FACTS, REPLY, delay
from exporter.simulator.faults import (
    FAULTS,
    ActiveFault,
    FaultError,
    Kind,
    Place,
    faults_at,
    hitting,
    read_faults,
)
from exporter.simulator.wire import WIRE

PLACES = {"okx": Place(("depth", "time"), ("auth", "server"), ("refused",)), "kraken": Place(())}


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
    (fault,) = read_faults(request, PLACES, 5.0)
    assert fault.document(5.0) == request[0]
    assert fault.since == 5.0


def test_defaults_are_filled_in() -> None:
    """Parameters left out have their defaults."""
    (fault,) = read_faults([{"exchange": "kraken", "fault": "latency"}], PLACES, 0.0)
    shown = fault.document(0.0)
    assert shown.pop("jitter_ms") == shown.pop("tail_ms") == 0.0
    assert shown == {"exchange": "kraken", "fault": "latency", "ms": 1000.0}


def test_fault_begins_and_ends_by_itself() -> None:
    """``after`` and ``for`` count from the request; what is shown counts from now."""
    request = {"exchange": "okx", "fault": "drop", "after": 10, "for": 20}
    (fault,) = faults = read_faults([request], PLACES, 100.0)
    assert [bool(faults_at(faults, now)) for now in (109.9, 110, 129.9, 130)] == [
        *(False, True, True, False)
    ]
    assert fault.document(100.0) == request
    assert fault.document(115.0) == {"exchange": "okx", "fault": "drop", "for": 15}


def test_fault_on_all_exchanges() -> None:
    """A star is everybody; an endpoint narrows it down."""
    everywhere, depth = read_faults(
        [
            {"exchange": "*", "fault": "hang"},
            {"exchange": "*", "endpoint": "depth", "fault": "drop"},
        ],
        PLACES,
        0.0,
    )
    assert everywhere.hits("okx", "time")
    assert everywhere.hits("kraken", "")
    assert depth.hits("okx", "depth")
    assert not depth.hits("okx", "time")


def test_share_spares_the_rest() -> None:
    """About so many requests are hit, and the same ones under the same seed."""
    request = [{"exchange": "okx", "fault": "drop", "share": 0.3}]
    faults = read_faults(request, PLACES, 0.0)

    def hits() -> list[bool]:
        chance = random.Random(7)
        return [bool(hitting(faults, chance)) for _ in range(1000)]

    assert 250 < sum(hits()) < 350
    assert hits() == hits()
    assert faults[0].document(0.0) == request[0]


def test_latency_has_a_floor_a_jitter_and_a_heavy_tail() -> None:
    """The quantiles are those that the table of faults tells."""
    values = {"ms": 100.0, "jitter_ms": 0.0, "tail_ms": 10.0}
    chance = random.Random(7)
    fault = ActiveFault("okx", "", "latency", 0.0, values)
    seen = sorted(delay(fault, chance) * 1000 - 100 for _ in range(5000))
    assert seen[0] >= 0
    assert seen[2500] == pytest.approx(6, rel=0.1)
    assert seen[4950] == pytest.approx(205, rel=0.3)
    values |= {"jitter_ms": 50.0, "tail_ms": 0.0}
    seen = sorted(delay(fault, chance) * 1000 for _ in range(1000))
    assert [seen[0], seen[-1]] == pytest.approx([100, 150], abs=1)


OKX = {"exchange": "okx"}
NONSENSE: list[tuple[Any, str]] = [
    ({}, "$: must be a list"),
    (["x"] * 501, "$: more than 500 faults"),
    (["x"], "$[0]: must be an object"),
    ([{"fault": "hang"}], "$[0].exchange: must be one of okx, kraken"),
    ([{"exchange": ["okx"], "fault": "hang"}], "$[0].exchange: must be one of"),
    ([{**OKX, "endpoint": "x", "fault": "hang"}], "$[0].endpoint: must be one of depth, time"),
    ([{**OKX, "endpoint": {}, "fault": "hang"}], "$[0].endpoint: must be one of"),
    ([OKX], "$[0].fault: must be one of refused"),
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
    ([{**OKX, "fault": "drop", "for": 0}], "$[0].for: must be between 0.001 and"),
    ([{**OKX, "fault": "drop", "after": -1}], "$[0].after: must be between 0 and"),
    ([{**OKX, "fault": "drop", "share": 2}], "$[0].share: must be between 0 and 1"),
    ([{**OKX, "fault": "tls_failure"}], "$[0].fault: tls_failure needs the option --simulator.tls"),
    (
        [{"exchange": "*", "fault": "refused"}],
        "$[0].fault: refused needs the option --simulator.own-ports",
    ),
    ([{**OKX, "endpoint": "time", "fault": "refused"}], "$[0].endpoint: refused hits the whole"),
    ([{**OKX, "fault": "refused", "share": 0.5}], "$[0].share: refused hits the whole exchange"),
    ([{**OKX, "fault": "error", "meaning": "x"}], "$[0].meaning: must be one of auth, clock"),
    (
        [{**OKX, "fault": "error", "meaning": "clock"}],
        "$[0].meaning: okx has no error sample clock",
    ),
]


@pytest.mark.parametrize(("request_", "problem"), NONSENSE, ids=[p for _, p in NONSENSE])
def test_nonsense_is_refused(request_: Any, problem: str) -> None:
    """Each mistake is named with its place."""
    with pytest.raises(FaultError) as error:
        read_faults(request_, PLACES, 0.0)
    assert any(found.startswith(problem) for found in error.value.problems), error.value.problems


def test_all_problems_come_at_once() -> None:
    """Nobody must mend one mistake to hear of the next."""
    with pytest.raises(FaultError) as error:
        read_faults([{"exchange": "x", "fault": "y"}, 5], PLACES, 0.0)
    assert len(error.value.problems) == 3
