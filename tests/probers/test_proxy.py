"""Through a proxy: tunnels for HTTPS, the absolute form for HTTP."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from exporter.core.model import Reason
from exporter.core.plan import Request, Route

from .conftest import Certificates
from .servers import Visit, always, answer, probing, run, serving


async def tunnel(visit: Visit) -> None:
    """Open the tunnel that is asked for and carry bytes both ways."""
    host, port = visit.head.split()[1].decode().rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    await visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(visit.reader, writer))
            group.create_task(_pump(reader, visit.writer))
    finally:
        writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


def test_https_through_a_tunnel(certificates: Certificates) -> None:
    """The certificate is the server's; the authorization reaches the proxy and nobody else."""

    async def scenario() -> None:
        async with (
            serving(always(answer(b"inside")), certificates.context("good")) as upstream,
            serving(tunnel) as proxy,
            probing() as prober,
        ):
            route = Route(
                proxy_url=proxy.url(""),
                proxy_authorization="Basic eA==",
                ca_file=certificates.ca_file,
            )
            first = await prober.ask(Request(upstream.url("/x")), route, 5)
            second = await prober.ask(Request(upstream.url("/x")), route, 5)

        assert (first.failure, second.failure) == (None, None)
        assert first.body == b"inside"
        assert second.reused
        assert first.phases.tls is not None
        assert len(proxy.heads) == 1
        assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1".encode())
        assert b"Proxy-Authorization: Basic eA==" in proxy.heads[0]
        assert upstream.heads[0].startswith(b"GET /x HTTP/1.1")
        assert b"Proxy" not in upstream.heads[0]

    run(scenario())


def test_http_in_the_absolute_form() -> None:
    """The proxy is sent the whole URL, and the name need not be known here."""

    async def scenario() -> None:
        async with serving(always(answer(b"proxied"))) as proxy, probing() as prober:
            route = Route(proxy_url=proxy.url(""), proxy_authorization="Basic eA==")
            seen = await prober.ask(Request("http://api.invalid/x?y=z"), route, 5)

        assert seen.body == b"proxied"
        assert proxy.heads[0].startswith(b"GET http://api.invalid/x?y=z HTTP/1.1\r\n")
        assert b"Host: api.invalid\r\n" in proxy.heads[0]
        assert b"Proxy-Authorization: Basic eA==" in proxy.heads[0]

    run(scenario())


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (answer(status="407 Proxy Authentication Required"), "status 407"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "with HTTP"),
        (b"x" * 20_000, "with HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nsurprise", "of its own"),
        (b"HTTP/1.1 200 OK\r\n", "with HTTP"),
    ],
    ids=["refused", "no HTTP", "endless", "talks into the tunnel", "closes"],
)
def test_a_tunnel_that_does_not_open(data: bytes, detail: str) -> None:
    """It is a connection that could not be made; nothing was asked of the server."""

    async def scenario() -> None:
        async with serving(always(data, close=True)) as proxy, probing() as prober:
            seen = await prober.ask(
                Request("https://api.invalid/"), Route(proxy_url=proxy.url("")), 5
            )

        assert seen.failure is not None
        assert seen.failure.reason is Reason.CONNECT
        assert detail in seen.failure.detail
        assert seen.phases.connect is None
        assert seen.requests_sent == 0

    run(scenario())
