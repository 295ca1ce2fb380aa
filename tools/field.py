"""Every FTP client against every FTP server, and every server's words for each refusal: docs/field/README.md.

``make field-tables`` runs it. Clients and servers are those whose folders there are, each as it is shipped.
A cell is a client, a server, a version of TLS and, where the server can be told, whether the data channel
must resume the session. It is tried twice with a file of :data:`PAYLOAD` bytes; :data:`TRIES` times where
somebody delivers or a race may be at work, and :data:`MOST` times where the tries end in different ways, for
losses come in bursts.

Over one version of TLS: the server is limited to it, or the client where the server has no switch for it.
Where neither can be, both are tried as they are shipped, and the version that they then agree on decides in
which cell that belongs; the other one says so.

python -m tools.field                       make all, write the page
python -m tools.field lftp@debian13         these clients alone; what is known of the others stays
python -m tools.field --page                write the page anew of what is known (.lab/field.json)
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.clients import PROGRAMS
from lab.documents import ClaimVerdict, documents
from lab.documents.verdicts import evaluate
from lab.host.checkout import root
from lab.model import Attempt, ClientSettings, Goal, ProtocolRange, Result, ServerSettings, only
from lab.model.attempt import Accepts
from lab.model.expectations import PlannedAttempt, Verdict
from lab.record import AttemptResult, RecordError, load
from lab.remedies.races import RACES
from lab.run.attempts import run
from lab.run.checkout import Checkout
from lab.run.laboratory import Lab, open_lab
from lab.servers import SERVERS
from lab.settings import parse_client
from lab.wire.packets import CapturePolicy
from tools.field_page import DOCUMENT, Cell, End, Known, Told, write

#: Bytes of the file: a race needs one that does not fit into the kernel's buffers.
PAYLOAD = 1 << 20
FIRST, TRIES, MOST = 2, 6, 30
#: Seconds that a client has, unless it ends before; a client that hangs ends there.
LIMIT_S = 20.0
#: Attempts at the same time: files that clients make before they deliver them must fit into ``/tmp``.
WORKERS = 8
VERSIONS = ("TLSv1.2", "TLSv1.3")
#: Why there is nothing in the cell of the other version.
SHIPPED = "neither end can be limited to a version, and as they are shipped they speak {}"
LACKS = "its TLS library has none"
#: The field of a server that can be told whether the data channel must resume the session.
REUSE = "require_ssl_reuse"
#: Who is refused by the servers, and how: settings of the server, and of this client.
ASKING = "ftplib@rocky9:DEFAULT"
#: Both ends have a suite, and not the same one.
SUITES = ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256")
#: The first of the ways that the server has an option for is taken.
REFUSALS: Mapping[str, Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "a login without TLS": [({"tls_required_login": True}, {"tls": False})],
    "TLS where the server has none": [({"tls": False}, {})],
    "an unknown user": [({}, {"user": "nobody-known"})],
    "no common version": [
        ({"protocols": only("TLSv1.3")}, {"protocols": only("TLSv1.2")}),
        ({"protocols": only("TLSv1.2")}, {"protocols": only("TLSv1.3")}),
        ({}, {"protocols": only("TLSv1.1"), "ciphers": "ALL:@SECLEVEL=0"}),
    ],
    "no common cipher suite": [
        ({"ciphers": SUITES[0]}, {"protocols": only("TLSv1.2"), "ciphers": SUITES[1]})
    ],
    "no client certificate": [({"require_cert": True}, {"protocols": only("TLSv1.2")})],
    "a data channel without TLS": [
        (
            {"tls_required_login": True, "tls_required_data": True},
            {"protocols": only("TLSv1.2"), "protect_data": False},
        )
    ],
    "a session that is not resumed": [({REUSE: True}, {"protocols": only("TLSv1.2")})],
}
KNOWN = root() / ".lab" / "field.json"


def clients() -> Iterator[ClientSettings]:
    """Every FTP client on each of its platforms, under the policy that this is shipped with."""
    for name, program in PROGRAMS.items():
        if program.settings.speaks == "FTP":
            yield from (parse_client(f"{name}@{platform}") for platform in program.platforms)


def servers() -> Iterator[ServerSettings]:
    """Every FTP server, as the lab has it with nothing set."""
    for server in SERVERS.values():
        if server.settings.speaks == "FTP":
            yield server.settings_with()


def cells(
    chosen: Sequence[ClientSettings], software: Sequence[str] = ()
) -> dict[Cell, Sequence[Attempt]]:
    """The ways to try every cell; with ``software`` of these servers alone."""
    found = {}
    for client in chosen:
        asked: dict[str, Any] = {"goal": Goal.TRANSFER, "payload": PAYLOAD, "timeout_s": LIMIT_S}
        wanted = dataclasses.replace(client, **asked)
        for server in servers():
            if software and server.software not in software:
                continue
            for version in VERSIONS:
                for reuse in (True, False) if hasattr(server, REUSE) else (None,):
                    told: dict[str, Any] = {} if reuse is None else {REUSE: reuse}
                    there = dataclasses.replace(server, **told)
                    cell = Cell(str(client), server.software, version, reuse)
                    found[cell] = limited(Attempt(there, wanted), version)
    return found


def limited(attempt: Attempt, version: str) -> Sequence[Attempt]:
    """The ways to try it over one version, best first: each is for those who cannot do the one before.

    The server is limited to the version. Where it has no switch, the client is, or is kept from what is
    newer; and where that has none either, both are as they are shipped.
    """
    server = SERVERS[attempt.server.software]
    there = dataclasses.replace(attempt.server, protocols=only(version))
    if server.unsupported(there) is None:
        return [Attempt(there, attempt.client)]
    ranges = [only(version)]
    if version != VERSIONS[-1]:
        ranges.append(ProtocolRange(None, version))
    return [*(attempt.with_client(protocols=one) for one in ranges), attempt]


def refusals() -> dict[tuple[str, str], Attempt]:
    """The attempt of every refusal that a server has a setting for, by server and refusal."""
    found = {}
    for server in servers():
        for name, ways in REFUSALS.items():
            attempts = [
                Attempt(
                    dataclasses.replace(server, **there),
                    dataclasses.replace(parse_client(ASKING), timeout_s=LIMIT_S, **here),
                )
                for there, here in ways
                if all(hasattr(server, field) for field in there)
            ]
            can = [one for one in attempts if not SERVERS[server.software].unsupported(one.server)]
            if attempts:
                found[server.software, name] = (can or attempts)[0]
    return found


def made(
    laboratory: Lab,
    attempts: Mapping[Any, Attempt],
    times: int,
    captures: CapturePolicy = CapturePolicy.REFUSED,
) -> dict[Any, list[AttemptResult]]:
    """So many tries of each, by its key; of a refusal the wire is heard as well."""
    found: dict[Any, list[AttemptResult]] = {key: [] for key in attempts}
    keys = {f"{number}": key for number, key in enumerate(attempts)}
    planned = [
        PlannedAttempt(f"{name}#{number}", attempts[key], counted=True)
        for number in range(times)
        for name, key in keys.items()
    ]
    done = 0

    def finished(result: AttemptResult, _: object) -> None:
        nonlocal done
        done += 1
        found[keys[result.id.partition("#")[0]]].append(result)
        if done % 100 == 0:
            sys.stderr.write(f"{done} of {len(planned)}\n")

    run(laboratory.session, planned, finished, workers=WORKERS, captures=captures)
    return found


def end_of(result: AttemptResult, version: str = "") -> End:
    """How a try ended, in the lab's words and in the user's; as a cell of this version has it."""
    outcome, report = result.outcome, result.client_report
    if outcome is None:
        return End(str(result.verdict), "", "", _why(result))
    shipped = result.client.protocols is None and result.server.protocols is None
    if shipped and version and (other := spoken(result)) not in (None, version):
        return End(str(Verdict.CANNOT), "", "", SHIPPED.format(other.replace("TLSv", "TLS ")))
    said = (report.message.strip() or report.error.strip()) if report else ""
    return End(
        str(outcome.result),
        str(outcome.stage or ""),
        str(outcome.reason or ""),
        said.splitlines()[-1] if said else "",
        str(outcome.by or ""),
    )


def older(library: str, version: str) -> bool:
    """Whether a library is older than a version of TLS: OpenSSL has TLS 1.3 since 1.1.1."""
    return version == "TLSv1.3" and re.match(r"OpenSSL (0\.|1\.0\.|1\.1\.0)", library) is not None


def spoken(result: AttemptResult) -> str | None:
    """The version of TLS that both ends agreed on, as the client says or as the wire shows."""
    if result.client_report and result.client_report.protocol:
        return result.client_report.protocol
    control = result.wire.control if result.wire else None
    return control.selected.version if control and control.selected else None


def told(result: AttemptResult) -> Told:
    """What server and client said of a refusal."""
    report, server = result.client_report, result.server_report
    reply = (
        f"{report.reply_code} {report.reply_text}".strip() if report and report.reply_code else ""
    )
    log = [line for line in (server.log if server else "").splitlines() if line.strip()]
    return Told(end_of(result), reply, report.error.strip() if report else "", log[-3:])


def main(argv: Sequence[str] | None = None) -> int:
    """Make what is asked for, keep it, write the page; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.field")
    parser.add_argument("client", nargs="*", help="PROGRAM@PLATFORM (default: every FTP client)")
    parser.add_argument("--server", action="append", default=[], help="these servers alone")
    parser.add_argument("--refusals", action="store_true", help="the servers' words alone")
    parser.add_argument("--page", action="store_true", help="make nothing, write the page anew")
    arguments = parser.parse_args(argv)
    part = bool(arguments.client or arguments.server)
    alone = arguments.refusals
    known = Known.read(KNOWN) if (arguments.page or part or alone) and KNOWN.exists() else Known()
    verdicts = judged(Checkout.here().state / "runs") or known.verdicts
    if not verdicts:
        parser.error(f"no run has judged the claims yet: `lab run --document {DOCUMENT}` first")
    known = dataclasses.replace(known, verdicts=verdicts)
    if not arguments.page:
        chosen = [parse_client(c) for c in arguments.client] or list(clients())
        wanted = {} if alone else cells(chosen, arguments.server)
        known = make(known, wanted, {} if part else refusals())
    for path in write(known, everybody=[str(client) for client in clients()]):
        sys.stdout.write(f"{path}\n")
    return 0


