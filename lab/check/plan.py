"""What a check makes of a person's files: the requirements, and the attempt that shows each."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab.check.clients import clients_of, most_lenient, usual_among
from lab.check.demands import Demands, failure
from lab.check.result import Demand, Requirement, SourceLine
from lab.grouping import grouped_by
from lab.model import Attempt, FtpClientSettings, Goal, ProtocolRange, ServerSettings
from lab.own.attempt import BARE_CLIENT, FTP_CLIENT, read_attempt
from lab.own.configurations import GivenFiles, options_in_words
from lab.own.files import UserFiles
from lab.own.findings import Finding
from lab.own.judged import STRONG, USUAL
from lab.servers.impostor import impostors
from lab.settings import SettingsError, parse_client

#: Programs that show what a server still allows: they do as they are told, whatever the platform.
_PROBES = tuple(client.partition("@")[0] for client in (FTP_CLIENT, BARE_CLIENT))


@dataclass(frozen=True)
class CheckPlan:
    """All that one check demands."""

    files: tuple[str, ...]
    """What is checked, as it was named."""
    requirements: tuple[Requirement, ...]
    findings: tuple[Finding, ...]
    own: UserFiles | None
    """What goes by the slug ``own``, the same in all attempts; ``None``: nothing was given."""
    checked: GivenFiles
    """The files: those of the command line, and of the demands where they are not named there."""
    server: ServerSettings
    """What the configuration comes to."""


def read_plan(
    demands: Demands,
    files: GivenFiles,
    *,
    narrowed: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> CheckPlan:
    """What must be made to see whether the demands are met.

    Args:
        demands: what a ``lab-check.toml`` says.
        files: those of the command line, which win.
        narrowed: patterns: only these of the clients.
        settings: ``FIELD=VALUE`` for every client, beside those of the demands.

    Raises:
        InputError: a file cannot be read or tried, or a demand means nothing.
        SettingsError: a setting that a client does not have.
    """
    files = files.over(demands.files)
    if not any((files.given, files.mt_config, files.backend)):
        named = options_in_words()
        raise failure("lab check", None, "nothing-to-check", configurations=named)
    read = partial(_read_for, demands, files, settings)
    usual, own, _ = read(None)
    spoken_of = usual.client.program if files.mt_config or files.backend else None
    fitting = clients_of(usual.server.speaks, spoken_of)
    chosen = demands.clients(fitting, narrowed)
    findings: dict[Finding, None] = {}
    wanted: list[Requirement] = []
    for client, (written, may_be_cannot) in chosen.items():
        attempt, given, said = read(client)
        findings |= dict.fromkeys(said)
        make = partial(
            Requirement, own=given or UserFiles(), client=client, may_be_cannot=may_be_cannot
        )
        wanted.append(make(attempt=attempt, demand=Demand.DELIVERS, written=written))
        if demands.unverified is not None:
            place = demands.unverified
            wanted.append(make(attempt=attempt, demand=Demand.VERIFIES, written=place))
        if demands.impostor is not None:
            attempt, place = impostors(attempt), demands.impostor
            wanted.append(make(attempt=attempt, demand=Demand.IMPOSTOR, written=place))
    everybody = usual_among(clients_of(usual.server.speaks))
    wanted += _nobody(demands, everybody, usual, own or UserFiles())
    if demands.without_tls is not None:
        probes = _one_of_each(chosen or dict.fromkeys(everybody, (None, True)))
        for client, may_be_cannot in probes:
            attempt, given, _ = read(client)
            clear = Requirement(
                attempt=_in_clear_text(attempt),
                own=given or UserFiles(),
                demand=Demand.CLEAR_DATA,
                client=client,
                may_be_cannot=may_be_cannot,
                written=demands.without_tls,
            )
            wanted.append(clear)
    if not wanted:
        raise failure(demands.file or "lab check", None, "nothing-demanded")
    by_demand = sorted(wanted, key=lambda one: list(Demand).index(one.demand))
    return CheckPlan(files.named, tuple(by_demand), tuple(findings), own, files, usual.server)


def _read_for(
    demands: Demands, files: GivenFiles, settings: Sequence[str], client: str | None
) -> tuple[Attempt, UserFiles | None, list[Finding]]:
    try:
        return _read(files, (*demands.settings, *settings), client)
    except SettingsError:
        for text, place in demands.settings.items():
            try:
                _read(files, (text,), client)
            except SettingsError as error:
                raise failure(place.file, place.line, "wrong-setting", said=error) from error
        raise


def _read(
    files: GivenFiles, settings: Sequence[str], client: str | None
) -> tuple[Attempt, UserFiles | None, list[Finding]]:
    environment = os.environ if files.mt_config else None
    attempt, own, findings = read_attempt(
        files, client, client_settings=settings, environment=environment
    )
    if own is not None and not own.certificate_given and attempt.server.certificate == USUAL:
        # It is not to be what a strict client refuses.
        attempt = attempt.with_server(certificate=STRONG)
    return attempt, own, findings


def _one_of_each(
    clients: Mapping[str, tuple[SourceLine | None, bool]],
) -> Iterator[tuple[str, bool]]:
    """Of each FTP program a client, and whether it may be `cannot`.

    It is the server that is looked at: what two programs of the same settings differ in, or two crypto
    policies, plays no part behind a login. So it is one that must be there, on the platform that is named
    first, and that gets as far as that if any does.
    """
    of_ftp = (name for name in clients if isinstance(parse_client(name), FtpClientSettings))
    for names in grouped_by(of_ftp, lambda name: type(parse_client(name))).values():
        certain = [name for name in names if not clients[name][1]] or names
        platform = parse_client(certain[0]).platform
        name = most_lenient([n for n in certain if parse_client(n).platform == platform])
        yield name, clients[name][1]


def _in_clear_text(attempt: Attempt) -> Attempt:
    """The attempt, logged in over TLS, with a file in clear text."""
    implicit = {"implicit_tls": True} if attempt.server.tls_first else {}
    told = {"tls": True, "protect_data": False, "verify": False, "goal": Goal.TRANSFER}
    return attempt.with_client(**told, **implicit)


def _nobody(
    demands: Demands, clients: Sequence[str], usual: Attempt, own: UserFiles
) -> Iterator[Requirement]:
    """What nobody may do: shown by a client that can, and looks at no certificate."""
    probes = [client for client in clients if client.partition("@")[0] in _PROBES]
    if not probes:
        return
    name = most_lenient(probes)
    allowed = {c for c, (_, may_be) in demands.clients(clients).items() if may_be}
    make = partial(Requirement, own=own, client=name, may_be_cannot=name in allowed)
    client = parse_client(name)
    probe = Attempt(usual.server, dataclasses.replace(client, host=usual.client.host, verify=False))
    if demands.without_tls is not None:
        # A login in clear text has given the password away, whatever comes of an upload.
        goal = Goal.LOGIN if isinstance(client, FtpClientSettings) else client.goal
        without = probe.with_client(tls=False, goal=goal)
        yield make(attempt=without, demand=Demand.WITHOUT_TLS, written=demands.without_tls)
    implicit = usual.server.tls_first and isinstance(client, FtpClientSettings)
    first: dict[str, Any] = {"implicit_tls": True} if implicit else {}
    for version, place in demands.over.items():
        only = ProtocolRange(version, version)
        shown = probe.with_client(protocols=only, goal=Goal.HANDSHAKE, **first)
        yield make(attempt=shown, demand=Demand.OVER, version=version, written=place)
