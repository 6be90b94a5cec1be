"""Budgets: what may be spent, in windows that slide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.receiver.budget import DAY, Charge, Ledger
from exporter.receiver.settings import Budget


def test_a_window_slides() -> None:
    """Two a minute means two in any sixty seconds."""
    ledger = Ledger(Budget(2, 0, 0, 0.0, 0))
    answers = [ledger.charge(at, "i", 1, 0.0) for at in (0.0, 50.0, 59.0, 60.0, 70.0, 110.0)]
    said = ["calls_per_minute" if isinstance(it, str) else "" for it in answers]
    assert said == ["", "", "calls_per_minute", "", "calls_per_minute", ""]


def test_estimates_hold_until_the_truth_is_known() -> None:
    """Calls at the same time cannot overspend together; what was not used comes back."""
    ledger = Ledger(Budget(0, 0, 1000, 0.0, 0))
    first = ledger.charge(0.0, "i", 800, 0.0)

    assert ledger.charge(1.0, "i", 800, 0.0) == "tokens_per_day"
    assert isinstance(first, Charge)
    first.tokens = 100
    assert isinstance(ledger.charge(2.0, "i", 800, 0.0), Charge)
    assert ledger.remaining(3.0) == {"tokens_per_day": 100.0}


def test_money_comes_back_after_a_day() -> None:
    """To the second."""
    ledger = Ledger(Budget(0, 0, 0, 1.0, 0))
    ledger.charge(0.0, "i", 1, 0.9)

    assert ledger.charge(DAY - 1, "i", 1, 0.2) == "dollars_per_day"
    assert isinstance(ledger.charge(DAY, "i", 1, 0.2), Charge)


def test_what_was_spent_before_counts() -> None:
    """Until it is a day old."""
    ledger = Ledger(Budget(0, 0, 0, 1.0, 0), [Charge(0.0, "i", 1, 0.9)])

    assert ledger.charge(DAY - 1, "i", 1, 0.2) == "dollars_per_day"
    assert isinstance(ledger.charge(DAY, "i", 1, 0.2), Charge)


def test_an_incident_has_its_own_bound() -> None:
    """Another one is not affected."""
    ledger = Ledger(Budget(0, 0, 0, 0.0, 1))
    ledger.charge(0.0, "one", 1, 0.0)

    assert ledger.charge(1.0, "one", 1, 0.0) == "calls_per_incident"
    assert isinstance(ledger.charge(1.0, "two", 1, 0.0), Charge)


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 300), st.floats(0, 0.5)), max_size=40))
def test_no_budget_is_ever_exceeded(calls: list[tuple[float, int, float]]) -> None:
    """By any calls at any times."""
    budget = Budget(3, 5, 500, 1.0, 4)
    ledger = Ledger(budget)
    made: list[tuple[float, Charge]] = []
    now = 0.0
    for wait, tokens, dollars in calls:
        now += wait
        charge = ledger.charge(now, "i", tokens, dollars)
        if isinstance(charge, Charge):
            made.append((now, charge))
        assert all(left >= 0 for left in ledger.remaining(now).values())
    for at, _ in made:
        assert sum(at - 60 < other <= at for other, _ in made) <= 3
        assert sum(at - 3600 < other <= at for other, _ in made) <= 5
    assert sum(charge.tokens for _, charge in made) <= 500
    assert sum(charge.dollars for _, charge in made) <= 1.0 + 1e-9
