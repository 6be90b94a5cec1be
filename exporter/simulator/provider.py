"""One simulated exchange, compiled from its catalog file: where it answers, and with what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from exporter.simulator.accounting import Limit, compile_limits
from exporter.simulator.market import MAX_ROWS
from exporter.simulator.template import Template, compile_template

_PLACEHOLDER = re.compile(r"\{(symbol|base|quote|base_lower|quote_lower)\}")
_COUNT_PARAMETERS = ("limit", "sz", "count", "depth", "len")

_DEFAULT_ERRORS: Mapping[str, Mapping[str, Any]] = {
    "rate_limited": {
        "status": 429,
        "headers": {"Retry-After": "$retry_after"},
        "body": "Too Many Requests",
    },
    "banned": {"status": 418, "headers": {"Retry-After": "$retry_after"}, "body": "I'm a teapot"},
    "bad_symbol": {"status": 400, "body": "Bad Request"},
    "maintenance": {"status": 503, "body": "Service Unavailable"},
}


@dataclass(frozen=True, slots=True)
class ErrorSample:
    status: int
    headers: Mapping[str, Template]
    body: Template


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call. ``fixed`` are the parameters that tell it from others on the same path;
    ``pairs`` maps the values that name a pair, in the order of ``naming``, to the pair;
    ``field`` is a name that its schema requires, for the faults that break it.
    """

    name: str
    path: re.Pattern[str]
    fixed: Mapping[str, str]
    naming: tuple[str, ...]
    path_names_pair: bool
    pairs: Mapping[tuple[str, ...], str]
    cost: Mapping[str, float]
    sample: Template
    maintenance: Template | None
    field: str


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks. ``pair`` is None when the exchange has no such symbol; ``limit`` is the
    number of rows that the request names, None when it names none."""

    endpoint: Endpoint
    pair: str | None
    limit: int | None


class Provider:
    """One exchange of the catalog.

    Raises:
        CatalogError: a sample has an unknown variable, format or list.
    """

    def __init__(self, document: Mapping[str, Any], pairs: Iterable[str]) -> None:
        self.name: str = document["name"]
        self.title: str = document["title"]
        self._document = document
        self._pairs = tuple(pairs)
        self.native = lru_cache(4096)(self._native)
        self.default_pair = self._pairs[0]
        self._indexes: dict[tuple[str, ...], Mapping[tuple[str, ...], str]] = {}
        self.limits: tuple[Limit, ...] = compile_limits(document["limits"])
        self.errors = {
            name: self._error(name, sample)
            for name, sample in {**_DEFAULT_ERRORS, **document.get("error_samples", {})}.items()
        }
        self.bans = "banned" in document.get("error_samples", {})
        self.endpoints = {
            name: self._endpoint(name, spec) for name, spec in document["endpoints"].items()
        }

    def find(self, path: str, query: Mapping[str, str]) -> Call | None:
        """The endpoint behind a path and its parameters; None when there is none."""
        found = [e for e in self.endpoints.values() if e.path.fullmatch(path)]
        if not found:
            return None
        endpoint = max(found, key=lambda e: sum(query.get(k) == v for k, v in e.fixed.items()))
        values = tuple(query.get(name, "") for name in endpoint.naming)
        if endpoint.path_names_pair:
            values = (path, *values)
        pair = endpoint.pairs.get(values) if values else self.default_pair
        return Call(endpoint, pair, _row_limit(query))

    def _native(self, pair: str) -> Mapping[str, str]:
        """How the exchange writes a pair: ``symbol``, ``base`` and ``quote``."""
        base, _, quote = pair.partition("-")
        assets = self._document.get("assets", {})
        names = {"base": assets.get(base, base), "quote": assets.get(quote, quote)}
        symbol = self._document.get("symbols", {}).get(pair)
        return {**names, "symbol": symbol or _fill(self._document.get("symbol", ""), names)}

    def other_pair(self, pair: str) -> str:
        """Another pair, for an exchange that mixes them up."""
        base, _, quote = pair.partition("-")
        other = next(asset for asset in ("BTC", "ETH", "SOL") if asset not in (base, quote))
        return f"{other}-{quote}"

    def example(self, endpoint: Endpoint) -> str:
        """A path with parameters that asks the endpoint about the default pair."""
        spec, names = self._document["endpoints"][endpoint.name], self.native(self.default_pair)
        params = {key: _fill(str(value), names) for key, value in spec.get("params", {}).items()}
        asked = urlencode({key: value for key, value in params.items() if "{" not in value})
        return _fill(spec["path"], names) + (f"?{asked}" if asked else "")

    def _endpoint(self, name: str, spec: Mapping[str, Any]) -> Endpoint:
        where = f"{self.name}.yml: $.endpoints.{name}"
        path: str = spec["path"]
        params = {key: str(value) for key, value in spec.get("params", {}).items()}
        naming = tuple(key for key, value in params.items() if _PLACEHOLDER.search(value))
        in_path = bool(_PLACEHOLDER.search(path))
        templates = (*([path] if in_path else []), *(params[key] for key in naming))
        pattern = "[^/]+".join(re.escape(part) for part in _PLACEHOLDER.split(path)[::2])
        cost = {**self._document["cost"], **spec.get("cost", {})}
        return Endpoint(
            name=name,
            path=re.compile(pattern),
            fixed={key: value for key, value in params.items() if "{" not in value},
            naming=naming,
            path_names_pair=in_path,
            pairs=self._index(templates),
            cost={limit: units for limit, units in cost.items() if units},
            sample=compile_template(spec["sample"], f"{where}.sample"),
            maintenance=compile_template(spec["maintenance_sample"], f"{where}.maintenance_sample")
            if "maintenance_sample" in spec
            else None,
            field=_breakable(spec),
        )

    def _index(self, templates: tuple[str, ...]) -> Mapping[tuple[str, ...], str]:
        """What the templates look like when filled in, for every pair. Where the exchange gives
        several pairs one symbol, the first one keeps it."""
        if templates not in self._indexes:
            index: dict[tuple[str, ...], str] = {}
            for pair in self._pairs if templates else ():
                names = self.native(pair)
                index.setdefault(tuple(_fill(template, names) for template in templates), pair)
            self._indexes[templates] = index
        return self._indexes[templates]

    def _error(self, name: str, sample: Mapping[str, Any]) -> ErrorSample:
        where = f"{self.name}.yml: $.error_samples.{name}"
        return ErrorSample(
            status=sample["status"],
            headers={
                key: compile_template(value, f"{where}.headers.{key}")
                for key, value in sample.get("headers", {}).items()
            },
            body=compile_template(sample["body"], f"{where}.body"),
        )


def _fill(template: str, names: Mapping[str, str]) -> str:
    def name(match: re.Match[str]) -> str:
        plain = match[1].removesuffix("_lower")
        return names[plain] if plain == match[1] else names[plain].lower()

    return _PLACEHOLDER.sub(name, template)


def _breakable(spec: Mapping[str, Any]) -> str:
    """The innermost field of a sample that its schema requires; empty when there is none."""
    present = set(_keys(spec["sample"]))
    required = [name for name in _required(spec["payload"].get("schema", {})) if name in present]
    return required[-1] if required else ""


def _keys(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield from node
        for value in node.values():
            yield from _keys(value)
    elif isinstance(node, list):
        for item in node:
            yield from _keys(item)


def _required(schema: Any) -> Iterator[str]:
    """All names that a schema requires, the outer ones first."""
    if isinstance(schema, Mapping):
        yield from schema.get("required", ())
        for value in schema.values():
            yield from _required(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _required(value)


def _row_limit(query: Mapping[str, str]) -> int | None:
    for name in _COUNT_PARAMETERS:
        text = query.get(name, "")
        if text.isascii() and text.isdecimal() and len(text) < 9:
            return min(max(int(text), 1), MAX_ROWS)
    return None
