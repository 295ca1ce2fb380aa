"""What there is to connect: servers and their hosts; client programs, their platforms and containers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: DNS names of the servers in the lab's own zone.
SERVER_HOSTS = {
    "vsftpd": "ftp.lab.test",
    "pyftpdlib": "pyftpdlib.lab.test",
    "vsftpd@rocky9": "vsftpd-rocky9.lab.test",
    "vsftpd@openssl-1.0.2k": "vsftpd-openssl10.lab.test",
    "nginx": "nginx.lab.test",
    "origin": "origin.lab.test",
    "origin@openssl-1.0.2k": "origin-openssl10.lab.test",
}

#: The servers that are web origins; the others speak FTP.
ORIGINS = ("nginx", "origin", "origin@openssl-1.0.2k")

#: Client platforms and the crypto policies each can be under (none: the platform has no such thing).
PLATFORMS: dict[str, tuple[str, ...]] = {
    "rocky9": ("DEFAULT", "LEGACY", "FUTURE", "FIPS"),
    "centos7": (),
    "debian13": (),
}

_OLD_AND_NEW = ("rocky9", "centos7")
#: Client programs, and the platforms that each is run on.
PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "net-ftp": _OLD_AND_NEW,
        "ftplib": _OLD_AND_NEW,
        "ftplib-reuse": _OLD_AND_NEW,
        "curl": _OLD_AND_NEW,
        "tls-perl": _OLD_AND_NEW,
        "tls-python": _OLD_AND_NEW,
        "openssl": _OLD_AND_NEW,
        "edge": ("debian13",),
    }
)

#: The programs that reach web origins; the others speak FTP.
WEB_PROGRAMS = ("tls-perl", "tls-python", "openssl", "edge")

#: The programs that are command lines; the others are libraries, or have a configuration file.
COMMAND_LINES = ("curl", "openssl")


def container_of(platform: str, policy: str | None) -> str:
    """The container of the topology whose clients have this platform and policy."""
    if platform == "debian13":
        return "edge"
    return f"{platform}-{policy.lower()}" if policy else platform


#: The containers of all clients.
CLIENT_CONTAINERS = tuple(
    container_of(platform, policy)
    for platform, policies in PLATFORMS.items()
    for policy in policies or (None,)
)

#: The container at whose address nobody ever answers: its packet filter drops whatever comes in.
SILENT = "silent"

#: The containers that a server's settings can name by an address of theirs.
NAMED_CONTAINERS = (*CLIENT_CONTAINERS, SILENT)
