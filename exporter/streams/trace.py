"""Listens to one stream for a while and tells what happens as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.clock import Clock
from exporter.core.model import Failure, Reason
from exporter.core.stream import Session
from exporter.core.stream_feed import Feed
from exporter.core.stream_plan import Channel, StreamPlan
from exporter.core.stream_totals import End
from exporter.core.stream_view import Link, StreamView, stream_view
from exporter.probers.attempt import Attempt
from exporter.probers.conversation import (
    OPEN_WITHIN,
    Conversation,
    Opener,
    Wire,
    opening_failure,
)
from exporter.probers.websocket import Data, Listener

_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """Something that happened ``elapsed`` seconds after the beginning.

    ``what`` is a phase of the opening (which took ``seconds``), ``sent``, ``ping``, ``pong``,
    ``acknowledged``, ``refused``, ``data``, ``other``, ``unknown``, ``malformed``, ``error`` or
    ``ended``. ``text`` is an excerpt of the message, ``size`` its length in bytes, ``lag`` its
    event lag, and ``notes`` say what was wrong with its order.
    """

    elapsed: float
    what: str
    text: str = ""
    seconds: float | None = None
    size: int = 0
    lag: float | None = None
    notes: tuple[str, ...] = ()


Tell = Callable[[TraceEvent], None]


async def trace(
    stream: StreamPlan, channel: Channel, opener: Opener, clock: Clock, seconds: float, tell: Tell
) -> StreamView:
    """Subscribe to one channel, tell what happens for ``seconds``, and leave."""
    plan = replace(stream, channels=(channel,))
    told = _Told(Session(plan, lambda: 0.0), clock, tell)
    target, attempt = str(channel.target), Attempt()
    try:
        opening = await told.open(_TellingOpener(opener, told), attempt, OPEN_WITHIN)
    except Exception as error:
        failure = opening_failure(error, attempt)
        told.say("ended", failure.detail)
        link = Link(trouble=failure)
        return stream_view(target, told.session.totals, link, clock.monotonic(), clock.unix())
    told.session.totals.connection.opening = opening
    told.session.totals.connection.connections = 1
    running = asyncio.create_task(told.run())
    try:
        await asyncio.wait({running}, timeout=seconds)
        ended = told.session.ending
        failure = told.session.refusal or Failure(Reason.DISCONNECTED, told.detail or str(ended))
        link = Link(trouble=failure) if ended else Link(told.session, told.opened_at)
        return stream_view(target, told.session.totals, link, clock.monotonic(), clock.unix())
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Told(Conversation):
    """A conversation that somebody follows."""

    def __init__(self, session: Session, clock: Clock, tell: Tell) -> None:
        super().__init__(session, clock.monotonic, clock.unix)
        self._clock = clock
        self._tell = tell
        self._began = clock.monotonic()
        self._only = session.feed(str(session.plan.channels[0].target))

    def say(self, what: str, text: str = "", seconds: float | None = None) -> None:
        self._tell(TraceEvent(self._clock.monotonic() - self._began, what, text, seconds))

    def message(self, data: Data, at: float) -> None:
        before = _Counts(self._only, self.session)
        super().message(data, at)
        what, notes = before.difference(self._only, self.session)
        self._tell(
            TraceEvent(
                elapsed=self._clock.monotonic() - self._began,
                what=what,
                text=str(data[:_EXCERPT], "utf-8", "replace"),
                size=len(data),
                lag=self._only.totals.lags.latest if what == "data" else None,
                notes=notes,
            )
        )

    def pong(self, at: float) -> None:
        super().pong(at)
        self.say("pong", seconds=self.session.totals.connection.heartbeat_round_trip)

    def lost(self, end: End, detail: str) -> None:
        super().lost(end, detail)
        self.say("ended", f"{end}: {detail}")


class _Counts:
    """What was counted before a message, to tell what the message was."""

    def __init__(self, feed: Feed, session: Session) -> None:
        totals, connection = feed.totals, session.totals.connection
        self._acked = feed.acked_at
        self._failure = feed.failure
        self._data = totals.data_messages
        self._unmatched = connection.unmatched
        self._malformed = connection.malformed + totals.unreadable
        self._troubles = dict(connection.troubles)
        self._order = _order(feed)

    def difference(self, feed: Feed, session: Session) -> tuple[str, tuple[str, ...]]:
        totals, connection = feed.totals, session.totals.connection
        after = _order(feed)
        notes = tuple(name for name, count in after.items() if count > self._order[name])
        if totals.data_messages > self._data:
            return "data", notes
        if feed.acked_at is not None and self._acked is None:
            return "acknowledged", notes
        if feed.failure is not None and feed.failure is not self._failure:
            return "refused", notes
        if connection.unmatched > self._unmatched:
            return "unknown", notes
        if connection.malformed + totals.unreadable > self._malformed:
            return "malformed", notes
        if connection.troubles != self._troubles:
            return "error", notes
        return "other", notes


def _order(feed: Feed) -> dict[str, int]:
    totals = feed.totals
    return {
        "gap": totals.gaps,
        "duplicate": totals.duplicates,
        "out of order": totals.out_of_order,
        "resync": totals.resyncs,
    }


class _TellingOpener:
    """Opens as another does, and tells the phases and what is sent."""

    def __init__(self, opener: Opener, told: _Told) -> None:
        self._opener = opener
        self._told = told

    async def open(self, plan: StreamPlan, listener: Listener, attempt: Attempt) -> Wire:
        wire = await self._opener.open(plan, listener, attempt)
        phases = (("resolve", attempt.resolve), ("connect", attempt.connect), ("tls", attempt.tls))
        for name, seconds in phases:
            if seconds is not None:
                self._told.say(name, seconds=seconds)
        self._told.say("upgrade")
        return _TellingWire(wire, self._told)

    def close(self) -> None:
        self._opener.close()


class _TellingWire:
    def __init__(self, wire: Wire, told: _Told) -> None:
        self._wire = wire
        self._told = told
        self.abort = wire.abort
        self.close = wire.close

    def send(self, text: str) -> None:
        self._told.say("sent", text[:_EXCERPT])
        self._wire.send(text)

    def ping(self) -> None:
        self._told.say("ping")
        self._wire.ping()
