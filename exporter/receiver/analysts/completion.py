"""One request to an OpenAI-compatible ``/chat/completions``, and what came back of it.

https://platform.openai.com/docs/api-reference/chat, as far as all compatible servers have it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from exporter.core.usage import retry_after
from exporter.receiver.outcome import Outcome
from exporter.receiver.settings import Provider

_LONGEST_ERROR = 4096
_MAX_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """``text`` is what the model wrote if the outcome is OK, and part of an error otherwise.

    Tokens are 0 when the server did not say. ``retry_after`` in seconds.
    """

    outcome: Outcome
    text: str = ""
    status: int = 0
    retry_after: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


async def complete(
    session: aiohttp.ClientSession,
    provider: Provider,
    key: str,
    body: Mapping[str, Any],
    now: float,
) -> Reply:
    """Ask once, for at most the provider's time. Never follows a redirect: it would get the key."""
    url = f"{provider.base_url.rstrip('/')}/chat/completions"
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        async with session.post(
            url,
            json=body,
            headers=headers,
            allow_redirects=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=provider.timeout),
        ) as response:
            return await _read(response, provider.max_answer_bytes, now)
    except TimeoutError:
        return Reply(Outcome.TIMEOUT)
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
        return Reply(Outcome.UNREACHABLE)
    except ValueError:  # a key or URL that no header or request line can hold
        return Reply(Outcome.UNSENDABLE)


async def _read(response: aiohttp.ClientResponse, most: int, now: float) -> Reply:
    status = response.status
    if 300 <= status < 400:
        return Reply(Outcome.REDIRECT, status=status)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return Reply(Outcome.MALFORMED, status=status)
    raw = bytearray()
    async for chunk in response.content.iter_chunked(16_384):
        raw += chunk
        if len(raw) > most:
            return Reply(Outcome.TOO_LARGE, status=status)
    if status != 200:
        return _error(status, bytes(raw), response.headers.get("Retry-After", ""), now)
    return read_answer(bytes(raw))


def _error(status: int, raw: bytes, header: str, now: float) -> Reply:
    kinds = {401: Outcome.AUTH, 403: Outcome.AUTH, 429: Outcome.RATE_LIMITED}
    text = raw[:_LONGEST_ERROR].decode(errors="replace")
    wait = retry_after({"retry-after": header}, now)
    return Reply(kinds.get(status, Outcome.HTTP_ERROR), text, status, wait)


def read_answer(raw: bytes) -> Reply:
    """What a body of status 200 says. Any bytes have a reply."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Reply(Outcome.MALFORMED, status=200)
    if not isinstance(body, dict):
        return Reply(Outcome.MALFORMED, status=200)
    usage = body.get("usage")
    tokens = [_count(usage, "prompt_tokens"), _count(usage, "completion_tokens")]
    outcome, text = _content(body.get("choices"))
    return Reply(outcome, text, 200, None, *tokens)


def _content(choices: Any) -> tuple[Outcome, str]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Outcome.EMPTY, ""
    if message.get("refusal"):
        return Outcome.REFUSAL, ""
    if choice.get("finish_reason") == "content_filter":
        return Outcome.REFUSAL, ""
    text = _text(message.get("content"))
    if choice.get("finish_reason") == "length":
        return Outcome.CUT_OFF, text
    return (Outcome.OK, text) if text.strip() else (Outcome.EMPTY, "")


def _text(content: Any) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _count(usage: Any, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    sound = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MAX_TOKENS
    return count if sound else 0  # type: ignore[return-value]
