"""Commands about this machine: what it lacks, its engine, its images, the topologies on it, its speed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import typer
from docker import DockerClient
from rich.table import Table

from lab.cli.common import PLAIN, USAGE, console, print_error, print_json, say
from lab.host import doctor as examination
from lab.host import engine, starting
from lab.host.checkout import root
from lab.images import archive
from lab.images.errors import ImageError, Printed
from lab.images.provenance import ImageInfo, moved
from lab.images.recipe import release_from_environment, tags
from lab.images.store import ImageStore
from lab.run import laboratory, network, topology
from lab.run.checkout import Checkout, new_run_id
from lab.run.services import images_by_service, service_files, services_in, services_on

_ENGINE = "The container engine of this machine."
engine_commands = typer.Typer(no_args_is_help=True, help=_ENGINE, **PLAIN)
image_commands = typer.Typer(invoke_without_command=True, **PLAIN)


def doctor(seats: int | None = None, as_json: bool = False) -> None:
    """``lab doctor``: its exit status is that of the worst finding."""
    findings = examination.examine()
    if seats is not None:
        from lab.cli.serve import FIRST_PORT
        from lab.training.room import examine_room

        findings |= examine_room(seats, FIRST_PORT)
    if as_json:
        print_json([{"name": name, **seen._asdict()} for name, seen in findings.items()])
    else:
        say(examination.render(findings))
    raise typer.Exit(examination.worst(findings))


@engine_commands.command("start")
def engine_start() -> None:
    """Find the engine; where there is none, install and start one (root on Debian or Ubuntu)."""
    starting.ensure(partial(say, error=True)).close()


@engine_commands.command("stop")
def engine_stop() -> None:
    """Stop the engine, if this checkout started it and nobody else uses it."""
    say(starting.stop(partial(say, error=True)))


# -- topologies ----------------------------------------------------------------------------------------


def up(names: list[str] | None = None) -> None:
    """``lab up``."""
    checkout = Checkout.here()
    services = _services(checkout, names or ())
    with closing(engine.find()) as client:
        # Variables without a meaning are told of first.
        store = _store(client)
        is_up = bool(network.containers(client, checkout.kept_project))
        if is_up and not services:
            say("the topology is up already: `lab status`")
            return
        found, _ = laboratory.ensure_images(store, laboratory.on_demand(store, checkout, services))
        if is_up:
            running = laboratory.attach(store, checkout, found, services)
            if running is None:
                message = "the topology that is up is in use, or of other images: `lab down` first"
                raise network.TopologyError(message)
        else:
            default = found.keys() & {*store.of_topology, *store.only_real}
            services |= services_on(checkout, default)
            running = laboratory.start(
                store, checkout, found, run_id=new_run_id(), kept=True, services=services
            )
        running.release(client)
    say("the topology is up; `lab down` removes it")


def _services(checkout: Checkout, names: Iterable[str]) -> set[str]:
    """The services that people mean: by their own name, or by that of their image or its folder.

    Raises:
        typer.BadParameter: there is none of that name.
    """
    by_service, services = images_by_service(checkout), set[str]()
    for name in names:
        path = service_files(checkout).get(name)
        of_folder = services_in(path.read_text(encoding="utf-8")) if path else {}
        meant = {s for s, image in by_service.items() if name in (s, image)} | of_folder.keys()
        if not meant:
            known = ", ".join(sorted({*by_service, *by_service.values()}))
            raise typer.BadParameter(f"no service or image is called {name}; there are {known}")
        services |= meant
    return services


def down(every: bool = False, force: bool = False) -> None:
    """``lab down``."""
    from lab.serve.folders import remove_left

    for folder in remove_left(Checkout.here()):
        say(f"removed {folder}")
    with closing(engine.find()) as client:
        removed, left = topology.down(client, Checkout.here(), every=every, force=force)
    for found in removed:
        say(f"removed {found.project} ({found.containers} objects)")
    for found in left:
        say(f"left {found.project}: in use by {found.path} (--force takes it)")
    if not removed and not left:
        say("nothing to remove")


def status(as_json: bool = False) -> None:
    """``lab status``."""
    with closing(engine.find()) as client:
        found = network.find(client)
    if as_json:
        print_json([vars(f) for f in found])
        return
    if not found:
        say("no topology is up; `lab up` starts one")
        return
    table = Table("topology", "running", "kept", "in use", "checkout", box=None)
    for f in found:
        yes = ("no", "yes")
        table.add_row(f.project, str(f.running), yes[f.kept], yes[f.alive], f.path)
    console().print(table)


# -- images --------------------------------------------------------------------------------------------


@image_commands.callback()
def provide(context: typer.Context, as_json: bool = False) -> None:
    """Build the images that are missing, and print where every image comes from and what is real in it."""
    if context.invoked_subcommand is not None:
        return
    with closing(engine.find()) as client:
        store, found, absent = _images(client)
        unmade = [name for name in store.on_demand if name not in found]
    if as_json:
        print_json({name: i.provenance.model_dump(mode="json") for name, i in found.items()})
    else:
        _print_images(found)
        for why in absent.values():
            say(f"cannot: {why}")
        if unmade:
            say(f"on demand, not made yet: {', '.join(unmade)} (`lab images make NAME`)")


@image_commands.command("make")
def make(names: list[str] | None = None, every: bool = False) -> None:
    """Make these images, if they are not there; a run makes those that it needs by itself."""
    if not names and not every:
        raise typer.BadParameter("name images, or say --all: `lab images` lists them")
    with closing(engine.find()) as client:
        store = _store(client)
        if every:
            found, _ = laboratory.ensure_images(store, store.on_demand)
        else:
            found = store.ensure([one for name in names or () for one in store.called(name)])
    _print_images(found)


@image_commands.command("export")
def export(path: Path, on_demand: bool = False) -> None:
    """Write all images into one archive, for a room without a network."""
    with closing(engine.find()) as client:
        _images(client)[0].export(path, on_demand=on_demand)
    say(f"{path}: {path.stat().st_size / 1e6:.0f} MB")


@image_commands.command("import")
def import_(path: Path) -> None:
    """Take all images from an archive."""
    try:
        archive.contents(path)  # before an engine is looked for
    except ImageError as error:
        print_error(error)
        raise typer.Exit(USAGE) from error
    with closing(engine.find()) as client:
        _store(client).import_(path)


@image_commands.command("key")
def key() -> None:
    """Print what the name of a cached archive must have in it: another one does not fit this lab."""
    every = sorted(tags(root() / "compose" / "images"))
    say(hashlib.sha256("\n".join(every).encode()).hexdigest()[:16])


@image_commands.command("builds")
def builds(write: bool = False) -> None:
    """Say which packages have moved since the expectations were last seen to hold."""
    if write and release_from_environment(os.environ):
        why = "the table has the builds of the usual servers: leave LAB_SERVERS unset"
        raise typer.BadParameter(why)
    with closing(engine.find()) as client:
        store, found, _ = _images(client)
        measured = [image.provenance for image in found.values()]
        if write:
            say(f"written: {store.record_builds(measured)}")
            return
        recorded = store.recorded()
    changes = [f"{p.image}: {change}" for p in measured for change in moved(recorded, p) or ()]
    unknown = [p.image for p in measured if p.image not in recorded]
    if unknown:
        changes.append(f"nothing is recorded of {', '.join(unknown)}")
    say("\n".join(changes) or "nothing has moved")


@image_commands.command("prune")
def prune() -> None:
    """Remove the images of older recipes."""
    with closing(engine.find()) as client:
        for reference in _store(client).prune():
            say(f"removed {reference}")


def _print_images(found: Mapping[str, ImageInfo]) -> None:
    from lab.report.terminal import print_images  # the models of a record take a third of a second

    print_images([one.provenance for one in found.values()], console())


def _store(client: DockerClient) -> ImageStore:
    return laboratory.image_store(client, Checkout.here(), Printed())


def _images(client: DockerClient) -> tuple[ImageStore, Mapping[str, ImageInfo], Mapping[str, str]]:
    """The store, and its images: those there are by name, and why others are not.

    All are built first but those made on demand, of which those that are there are among them.
    """
    store = _store(client)
    found, absent = laboratory.ensure_images(store)
    return store, {**found, **store.found(store.on_demand)}, absent
