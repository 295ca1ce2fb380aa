"""What clients say: every way of a program in ``clients.toml``, against every peer."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.explain import material
from tests.explain.bench import PLACE, Bench
from tests.explain.texts import RECORDED, Cause, Heard, Recording, merged, neutral, table

PASSWORD = "secret"
#: The release's own FTP servers that clients meet.
REAL = ("vsftpd", "proftpd")
#: What is recorded of a program, at a version.
Known = Callable[[str], Recording | None]
#: What ``clients.toml`` tells the programs to wait at most; and how often what took longer runs again.
_OWN_LIMIT_S, _AGAIN = 4.0, 2
#: Names and addresses where no peer is.
ELSEWHERE = {
    "unknown name": "nobody.lab.test",
    "resolver fails": "broken.lab.test",
    "no route": "192.0.2.1",
}


@dataclass(frozen=True)
class SetUp:
    """A program's way, and a peer that it meets."""

    program: str
    how: str
    name: str
    command: str
    port: int
    cause: Cause
    password: str = PASSWORD


def recordings(
    bench: Bench, programs: Collection[str], known: Known, only: str | None = None
) -> Iterator[Recording]:
    """The recordings of a release's clients, of these programs or of all that are there.

    Args:
        known: what is recorded of a program.
        only: a pattern of the set-ups that are run again; the others stay as they are recorded, but for those
            that are not valid (:class:`Controls`).
    """
    clients = table("clients.toml")
    for program, (version, library) in clients["version"].items():
        if programs and program not in programs:
            continue
        if not (found := bench.asks(version)):
            continue
        ways = [way for way in clients["way"] if way["program"] == program]
        before = known(program) if only else None
        if only and before is None:
            continue
        heard = [one for way in ways for one in texts_of(bench, way, before, only)]
        if heard:
            said = bench.asks(library)
            yield Recording(program, bench.release, found, said, RECORDED, merged(heard))


@dataclass(frozen=True)
class Controls:
    """What one way of a program does where nothing is wrong.

    What fails there as well says nothing of a defect.
    """

    fails: frozenset[str]
    usual_s: Mapping[str, float]

    @classmethod
    def of(cls, bench: Bench, way: Mapping[str, Any]) -> Controls:
        """Run them: with a peer of each kind, and with the release's own servers."""
        good, fails, usual_s = list(controls(bench, way)), set(), dict[str, float]()
        for one, done in zip(
            good, bench.runs([_job(n, s) for n, s in enumerate(good)]), strict=True
        ):
            if done["status"] and not re.search(way.get("succeeds", "(?!)"), done["text"]):
                sys.stdout.write(
                    f"{one.program} ({one.how}) cannot do {one.name}: {done['text'][-900:]}\n"
                )
                fails.add(_control(one.name))
            usual_s[_control(one.name)] = done["seconds"]
        return cls(frozenset(fails), usual_s)

    def valid(self, setup: str) -> bool:
        """Whether the same without the defect completes."""
        return not {_control(setup), _control(setup).replace("implicit", "ftp")} & self.fails

    def seconds(self, setup: str) -> float:
        """How long that took."""
        return self.usual_s.get(_control(setup), 0.0)


def _control(setup: str) -> str:
    """The kind of peer, or the kind and the server: `web`, `ftp`, `implicit`, `ftp vsftpd`."""
    kind, _, name = setup.partition(": ")
    server = name.partition(", ")[0] if name.partition(", ")[0] in REAL else ""
    return f"{kind if kind in ('web', 'implicit') else 'ftp'} {server}".strip()


def texts_of(
    bench: Bench, way: Mapping[str, Any], before: Recording | None = None, only: str | None = None
) -> list[Heard]:
    """What one way of a program says of all defects; nothing of what fails where nothing is wrong."""
    told = Controls.of(bench, way)
    every = [one for one in set_ups(bench, way) if told.valid(one.name)]
    bad = [one for one in every if only is None or re.search(only, one.name)]
    heard = []
    for one, done in zip(bad, _in_time(bench, bad), strict=True):
        silent = one.cause.reason == "timed-out"
        text = neutral(done["text"], one.port)
        # It did not mind, or it waited for what a script does not do: that is not what was set up.
        if (not done["status"] and not silent) or (not done["ended"]) or not text:
            continue
        if re.search(way.get("succeeds", "(?!)"), text):
            continue
        waited = done["seconds"] - told.seconds(one.name) > 3
        if waited and not silent and one.cause.reason != "data-connection-failed":
            continue
        heard.append(Heard(one.program, one.how, one.name, text, one.cause))
    again = {one.name for one in bad}
    stays = {one.name: one for one in every if one.name not in again}
    for said in before.texts if before else ():
        heard += [
            Heard(way["program"], said.how, setup, said.text, stays[setup].cause)
            for setup in said.setups
            if said.how == way["how"] and setup in stays
        ]
    order = [one.name for one in every]
    return sorted(heard, key=lambda one: order.index(one.setup))


