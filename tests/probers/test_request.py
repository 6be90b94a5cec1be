"""Rendering requests, and following redirects, without any I/O."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.core.plan import Request, Route
from exporter.probers.request import Origin, origin_of, redirected, render


def head(request: Request, route: Route = Route()) -> list[str]:
    """The lines of the rendered header section."""
    return render(request, route, "exchange-exporter/1").data.decode().split("\r\n")


def test_a_request_on_the_wire() -> None:
    """Exactly these lines, in this order."""
    assert head(Request("https://api.test/v1/depth?limit=5#part", headers=(("X-Key", "k"),))) == [
        "GET /v1/depth?limit=5 HTTP/1.1",
        "Host: api.test",
        "User-Agent: exchange-exporter/1",
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate",
        "X-Key: k",
        "",
        "",
    ]


def test_a_body_has_a_length_and_a_cold_request_an_end() -> None:
    """What the request is decides about Content-Length and Connection."""
    data = render(Request("http://a/", "POST", body=b"{}", cold=True), Route(), "x").data

    assert data.endswith(b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")


def test_headers_replace_the_defaults() -> None:
    """Names are compared without regard to case."""
    lines = head(Request("http://a/", headers=(("user-agent", "me"), ("ACCEPT", "*/*"))))

    assert "User-Agent: me" in lines
    assert "Accept: */*" in lines
    assert not any("exchange-exporter" in line for line in lines)


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("http://a.test/", Origin("http", "a.test", 80), "a.test"),
        ("https://A.test", Origin("https", "a.test", 443), "a.test"),
        ("https://a.test:443/", Origin("https", "a.test", 443), "a.test"),
        ("https://a.test:8443/", Origin("https", "a.test", 8443), "a.test:8443"),
        ("http://a.test:443/", Origin("http", "a.test", 443), "a.test:443"),
        ("http://127.0.0.1:8080/", Origin("http", "127.0.0.1", 8080), "127.0.0.1:8080"),
        ("http://[::1]/", Origin("http", "::1", 80), "[::1]"),
        ("http://[::1]:8080/", Origin("http", "::1", 8080), "[::1]:8080"),
    ],
)
def test_origins(url: str, origin: Origin, host: str) -> None:
    """Default ports are known and left out of Host; IPv6 addresses get brackets."""
    assert origin_of(url) == origin
    assert f"Host: {host}" in head(Request(url))


@pytest.mark.parametrize(
    "request_",
    [
        Request("http://a/\r\nX: y"),
        Request("http://a/ b"),
        Request("http://a/\u00e4"),
        Request("ftp://a/"),
        Request("http:///path"),
        Request("http://a:0/"),
        Request("http://a:99999/"),
        Request("http://user:secret@a/"),
        Request("http://[::1/"),
        Request(f"http://{'a' * 64}.test/"),
        Request("http://a/", method="GET /evil"),
        Request("http://a/", method="HEAD"),
        Request("http://a/", headers=(("X", "a\r\nY: b"),)),
        Request("http://a/", headers=(("X", "a\nb"),)),
        Request("http://a/", headers=(("X", "a\0b"),)),
        Request("http://a/", headers=(("X: Y", "a"),)),
        Request("http://a/", headers=(("Host", "b"),)),
        Request("http://a/", headers=(("Transfer-Encoding", "chunked"),)),
    ],
)
def test_what_must_not_be_written_is_refused(request_: Request) -> None:
    """Nothing that could be read as another request leaves; such a request is a mistake of ours."""
    with pytest.raises(ValueError):  # noqa: PT011
        render(request_, Route(), "x")


def test_an_error_does_not_tell_a_secret() -> None:
    """A header that is refused may hold a key."""
    with pytest.raises(ValueError, match="X-Key") as refused:
        render(Request("http://a/", headers=(("X-Key", "hush\n"),)), Route(), "x")

    assert "hush" not in str(refused.value)


def test_a_proxy_wants_the_absolute_form() -> None:
    """RFC 9112 §3.2.2; its authorization goes to the proxy alone, which TLS would not reach."""
    route = Route(proxy_url="http://proxy:3128", proxy_authorization="Basic eA==")

    plain = head(Request("http://a:81/x?y"), route)
    assert plain[0] == "GET http://a:81/x?y HTTP/1.1"
    assert "Proxy-Authorization: Basic eA==" in plain
    assert not any("Proxy" in line for line in head(Request("https://a/"), route))
    with pytest.raises(ValueError, match="Proxy-Authorization"):
        head(Request("https://a/"), replace(route, proxy_authorization="a\r\nb"))


@pytest.mark.parametrize("proxy", ["https://proxy:3128", "socks5://proxy:1080", "proxy:3128"])
def test_other_proxies_are_refused(proxy: str) -> None:
    """Better than to speak http to them."""
    with pytest.raises(ValueError, match="http"):
        head(Request("https://a/"), Route(proxy_url=proxy))


SIGNED = Request(
    "https://a.test/v1/x",
    headers=(("X-Key", "k"), ("X-Other", "o")),
    credentials=frozenset({"x-key"}),
    redirects=2,
)


@pytest.mark.parametrize(
    ("location", "url", "keeps_key"),
    [
        ("/v2", "https://a.test/v2", True),
        ("y", "https://a.test/v1/y", True),
        ("https://A.test:443/v2", "https://A.test:443/v2", True),
        ("https://b.test/", "https://b.test/", False),
        ("//b.test/", "https://b.test/", False),
        ("http://a.test/v1/x", "http://a.test/v1/x", False),
        ("https://a.test:8443/", "https://a.test:8443/", False),
    ],
)
def test_credentials_stay_with_their_origin(location: str, url: str, keeps_key: bool) -> None:
    """Another host, scheme or port gets none of them, but everything else."""
    following = redirected(SIGNED, 302, location)

    assert following is not None
    assert following.url == url
    assert following.redirects == 1
    assert (("X-Key", "k") in following.headers) is keeps_key
    assert ("X-Other", "o") in following.headers


def test_credentials_do_not_come_back() -> None:
    """A host that is left and returned to could be another's idea."""
    away = redirected(SIGNED, 302, "https://b.test/")
    assert away is not None
    back = redirected(away, 302, "https://a.test/v1/x")

    assert back is not None
    assert back.headers == (("X-Other", "o"),)
    assert redirected(back, 302, "/again") is None


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", ("GET", b"")),
        (302, "POST", ("GET", b"")),
        (303, "PUT", ("GET", b"")),
        (307, "POST", ("POST", b"{}")),
        (308, "POST", ("POST", b"{}")),
        (302, "PUT", ("PUT", b"{}")),
    ],
)
def test_methods_after_a_redirect(status: int, method: str, expected: tuple[str, bytes]) -> None:
    """As RFC 9110 §15.4 says."""
    following = redirected(Request("http://a/", method, body=b"{}", redirects=1), status, "/b")

    assert following is not None
    assert (following.method, following.body) == expected


@pytest.mark.parametrize(
    ("request_", "status", "location"),
    [
        (Request("http://a/"), 302, "/b"),
        (Request("http://a/", redirects=1), 304, "/b"),
        (Request("http://a/", redirects=1), 200, "/b"),
        (Request("http://a/", "POST", body=b"{}", redirects=1), 307, "http://b/"),
    ],
    ids=["not wanted", "not modified", "no redirect", "a body would leave its origin"],
)
def test_what_is_not_followed(request_: Request, status: int, location: str) -> None:
    """Then the answer at hand is the answer."""
    assert redirected(request_, status, location) is None


@pytest.mark.parametrize(
    "location", [None, "", "ftp://a/", "javascript:alert(1)", "http://:80/", "/a b", "http://[::1/"]
)
def test_a_location_that_leads_nowhere(location: str | None) -> None:
    """It is an error, which the caller takes for a malformed answer."""
    with pytest.raises(ValueError):  # noqa: PT011
        redirected(Request("http://a/", redirects=1), 302, location)
