"""The file: what it keeps through a crash, and what it forgets."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from exporter.receiver.budget import Charge
from exporter.receiver.coalesce import MAX_ATTEMPTS
from exporter.receiver.derived import derive
from exporter.receiver.history import Verdict
from exporter.receiver.model import Analysis, Answer, Cause, Evidence
from exporter.receiver.reconcile import Findings
from exporter.receiver.store import Store
from exporter.receiver.webhook import Group, parse_group
from tests.receiver.running import NOW, alert, body

ANSWER = Answer(Analysis(Cause.BAN, "s", "i", "a", 2, True, 0.5), "x")

ENDLESS = """
import sys
from exporter.receiver.reconcile import Findings
from exporter.receiver.store import Store
from exporter.receiver.webhook import Group, parse_group
from tests.receiver.running import alert, body
store = Store(sys.argv[1])
number = 0
while True:
    store.intake.receive(parse_group(body(alert(f"Alert{number}"))), 0.0)
    print(number, flush=True)
    number += 1
"""


def analysed(store: Store, now: float = NOW, answer: Answer = ANSWER) -> None:
    """Analyse the one incident that is open."""
    (case,) = store.work.cases()
    incident = store.work.incident(case)
    assert incident
    derived = derive(incident, answer, store.work.published(case))
    assert store.work.finish(case, answer, Evidence(incident, now), derived, now)


def test_every_webhook_that_was_acknowledged_outlives_sigkill(tmp_path: Path) -> None:
    """The writer is killed in the middle of its work."""
    file = tmp_path / "receiver.db"
    command = [sys.executable, "-c", ENDLESS, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(50):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
    store = Store(file)
    assert len(store.intake.firing()) >= acknowledged + 1
    store.close()


def test_alerts_that_came_during_the_analysis_make_it_wait_again(tmp_path: Path) -> None:
    """The latest state wins, and nothing falls between two analyses."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    (case,) = store.work.cases()
    incident = store.work.incident(case)
    assert incident
    store.intake.receive(parse_group(body(alert("Another"))), NOW + 1)
    derived = derive(incident, ANSWER, None)
    store.work.finish(case, ANSWER, Evidence(incident, NOW), derived, NOW + 30)
    (again,) = store.work.cases()
    assert again.waiting_since is not None
    assert again.due(0.0) == NOW + 30
    store.close()


def test_what_providers_charged_is_known_after_a_restart(tmp_path: Path) -> None:
    """The deterministic analyst charges nothing."""
    store = Store(tmp_path / "receiver.db")
    dear = replace(ANSWER, prompt_tokens=1000, completion_tokens=100, cost=0.01)
    for number, answer in enumerate((ANSWER, dear)):
        store.intake.receive(parse_group(body(alert(f"Alert{number}"))), NOW + number)
        analysed(store, NOW + number, answer)
    (case,) = store.work.cases()
    store.close()
    store = Store(tmp_path / "receiver.db")
    assert store.history.charges(NOW) == [Charge(NOW + 1, case.key, 1100, 0.01)]
    assert store.history.charges(NOW + 2) == []
    store.close()


def test_the_newest_verdict_on_an_incident_counts_while_it_is_open(tmp_path: Path) -> None:
    """For gauges."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    assert store.history.counts().verdicts == ()
    analysed(store)
    assert store.history.counts().verdicts == (Verdict("okx", "ban", True, 0.5),)
    store.intake.receive(parse_group(body(alert(ends_at=NOW + 1))), NOW + 2)
    assert store.history.counts().verdicts == ()
    store.close()


def test_an_incident_that_ended_during_its_analysis_is_not_told(tmp_path: Path) -> None:
    """There is nothing to resolve then."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    (case,) = store.work.cases()
    incident = store.work.incident(case)
    assert incident
    assert store.intake.receive(parse_group(body(alert(ends_at=NOW + 1))), NOW + 2).closed
    derived = derive(incident, ANSWER, None)
    assert not store.work.finish(case, ANSWER, Evidence(incident, NOW), derived, NOW)
    assert store.work.held(NOW + 3) == []
    store.close()


