"""The alert that carries an analysis back into Alertmanager. Pure.

Labels are the identity: they come from the rules and from code, never from a model. Texts are
annotations, made harmless here for every channel at once, for Slack, Discord, WeChat and PagerDuty
show them as they come.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from exporter.receiver.model import SEVERITIES, SOURCE, SOURCE_LABEL, Alert, Answer, Incident

ANALYSIS = "ExchangeAnalysis"
SUPPRESSION = "ExchangeSuppression"

MAX_REVISION = 3
"""Alertmanager tells people of each revision; only a higher severity may exceed this."""

_SUMMARY, _TEXT, _FACT, _FACTS = 200, 300, 160, 400  # characters: channels cut or drop longer ones
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S*|\bwww\.\S+", re.IGNORECASE)
_MENTION = re.compile(r"@(?=\w)")
_MARKUP = str.maketrans(dict.fromkeys("<>`*~|[]\\", " "))


@dataclass(frozen=True, slots=True)
class Derived:
    """An alert of ours. ``expires`` bounds a suppression; times in Unix seconds."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    generator_url: str = ""
    expires: float | None = None

    @property
    def revision(self) -> int:
        return int(self.labels.get("analysis_rev", 0))


def derive(
    incident: Incident, answer: Answer, previous: Derived | None, external_url: str = ""
) -> Derived:
    """The derived alert of an analysis.

    Alertmanager tells nobody that annotations changed, so news that matter change the label
    ``analysis_rev``: another cause, a higher level, a higher severity. Else the labels stay.
    ``startsAt`` is that of the source, so that nothing is delayed a second time.
    """
    starts_at = min(incident.starts_at, previous.starts_at if previous else incident.starts_at)
    return Derived(
        labels=_labels(incident, answer, previous),
        annotations=_annotations(incident, answer),
        starts_at=starts_at,
        generator_url=f"{external_url.rstrip('/')}/#{incident.key}" if external_url else "",
    )


def _labels(incident: Incident, answer: Answer, previous: Derived | None) -> Mapping[str, str]:
    severity = incident.severity
    if previous is None:
        return _identity(incident, severity, 1)
    rises = _rank(severity) > _rank(previous.labels["severity"])
    if not rises:
        severity = previous.labels["severity"]
    matters = (
        answer.analysis.cause != previous.annotations.get("cause")
        or answer.analysis.level > int(previous.annotations.get("level", 0))
    ) and previous.revision < MAX_REVISION
    if rises or matters:
        return _identity(incident, severity, previous.revision + 1)
    return previous.labels


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def _identity(incident: Incident, severity: str, revision: int) -> Mapping[str, str]:
    labels = {
        "alertname": ANALYSIS,
        SOURCE_LABEL: SOURCE,
        "exchange": incident.exchange,
        "area": _leading(incident).labels.get("area", ""),
        "incident": incident.key,
        "severity": severity,
        "analysis_rev": str(revision),
    }
    return {name: value for name, value in labels.items() if value}


def _leading(incident: Incident) -> Alert:
    """The alert that stands for the incident: the most urgent, then the oldest."""
    return min(incident.alerts, key=lambda a: (-a.urgency, a.starts_at, a.name, a.fingerprint))


def _annotations(incident: Incident, answer: Answer) -> Mapping[str, str]:
    analysis = answer.analysis
    links = _leading(incident).annotations
    annotations = {
        "summary": plain(analysis.summary, _SUMMARY),
        "cause": analysis.cause.value,
        "impact": plain(analysis.impact, _TEXT),
        "action": plain(analysis.action, _TEXT),
        "confidence": f"{min(max(analysis.confidence, 0.0), 1.0):.0%}",
        "requires_human": "yes" if analysis.requires_human else "no",
        "level": str(analysis.level),
        "evidence": _facts(analysis.evidence),
        "model": plain(answer.model or answer.analyst, 80),
        "alerts": str(len(incident.alerts)) + ("" if incident.complete else " or more"),
        "runbook_url": _link(links.get("runbook_url", "")),
        "dashboard_url": _link(links.get("dashboard_url", "")),
    }
    return {name: text for name, text in annotations.items() if text}


def _facts(facts: Sequence[str]) -> str:
    return plain("; ".join(text for fact in facts if (text := plain(fact, _FACT))), _FACTS)


def _link(url: str) -> str:
    """A link that the author of the rule wrote; anything that is not one is left out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    sound = parts.scheme in ("http", "https") and bool(parts.netloc)
    return url if sound and url.isascii() and not set(url) & set(" <>\"'`|") else ""


def plain(text: str, longest: int) -> str:
    """A text without links, mentions, commands, markup, line breaks and invisible characters."""
    visible = "".join(" " if _invisible(char) else char for char in text)
    words = _MENTION.sub("", _URL.sub("(link removed)", visible).translate(_MARKUP))
    line = " ".join(words.split()).lstrip("/!#@ ")
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _invisible(char: str) -> bool:
    return unicodedata.category(char)[0] in "CZ"


def suppression(
    incident: Incident, area: str, now: float, ttl: float, external_url: str = ""
) -> Derived:
    """The alert by which Alertmanager's own inhibition mutes alerts of one exchange and area.

    It ends after ``ttl`` seconds, or with the receiver, whichever is first.
    """
    labels = {
        "alertname": SUPPRESSION,
        SOURCE_LABEL: SOURCE,
        "exchange": incident.exchange,
        "area": area,
        "incident": incident.key,
        "severity": SEVERITIES[0],
        "triage_action": "suppress",
    }
    summary = f"Alerts on {area} of {incident.exchange} are muted for {ttl / 60:.0f} minutes"
    url = f"{external_url.rstrip('/')}/#{incident.key}" if external_url else ""
    return Derived(labels, {"summary": summary}, now, url, now + ttl)


def document(derived: Derived, ends_at: float) -> dict[str, object]:
    """The JSON of ``POST /api/v2/alerts``; Alertmanager wants both times, the start not later."""
    found: dict[str, object] = {
        "labels": dict(derived.labels),
        "annotations": dict(derived.annotations),
        "startsAt": timestamp(min(derived.starts_at, ends_at)),
        "endsAt": timestamp(ends_at),
    }
    if derived.generator_url:
        found["generatorURL"] = derived.generator_url
    return found


def timestamp(at: float) -> str:
    """Unix seconds in RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
