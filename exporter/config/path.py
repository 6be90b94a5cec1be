"""Compiles JMESPath expressions; the simple ones, which most are, without its interpreter.

``result.list[0].lastPrice`` takes 0.3 µs instead of 5, ``e == 'trade' && s == 'BTCUSDT'``, which is
asked of every message of a stream, 0.6 instead of 12 (https://jmespath.org/specification.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import jmespath
from jmespath.exceptions import ArityError, UnknownFunctionError
from jmespath.functions import Functions

from exporter.core.expression import is_true
from exporter.core.plan import Expression

_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\[\d+\])*(?:\.[A-Za-z_]\w*(?:\[\d+\])*)*", re.ASCII)
_LITERAL = re.compile(r"'[^'\\]*'")
_STEP = re.compile(r"[A-Za-z_]\w*|\d+", re.ASCII)


def compile_path(text: str) -> Expression:
    """The function from a document to what the expression finds in it, or None.

    Raises:
        JMESPathError: it is not a JMESPath expression, or calls a function that there is not.
    """
    parsed = jmespath.compile(text)
    _check_functions(parsed.parsed)
    expression: Expression = parsed.search
    terms = [_term(term) for term in text.split(" && ")]
    simple = tuple(term for term in terms if term is not None)
    if len(simple) < len(terms):
        return expression
    return simple[0] if len(simple) == 1 else _all(simple)


def _check_functions(node: Mapping[str, Any]) -> None:
    """JMESPath itself looks functions up when they are called, at the first answer."""
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        if (function := Functions.FUNCTION_TABLE.get(name)) is None:
            raise UnknownFunctionError(f"there is no function {name}()")
        wanted, more = len(function["signature"]), function["signature"][-1].get("variadic")
        if given < wanted or (given > wanted and not more):
            raise ArityError(wanted, given, name)
    for child in node["children"]:
        if isinstance(child, dict):
            _check_functions(child)


def _term(text: str) -> Expression | None:
    """A plain path, or one that is compared with a text; None for anything else."""
    if text == "@":
        return lambda document: document
    path, compared, literal = text.partition(" == ")
    if not _PLAIN.fullmatch(path):
        return None
    steps = tuple(_step(step) for step in _STEP.findall(path))
    find = steps[0] if len(steps) == 1 else _walk(steps)
    if not compared:
        return find
    return _equals(find, literal[1:-1]) if _LITERAL.fullmatch(literal) else None


def _equals(find: Expression, literal: str) -> Expression:
    return lambda document: find(document) == literal


def _all(terms: tuple[Expression, ...]) -> Expression:
    """``a && b``: the first value that is false, or else the last one."""

    def find(document: Any) -> Any:
        value = None
        for term in terms:
            value = term(document)
            if not is_true(value):
                break
        return value

    return find


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
