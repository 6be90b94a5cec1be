"""All watches of one configuration, and what a scrape reads of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.core.model import Failure, Observation, Reason
from exporter.core.plan import TargetPlan
from exporter.core.result import Result
from exporter.core.stream_plan import StreamPlan
from exporter.core.stream_target import connects_key
from exporter.core.stream_totals import Totals
from exporter.core.stream_view import StreamView, stream_view
from exporter.core.view import View
from exporter.streams.trace import Tell, trace
from exporter.streams.watch import Tools, Watch

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Past:
    """What one target came to when it was last looked at. Times are unix seconds."""

    reason: Reason | None = None
    since: float | None = None
    last_success_at: float | None = None


@dataclass(slots=True)
class _Running:
    watch: Watch
    task: asyncio.Task[None] | None = None


class Monitor:
    """Owns the tasks of all streams. Belongs to one event loop."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._running: dict[str, _Running] = {}
        self._targets: dict[str, tuple[TargetPlan, Watch]] = {}
        self._past: dict[str, _Past] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._started = False

    def start(self) -> None:
        """Begin to watch."""
        self._started = True
        for running in self._running.values():
            if running.task is None:
                running.task = asyncio.create_task(self._contained(running.watch))

    async def close(self) -> None:
        """Stop watching and close every connection, within a second."""
        self._started = False
        for running in self._running.values():
            self._stop(running)
        await self.settled()

    def apply(self, streams: Mapping[str, StreamPlan], targets: Mapping[str, TargetPlan]) -> None:
        """Put other plans in force: only what changed is stopped, started or replaced."""
        old, totals = self._running, [each.watch.totals for each in self._running.values()]
        self._running = {
            key: old[key]
            if key in old and _same(old[key].watch.plan, plan)
            else _Running(self._watch(plan, totals))
            for key, plan in streams.items()
        }
        self._targets = {
            str(channel.target): (targets[str(channel.target)], each.watch)
            for each in self._running.values()
            for channel in each.watch.plan.channels
        }
        self._past = {name: self._past.get(name, _Past()) for name in self._targets}
        for key, running in old.items():
            if self._running.get(key) is not running:
                self._stop(running)
        if self._started:
            self.start()

    async def settled(self) -> None:
        """Wait until what was stopped has closed its connections."""
        stopping = tuple(self._stopping)
        await asyncio.gather(*stopping, return_exceptions=True)
        self._stopping.difference_update(stopping)

    def _stop(self, running: _Running) -> None:
        if running.task is not None:
            running.task.cancel()
            self._stopping.add(running.task)
            running.task = None

    def __contains__(self, target: str) -> bool:
        return target in self._targets

    def views(self) -> Iterator[View]:
        """The state of every stream."""
        return map(self.view, self._targets)

    def view(self, target: str) -> View:
        """The state of one stream; asks nobody anything. Raises KeyError for an unknown one."""
        _, watch = self._targets[target]
        clock = self._tools.clock
        now, unix = clock.monotonic(), clock.unix()
        return self._view(target, stream_view(target, watch.totals, watch.link, now, unix))

    async def trace(self, target: str, seconds: float, tell: Tell) -> View:
        """Listen to one stream over a connection of its own, if one may be opened now.

        Raises KeyError for an unknown one.
        """
        _, watch = self._targets[target]
        tools = self._tools
        watch.denial = tools.limiter.reserve(watch.claim, tools.clock.monotonic())
        if watch.denial is not None:
            return self.view(target)
        tools.spent()
        channel = next(each for each in watch.plan.channels if str(each.target) == target)
        state = await trace(watch.plan, channel, tools.opener, tools.clock, seconds, tell)
        return self._view(target, state)

    def _view(self, target: str, state: StreamView) -> View:
        plan, watch = self._targets[target]
        clock = self._tools.clock
        now, unix = clock.monotonic(), clock.unix()
        past = self._past[target]
        _look(past, state, unix)
        denial = watch.denial
        until = max(block.until for block in watch.claim.blocks)
        return View(
            plan=plan,
            result=_result(plan, state, unix),
            age=0.0 if state.settled else None,
            skipped=denial.reason if denial and not state.connected else None,
            skip_detail=denial.what if denial and not state.connected else "",
            retry_at=state.next_attempt_at,
            blocked_until=unix + until - now if until > now else None,
            limits=self._tools.limiter.views(watch.claim, now),
            last_success_at=past.last_success_at,
            since=past.since,
            stream=state,
        )

    def _watch(self, plan: StreamPlan, known: list[Totals]) -> Watch:
        costs = ((connects_key(plan), 1.0),)
        claim = self._tools.limiter.claim(plan.exchange, "stream", "", costs)
        return Watch(plan, Totals.of(plan, known), claim, self._tools)

    async def _contained(self, watch: Watch) -> None:
        """Start again after a crash, which is a bug of ours and must not end the watch."""
        while True:
            try:
                await watch.run()
            except Exception as error:
                _LOG.exception("stream crashed", extra={"fields": {"stream": watch.plan.key}})
                watch.crashed(error)
            await self._tools.clock.sleep(60.0)


def _same(old: StreamPlan, new: StreamPlan) -> bool:
    """Whether two plans were compiled from the same text; functions cannot be compared."""
    return bool(new.source) and old.source == new.source and old.route == new.route


def _look(past: _Past, state: StreamView, unix: float) -> None:
    if not state.settled:
        return
    reason = state.failure.reason if state.failure else None
    if past.since is None or reason != past.reason:
        past.reason, past.since = reason, unix
    if reason is None:
        past.last_success_at = unix


def _result(plan: TargetPlan, state: StreamView, unix: float) -> Result | None:
    if not state.settled:
        return None
    failure: Failure | None = state.failure
    observation = Observation(elapsed=0.0, failure=failure)
    return Result(plan.target, observation, unix, facts=state.facts, failure=failure)
