"""How many stream messages a second the simulator serves.

``python -m tests.benchmarks.simulated_streams``

The simulator runs in a process of its own; what counts is its processor time. Clients read and
throw away.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

from exporter.config.document import parse_document
from exporter.config.loader import config_from, load_catalog
from exporter.config.plan import build_plan
from exporter.core.stream_plan import StreamPlan
from exporter.simulator import Simulator

SECONDS = 5.0
CASES = {
    "natural pace of 21 feeds, 20 times": (20, 0, 0),
    "5000/s on one feed": (1, 5000, 0),
    "5000/s on one feed, deflate": (1, 5000, 15),
    "as fast as it goes": (1, 100_000, 0),
}


def main() -> None:
    """Print one line a case."""
    for name, case in CASES.items():
        asyncio.run(_case(name, *case))


async def _case(name: str, clients: int, rate: int, deflate: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs, rate))
    server.start()
    url = await asyncio.to_thread(ours.recv)
    exchanges = ("okx",) if rate else tuple(load_catalog())
    counts = [0]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        plans = [plan for each in exchanges for plan in _plans(url, each, book_only=bool(rate))]
        reading = [
            asyncio.create_task(_read(session, plan, counts, deflate))
            for plan in plans
            for _ in range(clients)
        ]
        await asyncio.sleep(1.0)
        ours.send("usage")
        before, began, start = counts[0], ours.recv(), time.perf_counter()
        await asyncio.sleep(SECONDS)
        ours.send("usage")
        spent, elapsed = ours.recv() - began, time.perf_counter() - start
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    ours.send("end")
    server.join()
    got = counts[0] - before
    sys.stdout.write(
        f"{name:<36} {got / elapsed:8.0f} messages/s"
        f" {100 * spent / elapsed:5.0f} % of a core {got / spent:8.0f} messages per core second\n"
    )


async def _read(
    session: aiohttp.ClientSession, plan: StreamPlan, counts: list[int], deflate: int
) -> None:
    async with session.ws_connect(plan.url, compress=deflate) as socket:
        for number, channel in enumerate(plan.channels):
            await asyncio.sleep(plan.message_interval)
            await socket.send_str(channel.subscribe(number, 0.0))
        async for _ in socket:
            counts[0] += 1


def _plans(url: str, exchange: str, *, book_only: bool) -> list[StreamPlan]:
    streams = "book" if book_only else "ticker, trades, book"
    text = f"exchanges: {{{exchange}: {{streams: [{streams}], stream_url: '{url}/{exchange}'}}}}"
    return [*build_plan(config_from(parse_document(text, "benchmark"), None, {})).streams.values()]


def _serve(pipe: Connection[Any, Any], rate: int) -> None:
    asyncio.run(_serve_until_told(pipe, rate))


async def _serve_until_told(pipe: Connection[Any, Any], rate: int) -> None:
    documents = {name: document.data for name, document in load_catalog().items()}
    for document in documents.values():
        document["streams"]["connects"]["capacity"] = 10_000
    simulator = Simulator(documents)
    if rate:
        simulator.set_faults([{"exchange": "okx", "fault": "stream_burst", "rate": rate}])
    pipe.send(await simulator.start())
    while await asyncio.to_thread(pipe.recv) == "usage":
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(usage.ru_utime + usage.ru_stime)
    await simulator.close()


if __name__ == "__main__":
    main()
