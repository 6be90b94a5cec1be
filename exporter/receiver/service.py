"""The receiver at work: takes alerts in, has them analysed, keeps Alertmanager told."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable

from exporter.clock import Clock
from exporter.receiver import coalesce
from exporter.receiver.alertmanager import Alertmanagers
from exporter.receiver.analysis import Analysis, Minds
from exporter.receiver.coalesce import Case
from exporter.receiver.delivery import Delivery
from exporter.receiver.intake import Received
from exporter.receiver.metrics import ReceiverMetrics
from exporter.receiver.settings import Settings
from exporter.receiver.store import Store
from exporter.receiver.webhook import parse_group

_LOG = logging.getLogger(__name__)

_LONGEST_WAIT = 10.0  # seconds; a replay by another process is seen then
_AFTER_A_BUG = 1.0
_FORGET_EVERY = 3600.0


class Receiver:
    """Owns its tasks from ``start`` to ``close``."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        alertmanagers: Alertmanagers,
        minds: Minds,
        metrics: ReceiverMetrics,
        clock: Clock,
    ) -> None:
        self.store = store
        self.metrics = metrics
        self.clock = clock
        self.ready = False
        self._settings = settings
        self._delivery = Delivery(settings, store, alertmanagers, metrics, clock)
        self._analysis = Analysis(
            settings, store, minds, self._delivery, alertmanagers, metrics, clock
        )
        self._work = asyncio.Event()
        self._slots = asyncio.Semaphore(settings.budget.concurrency)
        self._loops: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.Task[None]] = {}
        self._forgot_at = 0.0

    def start(self) -> None:
        """Begin to work, with what was left when the receiver last ended."""
        rounds: list[Callable[[], Awaitable[None]]] = [self._plan, self._reconcile]
        rounds += [functools.partial(self._delivery.keep_told, url) for url in self._delivery.urls]
        self._loops = [asyncio.create_task(self._drive(one_round)) for one_round in rounds]
        self.ready = True

    async def close(self) -> None:
        """Stop at once: what is under way begins again from the store."""
        self.ready = False
        tasks = [*self._loops, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def accept(self, body: bytes) -> None:
        """Take a webhook in. Raises WebhookError, and sqlite3.Error when it cannot be kept."""
        received = await self.store.run(self._receive, body)
        self.metrics.alerts(received.taken, received.ignored)
        self._notice(received)

    def _receive(self, body: bytes) -> Received:
        return self.store.intake.receive(parse_group(body), self.clock.unix())

    def _notice(self, received: Received) -> None:
        if received.changed or received.closed:
            self._work.set()
        if received.closed:
            self._delivery.tell()

    async def _drive(self, one_round: Callable[[], Awaitable[None]]) -> None:
        """Repeat rounds for ever: a bug costs one round, not the receiver."""
        while True:
            try:
                await one_round()
            except Exception:
                self.metrics.failed()
                _LOG.exception("a round failed")
                await self.clock.sleep(_AFTER_A_BUG)

    async def _plan(self) -> None:
        """Begin what is due, then wait for news or for what is due next."""
        self._work.clear()
        now = self.clock.unix()
        plan = coalesce.plan(await self.store.run(self.store.work.cases), now, self._settings)
        if plan.open_storm or plan.absorbed:
            await self.store.run(self.store.work.absorb, plan.absorbed, now)
        if plan.close_storm:
            await self.store.run(self.store.work.end_storm, plan.released, now)
            self._delivery.tell()
        for case in plan.analyse:
            if case.key not in self._running:
                self._begin(case)
        wait = _LONGEST_WAIT if plan.next_at is None else max(plan.next_at - now, 0.0)
        try:
            async with asyncio.timeout(min(wait, _LONGEST_WAIT)):
                await self._work.wait()
        except TimeoutError:
            pass

    def _begin(self, case: Case) -> None:
        task = asyncio.create_task(self._analyse(case))
        self._running[case.key] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._running.pop(case.key, None)
            if not task.cancelled() and (error := task.exception()):
                _LOG.error("the store failed", exc_info=error)
            self._work.set()

        task.add_done_callback(ended)

    async def _analyse(self, case: Case) -> None:
        async with self._slots:
            try:
                await self._analysis.run(case)
            except Exception as error:
                self.metrics.failed()
                _LOG.exception("an analysis failed", extra={"fields": {"incident": case.key}})
                now = self.clock.unix()
                await self.store.run(self.store.work.failed, case, repr(error), now)

    async def _reconcile(self) -> None:
        """Every heartbeat: look at what still fires, and once an hour forget what is long over."""
        await self._delivery.complete()
        self._notice(await self._delivery.look())
        now = self.clock.unix()
        if now - self._forgot_at >= _FORGET_EVERY:
            self._forgot_at = now
            await self.store.run(self.store.work.forget, now, self._settings.retention)
        await self.clock.sleep(self._settings.heartbeat)
