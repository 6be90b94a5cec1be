"""From a fault of an exchange to one message, through everything that ships."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import stack
from exporter.config.loader import shipped_catalog
from tests.bundle.alertmanager import enabled, faster, install
from tests.bundle.rules import ROOT
from tests.e2e.channels import channels
from tests.e2e.processes import (
    alertmanager_process,
    exporter,
    free_port,
    get,
    post,
    prometheus,
    prometheus_process,
    query,
    reachable,
    until,
)
from tests.e2e.rehearsal import FACTOR, all_up, config, simulated

GOSSIP = 6.0
"""Seconds in which the second Alertmanager has waited for the first and learnt what it sent."""

GROUP_INTERVAL = 300 / FACTOR
"""Seconds in which more would be told of a group."""

ADDRESSES = ("--web.listen-address=127.0.0.1:0", "--simulator.listen-address=127.0.0.1:0")


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "closed"])
def test_the_demonstration_starts_what_is_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended_by: signal.Signals
) -> None:
    """Prometheus evaluates the shipped rules, Alertmanager gets its alerts; then all is ended."""
    grafana = put_grafana(tmp_path, monkeypatch)
    with exporter(tmp_path, "demo", "--stack", *ADDRESSES) as demo:
        said = until(lambda: re.search(r"Prometheus: (http://[^/]+)/", demo.output), demo.output)
        prometheus = said[1]
        assert reachable(f"{prometheus}/-/ready")
        named = r"Alertmanager: (http://[^/]+)/"
        alertmanager = until(lambda: re.search(named, demo.output), demo.output)
        number = len(shipped_catalog())
        until(lambda: len(_known(prometheus)) == number or None, "no status", 60)
        until(lambda: "ExchangeWatchdog" in _alerts(alertmanager[1]) or None, "no alert", 60)
        receiver = until(lambda: re.search(r"Receiver: (http://[^/]+)/", demo.output), demo.output)
        assert get(f"{receiver[1]}/-/ready")[0] == 200
        beside = {"exchange-receiver", "alertmanager", "prometheus"}
        until(lambda: beside <= _jobs(prometheus) or None, "not scraped", 60)
        until(lambda: grafana.exists() or None, "Grafana was not started")
        assert grafana.read_text(encoding="utf-8").split() == [
            "server",
            f"--homepath={tmp_path}",
            *sorted(file.name for file in (ROOT / "dashboards").glob("*.json")),
            prometheus,
        ]
        assert demo.stop(ended_by) == 0
    for url in (prometheus, alertmanager[1], receiver[1]):
        assert _gone(url)


def test_a_program_that_ends_at_once_is_not_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last words are; the others go on."""
    program = tmp_path / "prometheus"
    program.write_text("#!/bin/sh\necho first\necho no room on the disk >&2\nexit 1\n", "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with exporter(tmp_path, "demo", "--stack", *ADDRESSES) as demo:
        last = "Prometheus ended at once: no room on the disk\n"
        until(lambda: last in demo.output or None, demo.output)
        until(lambda: "Alertmanager: http" in demo.output or None, demo.output)
        assert "Prometheus: http" not in demo.output


@pytest.mark.parametrize(
    "option",
    [
        "--web.config.file=web.yml",
        "--web.route-prefix=/exporter",
        "--web.external-url=http://a/exporter",
    ],
)
def test_the_stack_is_refused_where_its_prometheus_could_not_scrape(
    tmp_path: Path, option: str
) -> None:
    """In one line, before anything is started."""
    with exporter(tmp_path, "demo", "--stack", option, *ADDRESSES) as demo:
        assert demo.popen.wait(30) == 2
    (line,) = demo.output.splitlines()
    assert "the Prometheus of --stack" in line


def test_the_shipped_files_are_found_where_pip_puts_them(tmp_path: Path) -> None:
    """In the user's own folder, too."""
    module = tmp_path / "site-packages" / "exporter" / "stack.py"
    module.parent.mkdir(parents=True)
    module.write_text(Path(stack.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    share = tmp_path / "user" / "share" / "exchange-exporter"
    (share / "rules").mkdir(parents=True)
    (share / "rules" / "prometheus.yml").touch()
    code = f"import runpy; print(runpy.run_path({str(module)!r})['bundle']())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONUSERBASE": str(tmp_path / "user")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(share)


def put_grafana(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of Grafana, a program that writes down what it is given; returns where to."""
    notes, program = folder / "grafana.txt", folder / "grafana"
    program.write_text(
        "#!/bin/sh\n"
        'cd "$GF_PATHS_PROVISIONING"\n'
        'boards=$(sed -n "s/.*path: \\(.*\\)}/\\1/p" dashboards/*.yml)\n'
        'url=$(sed -n "s/ *url: //p" datasources/*.yml)\n'
        f'echo "$@" $(ls "$boards" | grep json) "$url" >"{notes}.part"\n'
        f'mv "{notes}.part" "{notes}"\n'
        "exec sleep 600\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("GF_PATHS_HOME", str(folder))
    return notes


def _jobs(prometheus: str) -> set[str]:
    return {labels["job"] for labels, value in query(prometheus, "up") if value == 1}


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


def test_people_are_told_once_of_what_is_wrong_and_once_that_it_is_over(tmp_path: Path) -> None:
    """In words; not of what follows from it, however long Prometheus repeats it."""
    with ExitStack() as running:
        told = running.enter_context(channels())
        text = faster(enabled("slack", "webhook"), FACTOR).replace(
            "http://localhost:8080", told.url
        )
        file = install(tmp_path, text)
        (tmp_path / "secrets" / "slack_url").write_text(f"{told.url}/slack", encoding="utf-8")
        _, alertmanager = running.enter_context(alertmanager_process(tmp_path, file, free_port()))
        simulator, url = running.enter_context(simulated(tmp_path))
        single = config(tmp_path, url, alertmanager)
        server = running.enter_context(prometheus(tmp_path, single))
        until(partial(all_up, server), "not all exchanges are up", 60)
        limited = [{"exchange": "okx", "fault": "rate_limited", "retry_after": 2}]
        assert post(f"{simulator}/faults", limited)[0] == 200
        until(lambda: told.of("chat") or None, "nobody was told of the limit", 60)
        failing = [{"exchange": "okx", "fault": "status_500"}]
        assert post(f"{simulator}/faults", failing)[0] == 200
        inhibited = f"{alertmanager}/api/v2/alerts?active=false&inhibited=true"
        until(lambda: "ExchangeRateLimited" in get(inhibited)[1] or None, "it is not inhibited", 60)
        until(lambda: told.of("page") or None, "nobody was told of the outage", 60)
        assert post(f"{simulator}/faults", [])[0] == 200
        until(lambda: len(told.of("page")) > 1 or None, "the end was not told", 120)
        time.sleep(GROUP_INTERVAL + 1)
    assert told.refused == []
    began = [it.headline for it in told.messages if it.channel != "slack" and not it.resolved]
    assert began == ["okx refuses us for asking too often", "okx is down"]
    assert [(it.headline, it.resolved) for it in told.of("page")] == [
        ("okx is down", False),
        ("okx is down", True),
    ]
    slack = [re.sub(r"since .*", "since …", it.headline) for it in told.of("slack")]
    assert slack[:2] == [
        "[FIRING] warning · okx refuses us for asking too often · since …",
        "[FIRING] critical · okx is down · since …",
    ]
    assert "[RESOLVED] critical · okx is down" in slack[2:]


def advised() -> dict[str, Any]:
    """What docs/adopt.md says of two Prometheus servers."""
    text = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")
    (block,) = (it for it in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "labeldrop" in it)
    found: dict[str, Any] = yaml.safe_load(block)
    return found


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
        both = yaml.safe_load(config(tmp_path, url, *(url for _, url in alertmanagers)))
        advice = advised()
        both["alerting"] |= advice["alerting"]
        servers = []
        for name in ("one", "two"):
            both["global"]["external_labels"] = advice["global"]["external_labels"] | {
                "replica": name
            }
            started = prometheus_process(tmp_path, yaml.safe_dump(both), name)
            servers.append(running.enter_context(started))
        for _, server in servers:
            until(partial(all_up, server), "not all exchanges are up", 60)
        fault = [{"exchange": "okx", "fault": "refused"}]
        assert post(f"{simulator}/faults", fault)[0] == 200
        until(lambda: told.of("page") or None, "nobody was told", 60)
        labels = [one["labels"] for one in json.loads(_alerts(alertmanagers[1][1]))]
        assert {it["cluster"] for it in labels} == {"main"}
        assert [it for it in labels if "replica" in it] == []
        # Who is killed before the other one knows of the message cannot prevent a second one.
        time.sleep(GOSSIP)
        alertmanagers[0][0].stop(signal.SIGKILL)
        servers[0][0].stop(signal.SIGKILL)
        assert post(f"{simulator}/faults", [])[0] == 200
        until(lambda: len(told.of("page")) > 1 or None, "the end was not told", 120)
        page = [(message.headline, message.resolved) for message in told.of("page")]
        assert page == [("okx is down", False), ("okx is down", True)]
        assert told.refused == []
