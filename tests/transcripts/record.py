"""Record the transcripts: ``python -m tests.transcripts.record``.

Makes every situation of ``tests/situations.py`` and lets every client meet every peer of
``scripted_peer.py`` or ``scripted_web_peer.py``, then writes anew what lies in the clients' folders
(``lab/clients/PROGRAM/transcripts/PLATFORM.json``). A client that the table does not name is brought to
what another one is (``situations_of``). With ``--program NAME``, only this program's; with ``--platform
NAME``, only there; with ``--run``, the refusals of a recorded run (``.lab/runs/latest``) are taken as
well. Review the difference, and commit it with the change of the dialects that it needs.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lab.clients import PROGRAMS
from lab.clients.base import Target
from lab.images.provenance import Provenance
from lab.model import PLATFORMS, Attempt, ClientSettings, Delivery, Goal, Observation
from lab.model.expectations import PlannedAttempt
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, load
from lab.run.attempts import run
from lab.run.checkout import Checkout
from lab.run.containers import AGENTS, pack, unpack
from lab.run.laboratory import Lab, open_lab, services_of
from lab.run.link import AgentLink
from lab.settings import parse_client, parse_server
from tests.situations import CLIENTS, WEB, Situation, reachable, situations, situations_of, unnamed
from tests.transcripts import scripted_peer
from tests.transcripts.transcript import (
    Transcript,
    TranscriptFile,
    distinct,
    path_of,
    transcript_of,
)

#: The server whose container the scripted peers run in. It says nothing of what they do.
CONTAINER = "pyftpdlib"
#: Whom a client of each kind takes a scripted peer for.
FTP_SERVER, WEB_SERVER = "pyftpdlib", "origin"
#: Names of scripts that a web client meets without TLS (``scripted_web_peer.py``).
WITHOUT_TLS = "without TLS: "
#: The program that cannot be told to speak without TLS.
ALWAYS_TLS = "openssl"
#: Seconds for a peer's client.
LIMIT_S = 2.0
WORKERS = 12


def main(argv: list[str] | None = None) -> int:
    """Record and write; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.transcripts.record")
    parser.add_argument("--run", type=Path, help="a recorded run to take refusals from as well")
    parser.add_argument(
        "--program", action="append", choices=sorted(PROGRAMS), help="only this one; several times"
    )
    parser.add_argument(
        "--platform", action="append", choices=sorted(PLATFORMS), help="only there; several times"
    )
    arguments = parser.parse_args(argv)
    wanted = frozenset(
        f"{name}@{platform}"
        for name in arguments.program or PROGRAMS
        for platform in PROGRAMS[name].platforms
        if not arguments.platform or platform in arguments.platform
    )
    recorded: list[Transcript] = []
    if arguments.run:
        recorded += from_record(arguments.run, wanted)
    with open_lab(also=containers_of(wanted)) as laboratory:
        recorded += from_situations(laboratory, wanted)
        with Clients(laboratory) as clients:
            for file in PEERS:
                recorded += from_peers(laboratory, clients, file, wanted)
            written = write(recorded, laboratory, clients)
    for path, number in written.items():
        sys.stdout.write(f"{path.relative_to(Checkout.here().root)}: {number} transcripts\n")
    return 0


def containers_of(wanted: Collection[str]) -> set[str]:
    """The containers in which these clients are recorded, with those of the servers that they meet."""
    attempts = [situation.attempt for situation in _situations(wanted)]
    met = [parse_client(name) for name in wanted]
    own = {PROGRAMS[client.program].service(client) for client in met}
    return services_of(attempts) | own | {CONTAINER}


class Clients:
    """The clients' agents, started on first use."""

    def __init__(self, laboratory: Lab) -> None:
        self._laboratory = laboratory
        self._links: dict[tuple[str, str], AgentLink] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links.values():
            link.close()

    def agent(self, client: ClientSettings) -> AgentLink:
        """The agent of a program in its container."""
        program = PROGRAMS[client.program]
        service, spec = program.service(client), program.agent
        key = (service, spec.name)
        if key not in self._links:
            container = self._laboratory.topology.containers[service].id
            self._laboratory.session.equip(service)
            self._links[key] = AgentLink(
                self._laboratory.client, service, container, list(spec.argv)
            )
        return self._links[key]


def from_situations(laboratory: Lab, wanted: Collection[str]) -> Iterator[Transcript]:
    """One transcript for each situation that was refused, in the order of the table."""
    jobs = [PlannedAttempt(situation.name, situation.attempt) for situation in _situations(wanted)]
    finished: dict[str, AttemptResult] = {}
    run(
        laboratory.session,
        jobs,
        lambda one, _: finished.__setitem__(one.id, one),
        workers=WORKERS,
    )
    for job in jobs:
        one = finished[job.id]
        if one.client_report is not None and one.client_report.failed:
            yield transcript_of(job.id.partition(":")[0], one.observation)


def _situations(wanted: Collection[str]) -> list[Situation]:
    """Those of the table, and those of the clients that it does not name."""
    further = [one for client in others(wanted) for one in situations_of(client)]
    return [one for one in (*situations(), *further) if _name(one.attempt.client) in wanted]


def _name(client: ClientSettings) -> str:
    """``PROGRAM@PLATFORM``, under whichever policy."""
    return str(client).partition(":")[0]


