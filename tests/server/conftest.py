"""Certificates, made once per run by the openssl command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

_SERVER = "subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:false\n"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _issue(folder: Path, name: str) -> None:
    """``name.pem`` and ``name.key``, issued by the authority in the folder."""
    (folder / "extensions").write_text(_SERVER)
    subject = ("-subj", f"/CN={name}")
    key = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        f"{name}.key",
    )
    _openssl(folder, "req", *key, *subject, "-out", f"{name}.csr")
    ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
    out = ("-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", "extensions")
    _openssl(folder, "x509", "-req", *ca, *out)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, two certificates of a server, and one of a client."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key")
    extensions = ("-addext", "keyUsage=critical,keyCertSign")
    _openssl(folder, "req", "-x509", *key, "-subj", "/CN=ca", *extensions, "-out", "ca.pem")
    for name in ("first", "second", "client"):
        _issue(folder, name)
    encrypt = ("pkey", "-in", "first.key", "-aes256", "-passout", "pass:x", "-out", "encrypted.key")
    _openssl(folder, *encrypt)
    return folder
