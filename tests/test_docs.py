"""Pages and code name the same things."""

from __future__ import annotations

import contextlib
import functools
import io
import re
from pathlib import Path

import pytest

from docs.generate import pages
from exporter.cli import main
from exporter.config.loader import load_config
from exporter.config.plan import build_plan
from exporter.core.checks import CHECKS
from exporter.core.model import Reason, SkipReason
from exporter.metrics import FAMILIES
from exporter.receiver.metrics import FAMILIES as OF_THE_RECEIVER
from tests.test_cli import COMMANDS

ROOT = Path(__file__).parents[1]
PROSE = sorted(
    file
    for file in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "build" for part in file.relative_to(ROOT).parts)
)
FLAG = re.compile(r"(?<![\w-])--[a-z]+(?:[.-][a-z]+)*")
OTHERS = {
    *("--quiet", "--since", "--tail", "--label", "--namespace"),  # pip, docker, kubectl
    *("--alertmanager.url", "--cluster.peer-timeout", "--rules.alert.resend-delay"),
    *("--prometheus", "--range", "--output", "--var"),  # python -m dashboards.pictures
}
METRIC = re.compile(r"(?<![:\w])(?:exchange|probe)_[a-z0-9_]+\b(?!:)")
"""Not in the middle of the name of a recording rule, which has colons."""


def page_id(file: Path) -> str:
    """How a test calls a page."""
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_generated_page_is_fresh(page: str) -> None:
    """Otherwise run python -m docs.generate."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == pages()[page]


@pytest.mark.parametrize("file", PROSE, ids=page_id)
def test_every_metric_that_is_named_is_declared(file: Path) -> None:
    """And spelt as it is exported."""
    declared = {
        name for family in (*FAMILIES, *OF_THE_RECEIVER) for name in (family.name, *family.series)
    }
    named = set(METRIC.findall(file.read_text(encoding="utf-8")))
    assert named - declared - {"exchange_exporter"} == set()


def test_the_pages_of_metrics_and_checks_know_all_reasons_and_checks() -> None:
    """A new enum member or check needs a word in the pages."""
    checks = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for check in CHECKS:
        assert f"## {check}\n" in checks
    for reason in (*Reason, *SkipReason):
        assert f"`{reason}`" in metrics


@pytest.mark.parametrize("file", PROSE, ids=page_id)
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    """Files and folders of this repository."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text(encoding="utf-8"))
    for link in links:
        assert (file.parent / link).exists(), link


@pytest.mark.parametrize("file", PROSE, ids=page_id)
def test_every_flag_that_is_named_exists(file: Path) -> None:
    """As some command of ours spells it; those of other programs are known here."""
    named = set(FLAG.findall(file.read_text(encoding="utf-8")))
    assert named - offered_flags() - OTHERS == set()


@functools.cache
def offered_flags() -> set[str]:
    """The flags of all commands."""
    found = set()
    for command in COMMANDS:
        with contextlib.redirect_stdout(io.StringIO()) as said, pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        found |= set(FLAG.findall(said.getvalue()))
    return found


def test_the_example_of_a_configuration_can_be_copied(tmp_path: Path) -> None:
    """From the page, as it stands there."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert example
    file = tmp_path / "exporter.yml"
    file.write_text(example[1], encoding="utf-8")
    assert build_plan(load_config(file, {})).exchanges.keys() == {"binance", "bybit"}
