"""The engine is installed, started and stopped on a new machine, which this one is not touched by.

The new machine is a bare Debian in namespaces of its own: mounts, processes, network, packet filter. No
service manager runs there, and it reaches nobody: the packages of the engine lie in apt's cache. The lab in
it is this checkout. Each test is a start of that machine; the first one finds no engine installed.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.host import checkout, machine
from lab.images.errors import Progress
from tests.engines.seal import enter, make_root

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.skipif(
        not machine.is_root() or machine.os_release()["ID"] != "debian",
        reason="a new machine is made by root, on Debian",
    ),
]

#: Starts the machine once: runs these commands of a shell there, says what they print and their status.
Done = subprocess.CompletedProcess[str]
Boot = Callable[..., Done]

#: What the lab's Python needs.
INCLUDE = ("python3",)
#: The packages' lists and the packages stay in the root file system, the latter not installed.
CACHED = (
    "--dpkgopt=force-unsafe-io",  # it is thrown away: three times as fast
    "--skip=cleanup/apt",
    '--customize-hook=chroot "$1" apt-get -y --download-only --no-install-recommends'
    " install docker.io iptables",
)
PRELUDE = f"""
cd {checkout.root()}
lab() {{ echo "$ lab $*"; {sys.executable} -m lab "$@" 2>&1; echo "status $?"; }}
"""
BOOT_S = 120.0


@pytest.fixture(scope="module")
def bare() -> Iterator[Path]:
    """The directory with the new machine's root file system."""
    with tempfile.TemporaryDirectory(prefix="lab-bare-") as name:
        place = Path(name)
        make_root(
            machine.os_release()["VERSION_CODENAME"], place / "root", INCLUDE, Progress(), CACHED
        )
        (place / "shared").mkdir()
        # As in Debian's container images: installing a package starts no service.
        forbid = place / "root" / "usr" / "sbin" / "policy-rc.d"
        forbid.write_text("#!/bin/sh\nexit 101\n")
        forbid.chmod(0o755)
        (place / "shared" / "waiting.tar").write_bytes(waiting_image())
        yield place


@pytest.fixture(scope="module")
def boot(bare: Path) -> Boot:
    """Starts it, with control groups or (``CGROUPS=none``) without."""
    binds = {checkout.root(), Path(sys.prefix), Path(sys.base_prefix)} - {Path("/usr")}

    def run(commands: str, **variables: str) -> Done:
        shell = ["sh", "-c", PRELUDE + commands]
        command = enter(bare / "root", bare / "shared", *shell, binds=sorted(binds))
        path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        return machine.run(command, timeout_s=BOOT_S, check=False, env=path | variables)

    return run


@pytest.fixture(scope="module")
def installed(boot: Boot) -> Done:
    """What was said at the first start of the machine, which then has an engine."""
    return boot(
        "lab engine start; lab engine start; cat /run/tls-lab/engine.json;"
        " lab engine stop; lab engine stop; ls /run/tls-lab /run/*.pid; grep -l dockerd /proc/*/comm",
        CGROUPS="none",
    )


def waiting_image() -> bytes:
    """An image with a static x86-64 program that does nothing but pause(2)."""
    code = bytes.fromhex("b822000000 0f05 ebf7")  # mov eax, 34 (pause); syscall; jmp back
    base, header = 0x400000, 64 + 56
    size = header + len(code)
    elf = b"\x7fELF\x02\x01\x01" + bytes(9)
    elf += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + header, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    elf += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("wait")
        entry.mode, entry.size = 0o755, len(elf)
        tar.addfile(entry, io.BytesIO(elf))
    return archive.getvalue()


def container(name: str, *labels: str) -> str:
    """The commands that start a container with these labels."""
    options = " ".join(f"--label {label}" for label in labels)
    return (
        "docker import /shared/waiting.tar waiting >/dev/null;"
        f" docker run -d --network none --stop-signal KILL {options} --name {name} waiting /wait;"
    )


def test_a_bare_machine_gets_an_engine_that_stops_without_remains(
    installed: Done,
) -> None:
    first, second, stopped, nothing = installed.stdout.split("$ lab engine ")[1:]
    assert "engine: installing docker.io iptables" in first, str(installed)
    assert "engine: ready after" in first, str(installed)
    # a second start uses it
    assert "installing" not in second, str(installed)
    assert "at unix:///var/run/docker.sock" in second, str(installed)
    # and it is this checkout's
    assert checkout.identity() in second, str(installed)
    assert "is stopped" in stopped, str(installed)
    assert "no engine runs" in nothing, str(installed)
    assert installed.stdout.count("status 0") == 4, str(installed)
    assert nothing.strip().endswith("engine.lock"), str(installed)


