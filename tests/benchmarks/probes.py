"""Probes a second and CPU per probe, against blackbox_exporter on the same nginx upstream.

    python -m tests.benchmarks.probes [SECONDS]

Needs Debian's packages nginx-light, prometheus-blackbox-exporter, wrk and openssl. Both exporters
are asked by the same load generator, with the headers of a Prometheus scrape, in turns, several
rounds; what counts are the ratios. Every check and metric of ours is on; blackbox_exporter does
what its module http_2xx does. Measured twice: with one core for the exporter and the rest for
upstream and load, and with all cores for everybody, which helps only the one that has threads.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.e2e.processes import exporter, free_port, get, reachable, until

PAIRS = 200  # so that a target is not due again before the load generator comes round
SCRAPERS = (1, 8, 64)
ROUNDS = 5

CATALOG = """
name: bench
title: Bench
category: spot
docs: https://example.org
base_url: {base_url}
limits:
  ip: {{scope: ip, capacity: 1000000000, window: 1m, headers: {{used: x-mbx-used-weight-1m}}}}
  all: {{scope: exchange, capacity: 1000000000, window: 1m}}
  each: {{scope: endpoint, capacity: 1000000000, window: 1m}}
  account: {{scope: account, capacity: 1000000000, window: 1m}}
cost: {{ip: 5, all: 1, each: 1, account: 1}}
envelope: {{ok: "!(code && msg)", code: code, message: msg, codes: {{"-1003": rate_limited}}}}
schemas:
  level: {{type: array, minItems: 2, items: {{type: string}}}}
endpoints:
  depth:
    path: /depth
    params: {{symbol: "{{symbol}}"}}
    payload:
      schema:
        type: object
        required: [lastUpdateId, bids, asks]
        properties:
          lastUpdateId: {{type: integer}}
          bids: {{type: array, items: {{$ref: "#/$defs/level"}}}}
          asks: {{type: array, items: {{$ref: "#/$defs/level"}}}}
      bids: {{at: bids, price: 0, size: 1}}
      asks: {{at: asks, price: 0, size: 1}}
      sequence: lastUpdateId
    sample: {{}}
"""

CONFIG = """
budget: 1
pairs: [{pairs}]
catalog: [bench.yml]
network: {{insecure_skip_verify: true}}
exchanges:
  bench: {{options: {{depth: {{interval: 1ms, checks: {{unchanged: {{max_unchanged: 1d}}}}}}}}}}
"""

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    default_type application/json;
    add_header X-MBX-USED-WEIGHT-1M 5;
    location /depth {{ alias {folder}/depth.json; }}
  }}
}}
"""

HEADERS = ", ".join(
    f'["{name}"]="{value}"'
    for name, value in {
        "Accept": "application/openmetrics-text;version=1.0.0;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
        "Accept-Encoding": "gzip",
        "User-Agent": "Prometheus/2.42.0",
        "X-Prometheus-Scrape-Timeout-Seconds": "10",
    }.items()
)

BLACKBOX = """
modules:
  http_2xx:
    prober: http
    http: {preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}
"""


