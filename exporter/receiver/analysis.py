"""One analysis: from an incident that waits to the derived alert that tells of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from exporter.clock import Clock
from exporter.receiver import derived, suppress
from exporter.receiver.alertmanager import Alertmanagers
from exporter.receiver.coalesce import Case
from exporter.receiver.delivery import Delivery
from exporter.receiver.metrics import ReceiverMetrics
from exporter.receiver.model import Analyst, Answer, Evidence, Incident, PastIncident
from exporter.receiver.settings import Settings
from exporter.receiver.store import Store

_LOG = logging.getLogger(__name__)

Gather = Callable[
    [Incident, tuple[Incident, ...], tuple[PastIncident, ...], float], Awaitable[Evidence]
]
"""Makes evidence of an incident, the others that are open, and earlier ones, at a Unix time."""


@dataclass(frozen=True, slots=True)
class Minds:
    """Who analyses. ``fallback`` needs no network, and must agree before anything is muted."""

    gather: Gather
    analyst: Analyst
    fallback: Analyst


class Analysis:
    """Runs analyses. Whatever the analyst does, an answer is delivered within the deadline."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        minds: Minds,
        delivery: Delivery,
        alertmanagers: Alertmanagers,
        metrics: ReceiverMetrics,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self._minds = minds
        self._delivery = delivery
        self._alertmanagers = alertmanagers
        self._metrics = metrics
        self._clock = clock

    async def run(self, case: Case) -> None:
        """Analyse what fires now, and publish it. Raises only on bugs and a broken store."""
        await self._delivery.complete()
        work = self._store.work
        incident = await self._store.run(work.incident, case)
        if incident is None:
            await self._store.run(work.close_silent, self._clock.unix())
            return
        evidence = await self._evidence(case, incident)
        answer = await self._answer(case, evidence)
        previous = await self._store.run(work.published, case)
        alert = derived.derive(incident, answer, previous, self._settings.external_url)
        not_before = self._clock.unix() + self._settings.heartbeat
        if await self._store.run(work.finish, case, answer, evidence, alert, not_before):
            if previous is None:
                self._delivery.published(case.id, case.waiting_since or evidence.asked_at)
            await self._mute(case, evidence, answer)
            self._delivery.tell()

    async def _evidence(self, case: Case, incident: Incident) -> Evidence:
        now = self._clock.unix()
        others = await self._store.run(self._store.work.others, case)
        recent = await self._store.run(self._store.work.recent, case.exchange)
        try:
            async with asyncio.timeout(self._settings.deadline):
                return await self._minds.gather(incident, others, recent, now)
        except TimeoutError:
            return Evidence(incident, now, recent=recent, others=others)

    async def _answer(self, case: Case, evidence: Evidence) -> Answer:
        began = self._clock.monotonic()
        answer = await self._ask(case, evidence)
        seconds = self._clock.monotonic() - began
        self._metrics.analysed(answer, seconds)
        return replace(answer, seconds=seconds)

    async def _ask(self, case: Case, evidence: Evidence) -> Answer:
        now = self._clock.unix()
        if now - (case.waiting_since or now) > self._settings.max_age:
            return await self._fall_back(evidence, "too_old")
        try:
            async with asyncio.timeout(self._settings.deadline):
                return await self._minds.analyst.analyse(evidence, now)
        except TimeoutError:
            return await self._fall_back(evidence, "deadline")
        except Exception:
            self._metrics.failed()
            _LOG.exception("the analyst failed")
            return await self._fall_back(evidence, "internal_error")

    async def _fall_back(self, evidence: Evidence, why: str) -> Answer:
        answer = await self._minds.fallback.analyse(evidence, self._clock.unix())
        return replace(answer, fallback=why)

    async def _mute(self, case: Case, evidence: Evidence, answer: Answer) -> None:
        """Judge a proposal to mute alerts, and do it if every condition holds."""
        settings = self._settings.suppression
        if settings.mode == "off" or not answer.analysis.suppress:
            return
        history = self._store.history
        second = await self._minds.fallback.analyse(evidence, self._clock.unix())
        counts = await self._store.run(history.counts)
        before = await self._store.run(history.suppressed, str(case.id))
        incident = evidence.incident
        decision = suppress.decide(incident, answer, second, counts.suppressions, before, settings)
        if decision is None:
            return
        action = decision.reason
        if decision.alerts:
            action = await self._carry_out(case, incident, decision)
        detail = {
            "incident": incident.key,
            "analyst": answer.analyst,
            "model": answer.model,
            "alerts": [dict(alert.labels) for alert in decision.alerts],
            "ttl": suppress.ttl(settings),
        }
        await self._store.run(history.note, str(case.id), action, detail, self._clock.unix())
        self._metrics.decided(action)

    async def _carry_out(self, case: Case, incident: Incident, decision: suppress.Decision) -> str:
        settings, now = self._settings.suppression, self._clock.unix()
        ttl, url = suppress.ttl(settings), self._settings.external_url
        if settings.mode == "inhibit":
            for area in decision.areas:
                alert = derived.suppression(incident, area, now, ttl, url)
                await self._store.run(self._store.work.suppress, case, alert, now)
            return "suppressed"
        if settings.dry_run:
            return "dry_run"
        return await self._silence(case, incident, decision, now + ttl)

    async def _silence(
        self, case: Case, incident: Incident, decision: suppress.Decision, until: float
    ) -> str:
        now = self._clock.unix()
        for alert in decision.alerts:
            silence = suppress.silence(
                alert,
                derived.timestamp(now),
                derived.timestamp(until),
                f"suggested by the analysis of incident {incident.key}",
            )
            if not await self._alertmanagers.silence(silence):
                return "failed"
            await self._store.run(self._store.work.silenced, case, alert.fingerprint, until)
        return "suppressed"
