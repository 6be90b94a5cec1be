"""How far the reported latency is from the true one, while many probes run at once.

    python tests/benchmarks/latency_error.py [ROUNDS]

A server process of its own answers 50 ms after the kernel received a request and tells how long
that really took; printed is reported minus true, in milliseconds, over warm connections and over
new ones. With HTTPS when the ``openssl`` command is there to make a certificate. What happens to
the server between its reading the clock and its send counts as an error here, too.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from exporter.core.plan import Request, Route
from exporter.probers.http import HttpProber

PUNCTUAL = Path(__file__).parent.parent / "probers" / "punctual.py"
DELAY = 0.05
ROUTE = Route(insecure_skip_verify=True)


def main(rounds: int) -> None:
    gc.freeze()
    print(f"{'':12}{'probes at once':>16}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}  clock")
    with tempfile.TemporaryDirectory() as folder:
        measure("http", [], rounds)
        if shutil.which("openssl"):
            measure("https", certificate(Path(folder)), rounds)


def measure(scheme: str, files: list[str], rounds: int) -> None:
    command = [sys.executable, str(PUNCTUAL), str(DELAY), *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            for cold, probes in itertools.product((False, True), (1, 20, 100, 300)):
                request = Request(f"{scheme}://127.0.0.1:{port}/", cold=cold)
                errors, clocks = asyncio.run(errors_of(request, probes, rounds))
                p50, p99 = errors[len(errors) // 2], errors[len(errors) * 99 // 100]
                name = f"{scheme} cold" if cold else scheme
                print(
                    f"{name:12}{probes:16}{p50:10.3f}{p99:10.3f}{errors[-1]:10.3f}"
                    f"  {'+'.join(sorted(clocks))}"
                )
        finally:
            server.kill()


async def errors_of(request: Request, probes: int, rounds: int) -> tuple[list[float], set[str]]:
    """Sorted errors in milliseconds of ``rounds`` rounds of ``probes`` probes, and the clocks."""
    prober = HttpProber("benchmark")
    errors, clocks = [], set()
    for measured in range(-1, max(rounds, 100 // probes)):
        asks = (prober.ask(request, ROUTE, 10) for _ in range(probes))
        seen = await asyncio.gather(*asks)
        if measured < 0:
            continue  # the round that opens the connections
        for each in seen:
            assert each.latency is not None, each.failure
            assert each.reused is not request.cold
            errors.append((each.latency - float(each.headers["x-service-time"])) * 1000)
            clocks.add(each.clock)
    await prober.close()
    return sorted(errors), clocks


def certificate(folder: Path) -> list[str]:
    """A self-signed certificate and its key."""
    files = [str(folder / "cert.pem"), str(folder / "key.pem")]
    algorithm = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    command = ("openssl", "req", "-x509", *algorithm, "-days", "1", "-subj", "/CN=localhost")
    files_to = ("-out", files[0], "-keyout", files[1])
    subprocess.run([*command, *files_to], check=True, capture_output=True)
    return files


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
