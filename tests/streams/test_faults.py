"""What the monitor makes of every fault of a stream, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import replace

import pytest

from exporter.core.model import Reason
from exporter.core.stream_plan import Heartbeat
from exporter.core.stream_totals import End
from exporter.core.stream_view import StreamView

from .plans import TRADES, channel, message, plan
from .world import Behaviour, Peer, watched


def reason(view: StreamView) -> Reason | None:
    """Why a stream counts as failing."""
    return view.failure.reason if view.failure else None


async def healthy(peer: Peer) -> None:
    """Acknowledge, send ten messages and stay."""
    await peer.acknowledge()
    await peer.books(range(1, 11))
    await peer.stay()


def then(act: Behaviour) -> Behaviour:
    """Acknowledge, send ten messages, do something, and stay."""

    async def behave(peer: Peer) -> None:
        await peer.acknowledge()
        await peer.books(range(1, 11))
        await act(peer)
        await peer.stay()

    return behave


def test_a_healthy_stream_succeeds() -> None:
    """Connected, subscribed, counted, timed, nothing amiss."""

    async def test() -> None:
        async with watched(healthy) as (world, _):
            view = await world.until(lambda v: v.data_messages == 10)
            whole = world.monitor.view("x/stream.book/BTC-USDT")

        assert (view.connected, view.subscribed, view.silent) == (True, True, False)
        assert (view.failure, view.messages, view.connections) == (None, 11, 1)
        assert view.lag is not None
        assert view.lag < 1.0
        assert sum(view.lag_buckets) == 9  # the first may be a snapshot
        assert view.subscribe_duration is not None
        assert [name for name, _ in view.opening.items()] == ["resolve", "connect", "upgrade"]
        assert whole.result is not None
        assert whole.result.ok
        assert str(whole.result.facts.bid) == "1.5"
        assert world.spent == 1

    asyncio.run(test())


async def gap(peer: Peer) -> None:
    await peer.books([21, 22])


async def duplicate(peer: Peer) -> None:
    await peer.books([10, 11])


async def out_of_order(peer: Peer) -> None:
    await peer.books([12, 11, 13])


async def garbage(peer: Peer) -> None:
    await peer.socket.send_str("{not json" * 20)
    await peer.socket.send_bytes(b"\xff\x00\xfe" * 100)


async def shapeless(peer: Peer) -> None:
    await peer.socket.send_str(json.dumps({"topic": "book", "u": {"a": []}}))


async def stranger(peer: Peer) -> None:
    await peer.socket.send_str(json.dumps({"who": "knows"}))


async def maintenance(peer: Peer) -> None:
    await peer.socket.send_str(json.dumps({"status": "maintenance"}))


async def late(peer: Peer) -> None:
    for number in range(11, 14):
        await peer.socket.send_str(message(number, at=time.time() - 4.0))


@pytest.mark.parametrize(
    ("act", "counter", "expected"),
    [
        pytest.param(gap, "gaps", Reason.INVALID_DATA, id="sequence gap"),
        pytest.param(duplicate, "duplicates", None, id="duplicate"),
        pytest.param(out_of_order, "out_of_order", Reason.INVALID_DATA, id="out of order"),
        pytest.param(garbage, "malformed", Reason.MALFORMED, id="garbage"),
        pytest.param(shapeless, "unreadable", Reason.MALFORMED, id="another shape"),
        pytest.param(stranger, "unmatched", None, id="unknown message"),
        pytest.param(late, "lag", Reason.STALE_DATA, id="late by four seconds"),
    ],
)
def test_a_fault_of_the_data_is_counted_and_judged(
    act: Behaviour, counter: str, expected: Reason | None
) -> None:
    """The connection stays, the counter grows, and the verdict says so."""

    async def test() -> StreamView:
        async with watched(then(act)) as (world, _):
            await world.until(lambda v: v.messages >= 12 and getattr(v, counter))
            return await world.until(lambda v: reason(v) is expected)

    view = asyncio.run(test())

    assert view.connected
    assert view.connections == 1


def test_a_gap_counts_once() -> None:
    """After a gap the messages are compared with the one that showed it."""

    async def test() -> StreamView:
        async with watched(then(gap)) as (world, _):
            return await world.until(lambda v: v.data_messages == 12)

    view = asyncio.run(test())

    assert (view.gaps, view.missing) == (1, 10)


def test_maintenance_is_said_by_the_exchange_itself() -> None:
    """A message that tells of it makes the verdict; one of the same kind takes it back."""

    async def both(peer: Peer) -> None:
        await maintenance(peer)
        await asyncio.sleep(0.1)
        await peer.socket.send_str(json.dumps({"status": "up"}))

    async def test() -> None:
        async with watched(then(both)) as (world, _):
            await world.until(lambda v: reason(v) is Reason.MAINTENANCE)
            await world.until(lambda v: v.failure is None)

    asyncio.run(test())


@pytest.mark.parametrize(
    ("code", "end"),
    [
        pytest.param(1000, End.CLOSED, id="1000"),
        pytest.param(1001, End.CLOSED, id="1001"),
        pytest.param(1008, End.POLICY, id="1008"),
        pytest.param(1011, End.ERROR, id="1011"),
        pytest.param(1013, End.OVERLOAD, id="1013"),
        pytest.param(4000, End.ERROR, id="a code of their own"),
        pytest.param(None, End.DROPPED, id="1006, no close frame"),
    ],
)
def test_a_connection_that_ends_is_named_and_replaced(code: int | None, end: End) -> None:
    """The reason is the close code's, and the stream comes back."""

    async def once(peer: Peer) -> None:
        await peer.acknowledge()
        await peer.books(range(1, 11))
        if peer.number:
            await peer.stay()
        elif code is None:
            assert peer.socket._req is not None
            assert peer.socket._req.transport is not None
            peer.socket._req.transport.abort()
        else:
            await peer.socket.close(code=code)

    async def test() -> StreamView:
        async with watched(once) as (world, _):
            return await world.until(lambda v: v.connections == 2 and v.data_messages == 20)

    view = asyncio.run(test())

    assert {each: count for each, count in view.ends.items() if count} == {end: 1}
    assert (view.gaps, view.out_of_order, view.duplicates) == (0, 0, 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(403, Reason.HTTP_ERROR, id="403"),
        pytest.param(503, Reason.HTTP_ERROR, id="503"),
        pytest.param(401, Reason.AUTH, id="401"),
        pytest.param(429, Reason.RATE_LIMITED, id="429"),
        pytest.param(418, Reason.BANNED, id="418"),
    ],
)
def test_a_refused_upgrade_is_a_reason(status: int, expected: Reason) -> None:
    """The status tells why; with 429, 418 and 503 we stay away for the time that is asked for."""

    async def test() -> None:
        async with watched(healthy, status=status) as (world, server):
            view = await world.until(lambda v: v.failure)
            whole = world.monitor.view("x/stream.book/BTC-USDT")

        assert reason(view) is expected
        assert view.connect_failures[expected] >= 1
        assert not view.connected
        assert server.peers == []
        blocked = whole.blocked_until
        if status in (418, 429, 503):
            assert blocked is not None
            assert 5.0 < blocked - time.time() < 8.0
        else:
            assert blocked is None

    asyncio.run(test())


