"""Real processes for the end-to-end tests: the exporter, the simulator, Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_URL = re.compile(r"look at (https?://\S+?)/?$", re.MULTILINE)


class Process:
    """A running command; what it printed so far is in ``output``."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        with log.open("wb") as stream:
            self.popen = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def url(self) -> str:
        """The first URL that the process says to look at."""

        def said() -> str | None:
            assert self.popen.poll() is None, self.output
            match = _URL.search(self.output)
            return match[1] if match else None

        found: str = until(said, f"no URL in {self.log}")
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process by a signal; returns its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(15)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise


def until(found: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Ask until there is an answer. Another process has no clock that could be passed in."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (result := found()) is not None:
            return result
        time.sleep(0.05)
    raise AssertionError(what)


@contextmanager
def exporter(folder: Path, *arguments: str, name: str = "exporter") -> Iterator[Process]:
    """``exchange-exporter ARGUMENTS`` as a process of its own."""
    command = [sys.executable, "-m", "exporter", *arguments]
    process = Process(command, folder / f"{name}-{time.monotonic_ns()}.log")
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def prometheus(folder: Path, config: str, name: str = "prometheus") -> Iterator[str]:
    """A Prometheus server with this configuration; yields its URL."""
    with prometheus_process(folder, config, name) as (_, url):
        yield url


@contextmanager
def prometheus_process(folder: Path, config: str, name: str) -> Iterator[tuple[Process, str]]:
    """The same, with its process for those who want to kill it."""
    binary = shutil.which("prometheus")
    assert binary, "prometheus is not installed (Debian's package prometheus)"
    (folder / f"{name}.yml").write_text(config, encoding="utf-8")
    port = free_port()
    command = [
        binary,
        f"--config.file={folder / name}.yml",
        f"--storage.tsdb.path={folder / name}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = Process(command, folder / f"{name}.log")
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: reachable(f"{url}/-/ready"), f"{name} does not start: {process.output}")
        yield process, url
    finally:
        process.stop()


@contextmanager
def alertmanager_process(
    folder: Path, config: Path, port: int, *arguments: str
) -> Iterator[tuple[Process, str]]:
    """An Alertmanager with this configuration; its data stand in the folder."""
    command = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder}/alertmanager-{port}",
        f"--web.listen-address=127.0.0.1:{port}",
        *(arguments or ("--cluster.listen-address=",)),
    ]
    process = Process(command, folder / f"alertmanager-{port}.log")
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: reachable(f"{url}/-/ready"), f"no Alertmanager: {process.output}")
        yield process, url
    finally:
        process.stop()


def free_port() -> int:
    """A port that nobody listens on: Prometheus does not say which one it took for port 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reachable(url: str) -> bool | None:
    """True when the URL answers 200, else None."""
    try:
        return get(url)[0] == 200 or None
    except OSError:
        return None


def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Status and text of a GET."""
    return _ask(urllib.request.Request(url, headers=dict(headers or {})))


def post(url: str, document: object = None) -> tuple[int, str]:
    """Status and text of a POST of a JSON document."""
    data = json.dumps(document).encode() if document is not None else b""
    headers = {"Content-Type": "application/json"}
    return _ask(urllib.request.Request(url, data=data, headers=headers, method="POST"))


def _ask(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def query(server: str, expression: str) -> list[tuple[dict[str, str], float]]:
    """An instant query: labels and value of every series."""
    status, text = get(f"{server}/api/v1/query?query={urllib.parse.quote(expression)}")
    assert status == 200, text
    return [
        (sample["metric"], float(sample["value"][1]))
        for sample in json.loads(text)["data"]["result"]
    ]
