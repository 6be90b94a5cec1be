"""A server process that answers every request a fixed time after it arrived, and says what it did.

    python punctual.py SECONDS [CERTIFICATE KEY]

It prints its port. The header X-Service-Time of an answer is the true time of service: from the
kernel's stamp on the request to just before the send of the answer. Shares no code with what it
is used to measure.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
import time
from typing import Any

_SO_TIMESTAMPNS = 35
_ANSWER = "HTTP/1.1 200 OK\r\nX-Service-Time: {:.9f}\r\nContent-Length: 2\r\n\r\n{{}}"


class StampedSocket(socket.socket):
    """Remembers the kernel's stamp of the bytes received last."""

    stamp = 0.0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data, ancillary, _, _ = self.recvmsg(size, 64, flags)
        self._note(ancillary)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        count, ancillary, _, _ = self.recvmsg_into([buffer], 64, flags)
        self._note(ancillary)
        return count

    def _note(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for _, _, data in ancillary:
            seconds, nanoseconds = struct.unpack("@ll", data)
            self.stamp = seconds + nanoseconds * 1e-9


class Punctual(asyncio.Protocol):
    """Answers ``delay`` seconds after the arrival of a request."""

    def __init__(self, sock: StampedSocket, delay: float) -> None:
        self.sock = sock
        self.delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        arrived = self.sock.stamp
        wait = arrived + self.delay - time.time()
        asyncio.get_running_loop().call_later(wait, self.answer, arrived)

    def answer(self, arrived: float) -> None:
        self.transport.write(_ANSWER.format(time.time() - arrived).encode())


async def main(delay: float, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        listening.setblocking(False)
        print(listening.getsockname()[1], flush=True)
        while True:
            accepted, _ = await loop.sock_accept(listening)
            sock = StampedSocket(fileno=accepted.detach())
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            protocol = Punctual(sock, delay)
            making = loop.connect_accepted_socket(lambda p=protocol: p, sock, ssl=tls)  # type: ignore[misc]
            _making.add(task := loop.create_task(making))
            task.add_done_callback(_making.discard)


_making: set[asyncio.Task[Any]] = set()

if __name__ == "__main__":
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    asyncio.run(main(float(sys.argv[1]), context))
