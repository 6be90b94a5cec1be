"""Dockerfile: what the package needs is in the context of its build, and copied."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from tests.bundle.rules import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
COPIED = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)


def admitted(path: PurePosixPath) -> bool:
    """Whether the context has this path: the last pattern that matches decides."""
    found = True
    for line in IGNORED:
        pattern = line.removeprefix("!")
        if any(each.match(pattern) for each in (path, *path.parents[:-1])):
            found = line.startswith("!")
    return found


def test_what_a_link_leads_to_is_copied_like_everything_else() -> None:
    """A link whose target is missing is left out of the package, without a word."""
    targets = [link.resolve() for link in (ROOT / "exporter").rglob("*") if link.is_symlink()]
    assert ROOT / "docs" / "runbooks" in targets
    copied = [source for line in COPIED for source in line.split()]
    for target in targets:
        path = PurePosixPath(target.relative_to(ROOT).as_posix())
        assert any(path.is_relative_to(source) for source in copied), path
        assert admitted(path), path


def test_everything_that_is_copied_is_in_the_context() -> None:
    """And secrets are not, nor what makes an image of this machine."""
    for source in (source for line in COPIED for source in line.split()):
        assert admitted(PurePosixPath(source)), source
        assert Path(ROOT / source).exists(), source
    for path in ("alertmanager/secrets/slack_url", ".venv/bin/python", "docs/metrics.md", ".git"):
        assert not admitted(PurePosixPath(path)), path
