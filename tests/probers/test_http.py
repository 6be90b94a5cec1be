"""The HTTP prober against servers that behave, and servers that do not."""

from __future__ import annotations

import asyncio
import errno
import gc
import gzip
import socket
import tracemalloc
import warnings

import pytest

from exporter.core.model import Reason
from exporter.core.plan import Request, Route
from exporter.probers import PROBERS
from exporter.probers.http import HttpProber
from exporter.probers.wire import WireSocket

from .servers import Behaviour, Visit, always, answer, ask_once, probing, run, serving, until


async def drop(visit: Visit) -> None:
    visit.close()


async def reset(visit: Visit) -> None:
    visit.reset()


async def reset_in_body(visit: Visit) -> None:
    await visit.send(answer(b"x" * 100)[:-50])
    await asyncio.sleep(0)
    visit.reset()


def test_a_complete_answer() -> None:
    """Everything that can be known of a warm-to-be, first probe."""
    data = answer(gzip.compress(b'{"a":1}'), "Content-Encoding: gzip", "X-Used: 7")
    seen, upstream = ask_once(always(data))

    assert seen.failure is None
    assert (seen.status, seen.body, seen.http_version) == (200, b'{"a":1}', "1.1")
    assert seen.headers["x-used"] == "7"
    assert seen.address == "127.0.0.1"
    assert seen.requests_sent == len(upstream.heads) == 1
    assert seen.latency is not None
    assert seen.phases.processing is not None
    assert seen.phases.transfer is not None
    assert seen.phases.processing + seen.phases.transfer == pytest.approx(seen.latency)
    assert seen.certificate_not_after is None


@pytest.mark.parametrize(
    ("behaviour", "reason", "detail"),
    [
        pytest.param(drop, Reason.DISCONNECTED, "before it answered", id="dropped"),
        pytest.param(reset, Reason.DISCONNECTED, "connection reset", id="reset"),
        pytest.param(reset_in_body, Reason.DISCONNECTED, "transfer", id="reset in the body"),
        pytest.param(
            always(answer(b"hello")[:-1], close=True),
            Reason.DISCONNECTED,
            "after 4 bytes of body",
            id="shorter than announced",
        ),
        pytest.param(
            always(b"HTTP/1.1 200 OK\r\nX", close=True),
            Reason.DISCONNECTED,
            "header section",
            id="closed within the headers",
        ),
        pytest.param(always(b"220 smtp\r\n"), Reason.MALFORMED, "Expected HTTP/", id="garbage"),
        pytest.param(
            always(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000),
            Reason.MALFORMED,
            "header section",
            id="endless headers",
        ),
        pytest.param(
            always(answer(b"x" * 1001)), Reason.TOO_LARGE, "1001 bytes announced", id="too large"
        ),
        pytest.param(
            always(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001),
            Reason.TOO_LARGE,
            "longer than 1000",
            id="too large, unannounced",
        ),
    ],
)
def test_faults(behaviour: Behaviour, reason: Reason, detail: str) -> None:
    """Each fault has its reason, a detail for people, no body and no latency; and one request."""
    seen, upstream = ask_once(behaviour, max_body=1000)

    assert seen.failure is not None
    assert seen.failure.reason is reason
    assert detail in seen.failure.detail
    assert seen.body == b""
    assert seen.latency is None
    assert seen.phases.connect is not None
    assert seen.requests_sent == len(upstream.heads) == upstream.connections == 1


def test_what_was_seen_before_a_fault_is_kept() -> None:
    """Status and headers of an answer that breaks off are facts."""
    seen, _ = ask_once(always(answer(b"hello", "X-Used: 7", status="503 No")[:-1], close=True))

    assert seen.status == 503
    assert seen.headers["x-used"] == "7"
    assert seen.phases.processing is not None
    assert seen.phases.transfer is None


def test_a_body_without_length_ends_with_the_connection() -> None:
    """The old way of HTTP/1.0 is a complete answer."""
    seen, _ = ask_once(always(b"HTTP/1.0 200 OK\r\n\r\nhello", close=True))

    assert seen.failure is None
    assert seen.body == b"hello"
    assert seen.http_version == "1.0"
    assert seen.latency is not None


