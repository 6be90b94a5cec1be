"""Whether anything is left behind when exchanges misbehave for long.

    python -m tests.benchmarks.soak [MINUTES] [SEED]

A simulator in a process of its own gives every exchange a random stream fault and every other one
a random REST fault, new ones every five seconds. The exporter runs in this process and every target
is probed at its pace. Printed each minute is what it holds: tasks, file descriptors and memory; at
the end, when all faults are over, what is left of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import resource
import sys
import tempfile
import time
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

from exporter.app import demo_loader
from exporter.service import Exporter
from exporter.simulator.fault_table import FAULTS
from exporter.simulator.stream_faults import STREAM_FAULTS
from tests.e2e.processes import Process

FAULTS_LAST = 5.0
RECOVERY = 660.0  # the longest that an exchange of the catalog sends us away for when asked once
REST = sorted(set(FAULTS) - {"refused", "tls_failure", "expired_certificate"})  # whole listeners
STREAM = sorted(STREAM_FAULTS)
_PAGE = os.sysconf("SC_PAGE_SIZE")


async def soak(minutes: float, seed: int, folder: Path) -> None:
    """Run for so long; print one line a minute."""
    chance = random.Random(seed)
    command = [sys.executable, "-m", "exporter", "simulate", "--web.listen-address=127.0.0.1:0"]
    simulator = Process(command, folder / "simulator.log")
    try:
        url = await asyncio.to_thread(simulator.url)
        bases = dict(
            line.split(" base_url: ")
            for line in simulator.output.splitlines()
            if " base_url: " in line
        )
        async with AsyncExitStack() as stack:
            exporter = Exporter(demo_loader({name.strip(): bases[name] for name in bases}))
            await exporter.start()
            stack.push_async_callback(exporter.close)
            probing = asyncio.create_task(_probe_all(exporter))
            await asyncio.sleep(15)
            began, shown = time.monotonic(), 0.0
            _show("start", exporter)
            while (passed := time.monotonic() - began) < minutes * 60:
                await asyncio.to_thread(_set_faults, url, _some(chance, exporter))
                await asyncio.sleep(FAULTS_LAST)
                if passed >= shown + 60:
                    shown = passed
                    _show(f"{passed / 60:.0f} min", exporter)
            await asyncio.to_thread(_set_faults, url, [])
            await asyncio.sleep(RECOVERY)
            _show("faults over", exporter)
            probing.cancel()
            closing = time.monotonic()
        print(f"closed in {time.monotonic() - closing:.2f} s")
        await asyncio.sleep(0.1)
        print(f"left: {len(asyncio.all_tasks()) - 1} tasks, {_descriptors()} descriptors")
    finally:
        simulator.stop()


async def _probe_all(exporter: Exporter) -> None:
    async def one(target: str, interval: float) -> None:
        while True:
            await exporter.probe(target, interval)
            await asyncio.sleep(interval)

    async with asyncio.TaskGroup() as group:
        for target, plan in exporter.plan.targets.items():
            group.create_task(one(target, plan.interval))


def _some(chance: random.Random, exporter: Exporter) -> list[dict[str, object]]:
    chosen: list[dict[str, object]] = []
    for exchange in sorted({plan.target.exchange for plan in exporter.plan.targets.values()}):
        chosen.append({"exchange": exchange, "fault": chance.choice(STREAM)})
        if chance.random() < 0.5:
            chosen.append({"exchange": exchange, "fault": chance.choice(REST)})
    return chosen


def _set_faults(url: str, faults: list[dict[str, object]]) -> None:
    request = urllib.request.Request(f"{url}/faults", json.dumps(faults).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        response.read()


def _show(when: str, exporter: Exporter) -> None:
    gc.collect()
    views = exporter.views()
    streams = [view.stream for view in views if view.stream]
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{when:12} tasks {len(asyncio.all_tasks()):3} descriptors {_descriptors():3}"
        f" memory {resident:6.1f} MB (most {most:.1f})"
        f" streams {sum(s.connected for s in streams)}/{len(streams)}"
        f" connections {sum(s.connections for s in streams)}"
        f" messages {sum(s.messages for s in streams)}"
        f" healthy {sum(bool(view.result and view.result.ok) for view in views)}/{len(views)}",
        flush=True,
    )


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
        asyncio.run(soak(minutes, seed, Path(folder)))
