"""Record the texts anew: ``python -m tests.explain.record``, or ``make explain-texts``.

Runs the programs of Debian's releases (``releases.toml``) against peers with one known defect each, in
containers that have no network but their own, and writes the folders that ``split.toml`` says. The images are
made on demand, each from the packages of one release, on a base that the lab makes. With ``--release`` and
``--program``, only these; with ``--setup`` only the clients' set-ups of these names, and the others stay as
they are recorded, as far as a client completes the same without a defect. Review the difference before it is
committed.
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
from tests.explain.texts import Recording, folder_of, read, table


def main(argv: list[str] | None = None) -> int:
    """Record and write; the exit status is 0."""
    suites = table("releases.toml")["suites"]
    parser = argparse.ArgumentParser(prog="python -m tests.explain.record")
    parser.add_argument("--release", action="append", choices=sorted(suites), help="only this one")
    parser.add_argument("--program", action="append", help="only this one; several times")
    parser.add_argument("--into", type=Path, help="write everything into this folder")
    parser.add_argument(
        "--setup", help="only the clients' set-ups with this pattern in their names"
    )
    arguments = parser.parse_args(argv)
    client = engine.connect(engine.resolve(os.environ), timeout_s=3600)
    files = dict(material.files())
    for release in arguments.release or suites:
        programs = programs_of(release, arguments.program or ())
        if programs is None:
            continue
        with Bench(client, release, files) as bench:
            folder = arguments.into or folder_of(release)

            def known(
                program: str, folder: Path = folder, release: str = release
            ) -> Recording | None:
                return read(folder / f"{program}@{release}.json")

            for recording in recordings(bench, programs, known, arguments.setup):
                path = recording.write(folder)
                sys.stdout.write(f"{path.name}: {len(recording.texts)} texts\n")
                sys.stdout.flush()
    return 0


def programs_of(release: str, asked: Collection[str]) -> Collection[str] | None:
    """Which programs are recorded of a release: of those that were asked for what is newer there.

    Args:
        asked: names of programs; empty: all of them.

    Returns:
        Their names; empty: all that are there; ``None``: no program.
    """
    newer = table("releases.toml")["on_top"].get(release)
    if newer is None:
        return asked
    return [name for name in newer["programs"] if not asked or name in asked] or None


def recordings(
    bench: Bench, programs: Collection[str], known: clients.Known, only: str | None
) -> Iterator[Recording]:
    """The recordings of a release's programs, of these or of all that are there."""
    yield from clients.recordings(bench, programs, known, only)
    if only is None:
        yield from servers.recordings(bench, programs)
        yield from edges.recordings(bench, programs)


if __name__ == "__main__":
    sys.exit(main())
