"""Apache Commons Net's FTPSClient: as it is, and with the control channel's session on data connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Target, ftp_session
from lab.clients.java import JsseProgram, jsse, worker
from lab.model import FtpClientSettings, setting

STOCK, REUSING = "commons-net", "commons-net-reuse"

#: Without these the JVM does not let a program into JSSE's cache (since 16, JEP 396).
_OPENED = (
    "--add-opens=java.base/sun.security.ssl=ALL-UNNAMED",
    "--add-opens=java.base/sun.security.util=ALL-UNNAMED",
)


@dataclass(frozen=True, kw_only=True)
class CommonsNet(FtpClientSettings):
    """What a caller of FTPSClient can tell it.

    As it is shipped it looks at the dates of a certificate, and neither at who issued it nor at the name.
    ``commons-net-reuse`` overrides ``_prepareDataSocket_``, as its users do where a server wants it.
    """

    program: Literal["commons-net", "commons-net-reuse"] = "commons-net"
    platform: str = "debian13"
    verify: bool = setting(
        False, "the JVM's trust manager, and the name (off, as shipped: dates alone)"
    )
    check_name: bool | None = setting(
        None, "setEndpointCheckingEnabled: the name is checked (default: as verify)"
    )
    jvm_options: tuple[str, ...] = setting((), "a further option of the JVM")


@dataclass(frozen=True, kw_only=True)
class CommonsNetProgram(JsseProgram[CommonsNet]):
    """``new FTPSClient()``, ``connect``, ``login``, ``execPBSZ``, ``execPROT``, ``storeFile``."""

    needs: str = "commons-net"

    def request(self, client: CommonsNet, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        request = {
            **ftp_session(client, target),
            **jsse(client, target),
            "implicit_tls": client.implicit_tls,
            "check_name": client.verify if client.check_name is None else client.check_name,
        }
        if client.jvm_options:
            request["environment"] = {"JAVA_TOOL_OPTIONS": " ".join(client.jvm_options)}
        return request


PROGRAMS = (
    CommonsNetProgram(agent=worker(STOCK, "ftps")),
    CommonsNetProgram(name=REUSING, agent=worker(REUSING, "ftps-reuse", *_OPENED)),
)
