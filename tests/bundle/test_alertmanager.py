"""Routes, inhibition and messages, by Alertmanager's own tool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.bundle.alertmanager import (
    CHANNELS,
    CONFIG,
    FOLDER,
    SECRETS,
    SNIPPETS,
    alert,
    amtool,
    enabled,
    install,
    needed,
    notification,
    render,
    with_snippets,
)
from tests.bundle.rules import alerts

ROUTES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "routes.yml").read_text(encoding="utf-8"))
STALE = {
    "summary": "okx serves stale data",
    "description": "Answers of okx/depth/BTC-USDT are true of the past only.",
    "runbook_url": "https://example.org/runbooks/ExchangeDataStale.md",
    "dashboard_url": "http://grafana.example.org/d/exchange-detail?var-exchange=okx",
}
NASTY = (
    "<!channel> <https://evil.example|click> @everyone `rm` [click](https://evil.example)"
    "\r\nBcc: all ||hidden|| \u2028\u200b\u202egnp.exe "
)
LONG = ("x", "\u754c", "\U0001f6a8")
"""Characters of one, three and four bytes."""


def told(template: str, payload: dict[str, Any], folder: Path) -> str:
    return render(f'{{{{ template "{template}" . }}}}', payload, folder)


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


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        pytest.param(["alertname=DiskFull", "severity=critical", "team=db"], "db", id="theirs"),
        pytest.param(
            ["alertname=ExchangeDown", "severity=critical", "team=db"], "triage,page", id="ours"
        ),
    ],
)
def test_what_is_copied_below_another_root_takes_only_ours(
    tmp_path: Path, labels: list[str], receiver: str
) -> None:
    """As docs/adopt.md says it."""
    shipped = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    (ours,) = shipped["route"]["routes"]
    document = {
        "route": {
            "receiver": "mine",
            "routes": [ours, {"receiver": "db", "matchers": ["team=db"]}],
        },
        "receivers": [{"name": "mine"}, {"name": "db"}, *shipped["receivers"]],
        "time_intervals": shipped["time_intervals"],
        "inhibit_rules": shipped["inhibit_rules"],
    }
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert amtool("check-config", str(file)).returncode == 0
    done = amtool("config", "routes", "test", f"--config.file={file}", *labels)
    assert done.stdout.strip() == receiver


def test_inhibition_concerns_our_alerts_only() -> None:
    """Somebody else's may have a label ``exchange``, too."""
    for rule in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["inhibit_rules"]:
        targets = [it for it in rule["target_matchers"] if it.startswith("alertname=")]
        assert all(re.match(r'alertname=~?"(\w+\|)*Exchange', it) for it in targets)
        assert targets


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule.name)
def test_no_alert_is_routed_to_nowhere(rule: Any) -> None:
    """Each ends at a receiver for people."""
    fixed = {key: value for key, value in rule.labels.items() if "{{" not in value}
    labels = [f"alertname={rule.name}", *(f"{key}={value}" for key, value in fixed.items())]
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
    line = told("exchange.headline", notification([stale()]), tmp_path)
    assert line == "[FIRING] critical · okx serves stale data · since 5 Jan 03:12 UTC"


