"""Mistakes on the command line: one clear line each, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.web.address import ListenError, listening_on

ROOT = Path(__file__).parents[1]
OKX = "exchanges: {okx: {endpoints: [time]}}\n"


def run(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """``exchange-exporter ARGUMENTS`` in a folder, until it ends by itself."""
    command = [sys.executable, "-m", "exporter", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_what_loading_has_to_say_is_logged_as_asked(tmp_path: Path) -> None:
    """The state is read before the secrets that logs must mask are known."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text("nonsense")
    file = tmp_path / "exporter.yml"
    file.write_text(f"state: {{path: state}}\n{OKX}")
    ended = run(f"--config.file={file}", "--log.format=json", "--web.listen-address=nonsense")
    assert "state.json is corrupt" in json.loads(ended.stderr.splitlines()[0])["msg"]


def test_a_state_that_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    """Before anything is sent."""
    (tmp_path / "state").write_text("")
    file = tmp_path / "exporter.yml"
    file.write_text(f"state: {{path: state}}\n{OKX}")
    ended = run(f"--config.file={file}")
    told = f"{file}: $.state.path: cannot keep state in {tmp_path}/state: not a folder\n"
    assert (ended.returncode, ended.stderr) == (2, told)


@pytest.fixture
def catalog_with_a_typo(tmp_path: Path) -> Path:
    """A configuration with a catalog file in whose samples a variable is misspelt."""
    text = (ROOT / "exporter/catalog/kraken.yml").read_text(encoding="utf-8")
    (tmp_path / "kraken.yml").write_text(text.replace("$time:", "$tyme:", 1))
    file = tmp_path / "exporter.yml"
    file.write_text("catalog: [kraken.yml]\nexchanges: {kraken: {}}\n")
    return file


def test_a_misspelt_variable_of_a_sample_is_found(catalog_with_a_typo: Path) -> None:
    """In the catalog file and in a configuration that names it, with its line."""
    catalog = catalog_with_a_typo.parent / "kraken.yml"
    text = catalog.read_text(encoding="utf-8")
    line = text[: text.index("$tyme")].count("\n") + 1
    for file in (catalog, catalog_with_a_typo):
        ended = run("check-config", str(file))
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"{catalog}:{line}: $.endpoints.time.sample.")
        assert ended.stderr.endswith(": unknown variable $tyme:s\n")


def test_the_simulator_refuses_such_a_file_in_one_line(catalog_with_a_typo: Path) -> None:
    """And does not begin to listen."""
    listen = "--web.listen-address=127.0.0.1:0"
    ended = run("simulate", f"--config.file={catalog_with_a_typo}", listen)
    assert ended.returncode == 2
    assert ended.stderr.startswith("kraken.yml: $.endpoints.time.sample.")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("serve --web.listen-address=nosuch.invalid:9927", "nosuch.invalid:9927: "),
        ("serve --web.listen-address=192.0.2.1:9927", "192.0.2.1:9927: cannot assign"),
        ("receiver --web.listen-address=nosuch.invalid:9926", "nosuch.invalid:9926: "),
        ("simulate --web.listen-address=nosuch.invalid:9928", "nosuch.invalid:9928: "),
        (
            "simulate --web.listen-address=127.0.0.1:65535 --simulator.own-ports",
            "127.0.0.1:65536: ",
        ),
        ("demo --simulator.listen-address=127.0.0.1:65535", "127.0.0.1:65536: "),
    ],
)
def test_an_address_that_cannot_be_had_is_one_line(
    tmp_path: Path, arguments: str, told: str
) -> None:
    """With the flags that choose another, which every command has."""
    ended = run(*arguments.split(), folder=tmp_path)
    assert ended.returncode == 1, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"cannot listen: {told}")
    assert "Traceback" not in ended.stderr
    offered = run(*arguments.split()[:1], "--help").stdout
    flags = re.findall(r"--[a-z.-]+", last)
    assert "--web.listen-address" in flags
    assert all(f"{flag} " in offered for flag in flags)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(13, "error while attempting to bind on ..."), "permission denied"),
        (OverflowError("port must be 0-65535."), "port must be 0-65535."),
        (socket.gaierror(-2, "Name or service not known"), "name or service not known"),
        (UnicodeError("label too long"), "label too long"),
    ],
    ids=lambda it: type(it).__name__,
)
def test_whatever_keeps_us_from_listening_is_told_with_the_address(
    error: Exception, why: str
) -> None:
    """In a few words."""
    with pytest.raises(ListenError, match=f"^:80: {re.escape(why)}$"), listening_on(":80"):
        raise error


@pytest.mark.parametrize("text", ["abc", "0", "-1", "nan", "1e9"])
def test_a_number_that_is_none_is_told_in_our_words(text: str) -> None:
    """Not with the name of a function."""
    ended = run("probe", "okx/time", f"--timeout={text}")
    assert ended.returncode == 2
    assert f"--timeout: {text!r} is not a number between 0 and 3600" in ended.stderr
    ended = run("receiver", "eval", f"--repeat={text}")
    assert ended.returncode == 2
    assert f"--repeat: {text!r} is not a whole number between 1 and 100" in ended.stderr


COMMANDS = (
    *("serve", "check-config", "probe", "catalog", "demo", "simulate", "receiver"),
    *("receiver serve", "receiver replay", "receiver eval", "receiver preview"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_says_what_it_is_for(command: str) -> None:
    """In its own words; argparse puts them on the same line or the next."""
    text = run(*command.split(), "--help").stdout
    for flag in re.findall(r"^  (--.*(?:\n {8}.*)*)", text, re.MULTILINE):
        assert re.search(r"\S {2,}\S|\n {8}", flag), flag
