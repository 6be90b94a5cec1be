"""Who spends the limits, and how long they last."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, lines, number
from dashboards.builder.shared import ALL, RECORDED, USED

LIMITS = Board(
    "exchange-limits",
    "Limits and budgets",
    "Who spends the limits, and for how long will they last?",
    (
        (
            "Limits",
            (
                lines(
                    "Used by everybody",
                    "Of each published limit, as the exchange says. Above 80 % others are refused soon.",
                    (f"limit:used:max{{{RECORDED}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                    steps=USED,
                ),
                lines(
                    "Used by others",
                    "What clients other than this exporter spend at least.",
                    (f"limit:used_by_others:min{{{RECORDED}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                ),
                lines(
                    "In 15 minutes",
                    "Where the use of a limit will be if it goes on like this. At 100 % the limit is exhausted.",
                    (f"limit:used:predict15m{{{RECORDED}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    empty="needs 20 minutes of history",
                ),
                lines(
                    "Our budget",
                    "Spent of our own share. At 100 % probes wait; they never exceed it.",
                    (f"limit:budget_used:max{{{RECORDED}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                ),
            ),
        ),
        (
            "What follows",
            (
                number(
                    "Blocked for",
                    "How long exchanges have told us to stay away. No data is the normal state.",
                    (f"exchange:blocked_seconds:max{{{RECORDED}}}", "{{exchange}}"),
                    unit="s",
                    steps=((None, BAD),),
                    empty="nobody seen to block us",
                    empty_color=GOOD,
                    width=12,
                    height=8,
                ),
                lines(
                    "Refusals",
                    "Answers a second that say we ask too often, or are banned.",
                    (
                        "sum by (exchange, reason) (rate(exchange_probe_failures_total{"
                        f'{ALL},reason=~"rate_limited|banned"}}[$__rate_interval])) > 0',
                        "{{exchange}} {{reason}}",
                    ),
                    unit="ops",
                    low=0,
                    empty="none seen",
                ),
                lines(
                    "Skipped probes",
                    "By reason. `interval` is normal pacing; `budget` and `backoff` mean that probes were refused.",
                    (f"exchange:skips:rate5m{{{RECORDED}}} > 0", "{{exchange}} {{reason}}"),
                    unit="ops",
                    low=0,
                    empty="none seen",
                ),
                lines(
                    "Schedule",
                    "Probes carried out of those planned. Normal is near 100 %.",
                    (f"exchange:schedule:ratio_rate15m{{{RECORDED}}}", "{{exchange}}"),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    worst="min",
                    steps=((None, BAD), (0.5, GOOD)),
                ),
                lines(
                    "Starved",
                    "Probes skipped for want of budget. Above 20 % the alert fires.",
                    (f"exchange:starved:ratio_rate15m{{{RECORDED}}}", "{{exchange}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                    width=24,
                    height=6,
                ),
            ),
        ),
    ),
)
