"""Runs probes: single flight, minimum interval, limiter, circuit, prober, judgement, record.

A probe is a task that the runner owns. A scrape starts it or joins the one in flight, and waits
for it no longer than its own deadline; the probe goes on by itself when the scrape has to leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from exporter.clock import Clock
from exporter.core.breaker import Breakers, Event, event_of
from exporter.core.envelope import NO_DOCUMENT, judge_answer
from exporter.core.evaluate import judge
from exporter.core.limits import Claim, Denial, Limiter
from exporter.core.memory import Memory
from exporter.core.model import Failure, Observation, Reason, SkipReason
from exporter.core.plan import Limit, Meaning, Plan, TargetPlan
from exporter.core.result import Result
from exporter.core.skew import Skew
from exporter.core.usage import ASKED_TO_WAIT, block_seconds, limit_usages, retry_after
from exporter.core.view import View
from exporter.probers import Prober

_LOG = logging.getLogger(__name__)

TOLERANCE = 0.95
"""A probe is due after this share of its interval: a scrape may come a little early."""

REPEAT_FOR = 3.0
"""A measurement is repeated for at most this many intervals while our own pacing skips probes."""

LEAST_TIME = 0.25
"""A scrape with fewer seconds (left) neither waits for our turn nor bounds its probe."""

JOIN_GRACE = 0.1
"""A probe that times out together with its scrape still has this long to say so."""


class Recorder(Protocol):
    """Counts what happened; implemented by the metrics."""

    def record(self, result: Result) -> None: ...

    def record_skip(self, target: str, reason: SkipReason) -> None: ...


@dataclass(slots=True)
class _TargetState:
    """What the runner remembers of one target.

    ``asked_at`` is when the scrape came whose probe is the newest measurement, ``measured_at`` when
    that was complete, both monotonic; the rest is unix. A probe is due by the former, lest a slow
    answer, or a wait for our turn, cost the next scrape its probe.
    """

    plan: TargetPlan
    claim: Claim
    limits: tuple[Limit, ...]
    memory: Memory = Memory()
    result: Result | None = None
    asked_at: float = float("-inf")
    measured_at: float = float("-inf")
    last_success_at: float | None = None
    since: float | None = None
    task: asyncio.Task[Denial | None] | None = None
    waiting_for: Denial | None = None  # set while the task waits for its turn


class Runner:
    """Probes the targets of one plan. Belongs to one event loop."""

    def __init__(
        self,
        plan: Plan,
        *,
        limiter: Limiter,
        breakers: Breakers,
        probers: Mapping[str, Prober],
        recorder: Recorder,
        clock: Clock,
        blocked: Callable[[], None],
    ) -> None:
        """``blocked`` is called when an exchange told us to stay away, before anything else is
        sent, so that this can be made to outlive the process.
        """
        self.plan = plan
        self._limiter = limiter
        self._breakers = breakers
        self._probers = probers
        self._recorder = recorder
        self._clock = clock
        self._blocked = blocked
        self._skews: dict[str, Skew] = {}
        self._states = {key: self._state(target) for key, target in plan.targets.items()}

    def _state(self, plan: TargetPlan) -> _TargetState:
        target = plan.target
        claim = self._limiter.claim(target.exchange, target.endpoint, target.account, plan.costs)
        limits = tuple(self.plan.limits[key] for key, _ in plan.costs)
        return _TargetState(plan, claim, limits)

    def carry_over(self, old: Runner) -> None:
        """Take over what ``old`` learned of the targets that both have (a reload)."""
        self._skews.update(old._skews)
        for key, state in self._states.items():
            if before := old._states.get(key):
                state.memory = before.memory
                state.result = before.result
                state.asked_at = before.asked_at
                state.measured_at = before.measured_at
                state.last_success_at = before.last_success_at
                state.since = before.since

    async def close(self) -> None:
        """Cancel the probes in flight and wait for them."""
        tasks = [state.task for state in self._states.values() if state.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for state in self._states.values():
            state.task = None  # one that was cancelled before it began did not do so itself

    @property
    def in_flight(self) -> int:
        """Probes being sent or waiting for their turn."""
        return sum(state.task is not None for state in self._states.values())

    def clock_offset(self, exchange: str) -> float:
        """The exchange's clock minus ours in seconds, as far as its answers told; else 0."""
        return self._skews.get(exchange, Skew()).offset(self._clock.unix()) or 0.0

    async def probe_all(self, timeout: float) -> tuple[View, ...]:
        """Probe every target that is due, the longest unmeasured first; views in plan order."""
        keys = sorted(self._states, key=lambda key: self._states[key].measured_at)
        views = await asyncio.gather(*(self.probe(key, timeout) for key in keys))
        by_key = dict(zip(keys, views, strict=True))
        return tuple(by_key[key] for key in self._states)

    async def probe(self, key: str, timeout: float) -> View:
        """Probe one target if it is due, or say why not, within ``timeout`` seconds.

        Raises KeyError for a target that is not in the plan.
        """
        state = self._states[key]
        now = self._clock.monotonic()
        deadline = now + timeout
        if state.task is None:
            if now - state.asked_at < TOLERANCE * state.plan.interval:
                return self._skip(state, SkipReason.INTERVAL, self._due_again(state))
            if denial := self._start(state, now, timeout):
                return self._skip_denied(state, denial)
        return await self._join(state, deadline)

    def views(self) -> tuple[View, ...]:
        """The state of every target, without probing."""
        return tuple(self._view(state) for state in self._states.values())

    def _start(self, state: _TargetState, now: float, timeout: float) -> Denial | None:
        """Start the probe's task, or say why there is none to wait for."""
        denial = self._limiter.reserve(state.claim, now)
        if denial and _hopeless(denial, now + state.plan.interval):
            return denial
        state.waiting_for = denial
        state.task = asyncio.create_task(self._contained(state, denial, now, timeout))
        return None

    async def _contained(
        self, state: _TargetState, refused: Denial | None, asked_at: float, timeout: float
    ) -> Denial | None:
        """Turn a crash, which is a bug of ours, into a failure that does not blame the exchange."""
        try:
            refused = await self._wait_and_attempt(state, refused, asked_at, timeout)
        except Exception as error:
            refused = None
            self._crashed(state, error)
        finally:
            state.task = None
            state.waiting_for = None
        if not refused:
            state.asked_at = asked_at
        return refused

    def _crashed(self, state: _TargetState, error: Exception) -> None:
        target = state.plan.target
        _LOG.exception("probe crashed", extra={"fields": {"target": str(target)}})
        failure = Failure(Reason.INTERNAL_ERROR, f"{type(error).__name__} in the exporter")
        result = Result(target, Observation(0.0), self._clock.unix(), failure=failure)
        self._remember(state, result, self._clock.monotonic())
        self._recorder.record(result)

    async def _join(self, state: _TargetState, deadline: float) -> View:
        """Wait for the probe in flight, as long as it can still end before the deadline."""
        task = state.task
        assert task is not None
        if state.waiting_for and state.waiting_for.retry_at + LEAST_TIME > deadline:
            return self._skip_denied(state, state.waiting_for)
        left = deadline + JOIN_GRACE - self._clock.monotonic()
        await asyncio.wait({task}, timeout=max(left, 0.0))
        if not task.done():
            if state.waiting_for:
                return self._skip_denied(state, state.waiting_for)
            return self._skip(state, SkipReason.INTERVAL, "a probe is in flight")
        denial = None if task.cancelled() else task.result()
        return self._skip_denied(state, denial) if denial else self._view(state)

    async def _wait_and_attempt(
        self, state: _TargetState, refused: Denial | None, now: float, timeout: float
    ) -> Denial | None:
        """Wait for our turn at the limiter, at most one interval long, then probe.

        A target whose scrape always comes just after its neighbours' would otherwise never get a
        turn where the budget allows one request in many seconds.
        """
        give_up = now + state.plan.interval
        while refused:
            if _hopeless(refused, give_up):
                return refused
            state.waiting_for = refused
            await self._clock.sleep(max(refused.retry_at - now, 0.001))
            now = self._clock.monotonic()
            refused = self._limiter.reserve(state.claim, now)
        state.waiting_for = None
        return await self._attempt(state, now, timeout)

    async def _attempt(
        self, state: _TargetState, reserved_at: float, timeout: float
    ) -> Denial | None:
        """Send one request that the limiter granted at ``reserved_at``, judge and record it.

        The ``timeout`` of the scrape bounds it too, but not what a wait left of that: the exchange
        would be blamed for our wait.
        """
        plan = state.plan
        circuit = (plan.target.exchange, plan.host)
        now = self._clock.monotonic()
        if denial := self._breakers.allow(circuit, now):
            self._limiter.refund(state.claim, reserved_at)
            return denial
        timeout = min(plan.timeout, timeout) if timeout >= LEAST_TIME else plan.timeout
        event = Event.RELEASE
        sent = 1
        try:
            request = plan.request(self._clock.unix())
            observation = await self._probers[plan.prober].ask(request, plan.route, timeout)
            sent = observation.requests_sent
            event = self._take_in(state, observation)
        finally:
            self._breakers.record(circuit, event, now, self._clock.monotonic())
            if not sent:
                self._limiter.refund(state.claim, reserved_at)
        return None

    def _take_in(self, state: _TargetState, observation: Observation) -> Event:
        """Learn everything that one observation teaches. No awaits: it is one step."""
        plan, now, unix = state.plan, self._clock.monotonic(), self._clock.unix()
        if plan.usage_headers and observation.headers:
            usages = limit_usages(observation.headers, state.limits, unix)
            self._limiter.sync(state.claim, usages, now)
        skew = self._skews.get(plan.target.exchange, Skew())
        judgement = judge(observation, plan, state.memory, skew, unix)
        self._skews[plan.target.exchange] = judgement.skew
        state.memory = judgement.memory
        result = judgement.result
        self._obey(state, result, now, unix)
        self._remember(state, result, now)
        self._recorder.record(result)
        return event_of(result.failure.reason if result.failure else None, observation.status)

    def _obey(self, state: _TargetState, result: Result, now: float, unix: float) -> None:
        """Stay away as long as the answer asks for."""
        observation = result.observation
        envelope = state.plan.envelope
        wait = retry_after(observation.headers, unix, envelope.retry_after_unit)
        # An answer that broke off was not judged, but its status counts.
        error = result.error or judge_answer(observation.status, NO_DOCUMENT, envelope, unix)
        if error is None:
            return
        limited = error.meaning in (Meaning.RATE_LIMITED, Meaning.BANNED)
        if not limited and not (wait and observation.status in ASKED_TO_WAIT):
            return
        seconds = block_seconds(
            envelope,
            unix,
            until=error.until,
            retry_after=wait,
            backoff=error.backoff,
            consecutive=self._limiter.consecutive(state.claim, error.scope, now),
        )
        reason = error.meaning.reason if limited else Reason.RATE_LIMITED
        self._limiter.block(state.claim, error.scope, now + seconds, reason, now)
        self._blocked()

    def _remember(self, state: _TargetState, result: Result, now: float) -> None:
        before = state.result.failure if state.result else None
        changed = state.result is None or (
            (before and before.reason) != (result.failure and result.failure.reason)
        )
        if changed:
            state.since = result.finished_at
        if result.ok:
            state.last_success_at = result.finished_at
        state.result = result
        state.measured_at = now

    def _due_again(self, state: _TargetState) -> str:
        return f"measured within its interval of {state.plan.interval:g} s"

    def _skip_denied(self, state: _TargetState, denial: Denial) -> View:
        unix = self._clock.unix() + denial.retry_at - self._clock.monotonic()
        return replace(self._skip(state, denial.reason, denial.what), retry_at=unix)

    def _skip(self, state: _TargetState, reason: SkipReason, detail: str) -> View:
        self._recorder.record_skip(str(state.plan.target), reason)
        return replace(self._view(state, reason), skipped=reason, skip_detail=detail)

    def _view(self, state: _TargetState, skipped: SkipReason | None = None) -> View:
        now = self._clock.monotonic()
        plan = state.plan
        shown = self._shown(state, skipped, now)
        return View(
            plan=plan,
            result=shown,
            age=max(now - state.measured_at, 0.0) if shown else None,
            blocked_until=self._blocked_until(state, now),
            circuit=self._breakers.state((plan.target.exchange, plan.host)),
            limits=self._limiter.views(state.claim, now),
            last_success_at=state.last_success_at,
            since=state.since,
        )

    def _shown(self, state: _TargetState, skipped: SkipReason | None, now: float) -> Result | None:
        """The last measurement, as far as it may be repeated.

        Trouble at the exchange lets failures stand until the next measurement, so that an alert
        does not resolve because we stopped asking, and withdraws successes, because nobody knows.
        """
        result = state.result
        if result is None:
            return None
        if skipped in (SkipReason.BACKOFF, SkipReason.CIRCUIT_OPEN):
            return None if result.ok else result
        too_old = now - state.measured_at > REPEAT_FOR * state.plan.interval + state.plan.timeout
        return None if too_old and result.ok else result

    def _blocked_until(self, state: _TargetState, now: float) -> float | None:
        until = max(block.until for block in state.claim.blocks)
        return self._clock.unix() + until - now if until > now else None


def _hopeless(denial: Denial, give_up: float) -> bool:
    """Whether waiting until ``give_up`` (monotonic) would not help."""
    return denial.reason is SkipReason.BACKOFF or denial.retry_at > give_up
