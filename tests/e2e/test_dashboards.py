"""Every query of every dashboard returns data when there is something to show."""

from __future__ import annotations

import itertools
import re
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.bundle.dashboards import boards, expressions, filled, shows_later
from tests.e2e import triage
from tests.e2e.processes import query, until
from tests.e2e.provider import provider
from tests.e2e.rehearsal import rehearsal

FAULTS: list[dict[str, Any]] = [
    {"exchange": "binance", "fault": "stream_gap"},
    {"exchange": "binance_usdm", "fault": "banned", "seconds": 40},
    {"exchange": "bybit", "fault": "crossed", "endpoint": "depth"},
    {"exchange": "okx", "fault": "stream_close", "seconds": 3},
    {"exchange": "coinbase", "fault": "rate_limited", "retry_after": 2},
    {"exchange": "deribit", "fault": "stream_close", "seconds": 1},
    {"exchange": "deribit", "fault": "stream_refused"},
]

OPTIONAL = {"account"}
"""Labels that legends name and the rehearsal does not have: it has no keys."""

JOB = """
  - job_name: {name}
    static_configs: [{{targets: ["{address}"]}}]
"""


def test_every_query_returns_data(tmp_path: Path) -> None:
    """With troubles of every kind going on; legends name labels that are there."""
    with ExitStack() as running:
        answering = running.enter_context(provider())
        (tmp_path / "triage").mkdir()
        incidents = triage.stack(tmp_path / "triage", mode="shipped", providers=answering)
        receiver, source = running.enter_context(incidents)
        beside = {"exchange-receiver": receiver.receiver_url, "alertmanager": receiver.urls[0]}
        jobs = "".join(
            JOB.format(name=name, address=url.removeprefix("http://"))
            for name, url in beside.items()
        )
        stage = running.enter_context(rehearsal(tmp_path, jobs))
        stage.set_faults(FAULTS)
        wanted = [row for row in expressions() if not shows_later(row[2])]
        missing = dict.fromkeys(wanted, "never")
        trouble = itertools.product(
            ("ExchangeBanned", "ExchangeDown"), map("e{}".format, range(99))
        )
        end = time.monotonic() + 60
        while missing and time.monotonic() < end:
            source.fire(*next(trouble))
            for row in list(missing):
                if found := query(stage.prometheus, row[2]):
                    names = set(re.findall(r"\{\{(\w+)\}\}", row[3]))
                    present = set().union(*(labels for labels, _ in found))
                    if names - OPTIONAL <= present:
                        del missing[row]
                    else:
                        missing[row] = f"no labels {names - OPTIONAL - present}"
            time.sleep(0.5)
        assert missing == {}
        for uid, board in boards().items():
            for variable in board["templating"]["list"][1:]:
                asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
                assert asked
                if shows_later(asked[1]):
                    continue
                expr = f"count by ({asked[2]}) ({filled(asked[1])})"
                assert until(partial(query, stage.prometheus, expr), uid)
