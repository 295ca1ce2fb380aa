"""Client programs: settings to an agent's request, an agent's result to a report."""

from __future__ import annotations

from collections.abc import Mapping

from lab.clients.base import AgentSpec, Installed, Program, Target
from lab.clients.curl import Curl
from lab.clients.edge import Edge
from lab.clients.ftplib import Ftplib, FtplibReuse
from lab.clients.net_ftp import NetFtp
from lab.clients.openssl import Openssl
from lab.clients.tls import TlsPerl, TlsPython

#: Every client program by the name that ``ClientSettings.program`` has.
PROGRAMS: Mapping[str, Program] = {
    program.name: program
    for program in (
        NetFtp(),
        Ftplib(),
        FtplibReuse(),
        Curl(),
        TlsPerl(),
        TlsPython(),
        Openssl(),
        Edge(),
    )
}

__all__ = ["PROGRAMS", "AgentSpec", "Installed", "Program", "Target"]
