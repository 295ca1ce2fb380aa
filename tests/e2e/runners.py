"""What a CI system's runner does with a template (`docs/ci.md`): its steps, run on this machine.

Actions are stood in for: checkout and Python are there already, caches and artifacts are folders. Whatever a
template uses beyond that is an error, so that no step is passed over.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

#: Seconds for all commands of a template.
LIMIT_S = 240


@dataclass
class Job:
    """A job that has ended."""

    status: int = 0
    said: str = ""
    summary: str = ""


@dataclass
class Machine:
    """A machine that runs templates in one repository; what it keeps is beside the repository."""

    repository: Path
    beside: Path
    environment: Mapping[str, str]
    kept: Path = field(init=False)
    artifacts: Path = field(init=False)

    def __post_init__(self) -> None:
        self.kept, self.artifacts = self.beside / "cache", self.beside / "artifacts"
        self.kept.mkdir(exist_ok=True)

    def run(self, script: str, *shell: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run commands in the repository; both streams come as one."""
        return subprocess.run(
            [*(shell or ("bash", "-eo", "pipefail")), "-c", script],
            cwd=self.repository,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def keep(self, names: list[str], folder: Path, ended: Job) -> None:
        """Copy files and folders of the repository; in a job that is green all of them are there."""
        for name in names:
            source, target = self.repository / name, folder / name
            if ended.status and not source.exists():
                continue
            assert source.exists(), f"there is no {name} to be kept"
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                _put(source, target)
            else:
                target.unlink(missing_ok=True)
                os.link(source, target)

    def clean(self) -> None:
        """As a fresh checkout is: what the last job left, and what it uploaded, is gone."""
        subprocess.run(["git", "clean", "-qffdx"], cwd=self.repository, check=True)
        shutil.rmtree(self.artifacts, ignore_errors=True)


def _put(source: Path, target: Path) -> None:
    """Put what a folder has into another one; an archive of images is large, and is linked."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=os.link)


# -- GitHub Actions --------------------------------------------------------------------------------


def run_github(path: Path, machine: Machine, variables: Mapping[str, str]) -> Job:
    """Run the one job of a workflow; ``variables`` are those of the repository."""
    (job,) = YAML(typ="safe").load(path)["jobs"].values()
    return _Workflow(machine, variables, job).run()


@dataclass
class _Workflow:
    machine: Machine
    variables: Mapping[str, str]
    job: Mapping[str, Any]
    ended: Job = field(default_factory=Job)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    def run(self) -> Job:
        for step in self.job["steps"]:
            outcome = "skipped"
            if self._wanted(str(step.get("if", "success()"))):
                run = self._action if "uses" in step else self._commands
                status = run(step)
                outcome = "failure" if status else "success"
                if not step.get("continue-on-error"):
                    self.ended.status = self.ended.status or status
            self.outcomes[step.get("id", "")] = outcome
        return self.ended

    def _commands(self, step: Mapping[str, Any]) -> int:
        output, summary = self.machine.beside / "output", self.machine.beside / "summary"
        output.write_text("")
        summary.write_text("")
        given = {**self.job.get("env", {}), **step.get("env", {})}
        done = self.machine.run(
            self._filled(step["run"]),
            "bash",
            "-e",
            CI="true",
            GITHUB_ACTIONS="true",
            GITHUB_OUTPUT=str(output),
            GITHUB_STEP_SUMMARY=str(summary),
            **{name: self._filled(str(value)) for name, value in given.items()},
        )
        self.ended.said += done.stdout
        self.ended.summary += summary.read_text("utf-8")
        lines = output.read_text().splitlines()
        self.outputs.setdefault(step.get("id", ""), {}).update(
            dict(line.split("=", 1) for line in lines)
        )
        return done.returncode

    def _action(self, step: Mapping[str, Any]) -> int:
        name = step["uses"].partition("@")[0]
        given = {n: self._filled(str(value)) for n, value in step.get("with", {}).items()}
        machine = self.machine
        if name in {"actions/checkout", "actions/setup-python"}:
            return 0
        if name == "actions/cache/restore":
            place = machine.kept / given["key"]
            hit = place.exists()
            if hit:
                _put(place, machine.repository)
            found = {"cache-hit": str(hit).lower(), "cache-primary-key": given["key"]}
            self.outputs[step["id"]] = found
        elif name == "actions/cache/save":
            machine.keep(given["path"].split(), machine.kept / given["key"], self.ended)
        elif name == "actions/upload-artifact":
            machine.keep(given["path"].split(), machine.artifacts / given["name"], self.ended)
        elif name == "github/codeql-action/upload-sarif":
            machine.keep([given["sarif_file"]], machine.artifacts / "code-scanning", self.ended)
        else:
            raise AssertionError(f"nothing stands in for {name}")
        return 0

    def _wanted(self, condition: str) -> bool:
        """Terms that are joined with ``&&``: a function, or an output that is compared."""
        terms = re.sub(r"^\$\{\{(.*)\}\}$", r"\1", condition.strip()).split("&&")
        return all(self._holds(term.strip()) for term in terms)

    def _holds(self, term: str) -> bool:
        known = {"success()": self.ended.status == 0, "!cancelled()": True}
        if term in known:
            return known[term]
        compared = re.fullmatch(r"(\S+) (==|!=) '([^']*)'", term)
        assert compared, f"not understood: {term}"
        return (self._value(compared[1]) == compared[3]) is (compared[2] == "==")

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self._value(found[1]), text)

    def _value(self, expression: str) -> str:
        match expression.split("."):
            case ["vars", name]:
                return self.variables.get(name, "")
            case ["steps", step, "outputs", name]:
                return self.outputs.get(step, {}).get(name, "")
            case ["steps", step, "outcome"]:
                return self.outcomes[step]
        raise AssertionError(f"not understood: {expression}")


# -- GitLab ----------------------------------------------------------------------------------------


def run_gitlab(path: Path, machine: Machine, variables: Mapping[str, str]) -> Job:
    """Run the one job of a pipeline; ``variables`` are those of the project.

    The engine is this machine's and not the service's, so the variables that lead to that are left out.
    """
    pipeline = YAML(typ="safe").load(path)
    (job,) = (one for one in pipeline.values() if isinstance(one, dict))
    own = {n: v for n, v in job["variables"].items() if not n.startswith("DOCKER_")}
    cache = machine.kept / job["cache"]["key"]
    if cache.exists():
        _put(cache, machine.repository)
    # One shell for both, as the runner has it.
    script = "\n".join([*job["before_script"], *job["script"]])
    done = machine.run(
        script, "bash", "-eo", "pipefail", CI="true", GITLAB_CI="true", **own, **variables
    )
    ended = Job(done.returncode, done.stdout)
    if done.returncode == 0 or job["cache"].get("when") == "always":
        machine.keep(job["cache"]["paths"], cache, ended)
    artifacts = job["artifacts"]
    assert artifacts["when"] == "always"
    machine.keep([*artifacts["reports"].values(), *artifacts["paths"]], machine.artifacts, ended)
    return ended


# -- what is on the machine --------------------------------------------------------------------------


def dependencies(folder: Path) -> Path:
    """All that is installed beside the lab in this environment, and not the lab: for PYTHONPATH."""
    folder.mkdir()
    (site,) = (Path(place) for place in sys.path if Path(place).name == "site-packages")
    for found in site.iterdir():
        if not re.match(
            r"__editable__|tls_ftps_interop_lab|__pycache__|.*\.pth$|_virtualenv", found.name
        ):
            (folder / found.name).symlink_to(found)
    return folder


def environment(packages: Path, **more: str) -> dict[str, str]:
    """That of a machine without a network, on which pip finds what the lab depends on in ``packages``."""
    left_out = {"LAB_ROOT", "FORCE_COLOR", "GITHUB_ACTIONS", "VIRTUAL_ENV"}
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    offline = {
        "PYTHONPATH": str(packages),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which means: none
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "COLUMNS": "160",
    }
    return inherited | offline | more
