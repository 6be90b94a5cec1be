"""A rehearsal: simulated exchanges, the exporter and a Prometheus in which time passes faster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.config.loader import shipped_catalog
from tests.bundle.rules import RULES
from tests.e2e.processes import Process, exporter, post, prometheus, query, until
from tests.e2e.scaled_rules import write_scaled

FACTOR = 15
"""A scrape interval of 15 s becomes the second below which Prometheus does not go."""

ENDPOINTS = ("time", "status", "ticker", "depth")
INTERVALS = {"kraken": 4.0, "deribit": 3.0}
"""Seconds between two probes, if not one: Kraken takes one call a second, Deribit will be slow."""

_CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}/recording/*.yml, {rules}/alerts/*.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: [{alertmanagers}]}}]}}]}}
scrape_configs:
  - job_name: exchanges
    honor_labels: true
    http_sd_configs: [{{url: {url}/sd, refresh_interval: 1s}}]
  - job_name: exchange-exporter
    scrape_interval: 1s
    static_configs: [{{targets: ["{address}"]}}]
"""

Fired = Mapping[tuple[str, str], float]
"""(alert, exchange) -> unix time at which it began to fire."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What can be done and seen while it runs."""

    simulator: str
    prometheus: str
    exporter: str

    def set_faults(self, faults: list[dict[str, Any]]) -> None:
        """Replace all faults in force."""
        status, text = post(f"{self.simulator}/faults", faults)
        assert status == 200, text

    def firing(self) -> set[tuple[str, str]]:
        """(alert, exchange) of all that fire now, but for what always does and mere hints."""
        return {
            (labels["alertname"], labels.get("exchange", ""))
            for labels, _ in query(self.prometheus, _FIRING)
        }

    def calm(self) -> bool | None:
        """True when every exchange is up with all its streams, and no alert fires or will."""
        well = query(self.prometheus, _WELL)
        return True if well and not query(self.prometheus, _ALERTS) else None

    def fired_since(self, began: float) -> Fired:
        """All that has fired since then, with the time at which it was first seen."""
        seconds = max(1, round(time.time() - began))
        expression = f"min_over_time(timestamp({_FIRING})[{seconds}s:1s])"
        return {
            (labels["alertname"], labels.get("exchange", "")): first
            for labels, first in query(self.prometheus, expression)
        }


_KNOWN = (
    "exchange:status == 0 and on (exchange) "
    'sum without (quantile) (exchange:latency_seconds:quantile5m{quantile="0.9"})'
)
_WELL = "min(exchange_stream_connected) == 1 unless on () (exchange:status > 0)"
_OTHERS = "ExchangeWatchdog|ExchangeAnomaly|ExchangeErrorBudget.+"  # always, or not rehearsed
_ALERTS = f'ALERTS{{alertname!~"{_OTHERS}"}}'
_FIRING = f'ALERTS{{alertstate="firing",alertname!~"{_OTHERS}"}}'


@contextmanager
def rehearsal(folder: Path, jobs: str = "") -> Iterator[Rehearsal]:
    """Start everything and wait until all is calm and known; ``jobs`` are scraped beside it."""
    with (
        simulated(folder) as (simulator, url),
        prometheus(folder, config(folder, url) + jobs) as server,
    ):
        until(lambda: all_up(server), "not all exchanges are up", 60)
        yield Rehearsal(simulator, server, url)


@contextmanager
def simulated(folder: Path) -> Iterator[tuple[str, str]]:
    """A simulator and an exporter of all its exchanges; yields both URLs."""
    simulate = ("simulate", "--web.listen-address=127.0.0.1:0", "--simulator.own-ports")
    with exporter(folder, *simulate, name="simulator") as simulator:
        url = simulator.url()
        (folder / "exporter.yml").write_text(_exporter_config(simulator), encoding="utf-8")
        serve = (f"--config.file={folder}/exporter.yml", "--web.listen-address=127.0.0.1:0")
        with exporter(folder, *serve) as process:
            yield url, process.url()


def config(folder: Path, url: str, *alertmanagers: str) -> str:
    """A Prometheus configuration with the scaled rules, for the exporter at this URL."""
    write_scaled(RULES, folder / "rules", FACTOR)
    return _CONFIG.format(
        rules=folder / "rules",
        url=url,
        address=url.removeprefix("http://"),
        alertmanagers=", ".join(it.removeprefix("http://") for it in alertmanagers),
    )


def _exporter_config(simulator: Process) -> str:
    bases = dict(
        line.split(" base_url: ") for line in simulator.output.splitlines() if " base_url: " in line
    )
    exchanges = {name.strip(): _exchange(name.strip(), url) for name, url in bases.items()}
    return yaml.safe_dump({"budget": 1, "pairs": ["BTC-USDT"], "exchanges": exchanges})


def _exchange(name: str, url: str) -> dict[str, Any]:
    endpoints = ["time", "ticker", "depth"] if name == "kraken" else _endpoints(name)
    interval = f"{INTERVALS.get(name, 1.0):g}s"
    return {
        "base_url": url,
        "stream_url": url,
        "endpoints": endpoints,
        "streams": ["ticker", "trades", "book"],
        "options": {endpoint: {"interval": interval} for endpoint in endpoints},
    }


def _endpoints(name: str) -> list[str]:
    offered = shipped_catalog()[name].data["endpoints"]
    return [endpoint for endpoint in ENDPOINTS if endpoint in offered]


def all_up(server: str) -> bool | None:
    """Every exchange is up, and its latency is known."""
    known = query(server, _KNOWN)
    return len(known) == len(shipped_catalog()) or None
