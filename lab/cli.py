"""The command ``lab``: thin over the library.

Exit status: 0 all as expected, or completed; 1 a surprise, or refused; 2 wrong usage; 3 the lab itself
could not do it; 128 and the signal's number when a signal ended it. Results go to standard output,
progress and messages to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer
from docker import DockerClient
from docker.errors import DockerException
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lab import __version__, doctor, engine
from lab import claims as verdicts
from lab.bench import BenchError, measure
from lab.cases import CaseError, Catalogue
from lab.compare import baseline as baseline_of
from lab.compare import compare as compare_runs
from lab.dialects import DialectError
from lab.documents import DocumentError, documents
from lab.documents import words as claim_words
from lab.expectations import Expectation, ExpectationError, Verdict
from lab.imaging.errors import ImageError
from lab.imaging.progress import Printed
from lab.inputs import (
    FTP_CLIENT,
    FTP_SERVER,
    WEB_CLIENT,
    WEB_SERVER,
    InputError,
    read_attempt,
)
from lab.laboratory import ensure_images, image_store, open_laboratory, start
from lab.model import SERVER_HOSTS, ClientSettings, Result, ServerSettings
from lab.record import AttemptRecord, RecordError, RunRecord, load, to_json
from lab.recording import conduct, repeat
from lab.report import markdown, terminal
from lab.report.html import ReportError, write
from lab.report.html.documented import claims_of
from lab.report.scans import print_scans
from lab.report.suites import print_comparison
from lab.report.words import counts_in_words
from lab.scanning import as_attempt, counted, scan_all
from lab.settings import SettingsError, attempt_of, help_lines, parse_client, parse_server
from lab.soak import soak as run_soak
from lab.stack import topology
from lab.stack.checkout import Checkout, new_run_id
from lab.stack.link import AgentError
from lab.stack.scanner import SERVICE as SCANNER
from lab.stack.session import Cannot
from lab.stack.topology import TopologyError
from lab.wire import Keep

OK, SURPRISE, USAGE, LAB_ERROR = 0, 1, 2, 3

#: What a person did wrong / what the lab could not do. Each text says what to do next.
USAGE_ERRORS = (InputError, SettingsError, ExpectationError, CaseError)
LAB_ERRORS = (
    RecordError,
    engine.EngineError,
    ImageError,
    TopologyError,
    AgentError,
    DialectError,
    DocumentError,
    ReportError,
    BenchError,
    DockerException,
    OSError,  # a full disk, a directory that may not be written, an engine that has gone
)

app = typer.Typer(
    name="lab",
    help="Real TLS and FTPS clients against real servers in containers: who refused, at which stage, why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
engine_app = typer.Typer(help="The container engine of this machine.", no_args_is_help=True)
images_app = typer.Typer(help="The images: what is real in them, and moving them.")
app.add_typer(engine_app, name="engine")
app.add_typer(images_app, name="images")

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
Cases = Annotated[
    list[str] | None, typer.Argument(metavar="[CASE]...", help="Names or parts of names of cases.")
]
Document = Annotated[
    str | None, typer.Option("--document", "-d", help="Only the cases of this document.")
]


ServerName = Annotated[str, typer.Option("--server", help=", ".join(SERVER_HOSTS))]
ClientName = Annotated[
    str,
    typer.Option(
        "--client", metavar="PROGRAM@PLATFORM[:POLICY]", help="for example net-ftp@rocky9:FIPS"
    ),
]
ServerAssignments = Annotated[
    list[str] | None, typer.Option("-s", metavar="FIELD=VALUE", help="a server setting")
]
ClientAssignments = Annotated[
    list[str] | None, typer.Option("-c", metavar="FIELD=VALUE", help="a client setting")
]


class Interrupted(BaseException):
    """A signal asks the command to end. No :class:`Exception`: nothing on the way handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> None:
    """Run the command; every error becomes one message and the documented exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell's background jobs have it
            signal.signal(number, _interrupt)
    try:
        app(prog_name="lab")
    except USAGE_ERRORS as error:
        _say(error)
        sys.exit(USAGE)
    except LAB_ERRORS as error:
        _say(error)
        sys.exit(LAB_ERROR)
    except Interrupted as stopped:
        name = signal.Signals(stopped.number).name
        err.print(f"lab: ended by {name}; what was finished is in the record", highlight=False)
        sys.exit(128 + stopped.number)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(number)


def _say(error: Exception) -> None:
    err.print(f"lab: {error}", markup=False, highlight=False, soft_wrap=True)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def _catalogue() -> Catalogue:
    return Catalogue.load(Checkout.here().root / "scenarios")


@app.command()
def version() -> None:
    """Print the version of the lab."""
    out.print(__version__, highlight=False)


@app.command(name="doctor")
def examine(as_json: AsJson = False) -> None:
    """Say what is missing on this machine, before anything is tried."""
    findings = doctor.examine()
    if as_json:
        _print_json([vars(finding) for finding in findings])
    else:
        out.print(doctor.render(findings), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(doctor.worst(findings))


@engine_app.command(name="start")
def engine_start() -> None:
    """Find the engine; where there is none, install and start one (root on Debian or Ubuntu)."""
    engine.ensure().close()


@engine_app.command(name="stop")
def engine_stop() -> None:
    """Stop the engine, if this checkout started it and nobody else uses it."""
    out.print(engine.stop().message, markup=False, highlight=False, soft_wrap=True)


@images_app.callback(invoke_without_command=True)
def images(context: typer.Context, as_json: AsJson = False) -> None:
    """Build what is missing and print where every image comes from."""
    if context.invoked_subcommand is not None:
        return
    with _engine() as client:
        found, absent = ensure_images(client, Checkout.here(), Printed())
    if as_json:
        _print_json({name: i.provenance.model_dump(mode="json") for name, i in found.items()})
    else:
        terminal.print_images([i.provenance for i in found.values()], out)
        for why in absent.values():
            out.print(f"cannot: {why}", markup=False, highlight=False)


@images_app.command(name="export")
def images_export(path: Annotated[Path, typer.Argument(help="The archive to write.")]) -> None:
    """Write all images into one archive, for a room without a network."""
    with _engine() as client:
        ensure_images(client, Checkout.here(), Printed())
        image_store(client, Checkout.here(), Printed()).export(path)
    out.print(f"{path}: {path.stat().st_size / 1e6:.0f} MB", highlight=False)


@images_app.command(name="import")
def images_import(
    path: Annotated[Path, typer.Argument(help="An archive of `lab images export`.")],
) -> None:
    """Take all images from an archive."""
    with _engine() as client:
        image_store(client, Checkout.here(), Printed()).import_(path)


@images_app.command(name="prune")
def images_prune() -> None:
    """Remove the images of older recipes."""
    with _engine() as client:
        for reference in image_store(client, Checkout.here(), Printed()).prune():
            out.print(f"removed {reference}", highlight=False)


@app.command()
def up() -> None:
    """Start the topology and leave it running: later commands then start at once."""
    checkout, progress = Checkout.here(), Printed()
    with _engine() as client:
        if topology.containers(client, checkout.kept_project):
            out.print("the topology is up already: `lab status`", highlight=False)
            return
        found, _ = ensure_images(client, checkout, progress)
        start(client, checkout, found, progress, run_id=new_run_id(), kept=True).release(client)
    out.print("the topology is up; `lab down` removes it", highlight=False)


@app.command()
def down(
    every: Annotated[
        bool, typer.Option("--all", help="Also what other checkouts' runs left, unless alive.")
    ] = False,
    force: Annotated[bool, typer.Option(help="Also what is in use.")] = False,
) -> None:
    """Remove every container and network that runs of this checkout left behind."""
    with _engine() as client:
        removed, left = topology.down(client, Checkout.here(), every=every, force=force)
    for found in removed:
        out.print(f"removed {found.project} ({found.containers} objects)", highlight=False)
    for found in left:
        out.print(
            f"left {found.project}: in use by {found.path} (--force takes it)", highlight=False
        )
    if not removed and not left:
        out.print("nothing to remove", highlight=False)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the topologies on the engine."""
    with _engine() as client:
        found = topology.find(client)
    if as_json:
        _print_json([vars(f) for f in found])
        return
    if not found:
        out.print("no topology is up; `lab up` starts one", highlight=False)
        return
    table = Table("topology", "running", "kept", "in use", "checkout", box=None)
    for f in found:
        yes = ("no", "yes")
        table.add_row(f.project, str(f.running), yes[f.kept], yes[f.alive], f.path)
    out.print(table)


