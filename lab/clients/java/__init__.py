"""A caller of Java's HttpsURLConnection that asks a web origin; what callers of JSSE have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import C, Program, Target, authorization, errno_in, python_tls, report_from
from lab.model import Agent, ClientReport, ClientSettings, WebClientSettings

#: In the image, because the image has no compiler: compose/images/java/files.
_CLASSES = "/opt/lab/java:/usr/share/java/commons-net.jar"
#: A small JVM that starts soon; none of it is about TLS.
_SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx64m", "-Xss512k")
#: Workers of one program at a time: a JVM has a dozen threads and some 60 MB, and a container its limits.
_CONCURRENT = "3"

_SUITE = re.compile(
    r"(?:(ECDHE-RSA|ECDHE-ECDSA|DHE-RSA)-)?(AES128|AES256|CHACHA20)-(?:(GCM|POLY1305)-?)?(SHA\d*)?"
)
_JSSE_SUITE = re.compile(
    r"(?:TLS|SSL)_(\w+?)_WITH_(AES_128|AES_256|CHACHA20)_(CBC|GCM|POLY1305)_(SHA\d*)"
)
_TRIPLE_DES = ("DES-CBC3-SHA", "SSL_RSA_WITH_3DES_EDE_CBC_SHA")

#: System errors as java.net words them, with the C library's texts.
_ERRNO = {
    "Connection refused": "ECONNREFUSED",
    "Connection reset": "ECONNRESET",
    "Broken pipe": "EPIPE",
    "No route to host": "EHOSTUNREACH",
    "Network is unreachable": "ENETUNREACH",
    "java.net.SocketTimeoutException": "ETIMEDOUT",
    "Temporary failure in name resolution": "EAI_AGAIN",
    "java.net.UnknownHostException": "EAI_NONAME",
}


def worker(name: str, kind: str, *options: str) -> Agent:
    """The agent whose workers are JVMs; ``options`` are the JVM's."""
    java = ("java", *_SMALL, *options, "-cp", _CLASSES, "Main", kind)
    return Agent.python(name, "language_workers.py", "--concurrent", _CONCURRENT, name, *java)


def suites(ciphers: str | None) -> list[str] | None:
    """A list of OpenSSL's names of suites in JSSE's.

    Raises:
        ValueError: a name that JSSE has no suite for, or a word that stands for several.
    """
    return None if ciphers is None else [_jsse_name(name) for name in ciphers.split(":")]


def _jsse_name(name: str) -> str:
    if name == _TRIPLE_DES[0]:
        return _TRIPLE_DES[1]
    if name.startswith("TLS_"):
        return name
    found = _SUITE.fullmatch(name)
    if found is None:
        raise ValueError(f"JSSE takes suites one by one, and has none that OpenSSL calls {name}")
    exchange, cipher, mode, digest = found.groups()
    parts = (
        (exchange or "RSA").replace("-", "_"),
        cipher.replace("AES", "AES_"),
        mode or "CBC",
        digest or "SHA256",
    )
    return "TLS_{}_WITH_{}_{}_{}".format(*parts)


def openssl_name(suite: str) -> str:
    """JSSE's name of a suite as OpenSSL has it; one that it does not know stays as it is."""
    if suite == _TRIPLE_DES[1]:
        return _TRIPLE_DES[0]
    found = _JSSE_SUITE.fullmatch(suite)
    if found is None:
        return suite
    exchange, cipher, mode, digest = found.groups()
    parts = [
        *([] if exchange == "RSA" else [exchange.replace("_", "-")]),
        cipher.replace("AES_", "AES"),
        *([] if mode == "CBC" else [mode]),
        *([] if mode == "POLY1305" else [digest]),
    ]
    return "-".join(parts)


def jsse(client: ClientSettings, target: Target) -> dict[str, Any]:
    """What every worker is told: where to go, and what its context and its connections are given."""
    return {
        **python_tls(client, target),
        "protocols": client.protocols and list(client.protocols.versions()),
        "suites": suites(client.ciphers),
    }


@dataclass(frozen=True, kw_only=True)
class JsseProgram(Program[C]):
    """One whose workers call JSSE, Java's own TLS."""

    def cannot(self, client: C) -> str | None:
        """See :meth:`Program.cannot`: also suites that JSSE has no names for."""
        if words := super().cannot(client):
            return words
        try:
            suites(client.ciphers)
        except ValueError as error:
            return str(error)
        return None

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`; suites and the system's errors have the lab's names."""
        cipher = openssl_name(raw["suite"]) if raw.get("suite") else None
        errno = errno_in(str(raw.get("error") or ""), _ERRNO)
        return report_from({**raw, "cipher": cipher, "errno": errno})


@dataclass(frozen=True, kw_only=True)
class Java(WebClientSettings):
    """What a caller of HttpsURLConnection can tell it."""

    program: Literal["java"] = "java"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class JavaProgram(JsseProgram[Java]):
    """``new URL(...).openConnection()`` with a socket factory that has what the settings set."""

    title: str = "Java"

    def request(self, client: Java, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {**jsse(client, target), "authorization": authorization(target)}


PROGRAMS = (JavaProgram(agent=worker("java", "web")),)
