"""The web application: every route, and what holds for all of them."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exporter.server.discovery import target_groups
from exporter.server.interface import Service
from exporter.server.landing import LandingPage
from exporter.server.probe import BadRequest, ProbeHandler
from exporter.server.settings import ServerSettings
from exporter.web.auth import basic_auth
from exporter.web.page import SECURITY_HEADERS
from exporter.web.watch import WEB_CONFIG, WebConfigFile

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

_MAX_BODY = 64 * 1024
_BUFFERED = 64 * 1024  # asyncio buffers this much, so smaller answers never wait for the client
_HOST = re.compile(r"[A-Za-z0-9._~\[\]:-]{1,255}")


def build_application(service: Service, settings: ServerSettings) -> web.Application:
    """Compose the application. Raises ConfigError if the web config file cannot be used."""
    middlewares: list[Middleware] = [_bounded(settings.send_timeout)]
    web_config = None
    if settings.web_config_file is not None:
        web_config = WebConfigFile(settings.web_config_file)
        middlewares.append(basic_auth(web_config))
    app = web.Application(middlewares=middlewares, client_max_size=_MAX_BODY)
    if web_config is not None:
        app[WEB_CONFIG] = web_config
    app.on_response_prepare.append(_standard_headers(settings, web_config))
    _add_routes(app.router, service, settings)
    return app


def _add_routes(router: web.UrlDispatcher, service: Service, settings: ServerSettings) -> None:
    at = settings.prefix
    pages = _Pages(service, settings)
    router.add_get(f"{at}/probe", ProbeHandler(service, settings.default_timeout).handle)
    router.add_get(f"{at}/metrics", pages.metrics)
    router.add_get(f"{at}/sd", pages.discovery)
    router.add_get(f"{at}/-/healthy", pages.healthy)
    router.add_get(f"{at}/-/ready", pages.ready)
    router.add_post(f"{at}/-/reload", pages.reload)
    router.add_put(f"{at}/-/reload", pages.reload)
    router.add_get(f"{at}/", pages.landing)
    router.add_get(f"{at}/config", pages.config)
    if at:
        router.add_get("/", functools.partial(_redirect, f"{at}/"))
        router.add_get(at, functools.partial(_redirect, f"{at}/"))


class _Pages:
    """All that is not a probe."""

    def __init__(self, service: Service, settings: ServerSettings) -> None:
        self._service = service
        self._settings = settings
        self._landing = LandingPage()

    async def landing(self, _request: web.Request) -> web.Response:
        service = self._service
        # In a thread, since hundreds of rows take tens of milliseconds, and probes must not wait.
        text = await asyncio.to_thread(
            self._landing.render,
            service.views(),
            service.plan,
            service.about,
            service.ready,
            service.redact,
            time.time(),
        )
        headers = {"Content-Security-Policy": self._landing.policy, "Cache-Control": "no-store"}
        response = web.Response(text=text, content_type="text/html", headers=headers)
        response.enable_compression()
        return response

    async def discovery(self, request: web.Request) -> web.Response:
        external = self._settings.external
        address = external.netloc.rpartition("@")[2] or request.headers.get("Host", "")
        if not _HOST.fullmatch(address):
            raise BadRequest("the Host header is missing or not host:port")
        scheme = external.scheme or ("https" if request.secure else "")
        path = f"{self._settings.external_path}/probe"
        groups = target_groups(self._service.plan, address, path, scheme)
        return web.Response(text=json.dumps(groups), content_type="application/json")

    async def metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._service.own_metrics(request.headers.get("Accept", ""))
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(self, _request: web.Request) -> web.Response:
        if self._service.ready:
            return web.Response(text="ready\n")
        return web.Response(text="not ready\n", status=503)

    async def reload(self, _request: web.Request) -> web.Response:
        problem = self._service.redact(await self._service.reload())
        if problem:
            return web.Response(text=f"reload failed, nothing changed:\n{problem}\n", status=500)
        return web.Response(text="reloaded\n")

    async def config(self, _request: web.Request) -> web.Response:
        text = self._service.redact(self._service.redacted_config())
        return web.Response(text=text, content_type="text/yaml")


async def _redirect(location: str, _request: web.Request) -> web.Response:
    raise web.HTTPFound(location)


def _bounded(send_timeout: float) -> Middleware:
    @web.middleware
    async def bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse large requests, and drop clients that do not read a large answer."""
        size = request.content_length or 0
        if size > _MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=_MAX_BODY, actual_size=size)
        response = await handler(request)
        if isinstance(response, web.Response) and (response.content_length or 0) > _BUFFERED:
            await _send(request, response, send_timeout)
        return response

    return bounded


async def _send(request: web.Request, response: web.Response, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


def _standard_headers(settings: ServerSettings, web_config: WebConfigFile | None) -> Signal:
    server = f"exchange-exporter/{settings.version}"

    async def add(_request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers["Server"] = server
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if web_config is not None:
            headers.update(web_config.current().headers)

    return add
