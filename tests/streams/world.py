"""A real WebSocket server that does what a test tells it, and a monitor that watches it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import WSMsgType, web

from exporter.clock import SystemClock
from exporter.core.limits import Limiter
from exporter.core.plan import Plan
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_target import connects_key, stream_limits, stream_targets
from exporter.core.stream_view import StreamView
from exporter.probers.conversation import WebSocketOpener
from exporter.streams import Monitor
from exporter.streams.watch import Tools

from .plans import BOOK, message, plan


@dataclass
class Peer:
    """One client as the server sees it."""

    socket: web.WebSocketResponse
    number: int
    """How many clients came before it."""
    heard: list[str] = field(default_factory=list)

    async def acknowledge(self, count: int = 1) -> None:
        """Read that many subscriptions and acknowledge them."""
        for _ in range(count):
            asked = json.loads(await self.listen())
            await self.socket.send_str(json.dumps({"ok": True, "id": asked["id"]}))

    async def listen(self) -> str:
        """The next text of the client."""
        received = await self.socket.receive()
        if received.type is not WSMsgType.TEXT:
            raise ConnectionError("the client left")
        self.heard.append(received.data)
        return str(received.data)

    async def books(self, numbers: range | list[int], every: float = 0.0) -> None:
        """Send book messages with these ids, whose events happen now."""
        for number in numbers:
            await self.socket.send_str(message(number, at=time.time()))
            await asyncio.sleep(every)

    async def stay(self) -> None:
        """Say no more until the client leaves; its pings are answered."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self.listen()


Behaviour = Callable[[Peer], Awaitable[None]]


@dataclass
class Server:
    """Where it listens and who came."""

    url: str
    peers: list[Peer] = field(default_factory=list)
    open: int = 0


@contextlib.asynccontextmanager
async def serving(
    behaviour: Behaviour, *, status: int = 0, path: str = "/x", **options: Any
) -> AsyncIterator[Server]:
    """Serve WebSockets; each client is treated with ``behaviour``, or refused with ``status``."""
    server = Server("")
    numbers = itertools.count()

    async def handle(request: web.Request) -> web.StreamResponse:
        if status:
            return web.Response(status=status, headers={"Retry-After": "7"})
        socket = web.WebSocketResponse(**options)
        await socket.prepare(request)
        peer = Peer(socket, next(numbers))
        server.peers.append(peer)
        server.open += 1
        try:
            with contextlib.suppress(ConnectionError):
                await behaviour(peer)
        finally:
            server.open -= 1
        return socket

    app = web.Application()
    app.router.add_get(path, handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"ws://127.0.0.1:{port}/x"
    try:
        yield server
    finally:
        await runner.cleanup()


class World:
    """A monitor of some plans over real sockets. Its randomness is none: waits are short."""

    def __init__(self, *plans: StreamPlan, rand: float = 0.05) -> None:
        self.plans = {each.key: each for each in plans}
        self.spent = 0
        self.limiter = Limiter([], [])
        self.opener = WebSocketOpener("test")
        tools = Tools(
            opener=self.opener,
            limiter=self.limiter,
            clock=SystemClock(),
            rand=lambda: rand,
            clock_offset=lambda _: 0.0,
            spent=self._spend,
        )
        self.monitor = Monitor(tools)

    def _spend(self) -> None:
        self.spent += 1

    async def apply(self, *plans: StreamPlan) -> None:
        """Put these plans in force."""
        self.plans = {each.key: each for each in plans}
        costs = [((connects_key(each), 1.0),) for each in plans]
        self.limiter.reconfigure(stream_limits(self.plans), costs)
        targets = stream_targets(Plan({}, {}, streams=self.plans))
        self.monitor.apply(self.plans, targets)
        await self.monitor.settled()

    def stream(self, target: str = BOOK) -> StreamView:
        """What is seen of one stream."""
        view = self.monitor.view(target).stream
        assert view is not None
        return view

    async def until(self, true: Callable[[StreamView], object], target: str = BOOK) -> StreamView:
        """Wait for something to become true of a stream, at most five seconds."""
        async with asyncio.timeout(5.0):
            while not true(view := self.stream(target)):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.005)
        return view


@contextlib.asynccontextmanager
async def watching(*plans: StreamPlan) -> AsyncIterator[World]:
    """A monitor that watches these plans."""
    world = World(*plans)
    await world.apply(*plans)
    world.monitor.start()
    try:
        yield world
    finally:
        await world.monitor.close()
        world.opener.close()


@contextlib.asynccontextmanager
async def watched(
    behaviour: Behaviour, *, status: int = 0, changes: StreamPlan | None = None, **options: Any
) -> AsyncIterator[tuple[World, Server]]:
    """A server with ``behaviour`` and a monitor of it; ``changes`` is the plan but for its URL."""
    async with serving(behaviour, status=status, **options) as server:
        made = replace(changes or plan(), url=server.url)
        async with watching(made) as world:
            yield world, server
