"""The web application of the receiver: the webhook, the page and its JSON, metrics, health."""

from __future__ import annotations

import asyncio
import functools
import hmac
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from exporter.receiver.page import Page
from exporter.receiver.service import Receiver
from exporter.receiver.settings import Settings
from exporter.receiver.webhook import WebhookError, parse_json
from exporter.web.auth import basic_auth
from exporter.web.page import SECURITY_HEADERS
from exporter.web.watch import WEB_CONFIG, WebConfigFile

_READ_TIMEOUT = 10.0  # seconds for a body to arrive; Alertmanager sends at once
_DAY = 86_400.0
_WEBHOOK = "/api/v1/alerts"
_HEADERS = {**SECURITY_HEADERS, "Cache-Control": "no-store"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_application(
    receiver: Receiver, settings: Settings, web_config: WebConfigFile | None = None
) -> web.Application:
    """Compose the application. Webhooks that carry a token need no password beside it."""
    app = web.Application(client_max_size=settings.max_body_bytes)
    if web_config is not None:
        app[WEB_CONFIG] = web_config
        has_token = functools.partial(_has_token, bool(settings.token))
        counted = _count_refused(receiver.metrics.request)
        app.middlewares.extend((counted, basic_auth(web_config, has_token)))
    handlers = _Handlers(receiver, settings)
    app.router.add_post(_WEBHOOK, handlers.alerts)
    app.router.add_get("/api/v1/incidents", handlers.incidents)
    app.router.add_get("/api/v1/incidents/{id:[0-9]{1,15}}", handlers.incident)
    app.router.add_post("/api/v1/analyses/{id:[0-9]{1,15}}/feedback", handlers.feedback)
    app.router.add_get("/api/v1/dead-letters", handlers.dead_letters)
    app.router.add_get("/api/v1/audit", handlers.audit)
    app.router.add_get("/metrics", handlers.metrics)
    app.router.add_get("/-/healthy", handlers.healthy)
    app.router.add_get("/-/ready", handlers.healthy)
    app.router.add_get("/", handlers.page)
    app.on_response_prepare.append(_add_headers)
    return app


def _has_token(wanted: bool, request: web.Request) -> bool:
    return wanted and request.path == _WEBHOOK


def _count_refused(count: Callable[[int], None]) -> Middleware:
    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the webhooks that do not get past the password."""
        try:
            return await handler(request)
        except web.HTTPUnauthorized:
            if request.path == _WEBHOOK:
                count(401)
            raise

    return counted


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if (web_config := request.app.get(WEB_CONFIG)) is not None:
        response.headers.update(web_config.current().headers)


class _Handlers:
    def __init__(self, receiver: Receiver, settings: Settings) -> None:
        self._receiver = receiver
        self._history = receiver.store.history
        self._token = settings.token.encode()
        self._page = Page()

    async def alerts(self, request: web.Request) -> web.Response:
        """A webhook: kept when it is answered 202, never answered late.

        Texts stay bland: Alertmanager logs them. 5xx would make it repeat at once, so it is only
        for what cannot be kept.
        """
        code, text = await self._take(request)
        self._receiver.metrics.request(code)
        headers = {"WWW-Authenticate": "Bearer"} if code == 401 else None
        return web.Response(status=code, text=f"{text}\n", headers=headers)

    async def _take(self, request: web.Request) -> tuple[int, str]:
        if not self._receiver.ready:
            return 503, "not ready"
        if not self._authorized(request):
            return 401, "a bearer token is needed"
        try:
            async with asyncio.timeout(_READ_TIMEOUT):
                body = await request.read()
            await self._receiver.accept(body)
        except web.HTTPRequestEntityTooLarge:
            return 413, "too large"
        except TimeoutError:
            return 408, "too slow"
        except WebhookError as error:
            return 400, str(error)
        except sqlite3.Error:
            return 503, "cannot be kept"
        return 202, "accepted"

    def _authorized(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape")
        right = scheme.lower() == "bearer" and hmac.compare_digest(given, self._token)
        return right or not self._token

    async def _read(self, call: Callable[..., Any], *args: Any) -> Any:
        return await self._receiver.store.run(call, *args)

    async def incidents(self, _request: web.Request) -> web.Response:
        return web.json_response({"incidents": await self._read(self._history.incidents)})

    async def incident(self, request: web.Request) -> web.Response:
        found = await self._read(self._history.incident, int(request.match_info["id"]))
        if found is None:
            raise web.HTTPNotFound(text="no such incident\n")
        return web.json_response(found)

    async def dead_letters(self, _request: web.Request) -> web.Response:
        return web.json_response({"dead_letters": await self._read(self._history.dead_letters)})

    async def audit(self, _request: web.Request) -> web.Response:
        return web.json_response({"audit": await self._read(self._history.audit)})

    async def feedback(self, request: web.Request) -> web.Response:
        """A vote. Only JSON, which a foreign page cannot post without being asked for leave."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="only application/json\n")
        try:
            vote = parse_json(await request.read())
            useful, note = vote["useful"], vote.get("note", "")
        except (WebhookError, LookupError, TypeError, AttributeError) as error:
            raise web.HTTPBadRequest(text='wanted is {"useful": true}\n') from error
        if not isinstance(useful, bool) or not isinstance(note, str):
            raise web.HTTPBadRequest(text="useful is true or false, note is text\n")
        number, now = int(request.match_info["id"]), self._receiver.clock.unix()
        note = note.encode("utf-8", "replace").decode()
        if not await self._read(self._history.vote, number, useful, note, now):
            raise web.HTTPNotFound(text="no such analysis\n")
        self._receiver.metrics.voted(useful)
        return web.json_response({"useful": useful})

    async def metrics(self, request: web.Request) -> web.Response:
        counts = await self._read(self._history.counts)
        now = self._receiver.clock.unix()
        accept = request.headers.get("Accept", "")
        body, content_type = self._receiver.metrics.exposition(counts, now, accept)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthy(self, _request: web.Request) -> web.Response:
        if not self._receiver.ready:
            raise web.HTTPServiceUnavailable(text="not ready\n")
        return web.Response(text="healthy\n")

    async def page(self, _request: web.Request) -> web.Response:
        now = self._receiver.clock.unix()
        incidents = await self._read(self._history.incidents)
        totals = await self._read(self._history.totals, now - _DAY)
        letters = await self._read(self._history.dead_letters)
        audit = await self._read(self._history.audit)
        text = self._page.render(incidents, totals, letters, audit, now)
        headers = {"Content-Security-Policy": self._page.policy}
        return web.Response(text=text, content_type="text/html", headers=headers)
