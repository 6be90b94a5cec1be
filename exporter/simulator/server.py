"""The simulator as a web server: exchanges at ``/{exchange}{path}``, faults at ``/faults``.

It is meant for this machine and has no access control.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from exporter.simulator.exchange import SimulatedExchange
from exporter.simulator.faults import ActiveFault, FaultError, read_faults
from exporter.simulator.market import ASSETS, QUOTES, Market
from exporter.simulator.page import page
from exporter.simulator.provider import Provider
from exporter.simulator.wire import send

_MAX_REQUEST_BODY = 65536


class Request(NamedTuple):
    """One request that was answered; ``status`` is the one of the answer before wire faults."""

    time: float
    exchange: str
    endpoint: str
    status: int


class Simulator:
    """All exchanges of a catalog on one port.

    ``catalog`` maps names to parsed catalog files; ``pairs`` are listed besides the usual ones;
    ``now`` yields unix seconds.

    Raises:
        CatalogError: a sample has an unknown variable, format or list.
    """

    def __init__(
        self,
        catalog: Mapping[str, Mapping[str, Any]],
        seed: int = 1,
        now: Callable[[], float] = time.time,
        pairs: Iterable[str] = (),
    ) -> None:
        usual = [f"{base}-{quote}" for base in ASSETS for quote in QUOTES if base != quote]
        listed = tuple(dict.fromkeys([*usual, *pairs]))
        market = Market(seed)
        self._exchanges = {
            name: SimulatedExchange(Provider(document, listed), market)
            for name, document in catalog.items()
        }
        self._now = now
        self._runner: web.ServerRunner | None = None
        self._closing = asyncio.Event()
        self.faults: tuple[ActiveFault, ...] = ()
        self.requests: deque[Request] = deque(maxlen=10_000)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the base URL, without a slash at its end."""
        self._closing.clear()
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        address, bound = self._runner.addresses[0][:2]
        return f"http://[{address}]:{bound}" if ":" in address else f"http://{address}:{bound}"

    async def close(self) -> None:
        """Stop listening and end every answer that hangs."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def set_faults(self, request: list[Mapping[str, Any]]) -> None:
        """Replace the faults in force by ``[{exchange, endpoint?, fault, …parameters}]``.

        Raises:
            FaultError: with every problem found; the faults stay as they were.
        """
        endpoints = {name: e.provider.endpoints for name, e in self._exchanges.items()}
        self.faults = read_faults(request, endpoints, self._now())

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name, slash, path = request.path[1:].partition("/")
        if not slash and name in ("", "faults"):
            return await self._control(request, name)
        exchange = self._exchanges.get(name)
        call = exchange.provider.find(f"/{path}", request.query) if exchange else None
        if exchange is None or call is None:
            return web.Response(status=404, text="Not Found\n")
        if request.method not in ("GET", "HEAD"):
            return _not_allowed("GET, HEAD")
        now, endpoint = self._now(), call.endpoint.name
        faults = [f for f in self.faults if f.exchange == name and f.endpoint in ("", endpoint)]
        reply = exchange.answer(call, request.remote or "", now, faults)
        self.requests.append(Request(now, name, endpoint, reply.status))
        return await send(request, reply, faults, self._closing)

    async def _control(self, request: web.BaseRequest, name: str) -> web.Response:
        allowed = ("GET", "HEAD", "POST", "DELETE") if name else ("GET", "HEAD")
        if request.method not in allowed:
            return _not_allowed(", ".join(allowed))
        if not name:
            base = f"http://{request.host}"
            providers = (exchange.provider for exchange in self._exchanges.values())
            return web.Response(text=page(base, providers, self.faults), content_type="text/html")
        if request.method == "DELETE":
            self.set_faults([])
        elif request.method == "POST":
            try:
                self.set_faults(await _json(request))
            except FaultError as error:
                return _answer({"errors": error.problems}, 400)
        return _answer([fault.document() for fault in self.faults])


async def _json(request: web.BaseRequest) -> Any:
    body = await request.content.read(_MAX_REQUEST_BODY + 1)
    while not request.content.at_eof() and len(body) <= _MAX_REQUEST_BODY:
        body += await request.content.read(_MAX_REQUEST_BODY)
    if len(body) > _MAX_REQUEST_BODY:
        raise FaultError([f"$: longer than {_MAX_REQUEST_BODY} bytes"])
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FaultError([f"$: not JSON: {error}"]) from None


def _answer(document: Any, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)


def _not_allowed(methods: str) -> web.Response:
    return web.Response(status=405, text="Method Not Allowed\n", headers={"Allow": methods})
