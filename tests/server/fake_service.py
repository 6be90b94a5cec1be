"""A service with made-up targets, and builders for the plans, results and views it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from exporter.core.model import Failure, Observation, Phases, Reason, Target, Verdict
from exporter.core.plan import Envelope, Fields, Plan, Request, Route, TargetPlan
from exporter.core.result import Facts, Result
from exporter.core.view import LimitView, View

NOW = 1_800_000_000.0
SECRET = "hunter2-hunter2"
METRICS = b"probe_success 1\n"
OPENMETRICS = b"probe_success 1.0\n# EOF\n"


def target(text: str) -> Target:
    """``exchange/endpoint[/pair][@account][+cold]`` read back into a Target."""
    text, cold, _ = text.partition("+cold")
    text, _, account = text.partition("@")
    exchange, endpoint, pair = (*text.split("/"), "", "")[:3]
    return Target(exchange, endpoint, pair, account, bool(cold))


def target_plan(text: str, **changes: Any) -> TargetPlan:
    """The plan of one target, every 15 s with a timeout of 5 s unless changed."""
    url = f"https://user:pw@api.example.com/v1/x?symbol=BTCUSDT&signature=0badc0de&echo={SECRET}"
    plan = TargetPlan(
        target=target(text),
        prober="http",
        request=lambda now: Request(url),
        route=Route(),
        host="api.example.com",
        symbol="BTCUSDT",
        costs=(),
        interval=15.0,
        timeout=5.0,
        envelope=Envelope(None, None, None),
        fields=Fields(),
        payload_error=None,
        checks=(),
        parameters={},
        category="spot",
    )
    return replace(plan, **changes)


def result(text: str, failure: Failure | None = None, **changes: Any) -> Result:
    """A measurement of 143 ms that ended two seconds ago."""
    observation = Observation(
        elapsed=0.15,
        phases=Phases(processing=0.1, transfer=0.043),
        sent_at=NOW - 2.143,
        received_at=NOW - 2,
        latency=0.143,
        status=200,
        headers={"content-type": "application/json", "set-cookie": "sid=1234"},
        body=b'{"price": "1.5"}',
        reused=True,
        clock="kernel",
        address="192.0.2.1:443",
        http_version="1.1",
        requests_sent=1,
    )
    verdicts = (Verdict("envelope"), Verdict("freshness", failure))
    base = Result(target(text), observation, NOW - 2, Facts(payload_age=0.4), verdicts, failure)
    return replace(base, **changes)


def healthy(text: str, **changes: Any) -> View:
    """A view of a target that was just measured and is fine."""
    view = View(
        target_plan(text),
        result(text),
        age=2.0,
        limits=(LimitView("weight_1m", 0.34, 0.05, used=0.12, remaining=5280),),
        last_success_at=NOW - 2,
        since=NOW - 7200,
    )
    return replace(view, **changes)


def failing(text: str, reason: Reason, detail: str, **changes: Any) -> View:
    """A view of a target that was just measured and is not fine."""
    failed = result(text, Failure(reason, detail))
    return replace(
        healthy(text, result=failed, since=NOW - 180, last_success_at=NOW - 190), **changes
    )


@dataclass
class FakeService:
    """Serves fixed views; ``delay`` is how long a probe takes, in seconds."""

    known: Iterable[View] = ()
    delay: float = 0.0
    ready: bool = True
    problem: str = ""
    config: str = f"budget: 0.05\npassword: {SECRET}\n"
    metrics: bytes = METRICS
    titles: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unknown: int = 0
    reloads: int = 0
    timeouts: list[float] = field(default_factory=list)

    @property
    def _views(self) -> dict[str, View]:
        return {str(view.plan.target): view for view in self.known}

    @property
    def plan(self) -> Plan:
        plans = {name: view.plan for name, view in self._views.items()}
        return Plan(plans, {}, self.titles, self.warnings)

    @property
    def about(self) -> Mapping[str, str]:
        return {"version": "1.2.3", "started": str(NOW - 90000), "config file": "exporter.yml"}

    async def probe(self, target: str, timeout: float) -> View:
        self.timeouts.append(timeout)
        await asyncio.sleep(self.delay)
        return self._views[target]

    async def probe_all(self, timeout: float) -> tuple[View, ...]:
        self.timeouts.append(timeout)
        await asyncio.sleep(self.delay)
        return self.views()

    def views(self) -> tuple[View, ...]:
        return tuple(self._views.values())

    def render(self, views: tuple[View, ...], openmetrics: bool) -> bytes:
        return OPENMETRICS if openmetrics else self.metrics

    def count_unknown_target(self) -> None:
        self.unknown += 1

    async def reload(self) -> str:
        self.reloads += 1
        return self.problem

    def redacted_config(self) -> str:
        return self.config

    def redact(self, text: str) -> str:
        return text.replace(SECRET, "<secret>")

    def own_metrics(self, accept: str) -> tuple[bytes, str]:
        return b"up 1\n", "text/plain; version=0.0.4; charset=utf-8"
