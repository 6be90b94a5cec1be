"""Pictures of the boards: ``python -m dashboards.pictures --prometheus URL [UID ...]``.

Reads the boards as Grafana would, asks that Prometheus, draws HTML, and lets chromium make a PNG
of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from dashboards.drawing.data import Window, prometheus
from dashboards.drawing.page import page, size_of
from dashboards.drawing.png import smaller

FOLDER = Path(__file__).parent
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip


def options() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description="Pictures of the boards.", allow_abbrev=False)
    parser.add_argument("--prometheus", default="http://localhost:9090", metavar="URL")
    parser.add_argument("--range", default="30m", help="such as 30m, 6h, 2d")
    parser.add_argument("--end", type=float, default=time.time(), help="unix seconds; default: now")
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"), metavar="FOLDER")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="not All")
    parser.add_argument("--note", default="", help="what stands below the picture, too")
    parser.add_argument("uids", nargs="*", metavar="UID", help="default: all boards")
    return parser.parse_args()


def main() -> int:
    """Returns 0; failures are exceptions."""
    asked = options()
    length = float(asked.range[:-1]) * UNITS[asked.range[-1]]
    asked.output.mkdir(parents=True, exist_ok=True)
    chosen = dict(it.split("=", 1) for it in asked.var)
    when = f"{_time(asked.end - length)} to {_time(asked.end)}"
    for file in sorted(FOLDER.glob("*.json")):
        if asked.uids and file.stem not in asked.uids:
            continue
        board = choose(json.loads(file.read_text(encoding="utf-8")), chosen)
        text = page(
            board,
            lambda pixels: Window.of(asked.end, length, pixels),
            prometheus(asked.prometheus),
            when,
            asked.note,
        )
        picture(text, size_of(board), asked.output / f"{file.stem}.png")
        sys.stdout.write(f"{file.stem}\n")
    return 0


def choose(board: dict[str, Any], chosen: dict[str, str]) -> dict[str, Any]:
    """The board with these values of its variables."""
    for variable in board["templating"]["list"]:
        if variable["name"] in chosen:
            value = chosen[variable["name"]]
            variable["current"] = {"text": [value], "value": [value]}
    return board


def picture(text: str, size: tuple[int, int], output: Path) -> None:
    """Let chromium draw a page. Raises CalledProcessError if it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "board.html"
        source.write_text(text, encoding="utf-8")
        command = (
            *CHROMIUM,
            f"--user-data-dir={folder}/profile",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={output.resolve()}",
            source.as_uri(),
        )
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
    output.write_bytes(smaller(output.read_bytes()))


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M")


if __name__ == "__main__":
    sys.exit(main())
