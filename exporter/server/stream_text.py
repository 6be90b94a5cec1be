"""The state of a stream as names and texts, for the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exporter.core.stream_view import StreamView
from exporter.server.text import latency, moment, span


def stream_facts(stream: StreamView, now: float) -> Iterator[tuple[str, str]]:
    """What is worth telling of a stream at ``now`` (unix seconds); what is zero is left out."""
    yield "connection", _connection(stream, now)
    if stream.connected:
        yield "subscription", _subscription(stream)
    if stream.last_data_at is not None:
        yield "data", _data(stream, now)
    if stream.connected and stream.max_gap:
        yield "silence", f"allowed {stream.max_gap:.3g} s" + (", exceeded" if stream.silent else "")
    if stream.lag is not None:
        yield "event lag", latency(stream.lag)
    if stream.heartbeat_round_trip is not None:
        yield "heartbeat", f"round trip {latency(stream.heartbeat_round_trip)}"
    if order := _counted(
        {
            "gaps": stream.gaps,
            "ids missing": stream.missing,
            "duplicates": stream.duplicates,
            "out of order": stream.out_of_order,
            "resyncs": stream.resyncs,
        }
    ):
        yield "sequence", order
    if odd := _counted(
        {
            "malformed": stream.malformed,
            "unreadable": stream.unreadable,
            "unmatched": stream.unmatched,
            "oversize": stream.oversize,
            "dropped": stream.dropped,
        }
    ):
        yield "odd messages", odd
    if ended := _counted({str(end): count for end, count in stream.ends.items()}):
        yield "ended", ended
    if failed := _counted({str(why): count for why, count in stream.connect_failures.items()}):
        yield "not opened", failed


def _connection(stream: StreamView, now: float) -> str:
    if stream.connected_at is not None:
        since = f"open for {span(now - stream.connected_at)}, since {moment(stream.connected_at)}"
        return f"{since}, number {stream.connections}"
    if stream.next_attempt_at is not None and stream.next_attempt_at > now:
        return f"none, next attempt in {stream.next_attempt_at - now:.1f} s"
    return "none, opening one"


def _subscription(stream: StreamView) -> str:
    if not stream.subscribed:
        return "not acknowledged"
    if stream.subscribe_duration is None:
        return "in force, proved by data"
    return f"acknowledged after {latency(stream.subscribe_duration)}"


def _data(stream: StreamView, now: float) -> str:
    ago = span(now - (stream.last_data_at or now))
    rate = f"{stream.message_rate:.3g} a second"
    return f"{stream.data_messages} messages, {rate}, the last one {ago} ago"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
