"""The durable state of the receiver, and the one thread in which it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from exporter.receiver.database import Database
from exporter.receiver.history import History
from exporter.receiver.intake import Intake
from exporter.receiver.work import Work

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """``await store.run(store.work.cases)``: disks are slow at times, the event loop must not be.

    One thread runs the calls in their order, so that none has to expect another in its midst.
    """

    def __init__(self, path: str | Path, guard: float = 30.0) -> None:
        """Open or create the file. Raises sqlite3.Error when it cannot be used."""
        self._database = Database(path)
        self._thread = ThreadPoolExecutor(1, "receiver-store")
        self.intake = Intake(self._database, guard)
        self.work = Work(self._database)
        self.history = History(self._database)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in the thread of the store. Raises what the call raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Let calls under way end, and close the file."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._database.close()
