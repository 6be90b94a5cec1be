"""The running exporter: one configuration in force, its runner, its metrics, its state on disk."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from exporter import __version__
from exporter.clock import Clock, SystemClock
from exporter.config.errors import ConfigError, Problem
from exporter.config.loader import load_config
from exporter.config.model import Config
from exporter.config.plan import build_plan
from exporter.config.secret import Redactor
from exporter.core.breaker import Breakers
from exporter.core.limits import Limiter
from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Plan
from exporter.core.result import Result
from exporter.core.stream_target import with_cold_streams, with_streams
from exporter.core.view import View
from exporter.metrics import OwnMetrics, ProbeMetrics
from exporter.probers import PROBERS, Prober
from exporter.probers.conversation import WebSocketOpener
from exporter.runner import Runner
from exporter.state import DiskStore, MemoryStore, Snapshot, Store
from exporter.streams import Monitor, Tools, TraceEvent

_LOG = logging.getLogger(__name__)
_SAVE_EVERY = 1.0
_LAG_EVERY = 0.25

Load = Callable[[], Config]
"""Reads the configuration. Raises ConfigError."""


@dataclass(slots=True)
class _Generation:
    """Everything that one configuration brings with it; replaced as a whole by a reload."""

    config: Config
    plan: Plan
    runner: Runner
    metrics: ProbeMetrics
    redact: Redactor


class Exporter:
    """Implements ``exporter.server.interface.Service``.

    Limiter, circuits and probers live as long as the process; the rest as long as a configuration.
    """

    def __init__(self, load: Load, clock: Clock | None = None, *, read_only: bool = False) -> None:
        """Load the configuration; nothing runs before ``start``. Raises ConfigError.

        ``read_only`` heeds the state that another process keeps on disk, and leaves it alone.
        """
        self._load = load
        self._clock = clock or SystemClock()
        self._started_at = self._clock.unix()
        self._own = OwnMetrics(CollectorRegistry(), __version__)
        self._breakers = Breakers(random.random)
        config = load()
        probes = with_cold_streams(build_plan(config))
        plan = with_streams(probes)
        self._limiter = Limiter(plan.limits.values(), [p.costs for p in plan.targets.values()])
        self._probers: Mapping[str, Prober] = {
            name: new(__version__) for name, new in PROBERS.items()
        }
        self._read_only = read_only
        self._store: Store = DiskStore(config.state_path) if config.state_path else MemoryStore()
        if not read_only and (problem := self._store.claim()):
            raise ConfigError(
                [Problem(str(config.file or "configuration"), 0, "$.state.path", problem)]
            )
        self._dirty = False
        self._saving = threading.Lock()
        self._taken = self._written = 0
        self._saving_fails = False
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = False
        self._restore()
        self._in_force = self._generation(config, plan, probes, None)
        self._opener = WebSocketOpener(__version__)
        self._monitor = Monitor(self._tools())
        self._monitor.apply(plan.streams, plan.targets)
        self._own.reloaded(True, self._clock.unix())

    # -- lifecycle ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the background tasks and accept probes."""
        self._tasks = [
            asyncio.create_task(self._save_regularly()),
            asyncio.create_task(self._measure_loop_lag()),
        ]
        self._monitor.start()
        # Plan, schemas and code are here to stay: a full collection need not walk them again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)  # a probe makes no cycles; collect seldom
        self.ready = True

    async def close(self) -> None:
        """Stop everything and save the state."""
        self.ready = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._monitor.close()
        self._opener.close()
        await self._in_force.runner.close()
        for prober in self._probers.values():
            await prober.close()
        self._save()
        self._store.release()

    async def reload(self) -> str:
        """Put the configuration's present text in force, or keep the last good one and say why."""
        try:
            await self._reload()
        except ConfigError as error:
            problem = str(error)
            _LOG.error("reload failed", extra={"fields": {"problems": problem}})
        except Exception as error:  # whatever it is, nobody must take it for a success
            problem = f"{type(error).__name__}: {error}"
            _LOG.exception("reload failed", extra={"fields": {"problems": problem}})
        else:
            problem = ""
        self._own.reloaded(not problem, self._clock.unix())
        return problem

    async def _reload(self) -> None:
        config = self._load()
        probes = with_cold_streams(build_plan(config))
        old, plan = self._in_force, with_streams(probes)
        self._limiter.reconfigure(plan.limits.values(), [p.costs for p in plan.targets.values()])
        new = self._generation(config, plan, probes, old)
        new.runner.carry_over(old.runner)
        self._in_force = new
        self._monitor.apply(plan.streams, plan.targets)
        await old.runner.close()
        await self._monitor.settled()
        _LOG.info("configuration reloaded", extra={"fields": {"targets": len(plan.targets)}})

    def _generation(
        self, config: Config, plan: Plan, probes: Plan, old: _Generation | None
    ) -> _Generation:
        """``probes`` is the part of ``plan`` that the runner asks; the rest are streams."""
        metrics = ProbeMetrics(plan)
        if old:
            metrics.carry_over(old.metrics)
        runner = Runner(
            probes,
            limiter=self._limiter,
            breakers=self._breakers,
            probers=self._probers,
            recorder=_Recorder(metrics, self._own, self._changed),
            clock=self._clock,
            blocked=self._save,
        )
        self._own.planned(plan)
        for warning in plan.warnings:
            _LOG.warning(warning)
        return _Generation(config, plan, runner, metrics, Redactor(config.secrets))

    def _tools(self) -> Tools:
        return Tools(
            opener=self._opener,
            limiter=self._limiter,
            clock=self._clock,
            rand=random.random,
            clock_offset=lambda exchange: self._in_force.runner.clock_offset(exchange),
            spent=self._changed,
        )

    # -- what the web server asks for --------------------------------------------------------

    @property
    def plan(self) -> Plan:
        return self._in_force.plan

    async def probe(self, target: str, timeout: float) -> View:
        if target in self._monitor:
            return self._monitor.view(target)
        return await self._in_force.runner.probe(target, timeout)

    def is_stream(self, target: str) -> bool:
        """Whether a target is a stream that is watched."""
        return target in self._monitor

    async def trace(self, target: str, seconds: float, tell: Callable[[TraceEvent], None]) -> View:
        """Listen to one stream for a while over a connection of its own.

        Raises KeyError if no such stream is configured.
        """
        return await self._monitor.trace(target, seconds, tell)

    async def probe_all(self, timeout: float) -> tuple[View, ...]:
        asked = await self._in_force.runner.probe_all(timeout)
        return (*asked, *self._monitor.views())

    def views(self) -> tuple[View, ...]:
        return (*self._in_force.runner.views(), *self._monitor.views())

    def render(self, views: tuple[View, ...], openmetrics: bool) -> bytes:
        began = time.perf_counter()
        text = self._in_force.metrics.render(views, openmetrics)
        self._own.rendered(time.perf_counter() - began)
        return text

    def count_unknown_target(self) -> None:
        self._own.unknown_target()

    def redacted_config(self) -> str:
        config = self._in_force.config
        if config.file is None:
            return "# built-in configuration: the seven shipped exchanges, BTC-USDT\n"
        return self.redact(config.file.read_text(encoding="utf-8", errors="replace"))

    def redact(self, text: str) -> str:
        return self._in_force.redact(text)

    def own_metrics(self, accept: str) -> tuple[bytes, str]:
        self._own.in_flight(self._in_force.runner.in_flight)
        return self._own.exposition(accept)

    @property
    def about(self) -> Mapping[str, str]:
        config = self._in_force.config
        return {
            "version": __version__,
            "started": str(self._started_at),
            "config file": str(config.file or "built in"),
            "targets": str(len(self.plan.targets)),
        }

    # -- state -------------------------------------------------------------------------------

    def _restore(self) -> None:
        saved, problem = self._store.load()
        if problem:
            self._own.state_error()
            _LOG.error(f"state not loaded: {problem}")
        now, unix = self._clock.monotonic(), self._clock.unix()
        self._limiter.restore(saved.limiter, now, unix)
        self._breakers.restore(saved.circuits, now, unix)

    def _changed(self) -> None:
        self._dirty = True

    def _save(self) -> None:
        """Write the state now. A block must be on disk before anything else is sent."""
        self._write(*self._snapshot())

    async def _save_regularly(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY)
            if self._dirty:
                # Syncing to a slow disk would hold up everybody's probes.
                await asyncio.to_thread(self._write, *self._snapshot())

    def _snapshot(self) -> tuple[int, Snapshot]:
        """The state, and a number by which an older one never replaces a newer one on disk."""
        self._dirty = False
        self._taken += 1
        now, unix = self._clock.monotonic(), self._clock.unix()
        limiter, circuits = self._limiter.snapshot(now, unix), self._breakers.snapshot(now, unix)
        return self._taken, Snapshot(limiter, circuits)

    def _write(self, number: int, snapshot: Snapshot) -> None:
        with self._saving:
            if self._read_only or number < self._written:
                return
            self._written = number
            problem = self._store.save(snapshot)
        if problem:
            self._own.state_error()
        if bool(problem) != self._saving_fails:
            self._saving_fails = bool(problem)
            what = f"state not saved: {problem}" if problem else "state saved again"
            _LOG.log(logging.ERROR if problem else logging.INFO, what)

    async def _measure_loop_lag(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_LAG_EVERY)
            self._own.loop_lag(max(time.perf_counter() - before - _LAG_EVERY, 0.0))


class _Recorder:
    """Counts in the metrics of the targets and of the exporter, and marks the state as changed."""

    def __init__(self, metrics: ProbeMetrics, own: OwnMetrics, changed: Callable[[], None]) -> None:
        self._metrics = metrics
        self._own = own
        self._changed = changed

    def record(self, result: Result) -> None:
        self._changed()
        self._metrics.record(result)
        if result.observation.status is not None and result.observation.clock != "kernel":
            self._own.timestamp_fallback()
        for verdict in result.verdicts:
            if verdict.failure and verdict.failure.reason is Reason.INTERNAL_ERROR:
                self._own.check_error(verdict.check)

    def record_skip(self, target: str, reason: SkipReason) -> None:
        self._metrics.record_skip(target, reason)


def file_loader(file: Path | None) -> Load:
    """A loader of one configuration file, or of the built-in configuration."""
    return lambda: load_config(file)
