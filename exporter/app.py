"""The composition root: puts service, web server and simulator together, and runs them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import __version__, logs
from exporter.config.document import Document, parse_document
from exporter.config.errors import ConfigError, Problem
from exporter.config.loader import config_from, load_catalog
from exporter.config.model import Config
from exporter.core.model import SkipReason
from exporter.core.view import View
from exporter.server.application import build_application
from exporter.server.report import describe
from exporter.server.settings import ServerSettings
from exporter.server.trace import TraceText
from exporter.service import Exporter, Load, file_loader
from exporter.stack import stack
from exporter.streams import TraceEvent
from exporter.web.listen import start_server

if TYPE_CHECKING:
    from exporter.simulator import Simulator

_LOG = logging.getLogger(__name__)

DEMO_BUDGET = 0.5
"""The simulated exchanges are ours alone, and nobody wants to wait for a demonstration."""


async def serve(options: argparse.Namespace) -> int:
    """Run the exporter until a signal ends it. Returns the exit code."""
    return await _run_exporter(options, file_loader(options.config_file))


async def demo(options: argparse.Namespace) -> int:
    """Run simulator and exporter together until a signal ends them."""
    settings = _settings(options)
    if options.stack and (settings.web_config_file or settings.prefix):
        text = (
            "the Prometheus of --stack knows no password and no path: leave out "
            "--web.config.file, and the path of --web.route-prefix or --web.external-url"
        )
        raise ConfigError([Problem("command line", 0, "", text)])
    async with _simulator(options, load_catalog(), own_ports=True) as (simulator, url):
        return await _run_exporter(
            options,
            demo_loader(simulator.base_urls, simulator.ca_file),
            more=f"simulated exchanges: {url}/",
            scrape=True,
            beside=stack if options.stack else None,
            reloads=False,
        )


async def simulate(options: argparse.Namespace) -> int:
    """Run the simulator alone until a signal ends it."""
    logs.configure(options.log_level, options.log_format, str)
    catalog = load_catalog(options.config_file)
    async with _simulator(options, catalog, options.own_ports) as (simulator, url):
        for name, base_url in simulator.base_urls.items():
            _say(f"{name:<14} base_url: {base_url}")
        if simulator.ca_file:
            _say(f"network: {{ca_file: {simulator.ca_file}}}")
        _say(f"look at {url}/")
        await _stopping().wait()
    return 0


async def probe_once(file: Path | None, target: str, timeout: float, metrics: bool) -> int:
    """Probe one target and explain it on the terminal. Returns 0 if it is healthy."""
    exporter = Exporter(file_loader(file), read_only=True)
    try:
        view = await _probe_or_trace(exporter, target, timeout)
    except KeyError:
        known = "\n  ".join(exporter.plan.targets)
        sys.stderr.write(f"no target {target!r}; configured are\n  {known}\n")
        return 2
    finally:
        await exporter.close()
    text = exporter.render((view,), openmetrics=False).decode() if metrics else None
    _say(describe(view, exporter.redact, text).rstrip("\n"))
    healthy = (
        view.result is not None and view.result.ok and view.skipped in (None, SkipReason.INTERVAL)
    )
    return 0 if healthy else 1


async def _probe_or_trace(exporter: Exporter, target: str, timeout: float) -> View:
    """Probe a target, or listen to a stream for ``timeout`` seconds and tell what happens."""
    if not exporter.is_stream(target):
        return await exporter.probe(target, timeout)
    text = TraceText(exporter.redact)

    def tell(event: TraceEvent) -> None:
        for line in text.lines(event):
            _say(line)

    view = await exporter.trace(target, timeout, tell)
    _say("\n".join([*text.rest(), ""]))
    return view


def demo_loader(base_urls: Mapping[str, str], ca_file: Path | None = None) -> Load:
    """A configuration in which the exchanges are simulated ones."""

    def load() -> Config:
        streams = "streams: [ticker, trades, book]"
        exchanges = "\n".join(
            f"  {name}: {{base_url: '{url}', stream_url: '{url}', {streams}}}"
            for name, url in base_urls.items()
        )
        network = f"network: {{ca_file: '{ca_file}'}}\n" if ca_file else ""
        text = f"budget: {DEMO_BUDGET}\npairs: [BTC-USDT]\n{network}exchanges:\n{exchanges}\n"
        return config_from(parse_document(text, "demo configuration"), None, {})

    return load


async def _run_exporter(
    options: argparse.Namespace,
    load: Load,
    *,
    more: str = "",
    scrape: bool = False,
    beside: Callable[[str, Callable[[str], None]], AbstractAsyncContextManager[None]] | None = None,
    reloads: bool = True,
) -> int:
    """Run until a signal comes. ``scrape`` stands in for a Prometheus that may not be there;
    ``beside`` runs at the same time and is told the exporter's address; without ``reloads`` there
    is no file to read again.
    """
    logs.configure(options.log_level, options.log_format, str)  # loading has things to say, too
    exporter = Exporter(load)
    logs.configure(options.log_level, options.log_format, exporter.redact)
    settings = _settings(options)
    async with AsyncExitStack() as running:
        await exporter.start()
        running.push_async_callback(exporter.close)
        server = await start_server(build_application(exporter, settings), settings.listen)
        running.push_async_callback(server.close)
        stopped = _stopping(exporter if reloads else None)
        for url in server.urls:
            count = len(exporter.plan.targets)
            _say(f"exchange-exporter {__version__}: {count} targets, look at {url}/")
        if more:
            _say(more)
        if beside:
            address = server.urls[0].partition("://")[2].partition("/")[0]
            await running.enter_async_context(beside(address, _say))
        if scrape:
            scraping = asyncio.create_task(_scrape(exporter))
            running.callback(scraping.cancel)
        await stopped.wait()
        exporter.ready = False
    return 0


def _settings(options: argparse.Namespace) -> ServerSettings:
    try:
        return ServerSettings(
            listen=tuple(options.listen or [":9927"]),
            external_url=options.external_url,
            route_prefix=options.route_prefix or None,
            web_config_file=options.web_config_file,
        )
    except ValueError as error:
        raise ConfigError([Problem("command line", 0, "", str(error))]) from error


async def _scrape(exporter: Exporter) -> None:
    """Probe every target at its interval, as Prometheus does when it is told by /sd."""

    async def one(target: str, interval: float) -> None:
        while True:
            await exporter.probe(target, interval)
            await asyncio.sleep(interval)

    async with asyncio.TaskGroup() as group:
        for target, plan in exporter.plan.targets.items():
            group.create_task(one(target, plan.interval))


@asynccontextmanager
async def _simulator(
    options: argparse.Namespace, catalog: Mapping[str, Document], own_ports: bool
) -> AsyncIterator[tuple[Simulator, str]]:
    """A running simulator of these exchanges and its URL."""
    from exporter.simulator import Simulator, load_scenario

    host, port = _host_and_port(options.simulator_listen)
    scenario = load_scenario(options.scenario) if options.scenario else None
    simulator = Simulator({name: doc.data for name, doc in catalog.items()}, seed=options.seed)
    url = await simulator.start(host, port, own_ports, options.tls)
    try:
        if scenario:
            if problems := list(scenario.problems(simulator.places)):
                raise ConfigError(problems)
            simulator.play(scenario, options.speed)
        yield simulator, url
    finally:
        await simulator.close()


def _stopping(exporter: Exporter | None = None) -> asyncio.Event:
    """Set by SIGTERM and SIGINT from now on. SIGHUP reloads; where there is nothing to reload it is
    a terminal that was closed, and ends what was started there.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    reloads: set[asyncio.Task[str]] = set()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    if exporter:

        def reload() -> None:
            task = asyncio.create_task(exporter.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
    return stopped


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        problem = Problem("command line", 0, "", f"{address!r} is not HOST:PORT")
        raise ConfigError([problem])
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - ":9928" asks for it


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