def _in_time(bench: Bench, bad: Sequence[SetUp]) -> list[dict[str, Any]]:
    """What each says, in their order. What ended, and took as long as a program's own limit, runs again.

    A busy machine is slow as well, and what a program says of its limit is not what was set up: the shortest
    run counts.
    """
    done = list(bench.runs([_job(n, s) for n, s in enumerate(bad)]))
    for _ in range(_AGAIN):
        late = [
            n
            for n, one in enumerate(bad)
            if one.cause.reason != "timed-out"
            and done[n]["ended"]
            and done[n]["seconds"] > _OWN_LIMIT_S
        ]
        again = bench.runs([_job(n, bad[n]) for n in late])
        for n, one in zip(late, again, strict=True):
            done[n] = min(done[n], one, key=lambda run: run["seconds"])
    return done


def _job(number: int, one: SetUp) -> dict[str, Any]:
    return {"id": number, "command": one.command, "password": one.password}


def controls(bench: Bench, way: Mapping[str, Any]) -> Iterator[SetUp]:
    """A way's meetings with those with which nothing is wrong."""
    cause = Cause("unknown", "unknown", "handshake")
    ports = {
        "web: valid": bench.ports["web: valid"],
        "ftp: valid": bench.ports["ftp: valid"],
        "implicit: valid": bench.ports["ftp: implicit"],
    }
    for server in REAL:
        if port := bench.servers.get(server, {}).get("usual"):
            ports[f"ftp: {server}, usual"] = port
    for name, port in ports.items():
        if (kind := name.partition(":")[0]) in way:
            command = filled(way[kind], material.HOST, port)
            yield SetUp(way["program"], way["how"], name, command, port, cause)


def set_ups(bench: Bench, way: Mapping[str, Any]) -> Iterator[SetUp]:
    """A way's meetings with the peers."""
    defects = table("defects.toml")
    for kind, names in (("web", ("tls", "web", "any")), ("ftp", ("tls", "ftp", "any")),
                        ("implicit", ("implicit",))):  # fmt: skip
        if kind not in way:
            continue
        speaks = "ftp" if kind == "implicit" else kind
        peers = {
            name: (section, cause) for section in names for name, cause in defects[section].items()
        }
        for name, (section, cause) in peers.items():
            if name in way.get("without", ()):
                continue
            asked, port = material.HOST, 443
            if name in ELSEWHERE:
                asked = ELSEWHERE[name]
            else:
                port = bench.ports[f"{'any' if section == 'any' else speaks}: {name}"]
            command = filled(way[kind], asked, port)
            yield SetUp(way["program"], way["how"], f"{kind}: {name}", command, port, Cause(*cause))
    yield from at_real_servers(bench, way)


def at_real_servers(bench: Bench, way: Mapping[str, Any]) -> Iterator[SetUp]:
    """A way's meetings with the release's own FTP servers (``agent/servers.py``)."""
    for name, met in table("defects.toml")["server"].items():
        if met["kind"] not in way:
            continue
        for server in REAL:
            if (port := bench.servers.get(server, {}).get(met["variant"])) is None:
                continue
            command = filled(way[met["kind"]], material.HOST, port)
            setup = f"{met['kind']}: {server}, {name}"
            password = met.get("password", PASSWORD)
            yield SetUp(
                way["program"], way["how"], setup, command, port, Cause(*met["cause"]), password
            )


def filled(command: str, host: str, port: int) -> str:
    """A command line of ``clients.toml`` with what it leaves open."""
    return command.format_map({
        "host": host, "port": port, "url": f"https://{host}:{port}/", "ca": f"{PLACE}/trusted.pem",
        "file": f"{PLACE}/payload",
    })  # fmt: skip