def judged(runs: Path) -> Mapping[str, str]:
    """What is said of each of the document's claims by the newest run in this folder that tried it."""
    found: dict[str, str] = {}
    document = documents()[DOCUMENT]
    # A run's folder begins with its time.
    for folder in sorted((p for p in runs.glob("*/") if not p.is_symlink()), reverse=True):
        if len(found) == len(document.claims):
            break
        try:
            results = evaluate(document, load(folder))
        except RecordError:
            continue  # one that was ended before it had anything, or of another format
        for one in results:
            if one.verdict is not ClaimVerdict.NOT_RUN:
                found.setdefault(one.claim.id, str(one.verdict))
    return found


def make(
    known: Known,
    wanted: Mapping[Cell, Sequence[Attempt]],
    refused: Mapping[tuple[str, str], Attempt],
) -> Known:
    """What is known afterwards: these cells and refusals are made, the rest stays."""
    every = [*(way for ways in wanted.values() for way in ways), *refused.values()]
    with open_lab(attempts=every) as laboratory:
        versions = {**known.versions, **dict(_versions(laboratory, every))}
        words = {key: told(tries[0]) for key, tries in made(laboratory, refused, 1).items()}
        known = dataclasses.replace(known, words={**known.words, **words}, versions=versions)
        accepts = dict(_accepts(laboratory))
        lacking = [
            cell
            for cell in wanted
            if older(versions.get(cell.server, {}).get("TLS library", ""), cell.version)
            and not accepts[cell.server][cell.version]
        ]
        lacks = {cell: [End(str(Verdict.CANNOT), "", "", LACKS)] for cell in lacking}
        known = dataclasses.replace(known, ends={**known.ends, **lacks}, accepts=accepts)
        ways = {cell: list(each) for cell, each in wanted.items() if cell not in lacks}
        results: dict[Cell, list[AttemptResult]] = {cell: [] for cell in ways}
        for times, goes_on in ((FIRST, _always), (TRIES, _may_differ), (MOST, _differ)):
            again = [cell for cell, tries in results.items() if goes_on(tries)]
            before = max((len(results[cell]) for cell in again), default=0)
            while again:
                attempts = {cell: ways[cell][0] for cell in again}
                for cell, tries in _made_each(laboratory, attempts, times - before).items():
                    results[cell] += tries
                again = [c for c in again if len(ways[c]) > 1 and all(map(_cannot, results[c]))]
                for cell in again:
                    ways[cell].pop(0)
                    results[cell].clear()
            ends = {c: [end_of(one, c.version) for one in tries] for c, tries in results.items()}
            known = dataclasses.replace(known, ends={**known.ends, **ends})
            KNOWN.write_text(json.dumps(known.plain()), encoding="utf-8")
    KNOWN.write_text(json.dumps(known.plain()), encoding="utf-8")
    return known


