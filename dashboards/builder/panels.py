"""Panels. Colour means state only, in colours that the colour-blind can tell apart (Okabe-Ito)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

GOOD, WARN, BAD, OFF, UNKNOWN = "#009E73", "#E69F00", "#D55E00", "#56B4E9", "#999999"
NEUTRAL = "#0072B2"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]

STATUS = {0: ("up", GOOD), 1: ("degraded", WARN), 2: ("down", BAD), 3: ("maintenance", OFF),
          4: ("unknown", UNKNOWN)}  # fmt: skip
"""The values of exchange:status."""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are named."""

    expr: str
    legend: str = ""
    instant: bool = False
    format: str = "time_series"


@dataclass(frozen=True, slots=True)
class Panel:
    """``steps`` are (value from which on, colour); ``states`` maps values to (text, colour)."""

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 12
    height: int = 8
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[tuple[float | None, str], ...] = ()
    states: dict[int, tuple[str, str]] = field(default_factory=dict)
    link: str = ""  # a dashboard's uid, opened with the exchange of what was clicked
    options: Json = field(default_factory=dict)
    custom: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()
    palette: bool = False  # series have colours of their own; thresholds are lines
    empty: str = ""  # what to say instead of "No data" where nothing is normal
    empty_color: str = UNKNOWN  # of that, in panels of numbers; nothing known is no state
    interval: str = ""  # the least step, where what is counted happens more rarely than scrapes

    def json(self, number: int, x: int, y: int) -> Json:
        """As Grafana stores it."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [_target(query, n, self.interval) for n, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": list(self.overrides)},
            "options": self.options,
            "transformations": list(self.transformations),
        }

    def _defaults(self) -> Json:
        steps = self.steps or ((None, NEUTRAL),)
        found: Json = {
            "unit": self.unit,
            "custom": self.custom,
            "color": self._color(),
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": value, "color": color} for value, color in steps],
            },
            "mappings": [_mapping(self.states)] if self.states else [],
        }
        if self.kind in ("stat", "bargauge"):
            # Without it, Grafana writes `noValue` in the colour of the lowest threshold.
            found["mappings"].append(_nothing(self.empty or "No data", self.empty_color))
        elif self.kind == "table" and self.states:
            found["mappings"].append(_nothing("–", "transparent"))
        elif self.empty:
            found["noValue"] = self.empty
        if self.decimals is not None:
            found["decimals"] = self.decimals
        if self.low is not None:
            found["min"] = self.low
        if self.high is not None:
            found["max"] = self.high
        if self.link:
            exchange = "${__field.labels.exchange}"
            found["links"] = [link_of("Show this exchange", self.link, exchange)]
        return found

    def _color(self) -> Json:
        if self.kind == "state-timeline":
            # By thresholds, Grafana merges what is in the same step and forgets the mappings.
            return {"mode": "fixed", "fixedColor": UNKNOWN}
        return {"mode": "palette-classic" if self.palette else "thresholds"}


def _mapping(states: dict[int, tuple[str, str]]) -> Json:
    options = {
        str(value): {"text": text, "color": color, "index": place}
        for place, (value, (text, color)) in enumerate(states.items())
    }
    return {"type": "value", "options": options}


def _nothing(text: str, color: str) -> Json:
    result = {"text": text, "color": color}
    return {"type": "special", "options": {"match": "null+nan", "result": result}}


def _target(query: Query, number: int, interval: str) -> Json:
    found = {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "format": query.format,
    }
    if interval:
        found["interval"] = interval
    return found


def _queries(pairs: tuple[tuple[str, str], ...], instant: bool = False) -> tuple[Query, ...]:
    return tuple(Query(expr, legend, instant) for expr, legend in pairs)


def lines(
    title: str, description: str, *pairs: tuple[str, str], worst: str = "max", **more: Any
) -> Panel:
    """Series over time. The legend ranks them, what is ``worst`` (max or min) now at the top."""
    narrow = more.setdefault("width", 12) <= 8
    options = {
        "legend": {
            "showLegend": True,
            "displayMode": "table",
            "placement": "right",
            "width": 210 if narrow else 300,
            "calcs": ["lastNotNull"] if narrow else [worst, "lastNotNull"],
            "sortBy": "Last *",
            "sortDesc": worst == "max",
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "never"}
    if more.get("steps"):
        custom["thresholdsStyle"] = {"mode": "line"}
    panel = Panel("timeseries", title, description, _queries(pairs), palette=True, **more)
    return replace(panel, options=options, custom=custom)


def number(title: str, description: str, *pairs: tuple[str, str], **more: Any) -> Panel:
    """One number for each series, as it is now."""
    more.setdefault("width", 6)
    more.setdefault("height", 4)
    color_mode = "background" if more.get("states") or more.get("steps") else "value"
    more.setdefault("steps", ((None, "text"),))
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": color_mode,
        "graphMode": "none",
        # by itself, Grafana hides the name of a series that is the only one
        "textMode": "value_and_name" if any("{{" in legend for _, legend in pairs) else "auto",
        "wideLayout": True,
    }
    return replace(
        Panel("stat", title, description, _queries(pairs, True), **more), options=options, custom={}
    )


def bars(title: str, description: str, *pairs: tuple[str, str], **more: Any) -> Panel:
    """A ranking: one bar for each series, as it is now."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color" if more.get("steps") else "text",
        "showUnfilled": True,
    }
    return replace(
        Panel("bargauge", title, description, _queries(pairs, True), **more),
        options=options,
        custom={},
    )


