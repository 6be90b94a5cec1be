"""The page of the receiver: incidents, what they were found to be, on what evidence, at what cost.

Styles and script are inline and allowed by their hashes. Every text is escaped, for it may come
from an exchange or from a model.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from exporter.receiver.coalesce import STORM
from exporter.web.page import part, policy

_SHOWN_FACTS = 40


class Page:
    """Renders the page; ``policy`` is the Content-Security-Policy that it needs."""

    def __init__(self) -> None:
        style, script = part(__package__, "page.css"), part(__package__, "page.js")
        self._template = string.Template(part(__package__, "page.html"))
        self._fixed = {"style": style, "script": script}
        self.policy = policy(style, script)

    def render(
        self,
        incidents: Sequence[Mapping[str, Any]],
        totals: Mapping[str, Mapping[str, Any]],
        letters: Sequence[Mapping[str, Any]],
        audit: Sequence[Mapping[str, Any]],
        now: float,
    ) -> str:
        """The page as HTML; rows as ``History`` returns them, ``now`` in Unix seconds."""
        count = sum(incident["closed_at"] is None for incident in incidents)
        title = f"{count} open incident{'' if count == 1 else 's'}"
        main = (
            f'<main><h1>{title}</h1><p class="sum">{_totals(totals)}</p>{_letters(letters)}'
            + "".join(_incident(incident, now) for incident in incidents)
            + ("" if incidents else '<p class="none">Nothing has happened yet.</p>')
            + f"{_audit(audit)}</main>"
        )
        return self._template.substitute(self._fixed, title=title, main=main)


def _totals(totals: Mapping[str, Mapping[str, Any]]) -> str:
    parts = [
        f"{source}: {it['analyses']} analyses, {it['tokens']} tokens, ${it['cost']:.4f}"
        for source, it in totals.items()
    ]
    return escape("In 24 hours " + " · ".join(parts) if parts else "No analysis in 24 hours")


def _letters(letters: Sequence[Mapping[str, Any]]) -> str:
    if not letters:
        return ""
    newest = escape(str(letters[0]["reason"])[:300])
    return (
        f'<p class="news">{len(letters)} analyses were given up ({newest}). When the cause is '
        "gone: <code>exchange-exporter receiver replay</code></p>"
    )


def _incident(incident: Mapping[str, Any], now: float) -> str:
    analysis = incident["analysis"]
    found = analysis["answer"]["analysis"] if analysis else {}
    is_open = incident["closed_at"] is None
    name = incident["exchange"] or ("all exchanges" if incident["key"] == STORM else "no exchange")
    end = now if is_open else incident["closed_at"]
    state = "open for" if is_open else "closed after"
    firing = f", {incident['firing']} alerts" if is_open and incident["firing"] else ""
    css = f"{'open' if is_open else 'closed'} level{int(found.get('level', 0))}"
    return (
        f'<article class="{css}" id="{escape(incident["key"])}"><header><h2>{escape(name)}</h2>'
        + (f'<span class="cause">{escape(str(found["cause"]))}</span>' if found else "")
        + f'<span class="state">{state} {_span(end - incident["opened_at"])}{firing}</span>'
        + f"</header>{_analysis(analysis) if analysis else _none(is_open)}"
        + f'<p class="facts">since {_moment(incident["opened_at"])} · '
        + f'<a href="api/v1/incidents/{int(incident["id"])}">all analyses and their evidence</a>'
        + "</p></article>"
    )


def _none(is_open: bool) -> str:
    return f'<p class="none">{"Not analysed yet" if is_open else "Over before an analysis"}</p>'


def _analysis(analysis: Mapping[str, Any]) -> str:
    answer = analysis["answer"]
    found = answer["analysis"]
    facts = "".join(f"<li>{escape(str(fact))}</li>" for fact in found["evidence"][:_SHOWN_FACTS])
    rows = {
        "Impact": found["impact"],
        "Do next": found["action"],
        "Needs a person": "yes" if found["requires_human"] else "no",
        "Level": f"{found['level']} of 5",
    }
    terms = "".join(f"<dt>{name}</dt><dd>{escape(str(text))}</dd>" for name, text in rows.items())
    return (
        f'<p class="summary">{escape(found["summary"])}</p><dl>{terms}</dl>'
        + (f"<details><summary>Evidence</summary><ul>{facts}</ul></details>" if facts else "")
        + f'<div class="meta"><span>{escape(_source(answer))}</span>{_votes(analysis)}</div>'
    )


def _source(answer: Mapping[str, Any]) -> str:
    who = " ".join(filter(None, (answer["provider"], answer["model"]))) or answer["analyst"]
    parts = [f"Suggestion ({who}, {answer['analysis']['confidence']:.0%})"]
    if answer["fallback"]:
        parts.append(f"instead of a provider: {answer['fallback']}")
    tokens = answer["prompt_tokens"] + answer["completion_tokens"]
    if tokens:
        parts.append(f"{tokens} tokens, ${answer['cost']:.4f}")
    return " · ".join([*parts, "cached" if answer["cached"] else f"{answer['seconds']:.2f} s"])


def _votes(analysis: Mapping[str, Any]) -> str:
    def button(useful: bool, text: str) -> str:
        pressed = str(analysis["useful"] is useful).lower()
        value = str(useful).lower()
        number = int(analysis["id"])
        return (
            f'<button data-analysis="{number}" value="{value}" aria-pressed="{pressed}">'
            f"{text}</button>"
        )

    return f'<span class="votes">{button(True, "Helpful")}{button(False, "Wrong")}</span>'


def _audit(audit: Sequence[Mapping[str, Any]]) -> str:
    if not audit:
        return ""
    items = "".join(
        f"<li>{_moment(it['at'])}: {escape(it['action'])}, incident "
        f"{escape(str(it['detail'].get('incident', '')))}, "
        f"{len(it['detail'].get('alerts', ()))} alerts</li>"
        for it in audit
    )
    return f"<details><summary>Decisions to mute alerts</summary><ul>{items}</ul></details>"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(seconds: float) -> str:
    whole = max(int(seconds), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"
