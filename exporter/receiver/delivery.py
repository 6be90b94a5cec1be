"""Keeps every Alertmanager told, as Prometheus does, and looks at what still fires there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from exporter.clock import Clock
from exporter.receiver import reconcile
from exporter.receiver.alertmanager import Alertmanagers, Result
from exporter.receiver.intake import Received
from exporter.receiver.metrics import ReceiverMetrics
from exporter.receiver.settings import Settings
from exporter.receiver.store import Store

_RETRY = 2.0  # seconds, or a heartbeat where that is shorter


class Delivery:
    """Posts derived alerts. Each Alertmanager has its turn of its own: a slow one delays none."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        alertmanagers: Alertmanagers,
        metrics: ReceiverMetrics,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self._alertmanagers = alertmanagers
        self._metrics = metrics
        self._clock = clock
        self._news = {url: asyncio.Event() for url in alertmanagers.urls}
        self._undelivered: dict[int, float] = {}
        metrics.starts(alertmanagers.urls)

    @property
    def urls(self) -> Iterable[str]:
        return self._news

    def published(self, incident: int, since: float) -> None:
        """The first derived alert of an incident is stored, of whose alerts we know since then."""
        self._undelivered[incident] = since
        self.tell()

    def tell(self) -> None:
        """Derived alerts changed: post them now, not with the next heartbeat."""
        for news in self._news.values():
            news.set()

    async def keep_told(self, url: str) -> None:
        """One round for one Alertmanager: post what it must know, then wait for news."""
        self._news[url].clear()
        settled = await self._post(url)
        beat = self._settings.heartbeat
        try:
            async with asyncio.timeout(beat if settled else min(beat, _RETRY)):
                await self._news[url].wait()
        except TimeoutError:
            pass

    async def _post(self, url: str) -> bool:
        fresh = tuple(self._undelivered)
        now = self._clock.unix()
        held = await self._store.run(self._store.work.held, now)
        documents = reconcile.posts(held, now, self._settings.heartbeat)
        if not documents:
            return True
        result = await self._alertmanagers.post(url, documents)
        self._metrics.posted(url, result)
        if result is Result.OK:
            for incident in fresh:
                since = self._undelivered.pop(incident, None)
                if since is not None:
                    self._metrics.delivered(self._clock.unix() - since)
        return result is Result.OK

    async def look(self) -> Received:
        """Compare what is held to fire with what all Alertmanagers list."""
        now = self._clock.unix()
        intake = self._store.intake
        firing = await self._store.run(intake.firing)
        doubtful = await self._store.run(intake.doubtful)
        looks = await self._alertmanagers.looks(now)
        answered = {look.alertmanager for look in looks}
        for url in self._news:
            self._metrics.looked(url, url in answered)
        found = reconcile.compare(firing, doubtful, looks, self._settings)
        return await self._store.run(intake.apply, found, now)

    async def complete(self) -> None:
        """Fetch what Alertmanager left out of truncated groups; tried again at the next look."""
        for receiver, labels in await self._store.run(self._store.intake.truncated):
            rest = await self._alertmanagers.group(receiver, labels)
            if rest is not None:
                await self._store.run(self._store.intake.complete, rest, self._clock.unix())
