"""Keeps one plan connected: opens, replaces in time, and comes back after a failure.

waiting ──limiter, backoff──▶ opening ──▶ in use ──ended──▶ waiting
                                           │ lifetime or notice
                                           └▶ a second connection opens and subscribes beside
                                              the first, takes its place, and only then the
                                              first is closed
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.clock import Clock
from exporter.core.backoff import Rand, exponential, full_jitter
from exporter.core.limits import Claim, Denial, Limiter
from exporter.core.model import Failure, Reason
from exporter.core.plan import Scope
from exporter.core.stream import ACK_WITHIN, Session
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_totals import End, Totals
from exporter.core.stream_view import Link
from exporter.core.usage import ASKED_TO_WAIT, retry_after
from exporter.probers.attempt import Attempt
from exporter.probers.conversation import OPEN_WITHIN, Conversation, Opener, opening_failure
from exporter.probers.websocket import UpgradeError

_LOG = logging.getLogger(__name__)

_BASE, _CAP = 1.0, 60.0
"""Seconds: the longest first wait after a failure, and the longest of all."""

_PROVEN_AFTER = 60.0
"""Seconds in use after which a connection that ends was a good one."""

_ROTATE_AT = 0.9
"""Part of the provider's lifetime after which a connection is replaced, or a little later."""

_STAY_AWAY = {Reason.RATE_LIMITED: 60.0, Reason.BANNED: 300.0}
"""Seconds to stay away where a refused upgrade names no time."""

_MAX_STAY = 3 * 24 * 3600.0
"""The longest published ban."""

_REASONS = {
    End.SILENCE: Reason.STALE_DATA,
    End.NO_PONG: Reason.TIMEOUT,
    End.NOT_SUBSCRIBED: Reason.TIMEOUT,
    End.TOO_LARGE: Reason.TOO_LARGE,
    End.PROTOCOL: Reason.MALFORMED,
    End.INTERNAL: Reason.INTERNAL_ERROR,
}
"""Why a stream is failing after its connection ended; disconnected where it is not in here."""

