"""One exchange's own port, and the faults of the connection: refused, TLS that fails."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

from exporter.simulator.certificates import Certificates
from exporter.web.address import listening_on


class Listener:
    """Listens on one port for one exchange, as far as the faults in force let it."""

    def __init__(self, server: web.Server, host: str, certificates: Certificates | None) -> None:
        """``certificates`` are for TLS, None for plain HTTP."""
        self._server = server
        self._host = host
        self._context = certificates.context("valid") if certificates else None
        self._expired = certificates.context("expired") if certificates else None
        if self._context:
            self._context.sni_callback = self._greet
        self._listening: asyncio.Server | None = None
        self._faults: frozenset[str] = frozenset()
        self.port = 0

    async def open(self, port: int) -> None:
        """Listen; port 0 takes any. Raises ListenError when the port cannot be had."""
        loop = asyncio.get_running_loop()
        with listening_on(f"{self._host}:{port}"):
            self._listening = await loop.create_server(
                self._server, self._host, port, ssl=self._context
            )
        self.port = self._listening.sockets[0].getsockname()[1]

    async def become(self, faults: frozenset[str]) -> None:
        """Put exactly these faults in force. Connections that are open would know nothing of it,
        so they end."""
        if faults == self._faults:
            return
        self._faults = faults
        if self._listening and "refused" in faults:
            self._listening.close()
            self._listening = None
        elif self._listening is None and "refused" not in faults:
            await self.open(self.port)
        self._abort()

    async def close(self) -> None:
        if self._listening:
            self._listening.close()
            self._listening = None
        await self._server.shutdown(1.0)

    def _abort(self) -> None:
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def _greet(self, connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> int | None:
        """Called at each handshake: which certificate to show, or why there is none."""
        if "tls_failure" in self._faults:
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        if self._expired and "expired_certificate" in self._faults:
            connection.context = self._expired
        return None
