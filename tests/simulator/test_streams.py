"""Simulated streams over real sockets: every exchange and channel, and the faults of the wire."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from exporter.core.sequence import Order
from exporter.core.stream_plan import StreamPlan
from tests.simulator.streaming import EVERYTHING, EXCHANGES, holds, orders, plan
from tests.simulator.support import Running, catalog, running

DEADLINE = 20.0
SPEED = 5.0

everything = pytest.mark.parametrize(("exchange", "channel"), EVERYTHING)


def quick_catalog() -> dict[str, Any]:
    """The catalog with feeds that speak ten times a second."""
    documents: dict[str, Any] = copy.deepcopy(dict(catalog()))
    for document in documents.values():
        for channel in document["streams"]["channels"].values():
            channel["every"] = "100ms"
    return documents


@contextlib.asynccontextmanager
async def streaming(*faults: Any, **documents: Any) -> AsyncIterator[Running]:
    """A simulator whose clock runs, five times as fast as ours."""
    async with running(documents=documents.get("documents")) as simulated:
        began, start = time.monotonic(), simulated.clock.now
        simulated.simulator.now = lambda: start + (time.monotonic() - began) * SPEED
        simulated.simulator.set_faults(list(faults))
        yield simulated


@contextlib.asynccontextmanager
async def connected(
    simulated: Running, exchange: str, channel: str, **options: Any
) -> AsyncIterator[tuple[StreamPlan, ClientWebSocketResponse]]:
    """A client that asked for one channel."""
    asked = plan(exchange, channel)
    url = asked.url.replace("ws://simulator", simulated.url)
    async with simulated.session.ws_connect(url, max_msg_size=1 << 27, **options) as socket:
        if asked.heartbeat.setup:
            await socket.send_str(asked.heartbeat.setup(2, 0.0))
        await socket.send_str(asked.channels[0].subscribe(1, 0.0))
        yield asked, socket


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test, within a deadline."""

    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE):
            await test()

    asyncio.run(bounded())


async def listen(socket: ClientWebSocketResponse, asked: StreamPlan, count: int) -> list[Any]:
    """Everything that is said until so many data messages came."""
    said: list[Any] = []
    data = 0
    while data < count:
        message = await socket.receive()
        assert message.type is WSMsgType.TEXT, message
        said.append(json.loads(message.data))
        data += holds(asked.channels[0].matches, said[-1])
    return said


def test_every_exchange_and_channel_over_a_socket() -> None:
    """Acknowledgement first, then fifty messages in order; all at the same time."""

    async def one(simulated: Running, exchange: str, channel: str) -> None:
        async with connected(simulated, exchange, channel) as (asked, socket):
            said = await listen(socket, asked, 50)
        data = [holds(asked.channels[0].matches, each) for each in said]
        acks = [holds(asked.is_ack, each) for each in said]
        assert acks.count(True) == 1, exchange
        assert acks.index(True) < data.index(True)
        if asked.channels[0].sequence:
            messages = [each for each, is_data in zip(said, data, strict=True) if is_data]
            assert set(orders(asked.channels[0], messages)) == {Order.OK}

    async def test() -> None:
        async with streaming(documents=quick_catalog()) as simulated:
            await asyncio.gather(*(one(simulated, *each) for each in EVERYTHING))

    run(test)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_websocket_elsewhere_is_not_found(exchange: str) -> None:
    """And an ordinary GET at the path of the feed is not one either."""

    async def test() -> None:
        async with streaming() as simulated:
            with pytest.raises(WSServerHandshakeError, match="404"):
                await simulated.session.ws_connect(f"{simulated.url}/{exchange}/no/such/path")
            path = plan(exchange, "book").url.removeprefix("ws://simulator")
            assert (await simulated.get(path))[0] == 404

    run(test)


def test_frames_are_compressed_for_whom_asks_for_it() -> None:
    """permessage-deflate is agreed on in the handshake, and not forced on anybody."""

    async def test() -> None:
        async with streaming() as simulated:
            for wanted in (0, 15):
                options = {"compress": wanted}
                async with connected(simulated, "okx", "book", **options) as (asked, socket):
                    assert socket.compress == wanted
                    await listen(socket, asked, 3)

    run(test)


