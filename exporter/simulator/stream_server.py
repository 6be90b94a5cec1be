"""The WebSockets of the simulator: sessions on sockets."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from aiohttp import WSMsgType, web

from exporter.config.duration import seconds
from exporter.simulator.faults import ActiveFault
from exporter.simulator.simulation import Simulation
from exporter.simulator.stream_rules import Close
from exporter.simulator.stream_session import Frame, Ping, Session

_MAX_MESSAGE = 65536
_CLOSING_HANDSHAKE = 1.0
_SHORTEST_SLEEP = 0.001


class StreamServer:
    """Clients that connect more often than the provider allows are refused with 429."""

    def __init__(self, simulation: Simulation, seed: int = 1) -> None:
        self.simulation = simulation
        self._seed = seed
        self._attempts: dict[tuple[str, str], deque[float]] = {}
        self._connections = 0

    def are_asked_for(self, request: web.BaseRequest, exchange: str, path: str) -> bool:
        """Whether a request wants to become a WebSocket at a place where the exchange has one."""
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        feeds = self.simulation.feeds.get(exchange)
        return upgrade and feeds is not None and _rooted(path) in feeds.paths

    async def handle(
        self, request: web.BaseRequest, exchange: str, path: str, closing: asyncio.Event
    ) -> web.StreamResponse:
        """Upgrade the request and keep the connection until either side ends it."""
        self._connections += 1
        connection = _Connection(self, request, exchange, path, self._connections)
        if refusal := self._refusal(exchange, request.remote or "", connection.faults()):
            return web.Response(status=refusal)
        return await connection.run(closing)

    def faults_of(self, exchange: str, number: int) -> list[ActiveFault]:
        """The faults that hit one connection; which ones a ``share`` hits is left to the seed."""
        found = [fault for fault in self.simulation.in_force if _is_of(fault, exchange)]
        if not any(fault.share < 1.0 for fault in found):
            return found
        chance = random.Random(f"{self._seed}/{exchange}/stream/{number}")  # noqa: S311 - a game
        die = chance.random()
        return [fault for fault in found if die < fault.share]

    def _refusal(self, exchange: str, client: str, faults: Iterable[ActiveFault]) -> int:
        """The status with which an upgrade is refused, 0 for none. Every attempt counts."""
        connects = self.simulation.feeds[exchange].spec.get("connects")
        if connects:
            seen = self._attempts.setdefault((exchange, client), deque())
            now = self.simulation.now()
            while seen and seen[0] <= now - seconds(connects["window"]):
                seen.popleft()
            seen.append(now)
            if len(seen) > connects["capacity"]:
                return 429
        refused = (int(f.number("status")) for f in faults if f.name == "stream_refused")
        return next(refused, 0)


class _Connection:
    """One socket: a task that listens, and one that speaks when it is time or has to answer."""

    def __init__(
        self, server: StreamServer, request: web.BaseRequest, exchange: str, path: str, number: int
    ) -> None:
        self._server = server
        self._now = server.simulation.now
        self._request = request
        self._exchange = exchange
        self._number = number
        self._socket = web.WebSocketResponse(
            timeout=_CLOSING_HANDSHAKE, autoping=False, max_msg_size=_MAX_MESSAGE
        )
        feeds = server.simulation.feeds[exchange]
        self._session = Session(feeds, _rooted(path), number, server.simulation.now())
        self._answers: deque[Frame] = deque()
        self._wake = asyncio.Event()

    def faults(self) -> list[ActiveFault]:
        return self._server.faults_of(self._exchange, self._number)

    async def run(self, closing: asyncio.Event) -> web.StreamResponse:
        await self._socket.prepare(self._request)
        listening = asyncio.create_task(self._listen())
        speaking = asyncio.create_task(self._speak())
        ending = asyncio.create_task(closing.wait())
        tasks = {listening, speaking, ending}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not self._socket.closed:
            await self._end(Close(1001, "simulator stopped"))
        return self._socket

    async def _listen(self) -> None:
        async for message in self._socket:
            now, faults = self._now(), self.faults()
            if message.type is WSMsgType.TEXT:
                self._answers.extend(self._session.receive(message.data, now, faults))
                self._wake.set()
            elif message.type is WSMsgType.PONG:
                self._session.pong(now)
            elif message.type is WSMsgType.PING and not _mute(faults):
                await self._socket.pong(message.data)

    async def _speak(self) -> None:
        self._answers.extend(self._session.open(self._now(), self.faults()))
        with suppress(ConnectionError):
            while True:
                self._wake.clear()
                now, faults = self._now(), self.faults()
                self._answers.extend(self._session.due(now, faults))
                while self._answers:
                    if not await self._send(self._answers.popleft()):
                        return
                await self._sleep(self._session.wake_at(now, faults) - self._now())

    async def _send(self, frame: Frame) -> bool:
        if isinstance(frame, str):
            await self._socket.send_str(frame)
        elif isinstance(frame, bytes):
            await self._socket.send_bytes(frame)
        elif isinstance(frame, Ping):
            await self._socket.ping(b"%d" % int(self._now()))
        else:
            await self._end(frame)
            return False
        return True

    async def _end(self, close: Close) -> None:
        if close.code != 1006:
            await self._socket.close(code=close.code, message=close.why.encode())
        elif self._request.transport is not None:
            self._request.transport.abort()

    async def _sleep(self, delay: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(delay, _SHORTEST_SLEEP)):
                await self._wake.wait()


def _rooted(path: str) -> str:
    """A path as the catalog's URLs have it: empty, or with a slash at its beginning only."""
    return f"/{path}".rstrip("/")


def _is_of(fault: ActiveFault, exchange: str) -> bool:
    return fault.exchange in (exchange, "*") and (
        not fault.endpoint or fault.endpoint.startswith("stream")
    )


def _mute(faults: Iterable[ActiveFault]) -> bool:
    return any(fault.name == "stream_no_pong" for fault in faults)
