"""Listening on one or more addresses."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from exporter.server import ServerSettings, build_application
from exporter.web.listen import start_server
from tests.server.fake_service import FakeService


async def statuses(*listen: str) -> list[int]:
    """What /-/healthy answers on each address that was opened."""
    settings = ServerSettings(listen=listen)
    server = await start_server(build_application(FakeService(), settings), settings.listen)
    try:
        async with aiohttp.ClientSession() as session:
            return [(await session.get(f"{url}/-/healthy")).status for url in server.urls]
    finally:
        await server.close()


def test_several_addresses() -> None:
    """Each with its own port, IPv6 in brackets."""
    assert asyncio.run(statuses("127.0.0.1:0", "127.0.0.2:0", "[::1]:0")) == [200, 200, 200]


def test_all_interfaces_are_one_socket_for_both_ip_versions() -> None:
    """With port 0, two sockets would have two different ports."""

    async def both() -> list[int]:
        settings = ServerSettings(listen=(":0",))
        server = await start_server(build_application(FakeService(), settings), settings.listen)
        ((_, port),) = server.addresses
        try:
            async with aiohttp.ClientSession() as session:
                urls = (f"http://127.0.0.1:{port}/-/healthy", f"http://[::1]:{port}/-/healthy")
                return [(await session.get(url)).status for url in urls]
        finally:
            await server.close()

    assert asyncio.run(both()) == [200, 200]


def test_occupied_port_is_an_error_that_leaves_nothing_open() -> None:
    """The address that was had before is given back."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as s,
    ):
        free = s.getsockname()[1]
        s.close()
        listen = (f"127.0.0.1:{free}", f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(OSError, match="address already in use"):
            asyncio.run(statuses(*listen))
    with socket.create_server(("127.0.0.1", free)):
        pass
