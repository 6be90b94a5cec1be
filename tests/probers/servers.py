"""Real servers on port 0 that do byte for byte what a test tells them, and a prober to ask them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from exporter.core.model import Observation
from exporter.core.plan import Request, Route
from exporter.probers.http import HttpProber

T = TypeVar("T")


@dataclass
class Visit:
    """One request as the server received it, and the means to answer it."""

    head: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    served: int
    """How many requests this connection had carried before."""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()

    async def until_closed(self) -> None:
        """Say no more, until the client closes."""
        with contextlib.suppress(OSError):
            await self.reader.read()


Behaviour = Callable[[Visit], Awaitable[None]]


@dataclass
class Upstream:
    """What a server saw."""

    port: int
    scheme: str = "http"
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A complete answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def always(data: bytes, *, close: bool = False) -> Behaviour:
    """Answer every request with ``data``."""

    async def behave(visit: Visit) -> None:
        await visit.send(data)
        if close:
            visit.close()

    return behave


@contextlib.asynccontextmanager
async def serving(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Upstream]:
    """A server that treats every request with ``behaviour``."""
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        upstream.connections += 1
        served = 0
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                upstream.heads.append(head)
                await behaviour(Visit(head, reader, writer, served))
                served += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            upstream.closed += 1
            writer.transport.abort()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    upstream = Upstream(server.sockets[0].getsockname()[1], "https" if tls else "http")
    try:
        yield upstream
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def probing(**settings: Any) -> AsyncIterator[HttpProber]:
    prober = HttpProber("0.0", **settings)
    try:
        yield prober
    finally:
        await prober.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until ``condition`` holds; ``run`` bounds the time that may take."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event to tell
        await asyncio.sleep(0.001)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run ``scenario``, and fail when it hangs or leaves a task behind."""

    async def bounded() -> T:
        async with asyncio.timeout(20):
            result = await scenario
            # A server takes a turn of the loop to see that its client is gone.
            await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        return result

    return asyncio.run(bounded())


def ask_once(
    behaviour: Behaviour,
    *,
    tls: ssl.SSLContext | None = None,
    route: Route = Route(),
    timeout: float = 5.0,
    **request: Any,
) -> tuple[Observation, Upstream]:
    """One ask of a fresh server: what was observed, and what the server saw."""

    async def scenario() -> tuple[Observation, Upstream]:
        async with serving(behaviour, tls) as upstream, probing() as prober:
            asked = Request(upstream.url(), **request)
            return await prober.ask(asked, route, timeout), upstream

    return run(scenario())
