"""What a person, a disk or an engine can get wrong: one message that helps, and the right status."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker import DockerClient

from lab.host import machine
from tests.e2e.checkouts import BUILD_S, LAB, PATIENCE_S, Copy

pytestmark = pytest.mark.engine

HANDSHAKE = ("-c", "goal=handshake")


# -- what is typed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "expird_certificate"), "did you mean expired_certificate"),
        (("attempt", "-s", "certificate=expird"), "did you mean expired"),
        (("attempt", "--client", "net-ftp@rocky9:FISP"), "did you mean FIPS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_word_that_the_lab_does_not_know(shared: Copy, words: tuple[str, ...], said: str) -> None:
    # when it is typed on a machine without an engine: nothing is started to find that out
    done = shared.lab(*words, DOCKER_HOST="unix:///nowhere.sock")
    # then the message names the closest that there is
    assert done.status == 2, str(done)
    assert said in done.message, str(done)
    assert done.out == "", str(done)


def test_a_cipher_list_that_the_server_cannot_read(shared: Copy) -> None:
    done = shared.lab("attempt", "-s", "ciphers=NO-SUCH-SUITE", *HANDSHAKE, "--json")
    assert done.status == 1, str(done)
    outcome = done.json()["outcome"]
    # then the client only sees a closed port; the cause is what vsftpd said when it ended
    assert (outcome["by"], outcome["reason"]) == ("network", "connection-refused"), str(done)
    oops = "500 OOPS: SSL: could not set cipher list"
    assert outcome["cause"] == f"the server did not start: {oops}", str(done)
    assert oops in done.json()["server_report"]["log"], str(done)


def test_a_host_that_does_not_exist(shared: Copy) -> None:
    expected = "refused:network:resolve:name-not-found"
    done = shared.lab("attempt", "-c", "host=nobody.lab.test", *HANDSHAKE, "--expect", expected)
    assert done.status == 0, str(done)


def test_a_record_that_is_broken(shared: Copy, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"format": "tls-ftps-interop-lab/record",\n "attempts": [')
    done = shared.lab("report", str(path))
    assert done.status == 2, str(done)
    assert f"{path}, line 2" in done.message, str(done)


# -- the engine --------------------------------------------------------------------------------------


def test_no_engine(shared: Copy) -> None:
    done = shared.lab("attempt", DOCKER_HOST="unix:///nowhere.sock")
    assert done.status == 3, str(done)
    assert "unix:///nowhere.sock (from DOCKER_HOST)" in done.message, str(done)
    assert "What to do" in done.message, str(done)


@pytest.mark.skipif(not machine.is_root(), reason="only root can become another user")
def test_an_engine_that_this_user_may_not_use(shared: Copy, engine: DockerClient) -> None:
    # given the user nobody, who may read what it needs to run the command, and no more
    socket_file = Path("/var/run/docker.sock")
    if not socket_file.is_socket():
        pytest.skip("the engine of this machine has no Unix socket at its usual place")
    become = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    may_read = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    # when
    environment = {"DOCKER_HOST": "", "DOCKER_CONTEXT": "default", "PYTHONDONTWRITEBYTECODE": "1"}
    done = shared.run_program(*become, *may_read, str(LAB), "status", **environment).done()
    # then both ways out are named
    assert done.status == 3, str(done)
    assert "this user may not use it" in done.message, str(done)
    assert "usermod -aG" in done.message or "let this user use it" in done.message, str(done)
    assert "run the lab as root" in done.message, str(done)


# -- the disk ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """A file system of this size at ``place``."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], timeout=20, check=True)


def test_a_full_disk_under_the_record(shared: Copy) -> None:
    # given room for a few attempts
    with small_disk(shared.checkout.state / "runs", 96):
        # when more are made
        done = shared.lab("attempt", *HANDSHAKE, "--repeat", "40")
        # then the lab says what is full, and does not blame the product
        assert done.status == 3, str(done)
        assert "No space left on device" in done.message, str(done)
        assert str(shared.checkout.state / "runs") in done.message, str(done)
        # and what was written can be read
        report = shared.lab("report", str(shared.runs()[-1]))
        assert report.status == 3, str(report)
        assert "ended before it was done" in report.out, str(report)


