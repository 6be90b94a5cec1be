"""What amtool does not test: groups, inhibition, repetition and storms, on a real Alertmanager.

The shipped configuration with channels enabled; all its waits are divided by 60.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.bundle.alertmanager import enabled, faster, install, with_snippets
from tests.e2e.channels import Channels, Message, channels
from tests.e2e.processes import alertmanager_process, free_port, get, post, until

FACTOR = 60
INTERVAL = 300 / FACTOR
"""Seconds between two messages about one group, at most: pages have less."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An Alertmanager and the channels that it tells."""

    url: str
    told: Channels

    def send(self, *alerts: dict[str, Any]) -> None:
        """As Prometheus does."""
        status, text = post(f"{self.url}/api/v2/alerts", list(alerts))
        assert status == 200, text

    def heard(self, channel: str, count: int = 1, seconds: float = 30.0) -> list[Message]:
        """The messages of a channel once it has so many."""
        what = f"{channel} was not told {count} times: {self.told}"
        until(lambda: len(self.told.of(channel)) >= count or None, what, seconds)
        return self.told.of(channel)

    def over(self, channel: str) -> bool | None:
        """True when a channel's last message on every group is its end."""
        messages = self.told.of(channel)
        return True if messages and messages[-1].resolved else None

    def inhibited(self) -> list[str]:
        """What Alertmanager knows and does not tell."""
        found = get(f"{self.url}/api/v2/alerts?active=false&inhibited=true")[1]
        return names(json.loads(found))

    def wait(self, channel: str, count: int, seconds: float = 10.0) -> list[str]:
        """The headlines of a channel once it has so many, and no more come for a while."""
        self.heard(channel, count, seconds)
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


@cache
def shipped() -> str:
    """The configuration that ships, with all channels for people; some stand in snippets."""
    channels = ("slack", "pagerduty", "opsgenie", "email", "webhook", "deadman")
    return with_snippets(enabled(*channels), "page")


@contextmanager
def staged(folder: Path, config: str) -> Iterator[Stage]:
    """The configuration, with its waits shortened, and providers of this machine."""
    with channels() as told:
        document = yaml.safe_load(faster(config, FACTOR))
        document["global"] |= {
            "pagerduty_url": f"{told.url}/pagerduty",
            "opsgenie_api_url": f"{told.url}/opsgenie/",
            "telegram_api_url": f"{told.url}/telegram",
            "wechat_api_url": f"{told.url}/wechat/",
            "smtp_smarthost": told.mailbox,
            "smtp_require_tls": False,
        }
        text = yaml.safe_dump(document, sort_keys=False)
        for host in ("http://localhost:8080", "https://deadman.example.org", "http://127.0.0.1:1"):
            text = text.replace(host, told.url)
        file = install(folder, text)
        for name in ("slack", "discord"):
            url = f"{told.url}/{name}"
            (folder / "secrets" / f"{name}_url").write_text(url, encoding="utf-8")
        with alertmanager_process(folder, file, free_port()) as (_, url):
            yield Stage(url, told)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path, shipped()) as stage:
        yield stage


HOSTILE = (
    "<b>bold</b> <!channel> @everyone @here <https://evil.example|click> `rm`\r\nBcc: all\n"
    "[click](https://evil.example) \"q\" 'q' & &lt;i&gt; ||hidden|| \u2028\u200b\u202egnp.exe "
    "\U0001f6a8 </li><script>alert(1)</script> " + "\u754c" * 1700
)
"""What an exchange may say, in 5 kB."""

READ = ("slack", "discord", "telegram", "wechat", "email")
CALLED = ("pagerduty", "opsgenie")


def hostile(exchange: str, number: int) -> list[dict[str, Any]]:
    """So many alerts of one exchange, each with another text."""
    found = [stale(exchange, f"P{n}-USDT") for n in range(number)]
    for n, one in enumerate(found):
        one["labels"]["account"] = 'a b+c/d"e\\f'
        one["annotations"] |= {"summary": f"{exchange} {n} {HOSTILE}", "description": HOSTILE}
        one["annotations"]["runbook_url"] = "javascript:alert(1)"
    return found


def harmless(text: str) -> bool:
    """No tag, mention, masked link, hidden text, nor sign that cannot be seen."""
    shown = text.replace("\n", "")
    return shown.isprintable() and not set("<>`@|") & set(shown) and "](" not in shown


