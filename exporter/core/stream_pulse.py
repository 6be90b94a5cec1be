"""What a connection sends and when: a paced outbox, and pings that must be answered."""

from __future__ import annotations

from collections import deque

from exporter.core.stream_feed import Feed
from exporter.core.stream_plan import Heartbeat
from exporter.core.stream_totals import End

PING_EVERY = 20.0
"""Seconds between pings where the provider has no rule; many cut idle connections after 30."""

PONG_WITHIN = 20.0
"""Seconds within which a ping must be answered."""

_MAX_WAITING = 1000
_MAX_LENGTH = 64 * 1024


class Outbox:
    """Messages that wait to be sent, at most one in ``interval`` seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._waiting: deque[tuple[Feed | None, str]] = deque()
        self._open_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def due_at(self) -> float:
        """The monotonic time at which the next message may be sent."""
        return self._open_at if self._waiting else float("inf")

    def put(self, text: str, feed: Feed | None = None, *, first: bool = False) -> None:
        """Queue a message; a peer that asks for more than may be sent, or long, gets nothing.

        ``feed`` is the channel whose subscription it is.
        """
        if len(self._waiting) >= _MAX_WAITING or len(text) > _MAX_LENGTH:
            return
        if first:
            self._waiting.appendleft((feed, text))
        else:
            self._waiting.append((feed, text))

    def take(self, now: float) -> list[str]:
        """The messages that may be sent now."""
        texts = []
        while self._waiting and now >= self._open_at:
            feed, text = self._waiting.popleft()
            if feed is not None:
                feed.sent(now)
            texts.append(text)
            self._open_at = now + self._interval
        return texts


class Pulse:
    """Pings by the provider's rule, or else by the protocol's frames."""

    def __init__(self, heartbeat: Heartbeat, outbox: Outbox) -> None:
        self._heartbeat = heartbeat
        self._outbox = outbox
        self._every = heartbeat.every or PING_EVERY
        self._heard_at = 0.0
        self._frame_is_due = False
        self._pinged: tuple[float, float] | None = None
        self.due_at = 0.0

    def start(self, now: float) -> None:
        """The connection is open."""
        self._heard_at = now
        self.due_at = now + self._every

    def heard(self, now: float) -> None:
        """Something arrived."""
        self._heard_at = now

    def beat(self, now: float, at: float, number: int) -> End | None:
        """Ping if it is time; the reason to end if they are not there any more."""
        if self._pinged is not None and now - self._pinged[0] > PONG_WITHIN:
            return End.NO_PONG
        silence = self._heartbeat.silence
        if silence is not None and now - self._heard_at > silence:
            return End.SILENCE
        if now >= self.due_at:
            self.due_at = now + self._every
            self._ping(now, at, number)
        return None

    def frame_due(self) -> bool:
        """Whether a ping frame of the protocol is to be sent now; says so once."""
        due, self._frame_is_due = self._frame_is_due, False
        return due

    def by_frames(self) -> bool:
        """Whether the frames of the protocol serve as pings."""
        return self._heartbeat.send is None

    def answered(self, now: float, at: float) -> float | None:
        """The round trip in seconds of the ping that was answered; None if there was none."""
        if self._pinged is None:
            return None
        sent, sent_at = self._pinged
        self._pinged = None
        elapsed, exact = now - sent, at - sent_at
        # By the kernel's stamp, unless a clock was stepped meanwhile.
        return exact if 0.0 <= exact <= elapsed + 0.001 else elapsed

    def _ping(self, now: float, at: float, number: int) -> None:
        send = self._heartbeat.send
        if send is None:
            self._frame_is_due = True
        else:
            self._outbox.put(send(number, at), first=True)
        if self._pinged is None and (send is None or self._heartbeat.is_reply is not None):
            self._pinged = (now, at)
