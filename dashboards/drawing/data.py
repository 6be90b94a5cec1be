"""What Grafana asks of Prometheus for a panel, and the series that it makes of the answers."""

from __future__ import annotations

import json
import math
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Ask = Callable[[str, Mapping[str, str]], list[Json]]
"""(``query`` or ``query_range``, parameters) -> the results."""

SCRAPE_INTERVAL = 15.0  # seconds; what the data source is told, and the least step
STEPS = (15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds, after Grafana's ``rangeutil.roundInterval``."""


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` to ``end`` in unix seconds, a point each ``step`` seconds."""

    start: float
    end: float
    step: float

    @classmethod
    def of(cls, end: float, length: float, pixels: float) -> Window:
        """Aligned as Grafana does it, no more points than pixels."""
        exact = max(length / pixels, SCRAPE_INTERVAL)
        step = next((float(it) for it in STEPS if it >= exact * 0.8), float(STEPS[-1]))
        return cls(end - length, end, step).aligned(step)

    def aligned(self, step: float) -> Window:
        """The same time in steps of so many seconds."""
        last = math.floor(self.end / step) * step
        return Window(last - math.ceil((self.end - self.start) / step) * step, last, step)


@dataclass(frozen=True, slots=True)
class Series:
    """``points`` are (unix seconds, value); where one is missing there is none."""

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        return self.points[-1][1]


def prometheus(url: str) -> Ask:
    """Ask a Prometheus. Raises OSError if it does not answer, or refuses the query."""

    def ask(kind: str, parameters: Mapping[str, str]) -> list[Json]:
        body = urllib.parse.urlencode(parameters).encode()
        with urllib.request.urlopen(f"{url}/api/v1/{kind}", body, timeout=60) as answer:  # noqa: S310
            found: list[Json] = json.load(answer)["data"]["result"]
        return found

    return ask


def series_of(panel: Json, board: Json, window: Window, ask: Ask) -> list[Series]:
    """The series of all targets of a panel, in their order."""
    found: list[Series] = []
    for target in panel["targets"]:
        expr = filled(target["expr"], board, window.step, _interval(target))
        for result in _results(expr, bool(target["instant"]), window, ask):
            labels = result["metric"]
            found.append(Series(_name(target["legendFormat"], labels), labels, _points(result)))
    return found


def window_for(panel: Json, window: Window) -> Window:
    """The window in no smaller steps than the queries of a panel want."""
    least = max(_interval(it) for it in panel["targets"])
    return window if window.step >= least else window.aligned(least)


def marks_of(board: Json, window: Window, ask: Ask) -> list[Series]:
    """The series of the board's annotations: they are there while something is marked."""
    step = Window(window.start, window.end, max(60.0, window.step))
    return [
        Series(_name(it["titleFormat"], result["metric"]), result["metric"], _points(result))
        for it in board["annotations"]["list"]
        for result in _results(filled(it["expr"], board, step.step), False, step, ask)
    ]


def _interval(target: Json) -> float:
    """The least step of a query, in seconds; in its place else is how often is scraped."""
    text = target.get("interval", "")
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]] if text else SCRAPE_INTERVAL


def filled(expr: str, board: Json, step: float, scrape: float = SCRAPE_INTERVAL) -> str:
    """An expression with the values of variables, and of ``$__rate_interval``."""
    rate = max(step + scrape, 4 * scrape)
    values = {"__rate_interval": f"{rate:.0f}s"}
    for variable in board["templating"]["list"]:
        values[variable["name"]] = _chosen(variable)
    return re.sub(r"\$(\w+)", lambda match: values.get(match[1], match[0]), expr)


def _chosen(variable: Json) -> str:
    chosen: list[str] = variable.get("current", {}).get("value", [])
    if "$__all" in chosen:
        return str(variable["allValue"])
    return "|".join(chosen)


def _results(expr: str, instant: bool, window: Window, ask: Ask) -> list[Json]:
    if instant:
        return ask("query", {"query": expr, "time": str(window.end)})
    times = {"start": str(window.start), "end": str(window.end), "step": str(window.step)}
    return ask("query_range", {"query": expr, **times})


def _points(result: Json) -> tuple[tuple[float, float], ...]:
    values = result.get("values") or [result["value"]]
    return tuple((float(at), float(value)) for at, value in values)


def _name(legend: str, labels: Mapping[str, str]) -> str:
    """``{{label}}`` replaced; a label that is missing leaves nothing."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda m: labels.get(m[1], ""), legend).strip()
