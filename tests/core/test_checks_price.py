"""Jumps of the price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.memory import Memory
from tests.core import samples
from tests.core.samples import LAST, NOW, check, failed, judged, plan, price_memory


@pytest.mark.parametrize(
    ("price", "right"),
    [("100", True), ("120", True), ("80", True), ("120.1", False), ("79.9", False),
     ("10000", False), ("0", False), ("-5", False), (None, False), ("x", False)],
)  # fmt: skip
def test_a_price_stays_near_the_last_accepted_one(price: object, right: bool) -> None:
    """Within a fifth, unless configured otherwise."""
    assert (check("price", {"price": price}, LAST, price_memory("100")) is None) == right


def test_an_old_baseline_is_forgotten() -> None:
    """After ten minutes anything may have happened."""
    assert check("price", {"price": "500"}, LAST, price_memory("100", NOW - 601)) is None


def test_of_a_book_the_middle_is_judged() -> None:
    """A book far from the last one is as suspicious as a price."""
    assert check("price", samples.depth(), samples.DEPTH, price_memory("100")) is None
    assert check("price", samples.depth(), samples.DEPTH, price_memory("200")) is not None


def observe(*prices: str) -> list[bool]:
    """Whether each of these prices, ten seconds apart, was accepted."""
    memory, accepted = Memory(), []
    for n, price in enumerate(prices):
        judgement = judged({"price": price}, plan(LAST, "price"), memory, at=NOW + 10 * n)
        memory = judgement.memory
        accepted.append(not failed(judgement))
    return accepted


@pytest.mark.parametrize(
    ("prices", "accepted"),
    [
        pytest.param("100 50 49 51 50", "1 0 0 1 1", id="a crash is confirmed by three"),
        pytest.param("100 50 100 50 100", "1 0 1 0 1", id="a flicker never is"),
        pytest.param("100 50 500 50 500 50", "1 0 0 0 0 0", id="nonsense never agrees"),
        pytest.param("100 50 500 500 500", "1 0 0 0 1", id="three must be in a row"),
        pytest.param("100 0 0 0 0", "1 0 0 0 0", id="zero cannot be confirmed"),
    ],
)
def test_a_jump_is_believed_when_it_is_confirmed(prices: str, accepted: str) -> None:
    """And the wild price itself never becomes the baseline."""
    assert observe(*prices.split()) == [flag == "1" for flag in accepted.split()]


@given(st.lists(st.floats(-0.19, 0.19), max_size=50))
def test_a_random_walk_is_never_refused(steps: list[float]) -> None:
    """However far it goes in total."""
    price, prices = Decimal(100), []
    for step in steps:
        price *= 1 + Decimal(step)
        prices.append(format(price, ".10f"))

    assert all(observe(*prices))


def test_a_single_observation_can_be_enough() -> None:
    """With one confirmation nothing is ever refused as a jump."""
    memory = replace(price_memory("100"), suspects=(Decimal(7),))

    assert check("price", {"price": "500"}, LAST, memory, confirmations=1) is None