@app.command(name="list")
def list_cases(document: Document = None, as_json: AsJson = False) -> None:
    """List the cases."""
    cases = _catalogue().select([], document)
    if as_json:
        _print_json(
            [
                {
                    "id": c.id,
                    "document": c.document,
                    "section": c.section,
                    "story": c.story,
                    "attempts": [p.id for p in c.plan()],
                }
                for c in cases
            ]
        )
        return
    section = None
    names: set[str] = set()
    for c in cases:
        if (c.document, c.section) != section:
            section = (c.document, c.section)
            out.print(f"\n{c.document}: {c.section}", style="bold", highlight=False)
        if c.name not in names:
            names.add(c.name)
            clients = [o.label for o in cases if o.name == c.name]
            out.print(f"  {c.name}", highlight=False)
            for words in (c.story.splitlines()[0].replace("``", "`"), ", ".join(clients)):
                out.print(Padding(Text(words, style="dim"), (0, 0, 0, 6)))


@app.command(name="run")
def run_cases(
    cases: Cases = None,
    document: Document = None,
    capture: Annotated[
        Keep, typer.Option(help="Of which attempts the packets are kept, for Wireshark.")
    ] = Keep.REFUSED,
    as_json: AsJson = False,
) -> None:
    """Run cases (all, or those named) and print what came of them."""
    chosen = _catalogue().select(cases or [], document)
    total = sum(len(c.plan()) for c in chosen)
    counter = terminal.Counter(total, err)
    conducted = conduct(
        chosen,
        on_attempt=counter.count,
        captures=capture,
        then=lambda one: write(one.record, page_beside(one.path), claims_of(one.record)),
    )
    counter.end()
    if as_json:
        sys.stdout.write(to_json(conducted.record, indent=2) + "\n")
    else:
        _print_run(conducted.record, conducted.path)
        _say_page(page_beside(conducted.path))
    raise typer.Exit(_status(conducted.record))


