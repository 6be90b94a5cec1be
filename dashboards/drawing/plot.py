"""The ground that charts over time are drawn on: scales, axes, marks, stretches of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from dashboards.drawing.data import Json, Series, Window

FAINT, GRID = "#8E8E99", "#2A2D33"
LETTER = 6.4  # pixels of a letter of the axes, on average
ABOVE = 8  # pixels above the highest value
BELOW = 22  # pixels of the axis of time
_TICKS = (60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where points are put: pixels of the drawing, of its left margin, and both ranges."""

    width: float
    height: float
    left: float
    window: Window
    low: float = 0.0
    high: float = 1.0

    def x(self, at: float) -> float:
        """Pixels from the left at a unix time, within the plot."""
        share = (at - self.window.start) / (self.window.end - self.window.start)
        return self.left + min(max(share, 0.0), 1.0) * (self.width - self.left)

    def y(self, value: float) -> float:
        """Pixels from the top at a value."""
        return ABOVE + (self.high - value) / (self.high - self.low) * (self.bottom - ABOVE)

    @property
    def bottom(self) -> float:
        """Pixels from the top at the least value."""
        return self.height - BELOW

    def svg(self, parts: Iterable[str]) -> str:
        """The drawing, with the axis of time."""
        inner = "".join((*_time_axis(self), *parts))
        size = f'width="{self.width:.0f}" height="{self.height:.0f}"'
        return f'<svg {size} xmlns="http://www.w3.org/2000/svg">{inner}</svg>'


def mark(at: Plot, marks: Sequence[Series]) -> Iterator[str]:
    """Shade the stretches for which these series are there."""
    for one in marks:
        for begin, end, _ in runs(one, max(60.0, at.window.step)):
            x, wide = at.x(begin), at.x(end) - at.x(begin)
            yield (
                f'<rect x="{x:.1f}" y="{ABOVE}" width="{wide:.1f}" height="{at.bottom - ABOVE:.1f}"'
                ' fill="#D55E00" fill-opacity=".06"/>'
                f'<path d="M{x:.1f} {ABOVE}V{at.bottom:.1f}" stroke="#D55E00" stroke-opacity=".7"'
                ' stroke-dasharray="3 3"/>'
            )


def scale(
    values: Sequence[float], defaults: Json, height: float
) -> tuple[float, float, list[float]]:
    """Least and greatest value of the axis, and its ticks."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    low, high = defaults.get("min", low), defaults.get("max", high)
    if high <= low:
        low, high = (low - abs(low) / 2, low + abs(low) / 2) if low else (0.0, 1.0)
        low, high = defaults.get("min", low), defaults.get("max", high)
        high = high if high > low else low + 1
    step = _nice(
        (high - low) / max(height / 45, 2), 1024 if defaults.get("unit") == "bytes" else 10
    )
    low = low if "min" in defaults else math.floor(low / step) * step
    high = high if "max" in defaults else math.ceil(high / step) * step
    first = math.ceil(low / step - 1e-9)
    return low, high, [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _nice(exact: float, base: int) -> float:
    """1, 2 or 5 times a power of the base, at least so much."""
    if base != 10:
        unit = float(base) ** max(math.floor(math.log(exact, base)), 0)
        return _nice(exact / unit, 10) * unit
    power = 10.0 ** math.floor(math.log10(exact))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= exact * 0.999)


def value_axis(at: Plot, ticks: Iterable[tuple[float, str]]) -> Iterator[str]:
    """Lines across, with the text of each value at the left."""
    for tick, text in ticks:
        y = at.y(tick)
        yield f'<path d="M{at.left:.1f} {y:.1f}H{at.width:.1f}" stroke="{GRID}"/>'
        yield label(at.left - 6, y + 4, text, "end")


def _time_axis(at: Plot) -> Iterator[str]:
    length = at.window.end - at.window.start
    fits = max((at.width - at.left) / 70, 1)
    step = next((it for it in _TICKS if length / it <= fits), _TICKS[-1])
    form = "%H:%M" if step < 43200 else "%d %b"
    when = math.ceil(at.window.start / step) * step
    while when <= at.window.end:
        x = at.x(when)
        yield f'<path d="M{x:.1f} {ABOVE}V{at.bottom:.1f}" stroke="{GRID}"/>'
        if at.left + 10 < x < at.width - 14:
            text = _local(when).strftime(form)
            yield label(x, at.height - 5, text, "middle")
        when += step


def _local(when: float) -> datetime:
    return datetime.fromtimestamp(when).astimezone()


def label(x: float, y: float, text: str, anchor: str, color: str = FAINT) -> str:
    """A text; ``anchor`` says which end of it is at x."""
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}"'
    return f"<text {where}>{escape(text)}</text>"


def runs(series: Series, step: float) -> Iterator[tuple[float, float, float]]:
    """(begin, end, value) of stretches with the same value and no gap."""
    begin = end = value = math.nan
    for at, now in series.points:
        if now == value and at - end < step / 2:
            end = at + step
            continue
        if not math.isnan(begin):
            yield begin, end, value
        begin, end, value = at, at + step, now
    if not math.isnan(begin):
        yield begin, end, value
