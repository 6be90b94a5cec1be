"""From a webhook to the derived alert, with Alertmanagers that listen on a port of this machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.receiver.analysis import Minds
from exporter.receiver.coalesce import MAX_ATTEMPTS, STORM, key_of
from exporter.receiver.compose import running_receiver
from exporter.receiver.derived import timestamp
from exporter.receiver.model import Alert, Answer, Cause, Evidence, Incident
from exporter.receiver.service import Receiver
from exporter.receiver.settings import Budget, Suppression
from exporter.receiver.store import Store
from exporter.receiver.webhook import parse_group
from tests.receiver.running import (
    NOW,
    FakeAlertmanager,
    Placid,
    alert,
    body,
    fake_alertmanager,
    minds,
    settings,
    webhook,
)

Posted = list[dict[str, Any]]


class StandingClock:
    """Unix time stands still until a test moves it; sleepers wake when it does."""

    def __init__(self, now: float = NOW + 10) -> None:
        self.now = now
        self._moved = asyncio.Event()

    def monotonic(self) -> float:
        return self.now

    def unix(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await self._moved.wait()
        self._moved.clear()

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self._moved.set()


class Counting(Placid):
    """Remembers how often it was asked at once."""

    running = most = 0

    async def analyse(self, evidence: Evidence, now: float) -> Answer:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.05)
        self.running -= 1
        return await super().analyse(evidence, now)


Story = Callable[[Receiver, FakeAlertmanager, StandingClock], Awaitable[None]]


def play(tmp_path: Path, story: Story, analyst: Placid | None = None, **changes: Any) -> None:
    """Tell a story to a receiver with one Alertmanager."""

    async def run() -> None:
        clock = StandingClock()
        async with fake_alertmanager() as fake:
            found = settings(tmp_path, fake, **changes)
            async with running_receiver(found, minds(analyst or Placid()), clock) as receiver:
                await story(receiver, fake, clock)

    asyncio.run(run())


def of(posted: Posted, **labels: str) -> Posted:
    """The alerts in a post that carry these labels."""
    return [one for one in posted if labels.items() <= one["labels"].items()]


def ended(posted: Posted, now: float) -> Posted:
    """The alerts in a post that are over."""
    return [one for one in posted if one["endsAt"] <= timestamp(now)]


SECOND = alert("ExchangeLatencyHigh", severity="warning")


def test_an_incident_becomes_one_derived_alert_and_its_end_another(tmp_path: Path) -> None:
    """Labels are bounded, texts are annotations, the start is that of the source."""

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        await receiver.accept(body(alert(), SECOND))
        (derived,) = await fake.told(bool)
        assert derived["labels"] == {
            "alertname": "ExchangeAnalysis",
            "derived": "triage",
            "exchange": "okx",
            "area": "availability",
            "incident": key_of("okx"),
            "severity": "critical",
            "analysis_rev": "1",
        }
        assert derived["annotations"]["cause"] == "outage"
        assert derived["annotations"]["alerts"] == "2"
        assert derived["startsAt"] == "2027-01-15T08:00:00.123Z"
        assert derived["endsAt"] == timestamp(clock.now + 4 * 30)
        clock.now += 50
        await receiver.accept(body(alert(ends_at=NOW + 60)))
        await receiver.accept(
            body(alert("ExchangeLatencyHigh", severity="warning", ends_at=NOW + 60))
        )
        (over,) = await fake.told(lambda posted: ended(posted, clock.now) == posted)
        assert over["endsAt"] == timestamp(clock.now)
        assert over["labels"] == derived["labels"]

    play(tmp_path, story)


def test_the_end_of_a_silenced_source_is_found_by_looking(tmp_path: Path) -> None:
    """Two looks in a row must miss it."""

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        fake.active = [alert()]
        await receiver.accept(body(alert()))
        await fake.told(bool)
        fake.active = []
        for look in range(2, 5):  # the first may be the one that was under way
            clock.pass_by(30)
            await fake.looked(look)
        await fake.told(lambda posted: bool(ended(posted, clock.now)))

    play(tmp_path, story)


def test_a_repeated_notification_costs_no_analysis(tmp_path: Path) -> None:
    """Nor does one whose texts changed, nor one about a part of it."""
    analyst = Placid()

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        await receiver.accept(body(alert(), SECOND))
        await fake.told(bool)
        clock.now += 3600
        await receiver.accept(body(alert(), SECOND))
        await receiver.accept(body(alert(ends_at=NOW + 60), SECOND))
        await receiver.accept(body(alert(exchange="bybit")))  # after which all before was handled
        await fake.told(lambda posted: len(posted) == 2)
        assert [evidence.incident.exchange for evidence in analyst.seen] == ["okx", "bybit"]
        assert len(fake.posts) == 2

    play(tmp_path, story, analyst)


def test_news_that_matter_are_a_revision_and_end_the_one_before_in_the_same_post(
    tmp_path: Path,
) -> None:
    """Alertmanager tells nobody of annotations that changed."""
    analyst = Placid()

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        await receiver.accept(body(SECOND))
        await fake.told(bool)
        analyst.cause = Cause.MAINTENANCE
        clock.now += 31  # within a heartbeat there is no second analysis
        await receiver.accept(body(alert()))
        posted = await fake.told(lambda posted: len(posted) == 2)
        (first,), (second,) = of(posted, analysis_rev="1"), of(posted, analysis_rev="2")
        assert ended(posted, clock.now) == [first]
        assert (first["labels"]["severity"], second["labels"]["severity"]) == (
            "warning",
            "critical",
        )

    play(tmp_path, story, analyst)


def test_its_own_alerts_are_never_analysed(tmp_path: Path) -> None:
    """Whatever the routes are, and whatever else is in the group."""
    analyst = Placid()
    own = alert("ExchangeAnalysis", derived="triage")
    about = alert("ExchangeReceiverDown", exchange="", area="receiver")
    always = alert("ExchangeWatchdog", exchange="", severity="info")

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        await receiver.accept(body(own, about, always))
        assert await receiver.store.run(receiver.store.work.cases) == ()
        await receiver.accept(body(own, alert()))
        await fake.told(bool)
        assert [it.name for it in analyst.seen[0].incident.alerts] == ["ExchangeDown"]

    play(tmp_path, story, analyst)


def test_a_storm_gets_one_summary_over_all(tmp_path: Path) -> None:
    """And when it is over, what is left gets analyses of its own."""
    analyst = Placid()
    names = [f"exchange{n}" for n in range(8)]

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        await receiver.accept(body(*(alert(exchange=name) for name in names)))
        (derived,) = await fake.told(bool)
        assert derived["labels"]["incident"] == STORM
        assert "exchange" not in derived["labels"]
        (evidence,) = analyst.seen
        assert {it.labels["exchange"] for it in evidence.incident.alerts} == set(names)
        assert [it.exchange for it in evidence.others] == names
        clock.now += 60
        await receiver.accept(
            body(*(alert(exchange=name, ends_at=clock.now) for name in names[:6]))
        )
        posted = await fake.told(lambda posted: len(posted) == 3)
        assert ended(posted, clock.now) == of(posted, incident=STORM)
        assert of(posted, exchange="exchange6")
        assert of(posted, exchange="exchange7")

    play(tmp_path, story, analyst)


@pytest.mark.parametrize(
    ("analyst", "changes", "why"),
    [
        (Placid(delay=3600.0), {"deadline": 0.05}, "deadline"),
        (Placid(error=RuntimeError("bug")), {}, "internal_error"),
        (Placid(), {"max_age": -1.0}, "too_old"),
    ],
    ids=["hangs", "crashes", "waited for too long"],
)
def test_when_the_analyst_does_not_answer_another_one_does(
    tmp_path: Path, analyst: Placid, changes: dict[str, Any], why: str
) -> None:
    """And the metric and the page tell why."""

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        await receiver.accept(body(alert()))
        (derived,) = await fake.told(bool)
        assert derived["annotations"]["model"] == "fallback"
        history = receiver.store.history
        (incident,) = await receiver.store.run(history.incidents)
        assert incident["analysis"]["answer"]["fallback"] == why
        counts = await receiver.store.run(history.counts)
        text = receiver.metrics.exposition(counts, clock.now, "")[0].decode()
        series = f'{{analyst="fallback",cause="outage",fallback="{why}"}} 1.0'
        assert f"exchange_receiver_analyses_total{series}" in text

    play(tmp_path, story, analyst, **changes)


def test_what_was_accepted_before_a_crash_is_done_after_it(tmp_path: Path) -> None:
    """And what was published before is posted again, not analysed again."""
    analyst = Placid()
    store = Store(tmp_path / "receiver.db")
    store.intake.receive(parse_group(body(alert())), NOW)
    store.close()

    async def first(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        assert (await fake.told(bool))[0]["labels"]["exchange"] == "okx"

    play(tmp_path, first, analyst)
    play(tmp_path, first, analyst)
    assert len(analyst.seen) == 1


def test_what_was_spent_before_a_restart_counts_after_it(tmp_path: Path) -> None:
    """For the budgets of a day."""
    known: list[list[int]] = []

    def build(*given: Any) -> Minds:
        known.append([charge.tokens for charge in given[3]])
        analyst = Placid(tokens=1100)
        return minds(analyst)(*given)

    async def run() -> None:
        async with fake_alertmanager() as fake:
            found = settings(tmp_path, fake)
            async with running_receiver(found, build, StandingClock()) as receiver:
                await receiver.accept(body(alert()))
                await fake.told(bool)
            async with running_receiver(found, build, StandingClock()):
                pass

    asyncio.run(run())
    assert known == [[], [1100]]


@pytest.mark.parametrize("slots", [1, 3])
def test_no_more_analyses_run_at_once_than_allowed(tmp_path: Path, slots: int) -> None:
    """By ``budget.concurrency``; the others wait their turn."""
    analyst = Counting()

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        for exchange in ("okx", "bybit", "kraken", "deribit"):
            await receiver.accept(body(alert(exchange=exchange)))
        await fake.told(lambda posted: len(posted) == 4)

    play(tmp_path, story, analyst, budget=Budget(concurrency=slots))
    assert analyst.most == slots


def test_a_slow_alertmanager_does_not_delay_another(tmp_path: Path) -> None:
    """Each has its turn of its own."""

    async def run() -> None:
        async with fake_alertmanager(delay=60.0) as slow, fake_alertmanager() as quick:
            found = settings(tmp_path, slow, quick)
            async with running_receiver(found, minds(Placid()), StandingClock()) as receiver:
                await receiver.accept(body(alert()))
                await quick.told(lambda posted: len(posted) == 1)
                await receiver.accept(body(alert(exchange="bybit")))
                await quick.told(lambda posted: len(posted) == 2)
                assert slow.posts == []

    asyncio.run(run())


def test_a_truncated_group_is_completed_from_alertmanager(tmp_path: Path) -> None:
    """Which sorts by labels and may have cut off what matters most."""
    analyst = Placid()

    async def story(receiver: Receiver, fake: FakeAlertmanager, clock: StandingClock) -> None:
        rest = webhook(SECOND, alert())["alerts"]
        for one in rest:
            one["status"] = {"state": "active"}
        fake.groups = [{"labels": {"exchange": "okx"}, "alerts": rest}]
        await receiver.accept(body(SECOND, truncated=1, exchange="okx"))
        (derived,) = await fake.told(bool)
        assert derived["labels"]["severity"] == "critical"
        assert analyst.seen[-1].incident.complete

    play(tmp_path, story, analyst)


def test_what_fails_again_and_again_becomes_a_dead_letter_and_can_be_replayed(
    tmp_path: Path,
) -> None:
    """Five attempts, ever later; other incidents are not held up."""
    attempts: asyncio.Queue[str] = asyncio.Queue()
    broken = True

    async def gather(incident: Incident, others: Any, recent: Any, now: float) -> Evidence:
        if broken and incident.exchange == "okx":
            attempts.put_nowait(incident.exchange)
            raise RuntimeError("no evidence")
        return Evidence(incident, now)

    def build(*_: object) -> Minds:
        return Minds(gather, Placid(), Placid())

    async def run() -> None:
        nonlocal broken
        clock = StandingClock()
        async with (
            fake_alertmanager() as fake,
            running_receiver(settings(tmp_path, fake), build, clock) as receiver,
        ):
            store = receiver.store
            for number in range(MAX_ATTEMPTS):
                await receiver.accept(body(alert(f"News{number}")))
                await attempts.get()
                assert await store.run(store.work.cases)  # after the failure was noted
                clock.now += 100
            (letter,) = await store.run(store.history.dead_letters)
            assert letter["reason"] == "RuntimeError('no evidence')"
            await receiver.accept(body(alert(exchange="bybit")))
            await fake.told(bool)
            broken = False
            assert await store.run(store.work.replay, clock.now) == (1, 0)
            await receiver.accept(body(alert(exchange="kraken")))
            await fake.told(lambda posted: len(posted) == 3)
            assert attempts.empty()
            assert await store.run(store.history.dead_letters) == []

    asyncio.run(run())


MUTABLE = alert("ExchangeSpreadWide", severity="warning", auto_suppress="allowed", area="data")


def muting(tmp_path: Path, *alerts: Alert, fallback: Placid, **changes: Any) -> FakeAlertmanager:
    """What an Alertmanager was told when the analyst proposed to mute these alerts."""
    found: FakeAlertmanager

    async def run() -> None:
        nonlocal found
        async with fake_alertmanager() as fake:
            values = settings(tmp_path, fake, suppression=Suppression(**changes))
            build = minds(Placid(suppress=True), fallback)
            async with running_receiver(values, build, StandingClock()) as receiver:
                await receiver.accept(body(*alerts))
                await fake.told(bool)
                await receiver.accept(body(alert("Later", "bybit")))
                await fake.told(lambda posted: bool(of(posted, exchange="bybit")))
            found = fake

    asyncio.run(run())
    return found


def test_alerts_are_muted_by_an_alert_that_ends_with_its_time(tmp_path: Path) -> None:
    """Alertmanager's own inhibition does it."""
    fake = muting(tmp_path, MUTABLE, fallback=Placid(suppress=True), mode="inhibit", ttl=100.0)
    (muted,) = of(fake.posts[-1], alertname="ExchangeSuppression")
    assert muted["labels"]["triage_action"] == "suppress"
    assert muted["labels"]["area"] == "data"
    assert muted["endsAt"] == timestamp(NOW + 10 + 100)
    assert fake.silences == []


