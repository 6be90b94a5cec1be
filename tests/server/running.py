"""Starts the real application on a free port of the loopback interface."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from exporter.server import ServerSettings, build_application
from exporter.web.listen import start_server
from tests.server.fake_service import FakeService


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    text: str


@dataclass(frozen=True)
class Client:
    """Sends requests to one server, with the query exactly as it is written."""

    url: str
    session: aiohttp.ClientSession

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        url = URL(self.url + path, encoded=True)
        options = {"allow_redirects": False, **options}
        async with self.session.request(method, url, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET with the headers given as keywords, ``_`` for ``-``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("GET", path, headers=sent)


@asynccontextmanager
async def running(
    service: FakeService, trust: ssl.SSLContext | None = None, **settings: Any
) -> AsyncIterator[Client]:
    """Serve ``service`` on a free port, and close everything afterwards."""
    chosen = ServerSettings(**{"listen": ("127.0.0.1:0",), "version": "1.2.3", **settings})
    server = await start_server(build_application(service, chosen), chosen.listen)
    connector = aiohttp.TCPConnector(ssl=trust or True, force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Client(server.urls[0], session)
    finally:
        await server.close()


def fetch(service: FakeService, path: str, /, **headers: str) -> Answer:
    """One GET from a server that lives as long as the request."""

    async def once() -> Answer:
        async with running(service) as client:
            return await client.get(path, **headers)

    return asyncio.run(once())
