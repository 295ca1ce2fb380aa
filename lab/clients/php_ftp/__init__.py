"""PHP's own FTP functions: ``ftp_ssl_connect`` and what follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings, Goal, setting


@dataclass(frozen=True, kw_only=True)
class PhpFtp(FtpClientSettings):
    """What PHP's FTP functions can be told: next to nothing of TLS."""

    program: Literal["php-ftp"] = "php-ftp"
    platform: str = "debian13"
    verify: bool = setting(False, "check the server's certificate: these functions never do")


@dataclass(frozen=True, kw_only=True)
class PhpFtpProgram(Program[PhpFtp]):
    """``ftp_ssl_connect``, ``ftp_login``, ``ftp_pasv``, ``ftp_put``, ``ftp_close``."""

    settings: type[PhpFtp] = PhpFtp
    agent: Agent = Agent.worker("php-ftp", "php", "php_ftp.php")
    needs: str = "ftp"
    title: str = "PHP with ftp_ssl_connect"
    tells_little: bool = True

    def cannot(self, client: PhpFtp) -> str | None:
        """See :meth:`Program.cannot`."""
        if client.goal is Goal.HANDSHAKE:
            return "PHP cannot stop after the handshake: it is a part of ftp_login"
        if client.implicit_tls:
            return "PHP has no implicit TLS for FTP: ftp_ssl_connect always starts with AUTH"
        without = {
            "check of a certificate": client.verify,
            "trust anchors": client.trust is not None,
            "cipher list": client.ciphers is not None,
            "protocol versions": client.protocols is not None,
            "client certificate": client.client_certificate is not None,
        }
        for what, asked in without.items():
            if asked:
                return f"PHP's FTP functions have no option for it: {what}"
        if client.session_cache != "default":
            return "PHP gives every data connection the control channel's session; it has no option"
        if not client.protect_data:
            return "PHP always asks for a protected data channel: it has no option"
        return None

    def request(self, client: PhpFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return ftp_session(client, target)


PROGRAMS = (PhpFtpProgram(),)
