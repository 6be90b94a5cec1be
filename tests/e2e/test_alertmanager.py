"""What amtool does not test: groups, inhibition, repetition and storms, on a real Alertmanager.

The shipped configuration with channels enabled; all its waits are divided by 60.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.alertmanager import enabled, faster, install
from tests.e2e.channels import Channels, channels
from tests.e2e.processes import alertmanager_process, free_port, get, post, until

FACTOR = 60
INTERVAL = 300 / FACTOR
"""Seconds between two messages about one group."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An Alertmanager and the channels that it tells."""

    url: str
    told: Channels

    def send(self, *alerts: dict[str, Any]) -> None:
        """As Prometheus does."""
        status, text = post(f"{self.url}/api/v2/alerts", list(alerts))
        assert status == 200, text

    def wait(self, channel: str, count: int, seconds: float = 10.0) -> list[str]:
        """The headlines of a channel once it has so many, and no more come for a while."""
        what = f"{channel} was not told {count} times: {self.told.messages}"
        until(lambda: len(self.told.of(channel)) >= count or None, what, seconds)
        time.sleep(INTERVAL + 0.5)
        found = [message.headline for message in self.told.of(channel)]
        assert len(found) == count, found
        assert self.told.refused == []
        return found


def alert(
    name: str, severity: str, area: str, ended: bool = False, **labels: str
) -> dict[str, Any]:
    exchange = labels.get("exchange", "")
    now = datetime.now(UTC).isoformat()
    return {
        "labels": {"alertname": name, "severity": severity, "area": area, **labels},
        "annotations": {
            "summary": f"{exchange or 'everything'}: {name}",
            "description": f"{name} of {labels}",
            "dashboard_url": "http://localhost:3000/d/exchange-detail",
        },
        **({"endsAt": now} if ended else {}),
    }


def down(exchange: str, ended: bool = False) -> dict[str, Any]:
    return alert("ExchangeDown", "critical", "availability", ended, exchange=exchange)


def stale(exchange: str, pair: str, ended: bool = False) -> dict[str, Any]:
    labels = {"exchange": exchange, "endpoint": "depth", "pair": pair}
    return alert("ExchangeDataStale", "critical", "data", ended, **labels)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with channels() as told:
        config = faster(enabled("slack", "pagerduty", "opsgenie", "webhook", "deadman"), FACTOR)
        config = config.replace("http://localhost:8080", told.url)
        config = config.replace("https://deadman.example.org", told.url)
        urls = f"pagerduty_url: {told.url}/pagerduty\n  opsgenie_api_url: {told.url}/opsgenie/"
        config = config.replace("global:\n", f"global:\n  {urls}\n", 1)
        file = install(tmp_path, config)
        (tmp_path / "secrets" / "slack_url").write_text(f"{told.url}/slack", encoding="utf-8")
        with alertmanager_process(tmp_path, file, free_port()) as (_, url):
            yield Stage(url, told)


def test_a_group_is_one_message_on_every_channel_and_one_when_it_is_over(stage: Stage) -> None:
    """However often Prometheus repeats itself."""
    pairs = [f"P{number}-USDT" for number in range(3)]
    for _ in range(3):
        stage.send(*(stale("okx", pair) for pair in pairs))
    for channel in ("page", "slack", "pagerduty", "opsgenie"):
        assert len(stage.wait(channel, 1)) == 1
    (headline,) = [message.headline for message in stage.told.of("slack")]
    assert headline.startswith("[FIRING 3] critical · okx: ExchangeDataStale · since ")
    stage.send(*(stale("okx", pair, ended=True) for pair in pairs))
    assert stage.wait("slack", 2)[1].startswith("[RESOLVED] critical · okx: ExchangeDataStale")
    assert [message.resolved for message in stage.told.of("pagerduty")] == [False, True]
    assert stage.told.of("chat") == []


def test_the_cause_is_told_and_not_its_consequences(stage: Stage) -> None:
    """An exchange that is down hides its own troubles, not a ban, and nobody else's."""
    stage.send(
        down("okx"),
        stale("okx", "BTC-USDT"),
        alert("ExchangeStreamDown", "warning", "stream", exchange="okx", endpoint="stream.book"),
        alert("ExchangeLatencyHigh", "warning", "latency", exchange="kraken"),
        alert("ExchangeBanned", "emergency", "limits", exchange="bybit"),
        alert("ExchangeProbesStarved", "warning", "limits", exchange="bybit"),
        stale("bybit", "BTC-USDT"),
        alert("ExchangeDataInvalid", "critical", "data", exchange="deribit", endpoint="depth"),
        alert("ExchangeSpreadWide", "warning", "data", exchange="deribit", endpoint="depth"),
        alert("ExchangeAnomaly", "info", "latency", exchange="coinbase", signal="latency_p99"),
    )
    assert sorted(stage.wait("page", 3)) == [
        "bybit: ExchangeBanned",
        "deribit: ExchangeDataInvalid",
        "okx: ExchangeDown",
    ]
    assert stage.wait("chat", 1) == ["kraken: ExchangeLatencyHigh"]


def test_the_watchdog_pings_again_and_again(stage: Stage) -> None:
    """Every minute, and nobody else hears of it."""
    stage.send(alert("ExchangeWatchdog", "info", "exporter"))
    until(lambda: len(stage.told.of("ping")) >= 3 or None, "no pings", 15)
    assert [message.channel for message in stage.told.messages if message.channel != "ping"] == []


def test_a_storm_is_one_message_and_nothing_is_lost_after_it(stage: Stage) -> None:
    """2,000 alerts, most exchanges at once: it is us. What is still wrong afterwards is told."""
    offline = ("ExchangeProberOffline", "critical", "exporter")
    exchanges = [f"exchange{number}" for number in range(20)]
    storm = [stale(name, f"P{number}-USDT") for name in exchanges for number in range(98)]
    storm += [down(name) for name in exchanges]
    storm += [alert("ExchangeStreamDown", "warning", "stream", exchange=name) for name in exchanges]
    stage.send(alert(*offline), *storm)
    assert len(storm) == 2000
    assert stage.wait("page", 1) == ["everything: ExchangeProberOffline"]
    assert stage.told.of("chat") == []
    over = [one for one in storm if one["labels"]["exchange"] not in ("exchange3", "exchange7")]
    ended = datetime.now(UTC).isoformat()
    stage.send(alert(*offline, ended=True), *({**one, "endsAt": ended} for one in over))
    headlines = stage.wait("page", 4, 2 * INTERVAL + 10)
    assert sorted(headlines[1:]) == [
        "everything: ExchangeProberOffline",
        "exchange3: ExchangeDown",
        "exchange7: ExchangeDown",
    ]
    stored = json.loads(get(f"{stage.url}/api/v2/alerts?active=true&inhibited=false")[1])
    assert len([one for one in stored if one["labels"].get("exchange") == "exchange3"]) == 1
