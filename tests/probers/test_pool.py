"""Which connections are used again, and which are not."""

from __future__ import annotations

import asyncio

import pytest

from exporter.core.model import Observation, Reason
from exporter.core.plan import Request, Route
from exporter.probers.http import HttpProber

from .servers import Behaviour, Upstream, Visit, always, answer, probing, run, serving, until


async def ask_twice(
    behaviour: Behaviour, *, cold: bool = False, route: Route = Route()
) -> tuple[Observation, Observation, Upstream]:
    """Two asks, the second after the loop had time to hear of what came in between."""
    async with serving(behaviour) as upstream, probing() as prober:
        request = Request(upstream.url(), cold=cold)
        first = await prober.ask(request, route, 5)
        for _ in range(10):
            await asyncio.sleep(0)
        return first, await prober.ask(request, route, 5), upstream


def test_a_warm_probe_has_no_set_up() -> None:
    """On a connection that is there, its phases are absent, not zero."""
    first, second, upstream = run(ask_twice(always(answer())))

    assert not first.reused
    assert [name for name, _ in first.phases.items()] == [
        *("resolve", "connect", "processing", "transfer")
    ]
    assert second.reused
    assert [name for name, _ in second.phases.items()] == ["processing", "transfer"]
    assert second.address == "127.0.0.1"
    assert upstream.connections == 1


def test_a_cold_probe_always_connects() -> None:
    """It says so, and nobody uses its connection afterwards."""
    first, second, upstream = run(ask_twice(always(answer()), cold=True))

    assert not first.reused
    assert not second.reused
    assert second.phases.connect is not None
    assert upstream.connections == 2
    assert all(b"\r\nConnection: close\r\n" in head for head in upstream.heads)


@pytest.mark.parametrize(
    "data",
    [
        answer(b"{}", "Connection: close"),
        answer(b"{}", "Keep-Alive: timeout=1"),
        answer(b"{}") + b"unasked",
        answer(b"{}").replace(b"1.1", b"1.0"),
    ],
    ids=["close", "too short a keep-alive", "unasked bytes", "HTTP/1.0"],
)
def test_connections_that_are_not_kept(data: bytes) -> None:
    """The server's word counts, and so does its behaviour."""
    first, second, upstream = run(ask_twice(always(data)))

    assert (first.failure, second.failure) == (None, None)
    assert not second.reused
    assert upstream.connections == 2


def test_keepalive_of_the_route() -> None:
    """An operator can forbid reuse."""
    _, second, _ = run(ask_twice(always(answer()), route=Route(keepalive=0)))

    assert not second.reused


def test_routes_do_not_share_connections() -> None:
    """Another route may mean another proxy or another trust."""

    async def scenario() -> None:
        async with serving(always(answer())) as upstream, probing() as prober:
            await prober.ask(Request(upstream.url()), Route(), 5)
            seen = await prober.ask(Request(upstream.url()), Route(keepalive=5), 5)
            assert not seen.reused

    run(scenario())


@pytest.mark.parametrize("blocked", [False, True], ids=["seen by the loop", "not yet seen"])
@pytest.mark.parametrize("more", [b"", b"!"], ids=["end of stream", "unasked byte"])
def test_what_comes_in_while_idle_ends_a_connection(more: bytes, blocked: bool) -> None:
    """No request is lost on a connection that is known to be of no use."""
    visits: list[Visit] = []

    async def keep(visit: Visit) -> None:
        visits.append(visit)
        await visit.send(answer())

    async def scenario() -> None:
        async with serving(keep) as upstream, probing() as prober:
            await prober.ask(Request(upstream.url()), Route(), 5)
            if more:
                visits[0].writer.write(more)
            else:
                visits[0].close()
                await asyncio.sleep(0)
            if not blocked:
                await asyncio.sleep(0.01)
            seen = await prober.ask(Request(upstream.url()), Route(), 5)

            assert seen.failure is None
            assert not seen.reused
            assert len(upstream.heads) == 2

    run(scenario())


def test_a_reused_connection_that_dies_is_no_reason_to_ask_again() -> None:
    """The server sees the second request once; the detail tells what kind of connection it was."""

    async def answer_once(visit: Visit) -> None:
        if visit.served:
            visit.close()
        else:
            await visit.send(answer())

    _, second, upstream = run(ask_twice(answer_once))

    assert second.reused
    assert second.failure is not None
    assert second.failure.reason is Reason.DISCONNECTED
    assert "reused connection" in second.failure.detail
    assert second.requests_sent == 1
    assert len(upstream.heads) == 2
    assert upstream.connections == 1


def test_idle_connections_are_closed_in_time() -> None:
    """Nobody asks again, and the connection goes."""

    async def scenario() -> None:
        async with serving(always(answer())) as upstream, probing() as prober:
            await prober.ask(Request(upstream.url()), Route(keepalive=0.05), 5)
            assert upstream.closed == 0
            await until(lambda: upstream.closed == 1)

    run(scenario())


def test_close_closes_what_is_idle() -> None:
    """And what becomes idle afterwards."""

    async def scenario() -> None:
        async with serving(always(answer())) as upstream:
            prober = HttpProber("0")
            request = Request(upstream.url())
            await prober.ask(request, Route(), 5)
            await prober.close()
            await prober.ask(request, Route(), 5)
            await until(lambda: upstream.closed == 2)

    run(scenario())
