"""Reads a client's messages by the catalog's templates of what a client says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_MARKS = ("$topic", "$id", "$id:str", "$time:ms", "$time:s", "$ping")


def read(text: str) -> Any:
    """The JSON document of a message, or the text itself where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def found(template: Any, document: Any) -> dict[str, Any] | None:
    """What stands in ``document`` at the marks of ``template``; None where they do not agree.

    Members that the template lacks do no harm. A list that is one mark takes a list of any length.
    """
    marks: dict[str, Any] = {}
    return marks if _agree(template, document, marks) else None


def _agree(template: Any, document: Any, marks: dict[str, Any]) -> bool:
    if isinstance(template, str) and template in _MARKS:
        marks[template] = document
        return True
    if isinstance(template, Mapping):
        return isinstance(document, dict) and all(
            key in document and _agree(value, document[key], marks)
            for key, value in template.items()
        )
    if isinstance(template, list) and isinstance(document, list):
        if template == ["$topic"]:
            marks["$topics"] = document
            return bool(document)
        pairs = zip(template, document, strict=False)
        return len(template) == len(document) and all(_agree(t, d, marks) for t, d in pairs)
    return bool(template == document)


def topics(marks: Mapping[str, Any]) -> list[Any]:
    """The topics that a subscription names."""
    return list(marks["$topics"]) if "$topics" in marks else [marks["$topic"]]


def request_id(marks: Mapping[str, Any]) -> int:
    """The id of a request, 0 where it has none that can be repeated."""
    value = marks.get("$id", marks.get("$id:str", 0))
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        return int(value)
    return value if type(value) is int else 0
