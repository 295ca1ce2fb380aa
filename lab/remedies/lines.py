"""What a person writes for settings, line by line: a server's configuration, a client's options."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from lab import model
from lab.certificates import OWN
from lab.clients import program_of
from lab.clients.base import Target
from lab.clients.edges import EdgeSettings
from lab.model import Attempt, ClientSettings, FtpClientSettings, FtpServerSettings, ServerSettings
from lab.own.files import ClientForm
from lab.own.findings import data
from lab.servers import SERVERS, ListenerPlace, Server
from lab.settings import Settings

#: Options of Net::FTP for which Movable Type has directives of their own.
_DIRECTIVES = {"SSL_verify_mode": "FTPSSSLVerifyNone 1", "SSL_version": "FTPSSSLVersion {}"}
#: What a program is asked to do.
_Told = Mapping[str, Any]
_End = Literal["server", "client"]
_Words = tuple[str, ...]
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: A port for plain HTTP, in the definition of a backend.
_PLAIN_PORT = re.compile(r"(\bport\b\W*?)80\b")
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
    "protect_data": "ftp.prot_p()",
}


#: How a Net::FTP is told to hand its session on: a cache that answers every connection with it.
_SHARED = "SSL_session_cache => $cache"


def server_lines(
    settings: ServerSettings, server: Server[Any] | None = None, files: tuple[str, str] = ("", "")
) -> tuple[str, ...]:
    """A server's configuration, with example names in the place of its files.

    Args:
        settings: what it says.
        server: the build that it is for; default: that of the settings.
        files: chain and key, as a person's own configuration names them; empty: it names none.
    """
    chain, key = files
    place = ListenerPlace(
        key="example",
        port=21,
        passive_ports=(30000, 30009),
        password="",
        chain=chain or f"/etc/ssl/{settings.host}/chain.pem",
        private_key=key or f"/etc/ssl/{settings.host}/key.pem",
        client_ca="/etc/ssl/client-ca.pem",
        pasv_address=settings.pasv_address if isinstance(settings, FtpServerSettings) else None,
    )
    configuration = (server or SERVERS[settings.software]).configure(settings, place)
    if chain:
        # What an agent makes of several files is one file on a person's machine.
        configuration = configuration.replace(f"{place.directory}/certificate.pem", chain)
    return tuple(line.strip().rstrip(",") for line in configuration.splitlines())


def client_lines(
    client: ClientSettings, form: ClientForm = "options", places: Mapping[str, str] = _NOTHING
) -> tuple[str, ...]:
    """What the client is told, with example names in the place of files, host and user.

    Args:
        client: what is set in it.
        form: what the lines are for.
        places: where settings were read from: a person's own certificates go by the names of their files.
    """
    trust = _file_of(client.trust, places.get("client.trust"))
    if form in _ASSIGNED:
        return tuple(_parameters(client, form, trust))
    pin = _file_of(client.pin, places.get("server.certificate"))
    target = Target(
        host=client.host or "HOST",
        port=21 if isinstance(client, FtpClientSettings) else 443,
        user=client.user,
        password="",
        delivery=model.Delivery(name="FILE", size=1, sha256=""),
        ca_file=trust if trust is None or client.trust == OWN else f"{trust}.pem",
        fingerprint=f"<SHA-256 of {pin}>" if pin else None,
        certificate="client.pem" if client.client_certificate else None,
        key="client.key" if client.client_certificate else None,
    )
    program = program_of(client)
    if (typed := program.written(client, target)) is not None:
        return typed
    return tuple(_written(program.request(client, target), form, program.told["statements"]))


def _file_of(slug: str | None, place: str | None) -> str | None:
    """What a certificate goes by: a person's own by its file, as ``FILE`` or ``FILE:LINE``; else its slug."""
    if slug != OWN:
        return slug
    file, _, line = (place or "").rpartition(":")
    return file if line.isdigit() and file else place or f"{OWN}.pem"


def _written(request: _Told, form: ClientForm, statements: Mapping[str, str]) -> Iterator[str]:
    if statements:
        yield from _stated(request, statements)
    elif "argv" in request:
        yield from (f"{name}={value}" for name, value in request.get("environment", {}).items())
        # One that is put together of others, a person has already.
        texts = (text for text in request.get("files", {}).values() if isinstance(text, str))
        yield from (line.strip() for text in texts for line in text.splitlines())
        yield from _options(request["argv"])
    elif "config" in request:
        yield from (line.strip() for line in request["config"].splitlines())
    elif "options" in request:
        tls = request.get("tls", request.get("starttls"))
        wanted = form == "options" and "starttls" in request and tls
        yield from ["$ftp->starttls"] if wanted else []
        yield from [f"$ftp->prot('{request['prot']}')"] if request.get("prot") else []
        yield from [_SHARED] if request.get("session_cache") == "shared" else []
        yield from (_option(name, value, form) for name, value in request["options"].items())
    else:
        yield from (_statement(name, value) for name, value in request.items() if value)


