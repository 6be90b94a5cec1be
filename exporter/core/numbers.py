"""Numbers as exchanges send them: JSON numbers, or decimal numbers in strings.

Python's own converters accept far more than an exchange may send (``1_000``, `` 7 ``, ``NaN``,
other scripts' digits, any exponent), so everything is checked before it is converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

MAX_LENGTH = 60
MAX_EXPONENT = 30

_TOO_BIG = 10 ** (MAX_EXPONENT + 1)
_TEXT = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?").fullmatch

Number = TypeVar("Number", Decimal, float)


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


def column(values: Sequence[Any], kind: Callable[[Any], Number]) -> tuple[Number, ...]:
    """Convert many values at once, by the rules of `decimal`, to Decimal or float.

    Raises:
        ValueError: one of them is not a number.
    """
    if _all_plain(values):
        try:
            return tuple(map(kind, values))
        except (ArithmeticError, ValueError):
            pass  # such as "1.2.3" or "": found below
    exact = [decimal(value) for value in values]
    if None in exact:
        raise ValueError(f"record {exact.index(None)} holds something that is not a number")
    return tuple(map(kind, exact))


def _all_plain(values: Sequence[Any]) -> bool:
    """Whether these are short texts of digits and points, judged as one text for speed."""
    try:
        text = "".join(values)
    except TypeError:
        return False
    if not text.isascii() or text.encode().translate(None, b"0123456789."):
        return False
    return max(map(len, values), default=0) <= MAX_EXPONENT
