"""The dialogue with one provider about one incident: keys, forms, one correction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from exporter.clock import Clock
from exporter.core.breaker import Event
from exporter.receiver.analysts.completion import Reply, complete
from exporter.receiver.analysts.endpoint import Endpoint, Form, refuses_form, wants_new_names
from exporter.receiver.analysts.spending import Spending, Spent
from exporter.receiver.answer import Judged
from exporter.receiver.outcome import CORRECTABLE, TRANSPORT, Outcome
from exporter.receiver.prompt import Prompt
from exporter.receiver.recorder import Recorder

_CHARACTERS = 3  # of a token, at least; for estimates
_MAX_CALLS = 6  # for one analysis, whatever the keys and forms

Messages = list[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Wire:
    """What every dialogue of an analyst shares."""

    session: aiohttp.ClientSession
    spending: Spending
    recorder: Recorder
    clock: Clock


class Dialogue:
    """``event`` is what it says of the provider's health, once it is over."""

    def __init__(
        self,
        wire: Wire,
        endpoint: Endpoint,
        judge: Callable[[str], Judged],
        incident: str,
        spent: Spent,
    ) -> None:
        self._wire = wire
        self._endpoint = endpoint
        self._judge = judge
        self._incident = incident
        self._spent = spent
        self._calls = 0
        self.event = Event.RELEASE

    async def hold(self, prompt: Prompt) -> tuple[Judged, str]:
        """The judgement, and the text that was judged. Raises OverBudgetError."""
        messages: Messages = [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.data},
        ]
        judged, text = await self._ask(messages)
        if judged.outcome in CORRECTABLE and self._calls < _MAX_CALLS:
            wish = f"Not accepted: {judged.detail or 'it was cut off'}. Answer again, shorter."
            judged, text = await self._ask([*messages, {"role": "user", "content": wish}])
        return judged, text

    async def _ask(self, messages: Messages) -> tuple[Judged, str]:
        reply = await self._reply(messages)
        if reply.outcome is not Outcome.OK:
            return Judged(None, reply.outcome), ""
        judged = self._judge(reply.text)
        self._wire.recorder.provider_call(self._endpoint.provider.name, judged.outcome)
        return judged, reply.text

    async def _reply(self, messages: Messages) -> Reply:
        """The first reply that is not about the key, or the last one."""
        reply = Reply(Outcome.NO_KEY)
        for key in self._endpoint.keys(self._wire.clock.unix()):
            reply = await self._in_form(key, messages)
            shut_out = self._endpoint.learn_key(key, reply, self._wire.clock.unix())
            if not shut_out or self._calls >= _MAX_CALLS:
                break
        return reply

    async def _in_form(self, key: str, messages: Messages) -> Reply:
        """The first reply that is not about the form, or the last one."""
        forms = self._endpoint.forms()
        names = self._endpoint.new_names
        reply = Reply(Outcome.NO_KEY)
        while forms and self._calls < _MAX_CALLS:
            reply = await self._call(key, messages, forms[0], names)
            if reply.status == 200:
                self._endpoint.learn_form(forms[0], names)
            if not refuses_form(reply):
                break
            if wants_new_names(reply) and not names:
                names = True
            else:
                forms = forms[1:]
        return reply

    async def _call(self, key: str, messages: Messages, form: Form, names: bool) -> Reply:
        """One request: charged before, settled after, whatever happens."""
        provider, spending = self._endpoint.provider, self._wire.spending
        estimate = sum(len(message["content"]) for message in messages) // _CHARACTERS
        charge = spending.charge(provider, self._incident, estimate)
        self._calls += 1
        body = self._endpoint.body(messages, form, names)
        try:
            reply = await complete(self._wire.session, provider, key, body, self._wire.clock.unix())
        except asyncio.CancelledError:
            spending.settle(provider, charge, self._spent, estimate, 0)  # it may well be billed
            raise
        spending.settle(provider, charge, self._spent, *_tokens(reply, estimate))
        unwell = reply.outcome in TRANSPORT or reply.status >= 500
        self.event = Event.FAILURE if unwell else Event.SUCCESS
        if reply.outcome is not Outcome.OK:
            self._wire.recorder.provider_call(provider.name, reply.outcome)
        return reply


def _tokens(reply: Reply, estimate: int) -> tuple[int, int]:
    """Tokens of prompt and completion; estimated if an answer does not tell, none for a refusal."""
    if reply.prompt_tokens or reply.completion_tokens:
        return reply.prompt_tokens, reply.completion_tokens
    free = reply.outcome in (Outcome.UNREACHABLE, Outcome.UNSENDABLE) or reply.status >= 300
    return (0, 0) if free else (estimate, len(reply.text) // _CHARACTERS)
