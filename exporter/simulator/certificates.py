"""Certificates for exchanges that speak TLS, made by the openssl command."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from exporter.config.errors import ConfigError, Problem

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"


@dataclass(frozen=True, slots=True)
class Certificates:
    """An authority in ``folder``, and the certificates that it issued: valid and expired."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        """The authority's own certificate, for clients to trust."""
        return self.folder / "ca.pem"

    def context(self, name: str) -> ssl.SSLContext:
        """What a server with the certificate ``valid`` or ``expired`` speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


def make_certificates(folder: Path) -> Certificates:
    """Make keys and certificates in ``folder``. Raises ConfigError where that is impossible."""
    if shutil.which("openssl") is None:
        what = "TLS needs the openssl command to make certificates"
        raise ConfigError([Problem("command line", 0, "", what)])
    _openssl(
        folder,
        *("req", "-x509", "-new", "-days", "30", "-subj", "/CN=exchange simulator", *_KEY),
        *("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
        *("-keyout", "ca.key", "-out", "ca.pem"),
    )
    (folder / "names.ext").write_text(f"{_NAMES}\nauthorityKeyIdentifier=keyid\n")
    _issue(folder, "valid", days=30)
    _issue(folder, "expired", days=-1)
    return Certificates(folder)


def _issue(folder: Path, name: str, days: int) -> None:
    """A key, and a certificate that ends in so many days."""
    _openssl(
        folder,
        *("req", "-new", "-subj", f"/CN=simulated exchange ({name})", *_KEY),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", str(days), "-extfile", "names.ext", "-out", f"{name}.pem"),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    try:
        subprocess.run(  # noqa: S603 - no argument comes from outside
            ["openssl", *arguments],  # noqa: S607 - found by PATH, as any tool
            cwd=folder,
            check=True,
            capture_output=True,
        )
    except subprocess.CalledProcessError as error:
        what = f"openssl failed: {error.stderr.decode(errors='replace').strip()[-300:]}"
        raise ConfigError([Problem("command line", 0, "", what)]) from error
