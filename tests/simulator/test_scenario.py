"""Scenario files, and the stories that they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config.document import parse_document
from exporter.config.errors import ConfigError
from exporter.simulator import Simulation, load_scenario
from exporter.simulator.scenario import Scenario, Story, read_scenario, shipped
from tests.simulator.support import NOW, Clock, catalog

STORY = """
title: A story
about: Something happens.
length: 5m
steps:
  - {at: 30s, for: 2m, exchange: okx, endpoint: depth, fault: stale, seconds: 90, note: Old.}
  - {at: 1m, exchange: "*", fault: drop, share: 0.5}
"""


def scenario(text: str = STORY) -> Scenario:
    return read_scenario(parse_document(text, "story.yml"), "story")


def simulation() -> Simulation:
    return Simulation(catalog(), now=Clock())


def names_at(story: Story, time: float) -> list[str]:
    return [fault.name for fault in story.faults_at(time)]


@pytest.mark.parametrize("name", shipped())
def test_shipped_scenarios_can_be_played(name: str) -> None:
    """On one port, with nothing but the catalog."""
    told = load_scenario(name)
    assert list(told.problems(simulation().places)) == []
    assert told.title
    assert told.about


def test_shipped_stories() -> None:
    """The six that everybody needs."""
    assert set(shipped()) >= {
        *("calm-day", "one-exchange-down", "slow-degradation", "stale-books"),
        *("rate-limit-storm", "network-partition"),
    }


def test_faults_follow_the_time() -> None:
    """A step lasts as long as it says, or to the end of the story."""
    story = Story.begin(scenario(), simulation().places, NOW)
    assert [names_at(story, t) for t in (29, 30, 60, 149, 150, 299, 300)] == [
        *([], ["stale"], ["stale", "drop"], ["stale", "drop"], ["drop"], ["drop"], [])
    ]


def test_speed_compresses_the_story_and_not_the_faults() -> None:
    """Four times as fast: the steps come sooner, a fault of 90 s is one of 90 s."""
    story = Story.begin(scenario(), simulation().places, NOW, speed=4)
    stale = story.faults[0]
    assert (stale.since, stale.until) == (NOW + 7.5, NOW + 37.5)
    assert stale.number("seconds") == 90
    assert (story.time(NOW + 10), story.time(NOW + 1000)) == (40, 300)
    assert names_at(story, 40) == ["stale"]


def test_a_story_and_faults_asked_for_come_together() -> None:
    """Ending the latter leaves the story alone."""
    clock = Clock()
    playing = Simulation(catalog(), now=clock)
    playing.play(scenario())
    playing.set_faults([{"exchange": "kraken", "fault": "hang"}])
    clock.now += 40
    assert [fault.name for fault in playing.in_force] == ["hang", "stale"]
    playing.end_faults()
    assert [fault.name for fault in playing.in_force] == ["stale"]
    assert playing.faults == ()


STEP = "title: T\nabout: A\nlength: 1m\nsteps:\n  - {at: 10s, "
NONSENSE = [
    ("title: T\nlength: 1m\n", "story.yml:1: $: 'about' is a required property"),
    ("title: T\nabout: A\nlength: soon\n", "story.yml:3: $.length: 'soon' is not a duration"),
    ("title: T\nabout: A\nlength: 1m\nstep: []\n", "story.yml:4: $.step: unknown key"),
    (STEP + "exchange: okx}", "story.yml:5: $.steps[0]: 'fault' is a required property"),
    (STEP + "for: 2m, exchange: okx, fault: drop}", "story.yml:5: $.steps[0]: goes on after"),
    (STEP + "exchange: mtgox, fault: drop}", "story.yml:5: $.steps[0].exchange: must be one of"),
    (STEP + "exchange: okx, fault: gone}", "story.yml:5: $.steps[0].fault: must be one of"),
    (STEP + "exchange: okx, fault: drop, ms: 1}", "story.yml:5: $.steps[0].ms: drop has no such"),
    (STEP + "exchange: okx, fault: hang, seconds: [1]}", "story.yml:5: $.steps[0].seconds: [1]"),
    (STEP + "exchange: okx, fault: refused}", "story.yml:5: $.steps[0].fault: refused needs the"),
]


@pytest.mark.parametrize(("text", "problem"), NONSENSE, ids=[p for _, p in NONSENSE])
def test_nonsense_is_told_with_file_and_line(text: str, problem: str) -> None:
    """In the schema, in the times, and in what the faults take."""
    try:
        found = list(scenario(text).problems(simulation().places))
    except ConfigError as error:
        found = list(error.problems)
    assert [str(one)[: len(problem)] for one in found] == [problem]


def test_a_scenario_of_ones_own(tmp_path: Path) -> None:
    """A file is found by its path; a name that nobody knows is told with those that ship."""
    file = tmp_path / "mine.yml"
    file.write_text(STORY, encoding="utf-8")
    assert load_scenario(str(file)).name == "mine"
    with pytest.raises(ConfigError, match=r"no such file, nor a scenario that ships.*calm-day"):
        load_scenario("mine")
