"""Speaks WebSocket (RFC 6455, with permessage-deflate of RFC 7692) as a client.

The frames are the business of the sans-IO protocol of the ``websockets`` library; the connection
is ours, so that its phases are measured and every message carries the kernel's time of arrival.
Messages are handed on as they are parsed: nothing is queued, and a peer that sends faster than it
is heard waits in TCP.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, PayloadTooBig
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from exporter.core.stream_totals import End
from exporter.probers.failure import MalformedError
from exporter.probers.wire import WireSocket

_SLICE = 8 * 1024
"""Bytes parsed at a time: of small frames that inflate hugely, few are in memory at once."""

_MAX_UNREAD = 64 * 1024
"""Bytes of ours that a peer may leave unread, which are answers to its own pings mostly."""

_CLOSE_WITHIN = 0.5

# The library tells of every frame and of every violation; what matters is counted.
_SILENT = logging.getLogger(f"{__name__}.frames")
_SILENT.setLevel(logging.CRITICAL + 1)

_ENDS = {
    1000: End.CLOSED,
    1001: End.CLOSED,
    1005: End.CLOSED,
    1008: End.POLICY,
    1012: End.OVERLOAD,
    1013: End.OVERLOAD,
}
"""By close code (RFC 6455 §7.4.1 and the IANA registry); any other is an error."""


Data = bytes | bytearray | memoryview


class UpgradeError(Exception):
    """The server answered the upgrade with another status than 101.

    ``retry_after`` is the header of that name as it was sent, empty without one.
    """

    def __init__(self, status: int, retry_after: str) -> None:
        super().__init__(f"the server answered the upgrade with status {status}")
        self.status = status
        self.retry_after = retry_after


class Listener(Protocol):
    """Is told what happens on an open WebSocket."""

    def message(self, data: Data, at: float) -> None:
        """One whole message, text or binary, that arrived at ``at`` (unix seconds)."""

    def pong(self, at: float) -> None:
        """An answer to a ping arrived."""

    def lost(self, end: End, detail: str) -> None:
        """The connection is over; said once."""


class WebSocket(asyncio.Protocol):
    """One connection, from the upgrade to its end.

    Takes the place of the protocol of an open transport; ``max_message`` bounds a message in bytes
    before and after decompression.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        sock: WireSocket,
        url: str,
        listener: Listener,
        max_message: int,
    ) -> None:
        self._transport = transport
        self._socket = sock
        self._listener = listener
        self._upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = asyncio.Event()
        self._lost = False
        self._parts: list[Data] = []
        self._frames = ClientProtocol(
            parse_uri(url),
            # Our few words need no memory for compression; theirs may use all of it.
            extensions=[
                ClientPerMessageDeflateFactory(
                    client_no_context_takeover=True, compress_settings={"level": 1, "memLevel": 1}
                )
            ],
            max_size=max_message,
            logger=_SILENT,
        )
        transport.set_protocol(self)

    async def upgrade(self, user_agent: str) -> None:
        """Ask for the upgrade and wait for the answer.

        Raises UpgradeError, MalformedError or OSError.
        """
        request = self._frames.connect()
        request.headers["User-Agent"] = user_agent
        self._frames.send_request(request)
        self._socket.mark()
        self._flush()
        await self._upgraded

    def send(self, text: str) -> None:
        """Send a text message; after the end, nothing."""
        if self._frames.state is State.OPEN:
            self._frames.send_text(text.encode())
            self._flush()

    def ping(self) -> None:
        """Send a ping frame; after the end, nothing."""
        if self._frames.state is State.OPEN:
            self._socket.mark()  # the clocks are compared afresh from here on
            self._frames.send_ping(b"")
            self._flush()

    async def close(self) -> None:
        """Take leave politely for half a second, then close anyway."""
        self._lost = True
        try:
            if self._frames.state is State.OPEN:
                self._frames.send_close(1000)
                self._flush()
                async with asyncio.timeout(_CLOSE_WITHIN):
                    await self._closed.wait()
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._lost = True
        self._transport.abort()

    # -- what asyncio calls ------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        at = self._socket.arrival().at
        for start in range(0, len(data), _SLICE):
            if self._closed.is_set() or self._transport.is_closing():
                return
            self._frames.receive_data(data[start : start + _SLICE])
            for event in self._frames.events_received():
                if isinstance(event, Response):
                    self._answered()
                elif isinstance(event, Frame):
                    self._frame(event, at)
            self._flush()
            self._look_for_the_end()

    def eof_received(self) -> None:
        """The peer said its last; what it said of the upgrade may be complete only now."""
        self._frames.receive_eof()
        for event in self._frames.events_received():
            if isinstance(event, Response):
                self._answered()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed.set()
        if not self._upgraded.done():
            self._upgraded.set_exception(error or ConnectionError("closed during the upgrade"))
            self._upgraded.exception()  # whoever waited may be gone
        self._end(End.DROPPED, "the connection broke off without a close frame")
        # The generator and the protocol hold each other, and with them the buffers: they would stay
        # until the next full collection, which may be long in coming.
        self._frames.parser.close()

    # -- what follows from it ----------------------------------------------------------------

    def _answered(self) -> None:
        refusal = self._frames.handshake_exc
        if self._upgraded.done():
            return
        if refusal is None:
            self._upgraded.set_result(None)
        elif isinstance(refusal, InvalidStatus):
            after = ", ".join(refusal.response.headers.get_all("Retry-After"))
            self._upgraded.set_exception(UpgradeError(refusal.response.status_code, after))
        else:
            self._upgraded.set_exception(MalformedError(f"bad upgrade: {type(refusal).__name__}"))

    def _frame(self, frame: Frame, at: float) -> None:
        opcode = frame.opcode
        if self._lost:
            return
        if opcode is Opcode.PONG:
            self._listener.pong(at)
        elif opcode is Opcode.CONT or not frame.fin:
            if opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts.append(frame.data)
                if frame.fin:
                    whole, self._parts = b"".join(self._parts), []
                    self._listener.message(whole, at)
        elif opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            self._listener.message(frame.data, at)

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._transport.write(data)

    def _look_for_the_end(self) -> None:
        if self._frames.handshake_exc is not None:
            if not self._upgraded.done():
                self._answered()
            self.abort()
        elif self._frames.parser_exc is not None:
            # Its traceback would keep what was unpacked so far until the next full collection.
            error = self._frames.parser_exc.with_traceback(None)
            end = End.TOO_LARGE if isinstance(error, PayloadTooBig) else End.PROTOCOL
            self._finish(end, str(error) or type(error).__name__)
        elif self._frames.close_rcvd is not None:
            code, reason = self._frames.close_rcvd.code, self._frames.close_rcvd.reason
            self._closed.set()
            self._finish(_ENDS.get(code, End.ERROR), f"closed by the exchange with {code} {reason}")
        elif self._transport.get_write_buffer_size() > _MAX_UNREAD:
            self._finish(End.PROTOCOL, "the peer does not read what it asks for")

    def _finish(self, end: End, detail: str) -> None:
        self._end(end, detail)
        self._transport.abort()

    def _end(self, end: End, detail: str) -> None:
        if not self._lost and self._upgraded.done():
            self._lost = True
            self._listener.lost(end, detail)
