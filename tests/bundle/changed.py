"""Documents with one thing changed, to see whether a check finds it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Place = tuple[str | int, ...]


def changed(document: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """A copy of a document in which there is ``value`` at ``place``."""
    copy = deepcopy(document)
    inner: Any = copy
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return copy
