"""A provider of a language model that takes everything for a ban."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.receiver.fake_openai import completion

_OPINION = {
    "cause": "ban",
    "summary": "The exchange has banned this address.",
    "impact": "No request is answered.",
    "action": "Stop all requests until the ban ends.",
    "level": 3,
    "requires_human": True,
    "confidence": 0.8,
    "evidence": ["ExchangeBanned"],
    "suppress": False,
}
_CONFIG = """
analyst: openai
providers: [{{name: fake, base_url: "{url}", model: m, price: {{prompt: 1, completion: 4}}}}]
budget: {{dollars_per_day: 1}}
"""


@contextmanager
def provider() -> Iterator[str]:
    """Yields what the configuration of a receiver needs to ask it."""
    answer = json.dumps(completion(json.dumps(_OPINION))).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield _CONFIG.format(url=f"http://127.0.0.1:{server.server_port}/v1")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
