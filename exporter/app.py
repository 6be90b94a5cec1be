"""The composition root: puts service, web server and simulator together, and runs them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from exporter import __version__, logs
from exporter.config.document import Document, parse_document
from exporter.config.errors import ConfigError, Problem
from exporter.config.loader import config_from, load_catalog
from exporter.config.model import Config
from exporter.core.model import SkipReason
from exporter.server.application import build_application
from exporter.server.listen import start_server
from exporter.server.report import describe
from exporter.server.settings import ServerSettings
from exporter.service import Exporter, Load, file_loader
from exporter.simulator import Simulator

_LOG = logging.getLogger(__name__)

DEMO_BUDGET = 0.5
"""The simulated exchanges are ours alone, and nobody wants to wait for a demonstration."""


async def serve(options: argparse.Namespace) -> int:
    """Run the exporter until a signal ends it. Returns the exit code."""
    return await _run_exporter(options, file_loader(options.config_file))


async def demo(options: argparse.Namespace) -> int:
    """Run simulator and exporter together until a signal ends them."""
    host, port = _host_and_port(options.simulator_listen)
    async with _simulator(load_catalog(), host, port, options.seed) as base_url:
        load = demo_loader(base_url)
        return await _run_exporter(options, load, f"simulated exchanges: {base_url}/")


async def simulate(options: argparse.Namespace) -> int:
    """Run the simulator alone until a signal ends it."""
    logs.configure(options.log_level, options.log_format, str)
    host, port = _host_and_port(options.simulator_listen)
    catalog = load_catalog(options.config_file)
    async with _simulator(catalog, host, port, options.seed) as base_url:
        for name in catalog:
            _say(f"{name:<14} base_url: {base_url}/{name}")
        _say(f"look at {base_url}/")
        await _until_stopped()
    return 0


async def probe_once(file: Path | None, target: str, timeout: float, metrics: bool) -> int:
    """Probe one target and explain it on the terminal. Returns 0 if it is healthy."""
    exporter = Exporter(file_loader(file), read_only=True)
    try:
        view = await exporter.probe(target, timeout)
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


def demo_loader(base_url: str) -> Load:
    """A configuration in which every exchange of the catalog is the simulator's."""

    def load() -> Config:
        names = "\n".join(f"  {name}: {{base_url: '{base_url}/{name}'}}" for name in load_catalog())
        text = f"budget: {DEMO_BUDGET}\npairs: [BTC-USDT]\nexchanges:\n{names}\n"
        return config_from(parse_document(text, "demo configuration"), None, {})

    return load


async def _run_exporter(options: argparse.Namespace, load: Load, more: str = "") -> int:
    exporter = Exporter(load)
    logs.configure(options.log_level, options.log_format, exporter.redact)
    settings = _settings(options)
    async with AsyncExitStack() as stack:
        await exporter.start()
        stack.push_async_callback(exporter.close)
        server = await start_server(build_application(exporter, settings), settings)
        stack.push_async_callback(server.close)
        for url in server.urls:
            count = len(exporter.plan.targets)
            shown = url.replace("[::]", "localhost").replace("0.0.0.0", "localhost")
            _say(f"exchange-exporter {__version__}: {count} targets, look at {shown}/")
        if more:
            _say(more)
        await _until_stopped(exporter)
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


@asynccontextmanager
async def _simulator(
    catalog: Mapping[str, Document], host: str, port: int, seed: int
) -> AsyncIterator[str]:
    """A running simulator of these exchanges; yields its base URL."""
    simulator = Simulator({name: document.data for name, document in catalog.items()}, seed=seed)
    base_url = await simulator.start(host, port)
    try:
        yield base_url
    finally:
        await simulator.close()


async def _until_stopped(exporter: Exporter | None = None) -> None:
    """Wait for SIGTERM or SIGINT; reload on SIGHUP."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    reloads: set[asyncio.Task[str]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if exporter:

        def reload() -> None:
            task = asyncio.create_task(exporter.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
    await stopped.wait()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        problem = Problem("command line", 0, "", f"{address!r} is not HOST:PORT")
        raise ConfigError([problem])
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - ":9928" asks for it


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