def test_a_second_analysis_does_not_mute_for_longer(tmp_path: Path) -> None:
    """The bound is one for the incident."""
    analyst = Placid(suppress=True)

    async def run() -> None:
        clock = StandingClock()
        async with fake_alertmanager() as fake:
            found = settings(tmp_path, fake, suppression=Suppression("inhibit", ttl=100.0))
            build = minds(analyst, Placid(suppress=True))
            async with running_receiver(found, build, clock) as receiver:
                await receiver.accept(body(MUTABLE))
                await fake.told(lambda posted: len(posted) == 2)
                clock.now += 60
                analyst.level = 5
                await receiver.accept(body(SECOND))
                posted = await fake.told(lambda posted: bool(of(posted, analysis_rev="2")))
                (muted,) = of(posted, alertname="ExchangeSuppression")
                assert muted["endsAt"] == timestamp(NOW + 10 + 100)
                audit = await receiver.store.run(receiver.store.history.audit)
                assert [it["action"] for it in audit] == ["once_only", "suppressed"]

    asyncio.run(run())


def test_a_silence_matches_all_labels_of_an_alert(tmp_path: Path) -> None:
    """And nothing else."""
    fake = muting(tmp_path, MUTABLE, fallback=Placid(suppress=True), mode="silence", dry_run=False)
    (silence,) = fake.silences
    assert {m["name"]: m["value"] for m in silence["matchers"]} == dict(MUTABLE.labels)
    assert {m["isRegex"] for m in silence["matchers"]} == {False}
    assert silence["endsAt"] == timestamp(NOW + 10 + 1800)


