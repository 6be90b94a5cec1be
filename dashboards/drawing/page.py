"""A board as one page of HTML: its grid, its title, its variables, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from dashboards.drawing.data import Ask, Json, Series, Window, marks_of, series_of, window_for
from dashboards.drawing.panels import draw

WIDTH = 1600
MARGIN, GAP, CELL = 16, 8, 30  # pixels; Grafana's grid has cells of 30 and gaps of 8
HEAD, FOOT = 84, 30
COLUMN = (WIDTH - 2 * MARGIN - 23 * GAP) / 24
NOTE = (
    "drawn by dashboards/pictures.py from query results on simulated exchanges; "
    "Grafana looks similar, not the same"
)

WindowOf = Callable[[float], Window]
"""Pixels of a panel -> the window that is asked for."""

_STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#111217;color:#CCCCDC;font:13px Inter,"Liberation Sans",Arial,sans-serif}
h1{font-size:18px;font-weight:500;margin:0;position:absolute;left:16px;top:10px}
.at{position:absolute;right:16px;top:13px;color:#8E8E99}
.vars{position:absolute;left:16px;top:44px;display:flex;gap:8px}
.vars span{border:1px solid #2f3238;border-radius:2px;background:#181b1f;display:flex}
.vars i{font-style:normal;padding:5px 8px;background:#22252b;color:#CCCCDC;font-size:12px}
.vars b{font-weight:400;padding:5px 12px;background:#111217;font-size:12px}
.panel{position:absolute;background:#181b1f;border:1px solid #26292f;border-radius:2px;
overflow:hidden;padding:0 8px}
.panel>h2{font-size:14px;font-weight:500;margin:0;height:34px;line-height:34px;white-space:nowrap;
overflow:hidden;text-overflow:ellipsis}
.row{position:absolute;left:16px;font-size:15px;line-height:30px}
.nothing{position:absolute;inset:34px 0 0;display:flex;align-items:center;
justify-content:center;color:#8E8E99;font-size:15px}
svg{display:block;flex:none} svg text{font:12px Inter,"Liberation Sans",Arial,sans-serif}
.beside{display:flex;gap:8px}
.legend{overflow:hidden;font-size:12px}
.legend>span{margin-right:14px;white-space:nowrap;line-height:22px}
.legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:8px;
vertical-align:middle}
.legend table{border-collapse:collapse;width:100%;table-layout:auto}
.legend td,.legend th{height:22px;padding:0 0 0 10px;text-align:right;white-space:nowrap;
border-bottom:1px solid #26292f;font-weight:400}
.legend th{color:#6E9FFF}
.legend .name{text-align:left;padding:0;max-width:0;width:99%;overflow:hidden;
text-overflow:ellipsis}
.tiles{display:grid;gap:4px}
.tile{display:flex;flex-direction:column;align-items:center;justify-content:center;border-radius:3px;
line-height:1.15;overflow:hidden;white-space:nowrap}
.tile b{font-weight:500}
.tile.beside{flex-direction:row;justify-content:space-between;padding:0 10px;gap:0}
.bars{display:grid;grid-template-columns:auto 1fr auto;gap:4px 10px;align-items:center}
.bar{display:contents}
.bar>span{font-size:13px;white-space:nowrap;max-width:260px;overflow:hidden;text-overflow:ellipsis}
.bar>div{background:#22252b;border-radius:2px;height:100%;min-height:14px}
.bar>div>div{height:100%;border-radius:2px;opacity:.75}
.bar>b{text-align:right;font-weight:500}
.table{margin:0 -8px;height:calc(100% - 34px);overflow:hidden}
.table table{border-collapse:collapse;width:100%;font-size:13px;table-layout:fixed}
.table th{text-align:left;color:#6E9FFF;font-weight:500;background:#22252b}
.table th,.table td{padding:0 8px;height:31px;border-bottom:1px solid #26292f;white-space:nowrap;
overflow:hidden;text-overflow:ellipsis}
.foot{position:absolute;left:16px;color:#8E8E99;font-size:12px}
"""


def size_of(board: Json) -> tuple[int, int]:
    """Pixels of the whole picture."""
    rows = max(it["gridPos"]["y"] + it["gridPos"]["h"] for it in board["panels"])
    return WIDTH, HEAD + rows * (CELL + GAP) + FOOT


def page(board: Json, window_of: WindowOf, ask: Ask, when: str, note: str = "") -> str:
    """Everything asked and drawn; ``when`` is the text for the range of time, ``note`` is below."""
    marks = marks_of(board, window_of(WIDTH), ask)
    parts = [_panel(it, board, window_of, ask, marks) for it in board["panels"]]
    variables = "".join(
        f"<span><i>{escape(it['label'])}</i><b>{escape(_value(it))}</b></span>"
        for it in board["templating"]["list"]
    )
    foot = (
        f'<div class="foot" style="top:{size_of(board)[1] - FOOT + 4}px">{NOTE}{escape(note)}</div>'
    )
    return (
        f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>'
        f"<h1>{escape(board['title'])}</h1>"
        f'<div class="at">{escape(when)}</div><div class="vars">{variables}</div>'
        f"{''.join(parts)}{foot}"
    )


def _value(variable: Json) -> str:
    if variable["type"] == "datasource":
        return "Prometheus"
    chosen = variable.get("current", {}).get("text", ["All"])
    return " + ".join([chosen] if isinstance(chosen, str) else chosen)


def _panel(panel: Json, board: Json, window_of: WindowOf, ask: Ask, marks: Sequence[Series]) -> str:
    place = panel["gridPos"]
    x, y = MARGIN + place["x"] * (COLUMN + GAP), HEAD + place["y"] * (CELL + GAP)
    title = escape(panel["title"])
    if panel["type"] == "row":
        return f'<div class="row" style="top:{y}px">⌄&ensp;{title}</div>'
    width = place["w"] * (COLUMN + GAP) - GAP
    height = place["h"] * (CELL + GAP) - GAP
    window = window_for(panel, window_of(width))
    series = series_of(panel, board, window, ask)
    inner = draw(panel, series, marks, window, (width, height))
    style = f"left:{x:.1f}px;top:{y}px;width:{width:.1f}px;height:{height}px"
    return f'<div class="panel" style="{style}"><h2>{title}</h2>{inner}</div>'
