"""Every catalog file keeps the rules that its schema, its expressions and its names must keep."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jmespath
import jsonschema
import pytest
import yaml

import exporter.catalog
import exporter.config
from exporter.config.compile import COMMON_SCHEMAS

CATALOG = Path(exporter.catalog.__file__).parent
SCHEMA = Path(exporter.config.__file__).parent / "schema" / "exchange.schema.json"
FILES = sorted(CATALOG.glob("*.yml"))
ENDPOINTS = {
    "ping", "time", "status", "ticker", "price", "book_ticker", "depth", "trades", "klines",
}  # fmt: skip
EXPRESSIONS = {
    "ok", "code", "message", "at", "symbol", "last", "bid", "ask", "sequence", "maintenance",
}  # fmt: skip
DEFAULT_EXCHANGES = {"binance", "binance_usdm", "bybit", "okx", "deribit", "coinbase", "kraken"}

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@functools.cache
def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def schema() -> dict[str, Any]:
    """The schema of a catalog file; the loader adds the checks, so any will do here."""
    document: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    document["$defs"] |= {"checks": {"type": "object"}, "duration_or_zero": {}}
    return document


def expressions(node: object, key: str = "") -> Iterator[str]:
    """All JMESPath expressions below an envelope or a payload."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in ("schema", "codes", "statuses"):
                yield from expressions(value, name)
    elif key in EXPRESSIONS:
        yield str(node)


def accepts(exchange: str, endpoint: str, body: object) -> bool:
    """Whether the schema of an endpoint takes ``body`` as a successful answer."""
    catalog = load(CATALOG / f"{exchange}.yml")
    shared = {**COMMON_SCHEMAS, **catalog.get("schemas", {})}
    payload = catalog["endpoints"][endpoint]["payload"]["schema"]
    return jsonschema.Draft202012Validator({**payload, "$defs": shared}).is_valid(body)


def test_every_exchange_of_the_first_tier_has_a_file() -> None:
    """Renaming or losing a file would silently drop an exchange."""
    assert {path.stem for path in FILES} >= DEFAULT_EXCHANGES


@every_file
def test_the_file_satisfies_the_schema(path: Path) -> None:
    """Unknown keys, bad durations, upper-case headers and the like are refused."""
    validator = jsonschema.Draft202012Validator(schema())

    assert [error.message for error in validator.iter_errors(load(path))] == []


@every_file
def test_names_are_what_they_should_be(path: Path) -> None:
    """The file is named after its exchange, and endpoints have the names that dashboards know."""
    catalog = load(path)

    assert catalog["name"] == path.stem
    assert set(catalog["endpoints"]) <= ENDPOINTS


def test_names_and_titles_are_unique() -> None:
    """Two files of one name would overwrite each other's targets."""
    catalogs = [load(path) for path in FILES]

    for key in ("name", "title", "base_url"):
        assert len({catalog[key] for catalog in catalogs}) == len(catalogs)


@every_file
def test_no_key_stands_twice(path: Path) -> None:
    """YAML keeps the last of two equal keys without a word."""

    def keys(node: yaml.Node | None) -> Iterator[list[str]]:
        if isinstance(node, yaml.MappingNode):
            yield [key.value for key, _ in node.value]
            for _, value in node.value:
                yield from keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                yield from keys(value)

    root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)

    assert [names for names in keys(root) if len(names) != len(set(names))] == []


@every_file
def test_every_expression_compiles(path: Path) -> None:
    """A typing error in an expression is found here, not by a probe."""
    catalog = load(path)
    found = list(expressions(catalog["envelope"]))
    for endpoint in catalog["endpoints"].values():
        found += expressions(endpoint["payload"])

    assert found
    for expression in found:
        jmespath.compile(expression)


@every_file
def test_every_pattern_has_the_one_group_that_is_read(path: Path) -> None:
    """The end of a ban is the one group of the pattern."""
    until = load(path)["envelope"].get("until")

    assert until is None or re.compile(until["pattern"]).groups == 1


@every_file
def test_header_names_are_lower_case(path: Path) -> None:
    """Observations hold lower-case names only, so another spelling would never be found."""
    headers = [limit.get("headers", {}) for limit in load(path)["limits"].values()]
    names = [name for group in headers for key, name in group.items() if key != "reset_unit"]

    assert names == [name.lower() for name in names]


@every_file
def test_every_probe_is_charged_to_a_limit_that_exists(path: Path) -> None:
    """A call that costs nothing could be made without end."""
    catalog = load(path)
    charged: set[str] = set()
    for name, endpoint in catalog["endpoints"].items():
        cost = {**catalog["cost"], **endpoint.get("cost", {})}
        assert cost.keys() <= catalog["limits"].keys(), name
        assert sum(cost.values()) > 0, name
        charged |= {limit for limit, units in cost.items() if units > 0}

    assert charged == catalog["limits"].keys()


