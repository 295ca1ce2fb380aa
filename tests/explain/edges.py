"""What visitors of edges get where the origin is bad, and what the edges log (``agent/edges.py``)."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.explain.bench import Bench
from tests.explain.clients import ELSEWHERE
from tests.explain.texts import RECORDED, Cause, Heard, Recording, merged, neutral, table

_OPENSSL = "openssl version"
#: Commands that print the version of a program and of its TLS library.
EDGES = {
    "nginx": (
        "nginx -v 2>&1 | sed 's,.*/,,;s, .*,,'",
        "nginx -V 2>&1 | sed -En 's/^built with (OpenSSL[^(]*[^( ]).*/\\1/p'",
    ),
    "apache": ("apache2 -v | sed -n '1s,.*Apache/\\([^ ]*\\).*,\\1,p'", _OPENSSL),
    "haproxy": (
        "haproxy -v | sed -n '1s/.*version \\([^ ]*\\).*/\\1/p'",
        "haproxy -vv | sed -n 's/^Running on OpenSSL version : //p'",
    ),
    "squid": ("squid -v | sed -n '1s/.*Version //p'", _OPENSSL),
    "caddy": ("caddy version | cut -d' ' -f1", "caddy build-info | sed -n 's/^go\t//p'"),
    "stunnel": ("dpkg-query -W -f '${Version}' stunnel4", _OPENSSL),
    "varnish": ("varnishd -V 2>&1 | sed -n '1s/.*varnish-\\([^ ]*\\) .*/\\1/p'", "echo none"),
}


#: What else is read of an edge: its health checks, in whose log the origins are named.
_CHECKS = {"haproxy": "haproxy (checks)"}
#: Edges that offer no DHE suite, and so cannot meet a small group.
_WITHOUT_DHE = frozenset({"caddy", "stunnel"})


def recordings(bench: Bench, programs: Collection[str]) -> Iterator[Recording]:
    """The recordings of a release's edges, of these or of all that are there."""
    for name, (version, library) in EDGES.items():
        if programs and name not in programs:
            continue
        if not (found := bench.asks(version)):
            continue
        causes = _without_tls(bench) if name == "varnish" else _defects(bench)
        heard = [
            one
            for edge in (name, _CHECKS.get(name, ""))
            if edge
            for one in _meetings(bench, name, edge, causes)
        ]
        if heard:
            said = bench.asks(library)
            yield Recording(name, bench.release, found, said, RECORDED, merged(heard))


def _defects(bench: Bench) -> dict[str, Cause]:
    """What is wrong with each origin, by the name of the peer."""
    defects = table("defects.toml")
    web = {
        f"web: {name}": cause for part in ("tls", "web") for name, cause in defects[part].items()
    }
    either = {f"any: {n}": cause for n, cause in defects["any"].items() if n not in ELSEWHERE}
    # A script that chooses an old version then waits; an edge may still take it, and wait as well.
    return {n: Cause(*c) for n, c in (web | either).items() if n != "web: chooses TLS 1.0"}


def _without_tls(bench: Bench) -> dict[str, Cause]:
    """The same for an edge that speaks no TLS to its origin."""
    plain = {f"web: {name}": Cause(*c) for name, c in table("defects.toml")["plain"].items()}
    return plain | {n: c for n, c in _defects(bench).items() if c.stage == "connect"}


def _meetings(bench: Bench, name: str, edge: str, causes: Mapping[str, Cause]) -> Iterator[Heard]:
    """What is said of every origin; nothing where the edge cannot do what is good."""
    good = "web: valid"
    origins = {defect: bench.ports[defect] for defect in dict.fromkeys([good, *causes])}
    for met in bench.visits(edge, origins):
        answered = met["status"].split(" ")[1:2] == ["200"]
        if name in _WITHOUT_DHE and met["defect"] == "web: small Diffie-Hellman group":
            continue
        if met["defect"] not in causes:
            if not answered and edge == name:
                sys.stdout.write(f"{edge} cannot do what is good: {met}\n")
                return
            continue
        if answered:
            continue
        for how, raw in _said(name, edge, met).items():
            if text := _of_edge(neutral(raw, bench.ports[met["defect"]])):
                yield Heard(name, how, met["defect"], text, causes[met["defect"]])


def _said(name: str, edge: str, met: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a visit: what was shown and what was logged."""
    log = str(met["log"])
    if name == "varnish":
        log = "\n".join(line for line in log.splitlines() if "FetchError" in line)
    said = {"log" if edge == name else edge: log}
    if met["status"]:
        said["page"] = f"{met['status']}\n\n{met['page']}"
    return said


def _of_edge(text: str) -> str:
    """Without the numbers by which the origins are told apart."""
    for pattern, replacement in (
        (r"\bb\d+/(origin|s1)\b", r"origin/\1"),
        (r"\b(backend|BACKEND) b\d+\b", r"\1 origin"),
        (r"\borigin\d+\b", "origin"),
        (r"((?:GET|returned by|http://\S+?|uri\":\"|https://[\w.]+(?::\d+)?))( ?)/\d+\b", r"\1\2/"),
        (r"\b\d+/\d+/-1/-1/\+?\d+", "0/0/-1/-1/3"),
        (r"\b\d+/\d+/\d+/-1/\+?\d+", "0/0/0/-1/3"),
        (r"check duration: \d+ms", "check duration: 3ms"),
        (r"\bp\d+\b(?= failed)", "origin"),
    ):
        text = re.sub(pattern, replacement, text)
    return text