Record = Annotated[Path | None, typer.Argument(help="A record; default: the newest run.")]


def _recorded(record: Path | None) -> tuple[RunRecord, Path]:
    """The record at a path, or the newest; one that cannot be read is wrong usage."""
    path = record or Checkout.here().state / "runs" / "latest"
    try:
        if record is None and not path.exists():
            raise RecordError("there is no record yet: `lab run` makes one")
        return load(path), path
    except RecordError as error:
        _say(error)
        raise typer.Exit(USAGE) from error


@app.command()
def report(
    record: Record = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write it as one HTML file that needs no network."
        ),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            help='Append it to a file as Markdown, for example to "$GITHUB_STEP_SUMMARY".',
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="OLD", help="With --summary: begin with what changed since that one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the summary of a recorded run, or write it as a page or as Markdown."""
    found, path = _recorded(record)
    if since is not None and summary is None:
        raise typer.BadParameter("it goes with --summary; `lab compare` prints the same words")
    if page is not None:
        _write_page(found, page)
    if summary is not None:
        compared = compare_runs(_recorded(since)[0], found) if since is not None else None
        _append(summary, markdown.summary(found, documents().values(), compared))
    if as_json:
        sys.stdout.write(to_json(found, indent=2) + "\n")
    elif page is None and summary is None:
        _print_run(found, path)
    raise typer.Exit(_status(found))


