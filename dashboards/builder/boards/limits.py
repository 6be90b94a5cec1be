"""Who spends the limits, and how long they last."""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, WARN, lines, number
from dashboards.builder.shared import CHOSEN, SCHEDULE, USED

REFUSED = (
    f'label_replace(sum by (exchange, reason) (rate({metric}{{{CHOSEN},reason=~"rate_limited|banned"}}'
    f'[$__rate_interval])) > 0, "of", "{what}", "", "")'
    for metric, what in (
        ("exchange_probe_failures_total", "probes"),
        ("exchange_stream_connect_failures_total", "streams"),
    )
)

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
                    "Of each published limit, as the exchange says. Normal is below 40 %. Above "
                    "80 % slow down some client, or all are refused.",
                    (f"limit:used:max{{{CHOSEN}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                    steps=USED,
                ),
                lines(
                    "Used by others",
                    "What clients other than this exporter spend at least. Normal is what they are "
                    "meant to. Above 50 % the alert fires: find out who it is.",
                    (f"limit:used_by_others:min{{{CHOSEN}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                    steps=((None, GOOD), (0.5, WARN)),
                ),
                lines(
                    "In 15 minutes",
                    "Where the use of a limit will be if it goes on like this. Normal is flat. At "
                    "100 % the limit is exhausted: slow down before.",
                    (f"limit:used:predict15m{{{CHOSEN}}}", "{{exchange}} {{limit}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    steps=((None, GOOD), (1, BAD)),
                    empty="needs 20 minutes of history",
                ),
                lines(
                    "Our budget",
                    "Spent of our own share, which probes never exceed. Normal is low; 100 % at "
                    "times is normal where a budget is of a single request. For long: probe more "
                    "rarely, or allow more.",
                    (f"limit:budget_used:max{{{CHOSEN}}}", "{{exchange}} {{limit}}"),
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
                    "How long exchanges have told us to stay away. Normal is nobody. Otherwise "
                    "stop all clients behind this address until it is over.",
                    (f"exchange:blocked_seconds:max{{{CHOSEN}}}", "{{exchange}}"),
                    unit="s",
                    steps=((None, BAD),),
                    empty="nobody seen to block us",
                    empty_color=GOOD,
                    width=12,
                    height=8,
                ),
                lines(
                    "Refusals",
                    "Probes and connections a second that were refused because we ask too often, or are "
                    "banned. Normal is none. "
                    "Every further request prolongs a ban.",
                    (
                        " or ".join(REFUSED),
                        "{{exchange}} {{of}} {{reason}}",
                    ),
                    unit="ops",
                    low=0,
                    empty="none seen",
                    interval="2m",
                ),
                lines(
                    "Skipped probes",
                    "By reason, a second. Normal is `interval`, which paces. `budget` and `backoff` "
                    "mean that probes were refused: see what has spent the limit.",
                    (f"exchange:skips:rate5m{{{CHOSEN}}} > 0", "{{exchange}} {{reason}}"),
                    unit="ops",
                    low=0,
                    empty="none seen",
                ),
                lines(
                    "Schedule",
                    "Probes carried out of those planned. Normal is near 100 %. Below 50 % the "
                    "alert fires: they are skipped, or the exporter is overloaded.",
                    (f"exchange:schedule:ratio_rate15m{{{CHOSEN}}}", "{{exchange}}"),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    worst="min",
                    steps=SCHEDULE,
                ),
                lines(
                    "Starved",
                    "Probes skipped for want of budget. Normal is 0. Above 20 % the alert fires: "
                    "others spend the limit, or our share is too small.",
                    (f"exchange:starved:ratio_rate15m{{{CHOSEN}}}", "{{exchange}}"),
                    unit="percentunit",
                    decimals=1,
                    low=0,
                    high=1,
                    width=24,
                    height=6,
                    steps=((None, GOOD), (0.2, WARN)),
                ),
            ),
        ),
    ),
)
