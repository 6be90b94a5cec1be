"""Prometheus, Alertmanager, receiver and Grafana beside a demonstration, with the shipped files."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_HOMES = (
    "/usr/share/grafana",
    "/usr/local/share/grafana",
    "/opt/homebrew/opt/grafana/share/grafana",
)
_STOP_WITHIN = 10.0  # seconds; Prometheus closes its database
_READY_WITHIN = 60.0  # seconds; Grafana makes its database

Say = Callable[[str], None]


def bundle() -> Path | None:
    """The folder that holds rules/ and its siblings: of the checkout, or of the installation."""
    user = sysconfig.get_preferred_scheme("user")
    installed = (sysconfig.get_path("data"), sysconfig.get_path("data", user))
    places = [Path(__file__).parents[1]]
    places += [Path(data) / "share" / "exchange-exporter" for data in installed]
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
        temporary = tempfile.TemporaryDirectory(prefix="exchange-exporter-")
        folder = Path(running.enter_context(temporary))
        usual = {"prometheus": 9090, "alertmanager": 9093, "receiver": 9926, "grafana": 3000}
        ports = {name: _free(port) for name, port in usual.items()}
        beside = _Beside(running, shipped, folder, ports, say)
        await beside.alertmanager()
        await beside.prometheus(exporter)
        await beside.receiver()
        await beside.grafana()
        yield


@dataclass(frozen=True, slots=True)
class _Beside:
    """Where the shipped files are, the folder for their copies, and who listens where."""

    running: AsyncExitStack
    shipped: Path
    folder: Path
    ports: Mapping[str, int]
    say: Say

    async def alertmanager(self) -> None:
        binary = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
        if binary is None:
            self.say("Alertmanager: not found (install it to see how alerts are routed)")
            return
        # The receiver is the one channel that needs nobody's secret.
        token = self.folder / "alertmanager" / "secrets" / "triage_token"
        config = self._copy(
            "alertmanager/alertmanager.yml",
            {
                "#triage ": "",
                "/etc/alertmanager/secrets/triage_token": str(token),
                "localhost:9926": self._address("receiver"),
            },
        )
        token.parent.mkdir(exist_ok=True)
        token.write_text(secrets.token_hex(), encoding="utf-8")
        process = await self._run(
            "alertmanager",
            binary,
            f"--config.file={config}",
            f"--storage.path={self.folder}/alertmanager-data",
            f"--web.listen-address={self._address('alertmanager')}",
            f"--web.external-url={self._url('alertmanager')}",
            "--cluster.listen-address=",
        )
        url = f"{self._url('alertmanager')}/"
        found = f"{url} (tells the receiver only: see alertmanager.yml)"
        self._announce(process, "alertmanager", "/-/ready", found)

    async def prometheus(self, exporter: str) -> None:
        binary = shutil.which("prometheus")
        if binary is None:
            self.say("Prometheus: not found (install it to see the rules at work)")
            return
        changes = {
            "localhost:9927": exporter,
            "#receiver ": "",
            "localhost:9926": self._address("receiver"),
            "localhost:9093": self._address("alertmanager"),
            "localhost:9090": self._address("prometheus"),
        }
        process = await self._run(
            "prometheus",
            binary,
            f"--config.file={self._copy('rules/prometheus.yml', changes)}",
            f"--storage.tsdb.path={self.folder}/prometheus-data",
            f"--web.listen-address={self._address('prometheus')}",
            f"--web.external-url={self._url('prometheus')}",
        )
        self._announce(process, "prometheus", "/-/ready", f"{self._url('prometheus')}/")

    async def receiver(self) -> None:
        token = self.folder / "alertmanager" / "secrets" / "triage_token"
        if not token.exists():
            self.say("Receiver: not started (Alertmanager would tell it)")
            return
        config = self.folder / "receiver.yml"
        config.write_text(
            f"alertmanagers: ['{self._url('alertmanager')}']\n"
            f"prometheus: {self._url('prometheus')}\n"
            f"external_url: {self._url('receiver')}\n"
            f"webhook_token: {{file: '{token}'}}\n"
            f"state: '{self.folder}/receiver.db'\n",
            encoding="utf-8",
        )
        listen = f"--web.listen-address={self._address('receiver')}"
        command = (sys.executable, "-m", "exporter", "receiver", f"--config.file={config}", listen)
        process = await self._run("receiver", *command)
        self._announce(process, "receiver", "/-/ready", f"{self._url('receiver')}/")

    async def grafana(self) -> None:
        binary, home = (
            shutil.which("grafana"),
            _first_folder(os.getenv("GF_PATHS_HOME", ""), *_HOMES),
        )
        if binary is None or home is None:
            self.say("Grafana: not found (install it to see the dashboards)")
            return
        provisioning = "dashboards/provisioning"
        boards = {"/var/lib/grafana/dashboards": f"{self.folder}/dashboards"}
        self._copy(f"{provisioning}/dashboards/exchanges.yml", boards)
        source = {"localhost:9090": self._address("prometheus")}
        self._copy(f"{provisioning}/datasources/prometheus.yml", source)
        settings = {
            "GF_PATHS_PROVISIONING": f"{self.folder}/{provisioning}",
            "GF_PATHS_DATA": f"{self.folder}/grafana-data",
            "GF_PATHS_LOGS": f"{self.folder}/grafana-logs",
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": str(self.ports["grafana"]),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
        }
        command = (binary, "server", f"--homepath={home}")
        process = await self._run("grafana", *command, **settings)
        found = f"{self._url('grafana')}/d/exchange-overview"
        self._announce(process, "grafana", "/api/health", found)

    def _address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def _url(self, name: str) -> str:
        return f"http://{self._address(name)}"

    def _copy(self, file: str, changes: Mapping[str, str]) -> Path:
        """Copy the top folder of a shipped file, and change this file's text; returns its copy."""
        top, copy = Path(file).parts[0], self.folder / file
        if not (self.folder / top).exists():
            no_secrets = shutil.ignore_patterns("secrets")
            shutil.copytree(self.shipped / top, self.folder / top, ignore=no_secrets)
        text = copy.read_text(encoding="utf-8")
        for old, new in changes.items():
            text = text.replace(old, new)
        copy.write_text(text, encoding="utf-8")
        return copy

    async def _run(self, name: str, *command: str, **settings: str) -> asyncio.subprocess.Process:
        """Start a process that ends with the stack; a session of its own keeps Ctrl-C from it."""
        output = self.running.enter_context((self.folder / f"{name}.log").open("wb"))
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **settings},
        )
        self.running.push_async_callback(_stop, process)
        return process

    def _announce(
        self, process: asyncio.subprocess.Process, name: str, path: str, found: str
    ) -> None:
        """Say where it is once it answers, or that it does not; nobody waits for it meanwhile."""

        async def announce() -> None:
            title = name.capitalize()
            try:
                async with asyncio.timeout(_READY_WITHIN):
                    while process.returncode is None:
                        if await _is_ready(self.ports[name], path):
                            self.say(f"{title}: {found}")
                            return
                        await asyncio.sleep(0.1)
            except TimeoutError:
                self.say(f"{title}: {found} (not ready after {_READY_WITHIN:.0f} s)")
                return
            log = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
            said = log.strip().splitlines() or [f"exit code {process.returncode}"]
            self.say(f"{title} ended at once: {said[-1]}")

        self.running.callback(asyncio.create_task(announce()).cancel)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _is_ready(port: int, path: str) -> bool:
    """Whether a program of this machine answers 200."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


def _first_folder(*paths: str) -> str | None:
    return next((path for path in paths if path and Path(path).is_dir()), None)


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
