"""Mistakes on the command line: one clear line each, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
