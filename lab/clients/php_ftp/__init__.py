"""PHP's own FTP functions: ``ftp_ssl_connect`` and what follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings, setting


@dataclass(frozen=True, kw_only=True)
class PhpFtp(FtpClientSettings):
    """What PHP's FTP functions can be told: next to nothing of TLS."""

    program: Literal["php-ftp"] = "php-ftp"
    platform: str = "debian13"
    verify: bool = setting(False, "check the server's certificate: these functions never do")


@dataclass(frozen=True, kw_only=True)
class PhpFtpProgram(Program[PhpFtp]):
    """``ftp_ssl_connect``, ``ftp_login``, ``ftp_pasv``, ``ftp_put``, ``ftp_close``."""

    agent: Agent = Agent.worker("php-ftp", "php", "php_ftp.php")
    needs: str = "ftp"
    title: str = "PHP with ftp_ssl_connect"
    tells_little: bool = True

    def request(self, client: PhpFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return ftp_session(client, target)


PROGRAMS = (PhpFtpProgram(),)
