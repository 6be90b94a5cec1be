"""What is analysed when, decided without a clock."""

from __future__ import annotations

import pytest

from exporter.receiver.coalesce import STORM, Case, Known, News, key_of, news, plan, retry_delay
from exporter.receiver.settings import Settings
from tests.receiver.running import NOW, alert

SETTINGS = Settings(debounce=2.0, storm=4)


def case(number: int, waiting_since: float | None = NOW, **changes: object) -> Case:
    """An incident of an exchange of its own."""
    found = {"id": number, "key": key_of(str(number)), "exchange": str(number), "opened_at": NOW}
    return Case(**{**found, "waiting_since": waiting_since, **changes})  # type: ignore[arg-type]


STORMY = case(99, None, key=STORM, exchange="")


@pytest.mark.parametrize(
    ("known", "starts_at", "ends_at", "expected"),
    [
        (None, 0, None, News.NEW),
        (None, 0, 9, News.NONE),
        (Known(0, False), 0, None, News.SAME),
        (Known(0, False), 5, None, News.SAME),
        (Known(0, False), 0, 9, News.ENDED),
        (Known(5, False), 0, 9, News.NONE),
        (Known(0, True), 0, 9, News.NONE),
        (Known(0, True, guarded=NOW + 1), 0, None, News.DOUBTFUL),
        (Known(0, True, guarded=NOW - 1), 0, None, News.NEW),
        (Known(0, True, guarded=NOW + 1), 5, None, News.NEW),
    ],
    ids=[
        "first seen",
        "over before it was seen",
        "repeated",
        "started anew unnoticed",
        "over",
        "an old end",
        "over twice",
        "firing after resolved",
        "firing long after resolved",
        "fires again",
    ],
)
def test_what_a_notification_says(
    known: Known | None, starts_at: float, ends_at: float | None, expected: News
) -> None:
    """Peers of a cluster may repeat old news after newer ones."""
    assert news(known, alert(starts_at=starts_at, ends_at=ends_at), NOW) is expected


def test_an_incident_waits_for_company() -> None:
    """And no longer, however much comes."""
    assert plan([case(1)], NOW + 1, SETTINGS).analyse == ()
    assert plan([case(1)], NOW + 1, SETTINGS).next_at == NOW + 2
    assert plan([case(1)], NOW + 2, SETTINGS).analyse == (case(1),)


def test_after_a_failure_it_waits_longer() -> None:
    """Twice as long each time, a minute at most."""
    assert plan([case(1, retry_at=NOW + 9)], NOW + 5, SETTINGS).next_at == NOW + 9
    assert [retry_delay(n) for n in (1, 2, 3, 9)] == [2.0, 4.0, 8.0, 60.0]


def test_many_incidents_are_a_storm() -> None:
    """All that wait are told of by it; those that are not due yet as well."""
    cases = [case(1), case(2), case(3, NOW + 1.5), case(4, None, published=True)]
    found = plan(cases, NOW + 2, SETTINGS)
    assert found.open_storm
    assert found.absorbed == tuple(cases[:3])
    assert found.analyse == ()


def test_the_storm_is_analysed_in_place_of_its_members() -> None:
    """Those that come later are absorbed."""
    storm = case(99, NOW, key=STORM, exchange="")
    found = plan([storm, case(1, None), case(2, None), case(3, None), case(4)], NOW + 9, SETTINGS)
    assert found.analyse == (storm,)
    assert found.absorbed == (case(4),)


def test_a_storm_ends_when_fewer_than_half_are_left() -> None:
    """What was not told of on its own is then."""
    told = case(1, None, published=True)
    assert not plan([STORMY, told, case(2, None)], NOW, SETTINGS).close_storm
    found = plan([STORMY, case(2, None)], NOW, SETTINGS)
    assert found.close_storm
    assert found.released == (case(2, None),)
    assert plan([STORMY, told], NOW, SETTINGS).released == ()


def test_keys_are_ten_hex_digits_and_differ() -> None:
    """An exchange without a name is no storm."""
    keys = {key_of("okx"), key_of("bybit"), key_of(""), STORM}
    assert len(keys) == 4
    assert all(len(key) == 10 and int(key, 16) for key in keys)
