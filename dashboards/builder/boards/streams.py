"""Do the streams deliver, in time and in sequence?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, WARN, heatmap, lines, timeline
from dashboards.builder.shared import ALL, RECORDED

STREAMS = Board(
    "exchange-streams",
    "Streams",
    "WebSocket feeds: connected, and alive?",
    (
        (
            "Connection",
            (
                timeline(
                    "State",
                    "Each stream. Silent: without data for longer than is usual for the channel. "
                    "Planned replacements do not show.",
                    (
                        f"2 * max by (exchange, endpoint, pair) (exchange_stream_silent{{{ALL}}} == 1) or "
                        f"min by (exchange, endpoint, pair) (exchange_stream_connected{{{ALL}}})",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states={0: ("disconnected", BAD), 1: ("connected", GOOD), 2: ("silent", WARN)},
                    width=24,
                    height=12,
                ),
                lines(
                    "Reconnects",
                    "By reason, in 15 minutes. Lifetime and notice are planned.",
                    (
                        "sum by (exchange, reason) (increase(exchange_stream_reconnects_total"
                        f"{{{ALL}}}[15m])) > 0",
                        "{{exchange}} {{reason}}",
                    ),
                    low=0,
                    empty="none seen",
                ),
                lines(
                    "Attempts that failed",
                    "By reason, in 15 minutes.",
                    (
                        "sum by (exchange, reason) (increase(exchange_stream_connect_failures_total"
                        f"{{{ALL}}}[15m])) > 0",
                        "{{exchange}} {{reason}}",
                    ),
                    low=0,
                    empty="none seen",
                ),
            ),
        ),
        (
            "Data",
            (
                lines(
                    "Messages",
                    "Data messages a second, of all channels.",
                    (
                        f"sum by (exchange) (stream:data_messages:rate5m{{{RECORDED}}})",
                        "{{exchange}}",
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
                    "Of the slowest channel. Above 1 s the alert fires.",
                    (
                        f'max by (exchange) (stream:event_lag_seconds:quantile5m{{{RECORDED},quantile="0.9"}})',
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    steps=((None, GOOD), (1.0, BAD)),
                ),
                lines(
                    "Gaps and disorder",
                    "Gaps, duplicates and messages out of order a second, together. Normal is 0.",
                    (
                        f"sum by (exchange) (rate(exchange_stream_sequence_gaps_total{{{ALL}}}[$__rate_interval])) "
                        f"+ sum by (exchange) (rate(exchange_stream_duplicates_total{{{ALL}}}[$__rate_interval])) "
                        f"+ sum by (exchange) (rate(exchange_stream_out_of_order_total{{{ALL}}}[$__rate_interval]))",
                        "{{exchange}}",
                    ),
                    unit="ops",
                    low=0,
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
                    "Silence",
                    "Time without data as a part of what is allowed, of the worst channel. Above 100 % it is silent.",
                    (
                        f"max by (exchange) ((timestamp(exchange_stream_last_data_message_timestamp_seconds{{{ALL}}}) "
                        f"- exchange_stream_last_data_message_timestamp_seconds{{{ALL}}}) "
                        f"/ exchange_stream_max_gap_seconds{{{ALL}}})",
                        "{{exchange}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    steps=((None, GOOD), (1.0, BAD)),
                ),
            ),
        ),
    ),
)