def order_book() -> str:
    """100 levels a side, as Binance sends them: about 5.5 KB."""
    bids = [[f"{60000 - i * 0.13:.8f}", "0.12300000"] for i in range(100)]
    asks = [[f"{60001 + i * 0.13:.8f}", "0.45600000"] for i in range(100)]
    return json.dumps({"lastUpdateId": 1, "bids": bids, "asks": asks}, separators=(",", ":"))


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def tool(name: str) -> str:
    """The path of a program that must be there."""
    path = shutil.which(name)
    if path is None:
        sys.exit(f"{name} is not installed")
    return path


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def set_affinity(pid: int, cores: set[int]) -> None:
    """Pin all threads of a process."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def rss_mb(pid: int) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", status)
    assert match
    return int(match[1]) / 1024


def measure(
    folder: Path, pid: int, base: str, paths: list[str], n: int, seconds: float
) -> tuple[float, float]:
    """Answers a second, and CPU milliseconds of the exporter for each of them."""
    script = folder / "paths.lua"
    listed = ",".join(f'"{path}"' for path in paths)
    script.write_text(
        f"local paths = {{{listed}}}\nlocal i = 0\n"
        f"local headers = {{{HEADERS}}}\n"
        "request = function() i = i % #paths + 1; "
        'return wrk.format("GET", paths[i], headers) end\n'
    )
    before = cpu_seconds(pid)
    output = subprocess.run(
        [tool("wrk"), "-t1", f"-c{n}", f"-d{max(1, round(seconds))}s", "-s", str(script), base],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    used = cpu_seconds(pid) - before
    match = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert match, output
    assert rate, output
    assert "Non-2xx" not in output, output
    return float(rate[1]), used / int(match[1]) * 1000


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        (folder / "depth.json").write_text(order_book())
        subprocess.run(
            [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
        http, https, blackbox = free_port(), free_port(), free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, http=http, https=https))
        (folder / "blackbox.yml").write_text(BLACKBOX)
        stack.enter_context(running(tool("nginx"), "-c", str(folder / "nginx.conf")))
        theirs = stack.enter_context(
            running(
                tool("prometheus-blackbox-exporter"),
                f"--config.file={folder}/blackbox.yml",
                f"--web.listen-address=127.0.0.1:{blackbox}",
            )
        )
        until(lambda: reachable(f"http://127.0.0.1:{http}/depth"), "nginx does not start")
        until(
            lambda: reachable(f"http://127.0.0.1:{blackbox}/-/healthy"), "blackbox does not start"
        )
        for scheme, port in (("http", http), ("https", https)):
            compare(stack, folder, scheme, port, theirs.pid, blackbox, seconds)


def compare(
    stack: ExitStack,
    folder: Path,
    scheme: str,
    port: int,
    their_pid: int,
    blackbox: int,
    seconds: float,
) -> None:
    """One table: both exporters at several numbers of scrapers."""
    pairs = [f"A{i}-USDT" for i in range(PAIRS)]
    (folder / "bench.yml").write_text(CATALOG.format(base_url=f"{scheme}://127.0.0.1:{port}"))
    (folder / "exporter.yml").write_text(CONFIG.format(pairs=", ".join(pairs)))
    arguments = (f"--config.file={folder}/exporter.yml", "--web.listen-address=127.0.0.1:0")
    ours = stack.enter_context(exporter(folder, *arguments, name=f"exporter-{scheme}"))
    base = ours.url()
    idle = rss_mb(ours.popen.pid)
    our_paths = [f"/probe?target=bench/depth/{pair}" for pair in pairs]
    theirs = f"http://127.0.0.1:{blackbox}"
    their_path = f"/probe?module=http_2xx&target={scheme}://127.0.0.1:{port}/depth"
    text = get(base + our_paths[0])[1]
    assert "\nprobe_success{" in text
    assert text.split("\nprobe_success{")[1].split("}")[1].startswith(" 1"), text
    everything = os.sched_getaffinity(0)
    for which, cores in (("one core", {0}), ("all cores", everything)):
        for pid in (ours.popen.pid, their_pid):
            set_affinity(pid, cores)
        # The load generator inherits this.
        os.sched_setaffinity(0, everything - {0} if which == "one core" else everything)
        print(f"\n{scheme}, {which} for the exporter")
        print("scrapers | ours/s | theirs/s | ratio | ours ms CPU | theirs ms CPU | ratio")
        for scrapers in SCRAPERS:
            rounds = []
            for _ in range(ROUNDS):
                mine = measure(folder, ours.popen.pid, base, our_paths, scrapers, seconds)
                other = measure(folder, their_pid, theirs, [their_path], scrapers, seconds)
                rounds.append((*mine, *other))
            columns = zip(*rounds, strict=True)
            rate, cpu, their_rate, their_cpu = (statistics.median(column) for column in columns)
            print(
                f"{scrapers:8d} | {rate:6.0f} | {their_rate:8.0f} | {rate / their_rate:5.2f}"
                f" | {cpu:11.3f} | {their_cpu:13.3f} | {cpu / their_cpu:5.2f}"
            )
        os.sched_setaffinity(0, everything)
    summary = get(f"{base}/probe")[1]
    probes, skipped = (
        total(summary, name) for name in ("exchange_probes_total", "exchange_probe_skipped_total")
    )
    after = rss_mb(ours.popen.pid)
    memory = f"{idle:.0f} MB idle, {after:.0f} MB after, theirs {rss_mb(their_pid):.0f} MB"
    print(f"{probes:.0f} probes, {skipped:.0f} skipped; memory {memory}")


def total(text: str, name: str) -> float:
    """The sum over the samples of one metric."""
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + "{"))


if __name__ == "__main__":
    main()
