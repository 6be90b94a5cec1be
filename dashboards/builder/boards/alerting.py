"""The board alerting."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, GOOD, WARN, number, table, timeline

ALERTING = Board(
    "exchange-alerts",
    "Alerts",
    "What fires, what fired, and for how long.",
    (
        (
            "Now",
            (
                number(
                    "Firing",
                    "By severity. Normal is none but info.",
                    (
                        'count by (severity) (ALERTS{alertstate="firing",alertname!="ExchangeWatchdog"}) or vector(0)',
                        "{{severity}}",
                    ),
                    steps=((None, GOOD), (1, WARN)),
                    width=12,
                ),
                number(
                    "Watchdog",
                    "Always firing. If it does not, alerting is broken.",
                    ('count(ALERTS{alertname="ExchangeWatchdog"}) or vector(0)', "watchdog"),
                    states={0: ("broken", BAD), 1: ("works", GOOD)},
                    width=12,
                ),
                table(
                    "Firing and pending",
                    "Pending ones fire unless they end first.",
                    'ALERTS{alertname!="ExchangeWatchdog"}',
                    ("Value", "job"),
                    width=24,
                ),
            ),
        ),
        (
            "Recently",
            (
                timeline(
                    "History",
                    "When each alert fired.",
                    (
                        'max by (alertname, exchange) (ALERTS{alertstate="firing",alertname!="ExchangeWatchdog"})',
                        "{{alertname}} {{exchange}}",
                    ),
                    states={1: ("firing", BAD)},
                    width=24,
                    height=12,
                ),
            ),
        ),
    ),
)
