"""The resident agent of the scanner: asks a server with ``sslscan`` what it offers.

Nothing is read here: the answer is the XML document that the program writes. The standard library of
Python 3.6 only. A request::

    {
        "op": "scan",
        "host": "ftp.lab.test",
        "port": 2100,
        "server_name": "ftp.lab.test",
        "starttls": "ftp",
        "certificate": "/opt/lab/certificates/ftp.lab.test/valid.chain.pem",
        "key": "/opt/lab/certificates/ftp.lab.test/valid.key.pem",
    }

``starttls`` is null for TLS from the first byte on; ``certificate`` and ``key`` are what is presented
to a server that asks for a certificate, or null. ``{xml, stderr, exit_status, argv, version}``.
"""

# The interpreter is the scanner container's (3.13); typing is written as for the other agents.
# ruff: noqa: UP006, UP035

import re
import subprocess
from typing import Dict, List

from resident import DEADLINE_S, Progress, Request, ResidentAgent, Result

#: Only what is compared is asked for: protocols and suites.
OPTIONS = [
    "--xml=-",
    "--no-colour",
    "--no-check-certificate",
    "--no-cipher-details",
    "--no-compression",
    "--no-fallback",
    "--no-groups",
    "--no-heartbleed",
    "--no-renegotiation",
    # Seconds for one answer: a server that does not speak a version may say nothing at all.
    "--timeout=2",
    "--connect-timeout=5",
]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def scan(request: Request, progress: Progress) -> Result:
    """Scan one server; see the module's text for the request."""
    argv = arguments(request)
    progress(argv=argv)
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=request.get("deadline_s", DEADLINE_S),
        check=False,
        # SIGPIPE stays ignored, as Python has it: sslscan would die of a server that closes while it is
        # still asking, and so it is told (EPIPE) and goes on.
        restore_signals=False,
    )
    return {
        "xml": done.stdout.decode("utf-8", "replace"),
        "stderr": done.stderr.decode("utf-8", "replace"),
        "exit_status": done.returncode,
        "argv": argv,
        "version": VERSIONS["sslscan"],
    }


def arguments(request: Request) -> List[str]:
    """The whole command."""
    argv = ["sslscan"] + OPTIONS + ["--sni-name=" + request["server_name"]]
    if request.get("starttls"):
        argv.append("--starttls-" + request["starttls"])
    if request.get("certificate"):
        argv += ["--certs=" + request["certificate"], "--pk=" + request["key"]]
    return argv + ["%s:%d" % (request["host"], request["port"])]


#: What the program says of itself, filled when the agent starts.
VERSIONS: Dict[str, str] = {}


def versions() -> Dict[str, str]:
    """The version of sslscan and of the library that it was started with."""
    said = subprocess.run(
        ["sslscan", "--no-colour", "--version"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=10,
        check=True,
    )
    words = _COLOUR.sub("", said.stdout.decode("utf-8", "replace")).split("\n")
    own, library = [word.strip() for word in words if word.strip()][:2]
    return {"sslscan": own, "library": library}


if __name__ == "__main__":
    VERSIONS.update(versions())
    ResidentAgent("sslscan", versions=VERSIONS, forked={"scan": scan}).run()
