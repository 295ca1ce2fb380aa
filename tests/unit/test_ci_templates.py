"""The CI templates: valid by their systems' published schemas, and their commands are the lab's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lab.cli.entry import COMMANDS

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "docs/ci/github-actions.yml"
GITLAB = ROOT / "docs/ci/gitlab-ci.yml"
SCHEMAS = {GITHUB: "vendor.github-workflows", GITLAB: "vendor.gitlab-ci"}


def validated(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    if schema == "vendor.gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_a_template_follows_the_published_schema(path: Path) -> None:
    found = validated(path, SCHEMAS[path])

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_the_schema_finds_a_mistake(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / path.name
    broken.write_text(re.sub(r"timeout(-minutes)?:", "script:", path.read_text()), "utf-8")

    assert validated(broken, SCHEMAS[path]).returncode == 1


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_command_and_option_is_the_labs(path: Path) -> None:
    used = re.findall(r"\.venv/bin/lab ((?:images )?[a-z]+)([^\n;|]*)", path.read_text())

    assert {verb for verb, _ in used} >= {"images import", "images export", "report", "compare"}
    for verb, arguments in used:
        assert verb.startswith("images ") or verb in COMMANDS
        assert set(re.findall(r"--[a-z]+", arguments)) <= {"--summary", "--since"}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_make_target_is_the_makefiles(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([.a-z/]+)", path.read_text()):
        assert re.search(rf"^({re.escape(target)}|\$\(READY\)):", makefile, re.MULTILINE), target


def test_the_report_and_the_images_are_kept() -> None:
    steps = YAML(typ="safe").load(GITHUB)["jobs"]["lab"]["steps"]
    uses = {step["uses"].partition("@")[0]: step.get("with") for step in steps if "uses" in step}

    assert uses["actions/upload-artifact"]["path"] == ".lab/runs/latest/"
    assert "compose/images" in uses["actions/cache/restore"]["key"]
    lab = YAML(typ="safe").load(GITLAB)["lab"]
    assert ".lab/runs/" in lab["artifacts"]["paths"]
    assert lab["cache"]["paths"] == ["images.tar"]