def test_every_channel_takes_every_message(tmp_path: Path) -> None:
    """One alert, three and a thousand, whatever they say, and their end."""
    config = re.sub(r"group_wait: \w+", "group_wait: 2m", shipped())
    config = re.sub(r"group_interval: \w+", "group_interval: 2m", config)
    groups = [hostile("one", 1), hostile("three", 3), hostile("thousand", 1000)]
    alerts = [one for group in groups for one in group]
    with staged(tmp_path, config) as stage:
        stage.send(*alerts)
        begun = {channel: stage.heard(channel, 3) for channel in (*READ, *CALLED, "page")}
        ended = datetime.now(UTC).isoformat()
        stage.send(*({**one, "endsAt": ended} for one in alerts))
        found = {channel: stage.heard(channel, 6) for channel in begun}
    assert stage.told.refused == []
    for channel, messages in found.items():
        assert [message.resolved for message in messages] == [False] * 3 + [True] * 3, channel
        if channel != "page":  # for programs: as it is
            assert all(harmless(one.headline + one.text) for one in messages), messages
    for channel in READ:
        states = sorted(message.headline.partition(" critical · ")[0] for message in begun[channel])
        assert states == ["[FIRING 1000]", "[FIRING 3]", "[FIRING]"], channel
        assert {one.headline[:21] for one in found[channel][3:]} == {"[RESOLVED] critical ·"}
    for message in begun["email"]:  # as text, and as HTML
        matcher = r'account="a b+c/d\"e\\f",area="data"'
        assert unquote(message.text).count(matcher) == 2


def test_a_group_is_one_message_on_every_channel_and_one_when_it_is_over(stage: Stage) -> None:
    """However often Prometheus repeats itself."""
    pairs = [f"P{number}-USDT" for number in range(3)]
    for _ in range(3):
        stage.send(*(stale("okx", pair) for pair in pairs))
    stage.wait("page", 1)
    assert [len(stage.told.of(channel)) for channel in (*READ, *CALLED)] == [1] * 7
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
        alert("ExchangeDataInvalid", "critical", "data", exchange="deribit", endpoint="depth"),
        alert("ExchangeStaleCache", "warning", "data", exchange="deribit", endpoint="depth"),
        alert("ExchangeCertificateExpires", "warning", "security", exchange="gate"),
        alert("ExchangeCertificateExpiresNow", "critical", "security", exchange="gate"),
        alert("ExchangeAnomaly", "info", "latency", exchange="coinbase", signal="latency_p99"),
    )
    assert sorted(stage.wait("page", 4)) == [
        "bybit: ExchangeBanned",
        "deribit: ExchangeDataInvalid",
        "gate: ExchangeCertificateExpiresNow",
        "okx: ExchangeDown",
    ]
    assert stage.wait("chat", 1) == ["kraken: ExchangeLatencyHigh"]


def test_only_what_is_a_consequence_is_hidden(stage: Stage) -> None:
    """Not what is about something else, no outage of ours causes, or another Prometheus sees."""
    own = [
        alert("ExchangeKeyRejected", "critical", "security", exchange="okx", account="main"),
        alert("ExchangeCertificateExpires", "warning", "security", exchange="okx"),
        alert("ExchangePriceDiverges", "critical", "data", exchange="kraken", pair="A"),
        alert("ExchangeSpreadWide", "warning", "data", exchange="kraken", pair="A"),
        alert("ExchangeDataStale", "critical", "data", exchange="bybit", account="a"),
        alert("ExchangeStaleCache", "warning", "data", exchange="bybit", account="b"),
        alert("ExchangeProberOffline", "critical", "exporter", region="east"),
        alert("ExchangeBanned", "emergency", "limits", exchange="okx", region="east"),
        alert("ExchangeKeyRejected", "critical", "security", exchange="bybit", region="east"),
        alert("ExchangeDown", "critical", "availability", exchange="deribit", region="west"),
        alert("ExchangeStreamLag", "warning", "stream", exchange="deribit", region="north"),
        alert("ExchangeExporterDown", "critical", "exporter", cluster="spare"),
        alert("ExchangeTlsFailing", "critical", "security", exchange="gate", cluster="main"),
    ]
    followed = [
        alert("ExchangeLatencyHigh", "warning", "latency", exchange="okx", region="east"),
        alert("ExchangeDown", "critical", "availability", exchange="okx", cluster="spare"),
    ]
    stage.send(*own, *followed)
    until(lambda: stage.inhibited() == names(followed) or None, f"{stage.inhibited()}", 5)


def names(alerts: list[dict[str, Any]]) -> list[str]:
    """Name and exchange of alerts."""
    labels = [one["labels"] for one in alerts]
    return sorted(f"{it['alertname']} {it.get('exchange', '')}" for it in labels)


Kind = tuple[str, str, str]
"""Name, severity and area of an alert."""


