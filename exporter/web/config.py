"""The web config file of the Prometheus exporter toolkit: TLS, basic auth and extra headers.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md

Keys of that format which this server could not honour are refused rather than ignored. ``http2``
is accepted and means nothing here: the server speaks HTTP/1.1.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.config.document import Document, read_document
from exporter.config.errors import ConfigError, Problem

_SECTIONS = ("tls_server_config", "basic_auth_users", "http_server_config")
_TLS_KEYS = (
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "min_version",
    "max_version",
)
_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": ssl.CERT_NONE,  # asks and does not look: no different to the client
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_HEADERS: dict[str, Sequence[str]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_BCRYPT = re.compile(r"\$2[aby]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A web config file that was read and found good. ``users`` are names and bcrypt hashes."""

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


def load_web_config(path: Path) -> WebConfig:
    """Read the file and the certificates it names. Raises ConfigError with all problems."""
    document = read_document(path)
    reader = _Reader(document, path.parent)
    reader.keys((), _SECTIONS)
    tls, files = reader.tls()
    users, headers = reader.users(), reader.headers()
    if reader.problems:
        raise ConfigError(reader.problems)
    return WebConfig(tls, users, headers, (path, *files))


class _Reader:
    """Reads the sections of one document and collects what is wrong with them."""

    def __init__(self, document: Document, folder: Path) -> None:
        self._document = document
        self._folder = folder
        self.problems: list[Problem] = []

    def keys(self, path: Sequence[str], known: Sequence[str]) -> Mapping[str, Any]:
        """The mapping at ``path``, {} if there is none; unknown keys are problems."""
        value: Any = self._document.data
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._report(path, "must be a mapping")
            return {}
        for key in value:
            if known and key not in known:
                self._report((*path, key), f"not supported here (known: {', '.join(known)})")
        return value

    def tls(self) -> tuple[ssl.SSLContext | None, tuple[Path, ...]]:
        section = self.keys(("tls_server_config",), _TLS_KEYS)
        if "tls_server_config" not in self._data:
            return None, ()
        certificate, key = self._file(section, "cert_file"), self._file(section, "key_file")
        authority = self._file(section, "client_ca_file", required=False)
        auth = self._choice(section, "client_auth_type", "NoClientCert", _CLIENT_AUTH)
        lowest = self._choice(section, "min_version", "TLS12", _VERSIONS)
        highest = self._choice(section, "max_version", "TLS13", _VERSIONS)
        if auth is not ssl.CERT_NONE and authority is None:
            self._report(("tls_server_config", "client_auth_type"), "needs a client_ca_file")
        if auth is ssl.CERT_NONE and authority is not None:
            self._report(
                ("tls_server_config", "client_ca_file"), "needs a client_auth_type that verifies"
            )
        if lowest > highest:
            self._report(("tls_server_config", "min_version"), "higher than max_version")
        if self.problems or certificate is None or key is None:
            return None, ()
        files = tuple(file for file in (certificate, key, authority) if file is not None)
        try:
            return _context(certificate, key, authority, auth, (lowest, highest)), files
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            self._report(("tls_server_config",), f"certificate, key or CA unusable: {error}")
            return None, ()

    def users(self) -> Mapping[str, bytes]:
        users = {}
        for name, value in self.keys(("basic_auth_users",), ()).items():
            if not isinstance(name, str) or not name or ":" in name:
                self._report(("basic_auth_users", str(name)), "not a user name")
            elif not isinstance(value, str) or not _BCRYPT.fullmatch(value):
                self._report(("basic_auth_users", name), "not a bcrypt hash")
            else:
                users[name] = value.encode()
        return users

    def headers(self) -> Mapping[str, str]:
        section = self.keys(("http_server_config",), ("http2", "headers"))
        if not isinstance(section.get("http2", True), bool):
            self._report(("http_server_config", "http2"), "must be true or false")
        path = ("http_server_config", "headers")
        headers = {}
        for name, value in self.keys(path, tuple(_HEADERS)).items():
            allowed = _HEADERS.get(name, ())
            if not isinstance(value, str) or not value.isprintable():
                self._report((*path, name), "must be text on one line")
            elif allowed and value not in allowed:
                self._report((*path, name), f"must be {' or '.join(allowed)}")
            elif value:
                headers[name] = value
        return headers

    @property
    def _data(self) -> Mapping[str, Any]:
        return self._document.data if isinstance(self._document.data, dict) else {}

    def _file(self, section: Mapping[str, Any], key: str, required: bool = True) -> Path | None:
        value = section.get(key)
        if isinstance(value, str) and value:
            return self._folder / value
        if required or value is not None:
            self._report(("tls_server_config", key), "must be the path of a file")
        return None

    def _choice(self, section: Mapping[str, Any], key: str, default: str, table: Any) -> Any:
        value = section.get(key, default)
        if isinstance(value, str) and value in table:
            return table[value]
        self._report(("tls_server_config", key), f"must be one of {', '.join(table)}")
        return table[default]

    def _report(self, path: Sequence[str], what: str) -> None:
        self.problems.append(self._document.problem(tuple(path), what))


def _context(
    certificate: Path,
    key: Path,
    authority: Path | None,
    auth: ssl.VerifyMode,
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion],
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # An empty password makes an encrypted key an error; without it OpenSSL asks on the terminal.
    context.load_cert_chain(certificate, key, password="")
    context.minimum_version, context.maximum_version = versions
    context.verify_mode = auth
    if authority is not None:
        context.load_verify_locations(authority)
    context.set_alpn_protocols(["http/1.1"])
    return context