def test_an_incident_that_comes_back_is_a_new_one_with_the_same_key(tmp_path: Path) -> None:
    """Its past is evidence."""
    store = Store(tmp_path / "receiver.db", guard=30.0)
    for start in (NOW, NOW + 100):
        store.intake.receive(parse_group(body(alert(starts_at=start))), start)
        analysed(store, start + 1)
        over = body(alert(starts_at=start, ends_at=start + 50))
        store.intake.receive(parse_group(over), start + 50)
    first, second = store.history.incidents()
    assert (first["key"], first["id"]) == (second["key"], second["id"] + 1)
    (newest, oldest) = store.work.recent("okx")
    assert newest.cause is Cause.BAN
    assert (oldest.started_at, oldest.ended_at) == (NOW, NOW + 50)  # as the alert says
    store.close()


def test_late_news_of_a_peer_neither_open_nor_lose_an_incident(tmp_path: Path) -> None:
    """It is revived if the next look finds the alert."""
    store = Store(tmp_path / "receiver.db", guard=30.0)
    late = parse_group(body(alert()))
    store.intake.receive(late, NOW)
    store.intake.receive(parse_group(body(alert(ends_at=NOW + 5))), NOW + 5)
    assert not store.intake.receive(late, NOW + 10).changed
    assert store.work.cases() == ()
    doubtful = store.intake.doubtful()
    assert doubtful == {alert().fingerprint}
    assert store.intake.apply(Findings(revived=doubtful), NOW + 30).changed
    assert len(store.work.cases()) == 1
    assert store.intake.doubtful() == frozenset()
    store.close()


def test_an_end_in_a_truncated_group_closes_nothing_yet(tmp_path: Path) -> None:
    """What was left out may still fire."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    over = alert(ends_at=NOW + 5)
    rest = Group("triage", {}, (alert("Another"),))
    assert not store.intake.receive(parse_group(body(over, truncated=1)), NOW + 5).closed
    assert store.intake.complete(rest, NOW + 6).changed
    assert store.intake.truncated() == []
    (case,) = store.work.cases()
    incident = store.work.incident(case)
    assert incident
    assert [it.name for it in incident.alerts] == ["Another"]
    store.close()


def test_a_dead_letter_starts_anew_when_it_is_replayed(tmp_path: Path) -> None:
    """With five attempts; one whose incident is over is only removed."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert(), alert(exchange="bybit"))), NOW)
    for _ in range(MAX_ATTEMPTS):
        for case in store.work.cases():
            store.work.failed(case, "broken", NOW)
    assert [case.waiting_since for case in store.work.cases()] == [None, None]
    store.intake.receive(parse_group(body(alert(ends_at=NOW + 5))), NOW + 5)
    assert store.work.replay(NOW + 9) == (1, 1)
    (case,) = store.work.cases()
    assert (case.exchange, case.attempts, case.due(0.0)) == ("bybit", 0, NOW + 9)
    assert store.history.dead_letters() == []
    store.close()


def test_what_is_long_over_is_forgotten(tmp_path: Path) -> None:
    """All of it."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    analysed(store)
    assert store.history.vote(1, True, "", NOW)
    store.history.note("1", "severe", {}, NOW)
    store.intake.receive(parse_group(body(alert(ends_at=NOW + 5))), NOW + 5)
    day = 86_400.0
    store.work.forget(NOW + 29 * day, 30 * day)
    assert len(store.history.incidents()) == 1
    store.work.forget(NOW + 31 * day, 30 * day)
    assert store.history.incidents() == []
    tables = ("incidents", "alerts", "derived", "analyses", "feedback", "audit", "dead_letters")
    counts = [store.work._database.rows(f"SELECT * FROM {table}") for table in tables]
    assert counts == [[]] * len(tables)
    store.close()


def test_an_incident_keeps_a_bounded_number_of_analyses(tmp_path: Path) -> None:
    """The newest, and those that somebody voted on."""
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    analysed(store)
    store.history.vote(1, False, "", NOW)
    for number in range(60):
        analysed(store, NOW + number)
    found = store.history.incident(1)
    assert found
    assert [it["id"] for it in found["analyses"]] == [*range(61, 11, -1), 1]
    store.close()
