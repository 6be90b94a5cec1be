"""What is counted of streams: it outlives connections and reloads, as counters must."""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from exporter.core.model import Failure, Reason
from exporter.core.rhythm import Rhythm
from exporter.core.stream_plan import StreamPlan

EVENT_LAG_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.0, 3.0, 5.0, 10.0, 30.0),
)
"""Seconds. One edge is the lag at which a stream counts as stale."""


class End(enum.StrEnum):
    """Why a connection ended. The closed set of values of the label ``reason`` of reconnects."""

    LIFETIME = "lifetime"  # replaced in time before the provider would have cut it
    NOTICE = "notice"  # replaced because the provider announced a shutdown
    CLOSED = "closed"  # close codes 1000 and 1001
    POLICY = "policy"  # close code 1008
    OVERLOAD = "overload"  # close codes 1012 and 1013
    ERROR = "error"  # any other close code of theirs
    DROPPED = "dropped"  # broken off without a close frame, which is what 1006 stands for
    SILENCE = "silence"  # nothing came for too long
    NO_PONG = "no_pong"  # a ping stayed without its answer
    NOT_SUBSCRIBED = "not_subscribed"  # no subscription was acknowledged
    TOO_LARGE = "too_large"  # a message exceeded its bound
    PROTOCOL = "protocol"  # what they sent is not WebSocket
    INTERNAL = "internal_error"  # a bug of ours


CONNECT_REASONS = (
    *(Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TIMEOUT, Reason.DISCONNECTED),
    *(Reason.HTTP_ERROR, Reason.RATE_LIMITED, Reason.BANNED, Reason.AUTH, Reason.MALFORMED),
    Reason.INTERNAL_ERROR,
)
"""Why a connection cannot be opened."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Seconds spent in each phase of opening a connection; None for one that was not reached."""

    resolve: float | None = None
    connect: float | None = None
    tls: float | None = None
    upgrade: float | None = None

    def items(self) -> tuple[tuple[str, float], ...]:
        """The phases that were reached, in order, as (name, seconds)."""
        pairs = (
            ("resolve", self.resolve),
            ("connect", self.connect),
            ("tls", self.tls),
            ("upgrade", self.upgrade),
        )
        return tuple((name, value) for name, value in pairs if value is not None)


@dataclass(slots=True)
class Lags:
    """A histogram of event lag. ``buckets`` are not cumulated; the last is beyond every edge."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(EVENT_LAG_BUCKETS) + 1))
    sum: float = 0.0
    latest: float | None = None

    def observe(self, lag: float) -> None:
        """Count a lag in seconds; below zero, which only a wrong clock can make it, it is zero."""
        lag = max(lag, 0.0)
        self.buckets[bisect_left(EVENT_LAG_BUCKETS, lag)] += 1
        self.sum += lag
        self.latest = lag


Price = str | int | None
"""A price as the provider wrote it; None while there is none."""


@dataclass(slots=True)
class ChannelTotals:
    """Of one channel. ``troubles`` holds when (monotonic) and what was last wrong with its data.

    ``bid``, ``ask`` and ``last`` are positive, and the bid is not above the ask.
    """

    data_messages: int = 0
    last_data_at: float | None = None
    gaps: int = 0
    missing: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    resyncs: int = 0
    unreadable: int = 0
    refusals: int = 0
    subscribe_duration: float | None = None
    lags: Lags = field(default_factory=Lags)
    rhythm: Rhythm = field(default_factory=Rhythm)
    troubles: dict[Reason, tuple[float, str]] = field(default_factory=dict)
    bid: Price = None
    ask: Price = None
    last: Price = None

    def trouble(self, reason: Reason, detail: str, now: float) -> None:
        """Remember what was wrong."""
        self.troubles[reason] = (now, detail)


@dataclass(slots=True)
class ConnectionTotals:
    """Of the connections of one plan, one after the other. Times are unix seconds."""

    messages: int = 0
    bytes: int = 0
    last_message_at: float | None = None
    connections: int = 0
    connect_failures: dict[Reason, int] = field(
        default_factory=lambda: dict.fromkeys(CONNECT_REASONS, 0)
    )
    ends: dict[End, int] = field(default_factory=lambda: dict.fromkeys(End, 0))
    opening: Opening = Opening()
    heartbeat_round_trip: float | None = None
    malformed: int = 0
    unmatched: int = 0
    oversize: int = 0
    dropped: int = 0
    notices: int = 0
    troubles: dict[Reason, tuple[float, str]] = field(default_factory=dict)

    def trouble(self, reason: Reason, detail: str, now: float) -> None:
        """Remember what was wrong."""
        self.troubles[reason] = (now, detail)

    def fail(self, failure: Failure) -> None:
        """Count a connection that could not be opened."""
        self.connect_failures[failure.reason] = self.connect_failures.get(failure.reason, 0) + 1


@dataclass(slots=True)
class Totals:
    """Everything counted of one plan, its channels by the names of their targets."""

    connection: ConnectionTotals
    channels: dict[str, ChannelTotals]

    @classmethod
    def of(cls, plan: StreamPlan, known: Iterable[Totals] = ()) -> Totals:
        """Zero for what is new; what ``known`` totals have of the same channels goes on."""
        channels = {str(channel.target): ChannelTotals() for channel in plan.channels}
        totals = cls(ConnectionTotals(), channels)
        for old in known:
            totals._continue(old)
        return totals

    def _continue(self, old: Totals) -> None:
        common = self.channels.keys() & old.channels.keys()
        if common:
            self.connection = old.connection
        for name in common:
            self.channels[name] = old.channels[name]
