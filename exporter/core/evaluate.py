"""Observation in, result out: reads an answer, judges it, and remembers what was accepted."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.core.checks import CHECKS
from exporter.core.checks.base import Context
from exporter.core.checks.clock_skew import sample
from exporter.core.checks.freshness import age
from exporter.core.checks.unchanged import unchanged
from exporter.core.memory import Memory, remember
from exporter.core.model import Failure, Observation, Reason, Verdict
from exporter.core.plan import TargetPlan
from exporter.core.reading import read
from exporter.core.result import Facts, Result
from exporter.core.skew import Skew
from exporter.core.text import printable

_DEFAULTS = {name: check.defaults for name, check in CHECKS.items()}
_PASSED = {name: Verdict(name) for name in CHECKS}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of one probe, and what to know of the target and its exchange from now on."""

    result: Result
    memory: Memory
    skew: Skew


def judge(
    observation: Observation, plan: TargetPlan, memory: Memory, skew: Skew, now: float
) -> Judgement:
    """Judge one observation; ``now`` is unix seconds. Raises nothing, whatever the answer holds.

    ``memory`` belongs to the target, ``skew`` to its exchange. An attempt that failed on the way
    is not judged further. Facts are what the payload said, as soon as its schema held: a crossed
    book is published, and the verdict beside it says that it failed.
    """
    if observation.failure:
        result = Result(plan.target, observation, now, failure=observation.failure)
        return Judgement(result, memory, skew)
    try:
        return _judge(observation, plan, memory, skew, now)
    except Exception as error:  # our bug, which must not end the scrape
        result = Result(plan.target, observation, now, failure=_internal(error))
        return Judgement(result, memory, skew)


def _judge(
    observation: Observation, plan: TargetPlan, memory: Memory, skew: Skew, now: float
) -> Judgement:
    reading = read(observation, plan, now)
    context = Context(observation, reading, plan, memory, now, skew.offset(now) or 0.0)
    seen = sample(context)
    verdicts = _verdicts(context)
    result = Result(
        target=plan.target,
        observation=observation,
        finished_at=now,
        facts=_facts(context, seen.offset if seen else None),
        verdicts=verdicts,
        failure=next((verdict.failure for verdict in verdicts if verdict.failure), None),
        error=reading.error,
    )
    learnt = remember(memory, reading, verdicts, now)
    return Judgement(result, learnt, skew.learn(seen) if seen else skew)


def _verdicts(context: Context) -> tuple[Verdict, ...]:
    """The verdicts in order, up to the first gate that fails."""
    verdicts = []
    for name in context.plan.checks:
        verdict = _verdict(name, context)
        verdicts.append(verdict)
        if not verdict.ok and CHECKS[name].gate:
            break
    return tuple(verdicts)


def _verdict(name: str, context: Context) -> Verdict:
    check = CHECKS[name]
    params = context.plan.parameters.get(name, check.defaults)
    try:
        return Verdict(name, check.function(context, params))
    except Exception as error:  # our bug: never blamed on the exchange, nor on the other checks
        return Verdict(name, _internal(error))


def _internal(error: Exception) -> Failure:
    return Failure(Reason.INTERNAL_ERROR, printable(f"{type(error).__name__}: {error}"))


def _facts(context: Context, clock_skew: float | None) -> Facts:
    reading = context.reading
    return Facts(
        price=reading.price,
        last=reading.last,
        bid=reading.bid,
        ask=reading.ask,
        bid_levels=reading.bids.count if reading.bids else None,
        ask_levels=reading.asks.count if reading.asks else None,
        sequence=reading.sequence,
        payload_age=age(context),
        unchanged=unchanged(context),
        clock_skew=clock_skew,
        maintenance=reading.maintenance,
    )
