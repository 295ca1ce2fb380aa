"""Commands about topologies: starting one that stays, removing them, showing them."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table

from lab import host
from lab.cli.options import AsJson
from lab.cli.printing import out, print_json
from lab.images import Printed
from lab.run import topology
from lab.run.checkout import Checkout, new_run_id
from lab.run.laboratory import ensure_images, start


def up() -> None:
    """Start the topology and leave it running: later commands then start at once."""
    checkout, progress = Checkout.here(), Printed()
    with closing(host.find()) as client:
        if topology.containers(client, checkout.kept_project):
            out.print("the topology is up already: `lab status`", highlight=False)
            return
        found, _ = ensure_images(client, checkout, progress)
        start(client, checkout, found, progress, run_id=new_run_id(), kept=True).release(client)
    out.print("the topology is up; `lab down` removes it", highlight=False)


def down(
    every: Annotated[
        bool, typer.Option("--all", help="Also what other checkouts' runs left, unless alive.")
    ] = False,
    force: Annotated[bool, typer.Option(help="Also what is in use.")] = False,
) -> None:
    """Remove every container and network that runs of this checkout left behind."""
    with closing(host.find()) as client:
        removed, left = topology.down(client, Checkout.here(), every=every, force=force)
    for found in removed:
        out.print(f"removed {found.project} ({found.containers} objects)", highlight=False)
    for found in left:
        out.print(
            f"left {found.project}: in use by {found.path} (--force takes it)", highlight=False
        )
    if not removed and not left:
        out.print("nothing to remove", highlight=False)


def status(as_json: AsJson = False) -> None:
    """Show the topologies on the engine."""
    with closing(host.find()) as client:
        found = topology.find(client)
    if as_json:
        print_json([vars(f) for f in found])
        return
    if not found:
        out.print("no topology is up; `lab up` starts one", highlight=False)
        return
    table = Table("topology", "running", "kept", "in use", "checkout", box=None)
    for f in found:
        yes = ("no", "yes")
        table.add_row(f.project, str(f.running), yes[f.kept], yes[f.alive], f.path)
    out.print(table)
