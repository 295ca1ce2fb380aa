"""What FTP servers reply to bad clients, and log of them (``agent/servers.py``)."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.explain.bench import Bench
from tests.explain.texts import RECORDED, Cause, Heard, Recording, merged, neutral


def _of_package(package: str) -> str:
    """A command that prints the version of a package that is installed, or was unpacked."""
    return f"cat /opt/lab/servers/versions | sed -n 's/^{package}\\t//p'"


_OPENSSL = "openssl version"
#: Commands that print the version of a program and of its TLS library.
SERVERS = {
    "vsftpd": (_of_package("vsftpd"), _OPENSSL),
    "proftpd": (_of_package("proftpd-core"), _OPENSSL),
    "pure-ftpd": (_of_package("pure-ftpd"), _OPENSSL),
    "pyftpdlib": (
        "python3 -c 'import pyftpdlib; print(pyftpdlib.__ver__)'",
        "python3 -c 'from OpenSSL import SSL; print(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode())'",
    ),
}


def recordings(bench: Bench, programs: Collection[str]) -> Iterator[Recording]:
    """The recordings of a release's FTP servers, of these or of all that are there."""
    for name, (version, library) in SERVERS.items():
        ports = bench.servers.get(name)
        if not ports or (programs and name not in programs):
            continue
        met = list(bench.meets(name, ports))
        good = [one for one in met if _is_good(one)]
        if not good or any(one["ended"] or _refusals(one) for one in good):
            sys.stdout.write(f"{name} cannot do what is good: {good}\n")
            continue
        usual = {line for one in good for line in _lines(one)}
        heard = [one for bad in met if not _is_good(bad) for one in _texts(name, bad, usual)]
        said = bench.asks(library)
        yield Recording(name, bench.release, bench.asks(version), said, RECORDED, merged(heard))


def _is_good(met: Mapping[str, Any]) -> bool:
    return bool(met["setup"].endswith("nothing is wrong"))


def _refusals(met: Mapping[str, Any]) -> list[int]:
    """Which of the replies refuse."""
    return [n for n, said in enumerate(met["replies"]) if said[:1] in "45"]


def _lines(met: Mapping[str, Any]) -> list[str]:
    """The log of a meeting without what differs from run to run."""
    return neutral(met["log"], met["port"]).splitlines()


def _texts(name: str, met: Mapping[str, Any], usual: Collection[str]) -> Iterator[Heard]:
    """What a server logged of a meeting, and what it replied where it refused with a reply.

    Args:
        usual: lines that it logs as well where nothing is wrong. A log of nothing else says nothing.
    """
    cause = Cause(*met["cause"])
    refusals = _refusals(met)
    if not refusals and not met["ended"]:
        sys.stdout.write(f"{name} did not mind: {met['setup']}\n")
        return
    if cause.stage == "verify" and "CERTIFICATE_VERIFY_FAILED" not in met["ended"]:
        sys.stdout.write(f"{name} did not come to show its certificate: {met['setup']}\n")
        return
    lines = _lines(met)
    if set(lines) - set(usual):
        yield Heard(name, "log", met["setup"], "\n".join(lines), cause)
    if refusals and cause.by == "server":
        reply = neutral("\n".join(met["replies"][refusals[0] :]), met["port"])
        yield Heard(name, "reply", met["setup"], reply, cause)
