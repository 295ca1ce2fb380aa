"""Record the texts anew: ``python -m tests.explain.record``, or ``make explain-texts``.

Runs the programs of Debian's releases (``releases.toml``) against peers with one known defect each, in
containers that have no network but their own, and writes ``known`` and ``held_out`` as ``split.toml`` says.
The images are made on demand, each from the packages of one release, on a base that the lab makes. With
``--release`` and ``--program``, only these. Review the difference before it is committed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from lab.host import engine
from tests.explain import clients, edges, material, servers
from tests.explain.bench import Bench
from tests.explain.texts import Recording, folder_of, table


def main(argv: list[str] | None = None) -> int:
    """Record and write; the exit status is 0."""
    suites = table("releases.toml")["suites"]
    parser = argparse.ArgumentParser(prog="python -m tests.explain.record")
    parser.add_argument("--release", action="append", choices=sorted(suites), help="only this one")
    parser.add_argument("--program", action="append", help="only this one; several times")
    parser.add_argument("--into", type=Path, help="write everything into this folder")
    arguments = parser.parse_args(argv)
    client = engine.connect(engine.resolve(os.environ), timeout_s=3600)
    files = dict(material.files())
    for release in arguments.release or suites:
        with Bench(client, release, files) as bench:
            for recording in recordings(bench, arguments.program or ()):
                folder = arguments.into or folder_of(recording.program, release, recording.version)
                path = recording.write(folder)
                sys.stdout.write(f"{path.name}: {len(recording.texts)} texts\n")
                sys.stdout.flush()
    return 0


def recordings(bench: Bench, programs: Collection[str]) -> Iterator[Recording]:
    """The recordings of a release's programs, of these or of all that are there."""
    for module in (clients, servers, edges):
        yield from module.recordings(bench, programs)


if __name__ == "__main__":
    sys.exit(main())
