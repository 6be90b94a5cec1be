"""Texts that speak to a model instead of telling of an exchange. Pure.

What an exchange sends can stand in the annotations of alerts. No list of phrases is complete: what
counts is what ``answer`` lets through. This spares a provider the plain attempts.
"""

from __future__ import annotations

import re

from exporter.receiver.model import Evidence
from exporter.receiver.redact import ANNOTATIONS, clean

_SIGNS = (
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|previous|above|prompt|rule|all)",
    r"\b(?:system|developer)\s*(?:prompt|message|:)",
    r"<\|?/?\s*(?:im_start|im_end|system|assistant|user|inst)\b|\[/?INST\]",
    r"\byou are (?:now|an?|the)\b|\byou must\b|\bact as\b|\bpretend\b|\btest mode\b",
    r"\b(?:assistant|language model|llm|gpt|chatbot|ai)\b",
    r"\b(?:requires_human|suppress|confidence|cause|level)\b[\"']?\s*(?:to|=|:|is)\s*[\"']?\w",
    r"\b(?:respond|reply|answer|say|tell|write)\b.{0,30}\b(?:only|with|that|the (?:user|operator))",
    r"\bas the on-call\b|\b(?:operators?|engineers?|reviewers?|users?) (?:should|must|may)\b",
    r"\bdo not (?:wake|page|alert|notify|escalate)\b",
    r"\b(?:send|transfer|move|withdraw)\b.{0,40}\b(?:funds?|balances?|coins?|wallet|address)\b",
    r"@(?:everyone|here|channel)\b|<!\w+>|\bcurl\b|\bsudo\b",
)
_ANY = re.compile("|".join(_SIGNS), re.IGNORECASE)


def speaks_to_a_model(text: str) -> bool:
    """Whether a text reads like an instruction; invisible characters do not help it."""
    return _ANY.search(clean(text, 4000)) is not None


def is_suspect(evidence: Evidence) -> bool:
    """Whether anything that would be sent, and that can come from outside, reads like one."""
    alerts = evidence.incident.alerts
    texts = [alert.annotations.get(name, "") for alert in alerts for name in ANNOTATIONS]
    labels = [value for alert in alerts for value in alert.labels.values()]
    others = {alert.name for other in evidence.others for alert in other.alerts}
    names = {other.exchange for other in evidence.others}
    return any(map(speaks_to_a_model, (*texts, *labels, *others, *names)))
