"""The exchanges on ports of their own: refused connections, TLS, and faults that end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from exporter.config.errors import ConfigError
from exporter.simulator import FaultError, Simulator
from exporter.simulator.certificates import make_certificates
from tests.simulator.support import catalog

DEPTH = "/api/v3/depth?symbol=BTCUSDT"
SYSTEM = "/api/v5/public/time"


@asynccontextmanager
async def own_ports(tls: bool = False) -> AsyncIterator[tuple[Simulator, aiohttp.ClientSession]]:
    """A simulator with a port for each exchange, and a client that trusts it."""
    simulator = Simulator({name: catalog()[name] for name in ("binance", "okx")})
    await simulator.start(own_ports=True, tls=tls)
    context = ssl.create_default_context(cafile=simulator.ca_file) if tls else True
    try:
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield simulator, session
    finally:
        await simulator.close()


async def get(simulator: Simulator, session: aiohttp.ClientSession, exchange: str) -> int:
    """The status of one answer."""
    path = {"binance": DEPTH, "okx": SYSTEM}[exchange]
    async with session.get(simulator.base_urls[exchange] + path) as response:
        await response.read()
        return response.status


async def switch(simulator: Simulator, *faults: str) -> None:
    """These faults on Binance, and no others."""
    simulator.set_faults([{"exchange": "binance", "fault": name} for name in faults])
    await simulator.settle()


def test_every_exchange_has_its_own_port() -> None:
    """Three ports: the shared one and two more, which do not depend on each other."""

    async def main() -> None:
        async with own_ports() as (simulator, session):
            ports = {url.split(":")[2].split("/")[0] for url in simulator.base_urls.values()}
            assert len(ports) == 2
            assert await get(simulator, session, "binance") == 200
            await switch(simulator, "refused")
            with pytest.raises(aiohttp.ClientConnectorError):
                await get(simulator, session, "binance")
            assert await get(simulator, session, "okx") == 200
            await switch(simulator)
            assert await get(simulator, session, "binance") == 200

    asyncio.run(main())


def test_refusal_ends_by_itself() -> None:
    """Nobody has to ask for the end of a fault with a time."""

    async def main() -> None:
        async with own_ports() as (simulator, session):
            simulator.set_faults([{"exchange": "binance", "fault": "refused", "for": 0.1}])
            await simulator.settle()
            with pytest.raises(aiohttp.ClientConnectorError):
                await get(simulator, session, "binance")
            await asyncio.sleep(0.2)
            assert await get(simulator, session, "binance") == 200

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("tls_failure", aiohttp.ClientConnectorError, "cannot connect"),
        ("expired_certificate", aiohttp.ClientConnectorCertificateError, "has expired"),
    ],
)
def test_tls_faults(fault: str, error: type[Exception], text: str) -> None:
    """Valid certificates until the fault, and after it; warm connections do not hide it."""

    async def main() -> None:
        async with own_ports(tls=True) as (simulator, session):
            assert simulator.base_urls["binance"].startswith("https://")
            assert await get(simulator, session, "binance") == 200
            await switch(simulator, fault)
            with pytest.raises(error) as caught:
                await get(simulator, session, "binance")
            assert text in str(caught.value).lower()
            assert await get(simulator, session, "okx") == 200
            await switch(simulator)
            assert await get(simulator, session, "binance") == 200

    asyncio.run(main())


def test_faults_of_the_connection_name_the_option_that_they_need() -> None:
    """Nothing is promised that cannot be done."""

    async def main() -> None:
        async with own_ports() as (simulator, _):
            with pytest.raises(FaultError, match=r"tls_failure needs the option --simulator\.tls"):
                await switch(simulator, "tls_failure")
        plain = Simulator(catalog())
        await plain.start()
        with pytest.raises(FaultError, match=r"refused needs the option --simulator\.own-ports"):
            await switch(plain, "refused")
        await plain.close()

    asyncio.run(main())


def test_a_port_that_is_taken_leaves_nothing_behind() -> None:
    """What was opened before is closed again."""

    async def main() -> None:
        first = Simulator(catalog())
        port = int((await first.start()).rpartition(":")[2])
        second = Simulator(catalog())
        with pytest.raises(OSError, match="in use"):
            await second.start(port=port)
        await first.close()
        await second.start(port=port)
        await second.close()

    asyncio.run(main())


def test_tls_without_openssl_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The tool is named."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="needs the openssl command"):
        make_certificates(tmp_path_factory.mktemp("none"))