def timeline(title: str, description: str, *pairs: tuple[str, str], **more: Any) -> Panel:
    """States over time, a line for each series."""
    options = {
        "mergeValues": True,
        "showValue": "never",
        "rowHeight": 0.85,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
    }
    custom = {"fillOpacity": 80, "lineWidth": 0}
    return replace(
        Panel("state-timeline", title, description, _queries(pairs), **more),
        options=options,
        custom=custom,
    )


def heatmap(title: str, description: str, expr: str, **more: Any) -> Panel:
    """A histogram over time; ``expr`` yields buckets by ``le``."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "exponent": 0.5},
        "yAxis": {"unit": more.get("unit", "s")},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": True},
    }
    query = (Query(expr, "{{le}}", format="heatmap"),)
    return replace(Panel("heatmap", title, description, query, **more), options=options, custom={})


def table(
    title: str,
    description: str,
    expr: str,
    columns: tuple[tuple[str, str], ...] = (),
    sort: str = "",
    **more: Any,
) -> Panel:
    """The series of an instant as rows, their labels as columns; ``columns`` are (label, title) of
    those that come first, in this order. Rows are sorted by the column with the title ``sort``."""
    organize = {
        "excludeByName": dict.fromkeys(("Time", "__name__"), True),
        "indexByName": {label: place for place, (label, _) in enumerate(columns)},
        "renameByName": dict(columns),
    }
    panel = Panel("table", title, description, (Query(expr, "", True, "table"),), **more)
    return _as_table(panel, {"organize": organize}, sort, False, {"align": "auto"})


def matrix(
    title: str,
    description: str,
    expr: str,
    rows: str,
    columns: str,
    order: tuple[tuple[str, str], ...],
    sort: str,
    **more: Any,
) -> Panel:
    """The series of an instant as cells coloured by value: labels ``rows`` and ``columns`` say
    where. ``order`` are (value of the label, title) of the first columns."""
    first = f"{rows}\\{columns}"  # what Grafana calls the first column
    named = ((first, rows.title()), *order)
    grouping = {
        "rowField": rows,
        "columnField": columns,
        "valueField": "Value",
        "emptyValue": "null",
    }
    organize = {
        "excludeByName": {},
        "indexByName": {name: place for place, (name, _) in enumerate(named)},
        "renameByName": dict(named),
    }
    panel = Panel("table", title, description, (Query(expr, "", True, "table"),), **more)
    cells = {"align": "center", "cellOptions": {"type": "color-background", "mode": "basic"}}
    return _as_table(panel, {"groupingToMatrix": grouping, "organize": organize}, sort, True, cells)


def _as_table(
    panel: Panel, transformations: dict[str, Json], sort: str, descending: bool, cells: Json
) -> Panel:
    options: Json = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": descending}]
    return replace(
        panel,
        transformations=tuple({"id": it, "options": how} for it, how in transformations.items()),
        options=options,
        custom=cells,
        # What is said where there are no rows must not stand in every cell without a label.
        overrides=(_EMPTY_CELL, *panel.overrides),
    )


_EMPTY_CELL: Json = {
    "matcher": {"id": "byType", "options": "string"},
    "properties": [{"id": "noValue", "value": "–"}],
}


def link_of(title: str, uid: str, exchange: str) -> Json:
    """A link to a board, for an exchange, at the same time and of the same data source."""
    url = f"/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}&var-exchange={exchange}"
    return {"title": title, "url": url}


def column(
    title: str,
    width: int = 0,
    texts: dict[str, tuple[str, str]] | None = None,
    link: Json | None = None,
    hidden: bool = False,
    cells: str = "",
) -> Json:
    """An override for a column of a table: pixels, how values are shown: (text, colour), and where
    a click leads."""
    properties: list[Json] = []
    if hidden:
        properties.append({"id": "custom.hidden", "value": True})
    if link:
        properties.append({"id": "links", "value": [link]})
    if width:
        properties.append({"id": "custom.width", "value": width})
    if texts:
        options = {
            value: {"text": text, "color": color, "index": place}
            for place, (value, (text, color)) in enumerate(texts.items())
        }
        properties.append({"id": "mappings", "value": [{"type": "value", "options": options}]})
        cells = cells or "color-text"
    if cells:
        properties.append({"id": "custom.cellOptions", "value": {"type": cells}})
    return {"matcher": {"id": "byName", "options": title}, "properties": properties}


def colored(name: str, color: str) -> Json:
    """An override for the series of this name."""
    value = {"mode": "fixed", "fixedColor": color}
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": "color", "value": value}],
    }


def dashed(pattern: str) -> Json:
    """An override for lines that are bounds: grey and dashed, if their name matches."""
    properties = [
        {"id": "color", "value": {"mode": "fixed", "fixedColor": UNKNOWN}},
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 4]}},
    ]
    return {"matcher": {"id": "byRegexp", "options": pattern}, "properties": properties}
