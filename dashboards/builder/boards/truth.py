"""Is what the exchanges say true and fresh?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, bars, lines, timeline
from dashboards.builder.shared import ENDPOINT, RECORDED

TRUTH = Board(
    "exchange-truth",
    "Data quality",
    "Is what they say true and fresh?",
    (
        (
            "Fresh",
            (
                lines(
                    "Age of data",
                    "The oldest data of each exchange. Normal is a few seconds.",
                    (
                        f"max by (exchange) (exchange_payload_age_seconds{{{ENDPOINT}}})",
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
                bars(
                    "Oldest now",
                    "By the time stamps of the exchange itself.",
                    (
                        f"topk(8, max by (exchange, endpoint, pair) (exchange_payload_age_seconds{{{ENDPOINT}}}))",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
                lines(
                    "Unchanged for",
                    "How long an exchange has answered the same. Compare them: a cache hides here.",
                    (
                        f"max by (exchange) (exchange_payload_unchanged_seconds{{{ENDPOINT}}})",
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
                bars(
                    "Longest unchanged now",
                    "Endpoints whose answers are the same again and again.",
                    (
                        f"topk(8, max by (exchange, endpoint, pair) (exchange_payload_unchanged_seconds{{{ENDPOINT}}}))",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                    height=7,
                ),
                lines(
                    "Clock skew",
                    "The exchange's clock minus ours. If all are off by the same, ours is wrong.",
                    (f"exchange:clock_skew_seconds:avg{{{RECORDED}}}", "{{exchange}}"),
                    ("prober:clock_skew_seconds:median", "median of all"),
                    unit="s",
                    height=9,
                ),
                timeline(
                    "Failing checks",
                    "By check; no line where all pass.",
                    (
                        f"max by (exchange, endpoint, check) (exchange_check_failed{{{ENDPOINT}}} == 1)",
                        "{{exchange}} {{endpoint}} {{check}}",
                    ),
                    states={1: ("failed", BAD)},
                    empty="none seen",
                    height=9,
                ),
            ),
        ),
        (
            "True",
            (
                lines(
                    "Price against the median",
                    "Off the median of all exchanges, signed. Beyond 1 % the alert fires.",
                    (f"exchange:price_divergence:ratio{{{RECORDED}}}", "{{exchange}} {{pair}}"),
                    unit="percentunit",
                    decimals=2,
                ),
                lines(
                    "Spread",
                    "Best ask over best bid, mean of five minutes. Wide against the others means a thin market; below 0 a crossed book.",
                    (
                        f"avg_over_time(exchange:spread_ratio:min{{{RECORDED}}}[5m])",
                        "{{exchange}} {{pair}}",
                    ),
                    unit="percentunit",
                ),
                lines(
                    "Book levels",
                    "Of what is usual in six hours, on the thinner side. Below 50 % the alert fires.",
                    (
                        f"min by (exchange) (target:book_levels:min{{{RECORDED}}} "
                        f"/ target:book_levels:median6h{{{RECORDED}}})",
                        "{{exchange}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    worst="min",
                    steps=((None, BAD), (0.5, GOOD)),
                ),
                lines(
                    "Failures of data",
                    "Probes a second that were refused as untrue, stale or malformed.",
                    (
                        "sum by (exchange, reason) (rate(exchange_probe_failures_total{"
                        f'{ENDPOINT},reason=~"invalid_data|stale_data|malformed"}}[$__rate_interval])) > 0',
                        "{{exchange}} {{reason}}",
                    ),
                    unit="ops",
                    low=0,
                    empty="none seen",
                ),
            ),
        ),
    ),
    ("job", "exchange", "endpoint", "pair"),
)
