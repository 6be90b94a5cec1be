"""Opening a connection phase by phase: resolve, connect (with a proxy's tunnel), TLS."""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Callable

from exporter.core.plan import Route
from exporter.probers.attempt import Attempt
from exporter.probers.certificate import not_after
from exporter.probers.connection import Connection
from exporter.probers.failure import Phase
from exporter.probers.proxy import open_tunnel
from exporter.probers.request import Origin, origin_of
from exporter.probers.resolver import Resolver
from exporter.probers.wire import WireSocket

SocketFactory = Callable[[int], WireSocket]
"""Makes an unconnected socket of an address family."""


class Connector:
    """Opens connections, each to exactly one address: what is measured is what was configured."""

    def __init__(self, user_agent: str, socket_factory: SocketFactory) -> None:
        self._user_agent = user_agent
        self._socket_factory = socket_factory
        self._resolver = Resolver()
        self.tls_context = functools.cache(_tls_context)

    async def open(
        self,
        origin: Origin,
        route: Route,
        attempt: Attempt,
        *,
        verify: bool = True,
        tunnel: bool = False,
    ) -> Connection:
        """A connection to ``origin``; ``attempt`` tells how far it came when this raises.

        ``tunnel`` asks a proxy for a tunnel even where there is no TLS to carry (RFC 6455 §4.1).
        Raises OSError (also as ssl.SSLError, socket.gaierror) or ProxyError.
        """
        tunnel = bool(route.proxy_url) and (tunnel or origin.scheme == "https")
        connection = await self._connect(origin, route, attempt, tunnel)
        if origin.scheme == "https":
            attempt.setup = Phase.TLS
            started = time.monotonic()
            context = self.tls_context(route.ca_file, verify and not route.insecure_skip_verify)
            await _start_tls(connection, context, origin.host)
            attempt.tls = time.monotonic() - started
        return connection

    def close(self) -> None:
        self._resolver.close()

    async def _connect(
        self, origin: Origin, route: Route, attempt: Attempt, tunnel: bool
    ) -> Connection:
        peer = origin_of(route.proxy_url) if route.proxy_url else origin
        attempt.setup = Phase.RESOLVE
        address = await self._resolver.resolve(peer.host, peer.port, route.ip_protocol)
        attempt.resolve, attempt.address = address.seconds, address.sockaddr[0]
        attempt.setup = Phase.CONNECT
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        sock = self._socket_factory(address.family)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address.sockaddr)
            if tunnel:
                await open_tunnel(sock, origin, route, self._user_agent)
            attempt.connect = time.monotonic() - started
            connection = Connection(sock, attempt.address)
            await loop.create_connection(lambda: connection, sock=sock)
        except BaseException:
            sock.close()
            raise
        return connection


def _tls_context(ca_file: str, verify: bool) -> ssl.SSLContext:
    """The TLS settings of a route. Raises OSError for a ``ca_file`` that cannot be read."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _start_tls(connection: Connection, context: ssl.SSLContext, host: str) -> None:
    """Speak TLS on ``connection`` from now on, and note until when its certificate is valid.

    The transport is wrapped only after it exists, so that a cancelled handshake cannot lose it.
    """
    plain = connection.transport
    assert plain is not None
    try:
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(plain, connection, context, server_hostname=host)
    except BaseException:
        plain.abort()
        raise
    assert secured is not None
    connection.transport = secured
    der = secured.get_extra_info("ssl_object").getpeercert(binary_form=True)
    connection.certificate_not_after = not_after(der) if der else None
