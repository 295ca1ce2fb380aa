"""Every command by its name, in the order in which the help has them."""

from __future__ import annotations

import typer

from lab.cli import (
    attempts,
    cases,
    images,
    machine,
    measurements,
    offers,
    records,
    topologies,
)

app = typer.Typer(
    name="lab",
    help="Real TLS and FTPS clients against real servers in containers: who refused, at which stage, why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("version")(machine.version)
app.command("doctor")(machine.doctor)
app.command("up")(topologies.up)
app.command("down")(topologies.down)
app.command("status")(topologies.status)
app.command("list")(cases.list_cases)
app.command("run")(cases.run_cases)
app.command("report")(records.report)
app.command("claims")(records.claims)
app.command("compare")(records.compare)
app.command("baseline")(records.baseline)
app.command("attempt")(attempts.attempt)
app.command("suites")(offers.suites)
app.command("scan")(offers.scan)
app.command("soak")(measurements.soak)

_engine = typer.Typer(help="The container engine of this machine.", no_args_is_help=True)
_engine.command("start")(machine.engine_start)
_engine.command("stop")(machine.engine_stop)
app.add_typer(_engine, name="engine")

_images = typer.Typer(help="The images: what is real in them, and moving them.")
_images.callback(invoke_without_command=True)(images.provide)
_images.command("export")(images.export)
_images.command("import")(images.import_)
_images.command("builds")(images.builds)
_images.command("prune")(images.prune)
app.add_typer(_images, name="images")
