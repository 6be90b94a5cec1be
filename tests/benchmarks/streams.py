"""What it costs to watch streams, and what that does to probes beside them.

    python tests/benchmarks/streams.py [MESSAGES_PER_SECOND] [SECONDS]

A server process of its own sends 100 ms book diffs (20 changes a side) and trades of ten pairs in
the format of Binance, 20 streams over one connection, paced to the wanted rate. Printed are the
messages taken in, the CPU time that took, the lag of the event loop, and the error of REST
latencies measured meanwhile against a server that tells the truth (see latency_error.py).
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from exporter.clock import SystemClock
from exporter.config.document import parse_document
from exporter.config.loader import config_from
from exporter.config.plan import build_plan
from exporter.core.limits import Limiter
from exporter.core.plan import Request, Route
from exporter.core.stream_target import connects_key, stream_limits, stream_targets
from exporter.probers.conversation import WebSocketOpener
from exporter.probers.http import HttpProber
from exporter.streams import Monitor, Tools

PUNCTUAL = Path(__file__).parent.parent / "probers" / "punctual.py"
PAIRS = [f"A{number}-USDT" for number in range(10)]
DELAY = 0.05
PROBES_PER_SECOND = 20
CONFIG = """
budget: 1
pairs: [{pairs}]
exchanges:
  binance: {{endpoints: [time], streams: [trades, book], stream_url: "ws://127.0.0.1:{port}"}}
"""


def main(rate: int, seconds: float) -> None:
    gc.freeze()
    stream = [sys.executable, __file__, "--serve", str(rate)]
    rest = [sys.executable, str(PUNCTUAL), str(DELAY)]
    with (
        subprocess.Popen(stream, stdout=subprocess.PIPE, text=True) as feed,
        subprocess.Popen(rest, stdout=subprocess.PIPE, text=True) as truth,
    ):
        assert feed.stdout is not None
        assert truth.stdout is not None
        try:
            asyncio.run(measure(int(feed.stdout.readline()), int(truth.stdout.readline()), seconds))
        finally:
            feed.kill()
            truth.kill()


async def measure(stream_port: int, rest_port: int, seconds: float) -> None:
    """Watch for so long and print what it took."""
    text = CONFIG.format(pairs=", ".join(PAIRS), port=stream_port)
    plan = build_plan(config_from(parse_document(text, "benchmark"), None, {}))
    costs = [((connects_key(each), 1.0),) for each in plan.streams.values()]
    limiter = Limiter(stream_limits(plan.streams), costs)
    opener, clock = WebSocketOpener("benchmark"), SystemClock()
    tools = Tools(opener, limiter, clock, lambda: 0.5, lambda _: 0.0, lambda: None)
    monitor = Monitor(tools)
    targets = stream_targets(plan)
    monitor.apply(plan.streams, targets)
    quiet = await cost_of(rest_port, 3.0)
    monitor.start()
    await asyncio.sleep(8.0)  # 20 subscriptions at the pace that Binance allows
    before = total(monitor)
    cpu, wall = time.process_time(), time.monotonic()
    lags, errors = await cost_of(rest_port, seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    count, size, bad = (after - b for after, b in zip(total(monitor), before, strict=True))
    print(
        f"{len(targets)} streams: {count / wall:.0f} messages/s of {size / count:.0f} bytes,"
        f" {cpu / wall:.1%} of one core, {count / cpu:.0f} messages/s per core,"
        f" {bad} gaps or dropped"
    )
    for name, (late, wrong) in (("idle", quiet), ("watching", (lags, errors))):
        print(
            f"{name:9} loop lag p50 {at(late, 0.5):.2f} p99 {at(late, 0.99):.2f} ms,"
            f" REST latency error p50 {at(wrong, 0.5):.3f} p99 {at(wrong, 0.99):.3f}"
            f" max {max(wrong):.3f} ms of {len(wrong)} probes"
        )
    await monitor.close()
    opener.close()


def total(monitor: Monitor) -> tuple[int, int, int]:
    """Messages, bytes, and what went wrong with them so far."""
    views = [view.stream for view in monitor.views() if view.stream]
    bad = sum(v.gaps + v.malformed + v.unreadable for v in views) + views[0].dropped
    return sum(v.data_messages for v in views), views[0].bytes, bad


async def cost_of(port: int, seconds: float) -> tuple[list[float], list[float]]:
    """Loop lags and REST latency errors in milliseconds."""
    prober, errors, lags = HttpProber("benchmark"), list[float](), list[float]()
    request = Request(f"http://127.0.0.1:{port}/")

    async def probe() -> None:
        seen = await prober.ask(request, Route(), 10)
        assert seen.latency is not None
        errors.append((seen.latency - float(seen.headers["x-service-time"])) * 1000)

    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        while time.monotonic() < until:
            group.create_task(probe())
            began = time.perf_counter()
            await asyncio.sleep(1 / PROBES_PER_SECOND)
            lags.append((time.perf_counter() - began - 1 / PROBES_PER_SECOND) * 1000)
    await prober.close()
    return lags, errors


def at(values: list[float], quantile: float) -> float:
    return sorted(values)[min(int(len(values) * quantile), len(values) - 1)]


# -- the server process ------------------------------------------------------------------------

_BOOK = (
    '{"e":"depthUpdate","E":%d,"s":"%s","U":%d,"u":%d,"b":['
    + ",".join(f'["97{n:03d}.10","0.0{n:03d}00"]' for n in range(20))
    + '],"a":['
    + ",".join(f'["98{n:03d}.10","0.0{n:03d}00"]' for n in range(20))
    + "]}"
)
_TRADE = (
    '{"e":"trade","E":%d,"s":"%s","t":%d,"p":"97250.10","q":"0.00100000","T":%d,"m":true,"M":true}'
)


async def serve(rate: int) -> None:
    """Send messages of all streams at ``rate`` a second to whoever connects."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line.split(b": ")[1]
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key + magic).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        for number in range(1, 2 * len(PAIRS) + 1):
            writer.write(frame(json.dumps({"result": None, "id": number})))
        number, began = 0, time.monotonic()
        while not writer.is_closing():
            due = int((time.monotonic() - began) * rate)
            while number < due:
                writer.write(message(number))
                number += 1
            await writer.drain()
            await asyncio.sleep(0.002)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def message(number: int) -> bytes:
    """Books and trades of all pairs in turn."""
    now = int(time.time() * 1000)
    count, place = divmod(number, 2 * len(PAIRS))
    symbol = PAIRS[place // 2].replace("-", "")
    if place % 2:
        return frame(_TRADE % (now, symbol, count, now))
    return frame(_BOOK % (now, symbol, 10 * count + 1, 10 * count + 10))


def frame(text: str) -> bytes:
    data = text.encode()
    if len(data) < 126:
        return bytes([0x81, len(data)]) + data
    return b"\x81\x7e" + len(data).to_bytes(2, "big") + data


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 5000,
            float(sys.argv[2]) if len(sys.argv) > 2 else 10.0,
        )
