"""Asks over HTTP/1.1: one request on the wire, measured where the wire is.

A client of our own, because the general ones retry behind one's back, follow more than they were
told to, and cannot say when the first and the last byte of an answer arrived.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from dataclasses import replace

from exporter.core.model import Failure, Observation
from exporter.core.plan import Request, Route
from exporter.probers.attempt import Attempt
from exporter.probers.connection import Connection
from exporter.probers.connector import Connector, SocketFactory
from exporter.probers.failure import MalformedError, failure_of
from exporter.probers.pool import Pool
from exporter.probers.request import Origin, Outgoing, redirected, render
from exporter.probers.response import Answer
from exporter.probers.second_look import SecondLook
from exporter.probers.wire import WireSocket

_KEEPALIVE_MARGIN = 1.0
"""Seconds before the end of the server's keep-alive after which a connection is not used again:
a request must not meet the server's close half-way."""

_RENDERED = 4096
"""Requests whose bytes are remembered: those that are the same at every probe."""


class HttpProber:
    """Sends requests and reports what came back; a failure of the peer is never an exception."""

    def __init__(self, version: str, socket_factory: SocketFactory = WireSocket) -> None:
        self._user_agent = f"exchange-exporter/{version}"
        self._connector = Connector(self._user_agent, socket_factory)
        self._pool = Pool()
        self._second_look = SecondLook(self._connector)
        self._render = functools.partial(render, user_agent=self._user_agent)
        self._render_once = functools.lru_cache(_RENDERED)(self._render)

    async def ask(self, request: Request, route: Route, timeout: float) -> Observation:
        """Send ``request`` once and observe for at most ``timeout`` seconds what happens.

        Raises ValueError for a request that cannot be written and OSError for a ``ca_file`` that
        cannot be read, both before anything is sent; nothing else.
        """
        signed = bool(request.credentials or request.body)  # and so never the same again
        outgoing = self._render(request, route) if signed else self._render_once(request, route)
        if outgoing.origin.scheme == "https":
            self._connector.tls_context(route.ca_file, not route.insecure_skip_verify)
        attempt, failure, refused = Attempt(), None, False
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                await self._send(outgoing, request, route, attempt)
                while (following := _following(request, attempt)) is not None:
                    request, attempt = following, Attempt(attempt.requests_sent)
                    outgoing = self._render(request, route)
                    await self._send(outgoing, request, route, attempt)
        except Exception as error:
            failure = _failure(attempt, error)
            refused = isinstance(error, ssl.SSLCertVerificationError)
        observation = attempt.observation(time.monotonic() - started, failure)
        if not refused:
            return observation
        left = timeout - observation.elapsed
        expiry = await self._second_look.not_after(outgoing.origin, route, left)
        return replace(observation, certificate_not_after=expiry)

    async def close(self) -> None:
        """Close what is idle. An ask still under way closes its own connection when it ends."""
        self._pool.close()
        self._connector.close()
        await asyncio.sleep(0)  # asyncio closes the sockets of aborted transports one turn later

    async def _send(
        self, outgoing: Outgoing, request: Request, route: Route, attempt: Attempt
    ) -> None:
        """One request and its answer, over an idle connection or a new one."""
        connection = await self._connection(outgoing.origin, request, route, attempt)
        attempt.answer = answer = Answer(request.max_body)
        try:
            await connection.round_trip(outgoing.data, answer)
        finally:
            attempt.requests_sent += answer.sent_at is not None
        if request.cold or not answer.reusable:
            connection.abort()
            return
        keepalive = min(route.keepalive, answer.server_keepalive - _KEEPALIVE_MARGIN)
        self._pool.give(outgoing.origin, route, connection, keepalive)

    async def _connection(
        self, origin: Origin, request: Request, route: Route, attempt: Attempt
    ) -> Connection:
        connection = None if request.cold else self._pool.take(origin, route)
        attempt.reused = connection is not None
        if connection is None:
            connection = await self._connector.open(origin, route, attempt)
        attempt.address = connection.address
        attempt.certificate_not_after = connection.certificate_not_after
        return connection


def _following(request: Request, attempt: Attempt) -> Request | None:
    """The request that a redirect leads to, if it is to be followed. Raises MalformedError."""
    answer = attempt.answer
    if answer is None or answer.status is None:
        return None
    try:
        return redirected(request, answer.status, answer.headers.get("location"))
    except ValueError:
        raise MalformedError("redirect to a Location that cannot be followed") from None


def _failure(attempt: Attempt, error: Exception) -> Failure | None:
    """Why the attempt failed, if it did: an answer that is complete did come in time."""
    if isinstance(error, TimeoutError) and attempt.complete:
        return None
    return failure_of(error, attempt.phase, reused=attempt.reused)