def test_a_message_says_what_where_and_what_to_do(tmp_path: Path) -> None:
    """One line an alert, then links."""
    assert told("exchange.text", notification([stale()]), tmp_path).splitlines() == [
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
    line = told("exchange.headline", ended, tmp_path)
    assert line == "[RESOLVED] critical · okx serves stale data"
    assert "Silence" not in told("exchange.text", ended, tmp_path)


def test_what_is_over_is_told_beside_what_is_not(tmp_path: Path) -> None:
    """Two of five lines are for it, in every channel's form."""
    ended = [
        {**stale(f"E{n}", description=f"E{n} was stale."), "status": "resolved"} for n in "123"
    ]
    group = notification([*(stale(description=f"{n} is stale.") for n in "123456"), *ended])
    assert told("exchange.text", group, tmp_path).splitlines()[:7] == [
        "• 1 is stale.",
        "• 2 is stale.",
        "• 3 is stale.",
        "… and 3 more",
        "Over: E1 was stale.",
        "Over: E2 was stale.",
        "… and 1 more are over",
    ]
    html = told("exchange.html", group, tmp_path)
    assert "<p>Over:</p><ul><li>E1 was stale.</li><li>E2 was stale.</li></ul>" in html
    assert html.count("<li>") == 5
    alone = notification([{**stale(), "status": "resolved"}], "resolved")
    assert "Over" not in told("exchange.text", alone, tmp_path)


def test_a_group_fires_since_its_oldest_alert(tmp_path: Path) -> None:
    """Which need not be the first, nor of today."""
    old = {**stale("ETH-USDT"), "startsAt": "2026-01-03T22:00:00Z"}
    over = {**stale("XRP-USDT"), "startsAt": "2026-01-01T00:00:00Z", "status": "resolved"}
    line = told("exchange.headline", notification([stale(), old, over]), tmp_path)
    assert line.endswith("okx serves stale data · since 3 Jan 22:00 UTC")


@pytest.mark.parametrize(
    ("severities", "shown"),
    [
        pytest.param(["info", "emergency", "critical"], "emergency", id="ours"),
        pytest.param(["info", "warning"], "warning", id="a warning"),
        pytest.param(["info"], "info", id="info"),
        pytest.param(["page"], "page", id="somebody else's"),
        pytest.param(["info", "page", "info"], "page", id="not known to be harmless"),
        pytest.param(["page", "warning"], "warning", id="beside one that is known"),
        pytest.param(["x" * 50 + "<!channel>"], "x" * 20 + "…", id="hostile"),
        pytest.param([""], "no severity", id="none"),
    ],
)
def test_a_severity_is_the_worst_or_shown_as_it_is(
    tmp_path: Path, severities: list[str], shown: str
) -> None:
    """Never made harmless."""
    group = notification([alert({"alertname": "One", "severity": it}, {}) for it in severities])
    line = told("exchange.headline", group, tmp_path)
    assert re.sub(r"^\[FIRING(?: \d)?\] ", "", line).startswith(f"{shown} · ")


def test_different_alerts_of_an_exchange_make_one_message(tmp_path: Path) -> None:
    """The headline names the first and counts the others; lines tell them apart."""
    tls = alert(
        {"alertname": "ExchangeTlsFailing", "severity": "critical", "exchange": "okx"},
        {"summary": "TLS to okx fails", "description": "No trusted connection to okx."},
    )
    group = notification([stale(), tls])
    assert told("exchange.headline", group, tmp_path) == (
        "[FIRING 2] critical · okx serves stale data (and 1 more) · since 5 Jan 03:12 UTC"
    )
    assert told("exchange.text", group, tmp_path).splitlines()[:2] == [
        "• Answers of okx/depth/BTC-USDT are true of the past only.",
        "• No trusted connection to okx.",
    ]


LIMITS = {
    # The title of a Discord message is 256 characters at most; the subject of a mail is no longer.
    '{{ template "exchange.headline" . }}': 200,
    # Slack shows 3000 characters of a text; Telegram and Discord take 4096.
    '{{ template "exchange.text" . }}': 3000,
    '{{ template "exchange.html" . }}': 8192,
}


@pytest.mark.parametrize("text", LIMITS)
@pytest.mark.parametrize("number", [1, 7, 1000])
@pytest.mark.parametrize("long", LONG)
def test_messages_fit_every_channel(tmp_path: Path, text: str, number: int, long: str) -> None:
    """However many alerts there are, and however long what they say."""
    said = {"description": NASTY + long * 500, "summary": long * 500}
    said |= {name: f"https://a/{name:x<239}" for name in ("runbook_url", "dashboard_url")}
    many = [stale(f"P{n}-USDT", **said) for n in range(number)]
    for one in many:
        one["labels"]["account"] = "%" * 90  # three characters each in a link
        one["generatorURL"] = "http://a/" + "x" * 690
    many[0]["annotations"]["summary"] += "!"
    assert len(render(text, notification(many), tmp_path)) <= LIMITS[text]
    half = [{**one, "status": "resolved"} if n % 2 else one for n, one in enumerate(many)]
    assert len(render(text, notification(half), tmp_path)) <= LIMITS[text]


@pytest.mark.parametrize("long", LONG)
def test_messages_fit_wechat_that_counts_bytes(tmp_path: Path, long: str) -> None:
    """And no character is halved."""
    snippet = yaml.safe_load((FOLDER / "snippets" / "wechat.yml").read_text(encoding="utf-8"))
    said = {"description": long * 500, "summary": long * 500}
    many = [stale(f"P{n}-USDT", **said) for n in range(1000)]
    half = [{**one, "status": "resolved"} if n % 2 else one for n, one in enumerate(many)]
    for group in (many, half):
        message = snippet["wechat_configs"][0]["message"]
        text = render(message, notification(group), tmp_path)
        assert len(text.encode()) <= 2048
        assert "\ufffd" not in text


def test_what_an_exchange_says_is_no_markup(tmp_path: Path) -> None:
    """No mention, no link under another name, no code, no line of its own, nothing invisible."""
    said = {"description": NASTY, "summary": NASTY, "runbook_url": "javascript:alert(1)"}
    payload = notification([stale(**said)])
    for template in ("exchange.headline", "exchange.text"):
        text = told(template, payload, tmp_path)
        assert not set("<>`@|") & set(text)
        assert "](" not in text
        assert all(line.isprintable() for line in text.split("\n"))
        assert "javascript" not in text


def test_what_cannot_be_seen_is_a_space(tmp_path: Path) -> None:
    """Also fillers, an empty braille pattern, variation selectors: letters, symbols and marks."""
    hidden = "a\u3164b\u115fc\u1160d\u2800e\ufe0ff\uffa0g\u034fh\u17b4i\u180bj\U000e0100k"
    line = told("exchange.headline", notification([stale(summary=hidden)]), tmp_path)
    assert line == "[FIRING] critical · a b c d e f g h i j k · since 5 Jan 03:12 UTC"


def test_a_link_to_a_silence_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    """Rather than anything else."""
    payload = notification([alert({"alertname": "One", "pair": "x" * 1500}, {})])
    assert "Silence" not in told("exchange.text", payload, tmp_path)


def test_an_alert_without_annotations_is_told_by_its_name(tmp_path: Path) -> None:
    """Somebody else's rules have other annotations, or none."""
    payload = notification([alert({"alertname": "HostDown", "severity": "critical"}, {})])
    assert told("exchange.headline", payload, tmp_path) == (
        "[FIRING] critical · HostDown · since 5 Jan 03:12 UTC"
    )
    assert told("exchange.text", payload, tmp_path).startswith("• HostDown\n")


def test_a_silence_has_the_labels_as_they_are(tmp_path: Path) -> None:
    """Quotes and backslashes as a matcher wants them, and all as a browser decodes them."""
    value = 'a b+c/d"e\\f&g=h,i}'
    payload = notification([alert({"alertname": "One", "pair": value}, {})])
    link = urlsplit(told("exchange.silence", payload, tmp_path))
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert unquote(link.fragment) == (f'/silences/new?filter={{alertname="One",pair="{quoted}"}}')


ANALYSIS = {
    "summary": "okx serves stale data",
    "cause": "stale_data",
    "impact": "Books are old.",
    "action": "Use the stream.",
    "confidence": "80%",
    "requires_human": "yes",
    "model": "deterministic",
}


def analysis(revision: int, ended: bool = False, **texts: str) -> dict[str, Any]:
    labels = {"alertname": "ExchangeAnalysis", "derived": "triage", "exchange": "okx"}
    labels |= {"severity": "critical", "area": "data", "incident": "0123456789"}
    return alert({**labels, "analysis_rev": str(revision)}, {**ANALYSIS, **texts}, ended)


def test_an_analysis_is_marked_as_a_suggestion(tmp_path: Path) -> None:
    """With its model and confidence; its end is not the end of the incident."""
    assert told("exchange.text", notification([analysis(1)]), tmp_path).splitlines()[:4] == [
        "Suggestion by deterministic, confidence 80%, needs a human",
        "Cause: stale_data",
        "Impact: Books are old.",
        "Next: Use the stream.",
    ]
    ended = notification([analysis(1, ended=True)], "resolved")
    assert told("exchange.headline", ended, tmp_path).startswith("[CLOSED]")


def test_a_revised_analysis_is_told_and_not_the_one_before(tmp_path: Path) -> None:
    """Both are in one notification; the revised one fires."""
    both = notification([analysis(1, ended=True), analysis(2, cause="maintenance")])
    assert "Cause: maintenance\n" in told("exchange.text", both, tmp_path)


def test_a_suppression_is_told_without_an_analysis(tmp_path: Path) -> None:
    """It has a summary only."""
    labels = {"alertname": "ExchangeSuppression", "derived": "triage", "exchange": "okx"}
    texts = {"summary": "Alerts on data of okx are muted for 10 minutes"}
    payload = notification([alert({**labels, "severity": "info"}, texts)])
    assert told("exchange.headline", payload, tmp_path) == (
        "[FIRING] info · Alerts on data of okx are muted for 10 minutes · since 5 Jan 03:12 UTC"
    )
    assert told("exchange.text", payload, tmp_path).startswith("Graph: ")


def test_the_configuration_is_valid_with_the_snippets(tmp_path: Path) -> None:
    """On the installed version: secrets stand in files where it knows that."""
    done = amtool("check-config", str(install(tmp_path, with_snippets(enabled(), "chat"))))
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("file", SNIPPETS, ids=lambda file: file.stem)
def test_snippets_say_which_version_they_need(file: Path) -> None:
    """And use templates that exist, and secrets in files."""
    text = file.read_text(encoding="utf-8")
    assert needed(text) > (0, 25)
    defined = (FOLDER / "templates" / "exchange.tmpl").read_text(encoding="utf-8")
    for name in re.findall(r'template "([\w.]+)"', text):
        assert f'define "{name}"' in defined
    assert "_file: /etc/alertmanager/secrets/" in text
    assert yaml.safe_load(text)
