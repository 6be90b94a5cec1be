"""Virtual time: an event loop whose clock jumps to the next timer when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

START = 1_000.0
"""The monotonic time at which every test begins."""

EPOCH = 1_700_000_000.0
"""The unix time at which every test begins."""

_TICK = 1e-7  # code takes time: two readings of a clock are never the same

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Lets the time pass that it was told to wait for."""

    now = START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits for something that will never happen")
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


class FakeClock:
    """The clock of a VirtualLoop."""

    def monotonic(self) -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.jumping.now += _TICK
        return loop.jumping.now

    def unix(self) -> float:
        return self.monotonic() - START + EPOCH

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def elapsed(self) -> float:
        """Seconds since the test began, without the ticks."""
        return round(self.monotonic() - START, 2)


def run(test: Coroutine[Any, Any, T]) -> T:
    """Run a test in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(test)
