"""From files to a checked Config: read, validate against the schemas, resolve cross-references.

All problems of all files are found before any is reported (ConfigError), with one exception: the
expressions of a catalog file are looked at once its form is right.
"""

from __future__ import annotations

import glob
import importlib.resources
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from exporter.config.document import Document, KeyPath, parse_document, read_document
from exporter.config.duration import seconds
from exporter.config.errors import ConfigError, Problem
from exporter.config.model import Config, EndpointOptions, ExchangeConfig, check_overrides
from exporter.config.plan import plan_problems
from exporter.config.schema_check import schema_problems, sound_part
from exporter.config.secret import Secret, read_secret
from exporter.core.plan import Route

DEFAULT_EXCHANGES = ("binance", "binance_usdm", "bybit", "okx", "deribit", "coinbase", "kraken")
DEFAULT_BUDGET = 0.05
DEFAULT_PAIRS = ("BTC-USDT",)
DEFAULT_TIMEOUT = 10.0
_DEPENDENT = {"catalog": "exchanges", "endpoints": "cold", "streams": "cold"}
"""Nobody can tell what is wrong with the latter while the former is."""


def shipped_catalog() -> dict[str, Document]:
    """The catalog files of this package by exchange name. Raises ConfigError if one is broken."""
    folder = importlib.resources.files("exporter.catalog")
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yml"))
    documents = [
        parse_document(folder.joinpath(name).read_bytes(), f"catalog/{name}") for name in files
    ]
    return {str(document.data["name"]): document for document in documents}


def form_problems(document: Document) -> list[Problem]:
    """What is wrong with a catalog file before its expressions are looked at."""
    problems = list(schema_problems(document, "exchange"))
    name = document.data.get("name") if isinstance(document.data, dict) else None
    if isinstance(name, str) and name != (stem := Path(document.file).stem):
        # Or a copy that kept the name of a shipped file would replace that unnoticed.
        problems.append(
            document.problem(("name",), f"{name!r} is not the name of the file, {stem!r}")
        )
    return problems


def load_catalog(file: Path | None = None) -> dict[str, Document]:
    """The shipped catalog and what the configuration file adds to it. Raises ConfigError."""
    document = read_document(file) if file else parse_document(b"", "built-in configuration")
    loading = _Loading(document, file, {})
    catalog = loading.catalog()
    if loading.problems:
        raise ConfigError(loading.problems)
    return catalog


