"""A person's files and the command line, put together into one attempt.

What the command line assigns wins over the files; what the files say wins over the defaults.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.certificates import OWN
from lab.clients import PROGRAMS
from lab.model import HOST_ADDRESS, Attempt, ClientSettings, ServerSettings, WebClientSettings
from lab.own.configurations import EXTRA, ConfigurationText, GivenConfiguration, GivenFiles
from lab.own.files import PEM, ClientForm, UserAnchors, UserCertificate, UserFiles, public_roots
from lab.own.findings import Finding, Findings, most_of, read_bytes, read_text
from lab.own.judged import PUBLIC, say_not_judged
from lab.own.names import is_host_name, is_of_the_lab
from lab.own.presumed import presumption, sent_alone
from lab.servers import SERVERS
from lab.settings import attempt_of, parse_client, parse_server
from lab.text import cut, is_address

if TYPE_CHECKING:
    from lab.own.backend import Backend

#: What is said of the files together.
TABLE = "attempt.toml"
#: The ends of an attempt where nobody names them: of FTP, and of the web.
FTP_SERVER, FTP_CLIENT = "vsftpd", "net-ftp@rocky9"
WEB_SERVER, WEB_CLIENT = "nginx", "edge@debian13"
#: The client that sends one name and checks another, which the edge cannot.
BARE_CLIENT = "tls-perl@rocky9"


def server_for(client: str) -> str:
    """The server that ``PROGRAM@PLATFORM[:POLICY]`` is tried against where nobody names one."""
    return WEB_SERVER if client.partition("@")[0] in _web_programs() else FTP_SERVER


def _web_programs() -> list[str]:
    return [name for name, p in PROGRAMS.items() if issubclass(p.settings, WebClientSettings)]


def read_attempt(
    files: GivenFiles,
    client: str | None = None,
    *,
    client_settings: Sequence[str] = (),
    server: str | None = None,
    server_settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> tuple[Attempt, UserFiles | None, list[Finding]]:
    """The attempt that the files and the command line describe.

    Args:
        files: of several configurations of servers one at most can be tried.
        client: ``PROGRAM@PLATFORM[:POLICY]`` (default: :data:`WEB_CLIENT` with a backend, else
            :data:`FTP_CLIENT`).
        client_settings: ``FIELD=VALUE`` for the client.
        server: the software (default: what reads the configuration; without one :data:`WEB_SERVER` for a web
            client, else :data:`FTP_SERVER`).
        server_settings: ``FIELD=VALUE`` for the server.
        environment: variables to look through for Movable Type's directives.

    Returns:
        The attempt, what goes by the slug ``own`` (``None``: nothing is given), and the findings in the
        order of the files, the first of them where there are many.

    Raises:
        InputError: a file that cannot be read or tried.
        SettingsError: an assignment that cannot be read, or a build that does not exist.
    """
    given, config, backend = _one_of(files.given), files.mt_config, files.backend
    web = [backend, *(one.file for one in files.given if one.reader.of_web)]
    _check_together(web, [*(one.file for one in files.given if not one.reader.of_web), config])
    bare = BARE_CLIENT if client is None else None
    client = client or (WEB_CLIENT if any(web) else FTP_CLIENT)
    server = server or _server_for(client, given)
    findings: list[Finding] = []
    certificate = _given(files.chain, files.key, findings)
    places, texts = dict[str, str](), dict[str, str]()
    of_server, named = _server(given, server, server_settings, certificate, findings, places, texts)
    anchors = _anchors(files.ca, findings) if files.ca is not None else None
    client_settings = _with_what_is_given(client_settings, files.host, anchors)
    of_client, base = parse_client(client, client_settings), parse_client(client)
    settings: ClientSettings
    presented: UserCertificate | None = None
    form: ClientForm = "options"
    if backend is not None:
        read, settings, said = _of_backend(backend, files.backend_name, base, of_server, bare)
        anchors, presented = anchors or read.anchors, read.client
        form = read.written_as
        places |= read.places
    elif config is not None:
        settings, said, lines = _delivery(config, base, certificate)
        assigned = _assigned(client_settings)
        places |= {f"client.{n}": f"{config}:{at}" for n, at in lines.items() if n not in assigned}
        form = "mt-config"
    else:
        settings, said = of_client, []
    if backend is not None or config is not None:
        file = Findings(str(backend or config), TABLE)
        of_client = _assigned_over(settings, of_client, base, client_settings, file)
        findings += _by_line([*said, *file])
    findings += _of_environment(environment) if environment is not None else []
    attempt = attempt_of(of_server, of_client)
    _check_own_is_given(attempt, certificate, anchors)
    asked = _asked(attempt) if files.host is not None or backend is not None else None
    if certificate is not None:
        findings += _judged(attempt, certificate, anchors)
    roots = public_roots() if attempt.server.certificate == OWN else None
    texts |= _texts(backend or config, places)
    own = UserFiles(
        certificate, anchors, asked, presented, roots, places, form=form, texts=texts, named=named
    )
    brought = own != UserFiles() or any(one is not None for one in (given, config, backend))
    if brought and certificate is None and "certificate" not in _assigned(server_settings):
        names = _names_it_holds_for(attempt.client, client_settings)
        own = dataclasses.replace(own, certificate_given=False, names=names)
        attempt = attempt.with_server(**_that_send_all(attempt, places))
        for name in names:
            found = Findings(str(backend or f"--host {files.host}"), TABLE)
            found.say("lab-certificate", None, name=name)
            findings += found
    return attempt, own if own != UserFiles() else None, most_of(findings)


def _of_backend(
    file: Path, name: str | None, base: ClientSettings, server: ServerSettings, bare: str | None
) -> tuple[Backend, ClientSettings, list[Finding]]:
    """The backend of this name, the client that does as it says, and what is said of it.

    Args:
        file: the definition.
        name: of the backend; ``None``: the first.
        base: what the definition does not say of the client.
        server: the origin.
        bare: the client in the place of an edge that cannot do as it says; ``None``: none, this one is meant.
    """
    if not isinstance(base, WebClientSettings):
        others = ", ".join(_web_programs())
        programs = {"program": base.program, "usual": WEB_CLIENT, "others": others}
        raise Findings(str(file), TABLE).fail("no-web-client", None, **programs)
    from lab.own import backend as backends  # noqa: PLC0415 - a reader is loaded for its file
    from lab.own import backend_settings  # noqa: PLC0415

    read = backends.read(read_text(file), str(file), name)
    settings, more = backend_settings.client_settings(read, base, server)
    if bare is not None and settings.keeps_names_apart:
        found = Findings(str(file), TABLE)
        found.say("bare-client", None, client=bare)
        other = parse_client(bare)
        assert isinstance(other, WebClientSettings)
        settings, more = backend_settings.client_settings(read, other, server)
        more += found
    said = [*read.findings, *more]
    return read, settings, said if read.client is None else [*said, *_client_looked_at(read.client)]


def _of_environment(environment: Mapping[str, str]) -> list[Finding]:
    from lab.own import mt_config  # noqa: PLC0415 - a reader is loaded for its file

    return mt_config.from_environment(environment)


def _with_what_is_given(
    assignments: Sequence[str], host: str | None, anchors: UserAnchors | None
) -> Sequence[str]:
    """The assignments for the client, with what ``--ca`` and ``--host`` say."""
    if anchors is not None and "trust" not in _assigned(assignments):
        assignments = [*assignments, f"trust={OWN}"]
    return assignments if host is None else _asking_for(_full_name(host), assignments)


def _asked(attempt: Attempt) -> str | None:
    """The name outside the lab's zone that the client asks for; ``None``: it asks for none."""
    asked = attempt.client.host
    return None if asked in {None, HOST_ADDRESS} or is_of_the_lab(asked or "") else asked


