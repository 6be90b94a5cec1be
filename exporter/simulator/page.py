"""The page at ``/``: what is simulated, what is broken and for how long, and how to break more."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from urllib.parse import urlencode

from exporter.simulator.accounting import Use
from exporter.simulator.exchange import SimulatedExchange
from exporter.simulator.faults import EVERYWHERE, FAULTS, ActiveFault
from exporter.simulator.provider import Endpoint
from exporter.simulator.scenario import Step, Story
from exporter.simulator.simulation import Simulation
from exporter.web.page import part

_NO_END = float("inf")
_SUGGESTED = "crossed"


def page(base: str, simulation: Simulation, base_urls: Mapping[str, str]) -> str:
    """The page as HTML; ``base`` is the simulator's own URL, ``base_urls`` the exchanges'."""
    names = tuple(simulation.exchanges)
    places = simulation.places.values()
    endpoints = dict.fromkeys(e for place in places for e in (*place.endpoints, *place.streams))
    return _template().substitute(
        title=escape(_headline(simulation)),
        now=_now(simulation),
        base=escape(base),
        example=escape(names[0] if names else "exchange"),
        exchange_options=_options((*names, EVERYWHERE)),
        endpoint_options=_options(endpoints),
        fault_options=_options(FAULTS, _SUGGESTED),
        exchanges=_exchanges(simulation, base_urls),
        count=len(FAULTS),
        faults="".join(_fault(name) for name in FAULTS),
    )


@cache
def _template() -> string.Template:
    page = string.Template(part(__package__, "page.html"))
    parts = {"style": "page.css", "script": "page.js"}
    inline = {name: part(__package__, file).replace("$", "$$") for name, file in parts.items()}
    return string.Template(page.safe_substitute(inline))


def _headline(simulation: Simulation) -> str:
    count = len(simulation.in_force)
    return f"{count} fault{'s' * (count > 1)} in force" if count else "Every exchange is well"


def _now(simulation: Simulation) -> str:
    now = simulation.now()
    story = _story(simulation.story, now) if simulation.story else ""
    own = set(map(id, simulation.faults))
    shown = [fault for fault in simulation.scheduled if now < fault.until]
    rows = "".join(
        _active(fault, now, id(fault) in own)
        for fault in shown
        if fault.in_force(now) or id(fault) in own
    )
    button = '<button data-end="">end all of yours</button>' if own else ""
    table = (
        '<section class="card faults"><header><h2>Faults</h2>'
        f'<span class="right">{button}</span></header>'
        "<table><tr><th>fault</th><th>where</th><th>how</th><th>by</th><th>time</th><th></th></tr>"
        f"{rows}</table></section>"
    )
    return f"<h1>{_headline(simulation)}</h1>{story}{table if rows else ''}"


def _active(fault: ActiveFault, now: float, own: bool) -> str:
    where = f"{'all exchanges' if fault.exchange == EVERYWHERE else fault.exchange}"
    where += f"/{fault.endpoint}" if fault.endpoint else ""
    how = ", ".join(_shown(name, value) for name, value in fault.values.items())
    how += f", {fault.share:.0%} of the requests" if fault.share < 1 else ""
    end = urlencode({"exchange": fault.exchange, "fault": fault.name})
    button = f'<button data-end="?{escape(end)}">end</button>' if own else ""
    return (
        f'<tr class="failing"><td><b>{fault.name}</b></td><td>{escape(where)}</td>'
        f"<td>{escape(how.removeprefix(', '))}</td><td>{'you' if own else 'story'}</td>"
        f"<td>{_time_left(fault, now)}</td><td class=number>{button}</td></tr>"
    )


def _time_left(fault: ActiveFault, now: float) -> str:
    if fault.since > now:
        return f"begins in {_clock(fault.since - now)}"
    return "until ended" if fault.until == _NO_END else f"{_clock(fault.until - now)} left"


def _story(story: Story, now: float) -> str:
    scenario, time = story.scenario, story.time(now)
    speed = f" at {story.speed:g} × speed" if story.speed != 1 else ""
    progress = f"{_clock(time)} of {_clock(scenario.length)}{speed}"
    if time >= scenario.length:
        progress = f"over after {_clock(scenario.length)}"
    return (
        f'<section class="card story"><header><h2>{escape(scenario.title)}</h2>'
        f'<span class="muted right">{progress}</span></header>'
        f"<p>{escape(scenario.about)}</p>{_bar(time / scenario.length, judged=False)}"
        f'<ol class="steps">{"".join(_step(step, time) for step in scenario.steps)}</ol></section>'
    )


def _step(step: Step, time: float) -> str:
    state = "over" if time >= step.end else "now" if time >= step.at else "to-come"
    fault = step.fault
    where = "/".join(filter(None, (fault["exchange"], fault.get("endpoint"))))
    text = step.note or f"{where}: {fault['fault']}".replace(f"{EVERYWHERE}:", "all exchanges:")
    return (
        f'<li class="{state}"><time>{_clock(step.at)}–{_clock(step.end)}</time>{escape(text)}</li>'
    )


def _exchanges(simulation: Simulation, base_urls: Mapping[str, str]) -> str:
    cards = "".join(
        _exchange(exchange, simulation, base_urls[name])
        for name, exchange in simulation.exchanges.items()
    )
    return f'<div class="cards">{cards}</div>'


def _exchange(exchange: SimulatedExchange, simulation: Simulation, base_url: str) -> str:
    provider, now = exchange.provider, simulation.now()
    broken = sum(fault.exchange in (provider.name, EVERYWHERE) for fault in simulation.in_force)
    health = f'<b class="failing">{broken} broken</b>' if broken else "well"
    calls = "".join(_link(exchange, endpoint, base_url) for endpoint in provider.endpoints.values())
    return (
        f'<section class="card"><header><h2>{escape(provider.title)}</h2>'
        f'<span class="muted right">{health}</span></header>'
        f'<p class="muted"><code>{escape(base_url)}</code></p><div class="calls">{calls}</div>'
        f"{_limits(exchange, now)}</section>"
    )


def _link(exchange: SimulatedExchange, endpoint: Endpoint, base_url: str) -> str:
    path = exchange.provider.example(endpoint)
    return f'<a href="{escape(base_url + path)}">{escape(endpoint.name)}</a>'


def _limits(exchange: SimulatedExchange, now: float) -> str:
    """How much of each limit the clients have used in the windows of this moment."""
    uses = exchange.accounting.uses(now)
    bans = "".join(
        f'<p class="banned">{escape(client)} is banned for {_clock(until - now)}</p>'
        for client, until in exchange.accounting.bans_in_force(now).items()
    )
    if not uses:
        return bans
    head = "<tr><th>limit</th><th>client</th><th></th><th class=number>used</th></tr>"
    return f"{bans}<table>{head}{''.join(map(_use, sorted(uses)))}</table>"


def _use(use: Use) -> str:
    name = " ".join(filter(None, (use.limit, use.place)))
    return (
        f"<tr><td>{escape(name)}</td><td>{escape(use.client)}</td>"
        f"<td>{_bar(use.used / use.capacity)}</td>"
        f"<td class=number>{use.used:g} of {use.capacity:g}</td></tr>"
    )


def _bar(ratio: float, judged: bool = True) -> str:
    level = "spent" if ratio > 1 else "near" if ratio > 0.8 else ""
    state = f' class="{level}"' if judged and level else ""
    return f'<span class="bar"><i{state} style="width:{min(ratio, 1):.1%}"></i></span>'


def _clock(seconds: float) -> str:
    """``1:05``: minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _shown(name: str, value: float | str) -> str:
    return f"{name} = {value or '(none)'}" if isinstance(value, str) else f"{name} = {value:g}"


def _options(names: Iterable[str], chosen: str = "") -> str:
    shown = {EVERYWHERE: "all"}
    return "".join(
        f'<option value="{escape(name)}"{" selected" * (name == chosen)}>'
        f"{escape(shown.get(name, name))}</option>"
        for name in names
    )


def _fault(name: str) -> str:
    fault = FAULTS[name]
    parameters = ", ".join(_shown(key, p.default) for key, p in fault.parameters.items())
    needs = f" Needs {fault.needs}." if fault.needs else ""
    return (
        f"<tr><td><code>{name}</code></td><td>{escape(fault.summary + needs)}</td>"
        f"<td>{escape(parameters)}</td></tr>"
    )
