"""Usage headers, Retry-After and the length of a block."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.plan import Envelope, Limit, Scope, UsageHeaders
from exporter.core.usage import LimitUsage, block_seconds, limit_usages, retry_after

NOW = 1_700_000_000.0
ENVELOPE = Envelope(ok=None, code=None, message=None)
NAMES = UsageHeaders("x-used", "x-left", "x-limit", "x-reset", "s")


def limit(headers: UsageHeaders) -> Limit:
    """A limit that is reported in ``headers``."""
    return Limit("k", "x", "ip", Scope.IP, 1200.0, 60.0, 0.05, headers)


@pytest.mark.parametrize(
    ("names", "headers", "usage"),
    [
        pytest.param(
            UsageHeaders(used="x-mbx-used-weight-1m"),
            {"x-mbx-used-weight-1m": "17"},
            LimitUsage("k", used=17.0),
            id="used weight",
        ),
        pytest.param(
            UsageHeaders(None, "x-bapi-limit-status", "x-bapi-limit", "x-bapi-reset", "ms"),
            {
                "x-bapi-limit": "10",
                "x-bapi-limit-status": "9",
                "x-bapi-reset": f"{NOW * 1000 + 2500:.0f}",
            },
            LimitUsage("k", None, 9.0, 10.0, 2.5),
            id="remaining of a limit until a time in ms",
        ),
        pytest.param(
            UsageHeaders(None, "gw-remaining", None, "gw-reset", "in_ms"),
            {"gw-remaining": "0", "gw-reset": "1500"},
            LimitUsage("k", remaining=0.0, reset_in=1.5),
            id="remaining for so many ms",
        ),
        pytest.param(
            NAMES,
            {"x-used": "1", "x-reset": f"{NOW + 30:.0f}"},
            LimitUsage("k", used=1.0, reset_in=30.0),
            id="until a time in s",
        ),
        pytest.param(
            NAMES, {"x-used": "-1", "x-left": "5"}, LimitUsage("k", remaining=5.0), id="part"
        ),
        pytest.param(
            NAMES,
            {"x-used": "7, 9", "x-left": "3, 1", "x-limit": "10, 10"},
            LimitUsage("k", 9.0, 1.0, 10.0),
            id="repeated: the more careful",
        ),
    ],
)
def test_headers_are_read(names: UsageHeaders, headers: dict[str, str], usage: LimitUsage) -> None:
    """Each provider's way to report usage."""
    assert limit_usages(headers, [limit(names)], NOW) == (usage,)


@pytest.mark.parametrize(
    "text",
    ["", "-1", "nan", "inf", "1e3", "1e999", "1000000000001", "9" * 5000, "٣", "a", "1,2", "1, a"],
)
def test_nonsense_is_absent(text: str) -> None:
    """A number that cannot be true says nothing at all."""
    headers = {"x-used": text, "x-left": text, "x-limit": text, "x-reset": text}
    assert limit_usages(headers, [limit(NAMES)], NOW) == ()


def test_a_limit_of_zero_is_absent() -> None:
    """Nobody publishes a limit of nothing, and nothing can be divided by it."""
    assert limit_usages({"x-limit": "0"}, [limit(NAMES)], NOW) == ()


@pytest.mark.parametrize(
    ("value", "unit", "seconds"),
    [
        ("120", "s", 120.0),
        (" 0.5 ", "s", 0.5),
        ("0", "s", 0.0),
        ("1500", "ms", 1.5),
        ("Tue, 14 Nov 2023 22:14:20 GMT", "s", 60.0),
        ("30, 120", "s", 120.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", "ms", 60.0),
        ("Tue Nov 14 22:14:20 2023", "s", 60.0),
        ("Tue, 14 Nov 2023 22:13:19 GMT", "s", None),
        ("Tue, 99 Nov 2023 22:13:19 GMT", "s", None),
        ("-5", "s", None),
        ("soon", "s", None),
        ("nan", "s", None),
        ("", "s", None),
    ],
)
def test_retry_after(value: str, unit: str, seconds: float | None) -> None:
    """Seconds, milliseconds or a date; what is past or unreadable is absent."""
    assert retry_after({"retry-after": value}, NOW, unit) == seconds
    assert retry_after({}, NOW, unit) is None


DATE_LIKE = st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} ?.{0,6}")


@settings(max_examples=200)
@given(st.text() | DATE_LIKE | st.integers().map(str), st.sampled_from(["s", "ms"]))
def test_no_header_raises(value: str, unit: str) -> None:
    """Whatever a provider sends, reading it yields a usable number or nothing."""
    seconds = retry_after({"retry-after": value}, NOW, unit)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
    limit_usages(
        dict.fromkeys(("x-used", "x-left", "x-limit", "x-reset"), value), [limit(NAMES)], 0
    )


@pytest.mark.parametrize(
    ("until", "after", "backoff", "consecutive", "seconds"),
    [
        pytest.param(NOW + 90, 5.0, 7.0, 3, 90, id="the text knows best"),
        pytest.param(NOW - 90, 5.0, 7.0, 3, 5, id="a past end is ignored"),
        pytest.param(None, 5.0, 7.0, 3, 5, id="then Retry-After"),
        pytest.param(None, None, 7.0, 3, 7, id="then the catalog"),
        pytest.param(None, None, None, 0, 30, id="then the default"),
        pytest.param(None, None, None, 2, 120, id="doubled per block in a row"),
        pytest.param(None, None, None, 9_999, 600, id="up to ten minutes"),
        pytest.param(None, 0.2, None, 0, 1, id="a second at least"),
        pytest.param(None, 0.0, 7.0, 0, 7, id="no wait at all is none that is named"),
        pytest.param(math.inf, None, None, 0, 259_200, id="three days at most"),
        pytest.param(math.nan, None, None, 0, 30, id="not a time"),
    ],
)
def test_block_seconds(
    until: float | None, after: float | None, backoff: float | None, consecutive: int, seconds: int
) -> None:
    """The most specific source wins, within bounds."""
    assert seconds == block_seconds(
        ENVELOPE, NOW, until=until, retry_after=after, backoff=backoff, consecutive=consecutive
    )
