"""Messages that a client sends over a stream, compiled from the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from exporter.core.stream_plan import Message

_NAMES = re.compile(r"\{([a-z_]+)\}")
_TIMES: Mapping[str, Callable[[float], int]] = {
    "$time:ms": lambda now: int(now * 1000),
    "$time:s": int,
}


def fill(node: Any, names: Mapping[str, str]) -> Any:
    """``{symbol}`` and the like, wherever they stand in a topic or an expression, filled in.

    Braces around anything else are left alone, for JMESPath has a use for them.
    """
    if isinstance(node, str):
        return _NAMES.sub(lambda match: names.get(match[1], match[0]), node)
    if isinstance(node, Mapping):
        return {key: fill(value, names) for key, value in node.items()}
    return [fill(item, names) for item in node] if isinstance(node, list) else node


def message(spec: Any, topic: Any = None) -> Message:
    """A function from a request id and the unix time to the text to send.

    A string of its own is sent as it is; everything else becomes JSON, in which ``$topic``, ``$id``
    (``$id:str`` for text) and ``$time:ms`` or ``$time:s`` are replaced by values of their own type.
    """
    return lambda request, now: _text(spec, _values(request, now) | {"$topic": topic})


def answer(spec: Any) -> Callable[[Any], str]:
    """A function from what was found in a ping to the text to send; ``$ping`` stands for it."""
    return lambda ping: _text(spec, {"$ping": ping})


def _values(request: int, now: float) -> dict[str, Any]:
    times = {name: convert(now) for name, convert in _TIMES.items()}
    return {"$id": request, "$id:str": str(request), **times}


def _text(spec: Any, values: Mapping[str, Any]) -> str:
    if isinstance(spec, str) and spec not in values:
        return spec
    return compact(_replace(spec, values))


def _replace(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, str):
        return values.get(node, node)
    if isinstance(node, Mapping):
        return {key: _replace(value, values) for key, value in node.items()}
    return [_replace(item, values) for item in node] if isinstance(node, list) else node


def compact(document: Any) -> str:
    """JSON without blanks, its keys in their order."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
