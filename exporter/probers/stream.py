"""Asks a stream once: connect, upgrade, subscribe, acknowledgement, first data; then leave."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from exporter.core.model import Failure, Observation, Phases, Reason
from exporter.core.plan import Request, Route
from exporter.core.stream import Session
from exporter.core.stream_target import StreamRequest
from exporter.probers.attempt import Attempt
from exporter.probers.connector import SocketFactory
from exporter.probers.conversation import Conversation, WebSocketOpener, opening_failure
from exporter.probers.websocket import Data
from exporter.probers.wire import WireSocket

_SWITCHED = 101


class StreamProber:
    """One connection for every probe. Greetings and other channels' messages are passed over.

    The phases of its observations: ``processing`` runs from the request for the upgrade to the
    acknowledgement of the subscription, ``transfer`` from there to the first message with data.
    The latency is their sum, the body that message.
    """

    def __init__(self, version: str, socket_factory: SocketFactory = WireSocket) -> None:
        self._opener = WebSocketOpener(version, socket_factory)

    async def ask(self, request: Request, route: Route, timeout: float) -> Observation:
        """Subscribe once and observe for at most ``timeout`` seconds what happens.

        Raises ValueError for a request that is none for a stream.
        """
        if not isinstance(request, StreamRequest) or request.stream is None:
            raise ValueError("not a request for a stream")
        plan = replace(request.stream, route=route)
        first = _First(Session(plan, lambda: 0.0))
        attempt = Attempt()
        began, failure = time.monotonic(), None
        try:
            async with asyncio.timeout(timeout):
                await first.open(self._opener, attempt, timeout)
                await first.run()
        except Exception as error:
            failure = first.failure(error, attempt)
        elapsed = time.monotonic() - began
        return first.observation(elapsed, attempt, failure or first.ended_early())

    async def close(self) -> None:
        """Give up the threads that resolve names; connections end with their probes."""
        self._opener.close()


class _First(Conversation):
    """Ends with the first message of the channel."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._feed = session.feed(str(session.plan.channels[0].target))
        self._body = b""
        self._received_at: float | None = None
        self._began = time.monotonic()
        self._first_at = 0.0

    def message(self, data: Data, at: float) -> None:
        before = self._feed.totals.data_messages
        super().message(data, at)
        if self._feed.totals.data_messages > before and not self._body:
            self._body, self._received_at = bytes(data), at
            self._first_at = time.monotonic()
            self.finish()
        elif self._feed.failure is not None:
            self.finish()

    def failure(self, error: Exception, attempt: Attempt) -> Failure:
        """Why the probe failed, by how far it came."""
        if not self.opened_at:
            return opening_failure(error, attempt)
        if not isinstance(error, TimeoutError):
            return Failure(Reason.INTERNAL_ERROR, type(error).__name__)
        if self._feed.acked_at is None:
            return Failure(Reason.TIMEOUT, "the subscription was not acknowledged in time")
        return Failure(Reason.TIMEOUT, "subscribed, but no data came in time")

    def ended_early(self) -> Failure | None:
        """Why there is no data though time was left."""
        if self._body:
            return None
        return self._feed.failure or Failure(Reason.DISCONNECTED, self.detail or "closed")

    def observation(self, elapsed: float, attempt: Attempt, failure: Failure | None) -> Observation:
        set_up = sum(each or 0.0 for each in (attempt.resolve, attempt.connect, attempt.tls))
        acked, asked = self._feed.acked_at, self._began + set_up
        processing = transfer = latency = None
        if acked is not None:
            processing = max(acked - asked, 0.0)
            if self._body:
                transfer = max(self._first_at - acked, 0.0)
                latency = processing + transfer
        return Observation(
            elapsed=elapsed,
            phases=Phases(attempt.resolve, attempt.connect, attempt.tls, processing, transfer),
            failure=failure,
            sent_at=self.opened_at or None,
            received_at=self._received_at,
            latency=latency,
            status=_SWITCHED if self.opened_at else None,
            body=self._body,
            clock="monotonic",
            address=attempt.address,
            http_version="1.1",
            requests_sent=int(attempt.connect is not None),
            certificate_not_after=attempt.certificate_not_after,
        )
