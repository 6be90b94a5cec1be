"""Selectors, scales and states that several boards share. Thresholds are those of the rules."""

from __future__ import annotations

from dashboards.builder.panels import BAD, GOOD, NEUTRAL, WARN, Json, column, link_of

CHOSEN = 'exchange=~"$exchange"'
ENDPOINT = f'{CHOSEN},endpoint=~"$endpoint",pair=~"$pair"'
# Several exporters may show the same target: it is as fresh as the best of them says.
AGE = (
    "min by (exchange, endpoint, pair, account, connection) "
    f"(exchange_payload_age_seconds{{{ENDPOINT}}})"
)
ON_OFF = {0: ("no", BAD), 1: ("yes", GOOD)}

RATIO_GOOD = ((None, BAD), (0.9, WARN), (0.99, GOOD))
BURN = ((None, GOOD), (1.0, WARN), (14.4, BAD))
BUDGET = ((None, BAD), (0, WARN), (0.25, GOOD))
SCORE = ((None, GOOD), (0.5, WARN))
USED = ((None, GOOD), (0.4, WARN), (0.8, BAD))
SLOW = ((None, GOOD), (1.0, WARN), (1.5, BAD))
ENDPOINT_SLOW = ((None, GOOD), (1.0, WARN))
LATE = ((None, GOOD), (120.0, WARN))
OFF_PRICE = ((None, GOOD), (0.01, BAD))
ERRORS = ((None, GOOD), (0.1, WARN))
SCHEDULE = ((None, BAD), (0.5, GOOD))
SOME = ((None, GOOD), (1, WARN))

OURS = f'alertname=~"Exchange.+",alertname!="ExchangeWatchdog",{CHOSEN[:-1]}|"'
"""Alerts of the shipped rules, also those that concern no exchange."""

URGENT = f'severity=~"warning|critical|emergency",{OURS}'
FIRING = f'ALERTS{{alertstate="firing",{URGENT}}}'
WATCHDOG = 'ALERTS{alertname="ExchangeWatchdog",alertstate="firing"}'
"""There as long as Prometheus evaluates the rules: without it, no alert says nothing."""

SEVERITIES = {0: ("info", NEUTRAL), 1: ("warning", WARN), 2: ("critical", BAD),
              3: ("emergency", BAD)}  # fmt: skip


def ranked(least: int = 0) -> str:
    """The alerts that fire, with the rank of their severity as value."""
    return " or ".join(
        f'{rank} * ALERTS{{alertstate="firing",severity="{name}",{OURS}}}'
        for rank, (name, _) in SEVERITIES.items()
        if rank >= least
    )


def by_urgency(expr: str) -> str:
    """An expression whose severities sort by urgency; ``SEVERITY`` shows them without a rank."""
    for rank, (name, _) in SEVERITIES.items():
        expr = f'label_replace({expr}, "severity", "{3 - rank} {name}", "severity", "{name}")'
    return expr


SEVERITY = column(
    "Severity",
    90,
    {f"{3 - rank} {name}": (name, color) for rank, (name, color) in reversed(SEVERITIES.items())},
)


def with_runbook(expr: str) -> str:
    """Alerts, with the base of their runbooks as a label: what links of a table are made of."""
    return f"{expr} * on () group_left (runbooks) bundle:links"


TO_EXCHANGE = link_of("Show this exchange", "exchange-detail", "${__value.raw}")
TO_RUNBOOK: Json = {
    "title": "What to do: the runbook",
    "url": "${__data.fields.runbooks:raw}/${__value.raw}.md",
    "targetBlank": True,
}
ALERT = column("Alert", link=TO_RUNBOOK)
EXCHANGE = column("Exchange", 120, link=TO_EXCHANGE)
RUNBOOKS = column("runbooks", hidden=True)
"""Columns of tables of alerts. The last is only there for the links."""