@every_file
def test_a_status_call_shows_what_maintenance_looks_like(path: Path) -> None:
    """The simulator rehearses maintenance with this sample."""
    status = load(path)["endpoints"].get("status")

    assert status is None or {"maintenance_sample"} <= status.keys()
    assert status is None or "maintenance" in status["payload"]


BOOK = {"bids": [["1.0", "2"]], "asks": [["1.1", "2"]]}
DOCUMENTED = {
    "a book with one level a side": ("binance", "depth", {"lastUpdateId": 1, **BOOK}),
    "a book without cts, seq and retExtInfo": (
        "bybit",
        "depth",
        {"result": {"s": "X", "b": [], "a": [], "ts": 1, "u": 1}, "retCode": 0, "time": 1},
    ),
    "maintenance of a type given as text": (
        "bybit",
        "status",
        {"result": {"list": [{"state": "ongoing", "maintainType": "1", "env": "1"}]}},
    ),
    "no maintenance planned": ("okx", "status", {"code": "0", "data": [], "msg": ""}),
    "a book without a sequence": ("okx", "depth", {"data": [{**BOOK, "ts": "1704067200000"}]}),
    "a time without usIn and usOut": ("deribit", "time", {"jsonrpc": "2.0", "result": 1}),
    "a lock told as a boolean": ("deribit", "status", {"result": {"locked": False}}),
    "an empty side told as zero": (
        "deribit",
        "ticker",
        {"result": {"instrument_name": "X", "last_price": None, "best_bid_price": 0,
                    "best_ask_price": 7.5, "timestamp": 1}},
    ),
    "a book without time and sequence": ("coinbase", "depth", BOOK),
    "a book with counts of orders": ("coinbase", "depth", {"bids": [["1.0", "2", 3]], "asks": []}),
    "a product without trading_disabled": ("coinbase", "status", {"id": "X", "status": "online"}),
    "a pair that answers by another name": (
        "kraken",
        "depth",
        {"error": [], "result": {"XXBTZUSD": {"bids": [["1.0", "2", 3]], "asks": []}}},
    ),
    "trades without ids": (
        "kraken",
        "trades",
        {"error": [], "result": {"X": [["1.0", "2", 3.5, "b", "l", ""]], "last": "3"}},
    ),
    "numbers as text": (
        "deribit",
        "depth",
        {"result": {"instrument_name": "X", **BOOK, "change_id": "1", "timestamp": "1"}},
    ),
    "a sequence as text": ("coinbase", "depth", {**BOOK, "sequence": "3"}),
    "a price with an exponent": ("binance", "price", {"symbol": "X", "price": "2.5E-7"}),
    "candles followed by their end": (
        "kraken",
        "klines",
        {"error": [], "result": {"X": [[1, "1", "1", "1", "1", "0.0", "0", 0]], "last": 1}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("exchange", "endpoint", "body"), DOCUMENTED.values(), ids=DOCUMENTED)
def test_every_documented_form_is_accepted(exchange: str, endpoint: str, body: object) -> None:
    """What a provider may leave out is not required, and extra members do no harm."""
    assert accepts(exchange, endpoint, body)


WRONG = {
    "prices as numbers": ("binance", "depth", {"lastUpdateId": 1, "bids": [[1, 2]], "asks": []}),
    "a price as a number": ("binance", "price", {"symbol": "X", "price": 1.5}),
    "prices of nothing": (
        "binance",
        "depth",
        {"lastUpdateId": 1, "bids": [[None, "2"]], "asks": []},
    ),
    "prices as objects": (
        "deribit",
        "depth",
        {
            "result": {
                "instrument_name": "X",
                "bids": [{"price": 1}],
                "asks": [],
                "change_id": 1,
                "timestamp": 1,
            }
        },
    ),
    "a price in words": (
        "okx",
        "ticker",
        {
            "code": "0",
            "data": [
                {"last": "n/a", "bidPx": "1", "bidSz": "1", "askPx": "2", "askSz": "1", "ts": "1"}
            ],
        },
    ),
    "something after a number": ("binance", "price", {"symbol": "X", "price": "1e5 USDT"}),
    "an empty list": ("okx", "ticker", {"code": "0", "data": [], "msg": ""}),
    "no time of the last trade": ("coinbase", "ticker", {"price": "1", "bid": "1", "ask": "1"}),
    "no pair": ("kraken", "ticker", {"error": [], "result": {}}),
}


@pytest.mark.parametrize(("exchange", "endpoint", "body"), WRONG.values(), ids=WRONG)
def test_what_the_documents_rule_out_is_refused(exchange: str, endpoint: str, body: object) -> None:
    """A changed type or a missing fact is found."""
    assert not accepts(exchange, endpoint, body)


STATUS = {
    "ongoing": ("bybit", {"result": {"list": [{"state": "ongoing"}]}}, True),
    "ongoing for spot over HTTP": (
        "bybit",
        {"result": {"list": [{"state": "ongoing", "env": 1, "product": [2], "serviceTypes": [2]}]}},
        True,
    ),
    "ongoing for options": (
        "bybit",
        {"result": {"list": [{"state": "ongoing", "env": "1", "product": [3]}]}},
        False,
    ),
    "ongoing for streams": (
        "bybit",
        {"result": {"list": [{"state": "ongoing", "serviceTypes": [3, 4]}]}},
        False,
    ),
    "only planned": ("okx", {"data": [{"state": "scheduled", "env": "1"}]}, False),
    "ongoing in the demo": ("okx", {"data": [{"state": "ongoing", "env": "2"}]}, False),
    "ongoing for trading": ("okx", {"data": [{"state": "ongoing", "serviceType": "5"}]}, True),
    "ongoing for copy trading": (
        "okx",
        {"data": [{"state": "ongoing", "serviceType": "11", "env": "1"}]},
        False,
    ),
    "open for cancellations": (
        "okx",
        {"data": [{"state": "pre_open", "serviceType": "8", "env": "1"}]},
        True,
    ),
    "called off": ("okx", {"data": [{"state": "canceled", "serviceType": "5"}]}, False),
    "locked, as a boolean": ("deribit", {"result": {"locked": True}}, True),
    "locked, as text": ("deribit", {"result": {"locked": "true"}}, True),
    "partly locked": ("deribit", {"result": {"locked": "partial"}}, False),
    "offline": ("coinbase", {"id": "X", "status": "offline"}, True),
    "trading disabled": ("coinbase", {"status": "online", "trading_disabled": True}, True),
    "matching nothing": ("coinbase", {"status": "online", "post_only": True}, True),
    "no market orders": ("coinbase", {"status": "online", "limit_only": True}, False),
    "cancel only": ("kraken", {"result": {"status": "cancel_only"}}, True),
    "maintenance announced": (
        "kraken",
        {"result": {"status": "online", "upcoming_maintenance": [{"phase": "imminent_5m"}]}},
        False,
    ),
}


@pytest.mark.parametrize(("exchange", "body", "expected"), STATUS.values(), ids=STATUS)
def test_maintenance_is_read_as_documented(exchange: str, body: object, expected: bool) -> None:
    """Scheduled work, other products and other environments are no maintenance of ours."""
    catalog = load(CATALOG / f"{exchange}.yml")
    expression = catalog["endpoints"]["status"]["payload"]["maintenance"]

    assert jmespath.search(expression, body) is expected


ANSWERS = {
    "zero is a result": ("deribit", {"result": 0}, True),
    "false is a result": ("deribit", {"result": False}, True),
    "an error": ("deribit", {"error": {"code": 10028}}, False),
    "neither": ("deribit", {"jsonrpc": "2.0"}, False),
    "a warning with a result": ("kraken", {"error": ["WGeneral:x"], "result": {"a": 1}}, True),
    "an error beside a result": ("kraken", {"error": ["EService:Busy"], "result": {}}, False),
    "no result": ("kraken", {"error": []}, False),
    "a code without data": ("okx", {"code": "50011", "msg": "Too Many Requests"}, False),
    "a code of zero": ("bybit", {"retCode": 0, "retMsg": "success"}, True),
    "a list": ("coinbase", [[1]], True),
    "a message": ("coinbase", {"message": "NotFound"}, False),
    "text": ("bybit", "403, access too frequent", False),
    "a code and a msg": ("binance_usdm", {"code": -1003, "msg": "x"}, False),
    "a code without words": ("binance", {"code": -1000, "msg": ""}, False),
    "a code as a number": ("okx", {"code": 0, "data": []}, True),
    "a code as text": ("bybit", {"retCode": "0", "retMsg": "OK"}, True),
    "a msg alone": ("binance", {"status": 0, "msg": "normal"}, True),
}


@pytest.mark.parametrize(("exchange", "body", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_success_is_told_from_failure(exchange: str, body: object, expected: bool) -> None:
    """The envelope's ``ok`` knows a success, whatever the result itself is."""
    assert jmespath.search(load(CATALOG / f"{exchange}.yml")["envelope"]["ok"], body) is expected
