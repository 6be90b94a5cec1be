"""The board truth."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, lines, timeline
from builder.shared import ALL, ENDPOINT, RECORDED

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
                    "The oldest data of each endpoint. Normal is a few seconds.",
                    (
                        f"max by (exchange, endpoint, pair) (exchange_payload_age_seconds{{{ENDPOINT}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Unchanged for",
                    "How long an endpoint has answered the same. Compare exchanges: a cache hides here.",
                    (
                        "max by (exchange, endpoint, pair) (exchange_payload_unchanged_seconds"
                        f"{{{ENDPOINT}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Clock skew",
                    "The exchange's clock minus ours. If all are off by the same, ours is wrong.",
                    (f"exchange:clock_skew_seconds:avg{{{RECORDED}}}", "{{exchange}}"),
                    ("prober:clock_skew_seconds:median", "median of all"),
                    unit="s",
                ),
                timeline(
                    "Failing checks",
                    "By check; no line where all pass.",
                    (
                        f"max by (exchange, endpoint, check) (exchange_check_failed{{{ENDPOINT}}} == 1)",
                        "{{exchange}} {{endpoint}} {{check}}",
                    ),
                    states={1: ("failed", BAD)},
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
                ),
                lines(
                    "Spread",
                    "Best ask over best bid. Wide against the others means a thin market.",
                    (f"exchange:spread_ratio:min{{{RECORDED}}}", "{{exchange}} {{pair}}"),
                    unit="percentunit",
                    low=0,
                ),
                lines(
                    "Book levels",
                    "Levels on each side, as far as asked for. Half of usual is thin.",
                    (
                        f"target:book_levels:min{{{RECORDED}}}",
                        "{{exchange}} {{endpoint}} {{pair}} {{side}}",
                    ),
                    low=0,
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
                ),
                lines(
                    "Sequence gaps of streams",
                    "Gaps a second. Normal is none.",
                    (
                        "sum by (exchange, endpoint, pair) (rate(exchange_stream_sequence_gaps_total"
                        f"{{{ALL}}}[$__rate_interval]))",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="ops",
                ),
            ),
        ),
    ),
    ("job", "exchange", "endpoint", "pair"),
)
