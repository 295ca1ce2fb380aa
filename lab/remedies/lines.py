"""What a person writes for settings, line by line: a server's configuration, a client's options."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from lab.clients import program_of
from lab.clients.base import Target
from lab.model import Attempt, ClientSettings, Delivery, FtpServerSettings, ServerSettings
from lab.servers import SERVERS, ListenerPlace

#: Whose file a client's lines are for: the program's own options, or directives of Movable Type.
ClientForm = Literal["options", "mt-config"]
#: Options of Net::FTP for which Movable Type has directives of their own.
_DIRECTIVES = {
    "SSL_verify_mode": ("FTPSSSLVerifyNone", "1"),
    "SSL_version": ("FTPSSSLVersion", None),
}
#: Of python_tls.py's arguments, those that are statements about an ssl.SSLContext.
_STATEMENTS = {
    "verify": "context.verify_mode = ssl.CERT_REQUIRED",
    "ca_file": "context.load_verify_locations({!r})",
    "ciphers": "context.set_ciphers({!r})",
    "minimum": "context.minimum_version = ssl.TLSVersion.{}",
    "maximum": "context.maximum_version = ssl.TLSVersion.{}",
    "certificate": "context.load_cert_chain({!r})",
    "server_name": "server_hostname={!r}",
    "reuse": "session=ftp.sock.session",
}


def server_lines(settings: ServerSettings) -> tuple[str, ...]:
    """A server's configuration, with example names in the place of its files."""
    place = ListenerPlace(
        key="example",
        port=21,
        passive_ports=(30000, 30009),
        password="",
        chain=f"/etc/ssl/{settings.host}/chain.pem",
        private_key=f"/etc/ssl/{settings.host}/key.pem",
        client_ca="/etc/ssl/client-ca.pem",
        pasv_address=settings.pasv_address if isinstance(settings, FtpServerSettings) else None,
    )
    configuration = SERVERS[settings.software].configure(settings, place)
    return tuple(line.strip().rstrip(",") for line in configuration.splitlines())


def client_lines(client: ClientSettings, form: ClientForm = "options") -> tuple[str, ...]:
    """What the client is told, with example names in the place of files, host and user."""
    target = Target(
        host=client.host or "HOST",
        port=0,
        user=client.user,
        password="",
        delivery=Delivery(name="FILE", size=1, sha256=""),
        ca_file=f"{client.trust}.pem" if client.trust else None,
        fingerprint=f"<SHA-256 of {client.pin}>" if client.pin else None,
        certificate="client.pem" if client.client_certificate else None,
        key="client.key" if client.client_certificate else None,
    )
    return tuple(_written(program_of(client).request(client, target), form))


def _written(request: Mapping[str, Any], form: ClientForm) -> Iterator[str]:
    if "argv" in request:
        yield from _options(request["argv"])
    elif "config" in request:
        yield from (line.strip() for line in request["config"].splitlines())
    elif "options" in request:
        tls = request.get("tls", request.get("starttls"))
        yield from ["$ftp->starttls"] if "starttls" in request and tls else []
        yield from (_option(name, value, form) for name, value in request["options"].items())
    else:
        yield from (_statement(name, value) for name, value in request.items() if value)


def _options(argv: Sequence[str]) -> list[str]:
    """InBothLanguages of a command line, each option with its value."""
    lines: list[str] = []
    for word in argv:
        if word.startswith("-") or not lines or " " in lines[-1]:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines


def _option(name: str, value: Any, form: ClientForm) -> str:
    if form == "options":
        return f"{name} => {json.dumps(value)}"
    directive, always = _DIRECTIVES.get(name, (None, None))
    if directive is not None:
        return f"{directive} {always or value}"
    return f"FTPSOptions {name}={value}"


def _statement(name: str, value: Any) -> str:
    spelt = str(value).replace(".", "_") if name in ("minimum", "maximum") else value
    return _STATEMENTS.get(name, f"{name}={{!r}}").format(spelt)


@dataclasses.dataclass(frozen=True)
class LineChange:
    """One end's part of a remedy: what stood there, and what to write."""

    end: Literal["server", "client"]
    fields: tuple[str, ...]
    """The settings that it changes, as ``lab attempt`` names them."""
    where: tuple[str, ...] = ()
    """Where these are set, as ``FILE:LINE``; nothing: in no file that was given."""
    was: tuple[str, ...] = ()
    """Lines that go."""
    write: tuple[str, ...] = ()
    """Lines that come."""


def changes(
    before: Attempt,
    after: Attempt,
    places: Mapping[str, str],
    form: ClientForm = "options",
) -> tuple[LineChange, ...]:
    """What differs between two attempts, the server's part first.

    Args:
        before: the attempt that was refused.
        after: the one with the remedy.
        places: where settings were read from: ``FILE:LINE`` by ``server.FIELD`` and ``client.FIELD``.
        form: what the client's lines are for.
    """
    made = []
    if fields := _differing(before.server, after.server):
        lines = server_lines(before.server), server_lines(after.server)
        made.append(_change("server", fields, places, *lines))
    if fields := _differing(before.client, after.client):
        lines = client_lines(before.client, form), client_lines(after.client, form)
        made.append(_change("client", fields, places, *lines))
    return tuple(made)


def _differing(
    before: ServerSettings | ClientSettings, after: ServerSettings | ClientSettings
) -> tuple[str, ...]:
    names = (field.name for field in dataclasses.fields(before))
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def _change(
    end: Literal["server", "client"],
    fields: tuple[str, ...],
    places: Mapping[str, str],
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> LineChange:
    was = tuple(line for line in before if line not in after)
    keys = [*(f"{end}.{name}" for name in fields), *(f"{end}.extra:{line}" for line in was)]
    return LineChange(
        end=end,
        fields=fields,
        where=tuple(dict.fromkeys(places[key] for key in keys if key in places)),
        was=was,
        write=tuple(line for line in after if line not in before),
    )
