"""The web config file: what is accepted, what is refused in which words, and how it is followed."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import bcrypt
import pytest

from exporter.config.errors import ConfigError
from exporter.web.config import load_web_config
from exporter.web.watch import WebConfigFile

TLS = "tls_server_config: {cert_file: x, key_file: y, "
HASH = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()


def write(folder: Path, text: str) -> Path:
    path = folder / "web.yml"
    path.write_text(text)
    return path


def tls(certificates: Path, *lines: str, name: str = "first") -> str:
    pair = f"cert_file: {certificates}/{name}.pem", f"key_file: {certificates}/{name}.key"
    return "tls_server_config:\n" + "".join(f"  {line}\n" for line in (*pair, *lines))


def test_empty_file_means_nothing_special(tmp_path: Path) -> None:
    """As in the exporter toolkit."""
    config = load_web_config(write(tmp_path, ""))

    assert (config.tls, dict(config.users), dict(config.headers)) == (None, {}, {})


def test_all_sections(tmp_path: Path, certificates: Path) -> None:
    """TLS, users and headers together."""
    text = tls(
        certificates,
        "client_auth_type: RequireAndVerifyClientCert",
        f"client_ca_file: {certificates}/ca.pem",
        "min_version: TLS13",
    )
    text += f"basic_auth_users:\n  alice: {HASH}\n"
    text += "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: sameorigin\n"
    config = load_web_config(write(tmp_path, text))

    assert config.tls is not None
    assert config.tls.verify_mode is ssl.CERT_REQUIRED
    assert config.tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert dict(config.users) == {"alice": HASH.encode()}
    assert dict(config.headers) == {"X-Frame-Options": "sameorigin"}
    assert HASH not in repr(config)


def test_paths_are_relative_to_the_file(tmp_path: Path, certificates: Path) -> None:
    """Not to the folder in which the exporter was started."""
    for name in ("first.pem", "first.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    text = "tls_server_config: {cert_file: first.pem, key_file: first.key}\n"

    assert load_web_config(write(tmp_path, text)).tls is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: 1", "1: $.a: not supported here (known: tls_server_config,", id="section"),
        pytest.param("[]", "1: $: must be a mapping", id="no mapping"),
        pytest.param(
            "\nbasic_auth_users: [a]", "2: $.basic_auth_users: must be a mapping", id="users"
        ),
        pytest.param(
            "basic_auth_users:\n  bob: plaintext",
            "2: $.basic_auth_users.bob: not a bcrypt hash",
            id="password that is no hash",
        ),
        pytest.param(
            f"basic_auth_users:\n  'a:b': {HASH}",
            "2: $.basic_auth_users.a:b: not a user name",
            id="user with a colon",
        ),
        pytest.param(
            "tls_server_config: {}",
            "1: $.tls_server_config.key_file: must be the path of a file",
            id="no files",
        ),
        pytest.param(
            "tls_server_config:\n  cert_file: x\n  key_file: y\n  cipher_suites: []",
            "4: $.tls_server_config.cipher_suites: not supported here",
            id="key that would be ignored",
        ),
        pytest.param(
            "tls_server_config: {cert_file: nothing, key_file: nothing}",
            "1: $.tls_server_config: certificate, key or CA unusable",
            id="missing certificate",
        ),
        pytest.param(
            TLS + "min_version: SSL3}",
            "1: $.tls_server_config.min_version: must be one of TLS10, TLS11, TLS12, TLS13",
            id="version",
        ),
        pytest.param(
            TLS + "min_version: TLS13, max_version: TLS12}",
            "1: $.tls_server_config.min_version: higher than max_version",
            id="version range",
        ),
        pytest.param(
            TLS + "client_auth_type: RequireAnyClientCert}",
            "1: $.tls_server_config.client_auth_type: must be one of NoClientCert,",
            id="policy that does not verify",
        ),
        pytest.param(
            TLS + "client_auth_type: VerifyClientCertIfGiven}",
            "1: $.tls_server_config.client_auth_type: needs a client_ca_file",
            id="policy without CA",
        ),
        pytest.param(
            TLS + "client_ca_file: z}",
            "1: $.tls_server_config.client_ca_file: needs a client_auth_type that verifies",
            id="CA without policy",
        ),
        pytest.param(
            "http_server_config:\n  headers:\n    Server: mine",
            "3: $.http_server_config.headers.Server: not supported here",
            id="header",
        ),
        pytest.param(
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            "1: $.http_server_config.headers.X-Frame-Options: must be deny or sameorigin",
            id="header value",
        ),
        pytest.param(
            'http_server_config: {headers: {X-XSS-Protection: "0\\r\\nX: 1"}}',
            "1: $.http_server_config.headers.X-XSS-Protection: must be text on one line",
            id="header with a line break",
        ),
        pytest.param(
            "http_server_config: {http2: 2}",
            "1: $.http_server_config.http2: must be true or false",
            id="http2",
        ),
        pytest.param(
            "rate_limit: {interval: 1s}", "1: $.rate_limit: not supported here", id="rate limit"
        ),
    ],
)
def test_problems_name_file_line_and_key(tmp_path: Path, text: str, problem: str) -> None:
    """And never show the value, which may be a password."""
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_web_config(path)

    assert f"{path}:{problem}" in str(caught.value)
    assert "plaintext" not in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """So that nobody has to fix them one by one."""
    path = write(tmp_path, "a: 1\nbasic_auth_users: {x: y}\nhttp_server_config: {b: 2}\n")
    with pytest.raises(ConfigError) as caught:
        load_web_config(path)

    assert len(caught.value.problems) == 3


def test_encrypted_key_is_refused_without_asking_on_the_terminal(
    tmp_path: Path, certificates: Path
) -> None:
    """A service has no terminal."""
    pair = f"cert_file: {certificates}/first.pem, key_file: {certificates}/encrypted.key"
    with pytest.raises(ConfigError, match="unusable"):
        load_web_config(write(tmp_path, f"tls_server_config: {{{pair}}}"))


class Watched:
    """A web config file with one user, and the clock by which it is watched."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.path = write(folder, f"basic_auth_users: {{alice: {HASH}}}")
        self.file = WebConfigFile(self.path, lambda: self.now)

    def users(self) -> set[str]:
        return set(self.file.current().users)

    def change(self, text: str) -> None:
        """Write another text, with a time stamp that differs on the coarsest file system."""
        self.path.write_text(text)
        stamp = self.path.stat().st_mtime + 2 + self.now
        os.utime(self.path, (stamp, stamp))


def test_changed_file_is_read_again_within_a_second(tmp_path: Path) -> None:
    """And not looked at for every request."""
    watched = Watched(tmp_path)
    watched.change(f"basic_auth_users: {{bob: {HASH}}}")

    watched.now = 0.9
    assert watched.users() == {"alice"}
    watched.now = 1.0
    assert watched.users() == {"bob"}


def test_broken_file_leaves_the_last_good_one_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted and logged once, and over when the file is good again."""
    watched = Watched(tmp_path)
    watched.change("basic_auth_users: {alice: oops}")
    for watched.now in (1.0, 2.0, 3.0):
        assert watched.users() == {"alice"}
    assert (watched.file.errors, len(caplog.records)) == (1, 1)
    assert "oops" not in caplog.text

    watched.change(f"basic_auth_users: {{carol: {HASH}}}")
    watched.now = 4.0
    assert watched.users() == {"carol"}


def test_deleted_file_leaves_the_last_good_one_in_force(tmp_path: Path) -> None:
    """A file that is gone must not open the door."""
    watched = Watched(tmp_path)
    watched.path.unlink()
    watched.now = 1.0

    assert watched.users() == {"alice"}
    assert watched.file.errors == 1