def _made_each(
    laboratory: Lab, attempts: Mapping[Cell, Attempt], times: int
) -> dict[Cell, list[AttemptResult]]:
    """So many tries of each; where neither end is limited, the wire is read for what they agree on."""
    found = {}
    for shipped, captures in ((False, CapturePolicy.REFUSED), (True, CapturePolicy.ALL)):
        some = {
            cell: one
            for cell, one in attempts.items()
            if (one.client.protocols is None and one.server.protocols is None) is shipped
        }
        found.update(made(laboratory, some, times, captures) if some else {})
    return found


def _cannot(one: AttemptResult) -> bool:
    return one.verdict is Verdict.CANNOT


def _why(result: AttemptResult) -> str:
    """Why there was no attempt, without the setting that begins it: the table's head has that."""
    return re.sub(r"^protocols( is \S+)?: ", "", result.verdict_why)


def _always(_: Iterable[AttemptResult]) -> bool:
    return True


def _may_differ(tries: Iterable[AttemptResult]) -> bool:
    """Whether a further try may end otherwise: one delivered, lost in what is a race elsewhere, or broke."""
    return any(
        one.verdict is Verdict.LAB_ERROR
        or (
            one.outcome is not None
            and (one.outcome.result is Result.COMPLETED or one.outcome.reason in RACES)
        )
        for one in tries
    )


