"""A runner between a scripted exchange and a recorder that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from exporter.core.breaker import Breakers
from exporter.core.limits import Limiter
from exporter.core.model import Failure, Observation, Reason, SkipReason, Target
from exporter.core.plan import (
    CodeRule,
    Envelope,
    Fields,
    Limit,
    Meaning,
    Plan,
    Request,
    Route,
    Scope,
    TargetPlan,
    UsageHeaders,
)
from exporter.core.result import Result
from exporter.core.view import View
from exporter.runner import Runner

from .virtual import EPOCH, START, FakeClock

Answer = Observation | Exception


def answer(body: str = '{"price": "1"}', status: int = 200, **headers: str) -> Observation:
    """A complete answer; ``retry_after="7"`` becomes the header ``retry-after``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Observation(0.0, status=status, headers=named, body=body.encode(), requests_sent=1)


def failed(reason: Reason, status: int | None = None, sent: int = 1, **headers: str) -> Observation:
    """An attempt that ended on the way."""
    return replace(
        answer("", 0, **headers),
        status=status,
        failure=Failure(reason, "scripted"),
        requests_sent=sent,
    )


OK = answer()
UNREACHABLE = failed(Reason.CONNECT, sent=0)
TIMED_OUT = failed(Reason.TIMEOUT)


@dataclass(frozen=True)
class Ask:
    """One request as the prober got it, ``at`` seconds after the test began."""

    at: float
    target: str
    timeout: float
    given: Answer


@dataclass
class FakeProber:
    """Gives the answers in turn, then always ``always``; every one takes ``takes`` seconds.

    It keeps to its timeout unless it ``hangs``.
    """

    clock: FakeClock
    answers: list[Answer] = field(default_factory=list)
    always: Answer = OK
    takes: float = 0.0
    hangs: bool = False
    asks: list[Ask] = field(default_factory=list)

    async def ask(self, request: Request, route: Route, timeout: float) -> Observation:
        given = self.answers.pop(0) if self.answers else self.always
        at = self.clock.monotonic() - START
        self.asks.append(Ask(at, request.url.removeprefix("x/"), round(timeout, 2), given))
        if self.hangs:
            await asyncio.Event().wait()
        await self.clock.sleep(min(self.takes, timeout))
        if isinstance(given, Exception):
            raise given
        if self.takes > timeout:
            return replace(TIMED_OUT, elapsed=timeout)
        return replace(given, elapsed=self.takes)

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass
class FakeRecorder:
    """Remembers what it was told."""

    results: list[Result] = field(default_factory=list)
    skips: list[tuple[str, SkipReason]] = field(default_factory=list)

    def record(self, result: Result) -> None:
        self.results.append(result)

    def record_skip(self, target: str, reason: SkipReason) -> None:
        self.skips.append((target, reason))


def _member(name: str) -> Callable[[Any], Any]:
    return lambda document: document.get(name) if isinstance(document, dict) else None


ENVELOPE = Envelope(
    ok=None,
    code=_member("code"),
    message=_member("message"),
    codes=(
        CodeRule("BAN".__eq__, Meaning.BANNED),
        CodeRule("SLOW".__eq__, Meaning.RATE_LIMITED, Scope.ENDPOINT, backoff=9.0),
    ),
    until=lambda text: EPOCH + float(text[6:]) if text.startswith("until ") else None,
)


def target(name: str, interval: float = 60.0, **changes: Any) -> TargetPlan:
    """A target ``x/<name>`` that costs 1 of the limit ``ip``; its URL is its key."""
    identity = Target("x", name)
    plan = TargetPlan(
        target=identity,
        prober="fake",
        request=lambda now: Request(str(identity)),
        route=Route(),
        host="api.x.test",
        symbol="",
        costs=(("ip", 1.0),),
        interval=interval,
        timeout=5.0,
        envelope=ENVELOPE,
        fields=Fields(last=_member("price")),
        payload_error=None,
        checks=("json", "envelope", "price"),
        parameters={},
        category="spot",
    )
    return replace(plan, **changes)


def limit(capacity: float, window: float = 1.0, share: float = 1.0) -> Limit:
    """The limit ``ip``, of which the exchange reports what was used."""
    headers = UsageHeaders(used="x-used")
    return Limit("ip", "x", "requests", Scope.IP, capacity, window, share, headers)


PLENTY = limit(1000.0)
ONE_IN_20_S = limit(1.0, 1.0, 0.05)


class World:
    """Everything a test looks at. ``blocks`` holds how many asks came before each block."""

    def __init__(self, *targets: TargetPlan, ip: Limit = PLENTY) -> None:
        keyed = {str(each.target): each for each in targets}
        self.plan = Plan(targets=keyed, limits={"ip": ip})
        self.clock = FakeClock()
        self.prober = FakeProber(self.clock)
        self.recorder = FakeRecorder()
        self.blocks: list[int] = []
        self.limiter = Limiter([ip], [each.costs for each in targets])
        self.breakers = Breakers(lambda: 0.5)  # three quarters of the longest wait
        self.runner = self.successor()

    def successor(self) -> Runner:
        """Another runner for the same plan, as a reload makes it."""
        return Runner(
            self.plan,
            limiter=self.limiter,
            breakers=self.breakers,
            probers={"fake": self.prober},
            recorder=self.recorder,
            clock=self.clock,
            blocked=lambda: self.blocks.append(len(self.prober.asks)),
        )

    async def scrape(self, name: str, timeout: float = 10.0) -> View:
        """Probe ``x/<name>``."""
        return await self.runner.probe(f"x/{name}", timeout)

    async def scrape_each(self, names: Sequence[str], timeout: float = 10.0) -> list[View]:
        """Probe several targets at the same moment."""
        return await asyncio.gather(*(self.scrape(name, timeout) for name in names))

    async def until(self, elapsed: float) -> None:
        """Let time pass until ``elapsed`` seconds after the beginning."""
        await self.clock.sleep(START + elapsed - self.clock.monotonic())

    @property
    def asked(self) -> list[str]:
        """The names of the targets that were asked, in order."""
        return [ask.target for ask in self.prober.asks]

    @property
    def ask_times(self) -> list[float]:
        return [round(ask.at, 2) for ask in self.prober.asks]

    @property
    def budget_used(self) -> float:
        """Our spending of the limit relative to our allowance."""
        claim = self.limiter.claim("x", "x", "", (("ip", 1.0),))
        return self.limiter.views(claim, self.clock.monotonic())[0].budget_used


def reason_of(view: View) -> Reason | None:
    """Why the shown measurement failed; None for a success. There must be one."""
    assert view.result is not None
    return view.result.failure.reason if view.result.failure else None


def price_of(view: View) -> Decimal | None:
    """The price that the shown measurement found."""
    assert view.result is not None
    return view.result.facts.price


def after(seconds: float) -> float:
    """The unix time so many seconds after the beginning."""
    return EPOCH + seconds
