"""Sequence rules: each provider's way of counting, by tables and by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.sequence import SEQUENCE_RULES, Ids, Order, Step, follow

IDS = st.integers(-(10**20), 10**20)


def ids(last: int, first: int | None = None, previous: int | None = None, **more: bool) -> Ids:
    """The ids of a message; with one id, it is the first as well."""
    return Ids(last, last if first is None else first, previous, **more)


@pytest.mark.parametrize(
    ("rule", "last", "message", "expected"),
    [
        pytest.param("linked", 10, ids(15, 11, 10), Step(15, Order.OK), id="linked follows"),
        pytest.param("linked", 10, ids(25, 16, 15), Step(25, Order.GAP, 5), id="linked gap"),
        pytest.param("linked", 10, ids(12, 9, 8), Step(12, Order.GAP, 1), id="linked wrong link"),
        pytest.param("linked", 10, ids(10, 6, 5), Step(10, Order.DUPLICATE), id="linked twice"),
        pytest.param("linked", 10, ids(5, 1, 0), Step(10, Order.OUT_OF_ORDER), id="linked late"),
        pytest.param(
            "linked",
            10,
            ids(10, previous=10, keepalive=True),
            Step(10, Order.OK),
            id="okx keepalive repeats its id",
        ),
        pytest.param(
            "linked", 900, ids(3, previous=900), Step(3, Order.RESYNC), id="okx reset, once"
        ),
        pytest.param(
            "linked", 900, ids(50, previous=-1), Step(50, Order.RESYNC), id="okx snapshot by -1"
        ),
        pytest.param("linked", 9, ids(50), Step(50, Order.RESYNC), id="deribit without previous"),
        pytest.param("contiguous", 10, ids(15, 11), Step(15, Order.OK), id="ranges follow"),
        pytest.param("contiguous", 10, ids(15, 14), Step(15, Order.GAP, 3), id="ranges gap"),
        pytest.param("contiguous", 10, ids(15, 8), Step(15, Order.DUPLICATE), id="overlap"),
        pytest.param("contiguous", 10, ids(10, 8), Step(10, Order.DUPLICATE), id="range twice"),
        pytest.param("contiguous", 10, ids(9, 8), Step(10, Order.OUT_OF_ORDER), id="older range"),
        pytest.param("contiguous", 10, ids(11, 12), Step(10, Order.OUT_OF_ORDER), id="backwards"),
        pytest.param("plus_one", 10, ids(11), Step(11, Order.OK), id="next number"),
        pytest.param("plus_one", 10, ids(15), Step(15, Order.GAP, 4), id="numbers missing"),
        pytest.param("plus_one", 10, ids(10), Step(10, Order.DUPLICATE), id="number twice"),
        pytest.param("plus_one", 10, ids(7), Step(10, Order.OUT_OF_ORDER), id="number late"),
        pytest.param("monotone", 10, ids(99), Step(99, Order.OK), id="any step up"),
        pytest.param("monotone", 10, ids(10), Step(10, Order.DUPLICATE), id="same id"),
        pytest.param("monotone", 10, ids(9), Step(10, Order.OUT_OF_ORDER), id="step down"),
        pytest.param("monotone", 10, ids(1, afresh=True), Step(1, Order.RESYNC), id="bybit u 1"),
    ],
)
def test_a_message_is_judged(rule: str, last: int, message: Ids, expected: Step) -> None:
    """One row per documented situation."""
    assert follow(SEQUENCE_RULES[rule], last, message) == expected


@pytest.mark.parametrize("rule", SEQUENCE_RULES)
@given(last=IDS, first=IDS, previous=st.none() | IDS, afresh=st.booleans())
def test_the_first_message_is_always_in_order(
    rule: str, last: int, first: int, previous: int | None, afresh: bool
) -> None:
    """There is nothing to compare it with."""
    step = follow(SEQUENCE_RULES[rule], None, Ids(last, first, previous, afresh))

    assert step == Step(last, Order.OK)


@pytest.mark.parametrize("rule", SEQUENCE_RULES)
@given(sizes=st.lists(st.integers(1, 50), min_size=1), start=st.integers(0, 10**15))
def test_an_unbroken_feed_is_always_in_order(rule: str, sizes: list[int], start: int) -> None:
    """Ranges of any size that follow each other satisfy every rule."""
    sizes = [1] * len(sizes) if rule == "plus_one" else sizes
    last: int | None = None
    at = start
    for size in sizes:
        last, order, _ = follow(SEQUENCE_RULES[rule], last, Ids(at + size, at + 1, at))
        at += size
        assert order is Order.OK


@pytest.mark.parametrize("rule", ["linked", "contiguous", "plus_one"])
@given(before=st.integers(1, 20), lost=st.integers(1, 20), after=st.integers(1, 20))
def test_lost_messages_are_one_gap_of_their_size(
    rule: str, before: int, lost: int, after: int
) -> None:
    """A gap counts once, and what comes after it is in order again."""
    numbers = [*range(1, before + 1), *range(before + lost + 1, before + lost + after + 1)]
    last: int | None = None
    gaps = []
    for number in numbers:
        last, order, missing = follow(SEQUENCE_RULES[rule], last, Ids(number, number, number - 1))
        assert order in (Order.OK, Order.GAP)
        gaps += [missing] if order is Order.GAP else []

    assert gaps == [lost]


@pytest.mark.parametrize("rule", SEQUENCE_RULES)
@given(last=IDS, message=st.builds(Ids, IDS, IDS, st.none() | IDS, st.booleans(), st.booleans()))
def test_any_ids_are_judged(rule: str, last: int, message: Ids) -> None:
    """A rule never fails, and goes back only where the provider starts afresh."""
    step = follow(SEQUENCE_RULES[rule], last, message)

    assert step.last >= last or step.order is Order.RESYNC
    assert (step.missing > 0) == (step.order is Order.GAP)
