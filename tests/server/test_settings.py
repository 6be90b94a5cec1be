"""Listen addresses, external URL and route prefix."""

from __future__ import annotations

import pytest

from exporter.server.settings import ServerSettings
from exporter.web.listen import parse_listen


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        (":9927", ("", 9927)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9927", ("::1", 9927)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_listen_addresses(address: str, parts: tuple[str, int]) -> None:
    """Host and port as in every Prometheus exporter."""
    assert parse_listen(address) == parts


@pytest.mark.parametrize("address", ["", "9927", "host", "::1:9927", ":70000", ":-1", "http://x:1"])
def test_bad_listen_address_is_refused(address: str) -> None:
    """The message quotes the address."""
    with pytest.raises(ValueError, match="is not \\[host\\]:port"):
        ServerSettings(listen=(address,))


@pytest.mark.parametrize(
    ("external_url", "route_prefix", "inside", "outside"),
    [
        ("", None, "", ""),
        ("", "/exporter/", "/exporter", "/exporter"),
        ("", "exporter", "/exporter", "/exporter"),
        ("https://example.com/x/", None, "/x", "/x"),
        ("https://example.com/x", "/", "", "/x"),
        ("https://example.com", None, "", ""),
    ],
)
def test_route_prefix_defaults_to_the_path_of_the_external_url(
    external_url: str, route_prefix: str | None, inside: str, outside: str
) -> None:
    """As in Prometheus; a proxy that strips the path sets the prefix to /."""
    settings = ServerSettings(external_url=external_url, route_prefix=route_prefix)

    assert (settings.prefix, settings.external_path) == (inside, outside)


@pytest.mark.parametrize(
    ("external_url", "route_prefix"),
    [
        ("example.com", None),
        ("ftp://example.com", None),
        ("http://", None),
        ("http://h:port", None),
        ("", "/{x}"),
        ("", "/a//b"),
        ("", "/a b"),
    ],
)
def test_bad_url_or_prefix_is_refused(external_url: str, route_prefix: str | None) -> None:
    """Before anything listens."""
    with pytest.raises(ValueError, match=r"external URL|route prefix"):
        ServerSettings(external_url=external_url, route_prefix=route_prefix)
