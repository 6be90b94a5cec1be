"""Charts with their legends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from dashboards.drawing.charts import lines, series_color, states
from dashboards.drawing.data import Json, Series, Window
from dashboards.drawing.values import text_of

_ROW = 22  # pixels of a row of a legend

_Reducer = Callable[[Sequence[float]], float]
_REDUCERS: dict[str, tuple[str, _Reducer]] = {
    "min": ("Min", min),
    "max": ("Max", max),
    "lastNotNull": ("Last *", lambda it: it[-1]),
}
"""Grafana's name of a calculation -> its title and what it does."""


def with_legend(
    panel: Json,
    series: Sequence[Series],
    marks: Sequence[Series],
    window: Window,
    size: tuple[float, float],
) -> str:
    """A chart, and its legend below or to the right, in so many pixels."""
    width, height = size
    chart = lines if panel["type"] == "timeseries" else states
    legend = panel["options"].get("legend", {})
    if not legend.get("showLegend", True):
        return chart(panel, series, marks, (width, height, window))
    keys = _keys(panel, series) if panel["type"] == "timeseries" else _state_keys(panel)
    if legend.get("placement") == "right":
        wide = float(legend.get("width") or width * 0.35)
        drawn = chart(panel, series, marks, (width - wide - 8, height, window))
        style = f"width:{wide:.0f}px;height:{height:.0f}px"
        return f'<div class="beside">{drawn}<div class="legend" style="{style}">{keys}</div></div>'
    rows = len(series) + 1 if legend.get("displayMode") == "table" else 1
    tall = min(rows * _ROW, height * 0.35)
    drawn = chart(panel, series, marks, (width, height - tall - 4, window))
    return f'{drawn}<div class="legend" style="height:{tall:.0f}px">{keys}</div>'


def _keys(panel: Json, series: Sequence[Series]) -> str:
    """The legend of lines: a table with calculations, or a list."""
    defaults, legend = panel["fieldConfig"]["defaults"], panel["options"].get("legend", {})
    unit, decimals = defaults.get("unit", "short"), defaults.get("decimals")
    calcs = [_REDUCERS[it] for it in legend.get("calcs", ())]
    rows = []
    for number, one in enumerate(series):
        finite = [value for _, value in one.points if math.isfinite(value)]
        name = f"{_swatch(series_color(panel, one, number))}{escape(one.name)}"
        rows.append((name, [reduce(finite) if finite else math.nan for _, reduce in calcs]))
    if legend.get("displayMode") != "table":
        return " ".join(f"<span>{name}</span>" for name, _ in rows)
    titles = [title for title, _ in calcs]
    if legend.get("sortBy") in titles:
        column, down = titles.index(legend["sortBy"]), bool(legend.get("sortDesc"))
        rows.sort(key=lambda row: row[1][column], reverse=down)
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f'<tr><td class="name">{name}</td>'
        + "".join(f"<td>{escape(text_of(value, unit, decimals))}</td>" for value in found)
        + "</tr>"
        for name, found in rows
    )
    return f'<table><tr><th class="name">Name</th>{head}</tr>{body}</table>'


def _state_keys(panel: Json) -> str:
    found = [
        option
        for mapping in panel["fieldConfig"]["defaults"].get("mappings", ())
        for option in mapping["options"].values()
    ]
    return " ".join(f"<span>{_swatch(it['color'])}{escape(it['text'])}</span>" for it in found)


def _swatch(color: str) -> str:
    return f'<i style="background:{escape(color)}"></i>'
