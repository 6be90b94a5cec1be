"""Pictures of the dashboards, up to the HTML, from canned answers."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from html import escape
from typing import Any

import pytest

from dashboards.drawing.data import Json, Series, Window, filled, series_of, window_for
from dashboards.drawing.page import page, size_of
from dashboards.drawing.panels import draw
from dashboards.drawing.png import smaller
from dashboards.drawing.values import shown, text_of
from tests.bundle.dashboards import boards, panels

WINDOW = Window(0.0, 120.0, 15.0)
HOSTILE = """<script>alert("'&`")</script>"""
SIZE = (600.0, 300.0)
RED = (255, 20, 30)


def series(name: str, *values: float, **labels: str) -> Series:
    """A point each 15 s; where the value is not a number there is none."""
    points = ((15.0 * at, value) for at, value in enumerate(values) if not math.isnan(value))
    return Series(name, labels, tuple(points))


def panel(kind: str, **defaults: Any) -> Json:
    """The first panel of that type on any board, with these defaults of its fields."""
    every = (it for board in boards().values() for it in panels(board))
    found = next(it for it in every if it["type"] == kind)
    return {**found, "fieldConfig": {"defaults": defaults, "overrides": []}}


def answers(kind: str, parameters: Mapping[str, str]) -> list[Json]:
    """Two series to whatever is asked, with all labels that legends name."""
    names = ("exchange", "endpoint", "pair", "severity", "alertname", "signal", "instance")
    return [
        {"metric": {**dict.fromkeys(names, HOSTILE), "le": le}, **_values(kind, parameters)}
        for le in ("0.1", "+Inf")
    ]


def _values(kind: str, parameters: Mapping[str, str]) -> Json:
    if kind == "query":
        return {"value": [float(parameters["time"]), "NaN"]}
    start, step = float(parameters["start"]), float(parameters["step"])
    texts = ("1", "2", "NaN", "+Inf", "0", "-1e-9")
    return {"values": [[start + step * at, text] for at, text in enumerate(texts)]}


@pytest.mark.parametrize("uid", boards())
def test_a_board_is_drawn_and_nothing_of_an_answer_is_markup(uid: str) -> None:
    """Whatever labels and values Prometheus returns."""
    text = page(boards()[uid], lambda pixels: Window.of(1e6, 1800, pixels), answers, "now")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    for it in panels(boards()[uid]):
        assert f">{escape(it['title'])}<" in text
    assert size_of(boards()[uid])[0] == 1600


@pytest.mark.parametrize("kind", ["stat", "bargauge"])
def test_nothing_has_the_colour_that_is_mapped_to_it(kind: str) -> None:
    """Without one it is that of the lowest threshold, as in Grafana."""
    steps = [{"value": None, "color": "#ff0000"}]
    assert "#ff0000" in draw(panel(kind, thresholds={"steps": steps}), [], [], WINDOW, SIZE)
    result = {"text": "not blocked", "color": "#00ff00"}
    mapping = {"type": "special", "options": {"match": "null+nan", "result": result}}
    defaults = {"thresholds": {"steps": steps}, "mappings": [mapping]}
    for found in ([], [Series("a", {}, ((0.0, math.nan),))]):
        drawn = draw(panel(kind, **defaults), found, [], WINDOW, SIZE)
        assert "not blocked" in drawn
        assert "#00ff00" in drawn
        assert "#ff0000" not in drawn


def test_an_empty_cell_does_not_say_that_there_are_no_rows() -> None:
    """Grafana writes the text for no value into both, unless the cells have one of their own."""
    shape = {**panel("table"), "transformations": []}
    shape["fieldConfig"]["defaults"]["noValue"] = "none fires"
    rows = [series("", 1, pair="BTC-USDT"), series("", 1)]
    assert "none fires" in draw(shape, rows, [], WINDOW, SIZE)
    shape["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byType", "options": "string"},
            "properties": [{"id": "noValue", "value": "–"}],
        }
    ]
    drawn = draw(shape, rows, [], WINDOW, SIZE)
    assert "none fires" not in drawn
    assert ">–<" in drawn


@pytest.mark.parametrize("kind", ["stat", "timeseries", "bargauge", "heatmap", "table"])
def test_a_panel_without_data_says_so(kind: str) -> None:
    """In its own words if it has some."""
    assert "No data" in draw(panel(kind), [], [], WINDOW, SIZE)
    assert "none &lt;seen&gt;" in draw(panel(kind, noValue="none <seen>"), [], [], WINDOW, SIZE)


def test_gaps_are_gaps() -> None:
    """A line begins anew where values are missing."""
    drawn = draw(panel("timeseries"), [series("a", 1, 2, math.nan, 3, 4)], [], WINDOW, SIZE)
    (path,) = (it for it in drawn.split("<path ") if 'fill="none"' in it)
    assert path.split('"')[1].count("M") == 2


def test_a_state_is_a_band_for_each_stretch_of_the_same_value() -> None:
    """A gap ends one, too."""
    one = series("a", 0, 0, 1, math.nan, 1)
    assert draw(panel("state-timeline"), [one], [], WINDOW, SIZE).count("<rect") == 3


def test_buckets_are_shown_as_what_is_between_their_edges() -> None:
    """Prometheus counts all below; an empty one is no cell."""
    rows = [series("", 3, le="0.1"), series("", 3, le="1"), series("", 5, le="+Inf")]
    assert draw(panel("heatmap"), rows, [], WINDOW, SIZE).count("<rect") == 2


def test_thresholds_colour_a_number() -> None:
    """The last one that is reached."""
    steps = [{"value": None, "color": "#00ff00"}, {"value": 1, "color": "#ff0000"}]
    defaults = {"thresholds": {"steps": steps}}
    assert [shown(it, defaults).color for it in (0.9, 1.0)] == ["#00ff00", "#ff0000"]
    assert "#ff0000" in draw(panel("bargauge", **defaults), [series("a", 2)], [], WINDOW, SIZE)


def test_a_mapping_replaces_a_number() -> None:
    """By text and colour."""
    options = {"2": {"text": "down", "color": "#ff0000"}}
    defaults = {"mappings": [{"type": "value", "options": options}]}
    assert "down" in draw(panel("stat", **defaults), [series("a", 2)], [], WINDOW, SIZE)


def test_columns_are_hidden_renamed_and_ordered() -> None:
    """As the transformation says."""
    organize = {
        "excludeByName": {"Time": True, "job": True},
        "renameByName": {"exchange": "Exchange"},
        "indexByName": {"exchange": 0},
    }
    shape = {**panel("table"), "transformations": [{"id": "organize", "options": organize}]}
    drawn = draw(shape, [series("", 7, area="x", exchange="okx", job="j")], [], WINDOW, SIZE)
    assert drawn.index("Exchange") < drawn.index("area") < drawn.index("Value")
    assert "job" not in drawn


def test_series_make_a_matrix_that_is_coloured_by_value() -> None:
    """A row and a column for each value of two labels, the worst row first; what is missing is
    nothing, and hidden columns are not shown."""
    shape = next(
        it
        for it in panels(boards()["exchange-overview"])
        if any(one["id"] == "groupingToMatrix" for one in it["transformations"])
    )
    rows = [
        series("", 0, exchange="okx", area="worst"),
        series("", 2, exchange="kraken", area="worst"),
        series("", 2, exchange="kraken", area="data"),
    ]
    drawn = draw(shape, rows, [], WINDOW, SIZE)
    assert drawn.index("Exchange") < drawn.index("Worst") < drawn.index("Data")
    assert drawn.index("kraken") < drawn.index("okx")
    assert drawn.count("critical") == 2
    assert drawn.count("background:#D55E00") == 2
    assert drawn.count(">ok<") == drawn.count(">–<") == 1
    hidden = {"id": "custom.hidden", "value": True}
    override = {"matcher": {"id": "byName", "options": "Data"}, "properties": [hidden]}
    config = {**shape["fieldConfig"], "overrides": [override]}
    assert ">Data<" not in draw({**shape, "fieldConfig": config}, rows, [], WINDOW, SIZE)


def test_variables_are_filled_as_grafana_does() -> None:
    """`All` is the value for all; a rate's range has four scrapes at least."""
    board = boards()["exchange-truth"]
    expr = 'rate(x{exchange=~"$exchange",pair=~"$pair"}[$__rate_interval])'
    assert filled(expr, board, 15.0) == 'rate(x{exchange=~".+",pair=~".*"}[60s])'
    assert filled("x[$__rate_interval]", board, 300.0) == "x[315s]"


