"""What the provider itself says went wrong: its envelope, its codes, the HTTP status.

The body is the better witness, since some providers send errors with status 200 (Kraken, Bybit)
and others the same code with any status (OKX). But nothing in a body may hide that the HTTP layer
told us to slow down: overhearing that is how one gets banned.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exporter.core.expression import evaluate, holds
from exporter.core.numbers import decimal
from exporter.core.plan import CodeRule, Envelope, Expression, Meaning, StatusRule
from exporter.core.result import ApiError
from exporter.core.text import printable

NO_DOCUMENT: Final = object()
"""Stands for the document of a body that is not JSON."""

_MAX_CODES = 20
_SEVERITY = {Meaning.RATE_LIMITED: 1, Meaning.BANNED: 2}
_DEFAULT_STATUSES = {
    401: StatusRule(Meaning.AUTH),
    418: StatusRule(Meaning.BANNED),
    429: StatusRule(Meaning.RATE_LIMITED),
}
_VAGUE = (Meaning.SERVER, Meaning.OTHER)


@dataclass(frozen=True, slots=True)
class _Report:
    """What the body of a failed call says; ``rule`` is None for codes that the table lacks."""

    code: str
    rule: CodeRule | None
    message: str
    texts: tuple[str, ...]


def judge_answer(
    status: int | None, document: object, envelope: Envelope, now: float
) -> ApiError | None:
    """The error that an answer reports, or None for a success.

    ``status`` is None where there is no HTTP (a message of a stream); ``document`` is NO_DOCUMENT
    for a body that is not JSON; ``now`` is unix seconds. The end of a block is believed if it lies
    between ``now`` and ``now + envelope.max_block``; Retry-After is left to the limiter.
    """
    report = _report(document, envelope)
    by_status = _by_status(status, document, envelope)
    if report is None and by_status is None:
        return None
    rule = _weigh(status, by_status, report)
    return ApiError(
        meaning=rule.meaning if rule else Meaning.OTHER,
        code=report.code if report else "",
        message=(report.message if report else "") or (f"HTTP {status}" if by_status else ""),
        scope=rule.scope if rule else StatusRule(Meaning.OTHER).scope,
        backoff=rule.backoff if rule else None,
        until=_until(report.texts if report else (), envelope, now),
    )


def _by_status(status: int | None, document: object, envelope: Envelope) -> StatusRule | None:
    """The rule of a status; 2xx is a success, but without JSON only 200 is one.

    Amazon's firewall puts up a challenge with 202 and an empty body
    (docs.aws.amazon.com/waf, How AWS WAF uses the challenge action).
    """
    if status is None:
        return None
    rule = envelope.statuses.get(status) or _DEFAULT_STATUSES.get(status)
    failed = status >= (300 if document is not NO_DOCUMENT else 201)
    return rule or (StatusRule(Meaning.HTTP) if failed else None)


def _weigh(
    status: int | None, by_status: StatusRule | None, report: _Report | None
) -> StatusRule | CodeRule | None:
    """The rule that counts; None for an error in the body that no rule knows."""
    by_code = report.rule if report else None
    if by_status is None:
        return by_code
    if by_code is None:
        return None if report and by_status.meaning is Meaning.HTTP else by_status
    if _SEVERITY.get(by_status.meaning, 0) <= _SEVERITY.get(by_code.meaning, 0):
        return by_code
    unmistakable = status in (418, 429) or by_code.meaning is Meaning.RATE_LIMITED
    return by_status if unmistakable or by_code.meaning in _VAGUE else by_code


def _report(document: object, envelope: Envelope) -> _Report | None:
    if document is NO_DOCUMENT:
        return None
    if envelope.ok is not None and holds(envelope.ok, document):
        return None
    codes = _texts(envelope.code, document)
    if envelope.ok is None and not codes:
        return None
    code, rule = _match(codes, envelope.codes)
    messages = _texts(envelope.message, document)
    return _Report(code, rule, printable("; ".join(messages)), (*messages, *codes))


def _match(codes: tuple[str, ...], rules: tuple[CodeRule, ...]) -> tuple[str, CodeRule | None]:
    """The code that counts: the first that slows us down, else the first known, else the first."""
    known = [(code, rule) for code in codes if (rule := _rule(code, rules)) is not None]
    urgent = [(code, rule) for code, rule in known if rule.meaning in _SEVERITY]
    return next(iter((*urgent, *known)), (codes[0] if codes else "", None))


def _rule(code: str, rules: tuple[CodeRule, ...]) -> CodeRule | None:
    return next((rule for rule in rules if rule.match(code)), None)


def _texts(expression: Expression | None, document: object) -> tuple[str, ...]:
    """The scalars that an expression finds, one or a list of them, as bounded texts."""
    if expression is None:
        return ()
    try:
        found = evaluate(expression, document)
    except ValueError:
        return ()
    values = found[:_MAX_CODES] if isinstance(found, list) else [found]
    return tuple(text for value in values if (text := _text(value)))


def _text(value: object) -> str:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return ""
    number = decimal(value)
    return "" if number is None else str(number)


def _until(texts: tuple[str, ...], envelope: Envelope, now: float) -> float | None:
    if envelope.until is None:
        return None
    latest = now + envelope.max_block
    named = [end for text in texts if (end := envelope.until(text)) is not None]
    return max((end for end in named if now < end <= latest), default=None)
