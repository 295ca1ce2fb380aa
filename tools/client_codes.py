"""What clients say of what is served: ``python -m tools.client_codes`` writes the table of docs/serve.md.

Everything over HTTPS is served, and opened in a headless Chromium and with curl; both trust the lab's CA.
Needs an engine, Chromium, certutil and curl (Debian: ``apt-get install chromium libnss3-tools curl``).
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.host.checkout import root
from lab.run.checkout import Checkout
from lab.serve.commands import url
from lab.serve.names import ServedEntry, choose
from lab.serve.servers import LOOPBACK, Place
from tests.chromium import Browser, code_of, environment_that_trusts, program

PAGE = Path("docs/serve.md")
BEGIN, END = "<!-- client codes: python -m tools.client_codes -->", "<!-- end of client codes -->"
PLACE = Place(LOOPBACK, 23000)
#: Seconds for a client that waits, and for the servers to be there.
WAIT_S, READY_S = 8, 60


class CodesError(Exception):
    """The table cannot be made."""


def main() -> int:
    """Return 0, or 1 if the table cannot be made."""
    try:
        table = measured()
    except CodesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    page = root() / PAGE
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


def measured() -> str:
    """The table, with the clients' versions.

    Raises:
        CodesError: a client or the lab is missing.
    """
    browser = program()
    if browser is None:
        raise CodesError("no Chromium on this machine (Debian: apt-get install chromium)")
    entries = choose(["https"])
    with serving() as ca, tempfile.TemporaryDirectory() as home:
        environment = environment_that_trusts(ca, Path(home))
        if isinstance(environment, str):
            raise CodesError(environment)
        with Browser(browser, Path(home), environment) as opened:
            version = str(opened.call("Browser.getVersion")["product"]).replace("Headless", "")
            codes = {
                entry.name: code_of(opened, url(entry, PLACE)) or "(the page is shown)"
                for entry in entries
                if entry.subject != "silent"
            }
        said = {entry.name: curl_on(entry, ca) for entry in entries}
    lines = [f"| name | {version.replace('/', ' ')} | {curl_version()} |", "| --- | --- | --- |"]
    for entry in entries:
        code = codes.get(entry.name, "(it waits)")
        shown = code if code.startswith("(") else f"`{code}`"
        lines.append(f"| `{entry.subject}` | {shown} | {said[entry.name]} |")
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def serving() -> Iterator[Path]:
    """Serve everything over HTTPS; the CA to trust."""
    with tempfile.TemporaryFile() as out:
        command = [sys.executable, "-m", "lab", "serve", "https", "--port", str(PLACE.first)]
        served = subprocess.Popen(command, cwd=root(), stdout=out, stderr=out)
        try:
            until = time.monotonic() + READY_S
            ready = b""
            while b"Ctrl-C" not in ready:
                if served.poll() is not None or time.monotonic() > until:
                    raise CodesError(ready.decode(errors="replace"))
                time.sleep(0.1)
                out.seek(0)
                ready = out.read()
            yield Checkout.here().state / "serve" / str(PLACE.first) / "ca.pem"
        finally:
            served.send_signal(signal.SIGTERM)
            served.wait(READY_S)


def curl_on(entry: ServedEntry, ca: Path) -> str:
    """Its exit status and its words."""
    command = ["curl", "-sS", "-m", str(WAIT_S), "-o", "/dev/null", "--cacert", str(ca)]
    command += ["-w", "%{http_code}"]
    done = subprocess.run(
        [*command, url(entry, PLACE)], capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stderr.partition("\n")[0].removeprefix("curl: ").strip()
    said = re.sub(r"after \d+ milliseconds", "", said)
    return (
        f"`{said.replace(f':{PLACE.port(entry)}', ':PORT').strip()}`"
        if said
        else f"(status {done.stdout})"
    )


def curl_version() -> str:
    """Program and TLS library."""
    done = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    words = done.stdout.split()
    library = next(word for word in words if "SSL" in word or "TLS" in word)
    return f"curl {words[1]}, {library.replace('/', ' ')}"


if __name__ == "__main__":
    sys.exit(main())