#: How a parameter of a backend is written: VCL's form, and that of TOML and JSON.
_ASSIGNED: Mapping[str, str] = {
    "vcl": ".{name} = {value};",
    "toml": "{name} = {value}",
    "json": '"{name}": {value},',
}


def _parameters(client: ClientSettings, form: ClientForm, trust: str | None) -> Iterator[str]:
    """A backend's parameters for what is set in a client."""
    table = data("backend.toml")
    names = (field.name for field in dataclasses.fields(client))
    set_here = {name: getattr(client, name) for name in names if name in table["written"]}
    if client.protocols is not None:
        set_here |= {"minimum": client.protocols.minimum, "maximum": client.protocols.maximum}
    for name, value in set_here.items():
        if value is None or value == "":
            continue
        parameter = table["written"][name]
        spelt = json.dumps(value)
        if name in ("minimum", "maximum"):
            spelt = json.dumps({"TLSv1": "1.0"}.get(value, str(value).removeprefix("TLSv")))
        elif name == "timeout_s":
            spelt = f"{value:g}s" if form == "vcl" else f"{value * 1000:.0f}"
        elif name == "trust":
            spelt = json.dumps(f"<PEM of {trust}>")
        if form == "vcl":
            parameter = table["parameter"][parameter].get("vcl", parameter)
            if name == "verify":
                spelt = "always" if value else "never"
        yield _ASSIGNED[form].format(name=parameter, value=spelt)


def can_be_written(before: Attempt, after: Attempt, form: ClientForm) -> bool:
    """Whether a person can write what a remedy changes at the client.

    Movable Type has no directive for handing on a session, and an edge's own options are no bare client's.
    """
    was, now = before.client, after.client
    if form == "mt-config" and getattr(now, "session_cache", None) == "shared":
        return getattr(was, "session_cache", None) == "shared"
    return form in _ASSIGNED or was.program == now.program or not isinstance(was, EdgeSettings)


def _options(argv: Sequence[str]) -> list[str]:
    """InBothLanguages of a command line, each option with its value."""
    lines: list[str] = []
    for word in argv:
        address = "://" in word
        if word.startswith("-") or address or not lines or " " in lines[-1]:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return lines


def _option(name: str, value: Any, form: ClientForm) -> str:
    if form == "options":
        return f"{name} => {json.dumps(value)}"
    return _DIRECTIVES[name].format(value) if name in _DIRECTIVES else f"FTPSOptions {name}={value}"


def _stated(request: _Told, statements: Mapping[str, str]) -> Iterator[str]:
    """A library's own words for what a request has."""
    for name, value in request.items():
        words = statements.get(f"not {name}" if value is False else name)
        if words is not None and value is not None:
            number = re.sub(r"^\D+", "", str(value))
            version, digits = number.replace(".", "_"), number.replace(".", "")
            yield words.format(value, version=version, digits=digits)


def _statement(name: str, value: Any) -> str:
    spelt = str(value).replace(".", "_") if name in ("minimum", "maximum") else value
    return _STATEMENTS.get(name, f"{name}={{!r}}").format(spelt)


@dataclasses.dataclass(frozen=True)
class LineChange:
    """One end's part of a remedy: what stood there, and what to write."""

    end: _End
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
    texts: Mapping[str, str] = _NOTHING,
    files: tuple[str, str] = ("", ""),
) -> tuple[LineChange, ...]:
    """What differs between two attempts, the server's part first; each of its settings is a change by itself.

    Args:
        before: the attempt that was refused.
        after: the one with the remedy.
        places: where settings were read from: ``FILE:LINE`` by ``server.FIELD`` and ``client.FIELD``.
        form: what the client's lines are for.
        texts: what stands at these places.
        files: chain and key, as the server's configuration names them.
    """
    made = list(_of_server(before.server, after.server, places, files))
    if any(name.startswith("server.") and where in texts for name, where in places.items()):
        made = [_of_lines_that_are_there(change, texts) for change in made]
    fields = _differing(before.client, after.client)
    if form in _ASSIGNED:
        fields = tuple(name for name in fields if name not in ("program", "platform", "policy"))
    if fields:
        lines = client_lines(before.client, form, places), client_lines(after.client, form, places)
        change = _change("client", fields, places, *lines)
        written = tuple(texts.get(where, "") for where in change.where)
        made.append(_in_the_files_words(change, written) if all(written) and written else change)
    return tuple(made)


