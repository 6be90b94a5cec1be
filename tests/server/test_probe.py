"""/probe over a real socket: formats, deadlines and refusals."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import quote

import pytest

from exporter.core.model import Reason
from exporter.core.view import View
from exporter.metrics import OPENMETRICS, TEXT
from exporter.server.probe import TIMEOUT_HEADER, allowed_time, safety_offset
from tests.server.fake_service import SECRET, FakeService, failing, healthy
from tests.server.running import fetch, running

NAME = "okx/ticker/BTC-USDT"


def service(**changes: object) -> FakeService:
    return FakeService([healthy(NAME), healthy("okx/ping+cold")], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [f"/probe?target={NAME}", "/probe"], ids=["one", "all"])
def test_text_is_the_default_format(path: str) -> None:
    """A scraper without wishes gets the text format."""
    answer = fetch(service(), path)

    assert (answer.status, answer.text) == (200, "probe_success 1\n")
    assert answer.headers["Content-Type"] == TEXT


def test_openmetrics_for_those_who_ask() -> None:
    """The format and the content type follow the Accept header."""
    answer = fetch(service(), f"/probe?target={NAME}", Accept="application/openmetrics-text")

    assert answer.text.endswith("# EOF\n")
    assert answer.headers["Content-Type"] == OPENMETRICS


@pytest.mark.parametrize("name", ["okx/ping%2Bcold", "okx/ping+cold"])
def test_cold_target_is_found_with_and_without_escaping(name: str) -> None:
    """A plus typed by hand arrives as a space and still means plus."""
    assert fetch(service(), f"/probe?target={name}").status == 200


def test_large_answers_are_compressed_and_small_ones_are_not() -> None:
    """gzip costs more than it saves on one target."""
    small = fetch(service(), "/probe", Accept_Encoding="gzip")
    large = fetch(service(metrics=b"x 1\n" * 50_000), "/probe", Accept_Encoding="gzip")

    assert "Content-Encoding" not in small.headers
    assert large.headers["Content-Encoding"] == "gzip"
    assert large.text == "x 1\n" * 50_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, 10.0, id="absent"),
        pytest.param("", 10.0, id="empty"),
        pytest.param("3", 3.0, id="whole"),
        pytest.param("2.5", 2.5, id="fraction"),
        pytest.param("0", 10.0, id="zero"),
        pytest.param("-1", 10.0, id="negative"),
        pytest.param("nan", 10.0, id="nan"),
        pytest.param("inf", 10.0, id="infinite"),
        pytest.param("1e999", 10.0, id="overflow"),
        pytest.param("soon", 10.0, id="words"),
        pytest.param("86400", 120.0, id="capped"),
    ],
)
def test_scrape_timeout_header(header: str | None, seconds: float) -> None:
    """What cannot be a timeout counts as not said."""
    assert allowed_time(header, 10.0) == seconds


@pytest.mark.parametrize(("seconds", "offset"), [(10.0, 0.5), (2.5, 0.5), (1.0, 0.2), (0.1, 0.02)])
def test_offset_leaves_most_of_a_short_timeout(seconds: float, offset: float) -> None:
    """Half a second, but never more than a fifth."""
    assert safety_offset(seconds) == pytest.approx(offset)


@pytest.mark.parametrize("path", [f"/probe?target={NAME}", "/probe"], ids=["one", "all"])
def test_service_is_given_the_timeout_less_the_offset(path: str) -> None:
    """The probe must end early enough for the answer to arrive in time."""
    fake = service()
    fetch(fake, path, X_Prometheus_Scrape_Timeout_Seconds="4")

    assert fake.timeouts == [3.5]


@pytest.mark.parametrize(
    ("path", "targets"), [(f"/probe?target={NAME}", [NAME]), ("/probe", [NAME, "okx/ping+cold"])]
)
def test_overrunning_probe_is_answered_in_time_as_our_own_fault(
    path: str, targets: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Even a hanging service gets the scraper its 200 before the deadline."""
    rendered: list[View] = []

    class Hanging(FakeService):
        def render(self, views: tuple[View, ...], openmetrics: bool) -> bytes:
            rendered.extend(views)
            return b"probe_success 0\n"

    hanging = Hanging(service().known, delay=60)
    began = time.monotonic()
    answer = fetch(hanging, path, **{TIMEOUT_HEADER: "0.2"})

    assert (answer.status, answer.text) == (200, "probe_success 0\n")
    assert time.monotonic() - began < 5
    assert [str(view.plan.target) for view in rendered] == targets
    for view in rendered:
        assert view.result is not None
        assert view.result.failure is not None
        assert view.result.failure.reason is Reason.INTERNAL_ERROR
    assert "did not end within 0.200 s" in caplog.text