def test_a_ping_of_the_protocol_is_answered_unless_a_fault_forbids_it() -> None:
    """With the payload of the ping."""

    async def answered(simulated: Running) -> bool:
        async with connected(simulated, "binance", "ticker", autoping=False) as (_, socket):
            await socket.ping(b"payload")
            said = [await socket.receive() for _ in range(5)]
            return b"payload" in [each.data for each in said if each.type is WSMsgType.PONG]

    async def test() -> None:
        async with streaming() as simulated:
            assert await answered(simulated)
            simulated.simulator.set_faults([{"exchange": "binance", "fault": "stream_no_pong"}])
            assert not await answered(simulated)

    run(test)


def test_fault_refused() -> None:
    """The upgrade is answered with a status."""

    async def test() -> None:
        fault = {"exchange": "okx", "fault": "stream_refused", "status": 403}
        async with streaming(fault) as simulated:
            with pytest.raises(WSServerHandshakeError, match="403"):
                async with connected(simulated, "okx", "book"):
                    pass
            async with connected(simulated, "bybit", "book") as (asked, socket):
                await listen(socket, asked, 1)

    run(test)


@pytest.mark.parametrize("code", [1001, 1006, 1008, 1013])
def test_fault_close(code: int) -> None:
    """The client sees the code; 1006 is what it makes of a connection that just breaks."""

    async def test() -> None:
        fault = {"exchange": "okx", "fault": "stream_close", "code": str(code), "seconds": 1.0}
        async with (
            streaming(fault) as simulated,
            connected(simulated, "okx", "book") as (_, socket),
        ):
            async for _ in socket:
                pass
            assert socket.close_code == code

    run(test)


def test_fault_oversize() -> None:
    """A frame that only a client without a bound takes; compressed, it is a bomb."""

    async def test() -> None:
        fault = {"exchange": "okx", "fault": "stream_oversize", "every": 2, "megabytes": 3}
        async with streaming(fault) as simulated:
            for deflate in (0, 15):
                async with connected(simulated, "okx", "book", compress=deflate) as (_, socket):
                    sizes = [len((await socket.receive()).data) for _ in range(5)]
                    assert max(sizes) > 3_000_000

    run(test)


def test_too_many_connections_are_refused() -> None:
    """OKX: three a second from one address. Every attempt counts."""

    async def attempts(simulated: Running, number: int) -> int:
        refused = 0
        for _ in range(number):
            try:
                async with connected(simulated, "okx", "book"):
                    pass
            except WSServerHandshakeError as error:
                refused += error.status == 429
        return refused

    async def test() -> None:
        async with running() as simulated:
            assert await attempts(simulated, 5) == 2
            simulated.clock.now += 1.1
            assert await attempts(simulated, 3) == 0

    run(test)


def test_closing_the_simulator_ends_all_streams() -> None:
    """At once, with 1001."""

    async def test() -> None:
        async with streaming() as simulated, connected(simulated, "okx", "book") as (asked, socket):
            await listen(socket, asked, 1)
            closing = asyncio.create_task(simulated.simulator.close())
            began = time.monotonic()
            async for _ in socket:
                pass
            await closing
            assert socket.close_code == 1001
            assert time.monotonic() - began < 2.0

    run(test)


def test_faults_of_streams_are_read_like_any_others() -> None:
    """On a stream only, and with their parameters checked."""

    async def test() -> None:
        async with running() as simulated:
            wrong = [
                {"exchange": "okx", "fault": "stream_lag", "endpoint": "depth"},
                {"exchange": "okx", "fault": "stale", "endpoint": "stream.book"},
                {"exchange": "okx", "fault": "stream_close", "code": "1000"},
            ]
            async with simulated.session.post(f"{simulated.url}/faults", json=wrong) as response:
                errors = (await response.json())["errors"]
            assert [error.split(":")[0] for error in errors] == [
                "$[0].endpoint",
                "$[1].endpoint",
                "$[2].code",
            ]
            right = [{"exchange": "okx", "fault": "stream_lag", "endpoint": "stream.book"}]
            async with simulated.session.post(f"{simulated.url}/faults", json=right) as response:
                assert response.status == 200

    run(test)


def test_streams_do_not_wait_for_each_other() -> None:
    """A client that does not read gets what fits, and the others get everything."""

    async def test() -> None:
        fault = {
            "exchange": "okx",
            "fault": "stream_burst",
            "endpoint": "stream.book",
            "rate": 2000,
        }
        async with (
            streaming(fault) as simulated,
            connected(simulated, "okx", "book", compress=0),
            connected(simulated, "okx", "trades") as (asked, socket),
        ):
            assert len(await listen(socket, asked, 20)) == 21

    run(test)
