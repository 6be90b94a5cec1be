"""Real Alertmanagers with a receiver, a source of alerts as Prometheus is one, and a sink."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.e2e.processes import Process, free_port, post, reachable, until

CONFIG = """
route:
  receiver: page
  group_by: [alertname, exchange]
  group_wait: 0s
  group_interval: {group_interval}
  repeat_interval: {repeat_interval}
  routes:
  - matchers: ['derived="triage"']
    receiver: {derived}
    group_by: [exchange, incident]
    group_wait: 0s
    repeat_interval: 24h
  - matchers: ['exchange!=""', 'derived=""']
    receiver: triage
    group_by: [{group_by}]
    group_wait: 200ms
    continue: true
  - matchers: ['exchange!=""']
    receiver: page
receivers:
- name: page
  webhook_configs: [{{url: '{sink}/page', send_resolved: true}}]
- name: analysis
  webhook_configs: [{{url: '{sink}/analysis', send_resolved: true}}]
- name: triage
  webhook_configs:
  - url: '{receiver}/api/v1/alerts'
    send_resolved: true
    max_alerts: 50
    http_config: {{authorization: {{type: Bearer, credentials: hush-hush}}}}
"""

RECEIVER = """
alertmanagers: [{alertmanagers}]
webhook_token: {{file: token}}
debounce: 100ms
heartbeat: 500ms
resend_delay: 500ms
peer_timeout: 500ms
"""


@dataclass
class Sink:
    """What people would get: (when, channel, status, labels) of every alert in every message."""

    url: str = ""
    messages: list[tuple[float, str, str, dict[str, str]]] = field(default_factory=list)

    def of(self, channel: str, status: str, **labels: str) -> list[float]:
        """When a channel was told."""
        return [
            at
            for at, where, what, found in list(self.messages)
            if (where, what) == (channel, status) and labels.items() <= found.items()
        ]

    def wait(self, channel: str, status: str, seconds: float = 15.0, **labels: str) -> float:
        """When a channel was first told; waits for it."""
        what = f"no {status} {labels} on {channel}: {self.messages}"
        return float(
            until(lambda: next(iter(self.of(channel, status, **labels)), None), what, seconds)
        )


@contextmanager
def sink() -> Iterator[Sink]:
    """Channels that take everything."""
    found = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            channel = self.path.strip("/")
            for one in document["alerts"]:
                found.messages.append((time.time(), channel, one["status"], one["labels"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Source:
    """Sends what fires to all Alertmanagers again and again, and ends for a while."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._alerts: dict[str, dict[str, Any]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def fire(self, name: str, exchange: str, severity: str = "critical", **labels: str) -> None:
        key = f"{name} {exchange} {labels}"
        found = {"alertname": name, "exchange": exchange, "severity": severity}
        self._alerts[key] = {
            "labels": {**found, "area": "availability", **labels},
            "annotations": {"summary": f"{exchange} is down"},
            "startsAt": _rfc3339(time.time()),
        }
        self._send()

    def end(self) -> None:
        """Everything is well again."""
        for one in self._alerts.values():
            one.setdefault("endsAt", _rfc3339(time.time()))
        self._send()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.4):
            self._send()

    def _send(self) -> None:
        lifetime = _rfc3339(time.time() + 4)
        alerts = [{"endsAt": lifetime, **one} for one in list(self._alerts.values())]
        for url in self._urls:
            try:
                if alerts:
                    post(f"{url}/api/v2/alerts", alerts)
            except OSError:
                pass  # it was killed


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@dataclass
class Stack:
    """Everything together. Processes can be killed and started again."""

    folder: Path
    sink: Sink
    mode: str
    peers: list[tuple[int, int]]  # web and cluster port
    port: int
    options: dict[str, str]
    providers: str = ""  # what the receiver's configuration says of them
    alertmanagers: list[Process] = field(default_factory=list)
    receiver: Process | None = None

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port, _ in self.peers]

    @property
    def receiver_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write_config(self, **changes: str) -> None:
        """The configuration of the Alertmanagers."""
        self.options |= changes
        text = CONFIG.format(sink=self.sink.url, receiver=self.receiver_url, **self.options)
        (self.folder / "alertmanager.yml").write_text(text, encoding="utf-8")

    def start_alertmanager(self, number: int) -> Process:
        web, cluster = self.peers[number]
        binary = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        assert binary, "Alertmanager is not installed (Debian's package prometheus-alertmanager)"
        command = [
            binary,
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / f'data{number}'}",
            f"--web.listen-address=127.0.0.1:{web}",
            "--cluster.gossip-interval=50ms",
            "--cluster.pushpull-interval=500ms",
            "--cluster.peer-timeout=500ms",
            "--cluster.reconnect-interval=500ms",
        ]
        if len(self.peers) > 1:
            command += [
                f"--cluster.listen-address=127.0.0.1:{cluster}",
                f"--cluster.advertise-address=127.0.0.1:{cluster}",
                *(f"--cluster.peer=127.0.0.1:{port}" for _, port in self.peers if port != cluster),
            ]
        else:
            command.append("--cluster.listen-address=")
        process = Process(command, self.folder / f"alertmanager{number}-{time.monotonic_ns()}.log")
        url = f"http://127.0.0.1:{web}/-/ready"
        until(lambda: reachable(url), f"Alertmanager does not start: {process.output}")
        return process

    def start_receiver(self) -> Process:
        (self.folder / "token").write_text("hush-hush\n", encoding="utf-8")
        file = self.folder / "receiver.yml"
        text = RECEIVER.format(alertmanagers=", ".join(self.urls)) + self.providers
        file.write_text(text, encoding="utf-8")
        module = [sys.executable, "-m", "tests.receiver.running"]
        command = [*module, str(file), f"127.0.0.1:{self.port}", self.mode]
        process = Process(command, self.folder / f"receiver-{time.monotonic_ns()}.log")
        process.url()
        return process

    def kill_receiver(self) -> None:
        assert self.receiver
        self.receiver.stop(signal.SIGKILL)

    def stop(self) -> None:
        for process in [*self.alertmanagers, self.receiver]:
            if process:
                process.stop(signal.SIGKILL)


@contextmanager
def stack(
    folder: Path, peers: int = 1, mode: str = "fast", providers: str = "", **options: str
) -> Iterator[tuple[Stack, Source]]:
    """Alertmanagers, a receiver and a source; ``options`` go into the configuration."""
    defaults = {
        "group_interval": "1s",
        "repeat_interval": "24h",
        "group_by": "exchange",
        "derived": "analysis",
    }
    with ExitStack() as cleanup:
        channels = cleanup.enter_context(sink())
        ports = [(free_port(), free_port()) for _ in range(peers)]
        settings = {**defaults, **options}
        found = Stack(folder, channels, mode, ports, free_port(), settings, providers)
        cleanup.callback(found.stop)
        found.write_config()
        for number in range(peers):
            found.alertmanagers.append(found.start_alertmanager(number))
        found.receiver = found.start_receiver()
        source = Source(found.urls)
        cleanup.callback(source.close)
        yield found, source
