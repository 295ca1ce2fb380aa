"""The options that name people's own configurations of servers: one for each kind that the lab reads."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.own.configurations import OwnConfiguration, readers

#: The parameters of a command in whose places the options stand.
_PARAMETERS = ("configurations", "builds")


def take_configurations(command: Callable[..., None]) -> Callable[..., None]:
    """A command with such an option for each kind.

    Args:
        command: takes ``configurations``, the files that are named, and ``builds``, what they are written
            for, both by the option; its other parameters are as the library that reads options wants them.
    """
    signature = inspect.signature(command, eval_str=True)
    files = {_name(option): option for option in readers()}
    builds = {
        _name(one.build_option): one.build_option for one in readers().values() if one.build_help
    }

    @functools.wraps(command)
    def called(**values: Any) -> None:
        named = ({n: values.pop(key) for key, n in names.items()} for names in (files, builds))
        paths, written_for = ({n: v for n, v in each.items() if v is not None} for each in named)
        command(configurations=paths, builds=written_for, **values)

    options = [one for reader in readers().values() for one in _options_of(reader)]
    parameters: list[inspect.Parameter] = []
    for name, one in signature.parameters.items():
        parameters += options if name == _PARAMETERS[0] else [one] * (name not in _PARAMETERS)
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _options_of(reader: OwnConfiguration) -> list[inspect.Parameter]:
    """The option for the file, and where there is one that for the build."""
    found = [_parameter(reader.option, Path, "FILE", reader.help)]
    if reader.build_option:
        found.append(_parameter(reader.build_option, str, "BUILD", reader.build_help))
    return found


def _parameter(option: str, kind: type, metavar: str, words: str) -> inspect.Parameter:
    declared = typer.Option(f"--{option}", metavar=metavar, help=words)
    annotation = Annotated[kind | None, declared]  # type: ignore[valid-type]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(_name(option), keyword, default=None, annotation=annotation)


def _name(option: str) -> str:
    """An option as the name of a parameter."""
    return option.replace("-", "_")


def of_web() -> str:
    """``--nginx-conf``: the options of web servers."""
    return " or ".join(f"--{option}" for option, one in readers().items() if one.of_web)
