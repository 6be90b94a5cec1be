"""From a Request to the bytes that ask for it, and from a redirect to the next Request."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from exporter.core.plan import Request, Route

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_URL = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|[0-9a-f:.]*:[0-9a-f:.]*"
)
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "proxy-authorization",
        "transfer-encoding",
    }
)
_UNANSWERABLE = frozenset({"CONNECT", "HEAD"})  # their answers have other rules about bodies
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Origin(NamedTuple):
    """Scheme, host (lower case, IPv6 without brackets) and port: what credentials are bound to."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """``host:port``, with brackets round an IPv6 address."""
        return f"{self._bracketed}:{self.port}"

    @property
    def host_header(self) -> str:
        """The value of Host: the port only where it is not the scheme's own."""
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return self._bracketed
        return self.authority

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


class Outgoing(NamedTuple):
    """A rendered request: where it goes and its bytes, head and body."""

    origin: Origin
    data: bytes


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL. Raises ValueError for anything else."""
    return _origin(_split(url))


def render(request: Request, route: Route, user_agent: str) -> Outgoing:
    """The bytes of ``request`` on ``route``.

    Raises ValueError for what cannot or must not be written: control characters, a header that is
    the prober's own, a URL that is not http(s), a method whose answer this client cannot read, a
    proxy that is not http.
    """
    if not _TOKEN.fullmatch(request.method) or request.method in _UNANSWERABLE:
        raise ValueError(f"method {request.method!r} cannot be sent")
    parts = _split(request.url)
    origin = _origin(parts)
    if route.proxy_url and origin_of(route.proxy_url).scheme != "http":
        raise ValueError("only proxies that are spoken to in http are supported")
    by_proxy = bool(route.proxy_url) and origin.scheme == "http"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = f"http://{origin.host_header}{path}" if by_proxy else path
    fields = _fields(request, origin, user_agent)
    if by_proxy and route.proxy_authorization:
        fields["Proxy-Authorization"] = route.proxy_authorization
    for name, value in (*fields.items(), ("Proxy-Authorization", route.proxy_authorization)):
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"header {name!r} cannot be sent")  # not its value: it may be a secret
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items())]
    return Outgoing(origin, "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)


def redirected(request: Request, status: int, location: str | None) -> Request | None:
    """The request that follows a redirect, or None when the answer is none to be followed.

    Credentials stay behind when the origin changes, and a body never leaves its origin. Raises
    ValueError for a Location that leads nowhere.
    """
    if status not in _REDIRECTS or request.redirects <= 0:
        return None
    if not location:
        raise ValueError("no Location")
    url = urljoin(request.url, location)
    rewritten = status == 303 or (status < 303 and request.method == "POST")
    body = b"" if rewritten else request.body
    headers = request.headers
    if origin_of(url) != origin_of(request.url):
        if body:
            return None
        headers = tuple(h for h in headers if h[0].lower() not in request.credentials)
    return replace(
        request,
        url=url,
        method="GET" if rewritten else request.method,
        headers=headers,
        body=body,
        redirects=request.redirects - 1,
    )


def _fields(request: Request, origin: Origin, user_agent: str) -> dict[str, str]:
    fields = {
        "Host": origin.host_header,
        "User-Agent": user_agent,
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
    }
    spelled = {name.lower(): name for name in fields}
    for name, value in request.headers:
        if name.lower() in _OURS:
            raise ValueError(f"header {name!r} is set by the prober")
        fields[spelled.setdefault(name.lower(), name)] = value
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        fields["Content-Length"] = str(len(request.body))
    if request.cold:
        fields["Connection"] = "close"
    return fields


def _split(url: str) -> SplitResult:
    if not _URL.fullmatch(url):  # before urlsplit, which drops some control characters silently
        raise ValueError("URL with characters that cannot be sent")
    return urlsplit(url)


def _origin(parts: SplitResult) -> Origin:
    host = parts.hostname or ""
    if parts.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host):
        raise ValueError("not an absolute http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("URL with credentials")
    port = parts.port if parts.port is not None else _DEFAULT_PORTS[parts.scheme]
    if not port:
        raise ValueError("port 0")
    return Origin(parts.scheme, host, port)
