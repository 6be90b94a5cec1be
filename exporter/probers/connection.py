"""An open connection, and one exchange of request and answer on it."""

from __future__ import annotations

import asyncio

from exporter.probers.response import Answer
from exporter.probers.wire import WireSocket


class Connection(asyncio.Protocol):
    """An open connection to a host, over which one exchange at a time takes place.

    Bytes that come unasked close it. ``certificate_not_after`` is in unix seconds.
    """

    def __init__(self, sock: WireSocket, address: str) -> None:
        self.address = address
        self.certificate_not_after: float | None = None
        self.transport: asyncio.Transport | None = None
        self._socket = sock
        self._answer: Answer | None = None
        self._done: asyncio.Future[None] | None = None

    @property
    def socket(self) -> WireSocket:
        """The socket beneath the transport, for whoever takes the connection over."""
        return self._socket

    @property
    def closing(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def quiet(self) -> bool:
        """Whether the connection is open and idle as far as the kernel knows at this moment."""
        return not self.closing and self._socket.quiet()

    def abort(self) -> None:
        """Close at once, without the farewells of TLS."""
        if self.transport is not None:
            self.transport.abort()

    async def round_trip(self, data: bytes, answer: Answer) -> None:
        """Send one request and fill ``answer``, whose times are set on the way.

        Raises MalformedError, TooLargeError or OSError, and then has closed the connection.
        """
        if self.transport is None or self.closing:
            raise ConnectionError("closed by the peer before the request")
        self._answer = answer
        self._done = asyncio.get_running_loop().create_future()
        self._socket.mark()
        self.transport.write(data)
        answer.sent_at = self._socket.sent_at
        try:
            await self._done
        except BaseException:
            self.abort()
            raise
        finally:
            self._answer = self._done = None
            answer.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or answer.complete:
            self.abort()
            return
        if not answer.begun:
            answer.first = self._socket.arrival()
        try:
            complete = answer.feed(data)
        except Exception as error:
            self.abort()  # now: the rest of a body that is too large need not come
            self._finish(error)
            return
        if complete:
            answer.last = self._socket.arrival()
            self._finish(None)

    def eof_received(self) -> None:
        answer = self._answer
        if answer is None or answer.complete:
            return
        try:
            answer.end()
        except Exception as error:
            self._finish(error)
            return
        answer.last = self._socket.arrival()
        self._finish(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._finish(error or ConnectionError(self._answer.cut_short()))

    def _finish(self, error: Exception | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
