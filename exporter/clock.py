"""The clock of the shell. The core never asks for the time; it is told."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time for durations, unix time for people, and waiting."""

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean something."""
        ...

    def unix(self) -> float:
        """Seconds since the epoch by this machine's clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        ...


class SystemClock:
    """This machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def unix(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