@pytest.mark.parametrize(
    ("alerts", "fallback", "changes"),
    [
        ((MUTABLE,), Placid(suppress=False), {"mode": "inhibit"}),
        ((MUTABLE, alert()), Placid(suppress=True), {"mode": "inhibit"}),
        ((MUTABLE,), Placid(suppress=True), {"mode": "silence", "dry_run": True}),
        ((MUTABLE,), Placid(suppress=True), {"mode": "off"}),
        ((SECOND,), Placid(suppress=True), {"mode": "inhibit"}),
    ],
    ids=["not corroborated", "beside a critical one", "dry run", "off", "not allowed by the rule"],
)
def test_nothing_is_muted(
    tmp_path: Path, alerts: tuple[Alert, ...], fallback: Placid, changes: dict[str, Any]
) -> None:
    """Whatever the analyst proposes."""
    fake = muting(tmp_path, *alerts, fallback=fallback, **changes)
    assert fake.silences == []
    assert [p for p in fake.posts if of(p, alertname="ExchangeSuppression")] == []


def test_it_stops_within_a_second_while_the_model_hangs(tmp_path: Path) -> None:
    """The work stays in the file."""

    async def run() -> float:
        loop = asyncio.get_running_loop()
        analyst = Placid(delay=3600.0)
        async with fake_alertmanager() as fake:
            found = settings(tmp_path, fake)
            async with running_receiver(found, minds(analyst), StandingClock()) as receiver:
                await receiver.accept(body(alert()))
                began = loop.time()
            return loop.time() - began

    assert asyncio.run(run()) < 1.0
    waiting = "SELECT count(*) FROM incidents WHERE waiting_since IS NOT NULL"
    with sqlite3.connect(tmp_path / "receiver.db") as connection:
        assert connection.execute(waiting).fetchone() == (1,)
    connection.close()
