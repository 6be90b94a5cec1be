"""Asking compiled expressions of documents that they were not written for."""

from __future__ import annotations

from typing import Any

from exporter.core.plan import Expression


def evaluate(expression: Expression, document: object) -> Any:
    """What the expression finds; None for nothing.

    Raises:
        ValueError: the document has a shape that the expression cannot be applied to.
    """
    try:
        return expression(document)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise ValueError("the payload has another shape than documented") from None


def holds(expression: Expression, document: object) -> bool:
    """Whether the expression is true of the document; it is not of one of another shape."""
    try:
        return is_true(evaluate(expression, document))
    except ValueError:
        return False


def is_true(value: object) -> bool:
    """Truth as JMESPath defines it: false are null, false, "", [] and {}; zero is true."""
    return not (value is None or value is False or value in ("", [], {}))
