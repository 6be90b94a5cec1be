"""``GET /probe``: one target or all of them, before the scraper's deadline."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from aiohttp import web
from multidict import MultiMapping

from exporter.core.model import Failure, Observation, Reason
from exporter.core.plan import TargetPlan
from exporter.core.result import Result
from exporter.core.view import View
from exporter.metrics import OPENMETRICS, TEXT
from exporter.server.interface import Service
from exporter.server.negotiation import wants_openmetrics
from exporter.server.report import describe
from exporter.server.text import printable

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"

_LONGEST_TIMEOUT = 120.0
_COMPRESS_FROM = 64 * 1024  # a single target is not worth the time, nor the CPU of both sides
_LOG = logging.getLogger(__name__)


class BadRequest(web.HTTPBadRequest):
    """The parameters of a request cannot be used; the text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text=f"{text}\n")


def allowed_time(header: str | None, default: float) -> float:
    """Seconds that a scraper grants by its timeout header; ``default`` if it is not usable."""
    try:
        seconds = float(header) if header else default
    except ValueError:
        return default
    return min(seconds, _LONGEST_TIMEOUT) if seconds > 0 and math.isfinite(seconds) else default


def safety_offset(seconds: float) -> float:
    """The part of the time allowed that is kept back, so that the answer is there in time.

    Half a second as in the Blackbox exporter, and at most a fifth of a short timeout.
    """
    return min(0.5, 0.2 * seconds)


class ProbeHandler:
    """Answers /probe from the service."""

    def __init__(self, service: Service, default_timeout: float) -> None:
        self._service = service
        self._default_timeout = default_timeout

    async def handle(self, request: web.Request) -> web.Response:
        if not self._service.ready:
            raise web.HTTPServiceUnavailable(text="not ready\n")
        target, debug = parameters(request.query)
        seconds = allowed_time(request.headers.get(TIMEOUT_HEADER), self._default_timeout)
        if target is None:
            return self._exposition(request, await self._all(seconds))
        view = await self._one(target, seconds)
        return self._report(view) if debug else self._exposition(request, (view,))

    async def _one(self, target: str, seconds: float) -> View:
        # "+" in a query string means a space, and no target has a space: "x/ping+cold" typed
        # by hand means what it says.
        name = target.replace(" ", "+")
        plan = self._service.plan.targets.get(name)
        if plan is None:
            raise self._unknown(target)
        offset = safety_offset(seconds)
        try:
            async with asyncio.timeout(seconds - offset / 2):
                return await self._service.probe(name, seconds - offset)
        except TimeoutError:
            return _overrun(plan, seconds)
        except KeyError:
            if name in self._service.plan.targets:
                raise
            raise self._unknown(target) from None  # a reload removed it meanwhile

    async def _all(self, seconds: float) -> tuple[View, ...]:
        offset = safety_offset(seconds)
        try:
            async with asyncio.timeout(seconds - offset / 2):
                return await self._service.probe_all(seconds - offset)
        except TimeoutError:
            return tuple(_overrun(plan, seconds) for plan in self._service.plan.targets.values())

    def _unknown(self, target: str) -> BadRequest:
        self._service.count_unknown_target()
        return BadRequest(f"unknown target '{printable(target, 100)}'; /sd lists those configured")

    def _exposition(self, request: web.Request, views: tuple[View, ...]) -> web.Response:
        openmetrics = wants_openmetrics(request.headers.get("Accept", ""))
        body = self._service.render(views, openmetrics)
        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT}
        response = web.Response(body=body, headers=headers)
        if len(body) > _COMPRESS_FROM:
            response.enable_compression()
        return response

    def _report(self, view: View) -> web.Response:
        metrics = self._service.render((view,), False).decode()
        return web.Response(text=describe(view, self._service.redact, metrics))


def parameters(query: MultiMapping[str]) -> tuple[str | None, bool]:
    """The target (None for all) and the debug flag. Raises BadRequest for anything else."""
    for name in query:
        if name not in ("target", "debug"):
            raise BadRequest(f"unknown parameter '{printable(name, 40)}'")
        if len(query.getall(name)) > 1:
            raise BadRequest(f"parameter {name} stands more than once")
    target = query.get("target")
    debug = query.get("debug", "false")
    if debug not in ("true", "false"):
        raise BadRequest("debug must be true or false")
    if debug == "true" and target is None:
        raise BadRequest("debug needs a target")
    return target, debug == "true"


def _overrun(plan: TargetPlan, seconds: float) -> View:
    """What is told of a probe that outlived its own timeout: our bug, not the exchange's fault."""
    _LOG.error("probe of %s did not end within %.3f s", plan.target, seconds)
    failure = Failure(Reason.INTERNAL_ERROR, "the probe did not end by its own deadline")
    observation = Observation(elapsed=seconds, failure=failure)
    return View(plan, Result(plan.target, observation, time.time(), failure=failure), age=0.0)
