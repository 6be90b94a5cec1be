"""Whether sources still fire, and what Alertmanagers are told."""

from __future__ import annotations

import pytest

from exporter.receiver.derived import Derived, timestamp
from exporter.receiver.reconcile import Findings, Held, Look, compare, posts
from exporter.receiver.settings import Settings
from tests.receiver.running import NOW

SETTINGS = Settings(resend_delay=60.0, close_after=2)
OLD, YOUNG = 1000.0, 100.0


def look(uptime: float, *fingerprints: str) -> Look:
    """What an Alertmanager lists."""
    return Look("http://a", uptime, frozenset(fingerprints))


@pytest.mark.parametrize(
    ("misses", "looks", "expected"),
    [
        (0, [look(OLD, "f")], Findings(present=frozenset("f"))),
        (0, [look(OLD)], Findings(missed=frozenset("f"))),
        (1, [look(OLD)], Findings(ended=frozenset("f"))),
        (1, [look(YOUNG)], Findings()),
        (1, [look(YOUNG), look(OLD)], Findings(ended=frozenset("f"))),
        (1, [look(YOUNG, "f"), look(OLD)], Findings(present=frozenset("f"))),
        (1, [look(OLD), look(OLD, "f")], Findings(present=frozenset("f"))),
        (1, [], Findings()),
    ],
    ids=[
        "there",
        "missed once",
        "missed twice",
        "just restarted",
        "one of two restarted",
        "only the young one knows",
        "only one has it",
        "nobody answers",
    ],
)
def test_only_what_all_miss_again_and_again_is_over(
    misses: int, looks: list[Look], expected: Findings
) -> None:
    """A restarted Alertmanager knows nothing until Prometheus sends again."""
    assert compare({"f": misses}, frozenset(), looks, SETTINGS) == expected


def test_what_is_doubted_is_revived_only_if_it_is_there() -> None:
    """Late news of a peer are not."""
    found = compare({}, frozenset({"a", "b"}), [look(OLD, "a")], SETTINGS)
    assert found.revived == {"a"}


def test_open_alerts_live_four_heartbeats_and_ends_are_repeated_for_five_minutes() -> None:
    """Never with an end in the future, which Alertmanager would take for a life."""
    derived = Derived({"alertname": "A"}, {}, NOW)

    def end_of(held: Held, now: float) -> object:
        found = posts([held], now, 30.0)
        return found[0]["endsAt"] if found else None

    assert end_of(Held(derived), NOW + 9) == timestamp(NOW + 129)
    assert end_of(Held(derived, NOW + 50), NOW + 60) == timestamp(NOW + 50)
    assert end_of(Held(derived, NOW + 50), NOW + 40) == timestamp(NOW + 40)
    assert end_of(Held(derived, NOW + 50), NOW + 351) is None


def test_a_bounded_alert_never_outlives_its_bound() -> None:
    """Whatever the heartbeat."""
    derived = Derived({"alertname": "A"}, {}, NOW, expires=NOW + 100)
    (found,) = posts([Held(derived)], NOW + 9, 30.0)
    assert found["endsAt"] == timestamp(NOW + 100)