def test_nobody_listens() -> None:
    """A refused connection is a reason, too."""

    async def test() -> StreamView:
        async with watched(healthy) as (world, _):
            gone = replace(plan("ws://127.0.0.1:9/x"), source="elsewhere")
            await world.apply(gone)
            return await world.until(lambda v: v.failure)

    assert reason(asyncio.run(test())) is Reason.CONNECT


def test_a_refused_subscription_is_an_error_of_the_api() -> None:
    """The connection stays for the other channel."""

    async def refuse(peer: Peer) -> None:
        asked = json.loads(await peer.listen())
        await peer.socket.send_str(json.dumps({"ok": False, "id": asked["id"], "why": "no such"}))
        await peer.acknowledge()
        await peer.stay()

    async def test() -> None:
        both = plan("", channel("book"), channel("trades"))
        async with watched(refuse, changes=both) as (world, _):
            book = await world.until(lambda v: v.failure)
            trades = await world.until(lambda v: v.subscribed, TRADES)

        assert reason(book) is Reason.API_ERROR
        assert book.failure is not None
        assert "no such" in book.failure.detail
        assert (book.connected, trades.failure, book.refusals) == (True, None, 1)

    asyncio.run(test())


def test_data_without_acknowledgement_proves_the_subscription() -> None:
    """An exchange that forgets to acknowledge but sends is fine."""

    async def behave(peer: Peer) -> None:
        await peer.listen()
        await peer.books(range(1, 5))
        await peer.stay()

    async def test() -> StreamView:
        async with watched(behave) as (world, _):
            return await world.until(lambda v: v.data_messages == 4)

    view = asyncio.run(test())

    assert (view.subscribed, view.failure, view.subscribe_duration) == (True, None, None)