@app.command()
def claims(
    record: Record = None,
    document: Document = None,
    language: Annotated[Literal["en", "ja"], typer.Option(help="Language of the words.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say which claims of the documents hold, as a recorded run has it."""
    known = documents()
    if document is not None and document not in known:
        raise CaseError(f"no document {document!r} with claims; there are: {', '.join(known)}")
    found, _ = _recorded(record)
    chosen = [known[document]] if document else list(known.values())
    results = [(one, verdicts.evaluate(one, found)) for one in chosen]
    if as_json:
        _print_json([verdicts.as_json(one, many, found.run_id) for one, many in results])
        return
    # A document of which the run tested nothing would be a page of "not run".
    tested = [(one, many) for one, many in results if any(result.made for result in many)]
    words = [
        claim_words.in_words(
            one, many, found.run_id, language=language, columns=min(out.width, 100)
        )
        for one, many in tested or results
    ]
    out.print("\n\n\n".join(words), markup=False, highlight=False, soft_wrap=True)


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="A record or a baseline.")],
    new: Annotated[Path, typer.Argument(help="A record.")],
    as_json: AsJson = False,
) -> None:
    """Say what changed from one recorded run to another; exit 1 if something is worse or gone."""
    compared = compare_runs(_recorded(old)[0], _recorded(new)[0])
    if as_json:
        _print_json(compared.as_json())
    else:
        words = compared.in_words(min(out.width, 100))
        out.print(words, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(compared.exit_status)


@app.command()
def baseline(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The baseline to write.")],
    record: Record = None,
) -> None:
    """Write what a comparison reads of a recorded run, to be committed."""
    found, _ = _recorded(record)
    try:
        path.write_text(baseline_of(found), encoding="utf-8")
    except OSError as error:
        _say(RecordError(f"the baseline {path} cannot be written: {error.strerror}"))
        raise typer.Exit(USAGE) from error
    words = f"{path}: {len(found.attempts)} attempts of {found.run_id}"
    out.print(words, markup=False, highlight=False, soft_wrap=True)


@app.command()
def attempt(
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            help=", ".join(SERVER_HOSTS),
            show_default=f"{FTP_SERVER}; for a web client {WEB_SERVER}",
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="PROGRAM@PLATFORM[:POLICY]",
            help="for example net-ftp@rocky9:FIPS",
            show_default=f"{FTP_CLIENT}; with --backend {WEB_CLIENT}",
        ),
    ] = None,
    server_settings: ServerAssignments = None,
    client_settings: ClientAssignments = None,
    expect: Annotated[
        str | None,
        typer.Option(help="completed, or refused:SIDE:STAGE:REASON; decides the exit status"),
    ] = None,
    times: Annotated[
        int, typer.Option("--repeat", metavar="N", min=1, help="make it N times and give the rate")
    ] = 1,
    vsftpd_conf: Annotated[
        Path | None, typer.Option("--vsftpd-conf", metavar="FILE", help="your vsftpd.conf")
    ] = None,
    vsftpd_build: Annotated[
        str | None,
        typer.Option(
            "--vsftpd-build", metavar="BUILD", help="what it is written for: debian13 or el9"
        ),
    ] = None,
    mt_config: Annotated[
        Path | None, typer.Option("--mt-config", metavar="FILE", help="lines of your mt-config.cgi")
    ] = None,
    backend: Annotated[
        Path | None,
        typer.Option(
            "--backend", metavar="FILE", help="your CDN's backend definition: VCL, TOML or JSON"
        ),
    ] = None,
    backend_name: Annotated[
        str | None,
        typer.Option("--backend-name", metavar="NAME", help="which, if the file has several"),
    ] = None,
    chain: Annotated[
        Path | None, typer.Option("--chain", metavar="FILE", help="your certificate chain, PEM")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="its private key, PEM")
    ] = None,
    capture: Annotated[
        bool,
        typer.Option("--capture", help="keep the packets, for Wireshark, of a completed one too"),
    ] = False,
    as_json: AsJson = False,
    fields: Annotated[bool, typer.Option("--fields", help="List the settings and end.")] = False,
) -> None:
    """Make one attempt: one client with its settings against one server with its settings."""
    if fields:
        for title, settings in (("-s", ServerSettings), ("-c", ClientSettings)):
            out.print(f"\n{settings.__name__} ({title} FIELD=VALUE)", style="bold", highlight=False)
            for name, text in help_lines(settings):
                out.print(f"  {name:<22} {text}", markup=False, highlight=False, soft_wrap=True)
        return
    wanted, own, findings = read_attempt(
        vsftpd_conf,
        mt_config,
        chain,
        key,
        server_settings or [],
        client,
        client_settings or [],
        server=server,
        vsftpd_build=vsftpd_build,
        backend=backend,
        backend_name=backend_name,
        environment=os.environ if mt_config else None,
    )
    for finding in findings:
        err.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    expectation = Expectation.parse(expect) if expect else None
    counter = terminal.Counter(times, err)
    conducted = repeat(
        wanted,
        times,
        expectation,
        on_attempt=counter.count,
        own=own,
        captures=Keep.ALL if capture else Keep.REFUSED,
    )
    counter.end()
    attempts = conducted.record.attempts
    if as_json:
        _print_json(_attempts_json(conducted.record))
    else:
        terminal.print_attempts(attempts, conducted.record, out)
        _print_captures(attempts, conducted.path.parent)
    raise typer.Exit(max(_attempt_status(a) for a in attempts))


