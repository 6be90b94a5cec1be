"""What panels answer in the cases that they are made for, by what promtool evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.dashboards import boards, filled, panels
from tests.bundle.test_dashboards_history import promtool

WATCHDOG = 'ALERTS{alertname="ExchangeWatchdog",alertstate="firing",severity="info"}'
UP = {
    'up{job="exporter",instance="a"}': "1x90",
    'exchange_exporter_build_info{job="exporter",instance="a"}': "1x90",
}
DOWN = {**UP, 'up{job="exporter",instance="a"}': "0x90"}


def alert(severity: str, area: str, exchange: str = "", name: str = "ExchangeTest") -> str:
    """The series of an alert that fires."""
    labels = f'alertname="{name}",alertstate="firing",severity="{severity}",area="{area}"'
    return f'ALERTS{{{labels},exchange="{exchange}"}}'


def answers(
    folder: Path,
    uid: str,
    title: str,
    series: Mapping[str, str],
    expected: Mapping[str, float],
    by: str,
) -> str:
    """What promtool says if a panel does not answer so at the end of the series."""
    (panel,) = (it for it in panels(boards()[uid]) if it["title"] == title)
    samples = [{"labels": f"{{{labels}}}", "value": value} for labels, value in expected.items()]
    case: dict[str, Any] = {
        "expr": f"max by ({by}) ({filled(panel['targets'][0]['expr'])})",
        "eval_time": "85m",
        "exp_samples": samples,
    }
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {"input_series": inputs, "promql_expr_test": [case]}
    return promtool(folder, [], "1m", test)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ({}, {}),
        ({WATCHDOG: "1x90"}, {'severity="firing"': 0}),
        (
            {WATCHDOG: "1x90", alert("critical", "data", "okx"): "1x90"},
            {'severity="critical"': 1},
        ),
        ({WATCHDOG: "1x90", alert("info", "data", "okx"): "1x90"}, {'severity="firing"': 0}),
    ],
    ids=["no rules", "none", "one", "a hint"],
)
def test_alerts_are_counted_while_rules_are_evaluated(
    series: dict[str, str], expected: dict[str, float], tmp_path: Path
) -> None:
    """Without them there is no number, rather than none."""
    case = ("exchange-overview", "Alerts that fire", series, expected, "severity")
    assert answers(tmp_path, *case) == ""


@pytest.mark.parametrize(
    ("series", "value"),
    [
        (UP, 2),
        ({WATCHDOG: "1x90"}, 0),
        ({WATCHDOG: "1x90", **DOWN}, 0),
        ({WATCHDOG: "1x90", **UP}, 1),
    ],
    ids=["no rules", "no exporter", "down", "all"],
)
def test_measuring_takes_rules_and_exporters(
    series: dict[str, str], value: float, tmp_path: Path
) -> None:
    """Whichever is missing."""
    assert answers(tmp_path, "exchange-overview", "Measuring", series, {"": value}, "") == ""


def test_the_grid_has_the_worst_of_each_exchange_and_area(tmp_path: Path) -> None:
    """An exchange that is up can have wrong prices; of one that is unknown nothing is known."""
    series = {
        'exchange:status{exchange="kraken"}': "0x90",
        'exchange:status{exchange="okx"}': "4x90",
        alert("critical", "data", "kraken"): "1x90",
        alert("warning", "data", "kraken"): "1x90",
        alert("info", "latency", "kraken"): "1x90",
        alert("warning", "receiver", name="ExchangeReceiverDown"): "1x90",
    }
    areas = ("availability", "latency", "limits", "data", "stream", "security", "exporter", "worst")
    expected = {f'exchange="okx",area="{area}"': -1 for area in areas}
    expected |= {f'exchange="kraken",area="{area}"': 0 for area in areas}
    expected |= {f'exchange="kraken",area="{area}"': 2 for area in ("data", "worst")}
    expected |= {f'exchange="ourselves",area="{area}"': 1 for area in ("receiver", "worst")}
    case = ("exchange-overview", "Where not", series, expected, "exchange, area")
    assert answers(tmp_path, *case) == ""


def since(name: str) -> str:
    """The series of the time since which an alert is there."""
    labels = f'alertname="{name}",severity="warning",area="data",exchange="okx"'
    return f"ALERTS_FOR_STATE{{{labels}}}"


def test_what_changed_is_what_began_or_ended_within_an_hour(tmp_path: Path) -> None:
    """Not what has lasted for longer, nor what ended before."""
    series = {
        'bundle:links{runbooks="http://r"}': "1x90",
        alert("warning", "data", "okx", "ExchangeOld"): "1x90",
        since("ExchangeOld"): "60x90",
        alert("warning", "data", "okx", "ExchangeNew"): "_x75 1x15",
        since("ExchangeNew"): "_x75 4500x15",
        alert("warning", "data", "okx", "ExchangeEnded"): "1x65 _x25",
        alert("warning", "data", "okx", "ExchangeEndedBefore"): "1x5 _x85",
    }
    expected = {
        'alertname="ExchangeNew",change="began",runbooks="http://r"': 600,
        'alertname="ExchangeEnded",change="ended",runbooks="http://r"': 1200,
    }
    case = (
        "exchange-overview",
        "What changed in the last hour",
        series,
        expected,
        "alertname, change, runbooks",
    )
    assert answers(tmp_path, *case) == ""


def test_a_reconnect_counts_once(tmp_path: Path) -> None:
    """However many channels share the connection, and exporters see it."""
    series = {
        "exchange_stream_reconnects_total{"
        f'exchange="okx",endpoint="stream.{channel}",pair="BTC-USDT",instance="{instance}",'
        'reason="dropped"}': "0x80 2x10"
        for channel in ("book", "trades", "ticker")
        for instance in ("a", "b")
    }
    expected = {'exchange="okx",reason="dropped"': 2}
    case = ("exchange-streams", "Reconnects", series, expected, "exchange, reason")
    assert answers(tmp_path, *case) == ""


def test_a_price_is_as_far_off_as_its_worst_endpoint(tmp_path: Path) -> None:
    """Either way, as the alert has it; what one exchange shows in the mean may be right."""
    of = 'target:price_divergence:ratio{exchange="okx",pair="BTC-USDT"'
    series = {f'{of},endpoint="ticker"}}': "0x90", f'{of},endpoint="depth"}}': "-0.05x90"}
    for uid in ("exchange-overview", "exchange-truth"):
        title = "Price off" if uid == "exchange-overview" else "Price off the median"
        case = (uid, title, series, {'exchange="okx",pair="BTC-USDT"': 0.05}, "exchange, pair")
        assert answers(tmp_path, *case) == ""


@pytest.mark.parametrize(
    ("connected", "subscribed", "silent", "state"),
    [(0, 0, 0, 0), (1, 1, 0, 1), (1, 1, 1, 2), (1, 0, 0, 3)],
    ids=["disconnected", "connected", "silent", "not subscribed"],
)
def test_a_stream_has_one_state(
    connected: int, subscribed: int, silent: int, state: int, tmp_path: Path
) -> None:
    """Silent is the worst: it looks alive."""
    labels = 'exchange="okx",endpoint="stream.book",pair="BTC-USDT"'
    series = {
        f"stream:connected:max{{{labels}}}": f"{connected}x90",
        f"stream:subscribed:max{{{labels}}}": f"{subscribed}x90",
        f"stream:silent:min{{{labels}}}": f"{silent}x90",
    }
    case = ("exchange-streams", "State", series, {labels: state}, "exchange, endpoint, pair")
    assert answers(tmp_path, *case) == ""


def test_a_target_is_as_the_best_of_several_exporters_says(tmp_path: Path) -> None:
    """One that is cut off does not make an exchange look old or silent."""
    stream = 'exchange="okx",endpoint="stream.book",pair="BTC-USDT"'
    series = dict[str, str]()
    for instance, age, heard in (("a", 1, "0+60x90"), ("b", 900, "0x90")):
        labels = f'{stream},instance="{instance}"'
        series |= {
            f"exchange_payload_age_seconds{{{labels}}}": f"{age}x90",
            f"exchange_stream_last_data_message_timestamp_seconds{{{labels}}}": heard,
            f"exchange_stream_max_gap_seconds{{{labels}}}": "10x90",
        }
    okx = 'exchange="okx"'
    case = ("exchange-truth", "Age of data", series, {okx: 1}, "exchange")
    assert answers(tmp_path, *case) == ""
    case = ("exchange-streams", "Silence", series, {okx: 0}, "exchange")
    assert answers(tmp_path, *case) == ""
