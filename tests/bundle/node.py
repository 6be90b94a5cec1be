"""Modules of TypeScript: checked and run by what tests/run installs beside Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PREFIX = Path(sys.prefix)
PACKAGES = PREFIX / "schemas" / "node_modules"
STRICT = (
    "--strict", "--noEmit", "--skipLibCheck", "--allowImportingTsExtensions", "--types", "",
    "--target", "esnext", "--module", "esnext", "--moduleResolution", "bundler",
)  # fmt: skip


def write(folder: Path, sources: Mapping[str, str]) -> list[Path]:
    """Each module (name -> source) in a file, where it finds the packages."""
    assert PACKAGES.is_dir(), "tests/run installs them"
    (folder / "node_modules").symlink_to(PACKAGES)
    files = [folder / f"{name}.mts" for name in sources]
    for file, source in zip(files, sources.values(), strict=True):
        file.write_text(source, encoding="utf-8")
    return files


def type_errors(*files: Path) -> list[str]:
    """What the compiler has against modules, a line for each error."""
    output = run(PACKAGES / "typescript" / "bin" / "tsc", *STRICT, *files)
    return [line for line in output.splitlines() if not line.startswith(" ")]


def run(*arguments: str | Path) -> str:
    """What Node.js says if it fails."""
    command = [PREFIX / "bin" / "node", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() if done.returncode else ""