def load_config(file: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Load a configuration file, or the defaults without one. Raises ConfigError."""
    if file is None:
        document = parse_document(b"", "built-in configuration")
    else:
        document = read_document(file)
    return config_from(document, file, environ)


def config_from(document: Document, file: Path | None, environ: Mapping[str, str]) -> Config:
    """Check an already parsed configuration. Raises ConfigError with all its problems."""
    loading = _Loading(document, file, environ)
    config = loading.run()
    if loading.problems:
        raise ConfigError([*loading.problems, *plan_problems(config)])
    return config


class _Loading:
    """One run over what is sound of one configuration; collects further problems on the way."""

    def __init__(self, document: Document, file: Path | None, environ: Mapping[str, str]) -> None:
        self.document = document
        self.data = sound_part(document, "exporter", _DEPENDENT)
        self.file = file
        self.folder = file.parent if file else Path()
        self.environ = environ
        self.problems = list(schema_problems(document, "exporter"))
        self.secrets: list[Secret] = []
        self.broken: set[str] = set()

    def run(self) -> Config:
        catalog = self.catalog()
        wanted = self.data.get("exchanges", dict.fromkeys(DEFAULT_EXCHANGES))
        network = self.data.get("network", {})
        exchanges = [
            self._exchange(name, settings or {}, catalog[name], network)
            for name, settings in wanted.items()
            if self._known(name, catalog)
        ]
        state = self.data.get("state")
        return Config(
            file=self.file,
            exchanges=tuple(exchanges),
            timeout=seconds(self.data.get("timeout", DEFAULT_TIMEOUT)),
            checks=check_overrides(self.data.get("checks", {})),
            state_path=self.folder / state["path"] if state else None,
            secrets=tuple(self.secrets),
        )

    def catalog(self) -> dict[str, Document]:
        catalog = shipped_catalog()
        for index, pattern in enumerate(self.data.get("catalog", [])):
            paths = sorted(glob.glob(str(self.folder / pattern)))  # noqa: PTH207 - may be absolute
            if not paths:
                self._report(("catalog", index), f"no file matches {pattern!r}")
            for path in paths:
                self._add_catalog_file(catalog, Path(path))
        return catalog

    def _add_catalog_file(self, catalog: dict[str, Document], path: Path) -> None:
        try:
            document = read_document(path)
            if problems := form_problems(document):
                raise ConfigError(problems)
        except ConfigError as error:
            self.problems += error.problems
            self.broken.add(path.stem)
            return
        catalog[document.data["name"]] = document

    def _known(self, name: str, catalog: Mapping[str, Document]) -> bool:
        if name in self.broken:
            return False  # its own problems are told
        if name not in catalog:
            known = ", ".join(sorted(catalog))
            self._report(("exchanges", name), f"no such exchange in the catalog (known: {known})")
        return name in catalog

    def _exchange(
        self,
        name: str,
        settings: Mapping[str, Any],
        catalog: Document,
        network: Mapping[str, Any],
    ) -> ExchangeConfig:
        here: KeyPath = ("exchanges", name)
        offered: Mapping[str, Any] = catalog.data["endpoints"]
        asked = settings.get("endpoints", offered)
        endpoints = self._endpoints(here, "endpoints", asked, offered)
        watched = (f"stream.{name}" for name in settings.get("streams", ()))
        cold = settings.get("cold", ())
        # What is said of `endpoints` need not be said again.
        told = set(asked) - set(endpoints) if endpoints else set(cold)
        cold = self._endpoints(here, "cold", cold, (*endpoints, *watched), told)
        options = settings.get("options", {})
        self._endpoints(here, "options", options, offered)
        own_network = settings.get("network")
        return ExchangeConfig(
            name=name,
            catalog=catalog,
            pairs=tuple(settings.get("pairs") or self.data.get("pairs", DEFAULT_PAIRS)),
            endpoints=endpoints,
            budget=settings.get("budget", self.data.get("budget", DEFAULT_BUDGET)),
            base_url=settings.get("base_url"),
            cold=frozenset(cold),
            checks=check_overrides(settings.get("checks", {})),
            options={key: _endpoint_options(value) for key, value in options.items()},
            route=self._route(
                network if own_network is None else own_network,
                ("network",) if own_network is None else (*here, "network"),
            ),
            headers={
                header: secret
                for header, reference in settings.get("headers", {}).items()
                if (secret := self._secret((*here, "headers", header), reference))
            },
            streams=self._streams(here, settings.get("streams", ()), catalog.data),
            stream_url=settings.get("stream_url"),
        )

    def _streams(self, here: KeyPath, names: Any, facts: Mapping[str, Any]) -> tuple[str, ...]:
        offered: Mapping[str, Any] = facts.get("streams", {})
        channels = offered.get("channels", {})
        why = offered.get("unsupported") or f"the catalog knows {', '.join(channels) or 'none'}"
        for index, name in enumerate(names):
            if name not in channels:
                what = f"no stream {name!r} of {facts['title']}: {why}"
                self._report((*here, "streams", index), what)
        return tuple(name for name in names if name in channels)

    def _endpoints(
        self, here: KeyPath, key: str, names: Any, offered: Any, told: Collection[str] = ()
    ) -> tuple[str, ...]:
        for index, name in enumerate(names):
            if name not in offered and name not in told:
                at = name if isinstance(names, Mapping) else index
                known = ", ".join(offered)
                self._report((*here, key, at), f"no endpoint {name!r} here (known: {known})")
        return tuple(name for name in names if name in offered)

    def _route(self, network: Mapping[str, Any], here: KeyPath) -> Route:
        authorization = None
        if reference := network.get("proxy_authorization"):
            authorization = self._secret((*here, "proxy_authorization"), reference)
        ca_file = network.get("ca_file", "")
        if ca_file and not (self.folder / ca_file).is_file():
            self._report((*here, "ca_file"), f"no such file: {self.folder / ca_file}")
        return Route(
            ip_protocol=network.get("ip_protocol", "ip4"),
            keepalive=seconds(network.get("keepalive", Route().keepalive)),
            proxy_url=network.get("proxy_url", ""),
            proxy_authorization=authorization.value if authorization else "",
            ca_file=str(self.folder / ca_file) if ca_file else "",
            insecure_skip_verify=network.get("insecure_skip_verify", False),
        )

    def _secret(self, path: KeyPath, reference: Mapping[str, str]) -> Secret | None:
        try:
            secret = read_secret(reference, self.folder, self.environ)
        except ValueError as error:
            self._report(path, str(error))
            return None
        self.secrets.append(secret)
        return secret

    def _report(self, path: KeyPath, what: str) -> None:
        self.problems.append(self.document.problem(path, what))


def _endpoint_options(settings: Mapping[str, Any]) -> EndpointOptions:
    return EndpointOptions(
        interval=seconds(settings["interval"]) if "interval" in settings else None,
        timeout=seconds(settings["timeout"]) if "timeout" in settings else None,
        checks=check_overrides(settings.get("checks", {})),
    )
