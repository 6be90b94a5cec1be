"""Answers that may be given again to the same evidence: bounded in number and time. Pure."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from exporter.receiver.prompt import VERSION

MAX_ENTRIES = 256


def key_of(content: str, model: str) -> str:
    """The key of an answer by a model to some evidence, under the present prompt."""
    return hashlib.sha256(f"{VERSION}\0{model}\0{content}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a model wrote, as it wrote it, and until when (Unix seconds) it may be used."""

    text: str
    until: float


class Cache:
    """The newest answers. ``ttl`` in seconds; 0 keeps nothing."""

    def __init__(self, ttl: float, longest: int = MAX_ENTRIES) -> None:
        self._ttl = ttl
        self._longest = longest
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def get(self, key: str, now: float) -> str | None:
        """What was answered before, if it is not too old."""
        entry = self._entries.get(key)
        if entry is None or now >= entry.until:
            self._entries.pop(key, None)
            return None
        self._entries.move_to_end(key)
        return entry.text

    def put(self, key: str, text: str, now: float) -> None:
        """Keep an answer; the one that was not asked for longest goes."""
        if self._ttl <= 0:
            return
        self._entries[key] = Entry(text, now + self._ttl)
        self._entries.move_to_end(key)
        while len(self._entries) > self._longest:
            self._entries.popitem(last=False)
