"""What the web server needs of the rest: one protocol, implemented by ``exporter.service``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from exporter.core.plan import Plan
from exporter.core.view import View


class Service(Protocol):
    """The running exporter as its HTTP surface sees it."""

    @property
    def plan(self) -> Plan:
        """The plan in force; replaced as a whole by a reload."""
        ...

    @property
    def ready(self) -> bool:
        """Whether probes are accepted (false while starting and stopping)."""
        ...

    async def probe(self, target: str, timeout: float) -> View:
        """Probe one configured target, answering within ``timeout`` seconds.

        Raises KeyError if no such target is configured.
        """
        ...

    async def probe_all(self, timeout: float) -> tuple[View, ...]:
        """Probe every configured target, answering within ``timeout`` seconds."""
        ...

    def views(self) -> tuple[View, ...]:
        """The state of every target without asking anybody anything."""
        ...

    def render(self, views: tuple[View, ...], openmetrics: bool) -> bytes:
        """The exposition of these targets in the text format or in OpenMetrics."""
        ...

    def count_unknown_target(self) -> None:
        """Count a request for a target that is not configured."""
        ...

    async def reload(self) -> str:
        """Load the configuration again. Returns what is wrong with it, "" when it is in force."""
        ...

    def redacted_config(self) -> str:
        """The configuration in force as YAML, without any secret."""
        ...

    def redact(self, text: str) -> str:
        """The text with every known secret masked."""
        ...

    def own_metrics(self, accept: str) -> tuple[bytes, str]:
        """The exporter's own metrics for /metrics: (body, content type) by the Accept header."""
        ...

    @property
    def about(self) -> Mapping[str, str]:
        """Facts for the landing page: version, started (unix s), config file, number of targets."""
        ...
