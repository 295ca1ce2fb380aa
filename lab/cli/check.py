"""``lab check``: a configuration against all clients that it must serve."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lab.check.demands import NAME, find
from lab.check.form import wanted_strongest, write_new
from lab.check.plan import read_plan
from lab.cli import common, inputs
from lab.cli.attempts import say_findings
from lab.own.configurations import GivenFiles
from lab.text import visible

if TYPE_CHECKING:
    from lab.check.baseline import BaselineUse


@inputs.take_files
def check(
    *,
    files: GivenFiles,
    config: Path | None = None,
    clients: list[str] | None = None,
    client_settings: list[str] | None = None,
    advised: bool = True,
    strongest: bool | None = None,
    write: Path | None = None,
    baseline: Path | None = None,
    write_baseline: Path | None = None,
    junit: Path | None = None,
    summary: Path | None = None,
    code_quality: Path | None = None,
    sarif: Path | None = None,
    annotated: bool | None = None,
    language: common.Language = "en",
    verbose: bool = False,
    as_json: bool = False,
) -> None:
    """``lab check``: exit status 0 if all requirements are met, 1 if one is broken, 3 if one is open."""
    from lab.check.files import check_apart
    from lab.check.outputs import Outputs

    # What cannot be written, or is an input, is said before anything is run.
    outputs = Outputs.named(junit=junit, summary=summary, code_quality=code_quality, sarif=sarif)
    beside_them = {"--write": write, "--write-baseline": write_baseline}
    written = outputs.files | {name: path for name, path in beside_them.items() if path}
    config_file = config or Path(NAME)
    check_apart(written, {"--config": config_file, **files.by_option})
    outputs.look()
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    annotated = on_github if annotated is None else annotated
    told = partial(outputs.told_of_an_end, language=language, annotated=annotated)
    with told((*files.named, str(config_file)), inputs_known=False):
        demands = find(config)
    all_files = files.over(demands.files)
    check_apart(written, all_files.by_option)
    known = baseline or demands.baseline
    # A baseline is written over by nothing but the next one.
    others = {name: path for name, path in written.items() if name != "--write-baseline"}
    check_apart(others, {"--baseline": known} if known else {})
    with told((*all_files.named, *filter(None, [demands.file]))):
        plan = read_plan(demands, files, narrowed=clients or [], settings=client_settings or [])
        searched = strongest if advised or strongest or write else False
        wanted = wanted_strongest(plan.server, plan.checked, language, search=searched, write=write)
        beside = _beside(known or write_baseline, write_baseline)
        from lab.run.certificates import begin

        # Keys are made while the rest is loaded.
        certificates = begin([one.attempt for one in plan.requirements], plan.own)
        say_findings(plan.findings, verbose=verbose, language=language)
        from lab.check.checking import check as make_check

        result = make_check(
            plan,
            advised=advised,
            strongest=wanted,
            certificates=certificates,
            meanwhile=_load_telling,
        )
        new = write if result.strongest is not None and result.strongest.text else None
        if new is not None and result.strongest is not None:
            write_new(new, result.strongest.text)
        result = replace(result, compared=beside.compare(result) if beside else None)
    from lab.check import telling

    outputs.write(result, language)
    if as_json:
        common.print_json(telling.as_json(result))
    else:
        out = common.console()
        with _no_commands() if on_github else nullcontext():
            telling.tell(result, out, language, verbose=verbose, written=new)
    if beside and (said := beside.in_words(result)) is not None:
        common.say(visible(said.in_(language)), error=True)
    if annotated:
        from lab.check.outputs import workflow_commands

        for line in workflow_commands.lines(result, language):
            common.say(line, error=as_json)
    raise typer.Exit(result.exit_status)


def _beside(known: Path | None, written: Path | None) -> BaselineUse | None:
    """What the check is compared with; ``None``: nothing."""
    if known is None:
        return None
    from lab.check.baseline import BaselineUse

    return BaselineUse(known, written)


def _load_telling() -> None:
    """Load what prints a check: that takes as long as an agent to start."""
    import_module("lab.check.telling")
    common.console()


@contextmanager
def _no_commands() -> Iterator[None]:
    """What is printed meanwhile is no command to GitHub, whatever a server has said."""
    token = secrets.token_hex(16)
    common.say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        common.say(f"::{token}::")
