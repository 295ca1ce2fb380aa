"""A caller of Java's HttpsURLConnection that asks a web origin; what callers of JSSE have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.clients.base import Installed, Program, Target, authorization, report_from
from lab.model import Agent, ClientReport, ClientSettings, ProtocolRange, WebClientSettings
from lab.model.software import AGENTS

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
    runtime = ("/opt/lab/bin/python3", f"{AGENTS}/language_workers.py", "--concurrent", _CONCURRENT)
    return Agent(name, (*runtime, name, "java", *_SMALL, *options, "-cp", _CLASSES, "Main", kind))


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


def unsupported_of_jsse(client: ClientSettings) -> str | None:
    """What no caller of JSSE can be told; ``None``: nothing of it is set."""
    try:
        suites(client.ciphers)
    except ValueError as error:
        return str(error)
    return None


def unsupported_of_pages(client: WebClientSettings, installed: Installed, name: str) -> str | None:
    """What a caller who asks for a page cannot tell Java; ``name`` is the class that it calls."""
    if not installed.versions.get("java"):
        return "the image has no Java"
    if client.last_error:
        return "Java's trust manager stops at the first error"
    if client.sni is not None or client.verify_name is not None:
        return f"{name} sends and checks the host of its URL"
    return unsupported_of_jsse(client)


def versions(protocols: ProtocolRange | None) -> Sequence[str] | None:
    """A range as the list that JSSE is told."""
    return None if protocols is None else list(protocols.versions())


def jsse(client: ClientSettings, target: Target) -> dict[str, Any]:
    """What every worker is told: where to go, and what its context and its connections are given."""
    return {
        "goal": str(client.goal),
        "host": target.host,
        "port": target.port,
        "timeout_s": client.timeout_s,
        "tls": client.tls,
        "verify": client.verify,
        "ca_file": target.ca_file,
        "certificate": target.certificate,
        "key": target.key,
        "protocols": versions(client.protocols),
        "suites": suites(client.ciphers),
    }


def report_of(raw: Mapping[str, Any]) -> ClientReport:
    """A worker's result, with the lab's names of suites and of the system's errors."""
    error = str(raw.get("error") or "")
    suite = raw.get("suite")
    return report_from(
        {
            **raw,
            "cipher": openssl_name(suite) if suite else None,
            "errno": next((name for text, name in _ERRNO.items() if text in error), None),
        }
    )


#: How it is written in a program: see :attr:`Program.statements`.
STATEMENTS: Mapping[str, str] = {
    "not verify": "SSLContext.init with an X509TrustManager whose checkServerTrusted does nothing",
    "ca_file": "keytool -importcert -file {} -keystore FILE; java -Djavax.net.ssl.trustStore=FILE",
    "certificate": "openssl pkcs12 -export -in {} -inkey KEY -out FILE; SSLContext.init with the"
    " KeyManagerFactory of that key store",
    "maximum": "java -Djdk.tls.client.protocols={}",
}


@dataclass(frozen=True, kw_only=True)
class Java(WebClientSettings):
    """What a caller of HttpsURLConnection can tell it."""

    program: Literal["java"] = "java"
    platform: str = "debian13"


_AGENT = worker("java", "web")


@dataclass(frozen=True, kw_only=True)
class JavaProgram(Program[Java]):
    """``new URL(...).openConnection()`` with a socket factory that has what the settings set."""

    settings: type[Java] = Java
    agent: Agent = _AGENT
    name: str = "java"
    statements: Mapping[str, str] = field(default_factory=lambda: STATEMENTS)

    def unsupported(self, client: Java, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        return unsupported_of_pages(client, installed, "HttpsURLConnection")

    def request(self, client: Java, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {**jsse(client, target), "authorization": authorization(target)}

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_of(raw)


PROGRAMS = (JavaProgram(),)