@pytest.mark.parametrize(
    ("query", "text"),
    [
        pytest.param("target=okx/nothing", "unknown target 'okx/nothing'", id="unknown"),
        pytest.param("target=", "unknown target ''", id="empty"),
        pytest.param("target=" + "x" * 5000, f"unknown target '{'x' * 100}…'", id="huge"),
        pytest.param("target=a%0d%0aX-Evil:1", r"unknown target 'a\r\nX-Evil:1'", id="line breaks"),
        pytest.param("target=%00%1b[31m", r"unknown target '\x00\x1b[31m'", id="control"),
        pytest.param("target=%E2%80%AEgnp", r"unknown target '\u202egnp'", id="bidi override"),
        pytest.param("target=%FF%FE", "unknown target '", id="not utf-8"),
        pytest.param(
            "target=" + quote("bïnance/ping"), "unknown target 'bïnance/ping'", id="unicode"
        ),
    ],
)
def test_unknown_target_is_refused_and_counted(query: str, text: str) -> None:
    """The message names what was asked for, in a form that can do no harm."""
    fake = service()
    answer = fetch(fake, f"/probe?{query}")

    assert (answer.status, fake.unknown, fake.timeouts) == (400, 1, [])
    assert answer.text.startswith(text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("target=a&target=b", "parameter target stands more than once"),
        (f"target={NAME}&module=http_2xx", "unknown parameter 'module'"),
        ("<script>=1", "unknown parameter '<script>'"),
        (f"target={NAME}&debug=yes", "debug must be true or false"),
        ("debug=true", "debug needs a target"),
    ],
    ids=["twice", "unknown", "markup", "debug value", "debug of all"],
)
def test_bad_parameters_are_refused(query: str, text: str) -> None:
    """Nothing is guessed; the message says what is wrong, as plain text."""
    answer = fetch(service(), f"/probe?{query}")

    assert (answer.status, answer.text) == (400, text + "\n")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_target_that_a_reload_removes_meanwhile_is_unknown() -> None:
    """The plan may change between the look-up and the probe."""

    class Reloading(FakeService):
        async def probe(self, target: str, timeout: float) -> View:
            self.known = ()
            raise KeyError(target)

    fake = Reloading([healthy(NAME)])

    assert fetch(fake, f"/probe?target={NAME}").status == 400
    assert fake.unknown == 1


def test_crash_of_the_service_is_a_500_without_details(caplog: pytest.LogCaptureFixture) -> None:
    """A bug of ours is logged, not shown, and the server lives on."""

    class Broken(FakeService):
        async def probe(self, target: str, timeout: float) -> View:
            raise KeyError("something else")

    async def twice() -> list[int]:
        async with running(Broken([healthy(NAME)])) as client:
            first = await client.get(f"/probe?target={NAME}")
            assert "something else" not in first.text
            return [first.status, (await client.get("/-/healthy")).status]

    assert asyncio.run(twice()) == [500, 200]
    assert "something else" in caplog.text


def test_probes_are_refused_until_ready() -> None:
    """While starting and stopping nothing is asked of any exchange."""
    fake = service(ready=False)

    assert fetch(fake, f"/probe?target={NAME}").status == 503
    assert fake.timeouts == []


def test_debug_tells_the_story_without_secrets() -> None:
    """Verdict, request, answer and metrics as text; secrets and credentials masked."""
    view = failing(NAME, Reason.STALE_DATA, f"old {SECRET} <b>\r\n")
    answer = fetch(FakeService([view]), f"/probe?target={NAME}&debug=true")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(rf"{NAME}: FAILED stale_data: old <secret> <b>\r\n")
    assert answer.text.endswith("Metrics\nprobe_success 1\n")
    for secret in (SECRET, "0badc0de", "sid=1234", "user:pw"):
        assert secret not in answer.text
