"""Routes, inhibition and messages, by Alertmanager's own tool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.alertmanager import (
    CHANNELS,
    CONFIG,
    FOLDER,
    SECRETS,
    alert,
    amtool,
    enabled,
    install,
    notification,
    render,
)
from tests.bundle.rules import alerts

ROUTES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "routes.yml").read_text(encoding="utf-8"))
STALE = {
    "summary": "okx serves data of the past",
    "description": "Answers of okx/depth/BTC-USDT are true of the past only.",
    "runbook_url": "https://example.org/runbooks/ExchangeDataStale.md",
    "dashboard_url": "http://grafana.example.org/d/exchange-detail?var-exchange=okx",
}
NASTY = "<!channel> <https://evil.example|click> @everyone `rm` " + "x" * 5000


def stale(pair: str = "BTC-USDT", **annotations: str) -> dict[str, Any]:
    labels = {"alertname": "ExchangeDataStale", "severity": "critical", "area": "data"}
    labels |= {"exchange": "okx", "endpoint": "depth", "pair": pair}
    return alert(labels, {**STALE, **annotations})


@pytest.mark.parametrize("channel", ["", *CHANNELS, "all"])
def test_the_configuration_is_valid_with_each_channel(tmp_path: Path, channel: str) -> None:
    """As shipped, with one enabled, with all."""
    channels = CHANNELS if channel == "all" else (channel,) if channel else ()
    done = amtool("check-config", str(install(tmp_path, enabled(*channels))))
    assert done.returncode == 0, done.stderr + done.stdout


def test_every_secret_is_in_a_file() -> None:
    """And the head of the configuration names it."""
    text = enabled(*CHANNELS)
    assert set(re.findall(r"\ssecrets/(\w+)", text)) == set(SECRETS)
    assert set(re.findall(r"/etc/alertmanager/secrets/(\w+)", text)) == set(SECRETS)
    for key in ("api_url:", "routing_key:", "api_key:", "smtp_auth_password:", "credentials:"):
        assert key not in text


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row["labels"]["alertname"])
def test_routes(row: dict[str, Any]) -> None:
    """The table routes.yml."""
    labels = [f"{key}={value}" for key, value in row["labels"].items()]
    wanted = f"--verify.receivers={','.join(row['receivers'])}"
    done = amtool("config", "routes", "test", f"--config.file={CONFIG}", wanted, *labels)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule.name)
def test_no_alert_is_routed_to_nowhere(rule: Any) -> None:
    """Each ends at a receiver for people."""
    labels = [f"alertname={rule.name}", *(f"{k}={v}" for k, v in rule.labels.items())]
    done = amtool("config", "routes", "test", f"--config.file={CONFIG}", *labels)
    receivers = set(done.stdout.strip().split(","))
    assert receivers & {"page", "chat", "info", "deadman"}
    if rule.labels["severity"] in ("critical", "emergency"):
        assert "page" in receivers


def test_inhibition_names_alerts_that_exist() -> None:
    """Each exact name, and at least one for each pattern."""
    known = {rule.name for rule in alerts()}
    document = yaml.safe_load(enabled(*CHANNELS))
    for rule in document["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            if match := re.fullmatch(r'alertname!?=~?"(.*)"', matcher):
                for part in match[1].split("|"):
                    assert any(re.fullmatch(part, name) for name in known), part


def test_analyses_are_never_inhibited_with_their_sources() -> None:
    """Targets without a list of names exclude what is derived."""
    for rule in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["inhibit_rules"]:
        named = any(re.match(r'alertname=~?"Exchange[^.]', it) for it in rule["target_matchers"])
        assert named or 'derived=""' in rule["target_matchers"]


def test_a_lock_screen_shows_what_matters(tmp_path: Path) -> None:
    """State, severity, what and since when."""
    line = render("exchange.headline", notification([stale()]), tmp_path)
    assert line == "[FIRING] critical · okx serves data of the past · since 03:12 UTC"


def test_a_message_says_what_where_and_what_to_do(tmp_path: Path) -> None:
    """One line an alert, then links."""
    assert render("exchange.text", notification([stale()]), tmp_path).splitlines() == [
        "• Answers of okx/depth/BTC-USDT are true of the past only.",
        "Runbook: https://example.org/runbooks/ExchangeDataStale.md",
        "Dashboard: http://grafana.example.org/d/exchange-detail?var-exchange=okx",
        "Graph: http://prometheus.example.org/graph",
        (
            "Silence: http://alertmanager.example.org/#/silences/new?filter=%7B"
            "alertname%3D%22ExchangeDataStale%22%2Carea%3D%22data%22%2Cendpoint%3D%22depth%22%2C"
            "exchange%3D%22okx%22%2Cpair%3D%22BTC-USDT%22%2Cseverity%3D%22critical%22%7D"
        ),
    ]


def test_the_end_is_told_as_such(tmp_path: Path) -> None:
    """And offers no silence."""
    labels, annotations = stale()["labels"], stale()["annotations"]
    ended = notification([alert(labels, annotations, ended=True)], "resolved")
    line = render("exchange.headline", ended, tmp_path)
    assert line == "[RESOLVED] critical · okx serves data of the past"
    assert "Silence" not in render("exchange.text", ended, tmp_path)


LIMITS = {
    "exchange.headline": 256,  # the title of a Discord message; Slack and e-mail take more
    "exchange.text": 2048,  # WeChat, in bytes; Telegram and Discord take 4096 characters
    "exchange.short": 130,  # Opsgenie
    "exchange.html": 8192,
}


@pytest.mark.parametrize("template", LIMITS)
@pytest.mark.parametrize("number", [1, 7, 1000])
def test_messages_fit_every_channel(tmp_path: Path, template: str, number: int) -> None:
    """However many alerts there are, and however long what they say."""
    many = [stale(f"P{n}-USDT", description=NASTY, summary=NASTY[:400]) for n in range(number)]
    assert len(render(template, notification(many), tmp_path).encode()) <= LIMITS[template]


def test_what_an_exchange_says_is_no_markup(tmp_path: Path) -> None:
    """No mention, no link, no code."""
    payload = notification([stale(description=NASTY, summary=NASTY[:90])])
    for template in ("exchange.headline", "exchange.text"):
        text = render(template, payload, tmp_path)
        assert not set("<>`@") & set(text)


def test_an_analysis_is_marked_as_a_suggestion(tmp_path: Path) -> None:
    """With its model and confidence; its end is not the end of the incident."""
    labels = {"alertname": "ExchangeAnalysis", "derived": "triage", "exchange": "okx"}
    labels |= {"severity": "critical", "area": "data", "incident": "0123456789"}
    texts = {"summary": "okx: stale data", "model": "deterministic", "confidence": "0.80"}
    texts |= {"cause": "stale_data", "impact": "Books are old.", "action": "Use the stream."}
    payload = notification([alert(labels, {**texts, "requires_human": "true"})])
    assert render("exchange.text", payload, tmp_path).splitlines()[:4] == [
        "Suggestion by deterministic, confidence 0.80, needs a human",
        "Cause: stale_data",
        "Impact: Books are old.",
        "Next: Use the stream.",
    ]
    ended = notification([alert(labels, texts, ended=True)], "resolved")
    assert render("exchange.headline", ended, tmp_path).startswith("[CLOSED]")


@pytest.mark.parametrize("file", sorted(FOLDER.glob("snippets/*.yml")), ids=lambda file: file.stem)
def test_snippets_say_which_version_they_need(file: Path) -> None:
    """And use templates that exist, and secrets in files."""
    text = file.read_text(encoding="utf-8")
    assert re.match(r"# Needs Alertmanager 0\.\d+: ", text)
    defined = (FOLDER / "templates" / "exchange.tmpl").read_text(encoding="utf-8")
    for name in re.findall(r'template "([\w.]+)"', text):
        assert f'define "{name}"' in defined
    assert "_file: /etc/alertmanager/secrets/" in text
    assert yaml.safe_load(text)
