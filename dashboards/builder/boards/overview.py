"""The board overview."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, GOOD, STATUS, WARN, bars, lines, number, table, timeline
from builder.shared import ALERTS, RATIO_GOOD, RECORDED, SCORE, SLOW, USED

OVERVIEW = Board(
    "exchange-overview",
    "Overview",
    "Can we trade, and where not?",
    (
        (
            "Now",
            (
                number(
                    "Status",
                    "One field an exchange, from all signals together. Normal is up. Click to see why.",
                    (f"exchange:status{{{RECORDED}}}", "{{exchange}}"),
                    states=STATUS,
                    link="exchange-detail",
                    width=16,
                    height=6,
                ),
                number(
                    "Alerts",
                    "Alerts that fire, hints aside. Normal is 0. See the board of alerts.",
                    (f"count({ALERTS}) or vector(0)", "firing"),
                    steps=((None, GOOD), (1, WARN), (5, BAD)),
                    width=4,
                    height=6,
                ),
                number(
                    "Our network",
                    "Exchanges that fail at once. Near 100 % it is us: network, DNS or proxy.",
                    ("prober:unanswered_exchanges:ratio", "exchanges failing"),
                    unit="percentunit",
                    low=0,
                    high=1,
                    width=4,
                    height=6,
                    steps=((None, GOOD), (0.3, WARN), (0.6, BAD)),
                ),
            ),
        ),
        (
            "Why",
            (
                timeline(
                    "Status",
                    "How the status of each exchange went. Gaps are times at which nothing was known.",
                    (f"exchange:status{{{RECORDED}}}", "{{exchange}}"),
                    states=STATUS,
                    link="exchange-detail",
                ),
                timeline(
                    "Signals",
                    "What speaks against an exchange at the moment; no line where nothing does.",
                    (f"exchange:signal{{{RECORDED}}}", "{{exchange}} {{signal}}"),
                    states={1: ("on", WARN)},
                    link="exchange-detail",
                ),
                lines(
                    "Success",
                    "Share of probes that succeeded in five minutes, by exchange. Normal is above 99 %.",
                    (f"exchange:probe_success:ratio_rate5m{{{RECORDED}}}", "{{exchange}}"),
                    unit="percentunit",
                    low=0,
                    high=1,
                    steps=RATIO_GOOD,
                    link="exchange-detail",
                ),
                bars(
                    "Latency",
                    "Nine in ten answers come within this time. Above 1.5 s an exchange counts as slow.",
                    (
                        f'exchange:latency_seconds:quantile5m{{{RECORDED},quantile="0.9"}}',
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    steps=SLOW,
                    link="exchange-detail",
                ),
            ),
        ),
        (
            "What is at stake",
            (
                bars(
                    "Error budget left",
                    "Of 30 days, by objective. Below 0 the objective is missed for this month.",
                    (f"exchange:slo_budget_remaining:ratio{{{RECORDED}}}", "{{exchange}} {{slo}}"),
                    unit="percentunit",
                    low=-1,
                    high=1,
                    link="exchange-slo",
                    steps=((None, BAD), (0, WARN), (0.25, GOOD)),
                ),
                bars(
                    "Limits used",
                    "Of each published limit, by everybody on our address. Above 80 % others starve.",
                    (f"limit:used:max{{{RECORDED}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    low=0,
                    high=1,
                    steps=USED,
                    link="exchange-limits",
                ),
                bars(
                    "Anomaly",
                    "Highest score of an exchange's signals. From 0.5 on something is unusual.",
                    (f"exchange:anomaly_score:max{{{RECORDED}}}", "{{exchange}}"),
                    low=0,
                    high=1,
                    steps=SCORE,
                    link="exchange-anomalies",
                ),
                table(
                    "Alerts that fire",
                    "All of them. What to do stands in the runbook of the same name.",
                    'ALERTS{alertstate="firing",alertname!="ExchangeWatchdog"}',
                    ("Value", "alertstate", "job"),
                    height=8,
                ),
                lines(
                    "Price against the median",
                    "How far each price is off the median of all exchanges. Above 1 % it is wrong.",
                    (f"exchange:price_divergence:ratio{{{RECORDED}}}", "{{exchange}} {{pair}}"),
                    unit="percentunit",
                    link="exchange-truth",
                ),
                number(
                    "Changed within the hour",
                    "How often the status of an exchange changed. Normal is 0; more is flapping.",
                    (f"changes(exchange:status{{{RECORDED}}}[1h])", "{{exchange}}"),
                    steps=((None, GOOD), (1, WARN), (4, BAD)),
                    width=12,
                    height=8,
                    link="exchange-detail",
                ),
            ),
        ),
    ),
)
