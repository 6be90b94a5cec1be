"""Incidents, and what a good model would say of them."""

from __future__ import annotations

import json
from typing import Any

from exporter.receiver.model import Alert, Evidence, Incident, Sample, Snapshot

NOW = 1_800_000_000.0


def firing(
    name: str = "ExchangeDown",
    exchange: str = "okx",
    severity: str = "critical",
    area: str = "availability",
    summary: str = "okx is down",
    description: str = "",
    **labels: str,
) -> Alert:
    """An alert that fires for a minute."""
    found = {"alertname": name, "severity": severity, "area": area, **labels}
    if exchange:
        found["exchange"] = exchange
    texts = {"summary": summary, "description": description}
    return Alert("-".join(found.values()), found, texts, NOW - 60)


def evidence(*alerts: Alert, **snapshots: list[tuple[dict[str, str], float]]) -> Evidence:
    """Evidence of these alerts and samples; without any, of okx that is down."""
    alerts = alerts or (firing(),)
    if not snapshots:
        snapshots = {
            "status": [({"exchange": "okx"}, 2.0)],
            "unanswered_ratio": [({"exchange": "okx"}, 0.83)],
            "failures": [
                ({"exchange": "okx", "endpoint": "depth", "reason": "http_error"}, 1.0),
                ({"exchange": "okx", "endpoint": "ticker", "reason": "timeout"}, 1.0),
            ],
        }
    taken = tuple(
        Snapshot(name, "", tuple(Sample(labels, value) for labels, value in rows))
        for name, rows in snapshots.items()
    )
    exchange = alerts[0].labels.get("exchange", "")
    return Evidence(Incident("0123456789", exchange, alerts), NOW, taken)


def said(**changes: Any) -> dict[str, Any]:
    """A good analysis of the evidence above, changed."""
    return {
        "cause": "outage",
        "summary": "okx answers neither depth nor ticker",
        "impact": "Prices of okx cannot be relied upon",
        "action": "Move strategies elsewhere until 83 % of its endpoints answer again",
        "level": 4,
        "requires_human": True,
        "confidence": 0.9,
        "evidence": ["unanswered ratio 0.83", "status 2"],
        "suppress": False,
        **changes,
    }


def said_text(**changes: Any) -> str:
    """The same as JSON."""
    return json.dumps(said(**changes))