@app.command()
def suites(
    server: ServerName = "vsftpd",
    client: ClientName = "net-ftp@rocky9",
    server_settings: ServerAssignments = None,
    client_settings: ClientAssignments = None,
    as_json: AsJson = False,
) -> None:
    """Ask both ends for their cipher suites and say what is common, or what fails first."""
    wanted = attempt_of(
        parse_server(server_settings or [], server), parse_client(client, client_settings or [])
    )
    with open_laboratory(Checkout.here(), Printed(), new_run_id(), attempts=[wanted]) as laboratory:
        try:
            comparison = laboratory.session.suites(wanted)
        except Cannot as cause:
            err.print(f"cannot: {cause}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(LAB_ERROR) from None
    if as_json:
        _print_json(comparison.as_json())
    else:
        print_comparison(comparison, out)
    raise typer.Exit(OK if comparison.possible else SURPRISE)


@app.command()
def scan(
    cases: Cases = None,
    server: Annotated[
        str | None, typer.Option("--server", help="scan this server only, e.g. nginx")
    ] = None,
    server_settings: ServerAssignments = None,
    document: Document = None,
    as_json: AsJson = False,
) -> None:
    """Have sslscan ask servers what they offer, and compare: one, or all distinct ones of the cases."""
    if server is None and not server_settings:
        plans = [c.plan() for c in _catalogue().select(cases or [], document)]
        attempts = [planned.attempt for plan in plans for planned in plan]
    elif cases or document:
        raise typer.BadParameter("either cases, or one server with its settings")
    else:
        attempts = [as_attempt(parse_server(server_settings or [], server or "vsftpd"))]
    with open_laboratory(
        Checkout.here(), Printed(), new_run_id(), attempts=attempts, also=[SCANNER]
    ) as laboratory:
        results = scan_all(laboratory.session, (a.server for a in attempts))
    counts = counted(results)
    if as_json:
        _print_json({"counts": counts, "scans": [r.as_json() for r in results]})
    else:
        print_scans(results, counts, out)
    raise typer.Exit(LAB_ERROR if counts["lab_error"] else SURPRISE if counts["disagree"] else OK)


@app.command()
def soak(
    cases: Cases = None,
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="how many times")] = 50,
) -> None:
    """Run cases many times and say which outcomes flip, races apart."""

    def after_round(number: int, record: RunRecord) -> None:
        err.print(f"round {number} of {rounds}: {counts_in_words(record)}", highlight=False)

    soaked = run_soak(_catalogue().select(cases or []), rounds, Printed(), after_round)
    out.print(soaked.in_words(), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(OK if soaked.steady else SURPRISE)


@app.command()
def bench(as_json: AsJson = False) -> None:
    """Measure what an attempt costs, against baselines of the same run."""
    measured = measure(Checkout.here(), Printed())
    if as_json:
        _print_json(measured.as_json())
    else:
        out.print(measured.in_words(), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(OK if measured.all_met else SURPRISE)


class _engine:  # noqa: N801 - used as a function
    """The engine, for the length of a block."""

    def __enter__(self) -> DockerClient:
        self._client = engine.find()
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()


def page_beside(record: Path) -> Path:
    """Where a run leaves its page."""
    return record.with_name("report.html")


def _write_page(record: RunRecord, path: Path) -> None:
    write(record, path, claims_of(record))
    _say_page(path)


def _say_page(path: Path) -> None:
    out.print(f"\nreport: {path}", markup=False, highlight=False, soft_wrap=True)


def _print_captures(attempts: Sequence[AttemptRecord], folder: Path) -> None:
    """Say where the captures are: each file, or, of many attempts, the folder."""
    files = [folder / a.wire.file for a in attempts if a.wire and a.wire.file]
    if files:
        where = files[0] if len(files) == 1 else f"{len(files)} files in {files[0].parent}"
        out.print(f"\ncapture: {where}", markup=False, highlight=False, soft_wrap=True)


def _append(path: Path, words: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(words)
    except OSError as error:
        _say(RecordError(f"the summary {path} cannot be written: {error.strerror}"))
        raise typer.Exit(USAGE) from error


def _print_run(record: RunRecord, path: Path) -> None:
    terminal.print_summary(record, out, path)
    for document in documents().values():
        results = verdicts.evaluate(document, record)
        if any(result.made for result in results):
            words = claim_words.summary(document, results, columns=min(out.width, 100))
            out.print("\n" + words, markup=False, highlight=False, soft_wrap=True)


def _status(record: RunRecord) -> int:
    if not record.complete:
        return LAB_ERROR  # whether all is as expected is not known
    return {Verdict.LAB_ERROR: LAB_ERROR, Verdict.SURPRISE: SURPRISE}.get(record.verdict, OK)


def _attempt_status(record: AttemptRecord) -> int:
    if record.outcome is None:
        return LAB_ERROR
    if record.expectation is not None:
        return OK if record.verdict is Verdict.AS_EXPECTED else SURPRISE
    return OK if record.outcome.result is Result.COMPLETED else SURPRISE


def _attempts_json(record: RunRecord) -> object:
    whole = record.model_dump(mode="json", include={"attempts", "certificates"})
    plain = whole["attempts"]
    if len(plain) == 1:
        return plain[0] | {"certificates": whole["certificates"].get(plain[0]["chain"], [])}
    outcomes = [a.outcome for a in record.attempts if a.outcome]
    completed = sum(o.result is Result.COMPLETED for o in outcomes)
    return whole | {"made": len(plain), "completed": completed}