def test_a_notice_brings_the_next_connection_before_the_first_one_is_left() -> None:
    """Make before break: no message is missed, none counts twice, nothing is failing."""

    async def behave(peer: Peer) -> None:
        await peer.acknowledge()
        start = 1 + 1000 * peer.number
        await peer.books(range(start, start + 5))
        if peer.number == 0:
            await peer.socket.send_str(json.dumps({"notice": True}))
        await peer.books(range(start + 5, start + 200), 0.005)
        await peer.stay()

    async def test() -> None:
        async with watched(behave) as (world, server):
            await world.until(lambda v: v.data_messages >= 1)
            seen = []
            async with asyncio.timeout(5.0):
                while not world.stream().ends[End.NOTICE]:
                    seen.append(world.stream())
                    await asyncio.sleep(0.001)
            after = await world.until(lambda v: server.open == 1)

        assert all(view.connected and view.failure is None for view in seen)
        assert (after.connections, after.notices, after.gaps) == (2, 1, 0)
        assert (after.duplicates, after.out_of_order) == (0, 0)

    asyncio.run(test())


def test_their_pings_are_answered() -> None:
    """Frames by the protocol, messages by the provider's rule."""

    async def behave(peer: Peer) -> None:
        await peer.acknowledge()
        await peer.socket.send_str(json.dumps({"ping": 42}))
        assert await peer.listen() == "pong 42"
        await peer.books([1])
        await peer.stay()

    async def test() -> None:
        heartbeat = Heartbeat(
            is_ping=lambda d: d.get("ping") if isinstance(d, dict) else None,
            answer=lambda value: f"pong {value}",
        )
        async with watched(behave, changes=plan(heartbeat=heartbeat), heartbeat=0.1) as (world, _):
            await world.until(lambda v: v.data_messages == 1)
            await asyncio.sleep(0.3)  # three of the server's own pings, or it would have left
            assert world.stream().connections == 1

    asyncio.run(test())


def test_a_word_that_is_not_json_can_be_the_answer_to_our_ping() -> None:
    """OKX answers the text ping with the text pong."""

    async def behave(peer: Peer) -> None:
        await peer.acknowledge()
        assert await peer.listen() == "ping"
        await peer.socket.send_str("pong")
        await peer.stay()

    async def test() -> StreamView:
        heartbeat = Heartbeat(send=lambda *_: "ping", every=0.05, is_reply=lambda d: d == "pong")
        async with watched(behave, changes=plan(heartbeat=heartbeat)) as (world, _):
            await world.until(lambda v: v.subscribed)
            return await world.until(lambda v: v.heartbeat_round_trip is not None)

    view = asyncio.run(test())

    assert view.heartbeat_round_trip is not None
    assert view.heartbeat_round_trip < 1.0
    assert view.malformed == 0


@pytest.mark.parametrize("compress", [True, False])
def test_a_message_beyond_its_bound_ends_the_connection(compress: bool) -> None:
    """Counted, not read; a bomb of zeros is stopped while it is unpacked."""

    async def behave(peer: Peer) -> None:
        await peer.acknowledge()
        if peer.number == 0:
            await peer.socket.send_str("0" * 3_000_000)
        await peer.stay()

    async def test() -> StreamView:
        small = plan(max_frame=1_000_000)
        async with watched(behave, changes=small, compress=compress) as (world, _):
            return await world.until(lambda v: v.connections == 2)

    view = asyncio.run(test())

    assert (view.oversize, view.ends[End.TOO_LARGE]) == (1, 1)
    assert view.bytes < 1_000_000


def test_a_gzip_bomb_is_stopped() -> None:
    """Frames of gzip obey the same bound."""

    async def behave(peer: Peer) -> None:
        asked = json.loads(await peer.listen())
        answer = json.dumps({"ok": True, "id": asked["id"]})
        for text in (answer, message(1, at=time.time())):
            await peer.socket.send_bytes(gzip.compress(text.encode()))
        await peer.socket.send_bytes(b"not gzip")
        await peer.socket.send_bytes(gzip.compress(b"0" * 3_000_000))
        await peer.stay()

    async def test() -> StreamView:
        small = plan(max_frame=1_000_000, gzip=True)
        async with watched(behave, changes=small) as (world, _):
            return await world.until(lambda v: v.oversize)

    view = asyncio.run(test())

    assert (view.malformed, view.data_messages) == (1, 1)
