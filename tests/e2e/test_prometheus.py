"""Two real Prometheus servers discover, scrape and answer queries with what the exchanges said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.config.loader import DEFAULT_EXCHANGES, shipped_catalog
from tests.e2e.conftest import write_config
from tests.e2e.processes import exporter, get, prometheus, query, until

SAMPLE = Path(__file__).parents[2] / "rules" / "prometheus.yml"
INTERVAL = 5.0
SCRAPED_FOR = 30.0


@dataclass(frozen=True)
class Scraped:
    """An exporter that two Prometheus servers have been scraping for 30 s."""

    exporter: str
    servers: tuple[str, str]
    targets: int
    probes_at_first: float
    seconds: float


@pytest.fixture(scope="module")
def scraped(simulator_process: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """The sample configuration of the README, with the port of this run in it."""
    folder = tmp_path_factory.mktemp("prometheus")
    file = write_config(folder, simulator_process, config_of_all_exchanges())
    arguments = (f"--config.file={file}", "--web.listen-address=127.0.0.1:0")
    with ExitStack() as stack:
        url = stack.enter_context(exporter(folder, *arguments)).url()
        config = SAMPLE.read_text(encoding="utf-8").replace("localhost:9927", url[len("http://") :])
        first, second = (
            stack.enter_context(prometheus(folder, config, name)) for name in ("one", "two")
        )
        targets = len(json.loads(get(f"{url}/sd")[1]))

        def all_scraped() -> bool | None:
            return all(len(query(s, "probe_success")) == targets for s in (first, second)) or None

        until(all_scraped, f"not all {targets} targets were scraped", 40.0)
        probes, began = probes_carried_out(url), time.monotonic()
        time.sleep(SCRAPED_FOR)  # real servers scrape at their own pace
        yield Scraped(url, (first, second), targets, probes, time.monotonic() - began)


def config_of_all_exchanges() -> str:
    """Every endpoint of every exchange, as often as its full limits allow but every 5 s at most."""
    lines = ["budget: 1", "exchanges:"]
    for name in DEFAULT_EXCHANGES:
        offered = shipped_catalog()[name].data["endpoints"]
        options = ", ".join(f"{endpoint}: {{interval: {INTERVAL}}}" for endpoint in offered)
        lines.append(f"  {name}: {{base_url: 'SIM/{name}', options: {{{options}}}}}")
    return "\n".join(lines)


def probes_carried_out(url: str) -> float:
    """How many probes the exporter counts; asking starts none, for all were measured just now."""
    lines = get(f"{url}/probe")[1].splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("exchange_probes_total")
    )


def test_every_target_is_discovered_and_up(scraped: Scraped) -> None:
    """At both servers, and the exporter's own metrics as well."""
    for server in scraped.servers:
        up = query(server, 'up{job="exchanges"}')
        assert len(up) == scraped.targets
        assert {value for _, value in up} == {1.0}
        assert len(query(server, "exchange_exporter_build_info")) == 1


def test_every_target_is_healthy(scraped: Scraped) -> None:
    """The simulator is having a calm day."""
    for server in scraped.servers:
        unhealthy = [labels for labels, value in query(server, "probe_success") if value != 1]
        assert unhealthy == []
        assert query(server, "exchange_probe_failed") == []


def test_queries_return_what_the_exchanges_served(scraped: Scraped, simulator: str) -> None:
    """Prices of all exchanges agree with the simulated market; books and clocks are there."""
    served = float(
        json.loads(get(f"{simulator}/binance/api/v3/ticker/price?symbol=BTCUSDT")[1])["price"]
    )
    prices = query(scraped.servers[0], "exchange_price")
    assert {labels["exchange"] for labels, _ in prices} == set(DEFAULT_EXCHANGES)
    for labels, value in prices:
        assert value == pytest.approx(served, rel=0.02), labels
    (skew,) = query(scraped.servers[0], "max(abs(exchange_clock_skew_seconds))")
    assert skew[1] < 1.1  # Kraken tells the time in whole seconds
    assert query(scraped.servers[0], "exchange_book_bid >= exchange_book_ask") == []


def test_latency_survives_across_scrapes_as_a_histogram(scraped: Scraped) -> None:
    """A rate over it gives quantiles."""
    expression = (
        "histogram_quantile(0.5, sum by (le) (rate(exchange_api_latency_seconds_bucket[1m])))"
    )
    ((_, median),) = query(scraped.servers[0], expression)
    assert 0 < median < 1


def test_labels_are_the_exporters_own(scraped: Scraped) -> None:
    """No exported_ labels, and one series for each target."""
    for labels, _ in query(scraped.servers[0], "probe_success"):
        assert not [name for name in labels if name.startswith("exported_")]
        assert {"exchange", "endpoint", "job", "instance"} <= labels.keys()


def test_two_servers_cost_one_probe_an_interval(scraped: Scraped) -> None:
    """Single flight and the minimum interval halve what a pair of servers asks for."""
    probes = probes_carried_out(scraped.exporter) - scraped.probes_at_first
    scrapes = 2 * scraped.targets * scraped.seconds / INTERVAL
    budget = scraped.targets * (scraped.seconds / (0.95 * INTERVAL) + 1)
    assert probes <= budget
    assert probes > scrapes / 4  # and probing did go on
