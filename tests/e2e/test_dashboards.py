"""Every query of every dashboard returns data when there is something to show."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.bundle.dashboards import boards, expressions, filled
from tests.e2e.processes import query, until
from tests.e2e.rehearsal import rehearsal

SHOWS_LATER = {
    "anomaly:": "anomalies need two days of history",
    "exchange:anomaly_score": "anomalies need two days of history",
    "limit:used:predict15m": "a prediction needs 20 minutes of history",
    "slo_budget_remaining": "a budget is recorded every four minutes",
    'window="1d"': "a burn rate over a day is recorded every four minutes",
}
"""Part of an expression -> why it cannot return anything in a minute; tests of rules show it."""

FAULTS: list[dict[str, Any]] = [
    {"exchange": "binance", "fault": "stream_gap"},
    {"exchange": "binance_usdm", "fault": "banned", "seconds": 40},
    {"exchange": "bybit", "fault": "crossed", "endpoint": "depth"},
    {"exchange": "okx", "fault": "stream_close", "seconds": 3},
    {"exchange": "coinbase", "fault": "rate_limited", "retry_after": 2},
    {"exchange": "deribit", "fault": "stream_close", "seconds": 1},
    {"exchange": "deribit", "fault": "stream_refused"},
]


def test_every_query_returns_data(tmp_path: Path) -> None:
    """With troubles of every kind going on; legends name labels that are there."""
    with rehearsal(tmp_path) as stage:
        stage.set_faults(FAULTS)
        wanted = [row for row in expressions() if not any(it in row[2] for it in SHOWS_LATER)]
        missing = dict.fromkeys(wanted, "never")
        end = time.monotonic() + 60
        while missing and time.monotonic() < end:
            for row in list(missing):
                if found := query(stage.prometheus, row[2]):
                    names = set(re.findall(r"\{\{(\w+)\}\}", row[3]))
                    present = set().union(*(labels for labels, _ in found))
                    if names <= present:
                        del missing[row]
                    else:
                        missing[row] = f"no labels {names - present}"
            time.sleep(0.5)
        assert missing == {}
        for uid, board in boards().items():
            for variable in board["templating"]["list"][1:]:
                asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
                assert asked
                if any(it in asked[1] for it in SHOWS_LATER):
                    continue
                expr = f"count by ({asked[2]}) ({filled(asked[1])})"
                assert until(partial(query, stage.prometheus, expr), uid)
