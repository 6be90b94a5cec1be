"""Puts together what an analyst may know of an incident. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from exporter.receiver.model import Alert, Evidence, Incident, PastIncident, Snapshot

MAX_ALERTS = 20
MAX_RUNBOOKS = 5
_MAX_RUNBOOK = 1500
_TITLE = re.compile(r"\A# .*$", re.MULTILINE)
_SECTION = re.compile(r"^## +(.+?)\s*$", re.MULTILINE)
_TOLD = ("Meaning", "Impact", "Mitigation")


def evidence_of(
    incident: Incident,
    others: tuple[Incident, ...],
    recent: tuple[PastIncident, ...],
    snapshots: tuple[Snapshot, ...],
    runbooks: Mapping[str, str],
    now: float,
) -> Evidence:
    """The evidence of an incident at ``now`` (Unix seconds).

    ``runbooks`` are alert name → text of the file. Of many alerts the most urgent are kept, and of
    those that say the same of different endpoints each name once before any name twice.
    """
    alerts = _by_urgency(incident.alerts)
    kept = alerts[:MAX_ALERTS]
    complete = incident.complete and len(kept) == len(alerts)
    names = [name for name in dict.fromkeys(alert.name for alert in kept) if name in runbooks]
    return Evidence(
        replace(incident, alerts=kept, complete=complete),
        now,
        snapshots,
        {name: told(runbooks[name]) for name in names[:MAX_RUNBOOKS]},
        recent,
        others,
    )


def _by_urgency(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    seen: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, int, float, int, Alert]] = []
    ordered = sorted(alerts, key=lambda a: (-a.urgency, a.starts_at, a.name, a.fingerprint))
    for alert in ordered:
        key = (alert.name, alert.labels.get("exchange", ""))
        seen[key] = seen.get(key, 0) + 1
        ranked.append((-alert.urgency, seen[key], alert.starts_at, len(ranked), alert))
    return tuple(row[-1] for row in sorted(ranked, key=lambda row: row[:-1]))


def told(text: str) -> str:
    """What a runbook says first, of meaning, impact and mitigation; commands are for people."""
    lead, *parts = _SECTION.split(_TITLE.sub("", text))
    sections = dict(zip(parts[::2], parts[1::2], strict=False))
    wanted = [f"{name}: {' '.join(sections[name].split())}" for name in _TOLD if name in sections]
    return " ".join([*lead.replace("**", "").split(), *wanted])[:_MAX_RUNBOOK]
