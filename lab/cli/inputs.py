"""The options that name a person's own files, of every command that reads them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.own.configurations import GivenFiles, OwnConfiguration, readers

#: The parameter of a command in whose place the options stand.
_PARAMETER = "files"
#: The options beside those for configurations of servers: type, name of the value, words.
_FILES: dict[str, tuple[type, str, str]] = {
    "mt-config": (Path, "FILE", "lines of your mt-config.cgi"),
    "backend": (Path, "FILE", "your CDN's backend definition: VCL, TOML or JSON"),
    "backend-name": (str, "NAME", "which, if the file has several"),
    "chain": (Path, "FILE", "your certificate chain, PEM"),
    "key": (Path, "FILE", "its private key, PEM"),
    "ca": (Path, "FILE", "what your clients trust, PEM"),
    "host": (str, "NAME", "the name that your clients connect to"),
}


def take_files(command: Callable[..., None]) -> Callable[..., None]:
    """A command with such an option for each kind of file, and for what a configuration is written for.

    Args:
        command: takes ``files``, a :class:`GivenFiles`; its other parameters are as the library that reads
            options wants them.
    """
    signature = inspect.signature(command, eval_str=True)
    configurations = {_name(option): option for option in readers()}
    builds = {
        _name(one.build_option): one.build_option for one in readers().values() if one.build_help
    }

    @functools.wraps(command)
    def called(**values: Any) -> None:
        def taken(options: dict[str, str]) -> dict[str, Any]:
            given = {option: values.pop(name) for name, option in options.items()}
            return {option: value for option, value in given.items() if value is not None}

        others = {_name(option): values.pop(_name(option)) for option in _FILES}
        paths, written_for = taken(configurations), taken(builds)
        command(files=GivenFiles(configurations=paths, builds=written_for, **others), **values)

    options = [one for reader in readers().values() for one in _options_of(reader)]
    options += [_parameter(option, *declared) for option, declared in _FILES.items()]
    parameters: list[inspect.Parameter] = []
    for name, one in signature.parameters.items():
        parameters += options if name == _PARAMETER else [one]
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
