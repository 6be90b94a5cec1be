"""Numbers as exchanges send them: JSON numbers, or decimal numbers in strings.

Python's own converters accept far more than an exchange may send (``1_000``, `` 7 ``, ``NaN``,
other scripts' digits, any exponent), so everything is checked before it is converted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

MAX_LENGTH = 60
MAX_EXPONENT = 30

_TOO_BIG = 10 ** (MAX_EXPONENT + 1)
_TEXT = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?").fullmatch
_PLAIN = re.compile(r"[0-9.]*").fullmatch


def decimal(value: object) -> Decimal | None:
    """The exact value of a JSON number or of a decimal number in a string.

    None for anything else, and for a magnitude outside 1e-30 … 1e31.
    """
    if type(value) is str:
        number = Decimal(value) if len(value) <= MAX_LENGTH and _TEXT(value) else None
    elif type(value) is int:  # bool is another type
        number = Decimal(value) if -_TOO_BIG < value < _TOO_BIG else None
    else:
        number = value if isinstance(value, Decimal) and value.is_finite() else None
    if number is None or not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        return None
    return number


def integer(value: object) -> int | None:
    """The value as an integer of at most 31 digits; None if it is not a whole number."""
    number = decimal(value)
    return None if number is None or number != number.to_integral_value() else int(number)


def floats(values: Sequence[Any]) -> tuple[float, ...]:
    """Convert many values at once, by the rules of `decimal`, but plain digits of any length.

    Floats keep the order of the exact values, but may make equal what is not.

    Raises:
        ValueError: one of them is not a number.
    """
    try:
        # Judged as one text for speed: digits and points only, as nearly all numbers are.
        if _PLAIN("".join(values)):
            found = tuple(map(float, values))
            if max(found, default=0.0) < _TOO_BIG:
                return found
    except (TypeError, ValueError):
        pass  # not texts, or such as "1.2.3" or "": found below
    return tuple(map(float, exact(values)))


def exact(values: Sequence[Any]) -> tuple[Decimal, ...]:
    """Convert many values by the rules of `decimal`.

    Raises:
        ValueError: one of them is not a number.
    """
    converted = tuple(map(decimal, values))
    if None in converted:
        raise ValueError(f"record {converted.index(None)} holds something that is not a number")
    return cast("tuple[Decimal, ...]", converted)
