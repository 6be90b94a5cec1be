"""A channel's habit: what silence is usual."""

from __future__ import annotations

import random

import pytest

from exporter.core.rhythm import Rhythm


def beating(gaps: list[float]) -> tuple[Rhythm, float]:
    """A rhythm after messages with these gaps, and the time of the last one."""
    rhythm, now = Rhythm(), 1000.0
    for gap in gaps:
        now += gap
        rhythm.beat(now)
    return rhythm, now


def test_a_busy_channel_is_not_allowed_ten_seconds() -> None:
    """Ten messages a second for a minute: five seconds are the most."""
    rhythm, now = beating([0.1] * 600)

    assert rhythm.allowed(600.0) == 5.0
    assert rhythm.rate(now) == pytest.approx(10.0, rel=0.05)


def test_a_quiet_channel_may_be_quiet() -> None:
    """A trade every minute and a half: the catalog's bound holds."""
    rhythm, _ = beating([90.0] * 200)

    assert rhythm.allowed(300.0) == 300.0


def test_a_channel_is_unknown_at_first() -> None:
    """Until a hundred messages came the catalog's bound holds."""
    rhythm, _ = beating([0.1] * 99)

    assert rhythm.allowed(60.0) == 60.0


def test_bursts_do_not_hide_the_pauses_between_them() -> None:
    """A hundred messages at once every twenty seconds: twenty seconds of silence are usual."""
    rhythm, _ = beating(([20.0] + [0.01] * 100) * 20)

    assert rhythm.allowed(600.0) > 60.0


def test_one_outage_does_not_spoil_the_habit() -> None:
    """After an hour of silence a busy channel is still not allowed long ones."""
    rhythm, _ = beating([0.1] * 1000 + [3600.0] + [0.1] * 1000)

    assert rhythm.allowed(600.0) < 10.0


def test_the_rate_fades_with_silence() -> None:
    """Nobody speaks: the rate goes to zero."""
    rhythm, now = beating([0.1] * 600)

    assert rhythm.rate(now + 600.0) < 0.01
    assert Rhythm().rate(5.0) == 0.0


@pytest.mark.parametrize("rate", [0.2, 1.0, 20.0])
def test_chance_alone_is_no_silence(rate: float) -> None:
    """Ten thousand messages of a Poisson process never exceed what is allowed."""
    chance = random.Random(7)
    rhythm, now = Rhythm(), 0.0
    for _ in range(10_000):
        gap = chance.expovariate(rate)
        assert gap <= rhythm.allowed(300.0)
        now += gap
        rhythm.beat(now)
