"""What is remembered of a provider from call to call: its keys, and the form that it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from exporter.receiver.analysts.completion import Reply
from exporter.receiver.outcome import Outcome
from exporter.receiver.prompt import wire_schema
from exporter.receiver.settings import Provider

_KEY_REFUSED = 300.0  # seconds until a refused key is tried again: it may have been renewed
_KEY_LIMITED = 30.0  # where no Retry-After tells
_LONGEST_WAIT = 3600.0
_REFUSES_FORM = (400, 404, 415, 422, 501)


class Form(IntEnum):
    """How to ask for JSON, the strictest first. Compatible servers know some of these."""

    JSON_SCHEMA = 0
    JSON_OBJECT = 1
    PLAIN = 2


class Endpoint:
    """One provider. ``now`` is Unix seconds."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._form = Form.JSON_SCHEMA
        self.new_names = False  # max_completion_tokens, and no temperature
        self._not_before = dict.fromkeys(provider.keys or ("",), 0.0)

    def keys(self, now: float) -> list[str]:
        """The keys that may be used now, in their order. One that is empty asks without any."""
        return [key for key, at in self._not_before.items() if at <= now]

    def learn_key(self, key: str, reply: Reply, now: float) -> bool:
        """Whether a reply shuts a key out, so that the next one is to be tried."""
        if reply.outcome is Outcome.AUTH:
            wait = _KEY_REFUSED
        elif reply.outcome is Outcome.RATE_LIMITED:
            wait = _KEY_LIMITED if reply.retry_after is None else reply.retry_after
        else:
            return False
        self._not_before[key] = now + min(wait, _LONGEST_WAIT)
        return True

    def forms(self) -> list[Form]:
        """Forms to try in turn: the one that worked last, then the laxer ones."""
        return [form for form in Form if form >= self._form]

    def learn_form(self, form: Form, new_names: bool) -> None:
        """This form was accepted."""
        self._form, self.new_names = form, new_names

    def body(
        self, messages: list[Mapping[str, str]], form: Form, new_names: bool
    ) -> dict[str, Any]:
        """The JSON of a request."""
        provider = self.provider
        body: dict[str, Any] = {"model": provider.model, "messages": messages, "stream": False}
        if new_names:
            body["max_completion_tokens"] = provider.max_tokens
        else:
            body |= {"max_tokens": provider.max_tokens, "temperature": provider.temperature}
        if form is Form.JSON_SCHEMA:
            answer = {"name": "analysis", "strict": True, "schema": wire_schema()}
            body["response_format"] = {"type": "json_schema", "json_schema": answer}
        elif form is Form.JSON_OBJECT:
            body["response_format"] = {"type": "json_object"}
        return body


def refuses_form(reply: Reply) -> bool:
    """Whether a server may have refused the form and not the question."""
    return reply.outcome is Outcome.HTTP_ERROR and reply.status in _REFUSES_FORM


def wants_new_names(reply: Reply) -> bool:
    """Whether it wants ``max_completion_tokens``, as OpenAI's reasoning models do."""
    return refuses_form(reply) and "max_completion_tokens" in reply.text
