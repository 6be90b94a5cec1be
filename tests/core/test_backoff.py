"""Waits between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.core.backoff import equal_jitter, exponential, full_jitter


def test_waits_double_up_to_the_cap() -> None:
    """5, 10, 20, 40, then 60 for ever; a huge count of failures does not overflow."""
    assert [exponential(n, 5.0, 60.0) for n in (0, 1, 2, 3, 4, 10_000)] == [5, 10, 20, 40, 60, 60]


@given(st.floats(0, 1, exclude_max=True), st.floats(0.001, 1e6))
def test_jitter_stays_below_the_ceiling(chance: float, ceiling: float) -> None:
    """Full jitter may hardly wait, equal jitter waits half the ceiling at least."""
    assert 0 <= full_jitter(ceiling, lambda: chance) <= ceiling
    assert ceiling / 2 <= equal_jitter(ceiling, lambda: chance) <= ceiling
