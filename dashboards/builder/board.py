"""Dashboards: rows of panels, variables, links between the boards, alerts as annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.builder.panels import DATASOURCE, Json, Panel

SCHEMA_VERSION = 38  # Grafana 9.5; later ones migrate it themselves
TAG = "exchange-exporter"

TARGETS = "exchange_probe_interval_seconds"
OF_EXCHANGE = f'{TARGETS}{{exchange=~"$exchange"}}'
OF_ENDPOINT = f'{TARGETS}{{exchange=~"$exchange",endpoint=~"$endpoint",pair!=""}}'

PAGES = 'alertstate="firing",alertname=~"Exchange.+",severity=~"critical|emergency"'

VARIABLES = {
    "exchange": ("Exchange", f"label_values({TARGETS}, exchange)"),
    "endpoint": ("Endpoint", f"label_values({OF_EXCHANGE}, endpoint)"),
    "pair": ("Pair", f"label_values({OF_ENDPOINT}, pair)"),
    "signal": ("Signal", 'label_values(anomaly:level{exchange=~"$exchange"}, signal)'),
    "instance": ("Instance", "label_values(exchange_exporter_build_info, instance)"),
}
"""Name -> label and the query of its values."""


@dataclass(frozen=True, slots=True)
class Board:
    """``rows`` are (title, panels); panels flow from left to right, 24 columns wide. A row without
    a title has no header. ``chosen`` are variables and their first value, where All is too much;
    Grafana takes All if there is no such value."""

    uid: str
    title: str
    description: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variables: tuple[str, ...] = ("exchange",)
    chosen: tuple[tuple[str, str], ...] = ()

    def json(self) -> Json:
        """As Grafana imports it, by hand or from a file."""
        return {
            "id": None,
            "uid": self.uid,
            "title": f"Exchanges / {self.title}",
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "links": [_HOME, _LINKS],
            "annotations": {"list": [_annotation("exchange" in self.variables)]},
            "templating": {"list": [_DATASOURCE, *map(self._variable, self.variables)]},
            "panels": list(self._panels()),
        }

    def _variable(self, name: str) -> Json:
        found = _variable(name)
        for variable, value in self.chosen:
            if variable == name:
                found["current"] = {"text": [value], "value": [value]}
        return found

    def _panels(self) -> Iterator[Json]:
        y = number = 0
        for title, panels in self.rows:
            if title:
                number += 1
                yield _row(number, title, y)
                y += 1
            x = tallest = 0
            for panel in panels:
                if x + panel.width > 24:
                    y, x, tallest = y + tallest, 0, 0
                number += 1
                yield panel.json(number, x, y)
                x, tallest = x + panel.width, max(tallest, panel.height)
            y += tallest


_HOME: Json = {
    "type": "link",
    "title": "Overview",
    "tooltip": "All exchanges, at the same time",
    "icon": "dashboard",
    "url": "/d/exchange-overview?${datasource:queryparam}",
    "tags": [],
    "asDropdown": False,
    "keepTime": True,
    "includeVars": False,
    "targetBlank": False,
}

_LINKS: Json = {
    "type": "dashboards",
    "title": "Exchanges",
    "tooltip": "The other boards, at the same time and for the same exchange",
    "icon": "external link",
    "url": "",
    "tags": [TAG],
    "asDropdown": True,
    "keepTime": True,
    "includeVars": True,
    "targetBlank": False,
}

_DATASOURCE: Json = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "refresh": 1,
    "multi": False,
    "includeAll": False,
}


def _variable(name: str) -> Json:
    label, query = VARIABLES[name]
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*" if name == "pair" else ".+",  # some series have no pair
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _annotation(by_exchange: bool) -> Json:
    matchers = f'{PAGES},exchange=~"$exchange|"' if by_exchange else PAGES  # "": of no exchange
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "#D55E00",
        "expr": f"ALERTS{{{matchers}}}",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{exchange}} {{endpoint}} {{pair}}",
        "step": "60s",
    }


def _row(number: int, title: str, y: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        "panels": [],
    }


def boards_json(boards: tuple[Board, ...]) -> dict[str, dict[str, Any]]:
    """File name -> dashboard."""
    return {f"{board.uid}.json": board.json() for board in boards}