def others(wanted: Collection[str]) -> list[str]:
    """Those of the clients that the table does not name."""
    return [client for client in unnamed() if client in wanted]


def from_record(path: Path, wanted: Collection[str]) -> Iterator[Transcript]:
    """The refusals of a recorded run."""
    for attempt in load(path).attempts:
        if attempt.client_report is None or attempt.server_report is None:
            continue
        if attempt.client_report.failed and _name(attempt.client) in wanted:
            yield transcript_of(attempt.case or "attempt", attempt.observation)


@dataclass(frozen=True)
class PeerFile:
    """A file of scripts, and who meets them."""

    name: str
    clients: Sequence[str]


PEERS = (PeerFile("scripted_peer.py", CLIENTS), PeerFile("scripted_web_peer.py", WEB))


def from_peers(
    laboratory: Lab, clients: Clients, file: PeerFile, wanted: Collection[str]
) -> Iterator[Transcript]:
    """Every client against every script."""
    speaks = PROGRAMS[file.clients[0].partition("@")[0]].settings.speaks
    met_by = [client for client in file.clients if client in wanted]
    met_by += [
        client
        for client in others(wanted)
        if PROGRAMS[client.partition("@")[0]].settings.speaks == speaks
    ]
    if not met_by:
        return
    container = laboratory.topology.containers[CONTAINER].id
    folder = Path(scripted_peer.__file__).parent
    sources = {f"{AGENTS}/{peers.name}": (folder / peers.name).read_bytes() for peers in PEERS}
    laboratory.session.equip(CONTAINER)
    unpack(laboratory.client, container, pack(sources))
    peer = AgentLink(
        laboratory.client,
        CONTAINER,
        container,
        ["/opt/lab/bin/python3", f"{AGENTS}/{file.name}"],
    )
    try:
        meetings = [
            (name, port, parse_client(client, _settings(name, client)))
            for name, port in peer.versions.items()
            for client in met_by
            if not (name.startswith(WITHOUT_TLS) and client.startswith(f"{ALWAYS_TLS}@"))
        ]
        for client in met_by:
            clients.agent(parse_client(client))
        with ThreadPoolExecutor(WORKERS) as pool:
            observations = pool.map(lambda m: _meet(clients, m[1], m[2]), meetings)
            for (name, _, _), observation in zip(meetings, observations, strict=True):
                if observation.client.failed:
                    yield transcript_of(f"peer {name}", observation)
    finally:
        peer.close()


def _settings(script: str, client: str) -> list[str]:
    limit = f"timeout_s={LIMIT_S:g}"
    if PROGRAMS[client.partition("@")[0]].settings.speaks == "HTTP":
        return [limit, *(["tls=off"] if script.startswith(WITHOUT_TLS) else [])]
    goal = Goal.TRANSFER if script in scripted_peer.TRANSFERS else Goal.LOGIN
    if client in unnamed():
        goal = reachable(client.partition("@")[0], goal)
    return [f"goal={goal}", limit]


def _meet(clients: Clients, port: int, client: ClientSettings) -> Observation:
    program = PROGRAMS[client.program]
    target = Target(
        host=scripted_peer.HOST,
        port=port,
        user="lab",
        password="secret",
        delivery=Delivery(name="delivery-1.txt", size=getattr(client, "payload", 0), sha256=""),
    )
    request = program.request(client, target)
    raw = clients.agent(client).call("attempt", 4 * LIMIT_S, **request)
    taken_for = WEB_SERVER if client.speaks == "HTTP" else FTP_SERVER
    return Observation(
        attempt=Attempt(parse_server([], taken_for), client),
        client=program.report(raw),
        server=ServerReport(started=True),
    )


def write(recorded: Iterable[Transcript], laboratory: Lab, clients: Clients) -> Mapping[Path, int]:
    """One file for each program on each platform, and how many transcripts it has."""
    by_file: dict[str, list[Transcript]] = defaultdict(list)
    for one in recorded:
        by_file[one.client.partition(":")[0]].append(one)
    written: dict[Path, int] = {}
    for name, transcripts in sorted(by_file.items()):
        client = parse_client(name)
        kept = distinct(transcripts)
        path = path_of(name)
        path.parent.mkdir(exist_ok=True)
        TranscriptFile(
            about=f"{client.program} on {client.platform}",
            recorded=datetime.datetime.now(datetime.UTC).date().isoformat(),
            versions=dict(clients.agent(client).versions),
            images={
                image: summary(laboratory.images[image].provenance)
                for image in _images(laboratory, client)
            },
            transcripts=tuple(kept),
        ).write(path)
        written[path] = len(kept)
    return written


def summary(image: Provenance) -> str:
    """One line for a person: never names a stand-in without saying that it is one."""
    kind = f"stand-in on {image.os}" if image.stand_in else image.os
    library = f", {image.tls_library}" if image.tls_library else ""
    return f"{image.image}: {kind} (from the {image.source}){library}"


def _images(laboratory: Lab, client: ClientSettings) -> list[str]:
    """The client's image, and those of the servers that it meets."""
    own = laboratory.image_of(PROGRAMS[client.program].service(client))
    servers = ("nginx", "centos7") if client.speaks == "HTTP" else ("vsftpd", "pyftpdlib")
    return sorted({own or client.platform, *servers})


if __name__ == "__main__":
    sys.exit(main())
