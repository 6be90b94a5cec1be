"""What a scrape, a page or a terminal shows of one stream, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.core.model import Failure, Reason
from exporter.core.numbers import decimal
from exporter.core.result import Facts
from exporter.core.stream import Session
from exporter.core.stream_feed import Feed
from exporter.core.stream_totals import End, Opening, Totals

REMEMBERED = 60.0
"""Seconds for which a gap, garbage or an oversize message makes a stream count as failing: no
scrape of a usual interval misses it.
"""

MAX_LAG = 3.0
"""Seconds between an event and its arrival from which on a stream counts as stale."""

_NOT_OPENED = Opening()
_NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class StreamView:
    """One stream at one moment. Times are unix seconds, durations seconds.

    ``failure`` is why it counts as failing; ``settled`` is false while nobody can know, because
    the first connection or subscription is still under way. What is said of the connection is the
    same for all channels on it. ``lag_buckets`` are not cumulated.
    """

    connected: bool = False
    subscribed: bool = False
    settled: bool = False
    silent: bool = False
    failure: Failure | None = None
    connected_at: float | None = None
    next_attempt_at: float | None = None
    max_gap: float = 0.0
    message_rate: float = 0.0
    messages: int = 0
    bytes: int = 0
    last_message_at: float | None = None
    connections: int = 0
    connect_failures: Mapping[Reason, int] = field(default_factory=dict)
    ends: Mapping[End, int] = field(default_factory=dict)
    opening: Opening = _NOT_OPENED
    heartbeat_round_trip: float | None = None
    subscribe_duration: float | None = None
    malformed: int = 0
    unmatched: int = 0
    unreadable: int = 0
    oversize: int = 0
    dropped: int = 0
    notices: int = 0
    data_messages: int = 0
    last_data_at: float | None = None
    gaps: int = 0
    missing: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    resyncs: int = 0
    refusals: int = 0
    lag: float | None = None
    lag_buckets: tuple[int, ...] = ()
    lag_sum: float = 0.0
    facts: Facts = _NO_FACTS


@dataclass(frozen=True, slots=True)
class Link:
    """How things stand with the connection in use. ``session`` is None while there is none;
    ``trouble`` is then what the last one or the last attempt failed with.
    """

    session: Session | None = None
    connected_at: float | None = None
    trouble: Failure | None = None
    next_attempt_at: float | None = None


def stream_view(target: str, totals: Totals, link: Link, now: float, at: float) -> StreamView:
    """The view of one channel; ``now`` is monotonic, ``at`` unix seconds."""
    connection, channel = totals.connection, totals.channels[target]
    feed = link.session.feed(target) if link.session else None
    allowed = feed.allowed_silence() if feed else 0.0
    silent = feed is not None and feed.silence(now) > allowed
    failure = _failure(link, feed, totals, target, now)
    subscribed = feed is not None and feed.acked_at is not None
    return StreamView(
        connected=link.session is not None,
        subscribed=subscribed,
        settled=subscribed or failure is not None,
        silent=silent,
        failure=failure,
        connected_at=link.connected_at,
        next_attempt_at=link.next_attempt_at,
        max_gap=allowed,
        message_rate=channel.rhythm.rate(now),
        messages=connection.messages,
        bytes=connection.bytes,
        last_message_at=connection.last_message_at,
        connections=connection.connections,
        connect_failures=dict(connection.connect_failures),
        ends=dict(connection.ends),
        opening=connection.opening,
        heartbeat_round_trip=connection.heartbeat_round_trip if link.session else None,
        subscribe_duration=channel.subscribe_duration,
        malformed=connection.malformed,
        unmatched=connection.unmatched,
        unreadable=channel.unreadable,
        oversize=connection.oversize,
        dropped=connection.dropped,
        notices=connection.notices,
        data_messages=channel.data_messages,
        last_data_at=channel.last_data_at,
        gaps=channel.gaps,
        missing=channel.missing,
        duplicates=channel.duplicates,
        out_of_order=channel.out_of_order,
        resyncs=channel.resyncs,
        refusals=channel.refusals,
        lag=channel.lags.latest,
        lag_buckets=tuple(channel.lags.buckets),
        lag_sum=channel.lags.sum,
        facts=_facts(totals, target, link, at),
    )


def _failure(
    link: Link, feed: Feed | None, totals: Totals, target: str, now: float
) -> Failure | None:
    """Why a stream counts as failing, the weightiest first; None if it does not."""
    if feed is None or link.session is None:
        return link.trouble
    if link.session.in_maintenance:
        return Failure(Reason.MAINTENANCE, "the exchange says so on the stream")
    if feed.failure is not None:
        return feed.failure
    channel = totals.channels[target]
    for troubles in (channel.troubles, totals.connection.troubles):
        for reason, (when, detail) in troubles.items():
            if now - when < REMEMBERED:
                return Failure(reason, f"{detail}, {now - when:.0f} s ago")
    if feed.acked_at is None or (feed.untold and _was_silent(link)):
        return link.trouble  # what ended the connection before this one is not over yet
    silence, allowed = feed.silence(now), feed.allowed_silence()
    if silence > allowed:
        return Failure(Reason.STALE_DATA, f"silent for {silence:.1f} s, {allowed:.1f} s is usual")
    lag = channel.lags.latest
    if lag is not None and lag > MAX_LAG:
        return Failure(Reason.STALE_DATA, f"events arrive {lag:.1f} s late")
    return None


def _was_silent(link: Link) -> bool:
    return link.trouble is not None and link.trouble.reason is Reason.STALE_DATA


def _facts(totals: Totals, target: str, link: Link, at: float) -> Facts:
    """What the channel last said of the market; nothing while nobody listens."""
    if link.session is None:
        return _NO_FACTS
    channel = totals.channels[target]
    last, bid, ask = decimal(channel.last), decimal(channel.bid), decimal(channel.ask)
    middle = (bid + ask) / 2 if bid is not None and ask is not None else None
    heard = channel.last_data_at
    return Facts(
        price=last if last is not None else middle,
        last=last,
        bid=bid,
        ask=ask,
        payload_age=max(at - heard, 0.0) if heard is not None else None,
        maintenance=link.session.in_maintenance,
    )
