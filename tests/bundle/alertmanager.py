"""The Alertmanager files: with all channels enabled, scaled in time, and payloads for templates."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.bundle.rules import ROOT
from tests.e2e.scaled_rules import scaled

FOLDER = ROOT / "alertmanager"
CONFIG = FOLDER / "alertmanager.yml"
CHANNELS = ("slack", "pagerduty", "opsgenie", "email", "webhook", "triage", "deadman", "suppress")
SECRETS = {
    "slack_url": "http://127.0.0.1:1/slack",
    "pagerduty_key": "k",
    "opsgenie_key": "k",
    "smtp_password": "p",
    "webhook_token": "w",
    "triage_token": "t",
    "deadman_token": "d",
}
SNIPPETS = sorted(FOLDER.glob("snippets/*.yml"))
SNIPPET_SECRETS = {
    "discord_url": "http://127.0.0.1:1/discord",
    "telegram_token": "t",
    "wechat_secret": "t",
}
_TIMES = ("group_wait", "group_interval", "repeat_interval")


def enabled(*channels: str) -> str:
    """The shipped configuration with the marks of these channels removed."""
    text = CONFIG.read_text(encoding="utf-8")
    return re.sub(rf"#(?:{'|'.join(channels)}) ", "", text) if channels else text


def with_snippets(config: str, receiver: str) -> str:
    """The same configuration with all snippets added to a receiver.

    A snippet that needs a newer Alertmanager than the installed one has its secret inline.
    """
    document = yaml.safe_load(config)
    (found,) = (one for one in document["receivers"] if one["name"] == receiver)
    for file in SNIPPETS:
        text = file.read_text(encoding="utf-8")
        if needed(text) > installed():
            text = re.sub(
                r"_file: /etc/alertmanager/secrets/(\w+)",
                lambda match: f": {SNIPPET_SECRETS[match[1]]}",
                text,
            )
        found |= yaml.safe_load(text)
    return yaml.safe_dump(document, sort_keys=False)


def needed(snippet: str) -> tuple[int, int]:
    """The version of Alertmanager that a snippet says it needs."""
    match = re.match(r"# Needs Alertmanager (\d+)\.(\d+): ", snippet)
    assert match, snippet
    return int(match[1]), int(match[2])


def installed() -> tuple[int, int]:
    """The version of the installed Alertmanager; one built without a version is the newest."""
    match = re.search(r"version (\d+)\.(\d+)", amtool("--version").stdout)
    return (int(match[1]), int(match[2])) if match else (1, 0)


def install(folder: Path, config: str) -> Path:
    """Put a configuration, the templates and all secrets into a folder; returns its path."""
    shutil.copytree(FOLDER / "templates", folder / "templates", dirs_exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    for name, secret in {**SECRETS, **SNIPPET_SECRETS}.items():
        (folder / "secrets" / name).write_text(secret, encoding="utf-8")
    file = folder / "alertmanager.yml"
    file.write_text(config.replace("/etc/alertmanager", str(folder)), encoding="utf-8")
    return file


def faster(config: str, factor: float) -> str:
    """The same configuration with all waits of its routes divided by a factor."""
    document: dict[str, Any] = yaml.safe_load(config)

    def scale(route: dict[str, Any]) -> dict[str, Any]:
        times = {key: scaled(route[key], factor) for key in _TIMES if key in route}
        times = {key: "1ms" if value == "0ms" else value for key, value in times.items()}
        routes = [scale(child) for child in route.get("routes", ())]
        return {**route, **times, **({"routes": routes} if routes else {})}

    return yaml.safe_dump({**document, "route": scale(document["route"])}, sort_keys=False)


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run amtool."""
    return subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)


def render(text: str, payload: dict[str, Any], folder: Path) -> str:
    """A text with templates, rendered by amtool with the data of a notification."""
    data = folder / "payload.json"
    data.write_text(json.dumps(payload), encoding="utf-8")
    done = amtool(
        "template",
        "render",
        f"--template.glob={FOLDER}/templates/*.tmpl",
        f"--template.text={text}",
        f"--template.data={data}",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def notification(alerts: list[dict[str, Any]], status: str = "firing") -> dict[str, Any]:
    """What a template sees of a group of alerts."""

    def common(key: str) -> dict[str, str]:
        every = [set(alert[key].items()) for alert in alerts]
        return dict(sorted(set.intersection(*every)))

    labels = common("labels")
    return {
        "receiver": "chat",
        "status": status,
        "alerts": alerts,
        "groupLabels": {key: labels[key] for key in ("exchange",) if key in labels},
        "commonLabels": labels,
        "commonAnnotations": common("annotations"),
        "externalURL": "http://alertmanager.example.org",
    }


def alert(
    labels: dict[str, str], annotations: dict[str, str], ended: bool = False
) -> dict[str, Any]:
    """One alert of a notification."""
    return {
        "status": "resolved" if ended else "firing",
        "labels": labels,
        "annotations": annotations,
        "startsAt": "2026-01-05T03:12:00Z",
        "endsAt": "2026-01-05T03:40:00Z" if ended else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph",
        "fingerprint": "0123456789abcdef",
    }
