"""The landing page: what it says, in what order, and that nothing on it can do harm."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from exporter.core.model import Reason, SkipReason
from exporter.core.plan import Plan
from exporter.core.view import Circuit, LimitView, View
from exporter.server.landing import LandingPage
from exporter.server.status import State, Status, status_of
from tests.server.fake_service import NOW, SECRET, FakeService, failing, healthy, target_plan
from tests.server.running import fetch

BANNED = failing(
    "bybit/ping",
    Reason.BANNED,
    "too many visits",
    blocked_until=NOW + 600,
    skipped=SkipReason.BACKOFF,
    retry_at=NOW + 600,
)


def page(*views: View, ready: bool = True, titles: dict[str, str] | None = None) -> str:
    plan = Plan({str(v.plan.target): v.plan for v in views}, {}, titles or {}, ("odd thing",))
    fake = FakeService()
    return LandingPage().render(views, plan, fake.about, ready, fake.redact, NOW)


def rows(html: str) -> list[tuple[str, str]]:
    """The targets in the order of the page, as (state, name)."""
    return re.findall(r'<details class="target (\w+)" id="([^"]+)"', html)


@pytest.mark.parametrize(
    ("view", "status"),
    [
        pytest.param(healthy("okx/ping"), Status(State.OK), id="ok"),
        pytest.param(
            failing("okx/ping", Reason.TLS, "expired"),
            Status(State.FAILING, "tls", "expired"),
            id="failing",
        ),
        pytest.param(BANNED, Status(State.FAILING, "banned", "too many visits"), id="banned"),
        pytest.param(
            healthy("okx/ping", skipped=SkipReason.BUDGET, skip_detail="spent"),
            Status(State.SKIPPED, "budget", "spent"),
            id="budget",
        ),
        pytest.param(
            healthy("okx/ping", skipped=SkipReason.INTERVAL), Status(State.OK), id="own pacing"
        ),
        pytest.param(
            healthy("okx/ping", blocked_until=NOW + 1),
            Status(State.SKIPPED, "backoff", "the exchange told us to stay away"),
            id="blocked",
        ),
        pytest.param(
            healthy("okx/ping", blocked_until=NOW - 1), Status(State.OK), id="block is over"
        ),
        pytest.param(
            healthy("okx/ping", circuit=Circuit.OPEN),
            Status(State.SKIPPED, "circuit_open", "the host failed repeatedly"),
            id="circuit open",
        ),
        pytest.param(
            View(target_plan("okx/ping")),
            Status(State.WAITING, detail="not probed yet"),
            id="waiting",
        ),
        pytest.param(
            healthy("okx/ping", result=None),
            Status(State.WAITING, detail="not probed of late"),
            id="nobody asks",
        ),
    ],
)
def test_status(view: View, status: Status) -> None:
    """One word for every view, the most urgent that applies."""
    assert status_of(view, NOW) == status


def test_headline_counts_and_says_who_banned_us() -> None:
    """The first thing that is read at night."""
    html = page(healthy("okx/ping"), BANNED, titles={"bybit": "Bybit"})

    assert "<h1>1 of 2 targets healthy</h1>" in html
    assert "Bybit banned us until 08:10:00 UTC, 10 min left" in html
    assert "<title>1 failing · exchange-exporter</title>" in html


def test_a_ban_that_ends_on_another_day_is_told_with_its_date() -> None:
    """The time alone would be of today."""
    ban = failing("bybit/ping", Reason.BANNED, "", blocked_until=NOW + 2 * 86400)
    html = page(ban, titles={"bybit": "Bybit"})
    assert re.search(r"banned us until \d{4}-\d\d-\d\d 08:00:00 UTC, 2 d left", html)


def test_headline_of_a_quiet_night() -> None:
    """Nothing but good news."""
    html = page(healthy("okx/ping"), healthy("okx/time"))

    assert "<h1>All 2 targets healthy</h1>" in html
    assert 'class="news"' not in html


def test_partial_block_says_how_much_is_affected() -> None:
    """An endpoint's limit need not touch the rest of the exchange."""
    blocked = healthy("okx/ping", blocked_until=NOW + 30)

    assert "30 s left, 1 of 2 targets" in page(blocked, healthy("okx/time"))


def test_problems_come_first() -> None:
    """Among the exchanges and within each; otherwise in the order of the plan."""
    html = page(
        healthy("okx/ping"),
        View(target_plan("kraken/ping")),
        healthy("bybit/time"),
        healthy("kraken/time", skipped=SkipReason.BUDGET),
        BANNED,
    )

    assert rows(html) == [
        ("failing", "bybit/ping"),
        ("ok", "bybit/time"),
        ("skipped", "kraken/time"),
        ("waiting", "kraken/ping"),
        ("ok", "okx/ping"),
    ]


