"""Mistakes on the command line: one clear line each, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OKX = "exchanges: {okx: {endpoints: [time]}}\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``exchange-exporter ARGUMENTS`` until it ends by itself."""
    command = [sys.executable, "-m", "exporter", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


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
