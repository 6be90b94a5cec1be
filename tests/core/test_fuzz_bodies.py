"""No exception ever escapes from an answer, whatever is in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings

from tests.core.fuzz_bodies import (
    Body,
    bodies,
    headers,
    healthy,
    is_our_fault,
    judge_body,
    plan,
    samples,
)


@pytest.mark.parametrize("target", plan().targets)
def test_what_is_mutated_is_healthy(target: str) -> None:
    """The first of the two answers is accepted; the second is the same and may be called stale."""
    first, _ = judge_body(target, 200, json.dumps(healthy()[target]).encode(), {})
    assert not is_our_fault(first)
    assert {verdict.check for verdict in first.verdicts if not verdict.ok} <= {
        *("freshness", "clock_skew", "book", "trades")
    }


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(bodies(), headers())
def test_no_exception_escapes(answer: Body, told: dict[str, str]) -> None:
    """Neither as an exception nor as a failure that is our own fault."""
    assert not any(map(is_our_fault, judge_body(*answer, told)))


def test_what_was_found_stays_mended() -> None:
    """Bodies that something escaped from once."""
    for name, answer in samples():
        assert not any(map(is_our_fault, judge_body(*answer, {}))), name
