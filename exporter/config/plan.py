"""Compiles a Config into the Plan: every target with its request, limits, checks and interval."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from exporter.config import schedule
from exporter.config.compile import Compiler, url_builder
from exporter.config.document import Document, KeyPath
from exporter.config.duration import seconds
from exporter.config.errors import ConfigError, Problem
from exporter.config.model import Config, EndpointOptions, ExchangeConfig, check_overrides
from exporter.config.streams import stream_plans
from exporter.config.symbol import asset_names, native_symbol, symbol_aliases
from exporter.core.checks import applicable, defaults
from exporter.core.limits import Limiter
from exporter.core.model import Target
from exporter.core.plan import Fields, Limit, Plan, Request, Scope, TargetPlan, UsageHeaders
from exporter.core.stream_plan import StreamPlan

_SLOW = 300.0
"""Prometheus forgets a series after five minutes; slower targets deserve a warning."""


def build_plan(config: Config) -> Plan:
    """Compile everything. Raises ConfigError with all problems of all catalog files."""
    buildings = [_Building(config, exchange) for exchange in config.exchanges]
    if problems := [problem for each in buildings for problem in each.problems]:
        raise ConfigError(problems)
    targets: list[TargetPlan] = []
    limits: dict[str, Limit] = {}
    streams: dict[str, StreamPlan] = {}
    for building in buildings:
        targets += building.targets
        limits |= building.limits
        streams |= building.streams
    planned = _schedule(targets, limits)
    return Plan(
        targets={str(plan.target): plan for plan in planned},
        limits=limits,
        exchanges={e.name: str(e.facts["title"]) for e in config.exchanges},
        streams=streams,
        warnings=tuple(_warnings(targets, planned)),
    )


def plan_problems(config: Config) -> list[Problem]:
    """What ``build_plan`` would say of a configuration that has problems of its own already."""
    return [problem for e in config.exchanges for problem in _Building(config, e).problems]


def catalog_problems(document: Document) -> list[Problem]:
    """Everything that is wrong with one catalog file that satisfies the schema."""
    exchange = ExchangeConfig(
        name=document.data["name"],
        catalog=document,
        pairs=("BTC-USDT",),
        endpoints=tuple(document.data["endpoints"]),
        budget=1.0,
        streams=tuple(document.data.get("streams", {}).get("channels", ())),
    )
    return _Building(Config(None, (exchange,)), exchange).problems


class _Building:
    """Compiles the targets and streams of one exchange."""

    def __init__(self, config: Config, exchange: ExchangeConfig) -> None:
        self.config = config
        self.exchange = exchange
        self.facts: Mapping[str, Any] = exchange.facts
        self.compiler = Compiler(exchange.catalog)
        self.limits: dict[str, Limit] = {}
        self.names: dict[str, dict[str, str]] = {"": {}}
        try:
            for pair in exchange.pairs:
                symbol = native_symbol(self.facts, pair)
                self.names[pair] = {"symbol": symbol, **asset_names(self.facts, pair)}
        except ValueError as error:
            self.compiler.problems.append(exchange.catalog.problem(("symbol",), str(error)))
        self.envelope = self.compiler.envelope(self.facts["envelope"])
        self.targets = [plan for name in exchange.endpoints for plan in self._endpoint(name)]
        self.streams = stream_plans(exchange, self.compiler, self.envelope)
        self.problems = self.compiler.problems

    def _endpoint(self, name: str) -> Iterator[TargetPlan]:
        spec: Mapping[str, Any] = self.facts["endpoints"][name]
        here: KeyPath = ("endpoints", name)
        payload = spec["payload"]
        fields = self.compiler.fields(payload, (*here, "payload"))
        payload_error = self.compiler.payload_error(
            payload.get("schema"), self.facts.get("schemas", {}), (*here, "payload", "schema")
        )
        checks, parameters = self._checks(name, spec, fields)
        options = self.exchange.options.get(name, EndpointOptions())
        interval = options.interval or seconds(
            spec.get("interval", schedule.default_interval(self.facts["category"], name))
        )
        if not self.compiler.placeholders(spec, here):
            return
        for target in self._targets(name, spec):
            if target.pair not in self.names:
                continue
            url = self._url(target, spec)
            yield TargetPlan(
                target=target,
                prober="http",
                request=self._request(target, spec, url),
                route=self.exchange.route,
                host=urllib.parse.urlsplit(url(0.0)).netloc,
                symbol=self.names[target.pair].get("symbol", ""),
                costs=self._costs(target, spec, here),
                interval=interval,
                timeout=min(options.timeout or self.config.timeout, 120.0),
                envelope=self.envelope,
                fields=fields,
                payload_error=payload_error,
                checks=checks,
                parameters=parameters,
                category=self.facts["category"],
                aliases=symbol_aliases(self.facts, target.pair) if target.pair else (),
                usage_headers=spec.get("usage_headers", True),
            )

    def _targets(self, name: str, spec: Mapping[str, Any]) -> Iterator[Target]:
        text = spec["path"] + "".join(str(value) for value in spec.get("params", {}).values())
        per_pair = any(key in text for key in ("{symbol", "{base", "{quote"))
        for pair in self.exchange.pairs if per_pair else ("",):
            yield Target(self.exchange.name, name, pair)
            if name in self.exchange.cold:
                yield Target(self.exchange.name, name, pair, cold=True)

    def _url(self, target: Target, spec: Mapping[str, Any]) -> Callable[[float], str]:
        base_url = self.exchange.base_url or spec.get("base_url", self.facts["base_url"])
        url = base_url.rstrip("/") + spec["path"]
        return url_builder(url, spec.get("params", {}), self.names[target.pair])

    def _request(
        self, target: Target, spec: Mapping[str, Any], url: Callable[[float], str]
    ) -> Callable[[float], Request]:
        secret = {name: value.value for name, value in self.exchange.headers.items()}
        first = Request(
            url=url(0.0),
            headers=tuple({**self.facts.get("headers", {}), **secret}.items()),
            credentials=frozenset(name.lower() for name in secret),
            cold=target.cold,
            redirects=spec.get("redirects", 0),
            max_body=spec.get("max_body", 4 * 1024 * 1024),
        )
        if url(1.0) == url(1e9):
            return lambda _now: first
        return lambda now: replace(first, url=url(now))

    def _costs(
        self, target: Target, spec: Mapping[str, Any], here: KeyPath
    ) -> tuple[tuple[str, float], ...]:
        charges = {**self.facts["cost"], **spec.get("cost", {})}
        costs = []
        for name, cost in charges.items():
            if name not in self.facts["limits"]:
                problem = self.exchange.catalog.problem((*here, "cost", name), "no such limit")
                self.compiler.problems.append(problem)
            elif cost > 0:
                costs.append((self._limit(name, target).key, float(cost)))
        return tuple(costs)

    def _limit(self, name: str, target: Target) -> Limit:
        """The bucket of a published limit that this target draws from."""
        spec = self.facts["limits"][name]
        scope = Scope(spec["scope"])
        key = f"{self.exchange.name}/{name}"
        if scope is Scope.ENDPOINT:
            key += f"/{target.endpoint}"
        if spec.get("per_pair") and target.pair:
            key += f"/{target.pair}"
        if scope is Scope.ACCOUNT and target.account:
            key += f"@{target.account}"
        return self.limits.setdefault(
            key,
            Limit(
                key=key,
                exchange=self.exchange.name,
                name=name,
                scope=scope,
                capacity=float(spec["capacity"]),
                window=seconds(spec["window"]),
                share=self.exchange.budget,
                headers=UsageHeaders(**spec.get("headers", {})),
            ),
        )

    def _checks(
        self, endpoint: str, spec: Mapping[str, Any], fields: Fields
    ) -> tuple[tuple[str, ...], dict[str, dict[str, float]]]:
        """The checks that apply and their parameters: defaults, catalog, then configuration."""
        names = applicable(fields)
        parameters = {name: dict(defaults(endpoint)[name]) for name in names}
        options = self.exchange.options.get(endpoint, EndpointOptions())
        switched_off = set()
        for layer in (
            check_overrides(spec.get("checks", {})),
            self.config.checks,
            self.exchange.checks,
            options.checks,
        ):
            for name, override in layer.items():
                if override is False:
                    switched_off.add(name)
                elif name in parameters:
                    switched_off.discard(name)
                    parameters[name] |= override
        return tuple(name for name in names if name not in switched_off), parameters


def _schedule(targets: list[TargetPlan], limits: Mapping[str, Limit]) -> list[TargetPlan]:
    limiter = Limiter(limits.values(), [plan.costs for plan in targets])
    demands = [schedule.Demand(str(p.target), p.interval, p.costs) for p in targets]
    intervals = schedule.fit(demands, limiter.sustained_rates())
    return [replace(plan, interval=intervals[str(plan.target)]) for plan in targets]


def _warnings(wanted: list[TargetPlan], planned: list[TargetPlan]) -> Iterator[str]:
    """One warning for each exchange whose budget makes some target slower than five minutes."""
    slowest: dict[str, tuple[TargetPlan, float]] = {}
    for before, after in zip(wanted, planned, strict=True):
        known = slowest.get(after.target.exchange)
        stretched = after.interval > before.interval
        if (
            stretched
            and after.interval > _SLOW
            and (not known or known[0].interval < after.interval)
        ):
            slowest[after.target.exchange] = (after, before.interval)
    for exchange, (plan, interval) in slowest.items():
        yield (
            f"{exchange}: the budget allows {plan.target} only every {plan.interval:.0f} s instead"
            f" of every {interval:.0f} s; raise `budget` or ask for fewer endpoints or pairs"
        )
