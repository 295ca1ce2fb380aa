"""A caller of Java's java.net.http.HttpClient that asks a web origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Target, authorization
from lab.clients.java import JsseProgram, jsse, worker
from lab.model import WebClientSettings, setting

#: HttpClient has no switch for the name: it reads this once, when the JVM loads it.
_NAME_UNCHECKED = "-Djdk.internal.httpclient.disableHostnameVerification"
#: Before Java 21 a client cannot be closed: the worker ends it from inside, when the attempt is over.
_OPENED = "--add-opens=java.net.http/jdk.internal.net.http=ALL-UNNAMED"


@dataclass(frozen=True, kw_only=True)
class JavaHttp(WebClientSettings):
    """What a caller of HttpClient can tell it.

    It has no switches for TLS. Who is trusted is a matter of the ``SSLContext`` that it is given, and whether
    the name is checked is one of a system property of its JVM.
    """

    program: Literal["java-http"] = "java-http"
    platform: str = "debian13"
    check_name: bool | None = setting(
        None,
        "the name is checked (off: a JVM with jdk.internal.httpclient.disableHostnameVerification;"
        " default: as verify)",
    )


@dataclass(frozen=True, kw_only=True)
class JavaHttpProgram(JsseProgram[JavaHttp]):
    """``HttpClient.newBuilder()`` with a context that has what the settings set, and ``send``."""

    needs: str = "java"
    title: str = "Java"

    def request(self, client: JavaHttp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        check_name = client.verify if client.check_name is None else client.check_name
        request = {
            **jsse(client, target),
            "check_name": check_name,
            "authorization": authorization(target),
        }
        if not check_name:
            request["environment"] = {"JAVA_TOOL_OPTIONS": _NAME_UNCHECKED}
        return request


PROGRAMS = (JavaHttpProgram(agent=worker("java-http", "http", _OPENED)),)