def test_instants_are_asked_at_the_end_and_ranges_on_the_grid() -> None:
    """Of the window."""
    asked = list[tuple[str, Mapping[str, str]]]()

    def ask(kind: str, parameters: Mapping[str, str]) -> list[Json]:
        asked.append((kind, parameters))
        return []

    for kind in ("stat", "timeseries"):
        one = {"targets": panel(kind)["targets"][:1]}
        series_of(one, boards()["exchange-overview"], Window.of(1007, 60, 600), ask)
    (instant, at), (over, times) = asked
    assert (instant, over) == ("query", "query_range")
    assert at["time"] == "1005.0"
    assert [times[it] for it in ("start", "end", "step")] == ["945.0", "1005.0", "15.0"]


def test_a_least_step_widens_the_steps_and_what_rates_are_over() -> None:
    """As the data source of Grafana does it: four times the step that a query asks for."""
    asked = list[Mapping[str, str]]()

    def ask(_: str, parameters: Mapping[str, str]) -> list[Json]:
        asked.append(parameters)
        return []

    target = {"expr": "rate(x[$__rate_interval])", "instant": False, "legendFormat": ""}
    for one in (target, {**target, "interval": "2m"}):
        panel = {"targets": [one]}
        window = window_for(panel, Window(0.0, 1200.0, 15.0))
        series_of(panel, boards()["exchange-truth"], window, ask)
    assert [it["query"] for it in asked] == ["rate(x[60s])", "rate(x[480s])"]
    assert [it["step"] for it in asked] == ["15.0", "120.0"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "s", "0 s"),
        (2.5e-5, "s", "25 µs"),
        (0.00481, "s", "4.81 ms"),
        (1.714, "s", "1.71 s"),
        (90.0, "s", "1.5 min"),
        (7200.0, "s", "2 hours"),
        (0.0123, "currencyUSD", "$0.0123"),
        (0.9954, "percentunit", "99.5%"),
        (-2.06, "percentunit", "-206%"),
        (1234.0, "short", "1.23 K"),
        (2.5e6, "short", "2.5 Mil"),
        (0.0667, "ops", "0.0667 ops/s"),
        (1500.0, "reqps", "1.5 K req/s"),
        (197132288.0, "bytes", "188 MiB"),
        (math.nan, "s", "NaN"),
        (math.inf, "short", "Inf"),
    ],
)
def test_units_are_written_as_grafana_does(value: float, unit: str, text: str) -> None:
    """With three significant digits."""
    assert text_of(value, unit) == text


def test_a_picture_gets_smaller_and_stays_the_same() -> None:
    """Whatever filters its rows have: here, all say "as the pixel to the left, or above"."""
    rows = bytes([0, *RED, *RED, 1, *RED, 0, 0, 0, 2, *[0] * 6, 4, *[0] * 6])
    raw = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 4, 8, 2, 0, 0, 0))
    small = smaller(b"\x89PNG\r\n\x1a\n" + raw + chunk(b"IDAT", zlib.compress(rows)))
    assert chunk(b"PLTE", bytes(RED)) in small
    assert chunk(b"IDAT", zlib.compress(bytes(3 * 4), 9)) in small


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_decimals_are_kept() -> None:
    """Where a panel asks for them."""
    assert text_of(0.5, "percentunit", 1) == "50.0%"
