"""What Alertmanager sends (webhook version 4) and answers (API v2), as values within bounds.

Alert texts come from exchanges in the end, so nothing is taken for granted: sizes are capped,
types checked, and every other body is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exporter.receiver.model import SOURCE, SOURCE_LABEL, Alert

MAX_ALERTS = 10_000
_MAX_LABELS = 64  # labels or annotations of one alert
_MAX_LABEL = 1024  # characters
_MAX_ANNOTATION = 4096

NOT_ANALYSED = frozenset({"ExchangeWatchdog"})
"""Alerts that always fire: no incident is behind them."""


class WebhookError(ValueError):
    """The body is not a webhook of version 4. The text says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Group:
    """One notification. ``truncated`` counts the alerts that Alertmanager left out.

    Status and common labels are not kept: Alertmanager computes them after it truncates.
    """

    receiver: str
    labels: Mapping[str, str]
    alerts: tuple[Alert, ...]
    truncated: int = 0


def parse_group(body: bytes) -> Group:
    """The body of a webhook. Raises WebhookError."""
    document = _mapping(parse_json(body), "the body")
    if document.get("version") != "4":
        raise WebhookError("not a webhook of version 4")
    alerts, truncated = document.get("alerts"), document.get("truncatedAlerts", 0)
    if not isinstance(alerts, list) or len(alerts) > MAX_ALERTS:
        raise WebhookError(f"alerts is not a list of at most {MAX_ALERTS}")
    if not isinstance(truncated, int) or truncated < 0:
        raise WebhookError("truncatedAlerts is not a count")
    return Group(
        receiver=_text(document.get("receiver", ""), _MAX_LABEL),
        labels=_texts(document.get("groupLabels"), _MAX_LABEL),
        alerts=tuple(map(parse_alert, alerts)),
        truncated=truncated,
    )


def parse_json(body: bytes) -> Any:
    """Any JSON. Raises WebhookError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WebhookError("not JSON") from error


def parse_alert(document: object) -> Alert:
    """An alert of a webhook or of ``GET /api/v2/alerts``. Raises WebhookError.

    The API lists only alerts that fire, with an end in the future, and calls them active or
    suppressed.
    """
    alert = _mapping(document, "an alert")
    labels = _texts(alert.get("labels"), _MAX_LABEL)
    starts_at = parse_time(alert.get("startsAt"))
    ends_at = parse_time(alert.get("endsAt")) if alert.get("status") == "resolved" else None
    fingerprint = alert.get("fingerprint") or _digest(labels)
    return Alert(
        fingerprint=_text(fingerprint, 64),
        labels=labels,
        annotations=_texts(alert.get("annotations"), _MAX_ANNOTATION),
        starts_at=starts_at,
        ends_at=ends_at,
        generator_url=_text(alert.get("generatorURL") or "", _MAX_ANNOTATION),
    )


def parse_time(text: object) -> float:
    """RFC 3339 as Unix seconds. Raises WebhookError."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError) as error:
        raise WebhookError("a time is not RFC 3339") from error


def is_source(alert: Alert) -> bool:
    """Whether an alert may be analysed: not what the receiver sent, nor what is about it."""
    return (
        alert.labels.get(SOURCE_LABEL) != SOURCE
        and alert.labels.get("area") != "receiver"
        and alert.name not in NOT_ANALYSED
    )


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WebhookError(f"{what} is not an object")
    return value


def _texts(value: object, longest: int) -> dict[str, str]:
    pairs = _mapping({} if value is None else value, "a set of labels or annotations")
    if len(pairs) > _MAX_LABELS:
        raise WebhookError(f"more than {_MAX_LABELS} labels or annotations")
    return {_text(name, _MAX_LABEL): _text(text, longest) for name, text in pairs.items()}


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str):
        raise WebhookError("a text is not a string")
    # JSON can carry half of a surrogate pair, which no database and no file takes.
    return value[:longest].encode("utf-8", "replace").decode()


def _digest(labels: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]
