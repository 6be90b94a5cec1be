"""Whether a proposal to mute alerts is followed. Pure; every decision is kept for audit.

Nothing can resolve an alert that Prometheus goes on sending, so this mutes, for a bounded time,
what its own rule marks as harmless to mute. A model may propose; it decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from exporter.receiver.model import Alert, Answer, Incident
from exporter.receiver.settings import Suppression

ALLOWED = ("auto_suppress", "allowed")
"""The label by which the author of a rule consents."""

MAX_TTL = 1800.0
_NEVER = ("critical", "emergency")


@dataclass(frozen=True, slots=True)
class Decision:
    """``alerts`` are those to mute; empty when ``reason`` says why not."""

    reason: str
    alerts: tuple[Alert, ...] = ()

    @property
    def areas(self) -> tuple[str, ...]:
        """The areas of the alerts, for inhibition by exchange and area."""
        return tuple(sorted({alert.labels.get("area", "") for alert in self.alerts} - {""}))


def decide(
    incident: Incident,
    answer: Answer,
    second: Answer,
    active: int,
    before: bool,
    settings: Suppression,
) -> Decision | None:
    """Judge a proposal; None if there is none, or suppression is off.

    ``second`` is the deterministic analysis of the same evidence: without its consent, nothing is
    muted. ``active`` counts the suppressions in force. ``before``: this incident had its own, and
    the bound on its time is one for the incident, not for each analysis of it.
    """
    if settings.mode == "off" or not answer.analysis.suppress:
        return None
    severe = any(alert.labels.get("severity") in _NEVER for alert in incident.alerts)
    allowed = tuple(alert for alert in incident.alerts if _consents(alert))
    objections = (
        (severe, "severe"),
        (not incident.exchange, "no_exchange"),
        (not incident.complete, "incomplete"),
        (not allowed, "not_allowed_by_rule"),
        (answer.analysis.requires_human or second.analysis.requires_human, "requires_human"),
        (not second.analysis.suppress, "not_corroborated"),
        (before, "once_only"),
        (active + _needed(allowed, settings) > settings.limit, "too_many"),
    )
    reason = next((reason for objection, reason in objections if objection), "")
    return Decision(reason) if reason else Decision("suppressed", allowed)


def _consents(alert: Alert) -> bool:
    name, value = ALLOWED
    return alert.labels.get(name) == value and alert.labels.get("severity") in ("info", "warning")


def _needed(alerts: tuple[Alert, ...], settings: Suppression) -> int:
    return len(alerts) if settings.mode == "silence" else len(Decision("", alerts).areas)


def ttl(settings: Suppression) -> float:
    """Seconds for which to mute: never more than half an hour."""
    return min(settings.ttl, MAX_TTL)


def silence(alert: Alert, starts_at: str, ends_at: str, comment: str) -> dict[str, object]:
    """The JSON of ``POST /api/v2/silences`` for exactly this alert: all its labels must match."""
    matchers = [
        {"name": name, "value": value, "isRegex": False, "isEqual": True}
        for name, value in sorted(alert.labels.items())
        if value
    ]
    return {
        "matchers": matchers,
        "startsAt": starts_at,
        "endsAt": ends_at,
        "createdBy": "exchange-exporter receiver",
        "comment": comment,
    }
