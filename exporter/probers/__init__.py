"""How targets are asked: one implementation per kind of prober, all of the same shape.

A prober turns a Request into an Observation. Whatever the peer does is a fact or a Failure in it,
never an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from exporter.core.model import Observation
from exporter.core.plan import Request, Route
from exporter.probers.http import HttpProber
from exporter.probers.stream import StreamProber


class Prober(Protocol):
    """Asks targets, and owns the connections that this takes."""

    async def ask(self, request: Request, route: Route, timeout: float) -> Observation:
        """Send ``request`` exactly once; the answer is there within ``timeout`` seconds."""

    async def close(self) -> None:
        """Close all connections."""


PROBERS: dict[str, Callable[[str], Prober]] = {
    "http": HttpProber,
    "websocket": StreamProber,
}
"""By the name that a plan uses; each is made with the version of the exporter."""
