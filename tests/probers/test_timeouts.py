"""One deadline for everything, and a detail that says where it struck."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from exporter.core.model import Observation, Reason
from exporter.core.plan import Request, Route

from .servers import Visit, answer, ask_once, probing, run

SHORT = 0.05


def assert_timed_out(seen: Observation, phase: str) -> None:
    assert seen.failure is not None
    assert seen.failure.reason is Reason.TIMEOUT
    assert phase in seen.failure.detail
    assert SHORT * 0.9 < seen.elapsed < SHORT + 1
    assert seen.latency is None


async def ask(url: str) -> Observation:
    async with probing() as prober:
        return await prober.ask(Request(url), Route(), SHORT)


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel answers no more SYNs."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def test_in_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that does not answer."""
    release = threading.Event()

    def silent(*_: object) -> object:
        release.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        seen = run(ask("http://api.test/"))
    finally:
        release.set()

    assert_timed_out(seen, "resolve")
    assert seen.phases.items() == ()


def test_in_connect() -> None:
    """A host that does not answer at all."""
    with full_backlog() as port:
        seen = run(ask(f"http://127.0.0.1:{port}/"))

    assert_timed_out(seen, "connect")
    assert [name for name, _ in seen.phases.items()] == ["resolve"]


def test_in_tls() -> None:
    """A host that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        seen = run(ask(f"https://127.0.0.1:{listening.getsockname()[1]}/"))

    assert_timed_out(seen, "tls")
    assert [name for name, _ in seen.phases.items()] == ["resolve", "connect"]
    assert seen.requests_sent == 0


def test_in_processing() -> None:
    """A host that takes the request and thinks."""

    async def think(visit: Visit) -> None:
        await visit.until_closed()

    seen, _ = ask_once(think, timeout=SHORT)

    assert_timed_out(seen, "processing")
    assert seen.requests_sent == 1
    assert seen.phases.processing is None
    assert seen.sent_at is not None


def test_in_transfer() -> None:
    """A host that stops within the body; its status is known."""

    async def stop_short(visit: Visit) -> None:
        await visit.send(answer(b"hello", "X-Used: 7")[:-1])
        await visit.until_closed()

    seen, upstream = ask_once(stop_short, timeout=SHORT)

    assert_timed_out(seen, "transfer")
    assert seen.status == 200
    assert seen.headers["x-used"] == "7"
    assert seen.phases.processing is not None
    assert seen.phases.transfer is None
    assert upstream.closed == 1


def test_drip_by_drip() -> None:
    """The deadline is for the whole answer; bytes that come do not extend it."""

    async def drip(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await visit.send(b"x")
            await asyncio.sleep(0.005)

    seen, _ = ask_once(drip, timeout=SHORT)

    assert_timed_out(seen, "transfer")