def _of_lines_that_are_there(change: LineChange, texts: Mapping[str, str]) -> LineChange:
    """A change of a person's own configuration: what goes is what stands there, and else nothing."""
    if not change.was:
        return change
    there = tuple(texts[place] for place in change.where if place in texts)
    if not there:
        return change if change.where else dataclasses.replace(change, was=())
    was, write = _without(there, change.write), _without(change.write, there)
    return dataclasses.replace(change, was=was, write=write)


def _without(lines: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Those of some lines that are not among others."""
    return tuple(line for line in lines if line not in others)


def _of_server(
    before: ServerSettings, after: ServerSettings, places: Mapping[str, str], files: tuple[str, str]
) -> Iterator[LineChange]:
    """A change of each setting by itself, and of each further line."""

    def lines_of(settings: ServerSettings) -> tuple[str, ...]:
        # A comment is the lab's own, to its agent.
        return tuple(x for x in server_lines(settings, None, files) if not x.startswith("#"))

    fields, known = _differing(before, after), lines_of(before)
    if not fields:
        return
    whole = _change("server", fields, places, known, lines_of(after))
    try:
        steps = [dataclasses.replace(before, **{name: getattr(after, name)}) for name in fields]
    except ValueError:
        steps = []
    if any(SERVERS[step.software].unsupported(step) is not None for step in steps):
        steps = []
    each = zip(fields, steps, strict=False)
    parts = [_change("server", (name,), places, known, lines_of(step)) for name, step in each]
    was = {line for one in parts for line in one.was}
    write = {line for one in parts for line in one.write}
    if not parts or (was, write) != ({*whole.was}, {*whole.write}):
        # These settings are only to be had together.
        yield whole
        return
    for part in parts:
        yield from _line_by_line(part, places) if part.fields == ("extra",) else (part,)


def _line_by_line(change: LineChange, places: Mapping[str, str]) -> Iterator[LineChange]:
    """Further lines of a configuration, each with the one of its name that comes in its place."""
    left = list(change.write)
    for line in change.was:
        write = tuple(one for one in left if _name_in(one) == _name_in(line))
        left = [one for one in left if one not in write]
        place = next(_places_of(line, "server", places), places.get("server.extra"))
        where = (place,) if place else ()
        yield dataclasses.replace(change, where=where, was=(line,), write=write)
    if left or not change.was:
        yield dataclasses.replace(change, where=(), was=(), write=tuple(left))


def _places_of(line: str, end: str, places: Mapping[str, str]) -> Iterator[str]:
    """Where a further line was read from: as it is written, or as the settings have it, NAME=VALUE."""
    bare = line.rstrip(";")  # nginx has one at the end of each
    for one in (line, bare, re.sub(r"\s+", "=", bare, count=1)):
        if place := places.get(f"{end}.extra:{one}"):
            yield place


def _name_in(line: str) -> str:
    """The option that a line of a configuration sets."""
    return re.split(r"[\s=:]", line.strip(), maxsplit=1)[0]


def _in_the_files_words(change: LineChange, written: tuple[str, ...]) -> LineChange:
    """A change of lines as the file has them, which may have other names for its parameters."""
    lines: list[str] = []
    address = next((text for text in written if "http://" in text), None)
    port = next((text for text in written if _PLAIN_PORT.search(text)), None)
    named = any(text.startswith("cert_host") for text in written)
    for line in change.write:
        if line.startswith(("use_ssl", ".ssl =", '"use_ssl"')):
            if address is not None:
                lines.append(address.replace("http://", "https://"))
                continue
            if port is not None:
                lines.append(_PLAIN_PORT.sub(r"\g<1>443", port))
        if named and line.startswith("ssl_sni_hostname"):
            continue  # a manifest has one name for both
        lines.append(line.replace("ssl_cert_hostname", "cert_host") if named else line)
    each = zip(change.where, written, strict=False)
    where = tuple(where for where, text in each if text not in lines)
    was, write = _without(written, lines), _without(lines, written)
    return dataclasses.replace(change, where=where, was=was, write=write)


def _differing(before: Settings, after: Settings) -> tuple[str, ...]:
    """The fields whose values differ; a field that only one program has is none of the change."""
    was, now = vars(before), vars(after)
    return tuple(name for name in was if name in now and was[name] != now[name])


def _change(
    end: _End, fields: _Words, places: Mapping[str, str], before: _Words, after: _Words
) -> LineChange:
    was = _without(before, after)
    known = [places[key] for name in fields if (key := f"{end}.{name}") in places]
    known += [place for line in was for place in _places_of(line, end, places)]
    return LineChange(end, fields, tuple(dict.fromkeys(known)), was, _without(after, before))
