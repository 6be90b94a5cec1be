"""Compiling a configuration into targets, limits and intervals."""

import re
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from exporter.config.check import check_catalog
from exporter.config.document import read_document
from exporter.config.errors import ConfigError
from exporter.config.loader import load_config, shipped_catalog
from exporter.config.plan import build_plan, catalog_problems
from exporter.core.limits import Limiter
from exporter.core.plan import Plan


def plan_of(folder: Path, text: str) -> Plan:
    """The plan of a configuration with this text."""
    file = folder / "exporter.yml"
    file.write_text(text, encoding="utf-8")
    return build_plan(load_config(file, {}))


@pytest.mark.parametrize("name", sorted(shipped_catalog()))
def test_the_shipped_catalog_compiles(name: str) -> None:
    """Every expression, schema and cost of every exchange."""
    assert catalog_problems(shipped_catalog()[name]) == []


def test_endpoints_with_a_symbol_become_one_target_a_pair(tmp_path: Path) -> None:
    """The others one target in all."""
    text = "pairs: [BTC-USDT, ETH-USDT]\nexchanges: {okx: {endpoints: [time, depth]}}\n"
    plan = plan_of(tmp_path, text)
    assert list(plan.targets) == ["okx/time", "okx/depth/BTC-USDT", "okx/depth/ETH-USDT"]


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [
        ("binance", "BTCUSDT"),
        ("bybit", "BTCUSDT"),
        ("okx", "BTC-USDT"),
        ("coinbase", "BTC-USDT"),
        ("kraken", "XBTUSDT"),
        ("deribit", "BTC-PERPETUAL"),
    ],
)
def test_a_pair_is_asked_for_by_its_native_symbol(
    tmp_path: Path, exchange: str, symbol: str
) -> None:
    """In the request and in what the answer is compared with."""
    plan = plan_of(tmp_path, f"exchanges: {{{exchange}: {{}}}}\n")
    depth = plan.targets[f"{exchange}/depth/BTC-USDT"]
    assert depth.symbol == symbol
    assert symbol in depth.request(0.0).url


@pytest.mark.parametrize(
    ("pair", "key"),
    [
        ("BTC-USD", "XXBTZUSD"),
        ("ETH-USD", "XETHZUSD"),
        ("ETH-BTC", "XETHXXBT"),
        ("DOGE-USD", "XDGUSD"),
        ("DOGE-BTC", "XXDGXXBT"),
        ("USDT-USD", "USDTZUSD"),
        ("EUR-USD", "ZEURZUSD"),
        ("BTC-USDT", "XBTUSDT"),
        ("SOL-EUR", "SOLEUR"),
    ],
)
def test_krakens_answer_may_name_the_pair_as_of_old(tmp_path: Path, pair: str, key: str) -> None:
    """The oldest assets have an X or Z before them; keys of its list of pairs."""
    plan = plan_of(tmp_path, f"pairs: [{pair}]\nexchanges: {{kraken: {{}}}}\n")
    depth = plan.targets[f"kraken/depth/{pair}"]

    assert key in (depth.symbol, *depth.aliases)


def test_a_base_url_of_the_user_replaces_every_host(tmp_path: Path) -> None:
    """Also that of an endpoint that lives elsewhere."""
    text = "exchanges: {binance: {base_url: 'http://127.0.0.1:9001/x/'}}\n"
    for target in plan_of(tmp_path, text).targets.values():
        assert target.request(0.0).url.startswith("http://127.0.0.1:9001/x/")
        assert target.host == "127.0.0.1:9001"


def test_a_time_in_the_parameters_is_that_of_the_probe(tmp_path: Path) -> None:
    """Deribit's candles are asked for between two times."""
    target = plan_of(tmp_path, "exchanges: {deribit: {}}\n").targets["deribit/klines/BTC-USDT"]
    assert "end_timestamp=1700000000000" in target.request(1.7e9).url
    assert "start_timestamp=1699996400000" in target.request(1.7e9).url


def test_a_cold_endpoint_is_probed_twice(tmp_path: Path) -> None:
    """Warm and cold are two targets of two series, charged to the same limits."""
    plan = plan_of(tmp_path, "exchanges: {okx: {endpoints: [time], cold: [time]}}\n")
    warm, cold = plan.targets["okx/time"], plan.targets["okx/time+cold"]
    assert cold.target.labels["connection"] == "cold"
    assert (warm.request(0.0).cold, cold.request(0.0).cold) == (False, True)
    assert warm.costs == cold.costs


