"""Annotations of a pull request: GitHub's workflow commands, one for each kind of problem at each line.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions, "Setting an error
message", and of the escapes its toolkit (actions/toolkit, packages/core/src/command.ts). GitHub shows ten of
each level for a step, so clients that break alike share one.
"""

from __future__ import annotations

from lab.check.outputs.problems import Problem, ProblemLevel, problems, rule_in_words, words
from lab.check.result import CheckResult
from lab.grouping import grouped_by
from lab.text import listed, one_line, visible

_COMMANDS = {
    ProblemLevel.ERROR: "error",
    ProblemLevel.WARNING: "warning",
    ProblemLevel.NOTE: "notice",
}


def lines(result: CheckResult, language: str) -> list[str]:
    """The commands, those that matter most first."""
    alike = grouped_by(
        problems(result, language),
        lambda one: (one.level, one.rule, one.place, "" if one.client else one.fingerprint),
    )
    order = list(_COMMANDS)
    groups = sorted(alike.values(), key=lambda group: order.index(group[0].level))
    return [_command(group, language) for group in groups]


def _command(alike: list[Problem], language: str) -> str:
    first = alike[0]
    properties = {"file": first.place.file}
    if first.place.line is not None:
        properties["line"] = str(first.place.line)
    properties["title"] = one_line(rule_in_words(first.rule, language))
    said = ",".join(
        f"{name}={_escaped(visible(value), ':,')}" for name, value in properties.items()
    )
    text = first.text
    if len(alike) > 1:
        clients = listed(dict.fromkeys(one.client for one in alike), language=language)
        several = words("annotation", "several", number=len(alike), clients=clients)
        text = f"{several.in_(language)}\n{text}"
    return f"::{_COMMANDS[first.level]} {said}::{_escaped(visible(text))}"


def _escaped(text: str, also: str = "") -> str:
    """With the characters that end a command or a property written as their numbers."""
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
