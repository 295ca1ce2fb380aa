"""The CI templates: valid by their systems' published schemas, and their commands are the lab's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from lab.check.demands import NAME
from lab.cli.commands import app

CI = Path(__file__).parents[2] / "docs/ci"
#: Of the lab's own cases, and of `lab check`.
CASES, CHECK = CI / "cases", CI / "check"
TEMPLATES = sorted(path for folder in (CASES, CHECK) for path in folder.iterdir())
#: `lab check --junit FILE "$@"`, with what leads to it: a folder, a variable.
COMMAND = re.compile(
    r'(?:^|[\s;{(]|\|\| )(?:run: |entry: |- |"\$)?(?:\.venv/bin/)?lab"? ((?:[a-z]+ ?)+)([^\n;|)]*)',
    re.M,
)


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def commands(path: Path) -> list[tuple[list[str], set[str]]]:
    """The lab's commands in a template: their words, their options."""
    text = "\n".join(
        line for line in path.read_text().splitlines() if not line.strip().startswith("#")
    )
    found = COMMAND.findall(text.replace("\\\n", " "))
    return [(words.split(), set(re.findall(r"--[a-z-]+", rest))) for words, rest in found]


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_every_command_and_option_is_the_labs(path: Path) -> None:
    used = commands(path)

    assert used
    for words, options in used:
        command: Any = typer.main.get_command(app)
        context = typer.Context(command)
        for word in words:
            # What follows the last command's name is an argument of it.
            if isinstance(command, type(command)) and hasattr(command, "get_command"):
                inner = command.get_command(context, word)
                assert inner is not None, f"lab {' '.join(words)}"
                command = inner
        known = {o for one in command.params for o in (*one.opts, *one.secondary_opts)}
        assert options <= known, f"lab {' '.join(words)}"


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml", "lab-check.sh"])
def test_a_check_keeps_the_images_between_runs(name: str) -> None:
    verbs = {" ".join(words[:2]) for words, _ in commands(CHECK / name)}

    assert {"engine start", "images import", "images export", "check"} <= verbs | {"check"}
    assert any(words[0] == "check" for words, _ in commands(CHECK / name))


@pytest.mark.parametrize("path", sorted(CASES.iterdir()), ids=named)
def test_every_make_target_is_the_makefiles(path: Path) -> None:
    makefile = (CI.parents[1] / "Makefile").read_text()
    for target in re.findall(r"\bmake ([.a-z/]+)", path.read_text()):
        assert re.search(rf"^({re.escape(target)}|\$\(READY\)):", makefile, re.MULTILINE), target


def test_the_report_and_the_images_of_all_cases_are_kept() -> None:
    steps = YAML(typ="safe").load(CASES / "github-actions.yml")["jobs"]["lab"]["steps"]
    uses = {step["uses"].partition("@")[0]: step.get("with") for step in steps if "uses" in step}

    assert uses["actions/upload-artifact"]["path"] == ".lab/runs/latest/"
    assert "compose/images" in uses["actions/cache/restore"]["key"]
    lab = YAML(typ="safe").load(CASES / "gitlab-ci.yml")["lab"]
    assert ".lab/runs/" in lab["artifacts"]["paths"]
    assert lab["cache"]["paths"] == ["images.tar"]


def test_the_hook_sees_the_files_that_it_is_about() -> None:
    (repo,) = YAML(typ="safe").load(CHECK / "pre-commit-config.yaml")["repos"]
    seen = re.compile(repo["hooks"][0]["files"])

    for name in (
        NAME,
        "etc/vsftpd.conf",
        "origin/nginx.conf",
        "mt-config.cgi",
        "cdn/main.vcl",
        "a.pem",
    ):
        assert seen.search(name), name
    for name in ("README.md", "vsftpd.conf.bak", "lab-check.toml.orig"):
        assert not seen.search(name), name
