"""The board streams."""

from __future__ import annotations

from builder.board import Board
from builder.panels import BAD, GOOD, heatmap, lines, timeline
from builder.shared import ALL, ON_OFF, RECORDED

STREAMS = Board(
    "exchange-streams",
    "Streams",
    "WebSocket feeds: connected, and alive?",
    (
        (
            "Connection",
            (
                timeline(
                    "Connected",
                    "Each stream. Planned replacements do not show.",
                    (
                        f"min by (exchange, endpoint, pair) (exchange_stream_connected{{{ALL}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states=ON_OFF,
                    height=10,
                ),
                timeline(
                    "Silent",
                    "Connected and without data for longer than is usual for the channel.",
                    (
                        f"max by (exchange, endpoint, pair) (exchange_stream_silent{{{ALL}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states={0: ("no", GOOD), 1: ("silent", BAD)},
                    height=10,
                ),
                lines(
                    "Reconnects",
                    "By reason, in 15 minutes. Lifetime and notice are planned.",
                    (
                        "sum by (exchange, reason) (increase(exchange_stream_reconnects_total"
                        f"{{{ALL}}}[15m])) > 0",
                        "{{exchange}} {{reason}}",
                    ),
                ),
                lines(
                    "Attempts that failed",
                    "By reason, in 15 minutes.",
                    (
                        "sum by (exchange, reason) (increase(exchange_stream_connect_failures_total"
                        f"{{{ALL}}}[15m])) > 0",
                        "{{exchange}} {{reason}}",
                    ),
                ),
            ),
        ),
        (
            "Data",
            (
                lines(
                    "Messages",
                    "Data messages a second.",
                    (
                        f"stream:data_messages:rate5m{{{RECORDED}}}",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="ops",
                    low=0,
                ),
                heatmap(
                    "Lag",
                    "How old events are when they arrive, corrected for clock skew.",
                    f"sum by (le) (rate(exchange_stream_event_lag_seconds_bucket{{{ALL}}}[$__rate_interval]))",
                    unit="s",
                ),
                lines(
                    "Lag, nine in ten",
                    "Above 1 s the alert fires.",
                    (
                        f'stream:event_lag_seconds:quantile5m{{{RECORDED},quantile="0.9"}}',
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    steps=((None, GOOD), (1.0, BAD)),
                ),
                lines(
                    "Gaps and disorder",
                    "Gaps, duplicates and messages out of order a second.",
                    (
                        f"sum by (exchange) (rate(exchange_stream_sequence_gaps_total{{{ALL}}}[$__rate_interval]))",
                        "{{exchange}} gaps",
                    ),
                    (
                        f"sum by (exchange) (rate(exchange_stream_duplicates_total{{{ALL}}}[$__rate_interval]))",
                        "{{exchange}} duplicates",
                    ),
                    (
                        f"sum by (exchange) (rate(exchange_stream_out_of_order_total{{{ALL}}}[$__rate_interval]))",
                        "{{exchange}} out of order",
                    ),
                    unit="ops",
                ),
                lines(
                    "Heartbeat",
                    "Time to the answer to a ping.",
                    (
                        f"max by (exchange) (exchange_stream_heartbeat_round_trip_seconds{{{ALL}}})",
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                ),
                lines(
                    "Silence allowed",
                    "The bound in force for each channel, learnt from its habit.",
                    (
                        f"max by (exchange, endpoint, pair) (exchange_stream_max_gap_seconds{{{ALL}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    unit="s",
                    low=0,
                ),
            ),
        ),
    ),
)
