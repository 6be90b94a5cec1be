"""The analyst that needs no model: the first cause in the order of signs that explains the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.receiver.model import Alert, Analysis, Answer, Cause, Evidence
from exporter.receiver.signs import fact_of, findings

NAME = "deterministic"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Wording:
    """``who`` in a summary stands for the exchange."""

    summary: str
    impact: str
    action: str


WORDING: Mapping[Cause, Wording] = {
    Cause.OUTAGE: Wording(
        "{who} gives no usable answer to most calls",
        "Orders, prices and books there cannot be relied upon",
        "Stop or move strategies that trade there, and look at its status page",
    ),
    Cause.ENDPOINT: Wording(
        "{who} fails in part: {where}",
        "What needs these calls gets errors; the rest works",
        "Look at the reason of the failures, and avoid these calls until they recover",
    ),
    Cause.MAINTENANCE: Wording(
        "{who} is under maintenance, as it says itself",
        "It cannot be traded on until it is back",
        "Look up the announced end, and keep strategies away until then",
    ),
    Cause.LATENCY: Wording(
        "{who} answers slowly",
        "Orders and market data arrive late; time-critical strategies lose money",
        "Compare with other exchanges; pause what depends on speed",
    ),
    Cause.RATE_LIMIT: Wording(
        "We are at or near a limit of {who}",
        "Requests are refused, and a ban follows if clients go on",
        "Find the client behind this address that asks most, and slow it down",
    ),
    Cause.BAN: Wording(
        "{who} has shut our address out",
        "Nothing can be traded or measured there from this address",
        "Stop every client behind this address until the ban is over; more requests prolong it",
    ),
    Cause.STALE_DATA: Wording(
        "{who} serves stale data: {where}",
        "Prices and books there are old although the answers look good",
        "Do not trade on this data; take it from a stream or another exchange",
    ),
    Cause.BAD_DATA: Wording(
        "{who} serves data that cannot be right: {where}",
        "Prices or books there are wrong although the answers look good",
        "Do not trade on this data until the checks pass again",
    ),
    Cause.STREAM: Wording(
        "Streams of {who} fail while its calls work: {where}",
        "Books and trades that are kept by streams have gaps or stand still",
        "Rebuild books from snapshots, and fall back to polling where it matters",
    ),
    Cause.CLOCK: Wording(
        "A clock is wrong: ours, or that of {who}",
        "Signed requests are refused, and ages of data are off",
        "Check the time synchronisation of the exporter's machine first",
    ),
    Cause.CREDENTIALS: Wording(
        "{who} refuses a key, or wants one: {where}",
        "Signed calls fail, so orders may fail, too",
        "Check key, permissions, allowed addresses and expiry at the exchange",
    ),
    Cause.TLS: Wording(
        "Certificates or TLS of {who} are the trouble",
        "No trusted connection now, or soon; do not switch verification off",
        "Compare the certificate from another network",
    ),
    Cause.OUR_NETWORK: Wording(
        "Most exchanges give no answer at once, so it is our network, DNS or proxy: {who}",
        "We are blind and cannot trade; the exchanges may well be fine",
        "Check network, DNS and proxy of the exporter's machine",
    ),
    Cause.EXPORTER: Wording(
        "The monitoring itself has a trouble: {who}",
        "What the exchanges do is not known, or known too late",
        "Look at the exporter's log, its load, and the targets page of Prometheus",
    ),
    Cause.UNKNOWN: Wording(
        "Alerts fire for {who} and nothing measured explains them",
        "Not known from what is measured",
        "Read the alert and its runbook",
    ),
}

_EVERYTHING = frozenset(Cause)
EXPLAINS: Mapping[Cause, frozenset[Cause]] = {
    Cause.EXPORTER: _EVERYTHING,
    Cause.OUR_NETWORK: _EVERYTHING,
    Cause.BAN: frozenset(
        {Cause.RATE_LIMIT, Cause.OUTAGE, Cause.ENDPOINT, Cause.STREAM, Cause.EXPORTER}
    ),
    Cause.MAINTENANCE: frozenset({Cause.OUTAGE, Cause.ENDPOINT, Cause.STREAM, Cause.LATENCY}),
    Cause.TLS: frozenset({Cause.OUTAGE, Cause.ENDPOINT, Cause.STREAM}),
    Cause.OUTAGE: frozenset({Cause.ENDPOINT, Cause.STREAM, Cause.LATENCY, Cause.EXPORTER}),
    Cause.CLOCK: frozenset({Cause.CREDENTIALS, Cause.STALE_DATA, Cause.BAD_DATA}),
    Cause.STALE_DATA: frozenset({Cause.BAD_DATA}),
    Cause.RATE_LIMIT: frozenset({Cause.ENDPOINT, Cause.STREAM, Cause.EXPORTER}),
    Cause.LATENCY: frozenset({Cause.ENDPOINT, Cause.STREAM}),
}
"""What a cause makes besides. What is found and not explained is a second cause."""

_LEVELS = {"info": 1, "warning": 2, "critical": 3, "emergency": 5}
_WAITS = frozenset({Cause.ENDPOINT, Cause.LATENCY, Cause.STREAM, Cause.MAINTENANCE})
"""Causes that can wait for people while no alert is critical."""


def analyse(evidence: Evidence) -> Analysis:
    """Analyse an incident. Pure, and total: any evidence has an analysis."""
    found = findings(evidence)
    cause = next(iter(found), Cause.UNKNOWN)
    rest = [other for other in found if other not in EXPLAINS.get(cause, frozenset()) | {cause}]
    confidence = _confidence(evidence, found.get(cause, ()), bool(rest))
    level = _level(evidence, cause)
    calm = cause in _WAITS and level <= 2 and not rest and confidence >= 0.5
    wording = WORDING[cause]
    return Analysis(
        cause=cause,
        summary=_summary(_concerned(evidence, cause), wording, rest),
        impact=wording.impact,
        action=wording.action,
        level=level,
        requires_human=not calm,
        confidence=confidence,
        evidence=_facts(evidence, found, cause, rest),
        suppress=calm and cause is Cause.MAINTENANCE and evidence.incident.complete,
    )


def _confidence(evidence: Evidence, facts: tuple[str, ...], ambiguous: bool) -> float:
    """Alerts and measurements that agree count most; a second cause costs a third."""
    fired = any(" fires" in fact for fact in facts)
    measured = any(" fires" not in fact for fact in facts)
    seen = any(snapshot.samples for snapshot in evidence.snapshots)
    base = 0.95 if fired and measured else 0.85 if fired and seen else 0.6 if fired else 0.5
    if not facts:
        base = 0.3
    return round(base * (0.65 if ambiguous else 1.0), 2)


def _level(evidence: Evidence, cause: Cause) -> int:
    level = _LEVELS[evidence.incident.severity]
    wide = cause in (Cause.OUR_NETWORK, Cause.EXPORTER) or not evidence.incident.exchange
    return 4 if level == 3 and wide else level


def _concerned(evidence: Evidence, cause: Cause) -> tuple[Alert, ...]:
    """The alerts of the exchanges that show the cause: in a storm others have other troubles."""
    alerts = evidence.incident.alerts
    shown = set()
    for name in {alert.labels.get("exchange", "") for alert in alerts}:
        own = tuple(alert for alert in alerts if alert.labels.get("exchange", "") == name)
        alone = replace(evidence.incident, exchange=name, alerts=own)
        if cause in findings(replace(evidence, incident=alone, snapshots=(), others=())):
            shown.add(name)
    return tuple(it for it in alerts if it.labels.get("exchange", "") in shown) or alerts


def _summary(alerts: tuple[Alert, ...], wording: Wording, rest: list[Cause]) -> str:
    text = wording.summary.format(who=_who(alerts), where=_where(alerts))
    return f"{text}; besides: {', '.join(rest)}" if rest else text


def _who(alerts: tuple[Alert, ...]) -> str:
    names = {each for alert in alerts if (each := alert.labels.get("exchange", ""))}
    return _some(sorted(names)) or "the exporter"


def _where(alerts: tuple[Alert, ...]) -> str:
    names = {each for alert in alerts if (each := alert.labels.get("endpoint", ""))}
    return _some(sorted(names)) or _some(sorted({alert.name for alert in alerts}))


def _some(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (" and others" if len(names) > most else "")


def _facts(
    evidence: Evidence,
    found: Mapping[Cause, tuple[str, ...]],
    cause: Cause,
    rest: list[Cause],
) -> tuple[str, ...]:
    first = [*found.get(cause, ()), *(fact for other in rest for fact in found[other])]
    every = [*first, *(fact_of(alert) for alert in evidence.incident.alerts)]
    return tuple(dict.fromkeys(every))[:_SHOWN]


class Deterministic:
    """The analyst of the table."""

    async def analyse(self, evidence: Evidence, now: float) -> Answer:  # noqa: ARG002
        """Analyse one incident at once."""
        return Answer(analyse(evidence), NAME)
