"""Prometheus and Alertmanager beside a demonstration, with the shipped rules and routes."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

PROMETHEUS, ALERTMANAGER = 9090, 9093
_STOP_WITHIN = 10.0  # seconds; Prometheus closes its database

Say = Callable[[str], None]


def bundle() -> Path | None:
    """The folder that holds rules/ and alertmanager/: of the checkout, or of the installation."""
    places = (Path(__file__).parents[1], Path(sys.prefix) / "share" / "exchange-exporter")
    return next((place for place in places if (place / "rules" / "prometheus.yml").exists()), None)


@asynccontextmanager
async def stack(exporter: str, say: Say) -> AsyncIterator[None]:
    """Run what is found on this machine while the block lasts.

    ``exporter`` is HOST:PORT of the exporter. What is missing is said and left out.
    """
    shipped = bundle()
    if shipped is None:
        say("the shipped rules are not installed: run this in a checkout")
        yield
        return
    async with AsyncExitStack() as running:
        folder = Path(
            running.enter_context(tempfile.TemporaryDirectory(prefix="exchange-exporter-"))
        )
        alertmanager = await _alertmanager(running, shipped, folder, say)
        await _prometheus(running, shipped, folder, exporter, alertmanager, say)
        yield


async def _alertmanager(running: AsyncExitStack, shipped: Path, folder: Path, say: Say) -> str:
    binary = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    address = f"127.0.0.1:{_free(ALERTMANAGER)}"
    if binary is None:
        say("Alertmanager: not found (install it to see how alerts are grouped and routed)")
        return address
    shutil.copytree(shipped / "alertmanager", folder / "alertmanager")
    await _run(
        running,
        folder / "alertmanager.log",
        binary,
        f"--config.file={folder}/alertmanager/alertmanager.yml",
        f"--storage.path={folder}/alertmanager-data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    )
    say(f"Alertmanager: http://{address}/ (no channel is enabled: see alertmanager.yml)")
    return address


async def _prometheus(
    running: AsyncExitStack,
    shipped: Path,
    folder: Path,
    exporter: str,
    alertmanager: str,
    say: Say,
) -> None:
    binary = shutil.which("prometheus")
    if binary is None:
        say("Prometheus: not found (install it to see the rules at work)")
        return
    shutil.copytree(shipped / "rules", folder / "rules")
    config = folder / "rules" / "prometheus.yml"
    text = config.read_text(encoding="utf-8")
    text = text.replace("localhost:9927", exporter).replace("localhost:9093", alertmanager)
    config.write_text(text, encoding="utf-8")
    address = f"127.0.0.1:{_free(PROMETHEUS)}"
    await _run(
        running,
        folder / "prometheus.log",
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/prometheus-data",
        f"--web.listen-address={address}",
    )
    say(f"Prometheus: http://{address}/alerts")


async def _run(running: AsyncExitStack, log: Path, *command: str) -> None:
    """Start a process that ends with the stack; a session of its own keeps Ctrl-C from it."""
    output = running.enter_context(log.open("wb"))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=output, stderr=output, start_new_session=True
    )
    running.push_async_callback(_stop, process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()


def _free(wanted: int) -> int:
    """The usual port if nobody listens there, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")
