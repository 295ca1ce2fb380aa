"""Client programs: settings to an agent's request, an agent's result to a report."""

from __future__ import annotations

from collections.abc import Mapping

from lab.programs.base import AgentSpec, Installed, Program, Target
from lab.programs.curl import Curl
from lab.programs.edge import Edge
from lab.programs.net_ftp import NetFtp
from lab.programs.openssl import Openssl
from lab.programs.python_ftp import Ftplib, FtplibReuse
from lab.programs.tls import TlsPerl, TlsPython

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
