"""The simulator as a web server: exchanges at ``/{exchange}{path}``, faults at ``/faults``.

It is meant for this machine and has no access control.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from exporter.simulator.certificates import make_certificates
from exporter.simulator.control import Control, not_allowed
from exporter.simulator.fault_table import FAULTS, Kind
from exporter.simulator.listener import Listener
from exporter.simulator.simulation import Simulation
from exporter.simulator.stream_server import StreamServer
from exporter.simulator.wire import send
from exporter.web.address import listening_on

_ON_OWN_PORTS = tuple(n for n, f in FAULTS.items() if f.needs == "--simulator.own-ports")
_WITH_TLS = tuple(n for n, f in FAULTS.items() if f.kind is Kind.CONNECTION)


class Simulator(Simulation):
    """The exchanges on one port and, if asked for, each on a port of its own, with or without TLS.

    ``base_urls`` says where each exchange is, ``ca_file`` whom to trust there.
    """

    def __init__(
        self,
        catalog: Mapping[str, Mapping[str, Any]],
        seed: int = 1,
        now: Callable[[], float] = time.time,
        pairs: Iterable[str] = (),
    ) -> None:
        super().__init__(catalog, seed, now, pairs)
        self.base_urls: dict[str, str] = {}
        self.ca_file: Path | None = None
        self._listeners: dict[str, Listener] = {}
        self._streams = StreamServer(self, seed)
        self._closing = asyncio.Event()
        self._switched = asyncio.Event()
        self._running = AsyncExitStack()

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, own_ports: bool = False, tls: bool = False
    ) -> str:
        """Listen, and return the base URL, without a slash at its end.

        The exchanges' own ports follow ``port``, or are any when that is 0; ``tls`` implies them.
        Raises ListenError for an address that cannot be had, ConfigError when TLS is impossible.
        """
        self._closing.clear()
        async with AsyncExitStack() as stack:
            runner = web.ServerRunner(self._server(), shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            with listening_on(f"{host}:{port}"):
                await web.TCPSite(runner, host, port).start()
            base_url = _url("http", *runner.addresses[0][:2])
            self.base_urls = {name: f"{base_url}/{name}" for name in self.exchanges}
            if own_ports or tls:
                await self._open_own_ports(stack, host, port, tls)
            self._running = stack.pop_all()
        return base_url

    async def close(self) -> None:
        """Stop listening and end every answer that hangs."""
        self._closing.set()
        await self._running.aclose()
        self._listeners = {}

    async def settle(self) -> None:
        """Open and close ports as the faults in force at this moment want it."""
        faults = [fault for fault in self.in_force if fault.kind is Kind.CONNECTION]
        for name, listener in self._listeners.items():
            await listener.become(frozenset(f.name for f in faults if f.hits(name, "")))

    async def _open_own_ports(self, stack: AsyncExitStack, host: str, port: int, tls: bool) -> None:
        certificates = None
        if tls:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="simulator-"))
            certificates = await asyncio.to_thread(make_certificates, Path(folder))
            self.ca_file = certificates.ca_file
        self.connections = _WITH_TLS if tls else _ON_OWN_PORTS
        for n, name in enumerate(self.exchanges, start=1):
            listener = Listener(self._server(), host, certificates)
            await listener.open(port and port + n)
            stack.push_async_callback(listener.close)
            self._listeners[name] = listener
            scheme = "https" if tls else "http"
            self.base_urls[name] = f"{_url(scheme, host, listener.port)}/{name}"
        following = asyncio.create_task(self._follow_the_time())
        stack.push_async_callback(_cancelled, following)

    def _server(self) -> web.Server:
        return web.Server(self._handle, access_log=None, handler_cancellation=True)

    def switched(self) -> None:
        self._switched.set()

    async def _follow_the_time(self) -> None:
        """Settle whenever faults are switched, begin or end."""
        while True:
            self._switched.clear()
            await self.settle()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._next_change()):
                    await self._switched.wait()

    def _next_change(self) -> float | None:
        """Seconds until the next fault begins or ends by itself; None if none will."""
        now = self.now()
        times = [time for fault in self.scheduled for time in (fault.since, fault.until)]
        return min((time - now for time in times if now < time < float("inf")), default=None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name, slash, path = request.path[1:].partition("/")
        if not slash and name in ("", "faults"):
            return await Control(self, self.base_urls).handle(request)
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD")
        if self._streams.are_asked_for(request, name, path):
            return await self._streams.handle(request, name, path, self._closing)
        answer = self.ask(name, f"/{path}", request.query, request.remote or "")
        if answer is None:
            return web.Response(status=404, text="Not Found\n")
        return await send(request, answer.reply, answer.faults, answer.chance, self._closing)


def _url(scheme: str, host: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - any address
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
