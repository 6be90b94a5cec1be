"""What is logged, and as what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from aiohttp import web

from exporter import logs
from exporter.web.listen import start_server


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging is as before afterwards."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    handlers, level, filters = root.handlers[:], root.level, server.filters[:]
    yield
    root.handlers[:], server.filters[:] = handlers, filters
    root.setLevel(level)


async def send(request: bytes) -> bytes:
    """What a server of ours answers to these bytes; one path of it has a bug."""

    async def broken(_: web.Request) -> web.Response:
        raise ZeroDivisionError

    app = web.Application()
    app.router.add_get("/broken", broken)
    server = await start_server(app, ["127.0.0.1:0"])
    try:
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        writer.write(request)
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
    finally:
        await server.close()
    return answer


@pytest.mark.parametrize(("level", "lines"), [("debug", 1), ("info", 0)])
@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nb\x00: c\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["long", "header", "nonsense"],
)
@pytest.mark.usefixtures("restored")
def test_a_bad_request_is_no_error_of_ours(
    capsys: pytest.CaptureFixture[str], request_: bytes, level: str, lines: int
) -> None:
    """Nothing by default, and one line for those who look for it."""
    logs.configure(level, "logfmt", str)
    assert b" 400 " in asyncio.run(send(request_))
    found = [line for line in capsys.readouterr().err.splitlines() if "aiohttp.server" in line]
    assert len(found) == lines
    assert all('level=debug logger=aiohttp.server msg="bad request: ' in line for line in found)
    assert "Traceback" not in "".join(found)


@pytest.mark.usefixtures("restored")
def test_a_bug_of_ours_still_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """With its traceback."""
    logs.configure("info", "logfmt", str)
    assert b" 500 " in asyncio.run(send(b"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n"))
    told = capsys.readouterr().err
    assert "level=error" in told
    assert "ZeroDivisionError" in told
