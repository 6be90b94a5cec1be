"""The declaration of the metrics of streams. No other module names one of these."""

from __future__ import annotations

from exporter.core.stream_totals import EVENT_LAG_BUCKETS
from exporter.metrics.family import Family, Kind, counter, gauge

CONNECTED = gauge(
    "exchange_stream_connected",
    "Whether the connection that carries the stream is open.",
    normal="1, also while a connection is replaced in time.",
    advice="`exchange_stream_reconnects_total` and `exchange_stream_connect_failures_total` name "
    "the reason; `exchange_budget_used_ratio` of stream_connects tells whether we may try again.",
)
SUBSCRIBED = gauge(
    "exchange_stream_subscribed",
    "Whether the exchange acknowledged the subscription, or data proved it.",
    normal="1.",
    advice="The page or `/probe?target=…&debug=true` shows what the exchange answered.",
)
SILENT = gauge(
    "exchange_stream_silent",
    "Whether the stream is subscribed and has been silent for longer than "
    "`exchange_stream_max_gap_seconds`.",
    normal="0.",
    advice="Connected and silent: the feed is dead, and whoever trusts it trades on the past.",
)
CONNECTED_SINCE = gauge(
    "exchange_stream_connected_timestamp_seconds",
    "Unix time at which the present connection was opened. Absent while there is none.",
)
LAST_MESSAGE = gauge(
    "exchange_stream_last_message_timestamp_seconds",
    "Unix time at which the last message of any kind arrived on the connection.",
    normal="Seconds ago: heartbeats count.",
)
LAST_DATA = gauge(
    "exchange_stream_last_data_message_timestamp_seconds",
    "Unix time at which the last message with data of this stream arrived.",
    normal="Less than `exchange_stream_max_gap_seconds` ago.",
)
MAX_GAP = gauge(
    "exchange_stream_max_gap_seconds",
    "The longest silence that is no reason to worry: the bound of the catalog, or less once the "
    "stream's own habit is known.",
    normal="5 on a busy pair, minutes on a quiet one.",
)
RATE = gauge(
    "exchange_stream_message_rate",
    "Data messages per second of this stream, averaged over about a minute.",
    normal="Steady but for the hour of the day.",
)
MESSAGES = counter(
    "exchange_stream_messages_total",
    "Messages of any kind that arrived on the connection of the stream.",
)
DATA_MESSAGES = counter(
    "exchange_stream_data_messages_total", "Messages that carried data of this stream."
)
BYTES = counter(
    "exchange_stream_bytes_total",
    "Bytes of the messages that arrived on the connection of the stream, after decompression.",
)
EVENT_LAG = Family(
    "exchange_stream_event_lag_seconds",
    Kind.HISTOGRAM,
    "Time from an event, as the exchange dates it, to its arrival in our kernel, corrected for the "
    "estimated skew of the exchange's clock. Below zero counts as zero; the first message of a "
    "subscription is left out, because it may tell of old events.",
    normal="Below 0.25 s.",
    advice="From 3 s on the stream counts as stale.",
    buckets=EVENT_LAG_BUCKETS,
)
GAPS = counter(
    "exchange_stream_sequence_gaps_total",
    "Gaps in the sequence of the messages. Legal resets and reconnects are not counted.",
    normal="Flat.",
    advice="A book built from this feed is wrong until it is taken anew.",
)
MISSING = counter(
    "exchange_stream_sequence_missing_total",
    "Ids that the gaps skipped.",
    normal="Flat.",
)
DUPLICATES = counter(
    "exchange_stream_duplicates_total",
    "Messages whose ids had been seen already, wholly or in part.",
    normal="Flat.",
)
OUT_OF_ORDER = counter(
    "exchange_stream_out_of_order_total",
    "Messages that are older than what had been seen already.",
    normal="Flat.",
)
RESYNCS = counter(
    "exchange_stream_resyncs_total",
    "Snapshots and legal resets after which the sequence started afresh within one connection.",
    normal="Nearly flat.",
    advice="A snapshot in mid-stream replaces the book.",
)
CONNECTIONS = counter(
    "exchange_stream_connections_total",
    "Connections that were opened.",
    normal="Grows with `exchange_stream_reconnects_total`.",
)
CONNECT_FAILURES = counter(
    "exchange_stream_connect_failures_total",
    "Connections that could not be opened, by reason.",
    "reason",
    normal="Flat.",
)
RECONNECTS = counter(
    "exchange_stream_reconnects_total",
    "Connections that ended, by reason. Every end is followed by another connection.",
    "reason",
    normal='Only reason="lifetime" grows, about once a day; '
    'reason="notice" when the exchange restarts its servers.',
    advice="`silence`, `no_pong` and `dropped` point at the network or the exchange, `policy` and "
    "`overload` say that we ask too much.",
)
CONNECT_DURATION = gauge(
    "exchange_stream_connect_duration_seconds",
    "Duration of each phase of opening the newest connection.",
    "phase",
)
SUBSCRIBE_DURATION = gauge(
    "exchange_stream_subscribe_duration_seconds",
    "Time from the send of the newest subscription to its acknowledgement.",
    normal="About one round trip.",
)
SUBSCRIPTION_FAILURES = counter(
    "exchange_stream_subscription_failures_total",
    "Subscriptions that were refused, not acknowledged in time, or ended by the exchange.",
    normal="Flat.",
)
ROUND_TRIP = gauge(
    "exchange_stream_heartbeat_round_trip_seconds",
    "Time from our newest ping to its answer. Absent before the first answer on a connection.",
    normal="About one round trip.",
    advice="Growing: the network, or the exchange's server is behind.",
)
NOTICES = counter(
    "exchange_stream_notices_total",
    "Announcements by the exchange that it will close the connection.",
)
MALFORMED = counter(
    "exchange_stream_malformed_messages_total",
    "Messages that could not be parsed.",
    normal="Flat.",
)
UNREADABLE = counter(
    "exchange_stream_unreadable_messages_total",
    "Data messages of this stream that lack their documented shape.",
    normal="Flat.",
    advice="The exchange changed its format, or the catalog is wrong.",
)
UNMATCHED = counter(
    "exchange_stream_unmatched_messages_total",
    "Messages that belong to no stream and mean nothing that is known.",
    normal="Flat.",
)
OVERSIZE = counter(
    "exchange_stream_oversize_messages_total",
    "Messages that exceeded their bound in size, before or after decompression. They are not read, "
    "and the connection is replaced.",
    normal="Flat.",
)
DROPPED = counter(
    "exchange_stream_dropped_messages_total",
    "Messages that were counted but not read, because more came in a second than one stream may "
    "take of this machine.",
    normal="Flat.",
    advice="Gaps cannot be seen where messages were dropped.",
)

STREAMS: tuple[tuple[str, tuple[Family, ...]], ...] = (
    (
        "Streams: state",
        (CONNECTED, SUBSCRIBED, SILENT, CONNECTED_SINCE, LAST_MESSAGE, LAST_DATA, MAX_GAP, RATE),
    ),
    (
        "Streams: messages",
        (
            *(MESSAGES, DATA_MESSAGES, BYTES, EVENT_LAG, GAPS, MISSING, DUPLICATES, OUT_OF_ORDER),
            *(RESYNCS, MALFORMED, UNREADABLE, UNMATCHED, OVERSIZE, DROPPED, NOTICES),
        ),
    ),
    (
        "Streams: connections",
        (
            *(CONNECTIONS, CONNECT_FAILURES, RECONNECTS, CONNECT_DURATION),
            *(SUBSCRIBE_DURATION, SUBSCRIPTION_FAILURES, ROUND_TRIP),
        ),
    ),
)
"""The families of streams by subject; they carry the target's labels beside their own."""
