"""Records of a payload, read by column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Column = Callable[[int | str], list[Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """``count`` records, of which ``column`` yields the values inside the chosen window."""

    count: int
    column: Column


def tabulate(found: object, window: slice) -> Table:
    """A table of a list of records, or of one object that holds a list per column.

    The latter is how Deribit sends candles (``{"ticks": […], "open": […], …}``).

    Raises:
        ValueError: ``found`` is neither. Later, by ``column``: a record lacks the column, or
            the columns are of different length.
    """
    if type(found) is list:
        return _of_rows(found, window)
    if type(found) is dict:
        return _of_columns(found, window)
    raise ValueError("not a list")


def _of_rows(rows: list[Any], window: slice) -> Table:
    seen = rows[window]
    kinds = set(map(type, seen))

    def column(key: int | str) -> list[Any]:
        if not kinds <= {list if isinstance(key, int) else dict}:
            raise ValueError("a record has another shape than documented")
        try:
            return [row[key] for row in seen]
        except LookupError:
            raise ValueError(f"a record has no {key!r}") from None

    return Table(len(rows), column)


def _of_columns(columns: dict[Any, Any], window: slice) -> Table:
    lengths = {len(values) for values in columns.values() if type(values) is list}
    if len(lengths) != 1:
        raise ValueError("the columns are missing or of different length")

    def column(key: int | str) -> list[Any]:
        values = columns.get(key)
        if type(values) is not list:
            raise ValueError(f"there is no column {key!r}")
        return values[window]

    return Table(lengths.pop(), column)
