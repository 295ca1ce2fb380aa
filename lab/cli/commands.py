"""The commands as the library that reads options has them. Only the one that is called is imported."""

from __future__ import annotations

import importlib
import inspect
import io
import signal
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_origin

import typer
from typer.core import TyperGroup

from lab.cli.common import PLAIN, USAGE, Interrupted, reader_has_gone, say
from lab.cli.entry import COMMANDS, READS_ITSELF
from lab.text import closest

#: What leaves every word to a command.
_ALL = {"allow_extra_args": True, "ignore_unknown_options": True}


def _given(command: Callable[[Sequence[str]], int]) -> Callable[[typer.Context], None]:
    """A command that reads its words itself, as a function of the library that reads the others'."""

    def called(context: typer.Context) -> None:
        raise typer.Exit(command(context.args))

    return called


_OPTIONS = tomllib.loads(Path(__file__).with_name("options.toml").read_text(encoding="utf-8"))


def described(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, its parameters as ``options.toml`` has them; one that says it itself stays as it is."""
    room = command.__module__.rpartition(".")[2]
    table = _OPTIONS["every"] | _OPTIONS.get(room, {}).get(command.__name__, {})
    signature = inspect.signature(command, eval_str=True)
    parameters = [
        one
        if name not in table or get_origin(one.annotation) is Annotated
        else one.replace(annotation=Annotated[one.annotation, _declared(**table[name])])
        for name, one in signature.parameters.items()
    ]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def _declared(flags: Sequence[str] = (), **words: Any) -> Any:
    return typer.Option(*flags, **words) if flags else typer.Argument(**words)


@cache
def _made(name: str, found: Callable[..., Any] | typer.Typer) -> Any:
    """The command of this name as the library has it, of its function or group."""
    if not isinstance(found, typer.Typer):
        single = typer.Typer(**PLAIN)
        if name in READS_ITSELF:
            single.command(name, add_help_option=False, context_settings=_ALL)(_given(found))
        else:
            single.command(name, help=COMMANDS[name][1])(found)
        found = single
    for one in (*found.registered_commands, found.registered_callback):
        if one is not None and one.callback is not None:
            described(one.callback)
    return typer.main.get_command(found)


class _Commands(TyperGroup):
    """The commands of the table."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(".")
        return _made(cmd_name, getattr(importlib.import_module(f"lab.cli.{module}"), name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        unknown = name not in COMMANDS and not name.startswith("-")
        if unknown and (near := closest(name, COMMANDS, alike=0.7)):
            words = ", ".join(f"'{one}'" for one in near)
            ctx.fail(f"No such command {name!r}. Did you mean {words}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # Typer would end with 1, whoever closed which pipe
            if reader_has_gone():
                raise Interrupted(signal.SIGPIPE) from error
            raise ConnectionError(str(error)) from error


def run_in_japanese() -> int:
    """Run the command as :data:`app` does, with the library's own messages in Japanese; its exit status."""
    try:
        status: int | None = app(prog_name="lab", standalone_mode=False)
    except typer.Abort:
        return 1
    except Exception as error:
        show = getattr(error, "show", None)
        if show is None:  # no message of the library's
            raise
        from lab.cli.japanese import in_japanese

        told = io.StringIO()
        show(file=told)
        say(in_japanese(told.getvalue().rstrip()), error=True)
        return int(getattr(error, "exit_code", USAGE))
    return status or 0


app = typer.Typer(name="lab", cls=_Commands, no_args_is_help=True, **PLAIN)


@app.callback()
def _lab() -> None:
    """Real TLS and FTPS clients against real servers in containers: who refused, at which stage, why."""
