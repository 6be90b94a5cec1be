"""One target on the landing page: a line to glance at, and what unfolds from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from exporter.core.model import Verdict
from exporter.core.result import Result
from exporter.core.view import LimitView, View
from exporter.server.status import State, Status, hindrance_of
from exporter.server.stream_text import stream_facts
from exporter.server.text import latency, moment, percent, printable, span

_NONE = '<span class="none">&ndash;</span>'
_NEAR, _SPENT = 0.7, 0.95


def icon(state: str) -> str:
    """The shape that stands for a state, so that nobody needs to tell colours apart."""
    return f'<svg class="icon {state}" aria-hidden="true"><use href="#{state}"/></svg>'


@dataclass(frozen=True, slots=True)
class Row:
    """One view, judged at ``now`` (unix seconds)."""

    view: View
    status: Status
    redact: Callable[[str], str]
    now: float

    @property
    def blocked_until(self) -> float | None:
        """Until when the exchange wants to be left alone; None if it does not."""
        until = self.view.blocked_until
        return until if until is not None and until > self.now else None

    def html(self) -> str:
        target = escape(str(self.view.plan.target))
        status = self.status
        words = f"{target} {status.reason} is:{status.state}".lower()
        return (
            f'<details class="target {status.state}" id="{target}" data-text="{words}"><summary>'
            f"{icon(status.state)}{self._name()}{self._why()}{self._since()}{self._latency()}"
            f"{self._age()}{self._budget()}</summary>"
            f'<div class="more">{"".join(self._more())}</div></details>'
        )

    def _name(self) -> str:
        target = self.view.plan.target
        notes = [target.pair, f"@{target.account}" if target.account else ""]
        notes.append("cold" if target.cold else "")
        small = "".join(f"<small>{escape(note)}</small>" for note in notes if note)
        return f'<span class="name">{escape(target.endpoint)}{small}</span>'

    def _why(self) -> str:
        status = self.status
        word = status.reason or str(status.state)
        detail = self._safe(status.detail, 200)
        return (
            f'<span class="why" title="{detail}"><b>{escape(word)}</b> <bdi>{detail}</bdi>'
            f"{self._wait()}</span>"
        )

    def _wait(self) -> str:
        """What keeps a target from being asked and for how long, as far as it is known."""
        hindrance = hindrance_of(self.view, self.now)
        until = self.view.retry_at or self.blocked_until
        if hindrance is None or until is None or until <= self.now:
            return ""
        reason = f"{hindrance}, " if self.status.state is State.FAILING else ""
        return f" · {reason}again in {span(until - self.now)}"

    def _since(self) -> str:
        if self.view.since is None or self.view.result is None:
            return f'<span class="since number">{_NONE}</span>'
        return f'<span class="since number">{self._ago(self.view.since)}</span>'

    def _latency(self) -> str:
        result = self.view.result
        seconds = result.observation.latency if result is not None else None
        if self.view.stream is not None:
            seconds = self.view.stream.lag
        shown = latency(seconds) if seconds is not None else _NONE
        return f'<span class="latency number">{shown}</span>'

    def _age(self) -> str:
        result = self.view.result
        seconds = result.facts.payload_age if result is not None else None
        shown = _NONE if seconds is None else _short(seconds)
        return f'<span class="age number">{shown}</span>'

    def _budget(self) -> str:
        worst = max(self.view.limits, key=lambda limit: limit.budget_used, default=None)
        if worst is None:
            return f'<span class="budget">{_NONE}</span>'
        title = escape(" · ".join(map(_limit, self.view.limits)))
        return (
            f'<span class="budget" title="{title}">{bar(worst.budget_used)}'
            f'<span class="percent">{percent(worst.budget_used)}</span></span>'
        )

    def _more(self) -> Iterator[str]:
        if self.status.detail:
            yield f"<p><bdi>{self._safe(self.status.detail, 1000)}</bdi></p>"
        facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in self._facts())
        yield f"<dl>{facts}</dl>"
        link = f"probe?target={quote(str(self.view.plan.target), safe='')}"
        explain = "explain" if self.view.stream is not None else "probe it now and explain"
        yield (
            f'<nav><a href="{link}&amp;debug=true">{explain}</a><a href="{link}">metrics</a></nav>'
        )

    def _facts(self) -> Iterator[tuple[str, str]]:
        view = self.view
        if view.stream is not None:
            for name, text in stream_facts(view.stream, self.now):
                yield name, f"<bdi>{self._safe(text, 300)}</bdi>"
        elif view.result is not None:
            yield from self._measured(view.result)
        if view.last_success_at is not None:
            yield "last success", f"{self._ago(view.last_success_at)} ago"
        if view.skipped is not None:
            yield "not asked now", f"{view.skipped}: <bdi>{self._safe(view.skip_detail, 300)}</bdi>"
        if view.retry_at is not None:
            yield "next chance", moment(view.retry_at)
        if view.stream is None:
            yield "circuit", str(view.circuit)
        for limit in view.limits:
            yield "budget", bar(limit.budget_used) + escape(_limit(limit))
        yield "interval", f"{view.plan.interval:.3g} s, timeout {view.plan.timeout:.3g} s"

    def _measured(self, result: Result) -> Iterator[tuple[str, str]]:
        seen = result.observation
        yield "measured", f"{self._ago(result.finished_at)} ago"
        if seen.status is not None:
            yield "answer", f"HTTP {seen.status}, {len(seen.body)} bytes"
        if phases := seen.phases.items():
            yield "phases", " · ".join(f"{name} {latency(seconds)}" for name, seconds in phases)
        if result.verdicts:
            yield "checks", "".join(map(self._check, result.verdicts))

    def _check(self, verdict: Verdict) -> str:
        state = State.OK if verdict.ok else State.FAILING
        failure = verdict.failure
        detail = f": <bdi>{self._safe(failure.detail, 300)}</bdi>" if failure else ""
        return f'<span class="check">{icon(state)}{escape(verdict.check)}{detail}</span>'

    def _ago(self, when: float) -> str:
        return f'<time title="{moment(when)}">{span(self.now - when)}</time>'

    def _safe(self, text: str, limit: int) -> str:
        return escape(printable(self.redact(text), limit))


def bar(ratio: float) -> str:
    """A small horizontal bar, full at 1."""
    kind = "spent" if ratio >= _SPENT else "near" if ratio >= _NEAR else "calm"
    width = 100 * min(max(ratio, 0.0), 1.0)
    return (
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" width="{width:.0f}" height="6"/></svg>'
    )


def _limit(limit: LimitView) -> str:
    text = f"{limit.name}: {percent(limit.budget_used)} of our allowance"
    if limit.used is not None:
        text += f", {percent(limit.used)} of the whole limit used by everybody"
    if limit.remaining is not None:
        text += f", {limit.remaining:.6g} left"
    return text


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)
