"""The analyst that asks OpenAI-compatible providers, in order, and judges what they say.

    evidence ─cache?─▶ provider 1 ─▶ provider 2 … ─▶ deterministic analyst
                        key 1, key 2 …; json_schema, json_object, plain; one corrective retry

A model chooses among the causes of which the evidence shows a sign, and words the rest. It can make
an incident more urgent, never less: level, requires_human and suppress need the consent of the
deterministic analyst.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import aiohttp

from exporter.clock import Clock, SystemClock
from exporter.core.breaker import Breakers, Event, State
from exporter.receiver import prompt as prompts
from exporter.receiver.analysts import deterministic
from exporter.receiver.analysts.dialogue import Dialogue, Wire
from exporter.receiver.analysts.endpoint import Endpoint
from exporter.receiver.analysts.spending import OverBudgetError, Spending, Spent
from exporter.receiver.answer import Judged, judge
from exporter.receiver.budget import Charge
from exporter.receiver.cache import Cache, key_of
from exporter.receiver.injection import is_suspect
from exporter.receiver.model import Analysis, Answer, Cause, Evidence
from exporter.receiver.outcome import Outcome
from exporter.receiver.prompt import Prompt
from exporter.receiver.recorder import Recorder
from exporter.receiver.settings import Settings
from exporter.receiver.signs import findings

NAME = "openai"


class OpenAI:
    """The analyst of the table."""

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        recorder: Recorder,
        charges: Iterable[Charge] = (),
        clock: Clock | None = None,
    ) -> None:
        """``charges`` are calls of the day before now, which count for the budgets."""
        clock = clock or SystemClock()
        self._endpoints = [Endpoint(provider) for provider in settings.providers]
        spending = Spending(settings.budget, recorder, clock, charges)
        self._wire = Wire(session, spending, recorder, clock)
        self._cache = Cache(settings.cache_ttl)
        self._breakers = Breakers(random.random)
        for endpoint in self._endpoints:
            recorder.provider(endpoint.provider.name)

    async def analyse(self, evidence: Evidence, now: float) -> Answer:
        """Analyse one incident; what goes wrong ends in the deterministic analysis."""
        question, spent = Question(evidence), Spent()
        if is_suspect(evidence):
            found: Answer | str = "injection"
        else:
            found = await self._ask_all(question, spent, now)
        if isinstance(found, str):
            found = Answer(question.baseline, deterministic.NAME, fallback=found)
        return replace(
            found,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cost=spent.dollars,
        )

    async def _ask_all(self, question: Question, spent: Spent, now: float) -> Answer | str:
        """The answer of the first provider that has an acceptable one, or why there is none."""
        why = "no_provider"
        for endpoint in order(self._endpoints, question.content):
            provider = endpoint.provider
            key = key_of(question.content, provider.model)
            text = self._cache.get(key, now)
            judged = Judged(None) if text is None else question.judge(text)
            cached = judged.analysis is not None
            if not cached:
                try:
                    judged, text = await self._ask(endpoint, question, spent)
                except OverBudgetError as error:
                    return f"budget_{error.budget}"
            if judged.analysis is not None:
                if not cached:
                    self._cache.put(key, text or "", now)
                return Answer(judged.analysis, NAME, provider.name, provider.model, cached=cached)
            why = judged.outcome.value
        return why

    async def _ask(
        self, endpoint: Endpoint, question: Question, spent: Spent
    ) -> tuple[Judged, str]:
        """Ask one provider within its time, unless its circuit is open."""
        name, at = endpoint.provider.name, self._wire.clock.monotonic()
        circuit = ("provider", name)
        if self._breakers.allow(circuit, at) is not None:
            self._wire.recorder.provider_call(name, Outcome.CIRCUIT_OPEN)
            return Judged(None, Outcome.CIRCUIT_OPEN), ""
        dialogue = Dialogue(
            self._wire, endpoint, question.judge, question.evidence.incident.key, spent
        )
        try:
            async with asyncio.timeout(endpoint.provider.timeout):
                return await dialogue.hold(question.prompt)
        except TimeoutError:
            dialogue.event = Event.FAILURE
            self._wire.recorder.provider_call(name, Outcome.TIMEOUT)
            return Judged(None, Outcome.TIMEOUT), ""
        finally:
            self._breakers.record(circuit, dialogue.event, at, self._wire.clock.monotonic())
            is_open = self._breakers.state(circuit) is not State.CLOSED
            self._wire.recorder.breaker(name, is_open)


class Question:
    """An incident as it is put to every provider, and the judge of their answers."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.baseline = deterministic.analyse(evidence)
        self.prompt: Prompt = prompts.build(evidence)
        self.content = prompts.coarse(evidence)
        self._causes = frozenset(findings(evidence)) | {Cause.UNKNOWN}

    def judge(self, text: str) -> Judged:
        """Judge what a model wrote, then what it claims by the deterministic analysis."""
        judged = judge(text, self.prompt)
        if judged.analysis is None:
            return judged
        if judged.analysis.cause not in self._causes:
            return Judged(None, Outcome.UNCORROBORATED)
        return Judged(bounded(judged.analysis, self.baseline))


def bounded(said: Analysis, baseline: Analysis) -> Analysis:
    """What a model said, no calmer than the deterministic analysis of the same evidence."""
    return replace(
        said,
        level=max(said.level, baseline.level),
        requires_human=said.requires_human or baseline.requires_human,
        suppress=said.suppress and baseline.suppress,
    )


def order(endpoints: Sequence[Endpoint], content: str) -> list[Endpoint]:
    """Whom to ask, first to last: the canary whose share this content falls into, then the rest.

    By a hash of the content, so that the same evidence goes the same way. Canaries that were not
    chosen come last.
    """
    point = int.from_bytes(hashlib.sha256(content.encode()).digest()[:8]) / 2**64
    first: list[Endpoint] = []
    for endpoint in endpoints:
        if not first and 0 <= point < endpoint.provider.weight:
            first = [endpoint]
        point -= endpoint.provider.weight
    rest = [endpoint for endpoint in endpoints if endpoint not in first]
    return [*first, *sorted(rest, key=lambda endpoint: endpoint.provider.weight > 0)]
