"""One connection's conversation without any I/O: messages in, messages to send and verdicts out.

    connecting ──▶ standby ──all acknowledged──▶ in use ──▶ leaving ──▶ ended
                   (counts into throw-away totals until it is promoted)

A message is decoded once, and of it only what the rules need is read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

from exporter.core.backoff import exponential
from exporter.core.envelope import judge_answer
from exporter.core.expression import evaluate, holds, is_true
from exporter.core.model import Failure, Reason
from exporter.core.plan import Expression
from exporter.core.stream_feed import Feed
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_pulse import Outbox, Pulse
from exporter.core.stream_totals import End, Totals
from exporter.core.text import printable

ACK_WITHIN = 10.0
"""Seconds within which a subscription must be acknowledged."""

TRY_AGAIN, TRY_AGAIN_CAP = 60.0, 600.0
"""Seconds after which a subscription that failed is asked for again on the same connection, doubled
each time up to the cap: OKX takes 480 requests an hour (okx.com/docs-v5, WebSocket, Connect).
"""

GIVE_UP_AFTER = 300.0
"""Seconds after which a connection all of whose channels are too silent is given up."""

MAX_MESSAGES = 10_000
MAX_BYTES = 32 * 1024 * 1024
"""Of one connection in one second. What exceeds them is counted and dropped unread, so that one
stream cannot keep the others waiting; nothing is ever queued.
"""

_TICK = 5.0
_MAX_TEXT = 64
_MAX_HINTS = 4096


Data = bytes | bytearray | memoryview


def _refuse(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


# Fractions stay text: most are never looked at.
_DECODE = json.JSONDecoder(parse_float=str, parse_constant=_refuse).decode


class Session:
    """``now`` is monotonic seconds, ``at`` unix seconds. Raises nothing, whatever comes.

    ``ending`` says that the connection must be closed and why, ``leaving`` that it should be
    replaced, because the provider announced its end. ``changes`` counts what somebody may wait
    for: answers to subscriptions, ``leaving`` and ``ending``.
    """

    def __init__(self, plan: StreamPlan, clock_offset: Callable[[], float]) -> None:
        """``clock_offset`` yields the exchange's clock minus ours in seconds, as far as known."""
        self.plan = plan
        self.totals = Totals.of(plan)
        self.ending: End | None = None
        self.leaving = False
        self.in_maintenance = False
        self.changes = 0
        self._clock_offset = clock_offset
        self._offset, self._offset_until = 0.0, 0.0
        self._feeds = tuple(Feed(each, n) for n, each in enumerate(plan.channels, start=1))
        self.count_into(self.totals)
        self._hints: dict[tuple[str, ...], Feed] = {}
        self._outbox = Outbox(plan.message_interval)
        self._pulse = Pulse(plan.heartbeat, self._outbox)
        self._number = len(self._feeds)
        self._second = self._messages = self._bytes = 0
        heartbeat = plan.heartbeat
        self._controls: tuple[tuple[Expression | None, _Act], ...] = (
            (heartbeat.is_reply, Session._on_reply),
            (heartbeat.is_ping, Session._on_ping),
            (plan.is_refusal, Session._on_refusal),
            (plan.is_ack, Session._on_ack),
            (plan.is_cancel, Session._on_cancel),
            (plan.is_notice, Session._on_notice),
            (plan.is_other, Session._on_other),
        )

    # -- what the monitor asks ---------------------------------------------------------------

    def feed(self, target: str) -> Feed:
        """The subscription of a target."""
        return next(feed for feed in self._feeds if str(feed.channel.target) == target)

    @property
    def subscribed(self) -> bool:
        """Whether every channel that was not refused is acknowledged, and at least one is."""
        acked = [feed for feed in self._feeds if feed.acked_at is not None]
        return bool(acked) and all(feed in acked or feed.failure for feed in self._feeds)

    @property
    def refusal(self) -> Failure | None:
        """Why a subscription is not in force, if one is not."""
        return next((feed.failure for feed in self._feeds if feed.failure), None)

    def count_into(self, totals: Totals) -> None:
        """Count here from now on: the connection is in use."""
        ours, self.totals = self.totals, totals
        for feed in self._feeds:
            name = str(feed.channel.target)
            feed.totals = totals.channels[name]
            feed.totals.subscribe_duration = (
                ours.channels[name].subscribe_duration or feed.totals.subscribe_duration
            )
            if feed.heard_at is not None:
                feed.totals.rhythm.pause(feed.heard_at)
        totals.connection.heartbeat_round_trip = ours.connection.heartbeat_round_trip

    # -- what the connection asks ------------------------------------------------------------

    def opened(self, now: float, at: float) -> None:
        """The connection is open: subscribe."""
        self._pulse.start(now)
        if self.plan.heartbeat.setup is not None:
            self._outbox.put(self.plan.heartbeat.setup(self._next_number(), at))
        for feed in self._feeds:
            self._outbox.put(feed.channel.subscribe(feed.number, at), feed)

    def outgoing(self, now: float) -> list[str]:
        """The messages that may be sent now, at the pace that the provider allows."""
        return self._outbox.take(now)

    @property
    def waits_to_send(self) -> bool:
        """Whether a message waits for its turn."""
        return bool(self._outbox)

    def wait(self, now: float) -> float:
        """Seconds until ``tick`` and ``outgoing`` should be called again."""
        return min(max(min(self._pulse.due_at, self._outbox.due_at) - now, 0.0), _TICK)

    def ping_due(self) -> bool:
        """Whether a ping frame of the protocol is to be sent now; says so once."""
        return self._pulse.frame_due()

    def tick(self, now: float, at: float) -> None:
        """Let time pass."""
        if all(feed.acked_at is None for feed in self._feeds):
            self._pulse.heard(now)  # heartbeats may come to subscribers only
        if end := self._pulse.beat(now, at, self._next_number()):
            self.end(end)
        for feed in self._feeds:
            self._judge_subscription(feed, now, at)
        if all(feed.failure and feed.acked_at is None for feed in self._feeds):
            self.end(End.NOT_SUBSCRIBED)
        if all(feed.silence(now) > self._hopeless(feed) for feed in self._feeds):
            self.end(End.SILENCE)

    def pong(self, at: float, now: float) -> None:
        """The peer answered a ping frame."""
        self._pulse.heard(now)
        if self._pulse.by_frames():
            self._on_reply(None, at, now)

    def end(self, end: End) -> None:
        """The connection has ended or must end; the first reason counts."""
        if self.ending is None:
            self.ending = end
            self.changes += 1

    def too_large(self, now: float, detail: str) -> None:
        """A message exceeded its bound; the connection cannot go on after it."""
        self.totals.connection.oversize += 1
        self.totals.connection.trouble(Reason.TOO_LARGE, detail, now)
        self.end(End.TOO_LARGE)

    def receive(self, data: Data, at: float, now: float) -> None:
        """Take in one message, text or binary."""
        counts = self.totals.connection
        counts.messages += 1
        counts.bytes += len(data)
        counts.last_message_at = at
        self._pulse.heard(now)
        if self.plan.gzip:
            unpacked = self._gunzip(data, now)
            if unpacked is None:
                return
            data = unpacked
        if not self._affordable(len(data), now):
            counts.dropped += 1
            for feed in self._feeds:
                feed.forget_place()
            return
        try:
            text = str(data, "utf-8")
            document = _DECODE(text)
        except (ValueError, RecursionError):
            self._on_text(data, at, now)
            return
        owner = self._feed_of(document)
        if owner is not None:
            self.changes += owner.acked_at is None
            if now >= self._offset_until:
                self._offset, self._offset_until = self._clock_offset(), now + 1.0
            owner.take(document, at, now, self._offset)
        elif not self._control(document, at, now):
            counts.unmatched += 1

    # -- data --------------------------------------------------------------------------------

    def _affordable(self, size: int, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._messages, self._bytes = int(now), 0, 0
        self._messages += 1
        self._bytes += size
        return self._messages <= MAX_MESSAGES and self._bytes <= MAX_BYTES

    def _gunzip(self, data: Data, now: float) -> bytes | None:
        inflate = zlib.decompressobj(31)
        try:
            unpacked = inflate.decompress(data, self.plan.max_frame)
        except zlib.error:
            self._malformed("a frame that is not gzip", now)
            return None
        if inflate.unconsumed_tail:
            self.too_large(now, f"more than {self.plan.max_frame} bytes after decompression")
            return None
        return unpacked

    def _feed_of(self, document: Any) -> Feed | None:
        """The channel that a data message belongs to, the likeliest asked first."""
        mark = _mark(document)
        likely = self._hints.get(mark)
        if likely is not None and holds(likely.channel.matches, document):
            return likely
        for feed in self._feeds:
            if feed is not likely and holds(feed.channel.matches, document):
                if len(self._hints) >= _MAX_HINTS:
                    self._hints.clear()
                self._hints[mark] = feed
                return feed
        return None

    def _malformed(self, detail: str, now: float) -> None:
        self.totals.connection.malformed += 1
        self.totals.connection.trouble(Reason.MALFORMED, detail, now)

    # -- everything else that they say -------------------------------------------------------

    def _on_text(self, data: Data, at: float, now: float) -> None:
        """A message that is not JSON: a word such as ``pong``, or garbage."""
        word = str(data, "utf-8", "replace") if len(data) <= _MAX_TEXT else ""
        if not word or not self._control(word, at, now):
            self._malformed("a message that is not JSON", now)

    def _control(self, document: Any, at: float, now: float) -> bool:
        if self._tells_of_maintenance(document):
            return True
        for expression, act in self._controls:
            if expression is not None and holds(expression, document):
                act(self, document, at, now)
                return True
        return False

    def _on_reply(self, _document: Any, at: float, now: float) -> None:
        trip = self._pulse.answered(now, at)
        if trip is not None:
            self.totals.connection.heartbeat_round_trip = trip

    def _on_ping(self, document: Any, _at: float, _now: float) -> None:
        heartbeat = self.plan.heartbeat
        if heartbeat.answer is None or heartbeat.is_ping is None:
            return
        try:
            answer = evaluate(heartbeat.answer, evaluate(heartbeat.is_ping, document))
        except ValueError:
            return  # a ping of another shape than documented has no answer
        self._outbox.put(answer, first=True)

    def _on_ack(self, document: Any, _at: float, now: float) -> None:
        for feed in self._addressed(document):
            feed.acknowledged(now)
            self.changes += 1

    def _on_refusal(self, document: Any, at: float, now: float) -> None:
        error = judge_answer(None, document, self.plan.errors, at)
        reason = error.meaning.reason if error else Reason.API_ERROR
        said = (error.said if error else "") or _text(document)
        refused = [feed for feed in self._addressed(document) if feed.acked_at is None]
        for feed in refused:
            feed.refused(Failure(reason, printable(f"refused: {said}")))
            self.changes += 1
        if not refused:  # something else than a subscription went wrong
            self.totals.connection.trouble(reason, printable(f"error: {said}"), now)

    def _on_cancel(self, document: Any, _at: float, now: float) -> None:
        called = self._called(document)
        for feed in self._feeds if called is None else called:
            if feed.acked_at is not None:
                feed.cancelled(now)
                self.changes += 1

    def _on_notice(self, _document: Any, _at: float, _now: float) -> None:
        self.totals.connection.notices += 1
        self.leaving = True
        self.changes += 1

    def _on_other(self, _document: Any, _at: float, _now: float) -> None:
        """A greeting or a heartbeat says nothing that is not known."""

    def _tells_of_maintenance(self, document: Any) -> bool:
        """Whether it begins or goes on; a message that tells of its end is looked at further."""
        if self.plan.in_maintenance is None:
            return False
        try:
            said = evaluate(self.plan.in_maintenance, document)
        except ValueError:
            return False
        if said is False or is_true(said):
            self.in_maintenance = is_true(said)
        return is_true(said)

    def _addressed(self, document: Any) -> list[Feed]:
        """The channels that an answer is about; the oldest one waiting where it names none."""
        called = self._called(document)
        if called is not None:
            return called
        waiting = (f for f in self._feeds if f.sent_at is not None and f.acked_at is None)
        return list(waiting)[:1]

    def _called(self, document: Any) -> list[Feed] | None:
        """The channels that a message names by id or topic; None where it names nothing."""
        if self.plan.ack_of is None:
            return None
        try:
            name = evaluate(self.plan.ack_of, document)
        except ValueError:
            return None
        return None if name is None else [feed for feed in self._feeds if feed.is_called(name)]

    # -- time --------------------------------------------------------------------------------

    def _judge_subscription(self, feed: Feed, now: float, at: float) -> None:
        if feed.acked_at is not None or feed.sent_at is None:
            return
        waited = now - feed.sent_at
        if feed.failure is None and waited > ACK_WITHIN:
            detail = f"subscription not acknowledged within {ACK_WITHIN:g} s"
            feed.refused(Failure(Reason.TIMEOUT, detail))
            self.changes += 1
        elif feed.failure is not None and waited > _patience(feed):
            feed.sent_at = None
            self._outbox.put(feed.channel.subscribe(feed.number, at), feed)

    def _hopeless(self, feed: Feed) -> float:
        return max(GIVE_UP_AFTER, 2.0 * feed.channel.max_gap)

    def _next_number(self) -> int:
        self._number += 1
        return self._number


_Act = Callable[[Session, Any, float, float], None]


def _patience(feed: Feed) -> float:
    return exponential(feed.requests - 1, TRY_AGAIN, TRY_AGAIN_CAP)


def _mark(document: Any) -> tuple[str, ...]:
    """The words of a message that tell its kind: what begins with a letter, two levels deep.

    Messages of one channel mostly have the same; whoever is remembered by it is asked first.
    """
    if type(document) is not dict:
        return ()
    words = []
    for value in document.values():
        if type(value) is str:
            if value[:1].isalpha():
                words.append(value[:40])
        elif type(value) is dict:
            words += [v[:40] for v in value.values() if type(v) is str and v[:1].isalpha()]
    return tuple(words[:8])


def _text(document: Any) -> str:
    try:
        return json.dumps(document)
    except (ValueError, RecursionError):
        return ""
