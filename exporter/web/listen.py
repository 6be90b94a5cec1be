"""Listening: from addresses to a running server that can be closed."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterable

from aiohttp import web

from exporter.web.address import listening_on
from exporter.web.watch import WEB_CONFIG

_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:\[\]\s/]*)):(?P<port>\d{1,5})")

# Longer than the longest scrape interval in /sd, so that a scraper's connection lasts from one
# scrape to the next. It also ends connections on which no complete request ever arrives.
_KEEPALIVE = 130.0
_LINGER = 2.0
_SHUTDOWN = 10.0
_EVERYWHERE = ("::", "0.0.0.0")  # noqa: S104
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)  # switched off at run time


class Server:
    """A running web server."""

    def __init__(self, runner: web.AppRunner, scheme: str) -> None:
        self._runner = runner
        self._scheme = scheme

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every listening socket, with the real port where 0 was asked for."""
        return tuple((address[0], address[1]) for address in self._runner.addresses)

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses as URLs for this machine, which is ``localhost`` where all are meant."""
        return tuple(
            f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}"
            for host, port in (
                ("localhost" if address in _EVERYWHERE else address, port)
                for address, port in self.addresses
            )
        )

    async def close(self) -> None:
        """Stop listening, let requests in progress end for a while, close all connections."""
        await self._runner.cleanup()


async def start_server(
    app: web.Application, addresses: Iterable[str], shutdown: float = _SHUTDOWN
) -> Server:
    """Listen on all addresses (see ``parse_listen``). Raises ListenError if one cannot be had.

    Requests in progress have ``shutdown`` seconds to end when the server is closed.
    """
    web_config = app.get(WEB_CONFIG)
    context = web_config.server_context() if web_config is not None else None
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=_KEEPALIVE,
        lingering_time=_LINGER,
        shutdown_timeout=shutdown,
    )
    await runner.setup()
    try:
        for address in addresses:
            host, port = parse_listen(address)
            with listening_on(address):
                await _site(runner, host, port, context).start()
    except BaseException:
        await runner.cleanup()
        raise
    return Server(runner, "https" if context is not None else "http")


def parse_listen(address: str) -> tuple[str, int]:
    """``host:port`` in parts; the host is "" for all interfaces. Raises ValueError."""
    match = _LISTEN.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f"listen address {address!r} is not [host]:port")
    return match["v6"] or match["host"] or "", int(match["port"])


def _site(
    runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None
) -> web.BaseSite:
    if host:
        return web.TCPSite(runner, host, port, ssl_context=context)
    return web.SockSite(runner, _wildcard_socket(port), ssl_context=context)


def _wildcard_socket(port: int) -> socket.socket:
    """One socket for all interfaces and both IP versions, where the system has both."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return socket.create_server(("", port))