def _differ(tries: Iterable[AttemptResult]) -> bool:
    ends = {one.outcome.result if one.outcome else None for one in tries}
    return len(ends) > 1 or Result.FALSE_SUCCESS in ends


def _accepts(laboratory: Lab) -> Iterator[tuple[str, dict[str, bool]]]:
    """Whether a server agrees to each version, asked as it is shipped, and limited to it where it can be."""
    for server in servers():
        if laboratory.image_of(SERVERS[server.software].service) is not None:
            shipped = Attempt(server, parse_client(ASKING))
            yield (
                server.software,
                {
                    version: any(
                        laboratory.session.has(asked, Accepts(version))
                        for asked in (shipped, limited(shipped, version)[0])
                    )
                    for version in VERSIONS
                },
            )


def _versions(laboratory: Lab, attempts: Iterable[Attempt]) -> Iterator[tuple[str, dict[str, str]]]:
    """What was measured in the image of each client and server, by its name."""
    for attempt in attempts:
        ends = (
            (str(attempt.client), PROGRAMS[attempt.client.program].service(attempt.client)),
            (attempt.server.software, SERVERS[attempt.server.software].service),
        )
        for name, service in ends:
            image = laboratory.image_of(service)
            if image is not None:
                measured = laboratory.images[image].provenance
                library = {"TLS library": measured.tls_library} if measured.tls_library else {}
                stand_in = {"stand-in": image} if measured.stand_in else {}
                yield name, {**stand_in, **measured.packages, **library}


if __name__ == "__main__":
    sys.exit(main())
