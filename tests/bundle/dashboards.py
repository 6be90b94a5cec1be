"""The dashboards as they are imported, and what their expressions ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.bundle.rules import ROOT

FOLDER = ROOT / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))

STANDINS = {
    "$__rate_interval": "20s",
    "$exchange": ".+",
    "$endpoint": ".+",
    "$pair": ".*",
    "$signal": ".+",
    "$instance": ".+",
    "$datasource": "prometheus",
}
"""What Grafana puts in for `All`, and a rate interval that fits a rehearsal."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"short", "s", "percentunit", "ops", "reqps", "bytes", "currencyUSD"}
"""Those of Grafana's that boards use."""


@cache
def boards() -> dict[str, dict[str, Any]]:
    """uid -> dashboard."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in FILES]
    return {board["uid"]: board for board in found}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard that show data."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str, str, str]]:
    """(uid, panel, expression, legend) of every query, with the stand-ins put in."""
    for uid, board in boards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                yield uid, panel["title"], filled(target["expr"]), target["legendFormat"]


def filled(expr: str) -> str:
    """An expression without variables."""
    for name, value in STANDINS.items():
        expr = expr.replace(name, value)
    return expr


SHOWS_LATER = {
    "probe_ssl_earliest_cert_expiry": "the rehearsal speaks no TLS",
    "anomaly:": "anomalies need two days of history",
    "exchange:anomaly_score": "anomalies need two days of history",
    "limit:used:predict15m": "a prediction needs 20 minutes of history",
    "slo_budget_remaining": "a budget is recorded every four minutes",
    'window="1d"': "a burn rate over a day is recorded every four minutes",
}
"""Part of an expression -> why it returns nothing in the minute of an end-to-end test."""


def shows_later(expr: str) -> bool:
    """Whether an expression needs more than an end-to-end test has: history, or TLS."""
    return any(part in expr for part in SHOWS_LATER)
