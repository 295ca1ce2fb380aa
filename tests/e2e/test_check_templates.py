"""The templates of `lab check`, in a repository that holds a configuration and a template, and no lab.

The lab is the wheel of this tree, which the template's own steps install; `runners.py` is the system.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from docker import DockerClient

from lab.host.checkout import root
from lab.run import network
from lab.run.checkout import Checkout
from tests.e2e.runners import Job, Machine, dependencies, environment, run_github, run_gitlab
from tests.trees import copy_tree, wheel

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TEMPLATES = root() / "docs" / "ci" / "check"
GOOD = """\
listen=YES
anonymous_enable=NO
local_enable=YES
write_enable=YES
ssl_enable=YES
rsa_cert_file=/etc/ssl/certs/ftp.pem
rsa_private_key_file=/etc/ssl/private/ftp.key
require_ssl_reuse=NO
ssl_ciphers=HIGH
"""
BROKEN = GOOD.replace("ssl_ciphers=HIGH", "# for old clients\nssl_ciphers=AES128-SHA")
LINE = 10
DEMANDS = """\
[files]
vsftpd-conf = "etc/vsftpd.conf"

[clients]
deliver = ["net-ftp@rocky9:FIPS", "ftplib@rocky9:DEFAULT"]
settings = ["protocols=..TLSv1.2"]
"""
#: Names the template's `lab`, whose Python is its own environment's.
WHERE = "import lab, sys; print(lab.__file__, sys.prefix)"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    return wheel(copy_tree(place / "tree"), place / "wheels")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dependencies(tmp_path_factory.mktemp("packages") / "site")


@pytest.fixture
def machine(tmp_path: Path, packages: Path, built: Path, images: None) -> Machine:
    repository = tmp_path / "repository"
    (repository / "etc").mkdir(parents=True)
    (repository / "lab-check.toml").write_text(DEMANDS)
    (repository / "etc" / "vsftpd.conf").write_text(GOOD)
    python = tmp_path / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
    # Compose is the machine's, as on those of GitHub and GitLab's docker images.
    plugins = tmp_path / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(Path(sys.executable).with_name("docker-compose"))
    path = f"{python / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    given = environment(
        packages,
        PATH=path,
        PIP_FIND_LINKS=str(built.parent),
        PRE_COMMIT_HOME=str(tmp_path / "pre-commit"),
        HOME=str(tmp_path),
    )
    return Machine(repository, tmp_path, given)


def commit(machine: Machine, template: str, name: str) -> Path:
    """Put a template where it says that it belongs; all that the repository holds is under git."""
    target = machine.repository / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(TEMPLATES / template, target)
    identity = "git -c user.name=a -c user.email=a@b.test"
    done = machine.run(f"git init -q; git add -A; {identity} commit -qm configuration")
    assert done.returncode == 0, done.stdout
    return target


def github(machine: Machine, wheel: Path) -> Callable[[], Job]:
    path = commit(machine, "github-actions.yml", ".github/workflows/lab-check.yml")
    return lambda: run_github(path, machine, {"LAB_PACKAGE": str(wheel)})


def gitlab(machine: Machine, wheel: Path) -> Callable[[], Job]:
    path = commit(machine, "gitlab-ci.yml", ".gitlab-ci.yml")
    return lambda: run_gitlab(path, machine, {"LAB_PACKAGE": str(wheel)})


def pre_commit(machine: Machine, wheel: Path) -> Callable[[], Job]:
    commit(machine, "pre-commit-config.yaml", ".pre-commit-config.yaml")

    def run() -> Job:
        done = machine.run(f"{sys.executable} -m pre_commit run --all-files --verbose")
        return Job(done.returncode, done.stdout)

    return run


def script(machine: Machine, wheel: Path) -> Callable[[], Job]:
    commit(machine, "lab-check.sh", "lab-check.sh")

    def run() -> Job:
        done = machine.run(
            "./lab-check.sh",
            "sh",
            LAB_PACKAGE=str(wheel),
            LAB_VENV=str(machine.beside / "venv"),
            LAB_REPORTS="reports",
        )
        return Job(done.returncode, done.stdout)

    return run


def names_the_line(job: Job, machine: Machine, template: str) -> bool:
    """Whether what the system shows of a red job has the file and the line."""
    if template == "github":
        sarif = json.loads((machine.artifacts / "code-scanning/lab-check.sarif").read_text())
        place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "etc/vsftpd.conf"
        assert place["region"]["startLine"] == LINE
        assert f"etc/vsftpd.conf:{LINE}" in job.summary
        return f"\n::error file=etc/vsftpd.conf,line={LINE},title=no shared cipher" in job.said
    if template == "gitlab":
        (one,) = json.loads((machine.artifacts / "gl-code-quality-report.json").read_text())
        suite = ET.parse(machine.artifacts / "lab-check.xml").getroot()[0]
        assert (suite.get("failures"), suite.get("tests")) == ("1", "2")
        return bool(one["location"] == {"path": "etc/vsftpd.conf", "lines": {"begin": LINE}})
    if template == "script":
        assert f"etc/vsftpd.conf:{LINE}" in (machine.repository / "reports/junit.xml").read_text()
    return f"etc/vsftpd.conf:{LINE}" in job.said


@pytest.mark.parametrize("prepare", [github, gitlab, pre_commit, script])
def test_a_template_is_green_and_red_where_it_should_be(
    prepare: Callable[[Machine, Path], Callable[[], Job]],
    machine: Machine,
    built: Path,
    engine: DockerClient,
) -> None:
    # given a repository with a configuration that serves its clients, its demands, and a template
    run = prepare(machine, built)
    # then the template is green
    good = run()
    assert good.status == 0, good.said
    # and the lab that ran was the wheel's, in an environment that the template made or was given
    (installed,) = {p.parent for p in machine.beside.rglob("site-packages/lab/__init__.py")}
    assert root() not in installed.parents
    assert (installed / "_data" / "compose").is_dir()
    # and when the configuration breaks a client
    machine.clean()
    (machine.repository / "etc" / "vsftpd.conf").write_text(BROKEN)
    broken = run()
    # then it is red, and what the system shows has the file and the line
    assert broken.status == 1, broken.said
    assert names_the_line(broken, machine, prepare.__name__), broken.said
    if prepare in {github, gitlab}:
        assert "import: loading" in broken.said, "the images of the first run were not used"
    # and nothing is left on the engine
    project = Checkout(machine.repository).kept_project
    assert not [found for found in network.find(engine) if found.project.startswith(project)]
