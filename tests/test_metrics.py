"""The metrics of the targets: counting, both exposition formats, the golden file.

``python -m tests.test_metrics > tests/metrics.golden`` writes the golden file anew.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.core.model import Failure, Observation, Phases, Reason, SkipReason, Target, Verdict
from exporter.core.plan import Envelope, Fields, Plan, Request, Route, TargetPlan
from exporter.core.result import Facts, Result
from exporter.core.stream_totals import CONNECT_REASONS, EVENT_LAG_BUCKETS, End, Opening
from exporter.core.stream_view import StreamView
from exporter.core.view import Circuit, LimitView, View
from exporter.metrics import ProbeMetrics
from exporter.metrics.families import LATENCY_BUCKETS, PROBE

GOLDEN = Path(__file__).with_name("metrics.golden")
BOOK = Target("binance", "depth", "BTC-USDT")
STREAM = Target("binance", "stream.book", "BTC-USDT")
TARGETS = {
    "warm": BOOK,
    "cold": Target("binance", "depth", "BTC-USDT", cold=True),
    "account": Target("okx", "account", account="main"),
    "ping": Target("kraken", "ping"),
}
HOSTILE = ('"', "\\", "\n", '\\"\n', "%s %d %%", "{}", "é✓", "a,b=c", "# EOF", " ")


def plan_of(*targets: Target) -> Plan:
    """A plan of these targets with nothing else in it."""
    return Plan({str(target): target_plan(target) for target in targets}, {})


def target_plan(target: Target) -> TargetPlan:
    """One planned target; only what metrics read of it matters."""
    return TargetPlan(
        target=target,
        prober="http",
        request=lambda _: Request("http://127.0.0.1/"),
        route=Route(),
        host="127.0.0.1",
        symbol="",
        costs=(),
        interval=15.0,
        timeout=10.0,
        envelope=Envelope(None, None, None),
        fields=Fields(),
        payload_error=None,
        checks=("book", "freshness"),
        parameters={},
        category="spot",
    )


def observation(latency: float | None = 0.043, status: int | None = 200) -> Observation:
    """A complete answer on a new connection."""
    return Observation(
        elapsed=0.081,
        phases=Phases(0.002, 0.012, 0.023, 0.042, 0.001),
        latency=latency,
        status=status,
        clock="kernel",
        requests_sent=1,
        certificate_not_after=1_900_000_000.0,
    )


FACTS = Facts(
    price=Decimal("97250.50"),
    bid=Decimal("97250.00"),
    ask=Decimal("97251.00"),
    bid_levels=100,
    ask_levels=99,
    sequence=9_007_199_254_740_993,
    payload_age=0.25,
    unchanged=0.0,
    clock_skew=-0.012,
    maintenance=False,
)


def rich_view(target: Target) -> View:
    """A view with every measurement there is, of a book that is stale."""
    stale = Failure(Reason.STALE_DATA, 'no change for "9 s"\n')
    verdicts = (Verdict("book"), Verdict("freshness", stale))
    result = Result(target, observation(), 1_800_000_000.5, FACTS, verdicts, stale)
    return View(
        target_plan(target),
        result,
        age=0.0,
        blocked_until=1_800_000_060.0,
        circuit=Circuit.HALF_OPEN,
        limits=(
            LimitView("weight_1m", 0.25, 0.05, used=0.5, remaining=3000.0),
            LimitView("requests_5m", 0.125, 0.05),
        ),
        last_success_at=1_799_999_985.25,
    )


def rich_metrics(*targets: Target) -> ProbeMetrics:
    """Metrics that have counted one probe of each target and one of each skip."""
    metrics = ProbeMetrics(plan_of(*targets))
    for target in targets:
        result = rich_view(target).result
        assert result is not None
        metrics.record(result)
        for reason in SkipReason:
            metrics.record_skip(str(target), reason)
    return metrics


def stream_view() -> View:
    """A view of a stream with every measurement there is."""
    stream = StreamView(
        connected=True,
        subscribed=True,
        settled=True,
        connected_at=1_800_000_000.0,
        max_gap=5.0,
        message_rate=10.5,
        messages=120,
        bytes=4096,
        last_message_at=1_800_000_090.5,
        connections=2,
        connect_failures=dict.fromkeys(CONNECT_REASONS, 1),
        ends=dict.fromkeys(End, 2),
        opening=Opening(0.001, 0.01, 0.02, 0.03),
        heartbeat_round_trip=0.04,
        subscribe_duration=0.05,
        data_messages=100,
        last_data_at=1_800_000_090.25,
        lag=0.02,
        lag_buckets=(*range(1, len(EVENT_LAG_BUCKETS) + 2),),
        lag_sum=12.5,
    )
    result = Result(STREAM, Observation(0.0), 1_800_000_091.0)
    return View(stream_plan(), result, age=0.0, stream=stream)


def stream_plan() -> TargetPlan:
    """A target that is read from a stream."""
    return replace(target_plan(STREAM), prober="stream")


def both_kinds() -> tuple[ProbeMetrics, list[View]]:
    """A target that is asked and one that is watched, with everything there is of them."""
    plan = Plan({str(BOOK): target_plan(BOOK), str(STREAM): stream_plan()}, {})
    return ProbeMetrics(plan), [rich_view(BOOK), stream_view()]


def failed_view(target: Target, reason: Reason) -> View:
    """A view of a failure before any answer."""
    failure = Failure(reason, "")
    failed = Result(target, Observation(1.5, failure=failure), 1e9, failure=failure)
    return View(target_plan(target), failed, age=3.0)


def skipped_view(target: Target, reason: SkipReason) -> View:
    """A view without any measurement to repeat."""
    return View(target_plan(target), skipped=reason, circuit=Circuit.OPEN)


VIEWS = {
    "nothing measured": View(target_plan(BOOK)),
    **{f"everything, {name}": rich_view(target) for name, target in TARGETS.items()},
    **{f"failed, {reason}": failed_view(BOOK, reason) for reason in Reason},
    **{f"skipped, {reason}": skipped_view(BOOK, reason) for reason in SkipReason},
}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(families: list[Metric]) -> Samples:
    """All samples by name and labels, each of which must be unique."""
    found = [
        ((sample.name, tuple(sorted(sample.labels.items()))), sample.value)
        for family in families
        for sample in family.samples
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


def parsed(metrics: ProbeMetrics, *views: View) -> Samples:
    """The samples of a text exposition."""
    return samples_of(list(parse_text(metrics.render(views, openmetrics=False).decode())))


def parsed_openmetrics(metrics: ProbeMetrics, *views: View) -> Samples:
    """The samples of an OpenMetrics exposition."""
    text = metrics.render(views, openmetrics=True).decode()
    families = openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return samples_of(list(families))


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """The one sample with this name that has these labels, among others."""
    found = [
        number
        for (series, pairs), number in samples.items()
        if series == name and labels.items() <= dict(pairs).items()
    ]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_both_formats_parse_and_agree(view: View) -> None:
    """The reference parsers read the same samples from both formats."""
    metrics = rich_metrics(view.plan.target)

    assert parsed_openmetrics(metrics, view) == parsed(metrics, view)
    assert metrics.render([view], openmetrics=True).endswith(b"\n# EOF\n")


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_promtool_finds_nothing_to_say(view: View) -> None:
    """Prometheus' own parser and linter accept every kind of answer."""
    text = rich_metrics(view.plan.target).render([view], openmetrics=False)

    command = ["promtool", "check", "metrics"]
    check = subprocess.run(command, input=text, capture_output=True, check=False)

    assert (check.returncode, check.stdout + check.stderr) == (0, b"")


