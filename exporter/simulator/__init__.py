"""Fake exchanges, made from the catalog, that can be broken in every way that matters.

simulator = Simulator(catalog, seed=1)
base_url = await simulator.start()          # exchanges answer at {base_url}/{exchange}{path}
simulator.set_faults([{"exchange": "okx", "endpoint": "depth", "fault": "stale"}])
await simulator.close()
"""

from exporter.simulator.faults import FAULTS, FaultError
from exporter.simulator.server import Request, Simulator
from exporter.simulator.template import CatalogError

__all__ = ["FAULTS", "CatalogError", "FaultError", "Request", "Simulator"]
