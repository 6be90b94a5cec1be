"""Order books that could exist, and those that could not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.core.memory import Memory
from exporter.core.model import Reason
from tests.core import samples
from tests.core.samples import NOW, check

Levels = list[list[Any]]

ticks = st.lists(st.integers(1, 10**6), min_size=2, max_size=40, unique=True)
sizes = st.decimals("0.00000001", "1000000", places=8).map(str)


@st.composite
def books(draw: st.DrawFn) -> tuple[Levels, Levels]:
    """Valid books: distinct positive prices, split anywhere into bids and asks."""
    prices = sorted(draw(ticks))
    split = draw(st.integers(1, len(prices) - 1))
    scale = draw(st.sampled_from(["1e-20", "1e-8", "0.01", "12.5"]))

    def level(price: int) -> list[str]:
        return [format(1 + price * Decimal(scale), "f"), draw(sizes)]

    return [level(p) for p in reversed(prices[:split])], [level(p) for p in prices[split:]]


def book(bids: object, asks: object, memory: Memory = Memory(), **parameters: Any) -> str | None:
    failure = check("book", samples.depth(bids, asks), samples.DEPTH, memory, **parameters)
    if failure is None:
        return None
    assert failure.reason is Reason.INVALID_DATA
    return failure.detail


@given(books())
def test_every_possible_book_passes(sides: tuple[Levels, Levels]) -> None:
    """No false alarm, whatever the prices."""
    assert book(*sides) is None


@given(books(), st.data())
def test_two_levels_out_of_order_fail(sides: tuple[Levels, Levels], data: st.DataObject) -> None:
    """On either side, at any depth; equal prices are out of order, too."""
    long = [side for side in sides if len(side) > 1]
    assume(long)
    side = data.draw(st.sampled_from(long))
    at = data.draw(st.integers(1, len(side) - 1))
    if data.draw(st.booleans()):
        side[at - 1], side[at] = side[at], side[at - 1]
    else:
        side[at] = [side[at - 1][0], side[at][1]]

    detail = book(*sides)

    assert detail is not None
    assert "not sorted best first" in detail


@given(books())
def test_swapped_sides_fail(sides: tuple[Levels, Levels]) -> None:
    """Bids for asks: crossed, or unsorted where a side has several levels."""
    assert book(sides[1], sides[0]) is not None


@given(books(), st.data())
def test_a_size_that_is_not_positive_fails(
    sides: tuple[Levels, Levels], data: st.DataObject
) -> None:
    """Zero means removed, and has no place in a snapshot."""
    side = data.draw(st.sampled_from(sides))
    side[data.draw(st.integers(0, len(side) - 1))][1] = data.draw(
        st.sampled_from(["0", "0.000", "-1", 0, -2.5])
    )

    assert "not positive" in str(book(*sides))


@pytest.mark.parametrize(
    ("bids", "asks", "detail"),
    [
        pytest.param([], [["1", "1"]], "no bids", id="no bids"),
        pytest.param([["1", "1"]], [], "no asks", id="no asks"),
        pytest.param(None, [["1", "1"]], "a side of the book is missing", id="null"),
        pytest.param([["2", "1"]], [["1", "1"]], "crossed: best bid 2, best ask 1", id="crossed"),
        pytest.param([["1.0", "1"]], [["1.00", "1"]], "locked: best bid 1.0, best ask 1.00",
                     id="locked"),
        pytest.param([["0", "1"]], [["1", "1"]], "a price of the bids is not positive", id="zero"),
        pytest.param([["-1", "1"]], [["1", "1"]], "a price of the bids is not positive",
                     id="negative"),
        pytest.param([["1", "1"]], [["3", "1"], ["2", "1"]],
                     "asks are not sorted best first at level 1", id="unsorted"),
        pytest.param([["1"]], [["2", "1"]], "bids: a record has no 1", id="short level"),
        pytest.param([{"p": "1"}], [["2", "1"]],
                     "bids: a record has another shape than documented", id="object level"),
    ],
)  # fmt: skip
def test_an_impossible_book_is_named(bids: object, asks: object, detail: str) -> None:
    """The detail says what and where."""
    assert book(bids, asks) == detail


def test_the_documented_example_of_one_level_passes() -> None:
    """Documentation shows one level on each side."""
    assert book([["4.00000000", "431.00000000"]], [["4.00000200", "12.00000000"]]) is None


def test_a_locked_book_can_be_allowed() -> None:
    """By parameter."""
    assert book([["1", "1"]], [["1", "1"]], allow_locked=1) is None


@pytest.mark.parametrize(
    ("known", "age", "right"),
    [
        pytest.param(20, 10.0, True, id="a tenth"),
        pytest.param(21, 10.0, False, id="less than a tenth"),
        pytest.param(1000, 601.0, True, id="long ago"),
        pytest.param(None, 10.0, True, id="never seen"),
    ],
)
def test_a_book_does_not_lose_nearly_all_levels(known: int | None, age: float, right: bool) -> None:
    """A book that is cut short may be a feed that is half lost."""
    memory = Memory(bid_levels=known, ask_levels=known, levels_at=NOW - age)
    bids, asks = [["10", "1"], ["9", "1"]], [["11", "1"], ["12", "1"]]

    assert (book(bids, asks, memory) is None) == right


def test_a_least_number_of_levels_can_be_asked_for() -> None:
    """By parameter, on each side."""
    assert book([["10", "1"], ["9", "1"]], [["11", "1"]], min_levels=2) == "only 1 asks"