@pytest.mark.parametrize(
    ("channel", "told_first", "overtaken_by"),
    [
        pytest.param(
            "page",
            ("ExchangeDataStale", "critical", "data"),
            ("ExchangeDown", "critical", "availability"),
            id="stale data by an outage",
        ),
        pytest.param(
            "page",
            ("ExchangeTlsFailing", "critical", "security"),
            ("ExchangeDown", "critical", "availability"),
            id="TLS by the outage that it makes",
        ),
        pytest.param(
            "page",
            ("ExchangeDataStale", "critical", "data"),
            ("ExchangeBanned", "emergency", "limits"),
            id="stale data by a ban",
        ),
        pytest.param(
            "page",
            ("ExchangeDataStale", "critical", "data"),
            ("ExchangeMaintenance", "warning", "availability"),
            id="stale data by maintenance",
        ),
        pytest.param(
            "chat",
            ("ExchangeLatencyHigh", "warning", "latency"),
            ("ExchangeMaintenance", "warning", "availability"),
            id="latency by maintenance",
        ),
        pytest.param(
            "chat",
            ("ExchangeRateLimitNearlyUsed", "warning", "limits"),
            ("ExchangeRateLimited", "warning", "limits"),
            id="a limit nearly used by its refusals",
        ),
    ],
)
def test_what_is_overtaken_is_over_for_people_and_is_told_when_it_comes_again(
    stage: Stage, channel: str, told_first: Kind, overtaken_by: Kind
) -> None:
    """Alertmanager tells no end of what is inhibited, and believes that people still know of it."""
    stage.send(alert(*told_first, exchange="okx"))
    stage.heard(channel)
    stage.send(alert(*overtaken_by, exchange="okx"))
    told = "chat" if overtaken_by[1] == "warning" else "page"
    name = f"okx: {overtaken_by[0]}"
    until(lambda: name in [one.headline for one in stage.told.of(told)] or None, f"{stage.told}")
    stage.send(alert(*told_first, True, exchange="okx"))
    time.sleep(INTERVAL + 1)
    stage.send(alert(*overtaken_by, True, exchange="okx"))
    until(lambda: stage.over(channel), f"its end was not told: {stage.told}")
    number = len(stage.told.of(channel))
    stage.send(alert(*told_first, exchange="okx"))
    again = stage.heard(channel, number + 1)[number:]
    assert [one.headline for one in again if not one.resolved] == [f"okx: {told_first[0]}"]
    assert stage.told.refused == []


def test_an_analysis_is_told_at_once_as_a_suggestion(stage: Stage) -> None:
    """To the team, and beside the alert that it is about."""
    analysis = alert("ExchangeAnalysis", "critical", "data", exchange="okx", derived="triage")
    analysis["annotations"] |= {
        "model": "deterministic",
        "confidence": "95%",
        "cause": "stale_data",
    }
    stage.send(analysis, stale("okx", "BTC-USDT"))
    stage.heard("page")
    for channel in ("slack", "email"):
        texts = [message.text for message in stage.heard(channel, 2)]
        assert sum("Suggestion by deterministic, confidence 95%\n" in text for text in texts) == 1
    assert stage.told.refused == []


def at(hour: int, weekend: bool) -> str:
    """The configuration where it is this hour now, with the muted weekdays being today or not.

    Only the time zone of the shipped interval is another one, and what it calls a weekend.
    """
    document = yaml.safe_load(shipped())
    (interval,) = document["time_intervals"]
    night, week = interval["time_intervals"]
    now = datetime.now(UTC)
    east = (hour - now.hour + 12) % 24 - 12
    day = now + timedelta(hours=east, days=0 if weekend else 3)
    night["location"] = week["location"] = f"Etc/GMT{-east:+d}"
    week["weekdays"] = [day.strftime("%A").lower()]
    (info,) = (receiver for receiver in document["receivers"] if receiver["name"] == "info")
    info["webhook_configs"] = [{"url": "http://localhost:8080/info"}]
    return yaml.safe_dump(document, sort_keys=False)


@pytest.mark.parametrize(
    ("hour", "weekend", "told"),
    [
        pytest.param(3, False, [], id="night"),
        pytest.param(13, True, [], id="weekend"),
        pytest.param(13, False, ["okx: ExchangeAnomaly"], id="working hours"),
    ],
)
def test_only_info_is_muted_at_night(
    tmp_path: Path, hour: int, weekend: bool, told: list[str]
) -> None:
    """And on weekends. A page comes always; a warning waits longer than info would."""
    with staged(tmp_path, at(hour, weekend)) as stage:
        stage.send(
            alert("ExchangeAnomaly", "info", "latency", exchange="okx"),
            alert("ExchangeLatencyHigh", "warning", "latency", exchange="bybit"),
            down("kraken"),
        )
        assert [message.headline for message in stage.heard("page")] == ["kraken: ExchangeDown"]
        stage.heard("chat")
        assert [message.headline for message in stage.told.of("info")] == told


def test_the_watchdog_pings_again_and_again(stage: Stage) -> None:
    """Every minute, and nobody else hears of it."""
    stage.send(alert("ExchangeWatchdog", "info", "exporter"))
    begun = len(stage.heard("ping"))
    stage.heard("ping", begun + 5, 5 * 60 / FACTOR + 1.5)
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