def _that_send_all(attempt: Attempt, places: Mapping[str, str]) -> dict[str, object]:
    """What changes in a server that sends its first certificate alone, where one of the lab's is there.

    That one has an intermediate; whether the person's has is not known: it is presumed that it has not.
    """
    server, client = attempt.server, attempt.client
    if getattr(server, "certificate_chain", True) or not client.checks_certificate:
        return {}
    place = places.get("server.certificate_chain")
    if place is None:  # the command line says it
        return {}
    before: tuple[str, ...] = getattr(server, "presumed", ())
    return {"certificate_chain": True, "presumed": (*before, presumption(sent_alone().en, place))}


def _names_it_holds_for(client: ClientSettings, assignments: Sequence[str]) -> tuple[str, ...]:
    """The names outside the lab's zone that a certificate in the place of the person's is made out to.

    It is the one that the client checks, unless the command line said which that is.
    """
    name = client.checked_name or client.host
    checks = client.checks_certificate and "verify_name" not in _assigned(assignments)
    if not checks or name is None or not is_host_name(name) or is_of_the_lab(name):
        return ()
    return (name.lower(),)


def _full_name(host: str) -> str:
    """The name that ``--host`` gives, as clients send it.

    Raises:
        InputError: it is none.
    """
    found, name = Findings(f"--host {host}", TABLE), host.lower()
    if is_address(host):
        raise found.fail("host-is-address", None)
    if not is_host_name(host) or name.endswith("."):
        raise found.fail("no-host", None)
    if "." not in name:
        raise found.fail("host-without-domain", None)
    return name


