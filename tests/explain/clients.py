"""What clients say: every way of a program in ``clients.toml``, against every peer."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.explain import material
from tests.explain.bench import PLACE, Bench
from tests.explain.texts import RECORDED, Cause, Heard, Recording, merged, neutral, table

PASSWORD = "secret"
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


def recordings(bench: Bench, programs: Collection[str]) -> Iterator[Recording]:
    """The recordings of a release's clients, of these programs or of all that are there."""
    clients = table("clients.toml")
    for program, (version, library) in clients["version"].items():
        if programs and program not in programs:
            continue
        if not (found := bench.asks(version)):
            continue
        ways = [way for way in clients["way"] if way["program"] == program]
        heard = [one for way in ways for one in texts_of(bench, way)]
        if heard:
            said = bench.asks(library)
            yield Recording(program, bench.release, found, said, RECORDED, merged(heard))


def texts_of(bench: Bench, way: Mapping[str, Any]) -> list[Heard]:
    """What one way of a program says of all defects; nothing of what fails where nothing is wrong."""
    good = list(set_ups(bench, way, wanted="valid"))
    fails, usual_s = set(), 0.0
    for one, done in zip(good, bench.runs([_job(n, s) for n, s in enumerate(good)]), strict=True):
        kind = one.name.partition(":")[0]
        if kind == "implicit":
            continue
        usual_s = max(usual_s, done["seconds"])
        if done["status"] and not re.search(way.get("succeeds", "(?!)"), done["text"]):
            sys.stdout.write(
                f"{one.program} ({one.how}) cannot do {one.name}: {done['text'][-900:]}\n"
            )
            fails |= {kind, *({"implicit", "plain", "clear"} if kind == "ftp" else ())}
    bad = [one for one in set_ups(bench, way) if one.name.partition(":")[0] not in fails]
    heard = []
    for one, done in zip(bad, bench.runs([_job(n, s) for n, s in enumerate(bad)]), strict=True):
        silent = one.cause.reason == "timed-out"
        text = neutral(done["text"], one.port)
        # It did not mind, or it waited for what a script does not do: that is not what was set up.
        if (not done["status"] and not silent) or (not done["ended"]) or not text:
            continue
        if re.search(way.get("succeeds", "(?!)"), text):
            continue
        waited = done["seconds"] - usual_s > 3
        if waited and not silent and one.cause.reason != "data-connection-failed":
            continue
        heard.append(Heard(one.program, one.how, one.name, text, one.cause))
    return heard


def _job(number: int, one: SetUp) -> dict[str, Any]:
    return {"id": number, "command": one.command, "password": one.password}


def set_ups(bench: Bench, way: Mapping[str, Any], wanted: str | None = None) -> Iterator[SetUp]:
    """A way's meetings with the peers; ``wanted``: only with the peers of this name."""
    defects = table("defects.toml")
    for kind, names in (("web", ("tls", "web", "any")), ("ftp", ("tls", "ftp", "any")),
                        ("implicit", ("implicit",))):  # fmt: skip
        if kind not in way:
            continue
        speaks = "ftp" if kind == "implicit" else kind
        peers = {
            name: (section, cause) for section in names for name, cause in defects[section].items()
        }
        if wanted:
            peers = {wanted: (kind, ("unknown", "unknown", "handshake"))}
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
    if wanted is None:
        yield from at_real_servers(bench, way)


def at_real_servers(bench: Bench, way: Mapping[str, Any]) -> Iterator[SetUp]:
    """A way's meetings with the release's own FTP servers (``agent/servers.py``)."""
    for name, met in table("defects.toml")["server"].items():
        if met["kind"] not in way:
            continue
        for server in ("vsftpd", "proftpd"):
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
