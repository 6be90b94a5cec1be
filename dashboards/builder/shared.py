"""Selectors, scales and states that several boards share. Thresholds are those of the rules."""

from __future__ import annotations

from dashboards.builder.panels import BAD, GOOD, OFF, WARN, column

ALL = 'job=~"$job",exchange=~"$exchange"'
RECORDED = 'exchange=~"$exchange"'
ENDPOINT = f'{ALL},endpoint=~"$endpoint",pair=~"$pair"'
ON_OFF = {0: ("no", BAD), 1: ("yes", GOOD)}

RATIO_GOOD = ((None, BAD), (0.9, WARN), (0.99, GOOD))
BURN = ((None, GOOD), (1.0, WARN), (14.4, BAD))
SCORE = ((None, GOOD), (0.5, WARN))
USED = ((None, GOOD), (0.4, WARN), (0.8, BAD))
SLOW = ((None, GOOD), (1.0, WARN), (1.5, BAD))
ENDPOINT_SLOW = ((None, GOOD), (1.0, WARN))
LATE = ((None, GOOD), (120.0, WARN))

OURS = 'alertname=~"Exchange.+",alertname!="ExchangeWatchdog",exchange=~"$exchange|"'
"""Alerts of the shipped rules, also those that concern no exchange."""

FIRING = f'ALERTS{{alertstate="firing",severity=~"warning|critical|emergency",{OURS}}}'

_SEVERITIES = {"emergency": BAD, "critical": BAD, "warning": WARN, "info": OFF}


def by_urgency(expr: str) -> str:
    """An expression whose severities sort by urgency; ``SEVERITY`` shows them without a rank."""
    for rank, name in enumerate(_SEVERITIES):
        expr = f'label_replace({expr}, "severity", "{rank} {name}", "severity", "{name}")'
    return expr


SEVERITY = column(
    "Severity",
    90,
    {f"{rank} {name}": (name, color) for rank, (name, color) in enumerate(_SEVERITIES.items())},
)
