"""Tables: the series of an instant as rows, their labels as columns, or both as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from dashboards.drawing.data import Json, Series
from dashboards.drawing.values import Shown, ink, properties, shown

Row = Mapping[str, str | float]
"""Name of a column -> its cell; one that is missing is empty."""


def table(panel: Json, series: Sequence[Series]) -> str:
    """Transformations and overrides applied."""
    change = {it["id"]: it["options"] for it in panel.get("transformations", ())}
    matrix = change.get("groupingToMatrix")
    names, rows = _matrix(series, matrix) if matrix else _rows(series)
    organize = change.get("organize", {})
    hidden, order = organize.get("excludeByName", {}), organize.get("indexByName", {})
    names = sorted((it for it in names if not hidden.get(it)), key=lambda it: order.get(it, 99))
    titles = {it: organize.get("renameByName", {}).get(it) or it for it in names}
    titles = {
        name: title
        for name, title in titles.items()
        if not properties(panel, title).get("custom.hidden")
    }
    head = "".join(
        f'<th style="{_width(panel, title)}">{escape(title)}</th>' for title in titles.values()
    )
    body = "".join(
        f"<tr>{''.join(_cell(panel, title, row.get(name)) for name, title in titles.items())}</tr>"
        for row in _sorted(panel, rows, {title: name for name, title in titles.items()})
    )
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'


def _rows(series: Sequence[Series]) -> tuple[list[str], list[Row]]:
    """Labels in the order of the alphabet, then the value."""
    names = sorted({label for it in series for label in it.labels} | {"Time"})
    labels = dict.fromkeys(names, "")
    return [*names, "Value"], [{**labels, **it.labels, "Value": it.last} for it in series]


def _matrix(series: Sequence[Series], how: Json) -> tuple[list[str], list[Row]]:
    """Grafana's "grouping to matrix": a row and a column for each value of a label."""
    row, column = how["rowField"], how["columnField"]
    first = f"{row}\\{column}"
    names, rows = [first], dict[str, dict[str, str | float]]()
    for it in series:
        one = rows.setdefault(it.labels.get(row, ""), {first: it.labels.get(row, "")})
        name = it.labels.get(column, "")
        one[name] = it.last
        if name not in names:
            names.append(name)
    return names, list(rows.values())


def _sorted(panel: Json, rows: Sequence[Row], names: Mapping[str, str]) -> Sequence[Row]:
    for by in panel["options"].get("sortBy", ()):
        name = names.get(by["displayName"], "")
        return sorted(rows, key=lambda it: _raw(it.get(name)), reverse=bool(by.get("desc")))
    return rows


def _raw(cell: str | float | None) -> tuple[float, str]:
    return (0.0, cell or "") if isinstance(cell, str | None) else (cell, "")


def _width(panel: Json, title: str) -> str:
    width = properties(panel, title).get("custom.width")
    return f"width:{width:.0f}px" if width else ""


def _cell(panel: Json, title: str, cell: str | float | None) -> str:
    own = properties(panel, title, "string" if isinstance(cell, str) else "number")
    defaults = {**panel["fieldConfig"]["defaults"], **own}
    if isinstance(cell, str):
        found = _mapped(cell or defaults.get("noValue", ""), own)
    else:
        found = shown(float("nan") if cell is None else cell, defaults)
    custom = defaults.get("custom", {})
    kind = own.get("custom.cellOptions", custom.get("cellOptions", {})).get("type", "")
    style = ""
    if found.color and kind == "color-text":
        style = f"color:{found.color}"
    elif found.color.startswith("#") and kind == "color-background":
        style = f"background:{found.color};color:{ink(found.color)}"
    if custom.get("align") == "center" and not isinstance(cell, str):
        style += ";text-align:center"
    return f'<td style="{escape(style)}">{escape(found.text)}</td>'


def _mapped(text: str, own: Json) -> Shown:
    for mapping in own.get("mappings", ()):
        found = mapping["options"].get(text)
        if found:
            return Shown(found.get("text") or text, found.get("color", ""))
    return Shown(text, "")