def test_check_parameters_come_from_the_most_special_place(tmp_path: Path) -> None:
    """Defaults, then catalog, then configuration: all, exchange, endpoint."""
    text = """
checks: {book: {min_levels: 2}, unchanged: false}
exchanges:
  binance:
    checks: {book: {min_levels: 3}}
    options: {depth: {checks: {book: {min_levels: 4}, unchanged: {max_unchanged: 1m}}}}
  bybit: {}
"""
    plan = plan_of(tmp_path, text)
    binance, bybit = plan.targets["binance/depth/BTC-USDT"], plan.targets["bybit/depth/BTC-USDT"]
    assert binance.parameters["book"]["min_levels"] == 4
    assert bybit.parameters["book"]["min_levels"] == 2
    assert "unchanged" not in bybit.checks
    assert "unchanged" in binance.checks
    assert binance.parameters["unchanged"]["max_unchanged"] == 60.0


def test_secret_headers_are_sent_and_marked_as_credentials(tmp_path: Path) -> None:
    """So that a redirect to another host drops them."""
    (tmp_path / "key").write_text("abcdef")
    plan = plan_of(tmp_path, "exchanges: {okx: {headers: {X-Key: {file: key}}}}\n")
    request = plan.targets["okx/time"].request(0.0)
    assert ("X-Key", "abcdef") in request.headers
    assert request.credentials == {"x-key"}
    assert "abcdef" not in repr(request)


@pytest.mark.parametrize("budget", [0.01, 0.05, 0.5, 1.0])
def test_the_planned_schedule_stays_within_every_budget(tmp_path: Path, budget: float) -> None:
    """Whatever the budget, for all exchanges and several pairs."""
    plan = plan_of(tmp_path, f"budget: {budget}\npairs: [BTC-USDT, ETH-USDT, SOL-USDT]\n")
    limiter = Limiter(plan.limits.values(), [target.costs for target in plan.targets.values()])
    for limit, rate in limiter.sustained_rates().items():
        spent = sum(
            cost / target.interval
            for target in plan.targets.values()
            for key, cost in target.costs
            if key == limit
        )
        assert spent <= rate


def test_a_budget_that_makes_targets_slow_is_warned_about(tmp_path: Path) -> None:
    """Prometheus would forget such a series between two probes."""
    plan = plan_of(tmp_path, "budget: 0.01\nexchanges: {kraken: {}, binance: {}}\n")
    assert [warning.split(":")[0] for warning in plan.warnings] == ["kraken"]


KNOWN = "(known: {symbol}, {base}, {quote}, {base_lower}, {quote_lower}, {now})"
NAMES = "(known: {base}, {quote}, {base_lower}, {quote_lower})"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "path: .*/Time",
            "path: /{sybol}/x",
            f"$.endpoints.time.path: no such placeholder: {{sybol}} {KNOWN}",
        ),
        (
            "path: .*/Time",
            "path: /{symbol",
            f"$.endpoints.time.path: no such placeholder: {{symbol {KNOWN}",
        ),
        (
            "path: .*/Time",
            "path: /symbol}",
            f"$.endpoints.time.path: no such placeholder: }} {KNOWN}",
        ),
        ('pair: "{symbol}"', 'pair: "{now:min}"', f"no such placeholder: {{now:min}} {KNOWN}"),
        ('pair: "{symbol}"', 'pair: "{bse}"', f"no such placeholder: {{bse}} {KNOWN}"),
        ("symbol: .*", 'symbol: "{bse}"', f"$.symbol: '{{bse}}' cannot be filled in {NAMES}"),
        ("symbol: .*", 'symbol: "{base"', f"$.symbol: '{{base' cannot be filled in {NAMES}"),
        (
            "ok: .*",
            "ok: len(error)",
            "$.envelope.ok: not a JMESPath expression: there is no function len()",
        ),
    ],
)
def test_what_a_catalog_file_names_must_exist(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """It is told with what there is instead, once, and not when the first answer is read."""
    text = Path(__file__).parents[2].joinpath("exporter/catalog/kraken.yml").read_text("utf-8")
    text, count = re.subn(old, lambda _: new, text, count=1)
    assert count
    (tmp_path / "kraken.yml").write_text(text)
    found = check_catalog(read_document(tmp_path / "kraken.yml"), lambda _: [])
    assert len(found) == 1, found
    assert problem in str(found[0])
    with pytest.raises(ConfigError) as caught:
        plan_of(tmp_path, "catalog: [kraken.yml]\nexchanges: {kraken: {}}\n")
    assert problem in str(caught.value)


def test_json_in_a_parameter_is_no_placeholder(tmp_path: Path) -> None:
    """Its braces are sent."""
    text = Path(__file__).parents[2].joinpath("exporter/catalog/kraken.yml").read_text("utf-8")
    new = """pair: '{"a": {}, "b": "{symbol}"}'"""
    (tmp_path / "kraken.yml").write_text(text.replace('pair: "{symbol}"', new, 1))
    plan = plan_of(tmp_path, "catalog: [kraken.yml]\nexchanges: {kraken: {}}\n")
    asked = [unquote_plus(target.request(0.0).url) for target in plan.targets.values()]
    assert any('{"a": {}, "b": "XBTUSDT"}' in url for url in asked)
