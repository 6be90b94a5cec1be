"""Do the streams deliver, in time and in sequence?"""

from __future__ import annotations

from dashboards.builder.board import Board
from dashboards.builder.panels import BAD, GOOD, WARN, heatmap, lines, timeline
from dashboards.builder.shared import CHOSEN, SOME


def counted(metric: str, by: str, window: str) -> str:
    """How often in a window. Channels share a connection and each shows its counters, as do several
    exporters: the most of them is the number. increase() extrapolates, hence round()."""
    inner = "exchange, endpoint, pair, instance" + ("" if by == "exchange" else ", reason")
    return f"round(max by ({by}) (sum by ({inner}) (increase({metric}{{{CHOSEN}}}[{window}]))))"


UNREADABLE = " + ".join(
    counted(f"exchange_stream_{kind}_messages_total", "exchange", "10m")
    for kind in ("malformed", "unreadable", "oversize")
)

GAPS = f"{counted('exchange_stream_sequence_gaps_total', 'exchange', '10m')} > 0"
DISORDER = (
    f"{counted('exchange_stream_duplicates_total', 'exchange', '10m')} "
    f"+ {counted('exchange_stream_out_of_order_total', 'exchange', '10m')} > 0"
)

HEARD = f"exchange_stream_last_data_message_timestamp_seconds{{{CHOSEN}}}"
SILENCE = f"(timestamp({HEARD}) - {HEARD}) / exchange_stream_max_gap_seconds{{{CHOSEN}}}"

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
                    "Each stream, by the best of several exporters. Normal is connected; planned "
                    "replacements do not show. Silent: connected and without data for longer than "
                    "is usual, so do not trade on it. Not subscribed: the exchange did not take "
                    "the subscription; is the pair still traded?",
                    (
                        f"2 * (stream:silent:min{{{CHOSEN}}} == 1) or "
                        f"3 * (stream:connected:max{{{CHOSEN}}} == 1 "
                        f"and max_over_time(stream:subscribed:max{{{CHOSEN}}}[1m]) == 0) or "
                        f"max_over_time(stream:connected:max{{{CHOSEN}}}[1m])",
                        "{{exchange}} {{endpoint}} {{pair}}",
                    ),
                    states={
                        0: ("disconnected", WARN),
                        1: ("connected", GOOD),
                        2: ("silent", BAD),
                        3: ("not subscribed", WARN),
                    },
                    width=24,
                    height=12,
                ),
                lines(
                    "Reconnects",
                    "Of the connection that has most, by reason, in 15 minutes. Normal is none but "
                    "lifetime and notice, which are planned. Above 3 others the alert fires: is it "
                    "one exchange, or all and our network?",
                    (
                        f"{counted('exchange_stream_reconnects_total', 'exchange, reason', '15m')} > 0",
                        "{{exchange}} {{reason}}",
                    ),
                    low=0,
                    empty="none seen",
                    steps=((None, GOOD), (3, WARN)),
                ),
                lines(
                    "Attempts that failed",
                    "Of the connection that has most, by reason, in 15 minutes. Normal is none. "
                    "`banned` and `rate_limited`: stop, the limit is on connections, too.",
                    (
                        f"{counted('exchange_stream_connect_failures_total', 'exchange, reason', '15m')} > 0",
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
                    "Data messages a second, of all channels. Normal follows the market. A sudden "
                    "drop of one exchange alone is a lost channel.",
                    (
                        f"sum by (exchange) (stream:data_messages:rate5m{{{CHOSEN}}})",
                        "{{exchange}}",
                    ),
                    unit="ops",
                    low=0,
                ),
                lines(
                    "Silence",
                    "Time without data as a part of what is allowed, of the worst channel. Normal "
                    "is below 50 %. Above 100 % it is silent, and connected anew.",
                    (
                        f"max by (exchange) (min by (exchange, endpoint, pair) ({SILENCE}))",
                        "{{exchange}}",
                    ),
                    unit="percentunit",
                    decimals=0,
                    low=0,
                    steps=((None, GOOD), (1.0, BAD)),
                ),
                heatmap(
                    "Lag",
                    "How old events are when they arrive, corrected for clock skew, over five "
                    "minutes. Normal is below 0.5 s. If all are late, it is our network or machine.",
                    f"sum by (le) (stream:event_lag_seconds_bucket:rate5m{{{CHOSEN}}})",
                    unit="s",
                ),
                lines(
                    "Lag, nine in ten",
                    "Of the slowest channel. Normal is below 0.3 s. Above 1 s the alert fires: "
                    "prices are old when they come.",
                    (
                        f'max by (exchange) (stream:event_lag_seconds:quantile5m{{{CHOSEN},quantile="0.9"}})',
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    steps=((None, GOOD), (1.0, WARN)),
                ),
                lines(
                    "Gaps and disorder",
                    "Of the worst channel, in ten minutes: gaps in the sequence; duplicates and "
                    "messages out of order. Normal is 0. Above one gap the alert fires: build books "
                    "anew from a snapshot.",
                    (
                        f'label_replace({GAPS}, "what", "gaps", "", "") '
                        f'or label_replace({DISORDER}, "what", "disorder", "", "")',
                        "{{exchange}} {{what}}",
                    ),
                    empty="none seen",
                    low=0,
                    steps=SOME,
                ),
                lines(
                    "Messages that cannot be read",
                    "Of the worst channel, in ten minutes: malformed, too large or of an unknown "
                    "shape. Normal is 0. Above 1 the alert fires: has the exchange changed its "
                    "format?",
                    (UNREADABLE, "{{exchange}}"),
                    low=0,
                    steps=SOME,
                ),
                lines(
                    "Heartbeat",
                    "Time to the answer to a ping. Normal is the time a packet travels, below "
                    "0.5 s. It rises before a connection breaks.",
                    (
                        f"max by (exchange) (exchange_stream_heartbeat_round_trip_seconds{{{CHOSEN}}})",
                        "{{exchange}}",
                    ),
                    unit="s",
                    low=0,
                    width=24,
                    height=6,
                ),
            ),
        ),
    ),
)
