"""The templates for CI systems, read by the programs that know what those take."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_ci_templates import CASES, CHECK, named

SCHEMAS = {
    folder / name: schema
    for folder in (CASES, CHECK)
    for name, schema in (
        ("github-actions.yml", "vendor.github-workflows"),
        ("gitlab-ci.yml", "vendor.gitlab-ci"),
    )
}


def validated(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    if schema == "vendor.gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", SCHEMAS, ids=named)
def test_a_template_follows_the_published_schema(path: Path) -> None:
    found = validated(path, SCHEMAS[path])

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("path", SCHEMAS, ids=named)
def test_the_schema_finds_a_mistake(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / path.name
    broken.write_text(re.sub(r"timeout(-minutes)?:", "script:", path.read_text()), "utf-8")

    assert validated(broken, SCHEMAS[path]).returncode == 1


@pytest.mark.parametrize(("name", "status"), [("language", 0), ("languages", 1)])
def test_pre_commit_takes_its_configuration(name: str, status: int, tmp_path: Path) -> None:
    path = tmp_path / ".pre-commit-config.yaml"
    text = (CHECK / "pre-commit-config.yaml").read_text()
    path.write_text(text.replace("language:", f"{name}:"), "utf-8")
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]

    assert subprocess.run(command, capture_output=True, check=False).returncode == status


def test_the_script_is_one_that_can_be_started() -> None:
    path = CHECK / "lab-check.sh"

    assert path.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0
