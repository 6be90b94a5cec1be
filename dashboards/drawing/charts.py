"""Lines and states over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from dashboards.drawing.data import Json, Series, Window
from dashboards.drawing.plot import ABOVE, LETTER, Plot, label, mark, runs, scale, value_axis
from dashboards.drawing.values import color_of, properties, shown, text_of

PALETTE = (
    "#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0",
    "#37872D", "#FADE2A", "#447EBC", "#C15C17", "#890F02", "#0A437C", "#6D1F62", "#584477",
    "#B7DBAB", "#F4D598", "#70DBED", "#F9BA8F", "#F29191", "#82B5D8", "#E5A8E2", "#AEA2E0",
    "#629E51", "#E5AC0E", "#64B0C8", "#E0752D", "#BF1B00", "#0A50A1", "#962D82", "#614D93",
)  # fmt: skip
"""The first colours of Grafana's "classic palette"."""


def lines(
    panel: Json,
    series: Sequence[Series],
    marks: Sequence[Series],
    room: tuple[float, float, Window],
) -> str:
    """Series as lines; thresholds as dashed lines if the panel says so; marks behind them."""
    width, height, window = room
    defaults = panel["fieldConfig"]["defaults"]
    unit, decimals = defaults.get("unit", "short"), defaults.get("decimals")
    values = [v for it in series for _, v in it.points if math.isfinite(v)]
    low, high, ticks = scale(values, defaults, height)
    texts = [text_of(tick, unit, decimals) for tick in ticks]
    left = max(len(text) for text in texts) * LETTER + 10
    at = Plot(width, height, left, window, low, high)
    parts = [*value_axis(at, zip(ticks, texts, strict=True)), *mark(at, marks)]
    if defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode") == "line":
        parts += _thresholds(at, defaults["thresholds"]["steps"])
    for number, one in enumerate(series):
        style = properties(panel, one.name).get("custom.lineStyle", {})
        parts.append(_line(at, one, series_color(panel, one, number), style.get("dash", ())))
    return at.svg(parts)


def series_color(panel: Json, series: Series, number: int) -> str:
    """Fixed by an override, else of the palette, else of the last value's threshold."""
    if own := properties(panel, series.name).get("color"):
        return str(own["fixedColor"])
    defaults = panel["fieldConfig"]["defaults"]
    if defaults.get("color", {}).get("mode") == "thresholds":
        return color_of(series.last, defaults)
    return PALETTE[number % len(PALETTE)]


def states(
    panel: Json,
    series: Sequence[Series],
    marks: Sequence[Series],
    room: tuple[float, float, Window],
) -> str:
    """A band a series, coloured by value; nothing where nothing is known."""
    width, height, window = room
    defaults = panel["fieldConfig"]["defaults"]
    longest = max(len(it.name) for it in series)
    at = Plot(width, height, min(longest * LETTER + 10, width * 0.35), window)
    band = (at.bottom - ABOVE) / len(series)
    thick = band * panel["options"].get("rowHeight", 0.9)
    parts = list(mark(at, marks))
    for number, one in enumerate(series):
        top = ABOVE + number * band + (band - thick) / 2
        parts.append(label(at.left - 6, top + thick / 2 + 4, one.name, "end"))
        for begin, end, value in runs(one, window.step):
            color = escape(shown(value, defaults).color)
            x, wide = at.x(begin), max(at.x(end) - at.x(begin), 1)
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{thick:.1f}"'
                f' fill="{color}" fill-opacity=".8"/>'
            )
    return at.svg(parts)


def _line(at: Plot, series: Series, color: str, dash: Sequence[float]) -> str:
    path, before = [], -math.inf
    for when, value in series.points:
        if not math.isfinite(value):
            continue
        move = "L" if when - before < at.window.step * 1.5 else "M"
        path.append(f"{move}{at.x(when):.1f} {at.y(min(max(value, at.low), at.high)):.1f}")
        before = when
    dashes = f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash else ""
    style = f'fill="none" stroke="{escape(color)}" stroke-width="1.2"{dashes}'
    return f'<path d="{"".join(path)}" {style}/>'


def _thresholds(at: Plot, steps: Iterable[Json]) -> list[str]:
    found = []
    for step in steps:
        if step["value"] is not None and at.low <= step["value"] <= at.high:
            y = at.y(step["value"])
            found.append(
                f'<line x1="{at.left:.1f}" x2="{at.width:.1f}" y1="{y:.1f}" y2="{y:.1f}"'
                f' stroke="{escape(step["color"])}" stroke-dasharray="9 5" stroke-opacity=".8"/>'
            )
    return found
