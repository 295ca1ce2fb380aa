"""A headless Chromium, driven by the DevTools protocol over pipes. It runs with every Python since 3.9."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",  # as root, and in containers of a CI
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: In seconds; a busy machine is no reason to fail.
DEADLINE = 120.0
#: How often an address is opened, at most.
MOST_TRIES = 30
# A page is driven over two pipes, which the browser expects as its descriptors 3 and 4.
LAUNCH = "import os, sys; os.dup2({r}, 3); os.dup2({w}, 4); os.execv(sys.argv[1], sys.argv[1:])"


class Browser:
    """One page in a headless Chromium."""

    #: Seconds for an answer.
    deadline = DEADLINE

    def __init__(
        self, program: str, profile: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it.

        Args:
            environment: its whole environment (default: this process's own).
        """
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        self._log = (profile / "stderr").open("wb")
        # Above 4, so that one does not overwrite the other.
        ends = [os.dup(fd) if fd > 4 else os.dup(os.dup(fd)) for fd in (theirs_in, theirs_out)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH.format(r=ends[0], w=ends[1]), program, *FLAGS,
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            pass_fds=ends,
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )  # fmt: skip
        for fd in (theirs_in, theirs_out, *ends):
            os.close(fd)
        self._unread, self._session = b"", ""
        self._number = self._opened = 0
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol, with its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(
        self, path: Path, fragment: str = "", *, scripts: bool = True, width: int = 1200
    ) -> None:
        """Open a file anew, until it has been loaded."""
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.events.clear()
        self._opened += 1  # another address each time, or a new fragment would only move the page
        self.call("Page.navigate", url=f"{path.as_uri()}?{self._opened}{fragment}")
        while not self.seen("Page.loadEventFired"):
            self.events.append(self._read())
        if scripts:
            self.until("document.documentElement.dataset.ready !== undefined")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + DEADLINE
        while not self.evaluate(script):
            assert time.monotonic() < end, f"never true: {script}"
            self.evaluate("new Promise(requestAnimationFrame)")

    def seen(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every event of this kind since the page was opened."""
        return [e["params"] for e in self.events if e.get("method") == method]

    def complaints(self) -> list[str]:
        """What the page wrote to the console, and what the browser had to say about it."""
        thrown = [str(e["exceptionDetails"]) for e in self.seen("Runtime.exceptionThrown")]
        said = [str(e["args"]) for e in self.seen("Runtime.consoleAPICalled")]
        return thrown + said + [e["entry"]["text"] for e in self.seen("Log.entryAdded")]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], self.deadline)
            assert ready, f"the browser is silent for {self.deadline} s"
            part = os.read(self._from, 1 << 20)
            assert part, f"the browser ended: {Path(self._log.name).read_text(errors='replace')}"
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


def program() -> str | None:
    """The browser of this machine, if it has one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def environment_that_trusts(ca: Path, home: Path) -> dict[str, str] | str:
    """An environment with a home of its own, in which a Chromium trusts this CA; or why there is none."""
    certutil = shutil.which("certutil")
    if certutil is None:
        return "no certutil, which tells a browser whom to trust (Debian: apt-get install libnss3-tools)"
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-n", "lab", "-t", "C,,", "-i", str(ca)]):
        subprocess.run(
            [certutil, "-d", f"sql:{database}", *words], check=True, capture_output=True, timeout=60
        )
    return {**os.environ, "HOME": str(home)}


def code_of(browser: Browser, address: str) -> str | None:
    """The browser's own code for what became of an address; ``None``: it shows what is there."""
    for _ in range(MOST_TRIES):
        said = str(browser.call("Page.navigate", url=address).get("errorText") or "")
        # Where containers come and go, so do interfaces of this host: that is not about the address.
        if said != "net::ERR_NETWORK_CHANGED":
            break
        time.sleep(0.5)
    return said.removeprefix("net::") or None
