"""The template language of the catalog's samples, compiled into closures.

A string ``$name[±offset][:format]`` becomes a value of its own type; within longer text, or as
``${…}``, it becomes text. ``{$each: bids|asks|trades|klines, $limit, $order, $item}`` becomes a
list. ``$$`` stands for a dollar sign.

    price, size   "$last" → "60000.12"     "$last:num" → 60000.12
    integer       "$sequence" → 123        "$sequence:str" → "123"      "$trade_id-1000"
    time          "$time:ms|ms_str|s|s_str|s_float|us|us_str|ns|ns_str|iso"    "$time-24h:ms"
    flag, side    "$closed" → true   "$closed:str" → "1"   "$side" → "buy"   "$side:Title" → "Buy"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from exporter.config.errors import ConfigError, Problem
from exporter.simulator.variables import FORMATS, PLAIN, ROWS, UNITS, Format, Kind, Scope, Variables

Render = Callable[[Scope, Any], Any]
"""Scope and, within a list, the row → a JSON value."""

_EXPRESSION = re.compile(r"([a-z_]+)(?:([+-][0-9]+)(ms|s|m|h|d)?)?(?::([A-Za-z_]+))?")
_TOKEN = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<braced>[^{}]*)\}"
    r"|(?P<plain>[a-z_]+(?:[+-][0-9]+(?:ms|s|m|h|d)?)?(?::[A-Za-z_]+)?))"
)
_EACH_KEYS = frozenset({"$each", "$limit", "$order", "$item"})
_TIME_ROWS = frozenset({"trades", "klines"})


class CatalogError(ConfigError):
    """A sample of the catalog cannot be used. The problem names the file and the path in it."""


@dataclass(frozen=True, slots=True)
class Template:
    """``render`` yields the document; ``rows`` says how many rows of which list it wants."""

    render: Callable[[Scope], Any]
    rows: Mapping[str, int]


def compile_template(
    sample: Any, where: str, known: Variables = PLAIN, lists: Mapping[str, Variables] = ROWS
) -> Template:
    """Compile one sample; ``where`` is ``file: path`` for messages.

    ``known`` are the variables that it may name, ``lists`` the variables of each kind of rows.

    Raises:
        CatalogError: on an unknown variable, format or list.
    """
    rows = _Rows(lists)
    render = _compile(sample, where, known, rows)
    return Template(lambda scope: render(scope, None), rows.wanted)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The kinds of rows that there are, and how many of which a sample turns out to want."""

    kinds: Mapping[str, Variables]
    wanted: dict[str, int] = field(default_factory=dict)


def _compile(node: Any, where: str, known: Variables, rows: _Rows) -> Render:
    if isinstance(node, str):
        return _text(node, where, known)
    if isinstance(node, Mapping):
        if "$each" in node:
            return _each(node, where, known, rows)
        return _object(node, where, known, rows)
    if isinstance(node, list):
        items = [_compile(item, f"{where}[{n}]", known, rows) for n, item in enumerate(node)]
        return lambda scope, row: [item(scope, row) for item in items]
    return lambda _scope, _row: node


def _object(node: Mapping[Any, Any], where: str, known: Variables, rows: _Rows) -> Render:
    members = [
        (_text(str(key), where, known), _compile(value, f"{where}.{key}", known, rows))
        for key, value in node.items()
    ]
    return lambda scope, row: {str(key(scope, row)): value(scope, row) for key, value in members}


def _each(node: Mapping[str, Any], where: str, known: Variables, rows: _Rows) -> Render:
    kind, limit = node["$each"], node.get("$limit", 100)
    order = node.get("$order", "oldest_first")
    if unknown := node.keys() - _EACH_KEYS:
        _fail(where, f"unknown key {min(unknown)}")
    if kind not in list(rows.kinds):  # by equality, for it may be anything
        _fail(where, f"$each: {kind!r} is none of {', '.join(rows.kinds)}")
    if order not in ("oldest_first", "newest_first"):
        _fail(where, f"$order: {order!r} is neither oldest_first nor newest_first")
    if not isinstance(limit, int) or "$item" not in node:
        _fail(where, "a list wants a whole $limit and an $item")
    rows.wanted[kind] = max(limit, rows.wanted.get(kind, 0))
    item = _compile(node["$item"], f"{where}.$item", {**known, **rows.kinds[kind]}, rows)
    newest_first = order == "newest_first"

    def render(scope: Scope, _row: Any) -> list[Any]:
        found, count = scope.rows(kind), scope.limit or limit
        if kind in _TIME_ROWS:
            found = found[-count:][::-1] if newest_first else found[-count:]
        else:
            found = found[:count]
        return [item(scope, row) for row in found]

    return render


def _text(text: str, where: str, known: Variables) -> Render:
    """A string of the sample: constant, one variable, or text with variables in it."""
    match = _TOKEN.fullmatch(text)
    if match and not match["dollar"]:
        return _variable(match["braced"] or match["plain"] or "", where, known)
    parts: list[Render | str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        name = match["braced"] or match["plain"] or ""
        parts.append("$" if match["dollar"] else _variable(name, where, known))
    parts.append(text[end:])
    if any(part for part in parts if isinstance(part, str) and part != "$" and "$" in part):
        _fail(where, f"a lone $ in {text!r}")
    if all(isinstance(part, str) for part in parts):
        constant = "".join(str(part) for part in parts)
        return lambda _scope, _row: constant
    return lambda scope, row: "".join(
        part if isinstance(part, str) else str(part(scope, row)) for part in parts
    )


def _variable(text: str, where: str, known: Variables) -> Render:
    match = _EXPRESSION.fullmatch(text)
    if not match or match[1] not in known:
        _fail(where, f"unknown variable ${text}")
    name, offset, unit, form = match.groups()
    kind, get = known[name]
    if form not in FORMATS[kind]:
        _fail(where, f"${name} has no format {form or '(none)'}")
    show: Format = FORMATS[kind][form]
    if isinstance(get, int):
        if offset is None:
            return _column(kind, form, show, get)
        get = _getter(get)
    if offset is None:
        return lambda scope, row: show(get(scope, row), scope)
    if (kind, bool(unit)) not in ((Kind.TIME, True), (Kind.INTEGER, False)):
        _fail(where, f"${name} takes no offset {offset}{unit or ''}")
    shift = int(offset) * UNITS[unit] if unit else int(offset)
    return lambda scope, row: show(get(scope, row) + shift, scope)


def _getter(column: int) -> Callable[[Scope, Any], Any]:
    return lambda _scope, row: row[column]


def _column(kind: Kind, form: str | None, show: Format, column: int) -> Render:
    """A column of a row. Books are mostly prices and sizes as text: one call less for those."""
    if kind is Kind.PRICE and form is None:
        return lambda scope, row: scope.price % row[column]
    if kind is Kind.SIZE and form is None:
        return lambda scope, row: scope.size % row[column]
    return lambda scope, row: show(row[column], scope)


def _fail(where: str, problem: str) -> NoReturn:
    file, _, path = where.partition(": ")
    raise CatalogError([Problem(file, 0, path, problem)])
