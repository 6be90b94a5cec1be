"""From a fault of an exchange to one message, through everything that ships."""

from __future__ import annotations

import re
import signal
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from exporter.config.loader import shipped_catalog
from tests.bundle.alertmanager import enabled, faster, install
from tests.e2e.channels import channels
from tests.e2e.processes import (
    alertmanager_process,
    exporter,
    free_port,
    get,
    post,
    prometheus_process,
    query,
    until,
)
from tests.e2e.rehearsal import FACTOR, all_up, config, simulated

GOSSIP = 6.0
"""Seconds in which the second Alertmanager has waited for the first and learnt what it sent."""

ADDRESSES = ("--web.listen-address=127.0.0.1:0", "--simulator.listen-address=127.0.0.1:0")


def test_the_demonstration_starts_what_is_on_this_machine(tmp_path: Path) -> None:
    """Prometheus evaluates the shipped rules, Alertmanager gets its alerts, Ctrl-C ends all."""
    with exporter(tmp_path, "demo", "--stack", *ADDRESSES) as demo:
        said = until(
            lambda: re.search(r"Prometheus: (http://[^/]+)/alerts", demo.output), demo.output
        )
        prometheus = said[1]
        alertmanager = re.search(r"Alertmanager: (http://[^/]+)/", demo.output)
        assert alertmanager, demo.output
        number = len(shipped_catalog())
        until(lambda: len(_known(prometheus)) == number or None, "no status", 60)
        until(lambda: "ExchangeWatchdog" in _alerts(alertmanager[1]) or None, "no alert", 60)
        receiver = re.search(r"Receiver: (http://[^/]+)/", demo.output)
        assert receiver, demo.output
        assert get(f"{receiver[1]}/-/ready")[0] == 200
        assert demo.stop(signal.SIGINT) == 0
    for url in (prometheus, alertmanager[1], receiver[1]):
        assert _gone(url)


def _known(prometheus: str) -> list[tuple[dict[str, str], float]]:
    try:
        return query(prometheus, "exchange:status")
    except OSError:
        return []


def _alerts(alertmanager: str) -> str:
    try:
        return get(f"{alertmanager}/api/v2/alerts")[1]
    except OSError:
        return ""


def _gone(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return True
    return False


def test_two_of_everything_tell_once_while_one_of_each_is_killed(tmp_path: Path) -> None:
    """Two Prometheus servers, two Alertmanagers in a cluster: one message, and one at the end."""
    with ExitStack() as running:
        told = running.enter_context(channels())
        text = faster(enabled("webhook"), FACTOR).replace("http://localhost:8080", told.url)
        file = install(tmp_path, text)
        ports, peers = (free_port(), free_port()), (free_port(), free_port())
        alertmanagers = [
            running.enter_context(
                alertmanager_process(
                    tmp_path,
                    file,
                    port,
                    f"--cluster.listen-address=127.0.0.1:{peers[n]}",
                    f"--cluster.peer=127.0.0.1:{peers[1 - n]}",
                    "--cluster.peer-timeout=2s",
                    "--cluster.settle-timeout=2s",
                    "--cluster.gossip-interval=50ms",
                )
            )
            for n, port in enumerate(ports)
        ]
        simulator, url = running.enter_context(simulated(tmp_path))
        both = config(tmp_path, url, *(url for _, url in alertmanagers))
        servers = [
            running.enter_context(prometheus_process(tmp_path, both, name))
            for name in ("one", "two")
        ]
        for _, server in servers:
            until(partial(all_up, server), "not all exchanges are up", 60)
        fault = [{"exchange": "okx", "fault": "refused"}]
        assert post(f"{simulator}/faults", fault)[0] == 200
        until(lambda: told.of("page") or None, "nobody was told", 60)
        # Who is killed before the other one knows of the message cannot prevent a second one.
        time.sleep(GOSSIP)
        alertmanagers[0][0].stop(signal.SIGKILL)
        servers[0][0].stop(signal.SIGKILL)
        assert post(f"{simulator}/faults", [])[0] == 200
        until(lambda: len(told.of("page")) > 1 or None, "the end was not told", 120)
        page = [(message.headline, message.resolved) for message in told.of("page")]
        assert page == [("okx is down", False), ("okx is down", True)]
        assert told.refused == []
