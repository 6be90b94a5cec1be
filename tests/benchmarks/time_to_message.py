"""How long it takes from a fault to a message, at the intervals that ship.

    python -m tests.benchmarks.time_to_message

Simulator, exporter, Prometheus and Alertmanager run with the shipped files for ten minutes of calm;
then one exchange refuses connections, one bans us and one serves an old book. Printed is, for each,
when Prometheus knew of a failing probe, when the alert was pending, when it fired, and when the
channel was told: seconds after the fault.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bundle.alertmanager import enabled, install
from tests.bundle.rules import RULES
from tests.e2e.channels import Channels, channels
from tests.e2e.processes import (
    alertmanager_process,
    exporter,
    free_port,
    post,
    prometheus,
    query,
    until,
)

FAULTS = {
    "okx": ("ExchangeDown", {"fault": "refused"}),
    "binance_usdm": ("ExchangeBanned", {"fault": "banned"}),
    "bybit": ("ExchangeDataStale", {"fault": "stale", "endpoint": "depth"}),
}
STAGES = ("failing", "pending", "firing", "told")
ADDRESSES = ("--web.listen-address=127.0.0.1:0", "--simulator.listen-address=127.0.0.1:0")


def main(calm: float) -> None:
    """Run once and print one line an exchange."""
    with tempfile.TemporaryDirectory() as name, channels() as told:
        folder = Path(name)
        text = enabled("webhook").replace("http://localhost:8080", told.url)
        file = install(folder, text)
        with (
            alertmanager_process(folder, file, free_port()) as (_, alertmanager),
            exporter(folder, "demo", *ADDRESSES) as demo,
        ):
            url = demo.url()
            marker = "simulated exchanges: "
            until(lambda: marker in demo.output or None, "no simulator")
            simulator = demo.output.split(marker)[1].split()[0].rstrip("/")
            config = (RULES / "prometheus.yml").read_text(encoding="utf-8")
            config = config.replace("localhost:9927", url.removeprefix("http://"))
            config = config.replace("localhost:9093", alertmanager.removeprefix("http://"))
            for kind in ("recording", "alerts"):
                config = config.replace(f"- {kind}/", f"- {RULES}/{kind}/")
            with prometheus(folder, config) as server:
                time.sleep(calm)
                found = measure(simulator, server, told)
    for exchange, seen in found.items():
        times = ", ".join(f"{stage} {seen[stage]:.0f} s" for stage in STAGES if stage in seen)
        print(f"{FAULTS[exchange][0]:18} {exchange:13} {times}")


def measure(simulator: str, server: str, told: Channels) -> dict[str, dict[str, float]]:
    """Set the faults; exchange -> stage -> seconds since."""
    faults = [{"exchange": exchange, **fault} for exchange, (_, fault) in FAULTS.items()]
    assert post(f"{simulator}/faults", faults)[0] == 200
    began = time.monotonic()
    found: dict[str, dict[str, float]] = {exchange: {} for exchange in FAULTS}
    while time.monotonic() - began < 900 and not all("told" in seen for seen in found.values()):
        for exchange, (alert, _) in FAULTS.items():
            for stage in STAGES:
                if stage not in found[exchange] and reached(stage, exchange, alert, server, told):
                    found[exchange][stage] = time.monotonic() - began
        time.sleep(0.5)
    return found


def reached(stage: str, exchange: str, alert: str, server: str, told: Channels) -> bool:
    """Whether an alert has come so far."""
    if stage == "told":
        bodies = [message.body for message in told.messages]
        return any(
            one["labels"].get("alertname") == alert and one["labels"].get("exchange") == exchange
            for body in bodies
            for one in body["alerts"]
        )
    if stage == "failing":
        return bool(query(server, f'probe_success{{exchange="{exchange}"}} == 0'))
    wanted = f'ALERTS{{alertname="{alert}",exchange="{exchange}",alertstate="{stage}"}}'
    return bool(query(server, wanted))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)
