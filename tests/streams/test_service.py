"""Streams in the running exporter: scraped like all targets, reloaded, remembered."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from exporter.config.document import parse_document
from exporter.config.loader import config_from
from exporter.config.model import Config
from exporter.core.model import SkipReason
from exporter.service import Exporter

from .world import Peer, serving

CONFIG = """
budget: {budget}
pairs: [BTC-USDT]
state: {{path: "{state}"}}
exchanges:
  binance: {{endpoints: [time], streams: [{streams}], stream_url: "{url}", {more}}}
"""
TARGET = "binance/stream.trades/BTC-USDT"


async def binance(peer: Peer) -> None:
    """Acknowledge the subscription; trades come every ten milliseconds."""
    await peer.listen()
    await peer.socket.send_str('{"result": null, "id": 1}')
    for number in range(1, 10_000):
        now = int(time.time() * 1000)
        trade = {"e": "trade", "E": now, "s": "BTCUSDT", "t": number, "p": "97250.5"}
        await peer.socket.send_str(json.dumps(trade))
        await asyncio.sleep(0.01)


def config(url: str, state: Path, **changes: str) -> Config:
    """A configuration whose only exchange streams from ``url``."""
    values = {"budget": "1", "streams": "trades", "more": "", **changes}
    text = CONFIG.format(url=url.removesuffix("/x"), state=state, **values)
    return config_from(parse_document(text, "test"), None, {})


async def connected(exporter: Exporter, connections: int = 1) -> None:
    """Wait until the stream has been connected so many times and carries data."""
    async with asyncio.timeout(5.0):
        while True:
            stream = (await exporter.probe(TARGET, 1.0)).stream
            assert stream is not None
            if stream.connections == connections and stream.data_messages:
                return
            await asyncio.sleep(0.02)


def test_a_stream_is_scraped_like_any_target(tmp_path: Path) -> None:
    """In the plan, in one scrape and in that of all, with its metrics; a reload leaves it be."""

    async def test() -> None:
        async with serving(binance, path="/ws") as server:
            exporter = Exporter(lambda: config(server.url, tmp_path))
            await exporter.start()
            try:
                await connected(exporter)
                assert await exporter.reload() == ""
                view = await exporter.probe(TARGET, 1.0)
                text = exporter.render((view,), openmetrics=False).decode()
                assert list(exporter.plan.targets) == ["binance/time", TARGET]
                assert [str(each.plan.target) for each in exporter.views()] == [
                    "binance/time",
                    TARGET,
                ]
                assert len(server.peers) == 1
            finally:
                await exporter.close()
            await asyncio.sleep(0.1)
            assert server.open == 0
        labels = 'exchange="binance",endpoint="stream.trades",pair="BTC-USDT"'
        assert f"exchange_stream_connected{{{labels}}} 1\n" in text
        assert f"exchange_stream_connections_total{{{labels}}} 1\n" in text
        assert "exchange_probes_total" not in text

    asyncio.run(test())


def test_connection_attempts_survive_a_restart(tmp_path: Path) -> None:
    """Binance allows 300 in five minutes; a share for one of them is spent after a restart, too."""

    async def test() -> None:
        async with serving(binance, path="/ws") as server:
            load = lambda: config(server.url, tmp_path, budget="0.004")  # noqa: E731
            first = Exporter(load)
            await first.start()
            await connected(first)
            await first.close()
            second = Exporter(load)
            await second.start()
            await asyncio.sleep(0.3)
            view = await second.probe(TARGET, 1.0)
            await second.close()

        assert view.skipped is SkipReason.BUDGET
        assert len(server.peers) == 1
        assert [limit.name for limit in view.limits] == ["stream_connects"]

    asyncio.run(test())


def test_a_cold_stream_is_probed_beside_the_one_that_is_watched(tmp_path: Path) -> None:
    """It opens a connection of its own, once, and has the metrics of a probe."""

    async def test() -> None:
        async with serving(binance, path="/ws") as server:
            exporter = Exporter(lambda: config(server.url, tmp_path, more="cold: [stream.trades]"))
            await exporter.start()
            try:
                await connected(exporter)
                view = await exporter.probe(f"{TARGET}+cold", 5.0)
                text = exporter.render((view,), openmetrics=False).decode()
            finally:
                await exporter.close()
        assert view.result is not None
        assert view.result.ok
        assert view.stream is None
        assert len(server.peers) == 2
        assert 'exchange_api_requests_total{exchange="binance",endpoint="stream.trades"' in text
        assert 'connection="cold",code="101"} 1' in text

    asyncio.run(test())