def test_a_full_disk_during_an_image_build(copy: Copy, engine: DockerClient) -> None:
    # given a recipe that has changed, and no room for its build context
    files = copy.path / "compose" / "images" / "dns" / "files"
    files.mkdir()
    (files / "large").write_bytes(bytes(8_000_000))
    label = change_recipe(copy, "COPY files /files", context='context = ["files"]')
    with small_disk(copy.checkout.state, 4_000):
        # when
        done = copy.lab("images")
        # then the message names the place and what is free there
        assert done.status == 3, str(done)
        assert f"the disk is full below {copy.checkout.state}" in done.message, str(done)
        assert "free there" in done.message, str(done)
        assert "What to do" in done.message, str(done)
        # and nothing is left, on the disk or on the engine
        left = {p.name for p in copy.checkout.state.rglob("*") if p.is_file()}
        assert left <= {".gitignore"}, str(done)
    assert engine.api.images(filters={"label": label}) == [], str(done)


@pytest.mark.timeout(600)
def test_a_build_that_is_interrupted_half_way(copy: Copy, engine: DockerClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as asked:
        asked.settimeout(BUILD_S)
        # given a build whose step waits for an answer
        port = asked.getsockname()[1]
        label = change_recipe(
            copy, f'RUN exec 3<>/dev/tcp/127.0.0.1/{port}; read -r answer <&3; test "$answer"'
        )
        building = copy.start("images")
        step, _ = asked.accept()
        # when Ctrl-C is pressed there
        building.interrupt(signal.SIGINT)
        done = building.done()
        # then the command ends, and so does the step in the engine
        assert done.status == 130, str(done)
        assert "ended by SIGINT" in done.message, str(done)
        step.settimeout(PATIENCE_S)
        with step:
            assert step.recv(1) == b"", "the build step went on after the lab had been interrupted"
        # and neither a container nor a named image is left
        assert machine.wait_until(
            lambda: not engine.api.containers(all=True, filters={"label": label}),
            timeout_s=PATIENCE_S,
        ), "the interrupted build step's container is still there"
        assert tags(engine, label) == []
        # and the next run completes it
        again = copy.start("images")
        step, _ = asked.accept()
        with step:
            step.sendall(b"go on\n")
            done = again.done()
    made = tags(engine, label)
    for tag in made:
        engine.images.remove(tag)
    assert done.status == 0, str(done)
    assert len(made) == 1, str(done)


def change_recipe(copy: Copy, step: str, context: str = "") -> str:
    """Give the copy's smallest image, that of the DNS server, one more build step at its end.

    Returns:
        A label of all containers and images of builds with this recipe, and of no others.
    """
    label = f"test.lab.e2e={copy.checkout.key}"
    recipe = copy.path / "compose" / "images" / "dns"
    insert(recipe / "Dockerfile", before="CMD", lines=[f"LABEL {label}", step])
    if context:
        insert(recipe / "image.toml", before="dockerfile", lines=[context])
    return label


def insert(path: Path, *, before: str, lines: list[str]) -> None:
    """Insert lines before the first one that begins with ``before``."""
    text = path.read_text().splitlines()
    places = [number for number, line in enumerate(text) if line.startswith(before)]
    assert places, f"no line of {path} begins with {before}: adapt this test"
    path.write_text("\n".join([*text[: places[0]], *lines, *text[places[0] :], ""]))


def tags(engine: DockerClient, label: str) -> list[str]:
    """The names of the images with a label."""
    found = engine.api.images(filters={"label": label})
    return [tag for image in found for tag in image["RepoTags"] or [] if tag != "<none>:<none>"]
