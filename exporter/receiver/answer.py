"""From what a model wrote to an analysis, or to the reason why there is none. Pure.

    text ─JSON?─▶ object ─schema?─▶ fields ─safe?─▶ texts ─grounded?─▶ Analysis

A text is judged as it is, and refused as a whole: what was asked for had no links in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema

from exporter.receiver.derived import plain
from exporter.receiver.grounding import ground_of, strangers
from exporter.receiver.model import Analysis, Cause
from exporter.receiver.outcome import Outcome
from exporter.receiver.prompt import Prompt, schema
from exporter.receiver.redact import clean

MAX_TEXT = 65_536  # characters of an answer that are looked at
_TRIES = 32  # opening braces that are tried
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_LENGTHS = {"summary": 200, "impact": 300, "action": 300}
_FACTS, _FACT = 8, 160

_UNSAFE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[a-z][a-z0-9+.-]*://|\bwww\.|\b[\w-]+\.(?:com|net|org|io|info|xyz|example|ru|cn|top)\b",
        r"(?<!\w)@\w|<[!@#/a-z|]|\]\(|[\w.+-]+@[\w-]+\.\w",  # mentions, tags, links, e-mail
        r"\b(?=\w*\d)(?=\w*[a-z])\w{24,}\b|\b(?:0x|bc1)\w{8,}",  # keys, wallets
        r"\b(?:curl|wget|sudo|rm -|chmod|pip install|powershell|bash -)",
        r"\b(?:send|transfer|move|withdraw|wire)\b.{0,40}\b(?:funds?|balances?|coins?|wallets?)\b",
        r"\b(?:wallets?|seed phrase|private key|passwords?|log ?in)\b",
        r"\b(?:ignore|disregard|dismiss)\b",
        r"\b(?:drill|false alarm|test mode)\b",
        r"\b(?:nothing to do|no action (?:is )?(?:needed|required|necessary)|all clear)\b",
        r"\b(?:every ?thing|all|exchange) (?:is|are|looks?) (?:fine|well|ok|okay|healthy|normal)\b",
        r"\b(?:previous instructions?|prompts?|language model)\b",
    )
)
"""What an answer about an incident has no business to say, whoever dictated it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An analysis, or the reason why there is none. ``detail`` is for the model, to do better."""

    analysis: Analysis | None
    outcome: Outcome = Outcome.OK
    detail: str = ""


def judge(text: str, prompt: Prompt) -> Judged:
    """Judge what a model wrote by the prompt that it answers. Never raises on any text."""
    found = extract(text)
    if found is None:
        return Judged(None, Outcome.NO_JSON, "there is no JSON object with these fields")
    fields = _tidy(found)
    error = jsonschema.exceptions.best_match(_VALIDATOR.iter_errors(fields))
    if error is not None:
        where = str(error.json_path)
        return Judged(None, Outcome.SCHEMA, f"{clean(where, 40)} breaks {error.validator}")
    texts = [*(fields[name] for name in _LENGTHS), *fields["evidence"]]
    if any(pattern.search(clean(each, 400)) for each in texts for pattern in _UNSAFE):
        return Judged(None, Outcome.UNSAFE, "no links, markup, commands or reassurance, please")
    ground = ground_of(prompt.data)
    strange = [name for each in texts for name in strangers(each, ground)]
    if strange:
        named = ", ".join(dict.fromkeys(clean(name, 40) for name in strange[:5]))
        return Judged(None, Outcome.UNGROUNDED, f"not in the evidence: {named}")
    return Judged(_analysis(fields, prompt))


_VALIDATOR = jsonschema.Draft202012Validator(schema())


def extract(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text that looks like an analysis, however it is wrapped."""
    text = _THOUGHTS.sub(" ", text[:MAX_TEXT])
    for start in _braces(text):
        try:
            found, _ = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "cause" in found:
            return found
    return None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _braces(text: str) -> Iterator[int]:
    start = text.find("{")
    for _ in range(_TRIES):
        if start < 0:
            return
        yield start
        start = text.find("{", start + 1)


def _tidy(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without fields that nobody asked for; texts one line each, cut to their bounds."""
    fields = {key: found[key] for key in schema()["properties"] if key in found}
    for name, longest in _LENGTHS.items():
        if isinstance(fields.get(name), str):
            fields[name] = clean(fields[name], longest)
    if isinstance(fields.get("evidence"), list):
        facts = fields["evidence"][:_FACTS]
        fields["evidence"] = [clean(f, _FACT) if isinstance(f, str) else f for f in facts]
    return fields


def _analysis(fields: Mapping[str, Any], prompt: Prompt) -> Analysis:
    def text(written: str, longest: int) -> str:
        return plain(prompt.redaction.show(written), longest)

    return Analysis(
        cause=Cause(fields["cause"]),
        summary=text(fields["summary"], _LENGTHS["summary"]),
        impact=text(fields["impact"], _LENGTHS["impact"]),
        action=text(fields["action"], _LENGTHS["action"]),
        level=int(fields["level"]),
        requires_human=fields["requires_human"],
        confidence=float(fields["confidence"]),
        evidence=tuple(text(fact, _FACT) for fact in fields["evidence"]),
        suppress=fields["suppress"],
    )
