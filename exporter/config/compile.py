"""Compiles the text of a catalog file: path expressions, schemas, error codes, requests."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
from jmespath.exceptions import JMESPathError

from exporter.config.document import Document, KeyPath, format_path
from exporter.config.duration import seconds
from exporter.config.errors import Problem
from exporter.config.path import compile_path
from exporter.core.plan import (
    CodeRule,
    Envelope,
    Expression,
    Fields,
    Meaning,
    PayloadError,
    Rows,
    Scope,
    StatusRule,
    Time,
)
from exporter.core.times import RESOLUTIONS, converter

COMMON_SCHEMAS: Mapping[str, Any] = {
    "decimal": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"},
    "number": {"type": "number"},
    "digits": {"type": "string", "pattern": "^[0-9]+$"},
    "numeric": {"anyOf": [{"$ref": "#/$defs/decimal"}, {"type": "number"}]},
    "whole": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/digits"}]},
}
"""Schemas that every catalog file can refer to as ``#/$defs/<name>``.

Where a number is documented the shipped files take it in a string, too: nothing is lost, and many a
client and proxy puts the large ones in strings. Where a string is documented a number is refused: a
decimal out of its string has gone through binary floating point. Long lists are cheaper without a
pattern: their checks read every number anyway.
"""

_COLUMNS = ("price", "size", "time", "id", "open", "high", "low", "close", "volume")


class Compiler:
    """Compiles parts of one catalog file and collects what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def _report(self, path: KeyPath, what: str) -> None:
        self.problems.append(self._document.problem(path, what))

    def expression(self, text: str | None, path: KeyPath) -> Expression | None:
        """A JMESPath expression; a bad one is reported and yields None."""
        if text is None:
            return None
        try:
            return compile_path(text)
        except JMESPathError as error:
            first_line = str(error).splitlines()[0]
            self._report(path, f"not a JMESPath expression: {first_line}")
            return None

    def envelope(self, spec: Mapping[str, Any]) -> Envelope:
        here: KeyPath = ("envelope",)
        return Envelope(
            ok=self.expression(spec.get("ok"), (*here, "ok")),
            code=self.expression(spec.get("code"), (*here, "code")),
            message=self.expression(spec.get("message"), (*here, "message")),
            codes=tuple(
                CodeRule(_matcher(str(code)), **_rule(rule))
                for code, rule in spec.get("codes", {}).items()
            ),
            statuses={
                int(status): StatusRule(**_rule(rule))
                for status, rule in self._statuses(spec.get("statuses", {}))
            },
            until=self._until(spec.get("until")),
            retry_after_unit=spec.get("retry_after_unit", "s"),
        )

    def _statuses(self, statuses: Mapping[Any, Any]) -> list[tuple[int, Any]]:
        known = []
        for status, rule in statuses.items():
            if str(status).isdecimal() and 100 <= int(status) <= 599:
                known.append((int(status), rule))
            else:
                self._report(("envelope", "statuses", str(status)), "not an HTTP status")
        return known

    def _until(self, spec: Mapping[str, str] | None) -> Callable[[str], float | None] | None:
        if spec is None:
            return None
        try:
            pattern = re.compile(spec["pattern"])
        except re.error as error:
            self._report(("envelope", "until", "pattern"), f"not a regular expression: {error}")
            return None
        if pattern.groups != 1:
            self._report(("envelope", "until", "pattern"), "needs exactly one group")
            return None
        scale = {"s": 1.0, "ms": 0.001}[spec["unit"]]

        def until(text: str) -> float | None:
            match = pattern.search(text)
            return float(match[1]) * scale if match and match[1].isdecimal() else None

        return until

    def payload_error(
        self, schema: Mapping[str, Any] | None, shared: Mapping[str, Any], path: KeyPath
    ) -> PayloadError | None:
        """The compiled schema of a successful body; None where the catalog gives none."""
        if schema is None:
            return None
        try:
            validator = jsonschema_rs.validator_for(
                {**schema, "$defs": {**COMMON_SCHEMAS, **shared}},
                # The engine whose time is linear in the text, whatever a pattern says.
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            self._report(path, f"not a JSON Schema: {str(error).splitlines()[0]}")
            return None
        return _first_problem(validator)

    def placeholders(self, spec: Mapping[str, Any], path: KeyPath) -> bool:
        """Whether all of an endpoint's path and parameters are known; others are reported."""
        texts = [((*path, "path"), spec["path"], _BRACES)]
        texts += [
            ((*path, "params", name), str(value), _NAMED)
            for name, value in spec.get("params", {}).items()
        ]
        unknown = [
            (where, found)
            for where, text, pattern in texts
            for found in pattern.findall(text)
            if not ((match := _PLACEHOLDER.fullmatch(found)) and match[1] in PLACEHOLDERS)
        ]
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        for where, found in unknown:
            self._report(where, f"no such placeholder: {found} (known: {known})")
        return not unknown

    def fields(self, payload: Mapping[str, Any], path: KeyPath) -> Fields:
        """Where the facts are, by the ``payload`` section of an endpoint."""

        def expression(key: str) -> Expression | None:
            return self.expression(payload.get(key), (*path, key))

        return Fields(
            time=self.time(payload.get("time"), (*path, "time")),
            server_time=self.time(payload.get("server_time"), (*path, "server_time")),
            symbol=expression("symbol"),
            last=expression("last"),
            bid=expression("bid"),
            ask=expression("ask"),
            bids=self._rows(payload.get("bids"), (*path, "bids")),
            asks=self._rows(payload.get("asks"), (*path, "asks")),
            sequence=expression("sequence"),
            sequence_resets=frozenset(payload.get("sequence_resets", ())),
            trades=self._rows(payload.get("trades"), (*path, "trades")),
            klines=self._rows(payload.get("klines"), (*path, "klines")),
            maintenance=expression("maintenance"),
        )

    def time(self, spec: Mapping[str, str] | None, path: KeyPath) -> Time | None:
        """Where a time stands; an expression that is bad is reported and yields None."""
        if spec is None or (find := self.expression(spec["at"], (*path, "at"))) is None:
            return None
        return Time(find, converter(spec["unit"]), RESOLUTIONS[spec["unit"]])

    def _rows(self, spec: Mapping[str, Any] | None, path: KeyPath) -> Rows | None:
        if spec is None or (find := self.expression(spec["at"], (*path, "at"))) is None:
            return None
        if "time" in spec and "unit" not in spec:
            self._report(path, "a time column needs a unit")
            return None
        return Rows(
            find,
            **{column: spec.get(column) for column in _COLUMNS},
            time_convert=converter(spec["unit"]) if "unit" in spec else None,
            newest_first=spec.get("order") == "newest_first",
            period=seconds(spec["period"]) if "period" in spec else None,
            gaps_allowed=spec.get("gaps", False),
        )


def _rule(rule: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(rule, str):
        return {"meaning": Meaning(rule)}
    return {
        "meaning": Meaning(rule["meaning"]),
        "scope": Scope(rule.get("scope", Scope.EXCHANGE)),
        "backoff": seconds(rule["backoff"]) if "backoff" in rule else None,
    }


def _matcher(code: str) -> Callable[[str], bool]:
    if code.endswith("*"):
        prefix = code[:-1]
        return lambda text: text.startswith(prefix)
    return lambda text: text == code


def _first_problem(validator: Any) -> PayloadError:
    def first_problem(document: Any) -> str | None:
        if validator.is_valid(document):  # five times cheaper than collecting errors
            return None
        try:
            validator.validate(document)
        except jsonschema_rs.ValidationError as error:
            return f"{format_path(error.instance_path)[:80]}: {error.message[:160]}"
        return None

    return first_problem


PLACEHOLDERS = ("symbol", "base", "quote", "base_lower", "quote_lower", "now")
_BRACES = re.compile(r"\{[^{}]*\}?|\}")
_NAMED = re.compile(r"\{\w[^{}]*\}")  # a parameter may be JSON, in which quotes follow a brace
_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:([+-])([0-9]+(?:ms|s|m|h|d)))?(?::(s|ms))?\}")