def test_a_rich_answer_is_the_golden_file() -> None:
    """The whole text of one target is as reviewed."""
    rendered = rich_metrics(BOOK).render([rich_view(BOOK)], openmetrics=False)

    assert rendered.decode() == GOLDEN.read_text()


def test_exactly_the_declared_families_are_rendered() -> None:
    """Each declared family appears once, with its type, help and labels."""
    metrics, views = both_kinds()
    rendered = metrics.render(views, openmetrics=False).decode()
    families = {family.name: family for family in parse_text(rendered)}
    declared = {family.name.removesuffix("_total"): family for family in PROBE}

    assert families.keys() == declared.keys()
    for name, family in declared.items():
        own = (*family.labels, "le") if family.buckets else family.labels
        labels = {*families[name].samples[0].labels}
        assert (families[name].type, families[name].documentation) == (family.kind, family.help)
        assert labels == {*own, "exchange", "endpoint", "pair"}


def test_what_was_not_measured_is_absent() -> None:
    """Before the first measurement there are counters at 0, the plan and the circuit only."""
    samples = parsed(ProbeMetrics(plan_of(BOOK)), View(target_plan(BOOK)))

    assert {name.removesuffix("_bucket") for name, _ in samples} == {
        "exchange_probe_interval_seconds",
        "exchange_circuit_state",
        "exchange_probes_total",
        "exchange_probe_failures_total",
        "exchange_probe_skipped_total",
        "exchange_api_requests_total",
        "exchange_api_latency_seconds",
        "exchange_api_latency_seconds_sum",
        "exchange_api_latency_seconds_count",
    }
    assert {number for (name, _), number in samples.items() if "_total" in name} == {0.0}


