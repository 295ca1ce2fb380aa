"""What ``lab serve all`` costs on a topology that is up: ``python -m tools.serve_bench``.

Memory is that of the topology's containers, without the page cache, and the proportional share of the
command's own process. Needs an engine; exit status 1 if a limit is not met.
"""

from __future__ import annotations

import contextlib
import ftplib
import io
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
from docker import DockerClient

from lab.host import engine
from lab.host.checkout import root
from lab.run import network
from lab.run.checkout import Checkout
from lab.serve.names import ServedEntry, catalogue, choose
from lab.serve.servers import LOOPBACK, PASSWORD, Place
from lab.servers.base import USER
from tools.bench import LIMIT_S, BenchError, Figure, Measured

PLACE = Place(LOOPBACK, 24000)
_MIB = 1024**2
#: Requests behind a median, and the size of an upload, in bytes.
REQUESTS, UPLOAD = 40, 64 * _MIB


def main() -> int:
    """Return 0, or 1 if a limit is not met or nothing can be measured."""
    try:
        measured = measure()
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{measured.in_words()}\n")
    return 0 if measured.all_met else 1


def measure() -> Measured:
    """Start and memory of everything that can be served.

    Raises:
        BenchError: it does not serve.
    """
    measured = Measured()
    checkout = Checkout.here()
    _lab("up")
    with closing(engine.find()) as client:
        before = _containers(client, checkout)
        with _serving() as (process, ready_s, ca):
            entries = catalogue()
            measured.figures += [
                Figure(f"`lab serve all`, {len(entries)} entries: ready", ready_s, "s", 5.0),
                _memory("  memory on top of the topology", client, checkout, before, process),
            ]
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(_connect, entries))
            measured.figures += [
                Figure("  entries that answer", float(sum(answers)), "of them"),
                _memory("  memory after each was used", client, checkout, before, process),
                Figure("  a request over HTTPS (median)", _request_ms(ca), "ms"),
                Figure("  an upload over FTPS", UPLOAD / _MIB / _upload_s(ca), "MiB/s"),
            ]
    return measured


def _lab(*words: str) -> None:
    command = [sys.executable, "-m", "lab", *words]
    subprocess.run(command, cwd=root(), check=True, capture_output=True, timeout=LIMIT_S)


@contextlib.contextmanager
def _serving() -> Iterator[tuple[psutil.Process, float, Path]]:
    """Serve everything: the process, the seconds that it took, the CA to trust."""
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "lab", "serve", "all", "--port", str(PLACE.first)]
        served = subprocess.Popen(command, cwd=root(), stdout=out, stderr=out)
        try:
            said = b""
            while b"Ctrl-C ends it" not in said:
                if served.poll() is not None or time.perf_counter() - begun > LIMIT_S:
                    raise BenchError(said.decode(errors="replace"))
                time.sleep(0.02)
                out.seek(0)
                said = out.read()
            ready_s = time.perf_counter() - begun
            ca = Checkout.here().state / "serve" / str(PLACE.first) / "ca.pem"
            yield psutil.Process(served.pid), ready_s, ca
        finally:
            served.send_signal(signal.SIGTERM)
            served.wait(LIMIT_S)


def _containers(client: DockerClient, checkout: Checkout) -> float:
    """MiB that the topology's containers use, without the page cache."""

    def used(identity: str) -> float:
        memory = client.api.stats(identity, stream=False)["memory_stats"]
        detail = memory.get("stats", {})
        cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
        bare: float = max(memory.get("usage", 0) - cache, 0)
        return bare

    running = network.containers(client, checkout.kept_project).values()
    with ThreadPoolExecutor(8) as pool:
        total: float = sum(pool.map(used, [container.id for container in running]))
        return total / _MIB


def _memory(
    name: str, client: DockerClient, checkout: Checkout, before: float, process: psutil.Process
) -> Figure:
    own = float(process.memory_full_info().pss) / _MIB
    return Figure(name, _containers(client, checkout) - before + own, "MiB", 150.0)


def _connect(entry: ServedEntry) -> bool:
    """Whether somebody answers the first bytes at an entry's port, or takes them and closes."""
    with socket.create_connection((LOOPBACK, PLACE.port(entry)), 10) as connection:
        connection.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            connection.sendall(b"\r\n")
            with contextlib.suppress(ConnectionError):
                connection.recv(1)
    return True


def _request_ms(ca: Path) -> float:

    (entry,) = choose(["https:valid"])
    context = ssl.create_default_context(cafile=str(ca))
    address = f"https://localhost:{PLACE.port(entry)}/"

    def one() -> float:
        begun = time.perf_counter()
        with urllib.request.urlopen(address, context=context) as page:
            page.read()
        return (time.perf_counter() - begun) * 1000

    return statistics.median(one() for _ in range(REQUESTS))


def _upload_s(ca: Path) -> float:
    (entry,) = choose(["ftps:valid"])
    client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=str(ca)))
    client.connect("localhost", PLACE.port(entry), timeout=60)
    client.login(USER, PASSWORD)
    client.prot_p()
    begun = time.perf_counter()
    client.storbinary("STOR large", io.BytesIO(bytes(UPLOAD)), blocksize=65536)
    spent = time.perf_counter() - begun
    client.delete("large")
    client.quit()
    return spent


if __name__ == "__main__":
    sys.exit(main())
