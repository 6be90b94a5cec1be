"""How quickly the receiver answers and delivers, and how much memory a storm costs.

    python -m tests.benchmarks.receiver [SECONDS]

A receiver as a process of its own, whose analyst takes no time, between a sender of webhooks and an
Alertmanager that only counts; all on this machine.

- answers: 50 groups a second of 20 alerts each, for SECONDS (default 20); latency of the answers
- delivery: from the start of a webhook to the derived alert, one incident at a time, no debounce
- storm: 10,000 alerts of 100 exchanges in webhooks of 100, then memory of the process, after it
  looked at all of them in Alertmanager
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import aiohttp

from exporter.receiver.model import Alert
from tests.e2e.processes import Process, free_port
from tests.receiver.running import FakeAlertmanager, alert, body, fake_alertmanager

RATE, ALERTS = 50, 20
INCIDENTS = 100
STORM, EXCHANGES = 10_000, 100


async def main(seconds: float) -> None:
    for measure, config in (
        (answers, "debounce: 2s\nstorm: 6"),
        (delivery, "debounce: 0\nstorm: 1000"),
        (storm, "debounce: 2s\nstorm: 6\nheartbeat: 3s"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            async with fake_alertmanager() as fake:
                process, url = await start(Path(folder), fake, config)
                try:
                    async with aiohttp.ClientSession(url) as session:
                        print(await measure(session, fake, process, seconds))
                finally:
                    process.stop()


async def start(folder: Path, fake: FakeAlertmanager, config: str) -> tuple[Process, str]:
    """A receiver that posts to ``fake``."""
    file = folder / "receiver.yml"
    file.write_text(f"alertmanagers: ['{fake.url}']\n{config}\n", encoding="utf-8")
    module = [sys.executable, "-m", "tests.receiver.running"]
    command = [*module, str(file), f"127.0.0.1:{free_port()}", "fast"]
    process = Process(command, folder / "receiver.log")
    return process, await asyncio.to_thread(process.url)


async def send(session: aiohttp.ClientSession, data: bytes) -> float:
    """Post one webhook; seconds until its answer."""
    began = time.perf_counter()
    async with session.post("/api/v1/alerts", data=data) as answer:
        assert answer.status == 202, answer.status
    return time.perf_counter() - began


async def answers(
    session: aiohttp.ClientSession, fake: FakeAlertmanager, process: Process, seconds: float
) -> str:
    """Groups at a steady pace, each with new alerts, whatever became of the ones before."""
    loop = asyncio.get_running_loop()
    groups = [group(number) for number in range(int(seconds * RATE))]
    began = loop.time()
    tasks = []
    for number, data in enumerate(groups):
        await asyncio.sleep(max(began + number / RATE - loop.time(), 0))
        tasks.append(asyncio.create_task(send(session, data)))
    times = sorted(await asyncio.gather(*tasks))
    return (
        f"answers   {len(times)} webhooks of {ALERTS} alerts ({len(groups[0]) / 1000:.1f} kB) at "
        f"{RATE}/s: p50 {at(times, 0.5)}, p99 {at(times, 0.99)}, max {at(times, 1.0)}"
    )


def group(number: int) -> bytes:
    """Twenty alerts of one of twenty exchanges."""
    exchange, now = f"exchange{number % 20}", time.time()
    found = [alert(f"Alert{n}", exchange, starts_at=now, group=str(number)) for n in range(ALERTS)]
    return body(*map(texts, found), exchange=exchange)


def texts(one: Alert) -> Alert:
    """An alert with as much text as the rules of this project write."""
    description = "The exchange has given no usable answer for some minutes. " * 8
    return replace(one, annotations={**one.annotations, "description": description})


async def delivery(
    session: aiohttp.ClientSession, fake: FakeAlertmanager, process: Process, _: float
) -> str:
    """Each incident is of another exchange, and over before the next one begins."""
    times = []
    for number in range(INCIDENTS):
        exchange, now = f"exchange{number}", time.time()
        firing = [texts(alert(f"Alert{n}", exchange, starts_at=now)) for n in range(ALERTS)]
        over = [replace(it, ends_at=now + 1) for it in firing]
        began = time.perf_counter()
        await send(session, body(*firing))
        await fake.told(
            lambda posted, exchange=exchange: any(  # type: ignore[misc]
                one["labels"]["exchange"] == exchange for one in posted
            )
        )
        times.append(time.perf_counter() - began)
        await send(session, body(*over))
    times.sort()
    return (
        f"delivery  {len(times)} incidents, webhook to derived alert: p50 {at(times, 0.5)}, "
        f"p99 {at(times, 0.99)}, mean {statistics.fmean(times) * 1000:.1f} ms"
    )


async def storm(
    session: aiohttp.ClientSession, fake: FakeAlertmanager, process: Process, _: float
) -> str:
    """As fast as they are answered."""
    before, began = memory(process, "VmRSS"), time.perf_counter()
    for number in range(EXCHANGES):
        exchange, count = f"exchange{number}", STORM // EXCHANGES
        names = [f"Alert{n}" for n in range(count)]
        found = [texts(alert(name, exchange, starts_at=time.time())) for name in names]
        fake.active += found
        await send(session, body(*found, exchange=exchange))
    took = time.perf_counter() - began
    (derived,) = await fake.told(lambda posted: len(posted) == 1)
    await fake.looked(fake.looks + 2)
    after, peak = memory(process, "VmRSS"), memory(process, "VmHWM")
    return (
        f"storm     {STORM} alerts in {took:.1f} s: memory {before:.0f} MB before, {after:.0f} MB "
        f"after, {peak:.0f} MB at most; {len(fake.posts[-1])} derived alert, "
        f"of {derived['annotations']['alerts']} alerts"
    )


def memory(process: Process, field: str) -> float:
    """Megabytes of the process."""
    lines = Path(f"/proc/{process.popen.pid}/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(field))
    return float(line.split()[1]) / 1024


def at(times: list[float], quantile: float) -> str:
    """A quantile of sorted seconds, in milliseconds."""
    return f"{times[min(int(len(times) * quantile), len(times) - 1)] * 1000:.1f} ms"


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