def test_what_an_earlier_daemon_left_does_not_matter(installed: Done, boot: Boot) -> None:
    # given pid files whose ids another process has, then a daemon that was killed
    done = boot(
        "sleep 100 & mkdir -p /run/docker/containerd;"
        " for it in docker docker-ssd docker/containerd/containerd; do echo $! > /run/$it.pid; done;"
        " lab engine start; kill -9 $(cat /run/docker.pid); lab engine stop;"
        " lab engine start; kill -9 $(cat /run/docker.pid); lab engine start; lab engine stop"
    )
    for name in ("docker.pid", "docker-ssd.pid", "containerd/containerd.pid"):
        assert f"{name}: sleep (process" in done.stdout, str(done)
    assert "the daemon had ended already" in done.stdout, str(done)
    assert done.stdout.count("engine: ready after") == 3, str(done)
    assert done.stdout.count("status 0") == 5, str(done)
    assert done.stdout.endswith("is stopped\nstatus 0\n"), str(done)


def test_two_labs_that_start_at_once_share_one_daemon(installed: Done, boot: Boot) -> None:
    done = boot(
        "lab engine start > /run/one & lab engine start; wait $!; cat /run/one;"
        " grep -lx dockerd /proc/*/comm; lab engine stop"
    )
    assert done.stdout.count("status 0") == 3, str(done)
    assert done.stdout.count("engine: ready after") == 1, str(done)
    assert done.stdout.count("/comm") == 1, str(done)


def test_a_daemon_that_does_not_come_up_says_why(installed: Done, boot: Boot) -> None:
    done = boot(
        "trap 'rm /etc/docker/daemon.json' EXIT;"
        """ echo '{"nonsense": 1}' > /etc/docker/daemon.json; lab engine start; ls /run/*.pid"""
    )
    assert "directives don't match any configuration option: nonsense" in done.stdout, str(done)
    assert "What to do" in done.stdout, str(done)
    assert done.stdout.endswith("status 3\n"), str(done)


def test_a_daemon_that_hangs_is_named_and_left_alone(installed: Done, boot: Boot) -> None:
    done = boot(
        "lab engine start; kill -STOP $(cat /run/docker.pid); lab engine start;"
        " kill -CONT $(cat /run/docker.pid); lab engine start; lab engine stop"
    )
    hung = done.stdout.split("$ lab engine ")[2]
    assert "runs and does not answer" in hung, str(done)
    assert "as root, kill" in hung, str(done)
    assert [line for line in done.stdout.splitlines() if line.startswith("status")] == [
        "status 0",
        "status 3",
        "status 0",
        "status 0",
    ], str(done)


def test_a_user_who_is_not_root_is_told_what_to_do(installed: Done, boot: Boot) -> None:
    done = boot(
        f"chmod 755 /root; setpriv --reuid 1000 --clear-groups {sys.executable} -m lab engine start"
    )
    assert done.returncode == 3, str(done)
    assert "The lab cannot start one here: this user is not root" in done.stderr, str(done)


def test_an_engine_is_stopped_only_by_who_started_it_and_when_nobody_else_uses_it(
    installed: Done, boot: Boot
) -> None:
    done = boot(
        f"lab engine start; {container('no-lab')}"
        f" {container('other', f'{checkout.LABEL_CHECKOUT}=abc', f'{checkout.LABEL_PATH}=/other/lab')}"
        " lab engine stop; docker rm -f no-lab other;"
        f" {container('own', f'{checkout.LABEL_CHECKOUT}={checkout.identity()}')}"
        " mv /run/tls-lab/engine.json /run/kept; lab engine stop; docker ps;"
        " mv /run/kept /run/tls-lab/engine.json; lab engine stop"
    )
    _, used, unknown, stopped = done.stdout.split("$ lab engine ")[1:]
    assert "no-lab (not of a lab); other (of the lab in /other/lab)" in used, str(done)
    assert "is left running: no lab started it" in unknown, str(done)
    assert "/wait" in unknown, str(done)
    assert "is stopped" in stopped, str(done)
