"""Times and durations in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.server.text import latency, moment, percent, printable, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (89.9, "89 s"),
        (90, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (47 * 3600, "47 h"),
        (48 * 3600, "2 d"),
        (1e300, "ages"),
    ],
)
def test_spans_have_one_unit(seconds: float, words: str) -> None:
    """The largest that leaves at least two digits or a sensible number."""
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.00004, "0.04 ms"),
        (0.0012, "1.2 ms"),
        (0.0999, "100 ms"),
        (0.143, "143 ms"),
        (2.05, "2.05 s"),
    ],
)
def test_latencies_keep_what_was_measured(seconds: float, words: str) -> None:
    """Milliseconds below a second."""
    assert latency(seconds) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0, "0 %"), (0.0001, "<1 %"), (0.345, "34 %"), (1, "100 %"), (1e9, "9999 %")],
)
def test_percentages(ratio: float, words: str) -> None:
    """Something never reads as nothing."""
    assert percent(ratio) == words


@pytest.mark.parametrize("when", [float("inf"), float("nan"), 1e18, -1e18])
def test_moment_beyond_the_calendar_is_a_number(when: float) -> None:
    """An absurd time is shown, not raised."""
    assert moment(when)


@given(st.text(max_size=50), st.integers(1, 20))
def test_printable_is_bounded_and_harmless(text: str, limit: int) -> None:
    """One line that can be encoded, whatever went in."""
    shown = printable(text, limit)

    assert shown.isprintable()
    assert len(shown.encode()) <= 10 * limit + 3
