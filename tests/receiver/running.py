"""A receiver for tests, an analyst without wisdom, and an Alertmanager that remembers.

    python -m tests.receiver.running FILE HOST:PORT MODE

runs a receiver as a process of its own; MODE is ``shipped`` (the analyst of the configuration),
``fast`` (one that takes no time) or ``hang`` (one that never answers).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from exporter.receiver.analysis import Minds
from exporter.receiver.compose import BuildMinds, serve
from exporter.receiver.config import load_settings
from exporter.receiver.minds import build_minds
from exporter.receiver.model import (
    Alert,
    Analysis,
    Analyst,
    Answer,
    Cause,
    Evidence,
    Incident,
    PastIncident,
)
from exporter.receiver.settings import Settings

NOW = 1_800_000_000.0


@dataclass
class Placid:
    """Gives the same answer to everything, after ``delay`` seconds, and remembers what it saw."""

    cause: Cause = Cause.OUTAGE
    level: int = 3
    suppress: bool = False
    requires_human: bool = False
    delay: float = 0.0  # real seconds
    error: Exception | None = None
    name: str = "placid"
    tokens: int = 0
    seen: list[Evidence] = field(default_factory=list)

    async def analyse(self, evidence: Evidence, now: float) -> Answer:
        self.seen.append(evidence)
        await asyncio.sleep(self.delay)
        if self.error:
            raise self.error
        names = sorted({alert.name for alert in evidence.incident.alerts})
        analysis = Analysis(
            cause=self.cause,
            summary=f"{evidence.incident.exchange or 'many exchanges'} in trouble",
            impact="orders fail",
            action="wait",
            level=self.level,
            requires_human=self.requires_human,
            confidence=0.7,
            evidence=tuple(names),
            suppress=self.suppress,
        )
        return Answer(analysis, self.name, prompt_tokens=self.tokens)


async def gather(
    incident: Incident,
    others: tuple[Incident, ...],
    recent: tuple[PastIncident, ...],
    now: float,
) -> Evidence:
    """Evidence without snapshots and runbooks."""
    return Evidence(incident, now, recent=recent, others=others)


def minds(analyst: Analyst, fallback: Analyst | None = None) -> BuildMinds:
    """These, whatever the settings say."""

    def build(*_: object) -> Minds:
        return Minds(gather, analyst, fallback or Placid(name="fallback"))

    return build


def alert(
    name: str = "ExchangeDown",
    exchange: str = "okx",
    severity: str = "critical",
    starts_at: float = NOW,
    ends_at: float | None = None,
    **labels: str,
) -> Alert:
    """An alert as the rules raise it."""
    found = {"alertname": name, "severity": severity, "area": "availability", **labels}
    if exchange:
        found["exchange"] = exchange
    annotations = {
        "summary": f"{exchange} is down",
        "runbook_url": f"https://example.org/runbooks/{name}.md",
        "dashboard_url": "http://localhost:3000/d/exchange-overview",
    }
    fingerprint = "-".join(found.values())
    return Alert(fingerprint, found, annotations, starts_at, ends_at)


def webhook(*alerts: Alert, truncated: int = 0, **labels: str) -> dict[str, Any]:
    """A notification of these alerts."""
    documents = [
        {
            "status": "firing" if it.ends_at is None else "resolved",
            "labels": dict(it.labels),
            "annotations": dict(it.annotations),
            "startsAt": rfc3339(it.starts_at),
            "endsAt": "0001-01-01T00:00:00Z" if it.ends_at is None else rfc3339(it.ends_at),
            "generatorURL": "http://prometheus/graph",
            "fingerprint": it.fingerprint,
        }
        for it in alerts
    ]
    return {
        "version": "4",
        "groupKey": '{}:{alertname="x"}',
        "truncatedAlerts": truncated,
        "status": "firing",
        "receiver": "triage",
        "groupLabels": labels,
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": documents,
    }


def body(*alerts: Alert, truncated: int = 0, **labels: str) -> bytes:
    """The same as bytes."""
    return json.dumps(webhook(*alerts, truncated=truncated, **labels)).encode()


def rfc3339(at: float) -> str:
    """Unix seconds as Alertmanager writes them, in nanoseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".123456789Z"


@dataclass
class FakeAlertmanager:
    """Speaks enough of API v2. ``active`` is what it lists; ``posts`` what came, as it came."""

    url: str = ""
    status: int = 200
    delay: float = 0.0
    started_at: float = NOW - 86_400.0
    active: list[Alert] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    posts: list[list[dict[str, Any]]] = field(default_factory=list)
    silences: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def post_alerts(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay)
        async with self.arrived:
            self.posts.append(await request.json())
            self.arrived.notify_all()
        return web.Response(status=self.status)

    async def post_silences(self, request: web.Request) -> web.Response:
        self.silences.append(await request.json())
        return web.json_response({"silenceID": f"s{len(self.silences)}"}, status=self.status)

    async def get_alerts(self, request: web.Request) -> web.Response:
        async with self.arrived:
            self.looks += 1
            self.arrived.notify_all()
        listed = webhook(*self.active)["alerts"]
        for one in listed:
            one["status"] = {"state": "active", "silencedBy": [], "inhibitedBy": []}
        return web.json_response(listed, status=self.status)

    async def get_status(self, request: web.Request) -> web.Response:
        return web.json_response({"uptime": rfc3339(self.started_at)}, status=self.status)

    async def get_groups(self, request: web.Request) -> web.Response:
        return web.json_response(self.groups, status=self.status)

    async def told(self, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The newest post, once it meets a condition; waits for it 5 s at most."""

        def met() -> bool:
            return bool(self.posts) and condition(self.posts[-1])

        async with asyncio.timeout(5.0), self.arrived:
            await self.arrived.wait_for(met)
            return self.posts[-1]

    async def looked(self, times: int) -> None:
        """Wait until it was asked for its alerts so many times; 10 s at most."""
        async with asyncio.timeout(10.0), self.arrived:
            await self.arrived.wait_for(lambda: self.looks >= times)


@asynccontextmanager
async def fake_alertmanager(**changes: Any) -> AsyncIterator[FakeAlertmanager]:
    """One that listens."""
    fake = FakeAlertmanager(**changes)
    app = web.Application()
    app.router.add_post("/api/v2/alerts", fake.post_alerts)
    app.router.add_post("/api/v2/silences", fake.post_silences)
    app.router.add_get("/api/v2/alerts", fake.get_alerts)
    app.router.add_get("/api/v2/status", fake.get_status)
    app.router.add_get("/api/v2/alerts/groups", fake.get_groups)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await runner.cleanup()


def settings(folder: Path, *alertmanagers: FakeAlertmanager, **changes: Any) -> Settings:
    """Settings whose state is in a folder of the test; no debounce."""
    values: Mapping[str, Any] = {
        "alertmanagers": tuple(fake.url for fake in alertmanagers) or ("http://127.0.0.1:9",),
        "state_path": str(folder / "receiver.db"),
        "debounce": 0.0,
        "heartbeat": 30.0,
        **changes,
    }
    return Settings(**values)


def main(file: str, address: str, mode: str) -> int:
    """Serve until a signal comes."""
    found, _ = load_settings(Path(file))
    build = minds(Placid(delay=3600.0 if mode == "hang" else 0.0))
    return asyncio.run(serve(found, [address], build_minds if mode == "shipped" else build))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
