"""Names to addresses, off the event loop and timed where it happens."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

_THREADS = 8

_FAMILIES = {
    "ip4": (socket.AF_INET, socket.AF_INET6),
    "ip6": (socket.AF_INET6, socket.AF_INET),
    "ip4_only": (socket.AF_INET,),
    "ip6_only": (socket.AF_INET6,),
}
_NO_SUCH_ADDRESS = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
)


class Address(NamedTuple):
    """Where to connect, and the seconds it took to find out, without any wait for a thread."""

    family: int
    sockaddr: Any
    seconds: float


class Resolver:
    """getaddrinfo(3) in a few threads of its own, so that nobody else's work delays a look-up."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")

    async def resolve(self, host: str, port: int, ip_protocol: str) -> Address:
        """The first address of ``host`` in the order of preference. Raises socket.gaierror."""
        families = _FAMILIES[ip_protocol]
        if _is_literal(host):
            return _look_up(host, port, families)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port, families)

    def close(self) -> None:
        """Drop what waits. A look-up under way ends by the resolver's own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, families: tuple[int, ...]) -> Address:
    started = time.monotonic()
    for family in families:
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno not in _NO_SUCH_ADDRESS or family == families[-1]:
                raise
        else:
            return Address(found[0][0], found[0][4], time.monotonic() - started)
    raise AssertionError("the last family either raises or returns")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
