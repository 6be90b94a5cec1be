"""The configuration as checked values: what exporter.yml and the catalog say, nothing compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from exporter.config.document import Document
from exporter.config.duration import seconds
from exporter.config.secret import Secret
from exporter.core.plan import Route

CheckOverrides = Mapping[str, Mapping[str, float] | Literal[False]]
"""Check name → parameters, or False to switch the check off."""


def check_overrides(checks: Mapping[str, Any]) -> CheckOverrides:
    """The section ``checks`` with numbers: durations in seconds, flags as 0 and 1."""
    return {
        name: False if given is False else {key: seconds(value) for key, value in given.items()}
        for name, given in checks.items()
    }


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What the configuration says of one endpoint of one exchange. Times in seconds."""

    interval: float | None = None
    timeout: float | None = None
    checks: CheckOverrides = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """One exchange to probe: its catalog file and what the configuration changes of it."""

    name: str
    catalog: Document
    pairs: tuple[str, ...]
    endpoints: tuple[str, ...]
    budget: float
    base_url: str | None = None
    cold: frozenset[str] = frozenset()
    checks: CheckOverrides = field(default_factory=dict)
    options: Mapping[str, EndpointOptions] = field(default_factory=dict)
    route: Route = Route()
    headers: Mapping[str, Secret] = field(default_factory=dict)
    streams: tuple[str, ...] = ()
    stream_url: str | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """The catalog file's content."""
        facts: Mapping[str, Any] = self.catalog.data
        return facts


@dataclass(frozen=True, slots=True)
class Config:
    """A whole checked configuration. ``file`` is None when there is no configuration file."""

    file: Path | None
    exchanges: tuple[ExchangeConfig, ...]
    timeout: float = 10.0
    checks: CheckOverrides = field(default_factory=dict)
    state_path: Path | None = None
    secrets: tuple[Secret, ...] = ()
