"""An operator's files and the command line, put together into one attempt.

What the command line assigns wins over the files; what the files say wins over the defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cryptography import x509

from lab.certificates import OWN
from lab.clients import PROGRAMS
from lab.model import Attempt, ClientSettings, NotJudged, ServerSettings, WebClientSettings
from lab.own import backend as backends
from lab.own import backend_settings
from lab.own import mt_config as mt
from lab.own import vsftpd_conf as vsftpd
from lab.own.files import PEM
from lab.own.findings import (
    Finding,
    InputError,
    Severity,
    most_of,
)
from lab.own.judged import not_judged
from lab.own.mt_client import client_settings
from lab.own.pem import UserAnchors, UserCertificate, UserFiles, read_certificate
from lab.own.pem_chain import issued
from lab.own.reading import read_bytes, read_text
from lab.servers import SERVERS
from lab.servers.vsftpd import Vsftpd, VsftpdServer
from lab.settings import attempt_of, parse_client, parse_server

#: The ends of an attempt where nobody names them: of FTP, and of the web.
FTP_SERVER, FTP_CLIENT = "vsftpd", "net-ftp@rocky9"
WEB_SERVER, WEB_CLIENT = "nginx", "edge@debian13"

#: Fields of the settings that can name the operator's own certificate.
_OWN_FIELDS = {"-s": ("certificate",), "-c": ("trust", "fingerprint")}


def server_for(client: str) -> str:
    """The server that ``PROGRAM@PLATFORM[:POLICY]`` is tried against where nobody names one."""
    return WEB_SERVER if client.partition("@")[0] in _web_programs() else FTP_SERVER


def _web_programs() -> list[str]:
    return [name for name, p in PROGRAMS.items() if issubclass(p.settings, WebClientSettings)]


def read_attempt(
    vsftpd_conf: Path | None,
    mt_config: Path | None,
    chain: Path | None,
    key: Path | None,
    server_assignments: Iterable[str],
    client: str | None,
    client_assignments: Iterable[str],
    *,
    server: str | None = None,
    vsftpd_build: str | None = None,
    backend: Path | None = None,
    backend_name: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Attempt, UserFiles | None, list[Finding]]:
    """The attempt that the files and the command line describe.

    Args:
        vsftpd_conf: a vsftpd.conf.
        mt_config: lines of an mt-config.cgi.
        chain: the server's certificate chain, PEM.
        key: its private key, PEM; not needed where it is in the chain's file.
        server_assignments: ``FIELD=VALUE`` for the server.
        client: ``PROGRAM@PLATFORM[:POLICY]`` (default: :data:`WEB_CLIENT` with a backend, else
            :data:`FTP_CLIENT`).
        client_assignments: ``FIELD=VALUE`` for the client.
        server: the software (default: :data:`WEB_SERVER` for a web client, else :data:`FTP_SERVER`); a
            vsftpd.conf is for vsftpd only.
        vsftpd_build: the build that the vsftpd.conf is written for, a key of
            :data:`lab.own.vsftpd_options.BUILDS`; default: the build of the server.
        backend: a content delivery network's definition of a backend: VCL, TOML or JSON.
        backend_name: which of them, where the file has several.
        environment: variables to look through for Movable Type's directives.

    Returns:
        The attempt, what goes by the slug ``own`` (``None``: nothing is given), and the findings in the
        order of the files, the first of them where there are many.

    Raises:
        InputError: a file that cannot be read or tried.
        SettingsError: an assignment that cannot be read, or a build that does not exist.
    """
    server_assignments, client_assignments = list(server_assignments), list(client_assignments)
    _check_together(backend, mt_config)
    client = client or (WEB_CLIENT if backend else FTP_CLIENT)
    server = server or server_for(client)
    findings: list[Finding] = []
    certificate, found = _own(chain, key)
    findings += found
    server_settings, found = _server(
        vsftpd_conf, vsftpd_build, server, server_assignments, certificate
    )
    findings += found
    anchors: UserAnchors | None = None
    if backend is None:
        client_settings, found = _client(mt_config, client, client_assignments, certificate)
    else:
        client_settings, anchors, found = _edge(
            backend, backend_name, client, client_assignments, server_settings
        )
    findings += found
    if environment is not None:
        findings += mt.from_environment(environment)
    attempt = attempt_of(server_settings, client_settings)
    _check_own_is_given(attempt, certificate, anchors)
    if certificate is not None:
        findings += _about_own(attempt, certificate, str(chain), anchors_given=anchors is not None)
    own = UserFiles(certificate, anchors) if certificate or anchors else None
    return attempt, own, most_of(findings)


def _check_together(backend: Path | None, mt_config: Path | None) -> None:
    """A backend is for a web client, and the other files are not."""
    if backend is None:
        return
    if mt_config is not None:
        raise InputError(
            str(backend),
            None,
            f"this is for a web client and {mt_config} for one of FTP.",
            "Give one of the two.",
        )


def _own(chain: Path | None, key: Path | None) -> tuple[UserCertificate | None, list[Finding]]:
    if chain is None:
        if key is not None:
            raise InputError(
                str(key),
                None,
                "a private key is given, and no certificate.",
                "Give the certificate chain with --chain FILE.",
            )
        return None, []
    key_bytes = None if key is None else read_bytes(key, PEM)
    own, findings = read_certificate(read_bytes(chain, PEM), key_bytes, str(chain), str(key))
    named = None if key is None else str(key)
    return dataclasses.replace(own, chain_file=str(chain), key_file=named), findings


def _server(
    conf: Path | None,
    build: str | None,
    software: str,
    assignments: Sequence[str],
    own: UserCertificate | None,
) -> tuple[ServerSettings, list[Finding]]:
    explicit = parse_server(assignments, software)
    assigned = _assigned(assignments)
    if conf is None:
        if own is not None and "certificate" not in assigned:
            explicit = dataclasses.replace(explicit, certificate=OWN)
        return explicit, []
    program = SERVERS[software]
    if not (isinstance(program, VsftpdServer) and isinstance(explicit, Vsftpd)):
        raise InputError(
            str(conf),
            None,
            f"a vsftpd.conf says nothing to {software}.",
            "Leave --server out, or the file.",
        )
    read = vsftpd.parse(
        read_text(conf),
        str(conf),
        build=vsftpd.build_named(build) if build else program.build,
        target=program.build,
        software=software,
    )
    findings = [*read.findings, *_overridden(read.file, read.lines, assigned, "-s")]
    settings = read.settings
    if own is not None:
        settings = dataclasses.replace(settings, certificate=OWN)
    kept = tuple(e for e in settings.extra if "protocols" not in assigned or e not in read.switches)
    changes = {name: getattr(explicit, name) for name in assigned}
    # Among equal options vsftpd takes the last line.
    changes["extra"] = (*kept, *explicit.extra)
    return dataclasses.replace(settings, **changes), _by_line(findings)


def _client(
    config: Path | None, client: str, assignments: Sequence[str], own: UserCertificate | None
) -> tuple[ClientSettings, list[Finding]]:
    explicit = parse_client(client, assignments)
    if config is None:
        return explicit, []
    findings: list[Finding] = []
    read = mt.parse(read_text(config), str(config))
    findings += read.findings
    if explicit.program != "net-ftp":
        text = (
            f"Movable Type's server delivery uses Perl's Net::FTP, not {explicit.program}: the"
            " directives are read as Net::FTP's and given to it"
        )
        findings.append(Finding(Severity.WARNING, str(config), None, text))
    pins = {} if own is None else {own.leaf_sha256: OWN}
    base = parse_client(client)
    settings, found = client_settings(read, base, pins)
    findings += found
    changes = {name: getattr(explicit, name) for name in _assigned(assignments)}
    for name, value in changes.items():
        if getattr(settings, name) not in (value, getattr(base, name)):
            text = f"-c {name}= on the command line wins over the file"
            findings.append(Finding(Severity.NOTE, str(config), None, text))
    return dataclasses.replace(settings, **changes), _by_line(findings)


def _edge(
    file: Path,
    name: str | None,
    client: str,
    assignments: Sequence[str],
    server: ServerSettings,
) -> tuple[ClientSettings, UserAnchors | None, list[Finding]]:
    explicit, base = parse_client(client, assignments), parse_client(client)
    if not isinstance(base, WebClientSettings):
        raise InputError(
            str(file),
            None,
            f"a backend says nothing to {base.program}.",
            f"Leave --client out ({WEB_CLIENT}), or name another web client:"
            f" {', '.join(_web_programs())}.",
        )
    read = backends.read(read_text(file), str(file), name)
    settings, found = backend_settings.client_settings(read, base, server)
    findings = [*read.findings, *found]
    changes = {field: getattr(explicit, field) for field in _assigned(assignments)}
    for field, value in changes.items():
        if getattr(settings, field) not in (value, getattr(base, field)):
            text = f"-c {field}= on the command line wins over the file"
            findings.append(Finding(Severity.NOTE, str(file), None, text))
    return dataclasses.replace(settings, **changes), read.anchors, _by_line(findings)


def _by_line(findings: Iterable[Finding]) -> list[Finding]:
    """In the order of the lines; what is about the whole file last."""
    return sorted(findings, key=lambda f: (f.line is None, f.line or 0))


def _assigned(assignments: Iterable[str]) -> list[str]:
    return [assignment.partition("=")[0] for assignment in assignments]


def _overridden(
    file: str, lines: Mapping[str, int], assigned: Iterable[str], option: str
) -> list[Finding]:
    return [
        Finding(Severity.NOTE, file, lines[name], f"{option} {name}= on the command line wins")
        for name in assigned
        if name in lines
    ]


# -- the operator's own certificate ----------------------------------------------------------------


def _check_own_is_given(
    attempt: Attempt, certificate: UserCertificate | None, anchors: UserAnchors | None
) -> None:
    if certificate is not None:
        return
    for option, settings in (("-s", attempt.server), ("-c", attempt.client)):
        for name in _OWN_FIELDS[option]:
            if getattr(settings, name, None) == OWN and not (
                name == "trust" and anchors is not None
            ):
                raise InputError(
                    f"{option} {name}={OWN}",
                    None,
                    "there is no certificate of your own in this attempt.",
                    "Give it with --chain FILE --key FILE; what is to be trusted, also as the"
                    " ssl_ca_cert of --backend FILE.",
                )


def _about_own(
    attempt: Attempt, own: UserCertificate, file: str, *, anchors_given: bool
) -> list[Finding]:
    """What the attempt will not say of the operator's own certificate."""
    if attempt.server.certificate != OWN:
        text = (
            f"the certificate is not used: the server has certificate={attempt.server.certificate}"
        )
        return [Finding(Severity.WARNING, file, None, text)]
    client = attempt.client
    if client.pin == OWN and client.verify:
        text = (
            f"fingerprint={OWN}: the client accepts exactly this certificate, whoever issued it and"
            " whatever names it has"
        )
        return [Finding(Severity.NOTE, file, None, text)]
    leaf = x509.load_pem_x509_certificate(own.chain_pem)
    # Its own issuer: who was not given it refuses it, with the lab's CA or any other.
    judged_all_the_same = {NotJudged.ISSUER_LAB_CA_ONLY} if issued(leaf, leaf) else set()
    return [
        Finding(Severity.WARNING, file, None, _WHY_NOT_JUDGED[each])
        for each in not_judged(attempt, anchors_given=anchors_given)
        if each not in judged_all_the_same
    ]


_WHY_NOT_JUDGED = {
    NotJudged.ISSUER_LAB_CA_ONLY: (
        "whether your clients know the issuer is not judged: clients of the lab know only the lab's CA,"
        " and refuse every other issuer. A web client can be told what to trust, by the ssl_ca_cert of"
        " --backend FILE"
    ),
    NotJudged.ISSUER_FROM_CHAIN: (
        f"whether your clients know the issuer is not judged: `trust={OWN}` trusts what this file itself"
        " holds, so that some clients accept even a chain without its intermediate. A web client can be"
        " told what to trust, by the ssl_ca_cert of --backend FILE"
    ),
    NotJudged.NAME_NOT_GIVEN: (
        "whether the certificate is for your server's name is not judged: no name to check is given, and"
        " the client connects to a name of the lab. Give the name that your clients connect to:"
        " `-c verify_name=NAME -c sni=NAME`"
    ),
}
