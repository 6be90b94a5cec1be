"""From receiver.yml to Settings. All problems of its form are reported at once, then all others."""

from __future__ import annotations

import functools
import importlib.resources
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.config.document import Document, KeyPath, parse_document, read_document
from exporter.config.duration import seconds
from exporter.config.errors import ConfigError, Problem
from exporter.config.schema_check import problems_of, validator_of
from exporter.config.secret import Secret, read_secret
from exporter.receiver.settings import Budget, Price, Provider, Settings, Suppression
from exporter.receiver.suppress import MAX_TTL

_DURATIONS = (
    *("debounce", "deadline", "max_age", "heartbeat", "resend_delay", "peer_timeout"),
    *("retention", "cache_ttl"),
)
_PLAIN = (
    *("prometheus", "external_url", "max_body_bytes", "close_after", "storm", "analyst"),
    "queries",
)
_PATHS = {"state": "state_path", "runbooks": "runbooks"}
_SECRETS = {"webhook_token": "token", "alertmanager_token": "alertmanager_token"}


def load_settings(
    file: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[Settings, tuple[Secret, ...]]:
    """Read a configuration file, or the defaults without one; and the secrets to mask.

    Raises ConfigError with all that is wrong.
    """
    document = read_document(file) if file else parse_document(b"", "built-in configuration")
    problems = list(problems_of(document, _validator()))
    if problems:
        raise ConfigError(problems)
    loading = _Loading(document, file.parent if file else Path(), environ)
    settings = loading.settings()
    if loading.problems:
        raise ConfigError(loading.problems)
    return settings, tuple(loading.secrets)


@functools.cache
def _validator() -> Any:
    return validator_of(load_schema())


def load_schema() -> dict[str, Any]:
    """The JSON Schema of receiver.yml, from which its documentation can be generated."""
    file = importlib.resources.files("exporter.receiver").joinpath("schema/receiver.schema.json")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


class _Loading:
    """One run over a document that the schema accepted."""

    def __init__(self, document: Document, folder: Path, environ: Mapping[str, str]) -> None:
        self._document = document
        self._folder = folder
        self._environ = environ
        self.problems: list[Problem] = []
        self.secrets: list[Secret] = []

    def settings(self) -> Settings:
        data: Mapping[str, Any] = self._document.data
        values: dict[str, Any] = {key: data[key] for key in _PLAIN if key in data}
        values |= {key: seconds(data[key]) for key in _DURATIONS if key in data}
        values |= {name: self._path(data[key]) for key, name in _PATHS.items() if key in data}
        values |= {
            name: self._secret(data[key], (key,)) for key, name in _SECRETS.items() if key in data
        }
        values.setdefault("state_path", self._path(Settings().state_path))
        if "alertmanagers" in data:
            values["alertmanagers"] = tuple(data["alertmanagers"])
        values["providers"] = self._providers(data.get("providers", []))
        values["budget"] = Budget(**data.get("budget", {}))
        values["suppression"] = self._suppression(data.get("suppression", {}))
        if values.get("analyst") == "openai" and not values["providers"]:
            self._problem(("analyst",), "openai needs at least one of providers")
        return Settings(**values)

    def _path(self, text: str) -> str:
        return str(self._folder / text)

    def _providers(self, found: list[dict[str, Any]]) -> tuple[Provider, ...]:
        names = [each["name"] for each in found]
        for index, name in enumerate(names):
            if name in names[:index]:
                self._problem(("providers", index, "name"), f"{name!r} stands twice")
        return tuple(self._provider(each, index) for index, each in enumerate(found))

    def _provider(self, found: dict[str, Any], index: int) -> Provider:
        keys = enumerate(found.get("keys", []))
        given = {
            "keys": tuple(self._secret(key, ("providers", index, "keys", n)) for n, key in keys),
            "price": Price(**found.get("price", {})),
        }
        if "timeout" in found:
            given["timeout"] = seconds(found["timeout"])
        return Provider(**{**found, **given})

    def _suppression(self, found: dict[str, Any]) -> Suppression:
        given = {**found, "ttl": seconds(found.get("ttl", MAX_TTL))}
        if given["ttl"] > MAX_TTL:
            self._problem(("suppression", "ttl"), "longer than 30m")
        if not given.get("mode", True):
            given["mode"] = "off"  # YAML 1.1 reads a bare off as false
        return Suppression(**given)

    def _secret(self, reference: Mapping[str, str], path: KeyPath) -> str:
        try:
            secret = read_secret(reference, self._folder, self._environ)
        except ValueError as error:
            self._problem(path, str(error))
            return ""
        self.secrets.append(secret)
        return secret.value

    def _problem(self, path: KeyPath, what: str) -> None:
        self.problems.append(self._document.problem(path, what))
