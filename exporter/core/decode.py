"""Strict decoding of a JSON body: RFC 8259 and nothing more, in bounded space.

https://www.rfc-editor.org/rfc/rfc8259: UTF-8 without a byte order mark, no NaN or Infinity. Names
that occur twice are legal there but mean different things to different readers: refused.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from exporter.core.numbers import MAX_LENGTH


class _RefusedError(ValueError):
    """The text is something that we do not accept; the message says what."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise _RefusedError("an object has two members of the same name")
    return record


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_LENGTH:
        raise _RefusedError("a number is too long")
    return Decimal(text)


def _constant(_: str) -> NoReturn:
    raise _RefusedError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_decimal, parse_constant=_constant
)


def decode(body: bytes) -> tuple[Any, str]:
    """The document and "", or None and what is wrong with the body (never quoting it).

    Fractions become Decimal, whole numbers int.
    """
    try:
        return _DECODER.decode(body.decode()), ""
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        return None, _nature(body) or f"{error.msg.removesuffix(' at')} at character {error.pos}"
    except RecursionError:
        return None, "nested too deeply"
    except _RefusedError as error:
        return None, str(error)
    except (ArithmeticError, ValueError):  # of int() for more than 4300 digits, of Decimal()
        return None, "a number is out of range"


def _nature(body: bytes) -> str:
    """What the body is instead of JSON, where that is plain to see."""
    start = body[:1024].lstrip()
    if not start:
        return "the body is empty"
    if start.startswith(b"\xef\xbb\xbf"):
        return "the body begins with a byte order mark"
    if start.startswith(b"<"):
        return "the body is HTML or XML, not JSON"
    return ""
