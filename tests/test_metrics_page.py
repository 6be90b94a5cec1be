"""docs/metrics.md and the declarations it comes from."""

from __future__ import annotations

import re

from docs.metrics_page import REASONS, SKIPS, document
from exporter.core.model import Reason, SkipReason
from exporter.metrics import FAMILIES
from exporter.metrics.families import LATENCY_BUCKETS


def test_every_family_has_one_heading() -> None:
    """The page has a heading, and so an anchor, for each metric and for nothing else."""
    headings = re.findall(r"^### (\w+)$", document(), re.MULTILINE)

    assert sorted(headings) == sorted(family.name for family in FAMILIES)


def test_the_page_names_no_metric_that_is_not_declared() -> None:
    """Advice that mentions a metric must not outlive it."""
    named = set(re.findall(r"\b(?:exchange|probe)_[a-z_]+", document()))

    assert named <= {family.name for family in FAMILIES}


def test_every_reason_is_explained() -> None:
    """The closed sets of reasons are explained as a whole."""
    assert REASONS.keys() == set(Reason)
    assert SKIPS.keys() == set(SkipReason)


def test_buckets_ascend_and_have_an_edge_at_the_default_timeout() -> None:
    """A timeout must not hide between the last edge and infinity."""
    assert list(LATENCY_BUCKETS) == sorted(set(LATENCY_BUCKETS))
    assert LATENCY_BUCKETS[-1] == 10.0