def _asking_for(host: str, assignments: Sequence[str]) -> Sequence[str]:
    """The assignments for the client, with the name that it asks for.

    Raises:
        InputError: they have another one.
    """
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if name == "host":
            if value == host:
                return assignments
            raise Findings(f"--host {host}", TABLE).fail("two-hosts", None, other=assignment)
    return [*assignments, f"host={host}"]


def _judged(attempt: Attempt, own: UserCertificate, anchors: UserAnchors | None) -> list[Finding]:
    """What is not judged of the person's chain, and what can be seen to be wrong with it.

    A pinned one is accepted whatever it is.
    """
    from lab.own.chain import Checked, check_chain  # noqa: PLC0415

    client = attempt.client
    said = say_not_judged(attempt, own, anchors_given=anchors is not None)
    if attempt.server.certificate != OWN or client.pin == OWN or not client.checks_certificate:
        return said
    asked = client.checked_name or (None if client.host == HOST_ADDRESS else client.host)
    pem, whose = _trusted(client, own, anchors)
    checked = Checked(where=client.where, trusted=pem, whose=whose, host=asked)
    return [*said, *check_chain(own.chain_pem, own.lines, own.chain_file, checked)]


def _client_looked_at(own: UserCertificate) -> list[Finding]:
    """What can be seen to be wrong with the person's certificate for a client."""
    from lab.own.chain import Checked, check_chain  # noqa: PLC0415

    checked = Checked(where="", trusted=None, whose="", side="clients")
    return check_chain(own.chain_pem, own.lines, own.chain_file, checked)


def _trusted(
    client: ClientSettings, own: UserCertificate, anchors: UserAnchors | None
) -> tuple[bytes | None, str]:
    """What a client trusts, and whose that is; ``None``: a CA of the lab, which issued nothing of this."""
    if client.trust in (None, PUBLIC):
        roots = public_roots()
        return roots.pem, roots.description
    if client.trust != OWN:
        return None, ""
    if anchors is not None:
        return anchors.pem, anchors.file
    return own.chain_pem, f"{own.chain_file} itself, because of trust=own"


def _anchors(file: Path, findings: list[Finding]) -> UserAnchors:
    from lab.own.pem import read_anchors  # noqa: PLC0415 - cryptography is slow to import

    anchors, found = read_anchors(read_bytes(file, PEM), str(file))
    findings += found
    return dataclasses.replace(anchors, option="--ca")


def _one_of(configurations: Sequence[GivenConfiguration]) -> GivenConfiguration | None:
    """The configuration that is tried.

    Raises:
        InputError: there are several of one family, and a server reads one.
    """
    for one, other in itertools.combinations(configurations, 2):
        if one.reader.of_web is other.reader.of_web:
            found = Findings(str(other.file), TABLE)
            raise found.fail("two-configurations", None, one=one.option, other=other.option)
    return next(iter(configurations), None)


def _server_for(client: str, given: GivenConfiguration | None) -> str:
    """The server that is tried where nobody names one: what reads the file, if the client can speak to it."""
    usual = server_for(client)
    if given is None or given.reader.of_web is not (usual == WEB_SERVER):
        return usual
    return given.reader.software


def _check_together(web: Iterable[Path | None], others: Iterable[Path | None]) -> None:
    """A backend and an origin's configuration are for the web, and the other files are not."""
    for_web, for_ftp = (next(filter(None, files), None) for files in (web, others))
    if for_web and for_ftp:
        raise Findings(str(for_web), TABLE).fail("web-and-ftp", None, config=for_ftp)


def _given(chain: Path | None, key: Path | None, findings: list[Finding]) -> UserCertificate | None:
    if chain is None and key is None:
        return None
    if chain is None:
        raise Findings(str(key), TABLE).fail("key-alone", None)
    from lab.own.pem import read_certificate  # noqa: PLC0415 - cryptography is slow to import

    key_bytes = None if key is None else read_bytes(key, PEM)
    own, found = read_certificate(read_bytes(chain, PEM), key_bytes, str(chain), str(key))
    findings += found
    return own


