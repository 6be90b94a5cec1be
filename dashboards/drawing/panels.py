"""Panels as HTML: which type is drawn how, numbers, rankings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from html import escape

from dashboards.drawing.data import Json, Series, Window
from dashboards.drawing.heatmap import buckets
from dashboards.drawing.legend import with_legend
from dashboards.drawing.table import table
from dashboards.drawing.values import TEXT, Shown, ink, nothing_shown, properties, shown

TITLE = 34  # pixels of a panel's title
PAD = 8  # pixels beside and below what a panel shows


def draw(
    panel: Json,
    series: Sequence[Series],
    marks: Sequence[Series],
    window: Window,
    size: tuple[float, float],
) -> str:
    """What a panel shows below its title, in so many pixels."""
    width, height = size[0] - 2 * PAD, size[1] - TITLE - PAD
    kind = panel["type"]
    if not series and kind in ("stat", "bargauge"):
        return _nothing(panel, height)
    if not series:
        text = panel["fieldConfig"]["defaults"].get("noValue", "No data")
        return f'<div class="nothing">{escape(text)}</div>'
    if kind in ("timeseries", "state-timeline"):
        return with_legend(panel, series, marks, window, (width, height))
    if kind == "heatmap":
        return buckets(panel, series, (width, height, window))
    if kind == "table":
        return table(panel, series)
    if kind == "stat":
        return _stat(panel, series, width, height)
    if kind == "bargauge":
        return _bars(panel, series, height)
    return f'<div class="nothing">{escape(kind)}</div>'


def _stat(panel: Json, series: Sequence[Series], width: float, height: float) -> str:
    """A tile a series, as square as they come, all in letters of the same size."""
    count = len(series)
    across = min(count, max(1, math.ceil(math.sqrt(count * width / height / 1.6))))
    down = math.ceil(count / across)
    across = math.ceil(count / down)
    wide, tall = (width + 4) / across - 4, (height + 4) / down - 4
    values = [_colored(panel, it) for it in series]
    named = count > 1 or panel["options"].get("textMode") == "value_and_name"
    names = [it.name if named else "" for it in series]
    beside = named and wide > 2.8 * tall
    text, name = max(len(it.text) for it in values), max(map(len, names)) * 0.62
    letters = text + name if beside else max(text, name)
    share = 0.45 if beside or not named else 0.4
    large = min(tall * share, (wide - 20) / (letters * 0.56 + 0.5))
    kind = "tile beside" if beside else "tile"
    background = panel["options"].get("colorMode") == "background"
    tiles = "".join(
        _tile(value, name, kind, large, background)
        for value, name in zip(values, names, strict=True)
    )
    style = f"grid-template-columns:repeat({across},1fr);height:{height:.0f}px"
    return f'<div class="tiles" style="{style}">{tiles}</div>'


def _nothing(panel: Json, height: float) -> str:
    """The one tile that Grafana makes up, in its own colour."""
    found = nothing_shown(panel["fieldConfig"]["defaults"])
    background = panel["options"].get("colorMode") == "background"
    style = f"grid-template-columns:1fr;height:{height:.0f}px"
    tile = _tile(found, "", "tile", min(height * 0.3, 20), background)
    return f'<div class="tiles" style="{style}">{tile}</div>'


def _colored(panel: Json, series: Series) -> Shown:
    """The last value, in the colour of an override if there is one."""
    found = shown(series.last, panel["fieldConfig"]["defaults"])
    own = properties(panel, series.name).get("color", {})
    return replace(found, color=own.get("fixedColor", found.color))


def _tile(value: Shown, name: str, kind: str, large: float, background: bool) -> str:
    colors = (
        f"background:{value.color};color:{ink(value.color)}"
        if background
        else f"color:{value.color}"
    )
    label = f'<div style="font-size:{large * 0.62:.0f}px">{escape(name)}</div>' if name else ""
    return (
        f'<div class="{kind}" style="{escape(colors)}">{label}'
        f'<b style="font-size:{large:.0f}px">{escape(value.text)}</b></div>'
    )


def _bars(panel: Json, series: Sequence[Series], height: float) -> str:
    """A bar a series, from the least to the greatest value of the panel."""
    defaults = panel["fieldConfig"]["defaults"]
    finite = [it.last for it in series if math.isfinite(it.last)]
    low = defaults.get("min", min(finite, default=0.0))
    high = defaults.get("max", max(finite, default=1.0))
    tall = min(max((height + 4) / len(series) - 4, 16), 60)
    plain = panel["options"].get("valueMode") == "text"
    rows = []
    for one in series:
        found = shown(one.last, defaults)
        ink = TEXT if plain else found.color
        share = (one.last - low) / (high - low) if high > low and math.isfinite(one.last) else 0.0
        bar = f"width:{min(max(share, 0.0), 1.0) * 100:.1f}%;background:{found.color}"
        rows.append(
            f'<div class="bar" style="height:{tall:.0f}px"><span>{escape(one.name)}</span>'
            f'<div><div style="{escape(bar)}"></div></div>'
            f'<b style="color:{escape(ink)}">{escape(found.text)}</b></div>'
        )
    return f'<div class="bars">{"".join(rows)}</div>'
