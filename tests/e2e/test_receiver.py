"""A receiver between real Alertmanagers: whatever dies, people hear once of each analysis."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.processes import get, post, until
from tests.e2e.triage import Stack, stack

QUIET = 2.5  # seconds in which a second message would have come: two group intervals and a half
ANALYSIS = "ExchangeAnalysis"
ACCEPTED = 'exchange_receiver_requests_total{code="202"}'


def count(found: Stack, series: str) -> float:
    """The sum over all series of the receiver that start so."""
    lines = get(f"{found.receiver_url}/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(series))


def told_once(found: Stack, status: str, exchange: str) -> None:
    """People were told of an analysis exactly once."""
    messages = found.sink.of("analysis", status, exchange=exchange, alertname=ANALYSIS)
    assert len(messages) == 1, found.sink.messages


def told_of_one_end(found: Stack, peers: int) -> None:
    """The end is the last word, of the one analysis that there was.

    In a cluster a peer that began to flush before the end, and waits its turn, says "firing" after
    another one said "resolved"; "resolved" follows (alertmanager#4008). That wait is as long as a
    group interval here, so it is common in this test; its messages repeat the one analysis.
    """
    if peers == 1:
        told_once(found, "firing", "okx")
        told_once(found, "resolved", "okx")
    messages = [
        (status, labels) for _, where, status, labels in found.sink.messages if where == "analysis"
    ]
    assert messages[-1][0] == "resolved"
    assert {(labels["incident"], labels["analysis_rev"]) for _, labels in messages} == {
        (messages[0][1]["incident"], "1")
    }


@pytest.fixture(params=[1, 2], ids=["single", "cluster of two"])
def peers(request: pytest.FixtureRequest) -> int:
    """How many Alertmanagers."""
    count_: int = request.param
    return count_


def test_one_firing_and_one_resolved_analysis_whatever_happens(tmp_path: Path, peers: int) -> None:
    """Through SIGKILL of the receiver, of one of two Alertmanagers, a repeat, and a reload."""
    with stack(tmp_path, peers, repeat_interval="2s") as (found, source):
        source.fire("ExchangeDown", "okx")
        found.sink.wait("analysis", "firing", exchange="okx")
        found.kill_receiver()
        found.receiver = found.start_receiver()
        if peers == 2:
            found.alertmanagers[0].stop(signal.SIGKILL)
            found.alertmanagers[0] = found.start_alertmanager(0)
        found.write_config(group_by="exchange, area")  # all groups are new ones to Alertmanager
        for url in found.urls:
            assert post(f"{url}/-/reload")[0] == 200
        until(lambda: count(found, ACCEPTED) >= 2 or None, "it was not told again")
        time.sleep(QUIET)
        told_once(found, "firing", "okx")
        assert found.sink.of("analysis", "resolved") == []
        assert count(found, "exchange_receiver_analyses_total") == 0  # since its restart
        source.end()
        found.sink.wait("analysis", "resolved", exchange="okx")
        time.sleep(QUIET)
        told_of_one_end(found, peers)


def test_an_end_that_a_silence_hides_is_found(tmp_path: Path) -> None:
    """Alertmanager tells no webhook of it."""
    with stack(tmp_path) as (found, source):
        source.fire("ExchangeDown", "okx")
        found.sink.wait("analysis", "firing", exchange="okx")
        silence = {
            "matchers": [{"name": "alertname", "value": "ExchangeDown", "isRegex": False}],
            "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600)),
            "createdBy": "test",
            "comment": "test",
        }
        assert post(f"{found.urls[0]}/api/v2/silences", silence)[0] == 200
        time.sleep(QUIET)
        assert found.sink.of("analysis", "resolved") == []  # it still fires, silenced or not
        source.end()
        found.sink.wait("analysis", "resolved", exchange="okx")
        assert found.sink.of("page", "resolved") == []
        told_once(found, "firing", "okx")


def test_an_analysis_is_never_analysed(tmp_path: Path) -> None:
    """Not even where a route sends it back to the receiver."""
    with stack(tmp_path, derived="triage") as (found, source):
        source.fire("ExchangeDown", "okx")
        ignored = 'exchange_receiver_alerts_total{result="ignored"}'
        until(lambda: count(found, ignored) or None, "it was not sent back")
        time.sleep(QUIET)
        assert count(found, "exchange_receiver_analyses_total") == 1
        incidents = json.loads(get(f"{found.receiver_url}/api/v1/incidents")[1])["incidents"]
        assert [one["exchange"] for one in incidents] == ["okx"]


def test_the_page_is_not_late_while_the_model_hangs(tmp_path: Path) -> None:
    """It arrives as if there were no receiver."""
    with stack(tmp_path, mode="hang") as (found, source):
        began = time.time()
        source.fire("ExchangeDown", "okx")
        assert found.sink.wait("page", "firing", exchange="okx") - began < 1.0
        until(lambda: count(found, "exchange_receiver_queue_depth") or None, "nothing waits")
        source.end()
        found.sink.wait("page", "resolved", exchange="okx")
        assert found.sink.of("analysis", "firing") == []


def test_nothing_that_was_accepted_is_lost_with_the_process(tmp_path: Path) -> None:
    """A receiver is killed right after it answered, and the next one does the work."""
    with stack(tmp_path, mode="hang") as (found, source):
        source.fire("ExchangeDown", "okx")
        until(lambda: count(found, ACCEPTED) or None, "nothing was accepted")
        found.kill_receiver()
        found.mode = "fast"
        found.receiver = found.start_receiver()
        found.sink.wait("analysis", "firing", exchange="okx")


def test_the_shipped_receiver_explains_an_outage(tmp_path: Path) -> None:
    """With no provider, key or Prometheus."""
    with stack(tmp_path, mode="shipped") as (found, source):
        source.fire("ExchangeDown", "okx")
        found.sink.wait("analysis", "firing", exchange="okx", severity="critical")
        (incident,) = json.loads(get(f"{found.receiver_url}/api/v1/incidents")[1])["incidents"]
        answer = incident["analysis"]["answer"]
        assert (answer["analyst"], answer["fallback"]) == ("deterministic", "")
        assert answer["analysis"]["cause"] == "outage"
        source.end()
        found.sink.wait("analysis", "resolved", exchange="okx")
