"""The landing page: every target, its state, why, and since when.

Styles and script are inline and allowed by their hashes; nothing is loaded from elsewhere. What an
exchange said is shown only through ``escape(printable(redact(text)))``.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from urllib.parse import quote

from exporter.core.model import Reason
from exporter.core.plan import Plan
from exporter.core.view import View
from exporter.server.landing_row import Row, icon
from exporter.server.status import State, status_of
from exporter.server.text import moment, printable, span
from exporter.web.page import part, policy

_HEADS = (
    '<div class="heads" aria-hidden="true"><span></span><span>target</span><span>state</span>'
    '<span class="number">since</span><span class="number">latency</span>'
    '<span class="number">data age</span><span class="number">budget</span></div>'
)
_COLOURS = {State.FAILING: "#bb3207", State.SKIPPED: "#c98a00", State.WAITING: "#7b8794"}
_HEIGHTS = {State.FAILING: 30, State.SKIPPED: 20, State.WAITING: 6, State.OK: 10}


@dataclass(frozen=True, slots=True)
class _Card:
    """The targets of one exchange, problems first."""

    title: str
    rows: tuple[Row, ...]

    @property
    def healthy(self) -> int:
        return sum(row.status.state is State.OK for row in self.rows)

    @property
    def blocked(self) -> tuple[float, ...]:
        """The unix times until which the exchange wants some or all targets left alone."""
        return tuple(row.blocked_until for row in self.rows if row.blocked_until is not None)

    @property
    def banned(self) -> bool:
        return any(row.status.reason == Reason.BANNED for row in self.rows)


class LandingPage:
    """Renders the page; ``policy`` is the Content-Security-Policy that it needs."""

    def __init__(self) -> None:
        style, script = part(__package__, "landing.css"), part(__package__, "landing.js")
        self._template = string.Template(
            string.Template(part(__package__, "landing.html")).safe_substitute(
                style=style.replace("$", "$$"),
                script=script.replace("$", "$$"),
            )
        )
        self.policy = policy(style, script, "img-src data:; ")

    def render(
        self,
        views: Sequence[View],
        plan: Plan,
        about: Mapping[str, str],
        ready: bool,
        redact: Callable[[str], str],
        now: float,
    ) -> str:
        """The page as HTML. ``now`` is unix seconds."""
        cards = _cards([Row(view, status_of(view, now), redact, now) for view in views], plan)
        counts = _count(cards)
        worst = next((state for state in State if counts[state]), State.OK)
        main = (
            f"<main>{_summary(cards, counts, ready)}"
            f'<div class="cards">{"".join(map(_card, cards))}</div>'
            f"{_warnings(plan.warnings, redact)}{_footer(about, now)}</main>"
        )
        return self._template.substitute(title=_title(counts), icon=_favicon(worst), main=main)


def _cards(rows: list[Row], plan: Plan) -> list[_Card]:
    """The rows by exchange; what is worst comes first, else the order of the plan."""
    order = list(State)
    names = list(dict.fromkeys(row.view.plan.target.exchange for row in rows))
    rows = sorted(rows, key=lambda row: names.index(row.view.plan.target.exchange))
    cards = []
    for name, members in groupby(rows, lambda row: row.view.plan.target.exchange):
        ranked = sorted(members, key=lambda row: order.index(row.status.state))
        cards.append(_Card(plan.exchanges.get(name, name), tuple(ranked)))
    return sorted(cards, key=lambda card: order.index(card.rows[0].status.state))


def _count(cards: list[_Card]) -> dict[State, int]:
    states = [row.status.state for card in cards for row in card.rows]
    return {state: states.count(state) for state in State}


def _title(counts: Mapping[State, int]) -> str:
    problems = [f"{counts[s]} {s}" for s in (State.FAILING, State.SKIPPED) if counts[s]]
    return " · ".join([*problems, "exchange-exporter"])


def _summary(cards: list[_Card], counts: Mapping[State, int], ready: bool) -> str:
    total = sum(counts.values())
    headline = f"{counts[State.OK]} of {total} targets healthy"
    if total and counts[State.OK] == total:
        headline = f"All {total} targets healthy"
    news = [] if ready else ["Not ready: starting or stopping, probes are refused."]
    news += [f"{card.title} {hold}" for card in cards if (hold := _hold(card))]
    lines = "".join(f'<p class="news">{icon("skipped")}{escape(text)}</p>' for text in news)
    chips = "".join(
        f'<a class="chip" href="#is:{state}">{icon(state)}{counts[state]} {state}</a>'
        for state in State
        if counts[state]
    )
    return (
        f'<section class="summary"><h1>{headline}</h1>{lines}{_skyline(cards)}'
        f'<div class="chips">{chips}</div></section>'
    )


def _skyline(cards: list[_Card]) -> str:
    """One bar per target, in the order of the page; the worse its state, the higher."""
    rows = [row for card in cards for row in card.rows]
    bars = "".join(
        f'<rect class="{row.status.state}" x="{10 * place}" y="{30 - height}" width="8" '
        f'height="{height}"><title>{escape(str(row.view.plan.target))}: {row.status.state}'
        "</title></rect>"
        for place, row in enumerate(rows)
        for height in (_HEIGHTS[row.status.state],)
    )
    width = max(10 * len(rows) - 2, 1)
    return (
        f'<svg class="skyline" viewBox="0 0 {width} 30" preserveAspectRatio="none" '
        f'aria-hidden="true">{bars}</svg>'
    )


def _hold(card: _Card) -> str:
    """Which exchange keeps us away and until when; "" if it does not."""
    if not card.blocked:
        return ""
    until, affected = max(card.blocked), len(card.blocked)
    some = "" if affected == len(card.rows) else f", {affected} of {len(card.rows)} targets"
    verb = "banned us" if card.banned else "told us to stay away"
    now, date = card.rows[0].now, "%Y-%m-%d"
    form = "%H:%M:%S UTC" if moment(until, date) == moment(now, date) else f"{date} %H:%M:%S UTC"
    return f"{verb} until {moment(until, form)}, {span(until - now)} left{some}"


def _card(card: _Card) -> str:
    hold = _hold(card)
    trouble = " problem" if card.rows[0].status.state in (State.FAILING, State.SKIPPED) else ""
    return (
        f'<section class="card{trouble}"><header><h2>{escape(card.title)}</h2>'
        f'<span class="count">{card.healthy} of {len(card.rows)} healthy</span>'
        + (f'<span class="hold">{escape(hold)}</span>' if hold else "")
        + f"</header>{_HEADS}{''.join(row.html() for row in card.rows)}</section>"
    )


def _warnings(warnings: Sequence[str], redact: Callable[[str], str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(printable(redact(text), 500))}</li>" for text in warnings)
    return (
        f'<details class="warnings" id="warnings"><summary>Configuration warnings: '
        f"{len(warnings)}</summary><ul>{items}</ul></details>"
    )


def _footer(about: Mapping[str, str], now: float) -> str:
    facts = [f"{name} {value}" for name, value in about.items() if name != "started" and value]
    try:
        started = float(about.get("started", ""))
        facts.append(f"started {moment(started)}, {span(now - started)} ago")
    except ValueError:
        pass
    facts.append(f"state of {moment(now)}")
    return f"<footer>{escape(' · '.join(printable(fact, 300) for fact in facts))}</footer>"


def _favicon(state: State) -> str:
    colour = _COLOURS.get(state, "#0b7a5c")
    shape = '<circle cx="8" cy="8" r="7"'
    if state is State.FAILING:
        shape = '<path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z"'
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    return quote(f'{head}{shape} fill="{colour}"/></svg>')
