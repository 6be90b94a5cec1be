"""The monitor as a whole: reload, shutdown, leaks, and the probe that asks once."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest

from exporter.core.model import Observation, Reason
from exporter.core.plan import Plan, Route
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_target import with_cold_streams, with_streams
from exporter.core.stream_totals import End
from exporter.probers.stream import StreamProber
from exporter.streams import TraceEvent

from .plans import BOOK, TRADES, channel, plan
from .world import Behaviour, Peer, Server, serving, watched, watching


async def healthy(peer: Peer) -> None:
    """Acknowledge, then send without end."""
    await peer.acknowledge()
    await peer.books(range(1, 100_000), 0.01)


def sockets() -> int:
    """Open sockets of this process."""
    count = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the descriptor of the listing is gone
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")  # noqa: PTH115
        except OSError:
            continue
    return count


def other(server: Server, **changes: object) -> StreamPlan:
    """A second plan, of another exchange's stream at the same server."""
    made = plan(server.url, channel("trades"), key="y", source=f"y {changes}")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_reload_touches_only_what_changed() -> None:
    """The same text keeps its connection; a changed one gets another, and its counters go on."""

    async def test() -> None:
        async with serving(healthy) as server, watching() as world:
            kept = plan(server.url)
            await world.apply(kept, other(server))
            await world.until(lambda v: v.data_messages > 3)
            await world.until(lambda v: v.subscribed, TRADES)
            changed = other(server, max_frame=1000)
            await world.apply(replace(kept), changed)
            await world.until(lambda v: v.connections == 2, TRADES)
            assert world.stream().connections == 1
            await world.apply(changed)
            assert BOOK not in world.monitor
            await world.until(lambda v: v.subscribed, TRADES)
            assert world.stream(TRADES).connections == 2
            await world.apply()
            assert list(world.monitor.views()) == []

    asyncio.run(test())


def test_nothing_is_left_behind() -> None:
    """Twenty rounds of faults, then no task and no socket more than before."""

    async def unruly(peer: Peer) -> None:
        await peer.acknowledge()
        await peer.books(range(1, 5))
        if peer.number % 4 == 1:
            await peer.socket.close(code=1013)
        if peer.number % 4 == 2:
            await peer.socket.send_str("x" * 100_000)
        if peer.number % 4 == 3:
            await peer.socket.close(code=1001)

    async def test() -> None:
        before, tasks = sockets(), len(asyncio.all_tasks())
        async with watched(unruly, changes=plan(max_frame=10_000)) as (world, server):
            made = world.plans["x"]
            for _ in range(20):
                await asyncio.sleep(0.05)
                await world.apply(replace(made, source=""))
            assert len(server.peers) >= 10
        await asyncio.sleep(0.05)
        assert sockets() <= before
        assert len(asyncio.all_tasks()) == tasks

    asyncio.run(test())


def test_closing_takes_less_than_a_second_even_if_they_do_not_answer() -> None:
    """A peer that ignores the close frame is left anyway."""

    async def stubborn(peer: Peer) -> None:
        await peer.acknowledge()
        await asyncio.sleep(3.0)

    async def test() -> float:
        async with watched(stubborn, autoclose=False) as (world, _):
            await world.until(lambda v: v.subscribed)
            began = asyncio.get_running_loop().time()
            await world.monitor.close()
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(test()) < 1.0


def test_streams_become_targets_and_limits() -> None:
    """Watched ones and cold ones, both under the limit of connection attempts."""
    cold = plan("ws://x.test/", channel(cold=True), channel("trades"))
    probes = with_cold_streams(Plan({}, {}, streams={"x": cold}))
    whole = with_streams(probes)

    assert list(probes.targets) == [f"{BOOK}+cold"]
    assert list(whole.targets) == [f"{BOOK}+cold", BOOK, TRADES]
    assert list(whole.limits) == ["x/stream_connects"]
    assert all(each.costs == (("x/stream_connects", 1.0),) for each in whole.targets.values())


async def greeting_first(peer: Peer) -> None:
    """Talk of other things before the subscription is answered, and after."""
    await peer.socket.send_str('{"hello": 1}')
    await peer.acknowledge()
    await peer.socket.send_str('{"topic": "elsewhere"}')
    await peer.socket.send_str('{"ok": false, "id": 9}')
    await peer.books(range(1, 10))
    await peer.stay()


async def refusing(peer: Peer) -> None:
    await peer.listen()
    await peer.socket.send_str('{"ok": false, "id": 1}')
    await peer.stay()


async def mute(peer: Peer) -> None:
    await peer.stay()


async def silent(peer: Peer) -> None:
    await peer.acknowledge()
    await peer.stay()


async def leaving(peer: Peer) -> None:
    await peer.acknowledge()
    await peer.socket.close(code=1001)


@pytest.mark.parametrize(
    ("behaviour", "reason", "phases"),
    [
        pytest.param(
            greeting_first, None, ["resolve", "connect", "processing", "transfer"], id="healthy"
        ),
        pytest.param(refusing, Reason.API_ERROR, ["resolve", "connect"], id="refused"),
        pytest.param(mute, Reason.TIMEOUT, ["resolve", "connect"], id="never acknowledges"),
        pytest.param(
            silent, Reason.TIMEOUT, ["resolve", "connect", "processing"], id="never sends"
        ),
        pytest.param(
            leaving, Reason.DISCONNECTED, ["resolve", "connect", "processing"], id="leaves"
        ),
    ],
)
def test_a_stream_is_asked_once(
    behaviour: Behaviour, reason: Reason | None, phases: list[str]
) -> None:
    """Each phase is timed as far as it was reached, and the connection is left."""

    async def test() -> Observation:
        async with serving(behaviour) as server:
            prober = StreamProber("test")
            made = plan(server.url, channel(cold=True))
            target = with_cold_streams(Plan({}, {}, streams={"x": made})).targets[f"{BOOK}+cold"]
            seen = await prober.ask(target.request(0.0), Route(), 0.5)
            await prober.close()
            for _ in range(100):
                if server.open == 0:
                    break
                await asyncio.sleep(0.01)
            assert server.open == 0
            assert len(server.peers) == 1
        return seen

    seen = asyncio.run(test())

    assert (seen.failure.reason if seen.failure else None) is reason
    assert [name for name, _ in seen.phases.items()] == phases
    assert seen.status == 101
    assert seen.requests_sent == 1
    assert (seen.latency is not None) == (reason is None) == (b'"u": 1' in seen.body)
    assert seen.elapsed < 1.5


def test_a_trace_tells_what_happens() -> None:
    """The opening, what was sent, what it was answered, and the data."""

    async def test() -> list[TraceEvent]:
        told: list[TraceEvent] = []
        async with watched(greeting_first) as (world, _):
            view = await world.monitor.trace(BOOK, 0.7, told.append)
        assert view.stream is not None
        assert view.stream.data_messages == 9
        assert view.stream.ends.get(End.DROPPED) == 0
        return told

    kinds = [event.what for event in asyncio.run(test())]

    assert [kind for kind in kinds if kind not in ("data", "unknown")] == [
        "resolve",
        "connect",
        "upgrade",
        "sent",
        "acknowledged",
        "error",
    ]
    assert kinds.count("data") == 9
    assert kinds.count("unknown") == 2
