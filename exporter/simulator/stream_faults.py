"""The closed table of faults that a stream can be given, and what they do to its messages.

They are put on ``stream`` (the connection and all its channels) or on one channel, such as
``stream.book``. A fault that names ``every`` hits every so-manieth message of a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exporter.simulator.fault_table import Fault, Kind, Parameter

CLOSE_CODES = ("1001", "1006", "1008", "1013")
MEGABYTE = 1 << 20
_EVERY = {"every": Parameter(50, 1, 1_000_000)}

STREAM_FAULTS: Mapping[str, Fault] = {
    "stream_refused": Fault(
        Kind.STREAM, "answers the upgrade with a status", {"status": Parameter(503, 400, 599)}
    ),
    "stream_no_ack": Fault(Kind.STREAM, "takes subscriptions and never answers them"),
    "stream_no_data": Fault(Kind.STREAM, "acknowledges and never sends; heartbeats go on"),
    "stream_silent": Fault(
        Kind.STREAM,
        "a channel sends nothing after so many messages; heartbeats go on",
        {"messages": Parameter(20, 1, 1_000_000)},
    ),
    "stream_close": Fault(
        Kind.STREAM,
        "ends each connection after so many seconds (1006: without a closing handshake)",
        {"code": Parameter("1006", choices=CLOSE_CODES), "seconds": Parameter(30.0, low=0.1)},
    ),
    "stream_no_pong": Fault(Kind.STREAM, "no pongs and no heartbeats, of whatever kind"),
    "stream_gap": Fault(Kind.STREAM, "loses messages", _EVERY),
    "stream_duplicate": Fault(Kind.STREAM, "sends messages twice", _EVERY),
    "stream_out_of_order": Fault(Kind.STREAM, "sends messages after the one that follows", _EVERY),
    "stream_lag": Fault(
        Kind.STREAM, "sends everything late", {"seconds": Parameter(4.0, 0.1, 50.0)}
    ),
    "stream_burst": Fault(
        Kind.STREAM,
        "so many additional messages a second on each channel, all of them sound",
        {"rate": Parameter(5000, 1, 100_000)},
    ),
    "stream_garbage": Fault(
        Kind.STREAM,
        "frames between the messages that are none",
        {
            **_EVERY,
            "form": Parameter("text", choices=("text", "binary", "cut", "nested", "number")),
        },
    ),
    "stream_oversize": Fault(
        Kind.STREAM,
        "huge frames between the messages; compressed, where that was agreed on",
        {**_EVERY, "megabytes": Parameter(20, 1, 100)},
    ),
    "stream_shutdown": Fault(
        Kind.STREAM,
        "legal: open connections are told, where the exchange does that, and end so much later",
        {"seconds": Parameter(60.0, low=0.1)},
    ),
    "stream_reset": Fault(
        Kind.STREAM, "legal: the sequence falls back once, where the documents allow it"
    ),
    "stream_keepalive": Fault(
        Kind.STREAM, "legal: messages that repeat the last id, where the documents allow it", _EVERY
    ),
    "stream_maintenance": Fault(
        Kind.STREAM, "tells of maintenance, where the exchange does that, and sends no data"
    ),
}

GARBAGE: Mapping[str, Callable[[str], str | bytes]] = {
    "text": lambda _: "no JSON at all",
    "binary": lambda _: b"\xff\x00\xfe",
    "cut": lambda message: message[: len(message) // 2],
    "nested": lambda _: "[" * 100_000,
    "number": lambda _: "42",
}
"""Form of garbage → frame, from the message that it follows."""
