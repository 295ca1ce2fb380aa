"""Commands with which people's own clients reach what is served, ready to be pasted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.certificates import CATALOGUE
from lab.certificates import Names as CertificateNames
from lab.serve.names import SERVED_ZONE, ServedEntry, Transport
from lab.serve.servers import PASSWORD, Place
from lab.servers.base import USER

#: The name by which the wildcard is reached.
_BELOW = f"www.{SERVED_ZONE}"

_FTPLIB = (
    "import ftplib, io, ssl",
    "f = ftplib.FTP_TLS(context=ssl.create_default_context(cafile={ca}))",
    "f.connect({host}, {port})",
    "f.login({user}, {password})",
    "f.prot_p()",
    'print(f.storbinary("STOR hello.txt", io.BytesIO(b"hello")))',
)
#: ftplib has no implicit FTPS: the handshake, and the greeting.
_IMPLICIT = (
    "import socket, ssl",
    "c = ssl.create_default_context(cafile={ca})",
    "s = c.wrap_socket(socket.create_connection(({host}, {port})), server_hostname={host})",
    "print(s.version(), s.recv(99))",
)
_URLLIB = (
    "import ssl, urllib.request as u",
    "c = ssl.create_default_context(cafile={ca})",
    "print(u.urlopen({url}, context=c).read().decode())",
)
#: A home of its own, in which the CA is trusted: what is in the everyday browser stays as it is.
_CHROMIUM = (
    "HOME=$(mktemp -d) sh -c 'd=sql:$HOME/.pki/nssdb; mkdir -p $HOME/.pki/nssdb;"
    ' certutil -d $d -N --empty-password; certutil -d $d -A -n lab -t C,, -i "$0";'
    ' exec chromium "$1"\' {ca} {url}'
)


def host_of(entry: ServedEntry, place: Place) -> str:
    """The name by which an entry is reached: its certificate's, wherever the defect is not the name."""
    spec = CATALOGUE.get(entry.subject)
    if spec is not None and spec.leaf.names is CertificateNames.WILDCARD:
        return _BELOW
    return place.host


def url(entry: ServedEntry, place: Place) -> str:
    """Its address, as clients and browsers take it."""
    scheme = {Transport.HTTPS: "https", Transport.FTPS: "ftp", Transport.FTPS_IMPLICIT: "ftps"}
    return f"{scheme[entry.transport]}://{host_of(entry, place)}:{place.port(entry)}/"


def commands(entry: ServedEntry, place: Place, ca: Path | str) -> Iterator[tuple[str, str]]:
    """A client's name and its command, for each that speaks the protocol.

    Args:
        ca: the file with the certificate to trust.
    """
    host, port, address = host_of(entry, place), place.port(entry), url(entry, place)
    values = {"ca": str(ca), "host": host, "user": USER, "password": PASSWORD, "url": address}
    literals = {name: json.dumps(value) for name, value in values.items()}
    quoted = shlex.quote(str(ca))
    starttls = " -starttls ftp" if entry.transport is Transport.FTPS else ""
    check = "-verify_ip" if host == place.address else "-verify_hostname"
    yield (
        "openssl",
        f"openssl s_client -connect {place.address}:{port} -servername {host}{starttls}"
        f" {check} {host} -verify_return_error -CAfile {quoted}",
    )
    resolve = f" --resolve {host}:{port}:{place.address}" if host != place.host else ""
    if entry.transport is Transport.HTTPS:
        yield "curl", f"curl --cacert {quoted}{resolve} {address}"
        yield "Python", _python(_URLLIB, **literals)
        yield "Chromium", _CHROMIUM.format(ca=shlex.quote(str(Path(ca).absolute())), url=address)
        yield "browser", address
        return
    login = f"{USER}:{PASSWORD}"
    required = " --ssl-reqd" if entry.transport is Transport.FTPS else ""
    yield "curl", f"curl{required} --cacert {quoted}{resolve} -u {login} -T FILE {address}"
    script = (
        f"set ssl:ca-file {literals['ca']}; set ftp:ssl-force yes; set net:max-retries 1;"
        f" open -u {USER},{PASSWORD} {address}; put FILE"
    )
    yield "lftp", f"lftp -c {shlex.quote(script)}"
    scheme = "ftpes" if entry.transport is Transport.FTPS else "ftps"
    yield "FileZilla", f"filezilla {scheme}://{login}@{host}:{port}"
    lines = _FTPLIB if entry.transport is Transport.FTPS else _IMPLICIT
    yield "Python", _python(lines, port=port, **literals)


def _python(lines: Sequence[str], **values: object) -> str:
    return f"python3 -c {shlex.quote('; '.join(lines).format(**values))}"


def hosts_hint(entry: ServedEntry, place: Place) -> str | None:
    """What goes into ``/etc/hosts`` for a client that does not find the entry's name by itself."""
    host = host_of(entry, place)
    return None if host == place.host else f"{place.address} {host}"
