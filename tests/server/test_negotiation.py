"""Accept headers and the format that they get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.server.negotiation import wants_openmetrics

OM = "application/openmetrics-text"
PROMETHEUS_2 = (
    f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.5,{OM};version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        pytest.param("", False, id="nothing"),
        pytest.param("*/*", False, id="curl"),
        pytest.param("text/html,application/xml;q=0.9,*/*;q=0.8", False, id="browser"),
        pytest.param(PROMETHEUS_2, True, id="prometheus 2"),
        pytest.param(PROMETHEUS_3, True, id="prometheus 3"),
        pytest.param(f"{OM};q=0.3,text/plain;q=0.7", False, id="text preferred"),
        pytest.param(f"text/plain;q=0.3 , {OM} ; q=0.7", True, id="openmetrics preferred"),
        pytest.param(f"{OM},text/plain", True, id="equal weights"),
        pytest.param(f"{OM};q=0", False, id="refused"),
        pytest.param(f"{OM};version=0.0.1", False, id="only a version we do not speak"),
        pytest.param(f"{OM};q=high,text/plain;q=0.1", False, id="weight is no number"),
        pytest.param(f"{OM};q=nan", False, id="weight is not a number"),
        pytest.param(f"{OM};q=7", False, id="weight out of range"),
        pytest.param(f"{OM};q=0.5,text/*;q=0.9,*/*;q=0.1", False, id="text by a wildcard"),
        pytest.param(f"{OM.upper()}", True, id="upper case"),
        pytest.param(f"{OM}," + "x" * 2000, False, id="too long"),
    ],
)
def test_format_follows_the_accept_header(accept: str, openmetrics: bool) -> None:
    """OpenMetrics only for those who name it and prefer it."""
    assert wants_openmetrics(accept) is openmetrics


@given(st.text(alphabet="aq=;,/*0.5 \x00é", max_size=60))
def test_any_header_gets_an_answer(accept: str) -> None:
    """Nonsense never raises, and is never taken for a wish for OpenMetrics."""
    assert wants_openmetrics(accept) is False
