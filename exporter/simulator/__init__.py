"""Fake exchanges, made from the catalog, that can be broken in every way that matters.

simulator = Simulator(catalog, seed=1)
base_url = await simulator.start()          # exchanges answer at {base_url}/{exchange}{path}
simulator.set_faults([{"exchange": "okx", "endpoint": "depth", "fault": "stale", "for": 120}])
simulator.play(load_scenario("one-exchange-down"))
await simulator.close()

``Simulation`` is the same without sockets.
"""

from exporter.simulator.faults import FAULTS, FaultError
from exporter.simulator.scenario import load_scenario
from exporter.simulator.server import Simulator
from exporter.simulator.simulation import Request, Simulation, sample_problems
from exporter.simulator.template import CatalogError

__all__ = [
    "FAULTS",
    "CatalogError",
    "FaultError",
    "Request",
    "Simulation",
    "Simulator",
    "load_scenario",
    "sample_problems",
]
