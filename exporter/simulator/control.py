"""The simulator's own pages: ``/`` for people, ``/faults`` to switch faults.

    GET /faults      the faults that were asked for, as they can be sent back
    POST /faults     replaces them all by the list in the body
    PATCH /faults    adds the list in the body
    DELETE /faults   ends them all, or those of ?exchange=… and ?fault=…

Faults of a scenario that is being played come on top and end with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from exporter.simulator.faults import FaultError
from exporter.simulator.page import page
from exporter.simulator.simulation import Simulation

_MAX_REQUEST_BODY = 65536


class Control:
    """``base_urls`` are where the exchanges can be asked."""

    def __init__(self, simulation: Simulation, base_urls: Mapping[str, str]) -> None:
        self._simulation = simulation
        self._base_urls = base_urls

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request for ``/`` or ``/faults``."""
        if request.path == "/":
            return self._page(request)
        if request.method in ("POST", "PATCH"):
            try:
                self._switch(request.method, await _json(request))
            except FaultError as error:
                return _answer({"errors": error.problems}, 400)
        elif request.method == "DELETE":
            query = request.query
            self._simulation.end_faults(query.get("exchange", ""), query.get("fault", ""))
        elif request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD, POST, PATCH, DELETE")
        await self._simulation.settle()
        now = self._simulation.now()
        return _answer([fault.document(now) for fault in self._simulation.faults])

    def _page(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD")
        text = page(f"http://{request.host}", self._simulation, self._base_urls)
        return web.Response(text=text, content_type="text/html")

    def _switch(self, method: str, faults: Any) -> None:
        if method == "POST":
            self._simulation.set_faults(faults)
        else:
            self._simulation.add_faults(faults)


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


def not_allowed(methods: str) -> web.Response:
    return web.Response(status=405, text="Method Not Allowed\n", headers={"Allow": methods})


def _answer(document: Any, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)
