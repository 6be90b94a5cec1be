"""One simulator for all end-to-end tests; every test sets the faults that it needs."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import processes


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running simulator."""
    folder = tmp_path_factory.mktemp("simulator")
    arguments = ("simulate", "--web.listen-address=127.0.0.1:0")
    with processes.exporter(folder, *arguments, name="simulator") as process:
        yield process.url()


@pytest.fixture
def simulator(simulator_process: str) -> Iterator[str]:
    """The URL of the simulator, free of faults before and after."""
    clear_faults(simulator_process)
    yield simulator_process
    clear_faults(simulator_process)


def clear_faults(simulator: str) -> None:
    """End all faults."""
    request = urllib.request.Request(f"{simulator}/faults", method="DELETE")
    with urllib.request.urlopen(request, timeout=10):
        pass


def write_config(folder: Path, simulator: str, text: str) -> Path:
    """A configuration file in which ``SIM`` stands for the simulator's URL."""
    file = folder / "exporter.yml"
    file.write_text(text.replace("SIM", simulator), encoding="utf-8")
    return file