def test_a_known_zero_is_shown() -> None:
    """0 that was measured is a value like any other."""
    samples = parsed(ProbeMetrics(plan_of(BOOK)), rich_view(BOOK))

    assert value(samples, "exchange_payload_unchanged_seconds") == 0
    assert value(samples, "exchange_maintenance") == 0
    assert value(samples, "exchange_probe_age_seconds") == 0


@pytest.mark.parametrize("reason", Reason)
def test_a_failure_is_counted_and_named(reason: Reason) -> None:
    """One reason is 1, its counter is one higher, success is 0."""
    metrics = ProbeMetrics(plan_of(BOOK))
    view = failed_view(BOOK, reason)
    assert view.result is not None
    metrics.record(view.result)
    samples = parsed(metrics, view)

    assert value(samples, "probe_success") == 0
    assert value(samples, "exchange_probe_failed") == 1
    assert value(samples, "exchange_probe_failed", reason=reason) == 1
    assert value(samples, "exchange_probes_total") == 1
    for other in Reason:
        counted = value(samples, "exchange_probe_failures_total", reason=other)
        assert counted == (other is reason)


@pytest.mark.parametrize("reason", SkipReason)
def test_a_skip_is_counted_and_is_no_outcome(reason: SkipReason) -> None:
    """A skip adds to its own counter; there is no success to show and no probe was made."""
    metrics = ProbeMetrics(plan_of(BOOK))
    metrics.record_skip(str(BOOK), reason)
    samples = parsed(metrics, skipped_view(BOOK, reason))

    assert value(samples, "probe_success") is None
    assert value(samples, "exchange_probes_total") == 0
    for other in SkipReason:
        counted = value(samples, "exchange_probe_skipped_total", reason=other)
        assert counted == (other is reason)


@pytest.mark.parametrize(
    ("sent", "status", "codes"),
    [
        pytest.param(0, None, {}, id="no connection"),
        pytest.param(1, 200, {"200": 1}, id="answer"),
        pytest.param(1, 418, {"418": 1}, id="ban"),
        pytest.param(1, None, {"none": 1}, id="no answer"),
        pytest.param(3, 200, {"3xx": 2, "200": 1}, id="redirects followed"),
        pytest.param(2, None, {"3xx": 1, "none": 1}, id="no answer after a redirect"),
        pytest.param(1, 999, {"other": 1}, id="no HTTP status"),
    ],
)
def test_requests_are_counted_by_code(sent: int, status: int | None, codes: dict[str, int]) -> None:
    """The codes add up to the requests on the wire."""
    metrics = ProbeMetrics(plan_of(BOOK))
    metrics.record(Result(BOOK, Observation(1.0, status=status, requests_sent=sent), 1e9))
    samples = parsed(metrics, View(target_plan(BOOK)))

    counted = {
        dict(labels)["code"]: number
        for (name, labels), number in samples.items()
        if name == "exchange_api_requests_total"
    }
    assert counted == {"200": 0, **codes}


def test_latency_buckets_are_cumulative_and_include_their_edge() -> None:
    """A latency on an edge belongs to that bucket; one without an answer to none."""
    metrics = ProbeMetrics(plan_of(BOOK))
    for latency in (0.005, 0.25, 0.2501, 10.0, 11.0, None):
        metrics.record(Result(BOOK, observation(latency), 1e9))
    samples = parsed(metrics, View(target_plan(BOOK)))
    name = "exchange_api_latency_seconds"

    expected = {"0.005": 1, "0.15": 1, "0.25": 2, "0.4": 3, "5.0": 3, "10.0": 4, "+Inf": 5}
    assert {le: value(samples, f"{name}_bucket", le=le) for le in expected} == expected
    assert value(samples, f"{name}_count") == 5
    assert value(samples, f"{name}_sum") == pytest.approx(21.5051)
    assert sum(series == f"{name}_bucket" for series, _ in samples) == len(LATENCY_BUCKETS) + 1


