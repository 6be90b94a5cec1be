"""Idle connections, ready to be used again."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from exporter.core.plan import Route
from exporter.probers.connection import Connection
from exporter.probers.request import Origin

MAX_IDLE = 512
"""Idle connections kept per origin and route; a burst that opened more closes the surplus."""


class _Idle(NamedTuple):
    expires: float
    connection: Connection


class Pool:
    """Idle connections by origin and route, the latest used first."""

    def __init__(self) -> None:
        self._idle: dict[tuple[Origin, Route], list[_Idle]] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, origin: Origin, route: Route) -> Connection | None:
        """An idle connection on which nothing has come in, or None. Others are closed."""
        idle = self._idle.get((origin, route))
        now = time.monotonic()
        while idle:
            expires, connection = idle.pop()
            if expires > now and connection.quiet():
                return connection
            connection.abort()
        return None

    def give(self, origin: Origin, route: Route, connection: Connection, keepalive: float) -> None:
        """Keep ``connection`` for ``keepalive`` seconds; close it when that is not possible."""
        key = (origin, route)
        if self._closed or keepalive <= 0 or len(self._idle.get(key, ())) >= MAX_IDLE:
            connection.abort()
            return
        entry = _Idle(time.monotonic() + keepalive, connection)
        self._idle.setdefault(key, []).append(entry)
        if self._sweep_timer is None:
            loop = asyncio.get_running_loop()
            self._sweep_timer = loop.call_later(keepalive, self._sweep)

    def close(self) -> None:
        """Close what is idle now, and whatever is given from now on."""
        self._closed = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        for idle in self._idle.values():
            for _, connection in idle:
                connection.abort()
        self._idle.clear()

    def _sweep(self) -> None:
        """Close what nobody asked for in time, and come back when the next one is due."""
        now = time.monotonic()
        kept: dict[tuple[Origin, Route], list[_Idle]] = {}
        for key, idle in self._idle.items():
            for entry in idle:
                if entry.expires > now and not entry.connection.closing:
                    kept.setdefault(key, []).append(entry)
                else:
                    entry.connection.abort()
        self._idle = kept
        self._sweep_timer = None
        if kept:
            due = min(entry.expires for idle in kept.values() for entry in idle)
            loop = asyncio.get_running_loop()
            self._sweep_timer = loop.call_later(max(due - now, 0.1), self._sweep)
