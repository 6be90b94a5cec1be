"""The demonstration: exporter and simulator in one process, with a story."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import Process, exporter, get, until

ARGUMENTS = (
    *("demo", "--web.listen-address=127.0.0.1:0", "--simulator.listen-address=127.0.0.1:0"),
)
STORY = """
title: A refusal
about: Nobody listens at OKX.
length: 1h
steps:
  - {at: 0s, exchange: okx, fault: refused}
"""


def test_a_story_shows_without_any_scraper(tmp_path: Path) -> None:
    """OKX refuses connections on its own port; the demonstration probes by itself and sees it."""
    (tmp_path / "story.yml").write_text(STORY, encoding="utf-8")
    with exporter(tmp_path, *ARGUMENTS, f"--scenario={tmp_path}/story.yml", "--speed=2") as demo:
        url = demo.url()
        page: str = until(lambda: _when_okx_fails(url), f"the story does not show: {demo.output}")
        assert page.count("<h2>Kraken</h2>") == 1
        for word in ("rate_limited", "timeout", "tls", "invalid_data", "stale_data"):
            assert f"<b>{word}</b>" not in page


def _when_okx_fails(url: str) -> str | None:
    """The landing page, once it tells of a refused connection."""
    page = get(f"{url}/")[1]
    return page if "<b>connect</b>" in page and "connection refused" in page else None


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--web.listen-address=TAKEN"],
        ["demo", "--web.listen-address=TAKEN", "--simulator.listen-address=127.0.0.1:0"],
        ["demo", "--web.listen-address=127.0.0.1:0", "--simulator.listen-address=TAKEN"],
        ["simulate", "--web.listen-address=TAKEN"],
        ["receiver", "--web.listen-address=TAKEN"],
    ],
    ids=lambda it: " ".join(it),
)
def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    """And what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "exporter", *arguments[:1]]
            + [it.replace("TAKEN", f"127.0.0.1:{port}") for it in arguments[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("cannot listen: ")
    assert str(port) in last
    assert "Traceback" not in done.stderr


def test_an_unknown_story_is_told_with_those_that_ship(tmp_path: Path) -> None:
    """Exit code 2 and what could have been meant."""
    command = [sys.executable, "-m", "exporter", *ARGUMENTS, "--scenario=nonsense"]
    process = Process(command, tmp_path / "demo.log")
    assert process.popen.wait(30) == 2
    assert "nonsense: no such file, nor a scenario that ships" in process.output
    assert "rate-limit-storm" in process.output
