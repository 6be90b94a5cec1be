"""A server that speaks enough of ``/chat/completions`` to misbehave in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from exporter.receiver.analysts.openai import OpenAI
from exporter.receiver.settings import Budget, Price, Provider, Settings

Behave = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


@dataclass
class FakeOpenAI:
    """``behave`` answers; ``asked`` has the bodies that came and ``keys`` their keys."""

    behave: Behave
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return await self.behave(request, body)

    def provider(self, name: str = "fake", **changes: Any) -> Provider:
        """This server as a provider."""
        values = {"model": f"{name}-model", "timeout": 2.0, "price": Price(1.0, 4.0), **changes}
        return Provider(name, f"{self.url}/v1", **values)


@asynccontextmanager
async def fake_openai(behave: Behave) -> AsyncIterator[FakeOpenAI]:
    """One that listens."""
    fake = FakeOpenAI(behave)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await runner.cleanup()


def completion(content: object, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of an answer, with its tokens."""
    choice = {"message": {"role": "assistant", "content": content, **message}}
    return {
        "choices": [{**choice, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
    }


def saying(content: object, finish: str = "stop", **message: Any) -> Behave:
    """Always answers the same."""

    async def behave(_: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(completion(content, finish, **message))

    return behave


def answering(status: int, text: str = "", headers: Mapping[str, str] | None = None) -> Behave:
    """Always answers with this status."""

    async def behave(_: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return behave


def in_turn(*behaves: Behave) -> Behave:
    """Behaves in these ways, one for each request; the last one for ever."""
    left = list(behaves)

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request, body)

    return behave


async def hang(_: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    """Never answers."""
    await asyncio.sleep(3600)
    raise AssertionError


@dataclass
class StandingClock:
    """Time stands still until it is told."""

    at: float = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.at

    def unix(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Notes:
    """A recorder that remembers."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    is_open: dict[str, bool] = field(default_factory=dict)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def provider_call(self, provider: str, result: str) -> None:
        self.calls.append((provider, str(result)))

    def tokens(self, provider: str, prompt: int, completion: int) -> None:
        key = f"{provider} tokens"
        self.spent[key] = self.spent.get(key, 0) + prompt + completion

    def cost(self, provider: str, dollars: float) -> None:
        self.spent[provider] = self.spent.get(provider, 0.0) + dollars

    def budget(self, budget: str, remaining: float) -> None:
        self.left[budget] = remaining
        self.told.set()

    def provider(self, provider: str) -> None:
        self.is_open[provider] = False

    def breaker(self, provider: str, is_open: bool) -> None:
        self.is_open[provider] = is_open


@dataclass
class Stage:
    """An analyst before these providers, with what it tells."""

    analyst: OpenAI
    notes: Notes
    clock: StandingClock


@asynccontextmanager
async def stage(
    *providers: Provider, budget: Budget | None = None, cache_ttl: float = 0.0
) -> AsyncIterator[Stage]:
    """Ready to analyse. No cache and no budget unless told."""
    budget = budget or Budget(0, 0, 0, 0.0, 0)
    settings = Settings(providers=providers, budget=budget, cache_ttl=cache_ttl)
    async with aiohttp.ClientSession() as session:
        notes, clock = Notes(), StandingClock()
        yield Stage(OpenAI(settings, session, notes, clock=clock), notes, clock)
