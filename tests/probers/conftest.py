"""Certificates, made once per run by the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_EXTENSIONS = """
subjectAltName = {names}
basicConstraints = critical, CA:false
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True)
class Certificates:
    """A certification authority in a folder, and the certificates that it issues."""

    folder: Path

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.pem")

    def context(self, name: str) -> ssl.SSLContext:
        """What a server with the certificate ``name`` speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def der(self, name: str) -> bytes:
        return ssl.PEM_cert_to_DER_cert((self.folder / f"{name}.pem").read_text())

    def not_after(self, name: str) -> float:
        """The end of validity as openssl reads it."""
        text = self.openssl("x509", "-in", f"{name}.pem", "-noout", "-enddate")
        return ssl.cert_time_to_seconds(text.strip().removeprefix("notAfter="))

    def authority(self, name: str, days: int = 3) -> None:
        self.openssl(
            *("req", "-x509", "-new", "-days", str(days), "-subj", f"/CN={name}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )

    def issue(self, name: str, days: int, names: str = "IP:127.0.0.1,DNS:localhost") -> None:
        (self.folder / f"{name}.ext").write_text(_EXTENSIONS.format(names=names))
        self.openssl(
            *("req", "-new", "-subj", f"/CN={name}", "-nodes"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        self.openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", str(days), "-extfile", f"{name}.ext"),
            *("-out", f"{name}.pem"),
        )

    def openssl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made.authority("ca")
    made.authority("self-signed")
    made.authority("far", days=40000)  # beyond 2049, where the form of the time changes
    made.issue("good", days=2)
    made.issue("expired", days=-1)
    made.issue("elsewhere", days=2, names="DNS:elsewhere.test")
    return made
