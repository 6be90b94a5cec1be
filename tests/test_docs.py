"""Pages and code name the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import pages
from exporter.cli import main
from exporter.core.checks import CHECKS
from exporter.core.model import Reason, SkipReason
from exporter.metrics import FAMILIES
from exporter.receiver.metrics import FAMILIES as OF_THE_RECEIVER

ROOT = Path(__file__).parents[1]
PROSE = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
METRIC = re.compile(r"\b(?:exchange|probe)_[a-z0-9_]+")


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_generated_page_is_fresh(page: str) -> None:
    """Otherwise run python -m docs.generate."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == pages()[page]


@pytest.mark.parametrize("file", PROSE, ids=lambda file: file.name)
def test_every_metric_that_is_named_is_declared(file: Path) -> None:
    """And spelt as it is exported."""
    declared = {
        name for family in (*FAMILIES, *OF_THE_RECEIVER) for name in (family.name, *family.series)
    }
    named = set(METRIC.findall(file.read_text(encoding="utf-8")))
    assert named - declared - {"exchange_exporter"} == set()


def test_the_glossary_and_the_checks_page_know_all_reasons_and_checks() -> None:
    """A new enum member or check needs a word in the pages."""
    checks = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for check in CHECKS:
        assert f"## {check}\n" in checks
    for reason in (*Reason, *SkipReason):
        assert f"`{reason}`" in metrics


@pytest.mark.parametrize("file", PROSE, ids=lambda file: file.name)
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    """Files and folders of this repository."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text(encoding="utf-8"))
    for link in links:
        assert (file.parent / link).exists(), link


def test_every_flag_of_the_readme_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """As the command line spells it."""
    named = set(re.findall(r"--[a-z]+\.[a-z.-]+", (ROOT / "README.md").read_text(encoding="utf-8")))
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    offered = set(re.findall(r"--[a-z]+\.[a-z.-]+", capsys.readouterr().out))
    assert named <= offered