def test_row_shows_why_since_latency_age_and_budget() -> None:
    """All that one needs to know without opening anything."""
    view = failing("okx/ticker/BTC-USDT", Reason.STALE_DATA, "93 s old")
    html = page(view)
    line = html[html.index("<summary>") : html.index("</summary>")]

    shown = " ".join(re.sub("<[^>]+>", " ", line).split())
    assert shown == "ticker BTC-USDT stale_data 93 s old 3 min 143 ms 0.4 s 34 %"
    assert 'title="2027-01-15 07:57:00 UTC"' in line


def test_row_counts_down_to_the_next_chance() -> None:
    """For a ban as for an open circuit."""
    tripped = healthy("okx/ping", circuit=Circuit.OPEN, retry_at=NOW + 24, result=None)
    html = page(BANNED, tripped)

    assert "backoff, again in 10 min" in html
    assert "again in 24 s" in html


def test_bar_shows_the_limit_nearest_to_its_end() -> None:
    """The one that will stop us first; the others are in the title."""
    limits = (LimitView("a_1m", 0.1, 0.05), LimitView("b_1m", 0.96, 0.05))
    html = page(healthy("okx/ping", limits=limits))

    assert '<rect class="spent" width="96" height="6"/>' in html
    assert 'title="a_1m: 10 % of our allowance · b_1m: 96 % of our allowance"' in html


def test_empty_plan_and_startup_have_a_page() -> None:
    """No division by nothing."""
    html = page(ready=False)

    assert "0 of 0 targets healthy" in html
    assert "Not ready" in html


def test_footer_and_warnings() -> None:
    """Version, start and what is odd in the configuration."""
    html = page(healthy("okx/ping"))

    assert (
        "version 1.2.3 · config file exporter.yml · started 2027-01-14 07:00:00 UTC, 25 h ago"
        in html
    )
    assert "<li>odd thing</li>" in html


class _Tags(HTMLParser):
    """Collects every tag and attribute, and what is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        self.ids += [value or "" for name, value in attrs if name == "id"]


@pytest.mark.parametrize(
    "detail",
    [
        "<script>alert(1)</script>",
        "</summary></details></main><script src=//evil>",
        "\" onmouseover='alert(1)' x=\"",
        "<img src=x onerror=alert(1)>",
        "$main ${style} $$",
        "\u202egnp.exe\x00\x1b[31m\r\n",
        "\ud800",
        "&lt;b&gt; &#60;script&#62;",
    ],
    ids=[
        "script",
        "closing tags",
        "attribute",
        "image",
        "template",
        "control",
        "surrogate",
        "entity",
    ],
)
def test_hostile_detail_stays_text(detail: str) -> None:
    """Whatever an exchange says, the page has the tags that it has without it."""
    calm, hostile = _Tags(), _Tags()
    calm.feed(page(failing("okx/ping", Reason.API_ERROR, "x")))
    html = page(failing("okx/ping", Reason.API_ERROR, detail))
    hostile.feed(html)

    html.encode()
    assert hostile.seen == calm.seen
    assert not [name for name, _ in hostile.attributes if name.startswith("on")]
    assert "\u202e" not in html
    assert "\x00" not in html


def test_long_detail_is_cut() -> None:
    """One exchange must not fill the page."""
    assert "z" * 1001 not in page(failing("okx/ping", Reason.API_ERROR, "z" * 100_000))


def test_secrets_are_masked() -> None:
    """In details of failures and of skips, and where a cut goes through them."""
    html = page(
        failing("okx/ping", Reason.AUTH, f"key {SECRET}"),
        failing("okx/time", Reason.AUTH, "z" * 195 + SECRET),
        healthy("okx/status", skipped=SkipReason.BACKOFF, skip_detail=SECRET),
    )

    assert "hunter" not in html
    assert "key &lt;secret&gt;" in html


def test_links_are_relative_and_escaped() -> None:
    """So that they hold under a route prefix, and for targets with a plus or an at sign."""
    html = page(healthy("okx/account@main+cold"))

    assert 'href="probe?target=okx%2Faccount%40main%2Bcold&amp;debug=true"' in html
    assert not re.findall(r'(?:href|src)="(?:https?:)?/', html)


def test_ids_are_unique() -> None:
    """The script finds rows by them."""
    tags = _Tags()
    tags.feed(page(healthy("okx/ping"), healthy("okx/ping+cold"), healthy("okx/ticker/A-B")))

    assert len(tags.ids) == len(set(tags.ids))


def test_policy_allows_exactly_the_inline_style_and_script() -> None:
    """Their hashes are in the Content-Security-Policy, and nothing else may run."""
    answer = fetch(FakeService([healthy("okx/ping")]), "/")
    policy = answer.headers["Content-Security-Policy"]

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for tag in ("style", "script"):
        found = re.findall(f"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        assert len(found) == 1
        digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
