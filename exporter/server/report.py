"""One probe told to a person: the text of ``/probe?debug=true`` and of ``probe TARGET``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from urllib.parse import urlsplit

from exporter.config.secret import MASK
from exporter.core.model import Observation, Phases, SkipReason, Verdict
from exporter.core.result import Facts, Result
from exporter.core.stream_view import StreamView
from exporter.core.view import LimitView, View
from exporter.server.stream_text import stream_facts
from exporter.server.text import latency, moment, percent, printable, span

Redact = Callable[[str], str]

_EXCERPT = 2048
_CREDENTIAL = re.compile(
    r"auth|cookie|token|secret|sign|passw|passphrase|credential|session|(^|[-_.])key$|apikey",
    re.IGNORECASE,
)
_BAR = 30


def describe(view: View, redact: Redact, metrics_text: str | None) -> str:
    """The whole story of one view as plain text; ``metrics_text`` is appended as it is.

    Everything the exchange sent is bounded, has its control characters escaped, and has known
    secrets and the values of credential-like headers and parameters masked.
    """
    sections: list[tuple[str, list[str]]] = [("", [_headline(view, redact), *_notes(view, redact)])]
    if view.stream is not None:
        sections += _stream_sections(view, view.stream, redact)
    elif view.result is not None:
        sections += _result_sections(view, view.result, redact)
    sections.append(("Limits", [line for limit in view.limits for line in _limit(limit)]))
    text = "\n".join(_section(title, lines) for title, lines in sections if lines)
    return text if metrics_text is None else f"{text}\nMetrics\n{metrics_text}"


def _section(title: str, lines: list[str]) -> str:
    indent = "  " if title else ""
    return "".join(f"{line}\n" for line in ([title] if title else []) + [indent + x for x in lines])


def _headline(view: View, redact: Redact) -> str:
    name = view.plan.target
    result = view.result
    if result is not None and result.failure is not None:
        detail = printable(redact(result.failure.detail), 500)
        return f"{name}: FAILED {result.failure.reason}: {detail}"
    if view.skipped not in (None, SkipReason.INTERVAL):
        return f"{name}: SKIPPED {view.skipped}"
    return f"{name}: OK" if result is not None else f"{name}: NO RESULT YET"


def _notes(view: View, redact: Redact) -> Iterator[str]:
    if view.skipped is not None:
        yield f"  not asked now: {view.skipped}: {printable(redact(view.skip_detail), 500)}"
    if view.retry_at is not None:
        yield f"  next chance: {moment(view.retry_at)}"
    if view.blocked_until is not None:
        yield f"  the exchange told us to stay away until {moment(view.blocked_until)}"
    if view.stream is None:
        yield f"  circuit: {view.circuit}"
    if view.since is not None:
        yield f"  in this state since {moment(view.since)}"
    if view.last_success_at is not None:
        yield f"  last success: {moment(view.last_success_at)}"
    if view.result is not None and view.age is not None and view.age >= 1:
        yield f"  what follows was measured {span(view.age)} ago"


def _result_sections(view: View, result: Result, redact: Redact) -> list[tuple[str, list[str]]]:
    observation = result.observation
    return [
        ("Probe", list(_probe(result))),
        ("Phases", list(_phases(observation.phases))),
        ("Request", [_request(view, result, redact)]),
        ("Response", list(_response(observation, redact))),
        ("Checks", [_verdict(verdict, redact) for verdict in result.verdicts]),
        ("Payload", list(_facts(result.facts))),
        ("Body", _body(observation.body, redact)),
    ]


def _stream_sections(view: View, stream: StreamView, redact: Redact) -> list[tuple[str, list[str]]]:
    now = view.result.finished_at if view.result else stream.last_message_at or 0.0
    facts = [
        f"{name:<13} {printable(redact(text), 300)}" for name, text in stream_facts(stream, now)
    ]
    request = view.plan.request(now)
    return [
        ("Stream", [printable(redact(without_credentials(request.url)), 1000), *facts]),
        ("Opening", list(_bars(stream.opening.items()))),
        ("Payload", list(_facts(stream.facts))),
    ]


def _probe(result: Result) -> Iterator[str]:
    seen = result.observation
    yield f"finished {moment(result.finished_at)}, took {latency(seen.elapsed)}"
    if seen.latency is not None:
        yield f"latency {latency(seen.latency)} ({seen.clock} clock)"
    if seen.address:
        warmth = "reused" if seen.reused else "new"
        yield f"{warmth} connection to {printable(seen.address, 100)}"
    yield f"{seen.requests_sent} request(s) on the wire"
    if seen.certificate_not_after is not None:
        yield f"certificate valid until {moment(seen.certificate_not_after)}"


def _phases(phases: Phases) -> Iterator[str]:
    return _bars(phases.items())


def _bars(items: Sequence[tuple[str, float]]) -> Iterator[str]:
    longest = max((seconds for _, seconds in items), default=0.0)
    for name, seconds in items:
        width = round(_BAR * seconds / longest) if longest > 0 else 0
        yield f"{name:<10} {latency(seconds):>9}  {'█' * width}".rstrip()


def _request(view: View, result: Result, redact: Redact) -> str:
    """The request as it was sent, rebuilt for the time at which it was sent."""
    request = view.plan.request(result.observation.sent_at or result.finished_at)
    return printable(f"{request.method} {redact(without_credentials(request.url))}", 1000)


def without_credentials(url: str) -> str:
    """The URL without user and password, and with credential-like parameters masked."""
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    query = "&".join(
        f"{name}={MASK}" if _CREDENTIAL.search(name) else f"{name}{equals}{value}"
        for name, equals, value in pairs
    )
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query).geturl()


def _response(seen: Observation, redact: Redact) -> Iterator[str]:
    if seen.status is None:
        return
    version = printable(seen.http_version, 20)
    yield f"HTTP/{version} {seen.status}, {len(seen.body)} bytes"
    for name, value in list(seen.headers.items())[:50]:
        shown = MASK if _CREDENTIAL.search(name) else printable(redact(value), 300)
        yield f"{printable(redact(name), 100)}: {shown}"


def _verdict(verdict: Verdict, redact: Redact) -> str:
    if verdict.failure is None:
        return f"ok      {verdict.check}"
    detail = printable(redact(verdict.failure.detail), 500)
    return f"FAILED  {verdict.check}: {verdict.failure.reason}: {detail}"


def _facts(facts: Facts) -> Iterator[str]:
    for field in fields(facts):
        value = getattr(facts, field.name)
        if value is not None:
            shown = f"{value:.6g}" if isinstance(value, float) else printable(str(value), 60)
            yield f"{field.name:<13} {shown}"


def _limit(limit: LimitView) -> Iterator[str]:
    yield f"{limit.name}: {percent(limit.budget_used)} of our allowance spent"
    told = []
    if limit.used is not None:
        told.append(f"{percent(limit.used)} of the whole limit used by everybody")
    if limit.remaining is not None:
        told.append(f"{limit.remaining:.6g} left")
    if told:
        yield f"  the exchange says: {', '.join(told)}"


def _body(body: bytes, redact: Redact) -> list[str]:
    if not body:
        return []
    # Redacted before it is cut: a cut could leave half a secret, which nobody would recognise.
    text = redact(body.decode("utf-8", "replace"))
    lines = [printable(line, _EXCERPT) for line in text[:_EXCERPT].split("\n")]
    if len(text) > _EXCERPT:
        lines.append(f"… ({len(body)} bytes in all)")
    return lines