def test_a_dead_port() -> None:
    """Nobody listens: no phase after the look-up is there."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        async with probing() as prober:
            seen = await prober.ask(Request(f"http://127.0.0.1:{port}/"), Route(), 5)

        assert seen.failure is not None
        assert seen.failure.reason is Reason.CONNECT
        assert "connection refused" in seen.failure.detail
        assert [name for name, _ in seen.phases.items()] == ["resolve"]
        assert seen.requests_sent == 0

    run(scenario())


def test_an_unknown_name() -> None:
    """RFC 6761 promises that .invalid never resolves."""

    async def scenario() -> None:
        async with probing() as prober:
            seen = await prober.ask(Request("http://does-not-exist.invalid/"), Route(), 15)

        assert seen.failure is not None
        assert seen.failure.reason is Reason.DNS
        assert seen.phases.items() == ()

    run(scenario())


def test_our_own_shortage_is_not_the_fault_of_the_peer() -> None:
    """Running out of file descriptors is reported as ours."""

    def exhausted(family: int) -> WireSocket:
        raise OSError(errno.EMFILE, "Too many open files")

    async def scenario() -> None:
        async with probing(socket_factory=exhausted) as prober:
            seen = await prober.ask(Request("http://127.0.0.1:1/"), Route(), 5)

        assert seen.failure is not None
        assert seen.failure.reason is Reason.INTERNAL_ERROR
        assert "too many open files" in seen.failure.detail

    run(scenario())


def test_a_bug_of_ours_is_an_internal_error() -> None:
    """Whatever is raised inside ends as a value, with the name of the exception."""

    def broken(family: int) -> WireSocket:
        raise KeyError("oops")

    async def scenario() -> None:
        async with probing(socket_factory=broken) as prober:
            seen = await prober.ask(Request("http://127.0.0.1:1/"), Route(), 5)

        assert seen.failure is not None
        assert seen.failure.reason is Reason.INTERNAL_ERROR
        assert "KeyError" in seen.failure.detail

    run(scenario())


def test_a_request_that_cannot_be_written_is_our_mistake() -> None:
    """That one is an exception, before anything happens."""

    async def scenario() -> None:
        async with probing() as prober:
            await prober.ask(Request("http://a/\r\n"), Route(), 5)

    with pytest.raises(ValueError, match="URL"):
        run(scenario())


def test_an_ipv6_address() -> None:
    """Literal addresses need no name server, whatever the preference."""

    async def scenario() -> None:
        async with serving(always(answer()), host="::1") as upstream, probing() as prober:
            request = Request(upstream.url(host="[::1]"))
            seen = await prober.ask(request, Route("ip4"), 5)
            refused = await prober.ask(request, Route("ip4_only"), 5)

        assert seen.failure is None
        assert seen.address == "::1"
        assert f"Host: [::1]:{upstream.port}".encode() in upstream.heads[0]
        assert refused.failure is not None
        assert refused.failure.reason is Reason.DNS

    run(scenario())


def test_50_megabytes_are_stopped_early() -> None:
    """Neither the memory nor the wire sees much of a body that is too large."""
    sent = 0

    async def flood(visit: Visit) -> None:
        nonlocal sent
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(500):
            await visit.send(bytes(100_000))
            sent += 100_000

    tracemalloc.start()
    seen, _ = ask_once(flood, max_body=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert seen.failure is not None
    assert seen.failure.reason is Reason.TOO_LARGE
    assert seen.status == 200
    assert sent < 20_000_000
    assert peak < 10_000_000


def test_nothing_is_left_open() -> None:
    """Faults, cancellation and close leave neither sockets nor tasks."""

    async def hang(visit: Visit) -> None:
        await visit.until_closed()

    async def scenario() -> None:
        for behaviour in (always(answer()), drop, reset_in_body, always(b"?")):
            async with serving(behaviour) as upstream, probing() as prober:
                for cold in (True, False, False):
                    await prober.ask(Request(upstream.url(), cold=cold), Route(), 5)
        async with serving(hang) as upstream, probing() as prober:
            asking = asyncio.ensure_future(prober.ask(Request(upstream.url()), Route(), 5))
            await until(lambda: bool(upstream.heads))
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            assert asking.cancelled()
            await until(lambda: upstream.closed == 1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(scenario())
        gc.collect()


def test_the_table_of_probers() -> None:
    """A plan names its prober."""
    assert PROBERS["http"] is HttpProber
