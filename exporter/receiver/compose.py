"""The composition root of the receiver: builds its parts from Settings, and runs them."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from prometheus_client import CollectorRegistry

from exporter import __version__
from exporter.clock import Clock, SystemClock
from exporter.config.errors import ConfigError, Problem
from exporter.receiver.alertmanager import Alertmanagers
from exporter.receiver.analysis import Minds
from exporter.receiver.application import build_application
from exporter.receiver.budget import DAY, Charge
from exporter.receiver.metrics import ReceiverMetrics
from exporter.receiver.service import Receiver
from exporter.receiver.settings import Settings
from exporter.receiver.store import Store
from exporter.web.listen import start_server
from exporter.web.watch import WebConfigFile

_LOG = logging.getLogger(__name__)
_SHUTDOWN = 0.5  # seconds for requests under way

BuildMinds = Callable[[Settings, aiohttp.ClientSession, ReceiverMetrics, Iterable[Charge]], Minds]


@asynccontextmanager
async def running_receiver(
    settings: Settings, build_minds: BuildMinds, clock: Clock | None = None
) -> AsyncIterator[Receiver]:
    """A receiver at work, without a web server. Raises ConfigError when its file is unusable."""
    try:
        store = Store(settings.state_path, 2 * settings.peer_timeout)
    except sqlite3.Error as error:
        what = f"cannot keep state: {error}"
        raise ConfigError([Problem(settings.state_path, 0, "", what)]) from error
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            metrics = ReceiverMetrics(CollectorRegistry(), __version__, settings.analyst)
            alertmanagers = Alertmanagers(
                session, settings.alertmanagers, settings.alertmanager_token
            )
            clock = clock or SystemClock()
            charges = store.history.charges(clock.unix() - DAY)
            minds = build_minds(settings, session, metrics, charges)
            receiver = Receiver(settings, store, alertmanagers, minds, metrics, clock)
            receiver.start()
            try:
                yield receiver
            finally:
                await receiver.close()
    finally:
        store.close()


@asynccontextmanager
async def listening(
    receiver: Receiver,
    settings: Settings,
    addresses: Sequence[str],
    web_config: WebConfigFile | None = None,
) -> AsyncIterator[tuple[str, ...]]:
    """The web server of a receiver; yields its URLs.

    Raises ListenError for an address that cannot be had, ConfigError for an address that is none.
    """
    try:
        server = await start_server(
            build_application(receiver, settings, web_config), addresses, _SHUTDOWN
        )
    except ValueError as error:
        raise ConfigError([Problem("command line", 0, "", str(error))]) from error
    try:
        yield server.urls
    finally:
        receiver.ready = False
        await server.close()


async def serve(
    settings: Settings,
    addresses: Sequence[str],
    build_minds: BuildMinds,
    web_config_file: Path | None = None,
) -> int:
    """Run the receiver until a signal ends it. Returns the exit code. Raises ConfigError."""
    web_config = WebConfigFile(web_config_file) if web_config_file else None
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with (
        running_receiver(settings, build_minds) as receiver,
        listening(receiver, settings, addresses, web_config) as urls,
    ):
        for url in urls:
            sys.stdout.write(f"exchange-exporter {__version__}: receiver, look at {url}/\n")
        sys.stdout.flush()
        if not settings.token:
            _LOG.warning("no webhook_token: everybody who reaches the receiver may post alerts")
        await stopped.wait()
    return 0
