"""Intervals that fit the budget."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.config.schedule import HEADROOM, Demand, default_interval, fit


def test_what_fits_keeps_its_interval() -> None:
    """A generous limit stretches nothing."""
    demands = [Demand("a", 15.0, (("l", 1.0),)), Demand("b", 60.0, ())]
    assert fit(demands, {"l": 100.0}) == {"a": 15.0, "b": 60.0}


def test_targets_of_one_limit_are_stretched_by_the_same_factor() -> None:
    """What was wanted four times as often stays four times as frequent."""
    demands = [Demand("fast", 15.0, (("l", 1.0),)), Demand("slow", 60.0, (("l", 1.0),))]
    intervals = fit(demands, {"l": 0.05})
    assert intervals["fast"] == 28.0  # 15 s × (1/15 + 1/60) / (0.9 × 0.05), rounded up
    assert intervals["slow"] == 112.0


@given(
    st.lists(
        st.tuples(st.floats(1, 600), st.floats(0.1, 50), st.floats(0.1, 50)),
        min_size=1,
        max_size=20,
    ),
    st.floats(0.001, 100),
    st.floats(0.001, 100),
)
def test_the_schedule_never_spends_more_than_the_allowance(
    wishes: list[tuple[float, float, float]], rate_a: float, rate_b: float
) -> None:
    """Whatever is wished for, every limit's spending stays below its rate, with headroom."""
    demands = [Demand(str(i), w, (("a", a), ("b", b))) for i, (w, a, b) in enumerate(wishes)]
    intervals = fit(demands, {"a": rate_a, "b": rate_b})
    for index, rate in enumerate((rate_a, rate_b)):
        spent = sum(d.costs[index][1] / intervals[d.target] for d in demands)
        assert spent <= rate * HEADROOM * 1.000001


def test_every_category_has_an_interval() -> None:
    """An endpoint nobody has heard of is still scheduled."""
    assert default_interval("spot", "depth") == 15.0
    assert default_interval("news", "depth") == 300.0
    assert default_interval("spot", "announcements") == 60.0