def url_builder(
    url: str, params: Mapping[str, Any], values: Mapping[str, str]
) -> Callable[[float], str]:
    """A function from unix seconds to the URL of one request.

    Fills in ``{symbol}``, ``{base}`` … from ``values`` and ``{now:ms}``, ``{now-1h:s}`` from the
    time of the probe; a URL without ``{now}`` is built only once.
    """
    parts = [(str(name), str(value)) for name, value in params.items()]

    def build(now: float) -> str:
        query = urllib.parse.urlencode([(name, _fill(text, values, now)) for name, text in parts])
        path = _fill(
            url, {key: urllib.parse.quote(value, safe="") for key, value in values.items()}, now
        )
        return f"{path}?{query}" if query else path

    fixed = build(0.0)
    if not any("{now" in text for text in (url, *(text for _, text in parts))):
        return lambda _now: fixed
    return build


def _fill(text: str, values: Mapping[str, str], now: float) -> str:
    def replace(match: re.Match[str]) -> str:
        name, sign, offset, unit = match.groups()
        if name == "now":
            moment = now + (seconds(offset) if sign == "+" else -seconds(offset)) if sign else now
            return str(int(moment * 1000) if unit == "ms" else int(moment))
        return values[name]

    return _PLACEHOLDER.sub(replace, text)