def _server(
    given: GivenConfiguration | None,
    software: str,
    assignments: Sequence[str],
    own: UserCertificate | None,
    findings: list[Finding],
    places: dict[str, str],
    texts: dict[str, str],
) -> tuple[ServerSettings, tuple[str, str]]:
    """The server that a configuration describes, and over it what the command line assigns.

    With it the paths of chain and key in the configuration; what is read where is added to the last three.
    """
    explicit, assigned = parse_server(assignments, software), _assigned(assignments)
    if given is None:
        if own is not None and "certificate" not in assigned:
            return dataclasses.replace(explicit, certificate=OWN), ("", "")
        return explicit, ("", "")
    conf, reader = str(given.file), given.reader
    if not isinstance(explicit, reader.settings):
        raise Findings(conf, TABLE).fail("other-server", None, file=reader.file, software=software)
    text, origins = reader.reading.gather(given.file, read_text)
    whole = ConfigurationText(
        text=text, file=conf, server=SERVERS[software], build=given.build, origins=origins
    )
    read = reader.reading.read(whole)
    wins = Findings(conf, TABLE, origins)
    for name in assigned:
        if name in read.lines:
            wins.say("server-setting-wins", read.lines[name], name=name)
    findings += _by_line([*read.findings, *wins])
    settings = read.settings
    if own is not None and (reader.has_certificate or settings.has_certificate):
        settings = dataclasses.replace(settings, certificate=OWN)
    dropped = {entry for name in assigned for entry in read.spelled.get(name, ())}
    kept = tuple(entry for entry in getattr(settings, "extra", ()) if entry not in dropped)
    changes = {name: getattr(explicit, name) for name in assigned}
    changes["extra"] = (*kept, *getattr(explicit, "extra", ()))
    # Of several lines that make up a field each has its own.
    lines = {n: at for n, at in read.lines.items() if n not in (*assigned, *read.spelled)}
    for name, entries in read.spelled.items():
        if name not in assigned:
            lines |= {f"{EXTRA}{entry}": at for entry, at in entries.items()}
    lines |= {f"{EXTRA}{entry}": at for entry, at in read.extra_lines.items() if entry in kept}
    lines |= {f"{EXTRA}{written}": at for written, at in read.written_lines.items()}
    places.update({f"server.{name}": wins.place(at) for name, at in lines.items()})
    rows = text.split("\n")
    texts.update({wins.place(at): cut(rows[at - 1].strip()) for at in lines.values()})
    files = reader.reading.named_files(text, conf)
    # Quotes that a program does not take are what is wrong with a line, and no part of a path.
    chain, key = (path.strip("\"'") for path, _ in (files.certificate, files.key))
    return dataclasses.replace(settings, **changes), (chain, key)


def _texts(file: Path | None, places: Mapping[str, str]) -> dict[str, str]:
    """What a file has at these places."""
    if file is None or not places:
        return {}
    lines = {f"{file}:{n}": line.strip() for n, line in enumerate(read_text(file).split("\n"), 1)}
    return {place: cut(lines[place]) for place in places.values() if lines.get(place)}


def _delivery(
    file: Path, base: ClientSettings, own: UserCertificate | None
) -> tuple[ClientSettings, list[Finding], Mapping[str, int]]:
    """The client that Movable Type's directives describe, and the line of each of its settings."""
    from lab.own import mt_client, mt_config  # noqa: PLC0415

    read = mt_config.parse(read_text(file), str(file))
    found = Findings(str(file), TABLE)
    if base.program != "net-ftp":
        found.say("not-net-ftp", None, program=base.program)
    pins = {} if own is None else {own.leaf_sha256: OWN}
    settings, more, lines = mt_client.client_settings(read, base, pins)
    return settings, [*read.findings, *found, *more], lines


def _assigned_over(
    settings: ClientSettings,
    explicit: ClientSettings,
    base: ClientSettings,
    assignments: Iterable[str],
    found: Findings,
) -> ClientSettings:
    """What a file says of the client, and over it what the command line assigns, which is said."""
    changes = {name: getattr(explicit, name) for name in _assigned(assignments)}
    for name, value in changes.items():
        if getattr(settings, name) not in (value, getattr(base, name)):
            found.say("client-setting-wins", None, name=name)
    return dataclasses.replace(settings, **changes)


def _by_line(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the lines; what is about the whole file last."""
    return sorted(findings, key=lambda f: (f.line is None, f.line or 0))


def _assigned(assignments: Iterable[str]) -> list[str]:
    return [assignment.partition("=")[0] for assignment in assignments]


def _check_own_is_given(
    attempt: Attempt, certificate: UserCertificate | None, anchors: UserAnchors | None
) -> None:
    """Settings name a certificate of the person's only where there is one."""
    if certificate is not None:
        return
    used = {
        "-s certificate": attempt.server.certificate,
        "-c trust": attempt.client.trust if anchors is None else None,
        "-c fingerprint": attempt.client.pin,
    }
    for option, value in used.items():
        if value == OWN:
            raise Findings(f"{option}={OWN}", TABLE).fail("nothing-brought", None)
