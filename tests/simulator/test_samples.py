"""Every sample of the catalog renders, satisfies its own schema, and can be broken."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

from exporter.simulator.distort import DOCUMENT
from exporter.simulator.exchange import SimulatedExchange
from exporter.simulator.faults import ActiveFault
from exporter.simulator.market import Market
from exporter.simulator.provider import Call, Provider
from tests.simulator.support import NOW, catalog, endpoints, validator

PAIR = "BTC-USDT"
MARKET = Market(1)

every_endpoint = pytest.mark.parametrize(("exchange", "endpoint"), endpoints())
every_exchange = pytest.mark.parametrize("exchange", catalog())


@lru_cache
def provider(exchange: str) -> Provider:
    """One exchange with two pairs."""
    return Provider(catalog()[exchange], [PAIR, "ETH-USDT"])


def document(exchange: str, endpoint: str) -> Any:
    """One endpoint's answer without faults."""
    call = Call(provider(exchange).endpoints[endpoint], PAIR, None)
    return SimulatedExchange(provider(exchange), MARKET).document(call, PAIR, NOW)


@every_endpoint
def test_sample_satisfies_the_schema(exchange: str, endpoint: str) -> None:
    """The simulator's answer is one that the exporter accepts."""
    validator(exchange, endpoint).validate(document(exchange, endpoint))


@every_endpoint
def test_example_url_finds_its_endpoint(exchange: str, endpoint: str) -> None:
    """The links of the page lead where they say."""
    known = provider(exchange)
    path, _, query = known.example(known.endpoints[endpoint]).partition("?")
    asked = dict(part.split("=") for part in query.split("&") if part)
    call = known.find(path, asked)
    assert call is not None
    assert (call.endpoint.name, call.pair) == (endpoint, PAIR)


@every_endpoint
def test_wrong_type_breaks_the_schema(exchange: str, endpoint: str) -> None:
    """The fault finds a field that matters in every answer."""
    field = provider(exchange).endpoints[endpoint].field
    fault = ActiveFault(exchange, endpoint, "wrong_type", NOW, {})
    broken = DOCUMENT["wrong_type"](document(exchange, endpoint), field, fault)
    assert not validator(exchange, endpoint).is_valid(broken)


@every_endpoint
def test_missing_field_breaks_the_schema(exchange: str, endpoint: str) -> None:
    """The fault finds a field that matters in every answer that has one."""
    field = provider(exchange).endpoints[endpoint].field
    whole = document(exchange, endpoint)
    fault = ActiveFault(exchange, endpoint, "missing_field", NOW, {})
    broken = DOCUMENT["missing_field"](whole, field, fault)
    assert broken == whole == {} or not validator(exchange, endpoint).is_valid(broken)


@every_exchange
def test_error_samples_render(exchange: str) -> None:
    """Each error has a status, and its variables are known."""
    simulated = SimulatedExchange(provider(exchange), MARKET)
    for name, sample in provider(exchange).errors.items():
        reply = simulated.error(name, NOW, NOW + 30)
        assert reply.status == sample.status
        assert b"$" not in reply.body
