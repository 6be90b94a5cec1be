"""The alert that carries an analysis: stable labels, harmless texts."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.receiver.derived import Derived, derive, document, plain, suppression
from exporter.receiver.model import Alert, Analysis, Answer, Cause, Incident
from tests.receiver.running import NOW, alert

WARNING = alert("ExchangeLatencyHigh", severity="warning")


def incident(*alerts: Alert) -> Incident:
    """Of these alerts."""
    return Incident("0123456789", "okx", alerts or (alert(),))


def answer(**changes: object) -> Answer:
    """An analysis, changed."""
    analysis = Analysis(Cause.OUTAGE, "okx is down", "no orders", "wait", 3, False, 0.66)
    return Answer(dataclasses.replace(analysis, **changes), "x", model="m-1")  # type: ignore[arg-type]


def after(first: Answer, *then: tuple[Incident, Answer]) -> list[Derived]:
    """The derived alerts of one analysis after the other."""
    found = [derive(incident(WARNING), first, None)]
    for what, said in then:
        found.append(derive(what, said, found[-1]))
    return found


@pytest.mark.parametrize(
    ("what", "said", "revision", "severity"),
    [
        (incident(WARNING), answer(summary="other words"), 1, "warning"),
        (incident(WARNING), answer(level=2), 1, "warning"),
        (incident(WARNING), answer(level=4), 2, "warning"),
        (incident(WARNING), answer(cause=Cause.BAN), 2, "warning"),
        (incident(WARNING, alert()), answer(), 2, "critical"),
        (incident(alert("Info", severity="info")), answer(), 1, "warning"),
    ],
    ids=["words", "lower", "higher", "another cause", "more severe", "less severe"],
)
def test_only_news_that_matter_make_a_revision(
    what: Incident, said: Answer, revision: int, severity: str
) -> None:
    """People are told of each."""
    _, second = after(answer(), (what, said))
    assert second.revision == revision
    assert second.labels["severity"] == severity


def test_a_model_cannot_make_more_than_three_revisions() -> None:
    """But the rules can raise the severity at any time."""
    flips = [answer(cause=cause) for cause in (Cause.BAN, Cause.TLS, Cause.CLOCK, Cause.BAN)]
    found = after(answer(), *((incident(WARNING), said) for said in flips))
    assert [it.revision for it in found] == [1, 2, 3, 3, 3]
    assert derive(incident(alert()), answer(), found[-1]).revision == 4


def test_the_start_never_moves_forward() -> None:
    """When the oldest alert ends before the others, the incident is as old as before."""
    late = dataclasses.replace(WARNING, starts_at=NOW + 60)
    _, second = after(answer(), (incident(late), answer()))
    assert second.starts_at == NOW


def test_texts_stay_out_of_labels() -> None:
    """Nothing that a model says becomes part of the identity but by way of the revision."""
    said = answer(summary="EVIL", impact="EVIL", action="EVIL", evidence=("EVIL",))
    assert "EVIL" not in str(derive(incident(), said, None).labels)


def test_links_are_those_of_the_rule_and_nothing_else() -> None:
    """The most urgent alert gives them."""
    urgent = dataclasses.replace(
        alert(), annotations={"runbook_url": "javascript:alert(1)", "dashboard_url": "http://g/d/x"}
    )
    found = derive(incident(WARNING, urgent), answer(), None, "http://receiver:9926/")
    assert "runbook_url" not in found.annotations
    assert found.annotations["dashboard_url"] == "http://g/d/x"
    assert found.generator_url == "http://receiver:9926/#0123456789"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> <@U123> hello", "channel U123 hello"),
        ("@everyone pay", "everyone pay"),
        ("see https://evil.example/x now", "see (link removed) now"),
        ("[click](http://evil)", "click ((link removed)"),
        ("www.evil.example", "(link removed)"),
        ("/invite @someone", "invite someone"),
        ("**bold** `code` ~no~ |x|", "bold code no x"),
        ("a\nb\r\n\tc", "a b c"),
        ("zero\u200bwidth\u202e", "zero width"),
        ("binance_usdm/depth is at -5 %", "binance_usdm/depth is at -5 %"),
    ],
    ids=[
        *("slack", "discord", "link", "markdown link", "bare host", "command"),
        *("markup", "lines", "invisible", "harmless"),
    ],
)
def test_texts_are_harmless_in_every_channel(text: str, shown: str) -> None:
    """Slack, Discord, WeChat and PagerDuty show annotations as they come."""
    assert plain(text, 200) == shown


@given(st.text(), st.integers(2, 50))
def test_any_text_is_short_on_one_line_and_without_markup(text: str, longest: int) -> None:
    """Control characters included."""
    shown = plain(text, longest)
    assert len(shown) <= longest
    assert not set(shown) & set("<>`*~|[]\\\n\r\t\x00\u200b")


def test_all_texts_together_fit_into_every_channel() -> None:
    """Telegram cuts at 4096 characters, Discord drops what is longer."""
    long = "long " * 2000
    said = answer(summary=long, impact=long, action=long, evidence=(long,) * 50)
    found = derive(incident(), said, None)
    assert sum(map(len, found.annotations.values())) < 1500


def test_the_document_never_starts_after_its_end() -> None:
    """Alertmanager refuses that."""
    found = document(Derived({"alertname": "A"}, {}, NOW), NOW - 5)
    assert found["startsAt"] == found["endsAt"]


def test_a_suppression_carries_what_the_inhibit_rule_asks_for() -> None:
    """And its time."""
    found = suppression(incident(WARNING), "latency", NOW, 600.0)
    wanted = {"derived": "triage", "triage_action": "suppress", "exchange": "okx"}
    assert wanted.items() <= found.labels.items()
    assert found.labels["area"] == "latency"
    assert found.expires == NOW + 600
