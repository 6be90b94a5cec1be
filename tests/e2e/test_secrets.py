"""Planted secrets are searched for in every byte that the exporter puts out."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import exporter, get, post

SECRET = "pl4nted/s3cret+value=="
PROXY = "Basic " + base64.b64encode(b"user:" + SECRET.encode()).decode()


PAGES = (
    "/probe?target=okx/time",
    "/probe?target=okx/ticker/BTC-USDT&debug=true",
    "/probe",
    "/probe?target=okx/time&debug=true",
    "/",
    "/config",
    "/metrics",
    "/sd",
)


class Blabber(http.server.BaseHTTPRequestHandler):
    """An exchange that repeats everything it was told, in headers and body."""

    def do_GET(self) -> None:
        told = str(self.headers)
        key = self.headers["X-Key"]
        body = f'{{"code": "50111", "msg": "bad key {key}", "echo": {told!r}}}'.encode()
        self.send_response(401)
        self.send_header("X-Echo", str(key))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to the test's output."""


@pytest.fixture
def blabber() -> Iterator[str]:
    """The URL of the exchange that repeats what it is told."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blabber) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_no_secret_shows_anywhere(tmp_path: Path, blabber: str) -> None:
    """Logs, pages, metrics, debug output, errors, the state on disk, the terminal."""
    (tmp_path / "key").write_text(SECRET + "\n")
    (tmp_path / "proxy").write_text(PROXY + "\n")
    file = tmp_path / "exporter.yml"
    text = f"""
state: {{path: state}}
exchanges:
  okx:
    base_url: {blabber}
    headers: {{X-Key: {{file: key}}}}
    network: {{proxy_url: '{blabber}', proxy_authorization: {{file: proxy}}}}
"""
    file.write_text(text)
    outputs = []
    arguments = (f"--config.file={file}", "--web.listen-address=127.0.0.1:0", "--log.level=debug")
    with exporter(tmp_path, *arguments) as process:
        url = process.url()
        outputs += [get(url + path)[1] for path in PAGES]
        (tmp_path / "key").write_text(SECRET + "\nsecond line")
        outputs.append(post(f"{url}/-/reload")[1])
        file.write_text(text + f"{SECRET}: {SECRET}\n")
        outputs.append(post(f"{url}/-/reload")[1])
    outputs.append(process.output)
    (tmp_path / "key").write_text(SECRET)
    file.write_text(text)
    command = ("probe", "okx/time", f"--config.file={file}", "--metrics")
    with exporter(tmp_path, *command, name="probe") as process:
        assert process.popen.wait(30) == 1
    outputs.append(process.output)
    outputs += [path.read_text() for path in (tmp_path / "state").iterdir()]
    assert "bad key <secret>" in "".join(outputs)  # it was told, and it was masked
    token = PROXY.split()[1]
    for output in outputs:
        for planted in (SECRET, token, base64.b64encode(SECRET.encode()).decode()):
            assert planted not in output
