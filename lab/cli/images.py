"""Commands about the images: building, listing, exporting, importing, pruning."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from lab import host
from lab.cli import exit_status
from lab.cli.options import AsJson
from lab.cli.printing import out, print_error, print_json, print_plain
from lab.images import ImageError, Printed, archive, release_from_environment
from lab.images.provenance import moved
from lab.report import terminal
from lab.run.checkout import Checkout
from lab.run.laboratory import ensure_images, image_store


def provide(context: typer.Context, as_json: AsJson = False) -> None:
    """Build what is missing and print where every image comes from."""
    if context.invoked_subcommand is not None:
        return
    with closing(host.find()) as client:
        found, absent = ensure_images(client, Checkout.here(), Printed())
    if as_json:
        print_json({name: i.provenance.model_dump(mode="json") for name, i in found.items()})
    else:
        terminal.print_images([i.provenance for i in found.values()], out)
        for why in absent.values():
            out.print(f"cannot: {why}", markup=False, highlight=False)


def export(path: Annotated[Path, typer.Argument(help="The archive to write.")]) -> None:
    """Write all images into one archive, for a room without a network."""
    with closing(host.find()) as client:
        ensure_images(client, Checkout.here(), Printed())
        image_store(client, Checkout.here(), Printed()).export(path)
    out.print(f"{path}: {path.stat().st_size / 1e6:.0f} MB", highlight=False)


def import_(
    path: Annotated[Path, typer.Argument(help="An archive of `lab images export`.")],
) -> None:
    """Take all images from an archive."""
    try:
        archive.contents(path)  # before an engine is looked for
    except ImageError as error:
        print_error(error)
        raise typer.Exit(exit_status.USAGE) from error
    with closing(host.find()) as client:
        image_store(client, Checkout.here(), Printed()).import_(path)


def builds(
    write: Annotated[
        bool, typer.Option("--write", help="Record them, after a run in which all was as expected.")
    ] = False,
) -> None:
    """Say which packages have moved since the expectations were last seen to hold."""
    if write and release_from_environment(os.environ):
        raise typer.BadParameter(
            "the table has the builds of the usual servers: leave LAB_SERVERS unset"
        )
    with closing(host.find()) as client:
        found, _ = ensure_images(client, Checkout.here(), Printed())
        store = image_store(client, Checkout.here(), Printed())
        measured = [image.provenance for image in found.values()]
        if write:
            print_plain(f"written: {store.record_builds(measured)}")
            return
        recorded = store.recorded()
    changes = [
        f"{provenance.image}: {change}"
        for provenance in measured
        for change in moved(recorded, provenance) or ()
    ]
    for change in changes:
        print_plain(change)
    unknown = [p.image for p in measured if p.image not in recorded]
    if unknown:
        print_plain(f"nothing is recorded of {', '.join(unknown)}")
    if not changes and not unknown:
        print_plain("nothing has moved")


def prune() -> None:
    """Remove the images of older recipes."""
    with closing(host.find()) as client:
        for reference in image_store(client, Checkout.here(), Printed()).prune():
            out.print(f"removed {reference}", highlight=False)
