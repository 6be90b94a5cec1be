"""Validation of a document against one of our JSON Schemas, with all problems and their lines."""

from __future__ import annotations

import copy
import difflib
import functools
import importlib.resources
import itertools
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from exporter.config.document import Document
from exporter.config.errors import Problem
from exporter.core.checks import CHECKS
from exporter.core.checks.base import Kind, Parameter


def load_schema(name: str) -> dict[str, Any]:
    """One of the schemas in ``exporter/config/schema``, with the parameters of the checks added."""
    text = importlib.resources.files("exporter.config").joinpath(f"schema/{name}.schema.json")
    schema: dict[str, Any] = json.loads(text.read_text(encoding="utf-8"))
    schema["$defs"]["checks"] = _checks_schema()
    return schema


def _checks_schema() -> dict[str, Any]:
    """The schema of a ``checks:`` section, derived from the table of checks."""
    return {
        "description": "check → parameters, or false to switch the check off",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            check.name: {
                "anyOf": [
                    {"const": False},
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {p.name: _parameter_schema(p) for p in check.parameters},
                    },
                ]
            }
            for check in CHECKS.values()
        },
    }


def _parameter_schema(parameter: Parameter) -> Mapping[str, Any]:
    forms: Mapping[Kind, Mapping[str, Any]] = {
        Kind.DURATION: {"$ref": "#/$defs/duration_or_zero"},
        Kind.COUNT: {"type": "integer", "minimum": 0},
        Kind.RATIO: {"type": "number", "minimum": 0},
        Kind.FLAG: {"type": "boolean"},
    }
    return forms[parameter.kind]


@functools.cache
def _validator(name: str) -> Any:
    schema = load_schema(name)
    duration = schema["$defs"]["duration"]
    schema["$defs"]["duration_or_zero"] = {
        "hint": "is not a duration such as 500ms, 30s, 5m or 1h",
        "anyOf": [{"const": 0}, {"type": "string", "pattern": _ZERO}, *duration["anyOf"]],
    }
    return validator_of(schema)


def validator_of(schema: Mapping[str, Any]) -> Any:
    """A validator of ``jsonschema`` that knows our format ``url``."""
    return jsonschema.Draft202012Validator(schema, format_checker=_FORMATS)


_FORMATS = jsonschema.FormatChecker(formats=())
_ZERO = r"^0{1,9}(\.0{1,9})?(ms|s|m|h|d)$"
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")


@_FORMATS.checks("url")
def _is_url(value: object) -> bool:
    """Whether the parts of a URL can be told and sent; schemes and paths are up to patterns."""
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"[!-~]+", value) or set(value) & set('{}<>"'):
        return False  # before urlsplit, which drops control characters
    try:
        parts = urllib.parse.urlsplit(value)
        sound = parts.port != 0 and "@" not in parts.netloc
    except ValueError:  # an open bracket, a port that is none
        return False
    return sound and _HOST.fullmatch(parts.hostname or "") is not None


def schema_problems(document: Document, name: str) -> Iterator[Problem]:
    """Everything in which the document breaks the schema ``exporter`` or ``exchange``."""
    yield from problems_of(document, _validator(name))


def sound_part(document: Document, name: str, dependent: Mapping[str, str]) -> dict[str, Any]:
    """A mapping without the keys that break the schema, in which further problems can be sought.

    ``dependent`` maps keys to those beside them that go when they go.
    """
    sound = copy.deepcopy(document.data)
    if not isinstance(sound, dict):
        return {}
    for error in _validator(name).iter_errors(document.data):
        path = tuple(itertools.takewhile(lambda key: isinstance(key, str), error.absolute_path))
        places = [(*path, key) for key in _unknown(error)] or [path]
        for *above, last in filter(None, places):
            at = functools.reduce(lambda node, key: node.get(key) or {}, above, sound)
            at.pop(last, None)
            at.pop(dependent.get(last), None)
    return sound


def problems_of(document: Document, validator: Any) -> Iterator[Problem]:
    """Everything in which the document breaks the schema of a validator of ``jsonschema``."""
    found = (_describe(document, error) for error in validator.iter_errors(document.data))
    # A hint says the same of everything that is wrong with one value.
    yield from dict.fromkeys(itertools.chain.from_iterable(found))


def _describe(document: Document, error: ValidationError) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    if hint := schema.get("hint"):
        # A hint that starts with "is" is said of the value; any other stands for itself and
        # leaves out the value, which may be a secret in the wrong place.
        what = f"{error.instance!r} {hint}" if hint.startswith("is ") else hint
        yield document.problem(path, what)
    elif error.validator in ("anyOf", "oneOf"):
        yield from _describe_alternatives(document, error)
    elif error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        for key in _unknown(error):
            yield document.problem((*path, key), "unknown key" + _suggestion(str(key), known))
    elif "propertyNames" in error.absolute_schema_path:
        yield document.problem((*path, str(error.instance)), f"not a valid name: {error.message}")
    else:
        yield document.problem(path, error.message)


def _unknown(error: ValidationError) -> list[Any]:
    """The keys that the schema does not know, if that is the error."""
    schema, given = error.schema, error.instance
    if error.validator != "additionalProperties":
        return []
    assert isinstance(schema, dict)
    assert isinstance(given, dict)
    return sorted(given.keys() - schema.get("properties", {}).keys(), key=str)


def _describe_alternatives(document: Document, error: ValidationError) -> Iterator[Problem]:
    """The most telling of several alternatives: the one that got furthest into the value, of those
    that take a value of its type.
    """
    here = len(error.absolute_path)
    found = [
        inner
        for inner in error.context or ()
        if len(inner.absolute_path) > here or inner.validator not in ("type", "const")
    ]
    # A list of words is about the value as a whole, everything else about what is in it.
    best = max(found, key=lambda e: (len(e.absolute_path), e.validator != "enum"), default=None)
    if best is None:
        what = f"{error.instance!r} is none of the accepted forms"
        yield document.problem(tuple(error.absolute_path), what)
    else:
        branch = best.relative_schema_path[0]
        for inner in found:
            if inner.relative_schema_path[0] == branch:
                yield from _describe(document, inner)


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f", did you mean {close[0]!r}?"
    return f" (known here: {', '.join(sorted(known))})" if known else ""
