"""Zero false verdicts: nothing ever fails where nothing is wrong."""

from __future__ import annotations

from exporter.core.model import SkipReason
from exporter.simulator.scenario import load_scenario
from tests.runner.virtual import run
from tests.simulator.inprocess import SimulatedWorld, plan_of


def test_two_hours_of_a_calm_day_give_no_false_verdict() -> None:
    """No failure, no failing check, no refusal and no block, on any endpoint of any exchange."""

    async def day() -> SimulatedWorld:
        world = SimulatedWorld(plan_of())
        scenario = load_scenario("calm-day")
        world.simulation.play(scenario)
        await world.scrape(scenario.length)
        return world

    world = run(day())
    results = world.recorder.results
    assert {f"{r.target}: {r.failure.detail}" for r in results if r.failure} == set()
    assert {verdict for r in results for verdict in r.verdicts if not verdict.ok} == set()
    assert {r.observation.status for r in results} == {200}
    assert {str(r.target) for r in results} == set(world.plan.targets)
    # A small share of a small limit (Kraken: one request in 20 s) means waiting for our turn.
    assert {reason for _, reason in world.recorder.skips} <= {
        SkipReason.INTERVAL,
        SkipReason.BUDGET,
    }
