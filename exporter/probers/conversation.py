"""Brings a WebSocket and the session that understands it together, and keeps them going."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from exporter.core.model import Failure, Reason
from exporter.core.stream import Session
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_totals import End, Opening
from exporter.probers.attempt import Attempt
from exporter.probers.connector import Connector, SocketFactory
from exporter.probers.failure import Phase, failure_of
from exporter.probers.request import origin_of
from exporter.probers.websocket import Data, Listener, UpgradeError, WebSocket
from exporter.probers.wire import WireSocket

_LOG = logging.getLogger(__name__)

OPEN_WITHIN = 10.0
"""Seconds within which a connection must be open."""

_STATUSES = {
    401: Reason.AUTH,
    407: Reason.CONNECT,
    418: Reason.BANNED,
    429: Reason.RATE_LIMITED,
}
"""What the status of a refused upgrade means; any other is an HTTP error."""


class Wire(Protocol):
    """An open connection as a conversation uses it."""

    def send(self, text: str) -> None:
        """Send a text message."""

    def ping(self) -> None:
        """Send a ping frame."""

    async def close(self) -> None:
        """Take leave, within a second."""

    def abort(self) -> None:
        """Close at once."""


class Opener(Protocol):
    """Opens connections."""

    async def open(self, plan: StreamPlan, listener: Listener, attempt: Attempt) -> Wire:
        """A connection on which nothing was said yet; ``attempt`` tells how far it came.

        Raises UpgradeError, or what ``Connector.open`` and ``WebSocket.upgrade`` raise.
        """

    def close(self) -> None:
        """Give up the threads that resolve names."""


class WebSocketOpener:
    """Opens WebSockets over our own connector."""

    def __init__(self, version: str, socket_factory: SocketFactory = WireSocket) -> None:
        self._user_agent = f"exchange-exporter/{version}"
        self._connector = Connector(self._user_agent, socket_factory)

    async def open(self, plan: StreamPlan, listener: Listener, attempt: Attempt) -> Wire:
        origin = origin_of(plan.url.replace("ws", "http", 1))
        connection = await self._connector.open(origin, plan.route, attempt, tunnel=True)
        assert connection.transport is not None
        attempt.certificate_not_after = connection.certificate_not_after
        attempt.setup = Phase.PROCESSING
        try:
            websocket = WebSocket(
                connection.transport, connection.socket, plan.url, listener, plan.max_frame
            )
            await websocket.upgrade(self._user_agent)
        except BaseException:
            connection.abort()
            raise
        return websocket

    def close(self) -> None:
        self._connector.close()


def opening_failure(error: Exception, attempt: Attempt) -> Failure:
    """Why a connection could not be opened."""
    if isinstance(error, UpgradeError):
        return Failure(_STATUSES.get(error.status, Reason.HTTP_ERROR), str(error))
    return failure_of(error, attempt.setup)


class Conversation:
    """One connection from its opening to its end. Implements ``Listener``.

    ``detail`` says in words how it ended. ``news`` is set whenever a subscription was answered, the
    end was announced or has come; whoever waits for it clears it.
    """

    def __init__(
        self,
        session: Session,
        monotonic: Callable[[], float] = time.monotonic,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self.session = session
        self.opened_at = 0.0
        self.detail = ""
        self._monotonic = monotonic
        self._unix = unix
        self.news = asyncio.Event()
        self._heard_of = 0
        self._finished = False
        self._wire: Wire | None = None
        self._stirred = asyncio.Event()

    async def open(self, opener: Opener, attempt: Attempt, timeout: float) -> Opening:
        """Connect and subscribe. Raises what ``Opener.open`` raises, and TimeoutError."""
        began = self._monotonic()
        async with asyncio.timeout(timeout):
            self._wire = await opener.open(self.session.plan, self, attempt)
        now = self._monotonic()
        set_up = (attempt.resolve or 0.0) + (attempt.connect or 0.0) + (attempt.tls or 0.0)
        self.opened_at = self._unix()
        self.session.opened(now, self.opened_at)
        self._flush(now)
        upgrade = max(now - began - set_up, 0.0)
        return Opening(attempt.resolve, attempt.connect, attempt.tls, upgrade)

    async def run(self) -> None:
        """Keep it going until it has ended."""
        session = self.session
        try:
            while session.ending is None and not self._finished:
                await self._stirring(session.wait(self._monotonic()))
                now = self._monotonic()
                session.tick(now, self._unix())
                self._flush(now)
        finally:
            wire, self._wire = self._wire, None  # each holds the other
            if wire is not None:
                await wire.close()

    def finish(self) -> None:
        """Leave, from our side."""
        self._finished = True
        self._stirred.set()

    async def _stirring(self, timeout: float) -> None:
        """Wait until something happens that needs attention, at most ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._stirred.wait()
        except TimeoutError:
            return
        self._stirred.clear()

    def message(self, data: Data, at: float) -> None:
        session = self.session
        now = self._monotonic()
        waited = session.waits_to_send
        try:
            session.receive(data, at, now)
        except Exception:  # our bug, which must not pass for a broken connection
            _LOG.exception("stream crashed", extra={"fields": {"stream": session.plan.key}})
            self.lost(End.INTERNAL, "a bug of the exporter")
        self._flush(now)
        if session.waits_to_send and not waited:
            self._stirred.set()

    def pong(self, at: float) -> None:
        self.session.pong(at, self._monotonic())

    def lost(self, end: End, detail: str) -> None:
        if end is End.TOO_LARGE:
            self.session.too_large(self._monotonic(), detail)
        self.session.end(end)
        self.detail = self.detail or detail
        self._flush(self._monotonic())

    def _flush(self, now: float) -> None:
        session, wire = self.session, self._wire
        if wire is None:
            return
        for text in session.outgoing(now):
            wire.send(text)
        if session.ping_due():
            wire.ping()
        if session.changes != self._heard_of:
            self._heard_of = session.changes
            self.news.set()
            self._stirred.set()
