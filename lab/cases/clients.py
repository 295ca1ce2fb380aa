"""The clients of cases, by name: FTP clients, then bare TLS clients and the edge."""

from __future__ import annotations

from lab.model import ClientSettings


def net_ftp(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """Perl's Net::FTP over IO::Socket::SSL."""
    return ClientSettings(program="net-ftp", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def ftplib(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """Python's ftplib.FTP_TLS."""
    return ClientSettings(program="ftplib", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def curl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """The curl command line."""
    return ClientSettings(program="curl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def tls_perl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """A bare TLS client over Perl's IO::Socket::SSL."""
    return ClientSettings(program="tls-perl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def tls_python(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """A bare TLS client over Python's ssl."""
    return ClientSettings(program="tls-python", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def openssl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """The command `openssl s_client`."""
    return ClientSettings(program="openssl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def edge(**settings: object) -> ClientSettings:
    """The edge: nginx as a reverse proxy, with the parameters of a content delivery network."""
    return ClientSettings(program="edge", platform="debian13", **settings)  # type: ignore[arg-type]