_STORIES = {
    End.SILENCE: "given up: nothing came for too long",
    End.NO_PONG: "given up: a ping was not answered",
    End.NOT_SUBSCRIBED: "given up: no subscription was acknowledged",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What all watches share. ``clock_offset`` is an exchange's clock minus ours in seconds;
    ``spent`` is called when a connection attempt was charged or forbidden, so that it is kept.
    """

    opener: Opener
    limiter: Limiter
    clock: Clock
    rand: Rand
    clock_offset: Callable[[str], float]
    spent: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Line:
    """An open connection and the task that keeps it going."""

    conversation: Conversation
    task: asyncio.Task[None]

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Watch:
    """One plan. ``denial`` is why no connection may be opened now; ``link`` how things stand."""

    def __init__(self, plan: StreamPlan, totals: Totals, claim: Claim, tools: Tools) -> None:
        self.plan = plan
        self.totals = totals
        self.claim = claim
        self.link = Link()
        self.denial: Denial | None = None
        self._tools = tools
        self._failures = 0
        self._came_before = False
        self._lines: set[_Line] = set()

    def crashed(self, error: Exception) -> None:
        """A bug of ours ended the watch for now."""
        detail = f"{type(error).__name__} in the exporter"
        self.link = Link(trouble=Failure(Reason.INTERNAL_ERROR, detail))

    async def run(self) -> None:
        """Watch until cancelled; then all connections are closed."""
        try:
            line = await self._connect(standby=False)
            while True:
                line = await self._use(line)
        finally:
            await asyncio.gather(*(line.close() for line in self._lines))
            self.link = Link()

    async def _use(self, line: _Line) -> _Line:
        """Stay with a connection as long as it is good; returns the one that follows it."""
        began = self._tools.clock.monotonic()
        self._in_use(line.conversation)
        leave = await self._until_over(line, began + self._lifetime())
        if leave is None:
            self._ended(line, began)
            return await self._connect(standby=False)
        self._failures = 0
        successor = asyncio.create_task(self._connect(standby=True))
        try:
            await asyncio.wait({successor, line.task}, return_when=asyncio.FIRST_COMPLETED)
            if line.task.done():  # they were faster
                self._ended(line, began)
            following = await successor
        finally:
            successor.cancel()
            await asyncio.gather(successor, return_exceptions=True)
        if not line.task.done():
            self.totals.connection.ends[leave] += 1
        self._in_use(following.conversation)
        self._lines.discard(line)
        await line.close()
        return following

    async def _until_over(self, line: _Line, rotate_at: float) -> End | None:
        """Wait until a connection should be replaced (why), or has ended (None)."""
        conversation, clock = line.conversation, self._tools.clock
        while not line.task.done():
            if conversation.session.leaving:
                return End.NOTICE
            left = rotate_at - clock.monotonic()
            if left <= 0.0:
                return End.LIFETIME
            await _news(line, left)
        return None

    def _lifetime(self) -> float:
        """Seconds after which to replace a connection, spread so that not all go at once."""
        share = _ROTATE_AT + (1.0 - _ROTATE_AT) / 2 * self._tools.rand()
        return float("inf") if self.plan.lifetime is None else share * self.plan.lifetime

    def _in_use(self, conversation: Conversation) -> None:
        if conversation.session.totals is not self.totals:
            conversation.session.count_into(self.totals)
        trouble = self.link.trouble if self.link.session is None else None
        self.link = Link(conversation.session, conversation.opened_at, trouble)

    def _ended(self, line: _Line, began: float) -> None:
        conversation = line.conversation
        self._lines.discard(line)
        end = conversation.session.ending or End.INTERNAL
        detail = _STORIES.get(end) or conversation.detail or str(end)
        failure = Failure(_REASONS.get(end, Reason.DISCONNECTED), detail)
        if end is End.NOT_SUBSCRIBED:
            failure = conversation.session.refusal or failure
        self.totals.connection.ends[end] += 1
        self.link = Link(trouble=failure)
        lived = self._tools.clock.monotonic() - began
        self._failures = 0 if lived > _PROVEN_AFTER else self._failures + 1
        fields = {"stream": self.plan.key, "reason": str(end), "detail": detail}
        _LOG.info("stream ended", extra={"fields": fields})

    # -- opening -----------------------------------------------------------------------------

    async def _connect(self, standby: bool) -> _Line:
        """Try until a connection is open; until it is subscribed as well if it is to stand by."""
        pause = not standby and self._came_before
        while True:
            if pause or self._failures:
                await self._pause()
            await self._permission()
            line = await self._open(standby)
            if line is not None:
                return line
            self._failures += 1

    async def _pause(self) -> None:
        """Back off with full jitter, exponentially with each failure in a row."""
        ceiling = exponential(max(self._failures - 1, 0), _BASE, _CAP)
        seconds = full_jitter(ceiling, self._tools.rand)
        self._expect(seconds)
        await self._tools.clock.sleep(seconds)

    async def _permission(self) -> None:
        """Wait for our turn under the provider's limit of connection attempts."""
        tools = self._tools
        now = tools.clock.monotonic()
        while denial := tools.limiter.reserve(self.claim, now):
            self.denial = denial
            self._expect(denial.retry_at - now)
            await tools.clock.sleep(max(denial.retry_at - now, 0.01))
            now = tools.clock.monotonic()
        self.denial = None
        tools.spent()

    def _expect(self, seconds: float) -> None:
        self.link = replace(self.link, next_attempt_at=self._tools.clock.unix() + seconds)

    async def _open(self, standby: bool) -> _Line | None:
        tools, counts = self._tools, self.totals.connection
        exchange = self.plan.exchange
        session = Session(self.plan, lambda: tools.clock_offset(exchange))
        if not standby:
            session.count_into(self.totals)
        conversation = Conversation(session, tools.clock.monotonic, tools.clock.unix)
        attempt = Attempt()
        try:
            counts.opening = await conversation.open(tools.opener, attempt, OPEN_WITHIN)
        except Exception as error:
            self._failed(error, attempt, standby)
            return None
        counts.connections += 1
        self._came_before = True
        line = _Line(conversation, asyncio.create_task(conversation.run()))
        self._lines.add(line)
        if standby and not await self._subscribed(line):
            self._lines.discard(line)
            await line.close()
            return None
        return line

    async def _subscribed(self, line: _Line) -> bool:
        session, clock = line.conversation.session, self._tools.clock
        give_up = clock.monotonic() + 2 * ACK_WITHIN
        while not session.subscribed:
            left = give_up - clock.monotonic()
            if left <= 0.0 or line.task.done():
                return False
            await _news(line, left)
        return True

    def _failed(self, error: Exception, attempt: Attempt, standby: bool) -> None:
        failure = opening_failure(error, attempt)
        if failure.reason is Reason.INTERNAL_ERROR:
            _LOG.error("stream not opened", exc_info=error)
        self.totals.connection.fail(failure)
        if not standby or self.link.session is None:
            self.link = Link(trouble=failure)
        seconds = self._asked_to_wait(error) or _STAY_AWAY.get(failure.reason)
        if seconds:
            limited = failure.reason in _STAY_AWAY
            self._stay_away(seconds, failure.reason if limited else Reason.RATE_LIMITED)

    def _asked_to_wait(self, error: Exception) -> float | None:
        """Seconds for which the answer to the upgrade asks us to stay away."""
        if not isinstance(error, UpgradeError) or error.status not in ASKED_TO_WAIT:
            return None
        return retry_after({"retry-after": error.retry_after}, self._tools.clock.unix())

    def _stay_away(self, seconds: float, reason: Reason) -> None:
        now = self._tools.clock.monotonic()
        until = now + min(max(seconds, 1.0), _MAX_STAY)
        self._tools.limiter.block(self.claim, Scope.ENDPOINT, until, reason, now)
        self._tools.spent()


async def _news(line: _Line, timeout: float) -> None:
    """Wait until something about a connection changes, at most ``timeout`` seconds."""
    news = line.conversation.news
    waiting = asyncio.create_task(news.wait())
    seconds = None if timeout == float("inf") else timeout
    try:
        await asyncio.wait(
            {waiting, line.task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        waiting.cancel()
    news.clear()
