"""Tables: the series of an instant as rows, their labels as columns."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dashboards.drawing.data import Json, Series
from dashboards.drawing.values import Shown, properties, shown


def table(panel: Json, series: Sequence[Series]) -> str:
    """Labels in the order of the alphabet, then the value; ``organize`` and overrides applied."""
    names = sorted({label for it in series for label in it.labels} | {"Time"})
    change = {it["id"]: it["options"] for it in panel.get("transformations", ())}
    organize = change.get("organize", {})
    hidden, order = organize.get("excludeByName", {}), organize.get("indexByName", {})
    names = [it for it in [*names, "Value"] if not hidden.get(it)]
    names.sort(key=lambda it: order.get(it, len(order)))
    titles = [organize.get("renameByName", {}).get(it) or it for it in names]
    rows = [
        [_cell(panel, title, one, name) for name, title in zip(names, titles, strict=True)]
        for one in _sorted(panel, series, dict(zip(titles, names, strict=True)))
    ]
    head = "".join(f'<th style="{_width(panel, title)}">{escape(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'


def _sorted(panel: Json, series: Sequence[Series], names: dict[str, str]) -> Sequence[Series]:
    for by in panel["options"].get("sortBy", ()):
        name = names.get(by["displayName"], "")
        return sorted(series, key=lambda it: _raw(it, name), reverse=bool(by.get("desc")))
    return series


def _raw(series: Series, name: str) -> tuple[float, str]:
    return (series.last, "") if name == "Value" else (0.0, series.labels.get(name, ""))


def _width(panel: Json, title: str) -> str:
    width = properties(panel, title).get("custom.width")
    return f"width:{width:.0f}px" if width else ""


def _cell(panel: Json, title: str, series: Series, name: str) -> str:
    own = properties(panel, title, "number" if name == "Value" else "string")
    defaults = {**panel["fieldConfig"]["defaults"], **own}
    if name == "Value":
        found = shown(series.last, defaults)
    else:
        found = _mapped(series.labels.get(name) or defaults.get("noValue", ""), own)
    kind = own.get("custom.cellOptions", {}).get("type", "")
    style = f"color:{found.color}" if found.color and kind == "color-text" else ""
    return f'<td style="{escape(style)}">{escape(found.text)}</td>'


def _mapped(text: str, own: Json) -> Shown:
    for mapping in own.get("mappings", ()):
        found = mapping["options"].get(text)
        if found:
            return Shown(found.get("text") or text, found.get("color", ""))
    return Shown(text, "")
