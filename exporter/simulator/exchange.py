"""One simulated exchange at work: what it answers to a call, under the faults in force."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from exporter.simulator.accounting import HONEST, Accounting, Terms
from exporter.simulator.distort import DOCUMENT, FACTS, REPLY, Reply
from exporter.simulator.faults import ActiveFault, Kind
from exporter.simulator.market import Market, Snapshot
from exporter.simulator.provider import Call, Provider
from exporter.simulator.template import Template
from exporter.simulator.variables import Scope

BODIES_PER_SECOND = 20
"""A body with rows is rendered anew so many times a second; requests in between share it."""

_MAX_BODIES = 1000

# Faults before the rendering, under which a shared body must not be used.
_BEFORE_RENDERING = frozenset({Kind.QUESTION, Kind.FACTS, Kind.DOCUMENT})


class SimulatedExchange:
    """Answers calls. Times are unix seconds."""

    def __init__(self, provider: Provider, market: Market) -> None:
        self.provider = provider
        self._market = market
        self.accounting = Accounting(provider.limits, provider.bans)
        self._bodies: dict[tuple[str, str, int | None], tuple[int, bytes]] = {}

    def answer(self, call: Call, client: str, now: float, faults: Sequence[ActiveFault]) -> Reply:
        """The whole answer, short of the faults of the wire."""
        clock = now + _total(faults, "clock_skew", "seconds")
        endpoint, pair = call.endpoint, call.pair or ""
        spent = self.accounting.spend(
            client, endpoint.name, pair, endpoint.cost, now, _terms(faults)
        )
        refused = next((fault for fault in faults if self._refuses(fault)), None)
        if spent.refusal:
            reply = self.error(spent.refusal, clock, spent.until)
        elif refused:
            reply = self._refusal(refused, call, clock)
        elif call.pair is None:
            reply = self.error("bad_symbol", clock)
        else:
            reply = Reply(200, {}, self._body(call, call.pair, clock, faults))
        silent = any(fault.name == "headers_missing" for fault in faults)
        said = {name.lower() for name in reply.headers}  # names have no case
        usage = {k: v for k, v in spent.headers.items() if not silent and k.lower() not in said}
        reply = replace(reply, headers={**usage, **reply.headers, "Date": _http_date(int(clock))})
        key = (call.endpoint.name, call.pair, call.limit)
        for fault in faults:
            if fault.kind is Kind.REPLY:
                reply = REPLY[fault.name](reply, fault, key)
        return reply

    def _body(self, call: Call, pair: str, clock: float, faults: Sequence[ActiveFault]) -> bytes:
        if not call.endpoint.sample.rows or any(f.kind in _BEFORE_RENDERING for f in faults):
            return _encode(self.document(call, pair, clock, faults))
        key, slot = (call.endpoint.name, pair, call.limit), int(clock * BODIES_PER_SECOND)
        rendered_in, body = self._bodies.get(key, (None, b""))
        if rendered_in != slot:
            if len(self._bodies) >= _MAX_BODIES:
                self._bodies.clear()
            body = _encode(self.document(call, pair, clock, faults))
            self._bodies[key] = (slot, body)
        return body

    def document(
        self, call: Call, pair: str, clock: float, faults: Iterable[ActiveFault] = ()
    ) -> Any:
        """The JSON document of a successful answer about ``pair``."""
        if any(fault.name == "symbol_swap" for fault in faults):
            pair = self.provider.other_pair(pair)
        facts = self._facts(call.endpoint.sample, pair, clock, call.limit)
        for fault in faults:
            if fault.kind is Kind.FACTS:
                facts = FACTS[fault.name](facts, fault)
        document = call.endpoint.sample.render(self._scope(facts, pair, limit=call.limit))
        for fault in faults:
            if fault.kind is Kind.DOCUMENT:
                field = str(fault.values["field"]) or call.endpoint.field
                document = DOCUMENT[fault.name](document, field, fault)
        return document

    def _facts(self, sample: Template, pair: str, clock: float, limit: int | None) -> Snapshot:
        rows = {kind: limit or count for kind, count in sample.rows.items()}
        return self._market.snapshot(
            self.provider.name,
            pair,
            clock,
            depth=max(rows.get("bids", 1), rows.get("asks", 1)),
            trades=rows.get("trades", 0),
            klines=rows.get("klines", 0),
        )

    def _scope(
        self, facts: Snapshot, pair: str, limit: int | None = None, until: float = 0
    ) -> Scope:
        return Scope(
            snapshot=facts,
            price=f"%.{facts.price_decimals}f",
            size=f"%.{facts.size_decimals}f",
            limit=limit,
            retry_after=max(1, math.ceil(until - facts.time)),
            until=until,
            **self.provider.native(pair),
        )

    def _refuses(self, fault: ActiveFault) -> bool:
        """Whether the fault is a refusal, and one that this exchange has words for."""
        meaning = fault.values.get("meaning", "")
        return fault.kind is Kind.REFUSAL and (not meaning or meaning in self.provider.errors)

    def _refusal(self, fault: ActiveFault, call: Call, clock: float) -> Reply:
        if fault.name == "error":
            return self.error(str(fault.values["meaning"]), clock)
        if fault.name == "banned":
            return self.error("banned", clock, clock + fault.number("seconds"))
        if fault.name == "rate_limited":
            wait = fault.number("retry_after")
            reply = self.error("rate_limited", clock, clock + wait)
            return _with_retry_after(reply, str(fault.values["form"]), clock, wait)
        if call.endpoint.maintenance is None:
            return self.error("maintenance", clock)
        pair = call.pair or self.provider.default_pair
        facts = self._facts(call.endpoint.maintenance, pair, clock, call.limit)
        return Reply(200, {}, _encode(call.endpoint.maintenance.render(self._scope(facts, pair))))

    def error(self, name: str, clock: float, until: float = 0.0) -> Reply:
        """One of the error samples; ``until`` is when the refusal ends."""
        sample = self.provider.errors[name]
        pair = self.provider.default_pair
        facts = self._market.snapshot(self.provider.name, pair, clock)
        scope = self._scope(facts, pair, until=until)
        headers = {key: str(value.render(scope)) for key, value in sample.headers.items()}
        body = sample.body.render(scope)
        if isinstance(body, str):
            return Reply(sample.status, headers, body.encode(), "text/plain", until)
        return Reply(sample.status, headers, _encode(body), until=until)


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _terms(faults: Sequence[ActiveFault]) -> Terms:
    """How the faults change the counting of requests."""
    if not any(fault.kind is Kind.LIMITS for fault in faults):
        return HONEST
    ratios = {fault.name: fault.number("ratio") for fault in faults if "ratio" in fault.values}
    return Terms(
        eaten=ratios.get("budget_eaten", 0.0),
        granted=ratios.get("limits_lowered", 1.0),
        claimed=ratios.get("headers_lying"),
    )


def _total(faults: Iterable[ActiveFault], name: str, parameter: str) -> float:
    return sum(fault.number(parameter) for fault in faults if fault.name == name)


def _with_retry_after(reply: Reply, form: str, clock: float, wait: float) -> Reply:
    if form == "provider":
        return reply
    headers = {k: v for k, v in reply.headers.items() if k.lower() != "retry-after"}
    if form == "seconds":
        headers["Retry-After"] = str(math.ceil(wait))
    elif form == "date":
        headers["Retry-After"] = _http_date(math.ceil(clock + wait))
    return replace(reply, headers=headers)


@lru_cache(64)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
