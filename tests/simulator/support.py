"""What the tests of the simulator share: the catalog, a clock that is set, a running simulator."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import aiohttp
import yaml
from jsonschema import Draft202012Validator

from exporter.config.compile import COMMON_SCHEMAS
from exporter.simulator import Simulator

NOW = 1_800_000_030.5


@lru_cache(1)
def catalog() -> Mapping[str, dict[str, Any]]:
    """Every catalog file of the package, parsed."""
    files = resources.files("exporter.catalog").iterdir()
    texts = sorted(f.read_text("utf-8") for f in files if f.name.endswith(".yml"))
    return {document["name"]: document for document in map(yaml.safe_load, texts)}


@lru_cache(1)
def catalog_without_limits() -> Mapping[str, dict[str, Any]]:
    """The catalog with limits that nobody reaches."""
    copied = copy.deepcopy(dict(catalog()))
    for document in copied.values():
        for limit in document["limits"].values():
            limit["capacity"] = 1e9
    return copied


def endpoints() -> list[tuple[str, str]]:
    """All (exchange, endpoint) of the catalog."""
    return [(name, endpoint) for name, doc in catalog().items() for endpoint in doc["endpoints"]]


def validator(exchange: str, endpoint: str) -> Draft202012Validator:
    """The validator of the payload of one endpoint."""
    document = catalog()[exchange]
    schema = document["endpoints"][endpoint]["payload"].get("schema", {})
    return Draft202012Validator(
        {**schema, "$defs": {**COMMON_SCHEMAS, **document.get("schemas", {})}}
    )


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Running:
    """A simulator under test and a client of it."""

    simulator: Simulator
    clock: Clock
    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of one answer; redirects are not followed."""
        async with self.session.get(self.url + path, allow_redirects=False) as response:
            return response.status, response.headers, await response.read()

    async def document(self, path: str) -> Any:
        """The JSON document of one answer."""
        return json.loads((await self.get(path))[2])


@contextlib.asynccontextmanager
async def running(
    *faults: Mapping[str, Any],
    documents: Mapping[str, Any] | None = None,
    seed: int = 1,
    pairs: Iterable[str] = (),
) -> AsyncIterator[Running]:
    """A simulator on a free port with faults in force; by default, nobody reaches its limits."""
    clock = Clock()
    simulator = Simulator(documents or catalog_without_limits(), seed=seed, now=clock, pairs=pairs)
    simulator.set_faults(list(faults))
    url = await simulator.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            yield Running(simulator, clock, session, url)
    finally:
        await simulator.close()


DEPTH = "/binance/api/v3/depth?symbol=BTCUSDT"
TICKER = "/binance/api/v3/ticker/24hr?symbol=BTCUSDT"
TRADES = "/binance/api/v3/trades?symbol=BTCUSDT"
KLINES = "/binance/api/v3/klines?symbol=BTCUSDT"
TIME = "/binance/api/v3/time"
PING = "/binance/api/v3/ping"
