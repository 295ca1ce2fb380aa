"""The servers of cases, by name: FTP servers, then web origins."""

from __future__ import annotations

from lab.model import ServerSettings


def vsftpd(**settings: object) -> ServerSettings:
    """A vsftpd with these settings."""
    return ServerSettings(software="vsftpd", **settings)  # type: ignore[arg-type]


def vsftpd_of_rocky9(**settings: object) -> ServerSettings:
    """A vsftpd as Rocky Linux 9 builds it, with these settings."""
    return ServerSettings(software="vsftpd@rocky9", **settings)  # type: ignore[arg-type]


def vsftpd_on_openssl_1_0_2(**settings: object) -> ServerSettings:
    """A vsftpd on CentOS 7's OpenSSL 1.0.2k, which can still do 3DES, with these settings."""
    return ServerSettings(software="vsftpd@openssl-1.0.2k", **settings)  # type: ignore[arg-type]


def pyftpdlib(**settings: object) -> ServerSettings:
    """A pyftpdlib server with these settings."""
    return ServerSettings(software="pyftpdlib", **settings)  # type: ignore[arg-type]


def nginx(**settings: object) -> ServerSettings:
    """An nginx as web origin, with these settings."""
    return ServerSettings(software="nginx", **settings)  # type: ignore[arg-type]


def origin(**settings: object) -> ServerSettings:
    """The lab's own web origin, which can misbehave, with these settings."""
    return ServerSettings(software="origin", **settings)  # type: ignore[arg-type]


def origin_on_openssl_1_0_2(**settings: object) -> ServerSettings:
    """That origin on CentOS 7's OpenSSL 1.0.2k, which has SSLv3, RC4 and 3DES."""
    return ServerSettings(software="origin@openssl-1.0.2k", **settings)  # type: ignore[arg-type]
