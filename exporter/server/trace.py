"""A live trace of a stream: the first messages line by line, then one line a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.server.text import latency, printable
from exporter.streams import TraceEvent

_SHOWN = 5
"""Data messages that are shown one by one."""

_WIDTH = 100


class TraceText:
    """Turns events into lines. ``redact`` masks known secrets."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._shown = 0
        self._second = _Second(0)

    def lines(self, event: TraceEvent) -> Iterator[str]:
        """The lines that an event completes, if any."""
        if event.what == "data" and not event.notes:
            if int(event.elapsed) != self._second.number:
                yield from self.rest()
                self._second = _Second(int(event.elapsed))
            if self._shown >= _SHOWN:
                self._second.add(event)
                return
            self._shown += 1
        yield self._line(event)

    def rest(self) -> Iterator[str]:
        """The line of what was gathered last."""
        if self._second.messages:
            yield self._second.line()
        self._second = _Second(self._second.number)

    def _line(self, event: TraceEvent) -> str:
        told = [latency(event.seconds)] if event.seconds is not None else []
        if event.lag is not None:
            told.append(f"lag {latency(event.lag)}")
        told += [note.upper() for note in event.notes]
        arrow = {"sent": ">", "ping": ">"}.get(event.what, "<" if event.size else " ")
        text = printable(self._redact(event.text), _WIDTH)
        line = f"{event.elapsed:8.3f} {arrow} {event.what:<12} {', '.join(told):<12} {text}"
        return line.rstrip()


class _Second:
    """The data messages of one second."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.messages = 0
        self._bytes = 0
        self._lags: list[float] = []

    def add(self, event: TraceEvent) -> None:
        self.messages += 1
        self._bytes += event.size
        if event.lag is not None:
            self._lags.append(event.lag)

    def line(self) -> str:
        lag = (
            f", lag {latency(min(self._lags))} to {latency(max(self._lags))}" if self._lags else ""
        )
        size = f"{self._bytes / 1000:.1f} kB"
        return f"{self.number:8d}s  {self.messages} messages in order, {size}{lag}"
