"""Until when a certificate is valid that verification refused: what an alert wants to know."""

from __future__ import annotations

import asyncio
import time

from exporter.core.plan import Route
from exporter.probers.attempt import Attempt
from exporter.probers.connector import Connector
from exporter.probers.request import Origin

INTERVAL = 600.0
"""Seconds between two looks at the same host."""

_MAX_REMEMBERED = 256


class SecondLook:
    """Shakes hands once more without verification, sends nothing, and remembers what it saw."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._seen: dict[tuple[Origin, Route], tuple[float, float | None]] = {}

    async def not_after(self, origin: Origin, route: Route, timeout: float) -> float | None:
        """The end of validity in unix seconds, or None if ``timeout`` seconds do not tell."""
        key, now = (origin, route), time.monotonic()
        looked, expiry = self._seen.get(key, (float("-inf"), None))
        if now - looked < INTERVAL or timeout <= 0:
            return expiry
        if len(self._seen) >= _MAX_REMEMBERED:  # only redirects lead to that many hosts
            self._seen.clear()
        self._seen[key] = (now, expiry)  # first, so that looks do not overlap
        expiry = await self._look(origin, route, timeout) or expiry
        self._seen[key] = (now, expiry)
        return expiry

    async def _look(self, origin: Origin, route: Route, timeout: float) -> float | None:
        try:
            async with asyncio.timeout(timeout):
                connection = await self._connector.open(origin, route, Attempt(), verify=False)
        except Exception:  # the probe has failed for a better reason already
            return None
        connection.abort()
        return connection.certificate_not_after
