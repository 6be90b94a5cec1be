"""A tunnel through an HTTP proxy (RFC 9110 §9.3.6)."""

from __future__ import annotations

import asyncio
import re

from exporter.core.plan import Route
from exporter.probers.failure import ProxyError
from exporter.probers.request import Origin
from exporter.probers.wire import WireSocket

_MAX_HEAD = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})\b")


async def open_tunnel(sock: WireSocket, origin: Origin, route: Route, user_agent: str) -> None:
    """Ask the proxy at the other end of ``sock`` for a tunnel to ``origin``.

    Raises ProxyError, OSError, or ValueError for an authorization that cannot be sent.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, _connect_request(origin, route, user_agent))
    head = b""
    while b"\r\n\r\n" not in head:
        data = await loop.sock_recv(sock, _MAX_HEAD)
        head += data
        if not data or len(head) > _MAX_HEAD:
            raise ProxyError("the proxy did not answer CONNECT with HTTP")
    status = _STATUS_LINE.match(head)
    if status is None:
        raise ProxyError("the proxy did not answer CONNECT with HTTP")
    if status[1][:1] != b"2":
        raise ProxyError(f"the proxy answered CONNECT with status {int(status[1])}")
    if not head.endswith(b"\r\n\r\n"):
        raise ProxyError("the proxy sent bytes of its own through the tunnel")


def _connect_request(origin: Origin, route: Route, user_agent: str) -> bytes:
    lines = [
        f"CONNECT {origin.authority} HTTP/1.1",
        f"Host: {origin.authority}",
        f"User-Agent: {user_agent}",
    ]
    if route.proxy_authorization:
        lines.append(f"Proxy-Authorization: {route.proxy_authorization}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
