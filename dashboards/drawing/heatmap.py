"""Histograms over time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dashboards.drawing.data import Json, Series, Window
from dashboards.drawing.plot import ABOVE, LETTER, Plot, label
from dashboards.drawing.values import text_of

_BLUES = ((8, 48, 107), (33, 113, 181), (107, 174, 214), (198, 219, 239), (247, 251, 255))


def buckets(panel: Json, series: Sequence[Series], room: tuple[float, float, Window]) -> str:
    """Cumulative buckets by ``le`` as cells, the lowest at the bottom."""
    width, height, window = room
    rows = sorted(series, key=lambda it: float(it.labels.get("le", "inf").replace("+", "")))
    unit = panel["options"].get("yAxis", {}).get("unit", "short")
    names = [_edge(it.labels.get("le", ""), unit) for it in rows]
    at = Plot(width, height, max(map(len, names)) * LETTER + 10, window)
    cells = list(_cells(rows))
    most = max((count for _, _, count in cells), default=0.0)
    tall = (at.bottom - ABOVE) / len(rows)
    parts = []
    every = math.ceil(14 / tall)
    for number, name in enumerate(names):
        if number % every == 0:
            y = at.bottom - (number + 0.5) * tall + 4
            parts.append(label(at.left - 6, y, name, "end"))
    for when, number, count in cells:
        if count > 0:
            x, wide = at.x(when - window.step), at.x(when) - at.x(when - window.step)
            parts.append(
                f'<rect x="{x:.1f}" y="{at.bottom - (number + 1) * tall:.1f}"'
                f' width="{max(wide - 1, 1):.1f}" height="{max(tall - 1, 1):.1f}"'
                f' fill="{_blue((count / most) ** 0.5)}"/>'
            )
    return at.svg(parts)


def _cells(rows: Sequence[Series]) -> Iterator[tuple[float, int, float]]:
    below: dict[float, float] = {}
    for number, one in enumerate(rows):
        for when, value in one.points:
            if math.isfinite(count := value - below.get(when, 0.0)):
                yield when, number, count
        below = dict(one.points)


def _edge(le: str, unit: str) -> str:
    return "+Inf" if le in ("+Inf", "") else text_of(float(le), unit)


def _blue(share: float) -> str:
    place = share * (len(_BLUES) - 1)
    lower = min(int(place), len(_BLUES) - 2)
    mixed = (
        round(a + (b - a) * (place - lower))
        for a, b in zip(_BLUES[lower], _BLUES[lower + 1], strict=True)
    )
    return "#" + "".join(f"{it:02x}" for it in mixed)
