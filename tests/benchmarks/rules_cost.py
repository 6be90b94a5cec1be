"""What the rules cost a Prometheus that has 30 exchanges with 10 endpoints each.

    python -m tests.benchmarks.rules_cost [MINUTES]

A small server stands in for the exporter; a real Prometheus scrapes it every 15 s with the shipped
rules. Printed is the share of time that Prometheus spends in evaluating each group: how long its
last evaluation took relative to its interval.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.benchmarks.calm_week import Week, probe, stream
from tests.bundle.rules import RULES
from tests.e2e.processes import get, prometheus, query

EXCHANGES = [f"exchange{number:02}" for number in range(30)]
ENDPOINTS = ["depth", "ticker", *(f"endpoint{number}" for number in range(8))]
CONFIG = """
global: {{scrape_interval: 15s, evaluation_interval: 15s}}
rule_files: [{rules}/recording/*.yml, {rules}/alerts/*.yml]
scrape_configs:
  - job_name: exchange-exporter
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Exposition:
    """The metrics of all targets, one step further at each scrape."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self._totals: defaultdict[str, float] = defaultdict(float)
        self._step = 0

    def text(self) -> str:
        week, step = Week(1), self._step
        for exchange in EXCHANGES:
            for endpoint in ENDPOINTS:
                chance, totals = self._chance, self._totals
                probe(week, chance, totals, 0, exchange, endpoint, set(), False, 60_000 + step)
            stream(week, self._totals, 0, exchange, set(), False)
        self._step += 1
        return "".join(f"{series} {values[0]}\n" for series, values in week.samples.items())


def serve() -> ThreadingHTTPServer:
    """Serve the exposition on a free port."""
    exposition = Exposition()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exposition.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main(minutes: float) -> None:
    """Print one line a group, the dearest first, and the sum."""
    server = serve()
    with tempfile.TemporaryDirectory() as folder:
        config = CONFIG.format(rules=RULES, port=server.server_port)
        with prometheus(Path(folder), config) as url:
            time.sleep(minutes * 60)
            groups = rule_groups(url)
            series = query(url, 'count({__name__=~".+"})')[0][1]
            scraped = query(url, "sum(scrape_samples_scraped)")[0][1]
    for name, interval, duration in sorted(groups, key=lambda group: -group[2] / group[1]):
        share = duration / interval
        print(f"{name:32} {duration * 1000:7.1f} ms every {interval:5.0f} s: {share:.3%}")
    print(f"all: {sum(duration / interval for _, interval, duration in groups):.2%} of one core")
    print(f"{scraped:.0f} series scraped, {series - scraped:.0f} more recorded by rules")
    server.shutdown()


def rule_groups(url: str) -> list[tuple[str, float, float]]:
    """(name, interval in seconds, duration of the last evaluation in seconds)."""
    document = json.loads(get(f"{url}/api/v1/rules")[1])
    return [
        (group["name"], float(group["interval"]), float(group["evaluationTime"]))
        for group in document["data"]["groups"]
    ]


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
