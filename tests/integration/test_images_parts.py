"""The script that measures what is in an image, run by a shell."""

from __future__ import annotations

import subprocess

import pytest

from lab.images import build
from lab.images.recipe import (
    Measure,
    Source,
    candidates,
    load,
)
from tests.unit.test_images_parts import RECIPES


def measured(wanted: Measure) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", build.measuring_script(wanted)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_script_measures_the_system_that_it_runs_on() -> None:
    done = measured(
        Measure(
            packages=("no-such-package-anywhere",),
            versions={"Net::FTP": "echo 3.14", "quoted": "printf '%s' \"it's\""},
            tls_library="echo OpenSSL 9.9",
        )
    )
    assert done.returncode == 0, done.stderr
    facts = build.read_facts(done.stdout)
    assert facts["os"]
    assert facts["tls_library"] == "OpenSSL 9.9"
    assert facts["packages"] == {"Net::FTP": "3.14", "quoted": "it's"}


@pytest.mark.parametrize("command", ["false", "no-such-program", "true"])
def test_a_program_that_cannot_tell_its_version_fails_the_measurement(command: str) -> None:
    done = measured(Measure(versions={"thing": command}))
    assert done.returncode == 1
    assert "thing does not tell its version" in done.stderr


@pytest.mark.parametrize("name", sorted(load(RECIPES)))
def test_the_measurement_of_every_image_is_a_valid_script(name: str) -> None:
    for candidate in candidates(load(RECIPES), name, Source.AUTO):
        done = subprocess.run(
            ["/bin/sh", "-n"],
            input=build.measuring_script(candidate.measure),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