def test_all_targets_share_one_header() -> None:
    """An exposition of several targets groups their series by family."""
    metrics = rich_metrics(*TARGETS.values())
    views = [*(rich_view(target) for target in TARGETS.values()), stream_view()]
    text = metrics.render(views, openmetrics=False).decode()
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    single = [parsed(metrics, view) for view in views]

    assert sorted(names) == sorted(family.name for family in PROBE)
    assert parsed(metrics, *views) == {k: v for samples in single for k, v in samples.items()}


def test_a_stream_shows_no_metrics_of_requests() -> None:
    """It has no probes to count, no circuit and no duration, and both formats can be read."""
    metrics, (_, stream) = both_kinds()
    samples = parsed(metrics, stream)
    absent = ("exchange_probes", "exchange_api", "exchange_circuit", "probe_duration", "probe_http")

    assert parsed_openmetrics(metrics, stream) == samples
    assert not [name for name, _ in samples if name.startswith(absent)]
    assert value(samples, "probe_success") == 1
    assert value(samples, "exchange_stream_event_lag_seconds_bucket", le="+Inf") == 105
    assert value(samples, "exchange_stream_reconnects_total", reason="no_pong") == 2


def test_nothing_to_show_is_an_empty_exposition() -> None:
    """Without views there is nothing but the end mark of OpenMetrics."""
    metrics = ProbeMetrics(plan_of())

    assert metrics.render([], openmetrics=False) == b""
    assert metrics.render([], openmetrics=True) == b"# EOF\n"


def test_counters_survive_a_reload() -> None:
    """A target that stays keeps counting, also for a probe that began before the reload."""
    old = rich_metrics(BOOK, TARGETS["ping"])
    new = ProbeMetrics(plan_of(BOOK, TARGETS["cold"]))
    new.carry_over(old)
    old.record(Result(BOOK, observation(), 1e9))
    samples = parsed(new, rich_view(BOOK))
    fresh = parsed(new, rich_view(TARGETS["cold"]))

    assert value(samples, "exchange_probes_total") == 2
    assert value(samples, "exchange_probe_failures_total", reason="stale_data") == 1
    assert value(fresh, "exchange_probes_total") == 0


def test_a_target_removed_by_a_reload_is_shown_but_not_kept() -> None:
    """A probe that ends after its target was removed is answered and forgotten."""
    metrics = ProbeMetrics(plan_of(BOOK))
    removed = TARGETS["ping"]
    metrics.record(Result(removed, observation(), 1e9))
    metrics.record_skip(str(removed), SkipReason.BUDGET)
    samples = parsed(metrics, rich_view(removed))

    assert value(samples, "probe_success", exchange="kraken") == 0
    assert value(samples, "exchange_probes_total") == 0


@pytest.mark.parametrize("label", HOSTILE)
def test_label_values_are_escaped(label: str) -> None:
    """Whatever a configuration calls things, both formats carry it unchanged."""
    view = rich_view(Target(label, label, label))
    metrics = rich_metrics(view.plan.target)
    samples = parsed(metrics, view)

    assert parsed_openmetrics(metrics, view) == samples
    assert value(samples, "probe_success", exchange=label, endpoint=label, pair=label) == 0


prices = st.decimals(min_value=Decimal("1e-30"), max_value=Decimal("1e31"), allow_nan=False)
seconds = st.floats(allow_nan=False)


@settings(max_examples=50)
@given(price=prices, age=seconds, sequence=st.integers(-(10**31), 10**31))
def test_numbers_are_read_as_they_were_meant(price: Decimal, age: float, sequence: int) -> None:
    """Prometheus reads the float64 nearest to every number, in a short text."""
    facts = Facts(price=price, payload_age=age, sequence=sequence)
    view = View(target_plan(BOOK), Result(BOOK, observation(), 1e9, facts))
    samples = parsed(ProbeMetrics(plan_of(BOOK)), view)

    assert value(samples, "exchange_price") == float(price)
    assert value(samples, "exchange_payload_age_seconds") == age
    read = value(samples, "exchange_book_sequence")
    assert read is not None
    assert float(read) == float(sequence)


if __name__ == "__main__":
    sys.stdout.buffer.write(rich_metrics(BOOK).render([rich_view(BOOK)], openmetrics=False))
