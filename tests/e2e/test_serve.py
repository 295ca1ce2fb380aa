"""``lab serve`` with people's own clients, which run on this host: curl, openssl, Python, lftp, Chromium."""

from __future__ import annotations

import ftplib
import io
import re
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from lab.cli.serve import FIRST_PORT
from lab.host.checkout import root
from lab.run import network
from lab.serve.commands import commands, url
from lab.serve.link import RELAY
from lab.serve.names import choose
from lab.serve.servers import LOOPBACK, PASSWORD, Place
from lab.servers.base import USER
from tests.chromium import Browser, code_of, environment_that_trusts, program
from tests.e2e.checkouts import Copy, Running
from tests.e2e.test_seal import addresses, answered, listening

pytestmark = pytest.mark.engine

#: Not those of somebody who serves on this machine meanwhile.
FIRST = FIRST_PORT + 4000
PLACE = Place(LOOPBACK, FIRST)
TABLE = re.compile(r"^\| `(?P<name>[a-z0-9.-]+)` \| `(?P<code>ERR_[A-Z_]+)` \|", re.MULTILINE)


def serve(copy: Copy, *words: str, first: int = FIRST) -> Running:
    """Start it, and wait until it serves."""
    running = copy.start("serve", *words, "--port", str(first))
    running.wait_until(lambda: "Ctrl-C ends it" in running.so_far().out, "what is served")
    return running


@pytest.fixture(scope="module")
def served(shared: Copy) -> Iterator[Path]:
    """Everything is served; the CA to trust."""
    running = serve(shared, "all")
    try:
        yield shared.checkout.state / "serve" / str(FIRST) / "ca.pem"
    finally:
        running.interrupt()
        done = running.done()
        assert done.status == 0, str(done)


def address_of(name: str) -> str:
    (entry,) = choose([name])
    return url(entry, PLACE)


def port_of(name: str) -> int:
    (entry,) = choose([name])
    return PLACE.port(entry)


def program_said(*argv: str) -> tuple[int, str]:
    """Exit status, and both streams."""
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("way", ["https", "ftps", "ftps-implicit"])
@pytest.mark.parametrize(
    ("name", "status"), [("valid", 0), ("expired", 60), ("wrong-host", 60), ("rc4", 35)]
)
def test_curl_ends_as_the_defect_has_it(
    served: Path, tmp_path: Path, way: str, name: str, status: int
) -> None:
    (tmp_path / "FILE").write_text("delivery")
    upload = ["-u", f"{USER}:{PASSWORD}", "-T", str(tmp_path / "FILE"), "--ssl-reqd"]
    ended, said = program_said(
        *("curl", "-sS", "--cacert", str(served), *(upload if way != "https" else ())),
        address_of(f"{way}:{name}"),
    )
    assert ended == status, said


@pytest.mark.parametrize(
    ("name", "code"), [("valid", 0), ("expired", 10), ("self-signed", 18), ("incomplete-chain", 21)]
)
def test_openssl_finds_the_defect_and_no_other(served: Path, name: str, code: int) -> None:
    _, said = program_said(
        *("openssl", "s_client", "-connect", f"{LOOPBACK}:{port_of(f'https:{name}')}"),
        *("-servername", "localhost", "-verify_hostname", "localhost", "-CAfile", str(served)),
    )
    assert f"Verify return code: {code} " in said, said


def test_python_reads_a_page_and_is_refused_another(served: Path) -> None:
    context = ssl.create_default_context(cafile=str(served))
    with urllib.request.urlopen(address_of("https:valid"), context=context) as page:
        assert b'"protocol": "TLSv1.3"' in page.read()
    with pytest.raises(urllib.error.URLError, match="certificate has expired"):
        urllib.request.urlopen(address_of("https:expired"), context=context)


def logged_in(served: Path, name: str) -> ftplib.FTP_TLS:
    client = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=str(served)))
    client.connect("localhost", port_of(name), timeout=20)
    client.login(USER, PASSWORD)
    client.prot_p()
    return client


def test_a_file_goes_there_and_comes_back_over_passive_data_connections(served: Path) -> None:
    sent = bytes(number % 251 for number in range(1_000_000))
    back = io.BytesIO()
    with logged_in(served, "ftps:valid") as client:
        assert client.storbinary("STOR there", io.BytesIO(sent)).startswith("226")
        client.retrbinary("RETR there", back.write)
    assert back.getvalue() == sent


@pytest.mark.parametrize("way", ["ftps", "ftps-implicit"])
def test_whoever_resumes_the_session_delivers_where_that_is_required(
    served: Path, tmp_path: Path, way: str
) -> None:
    (tmp_path / "FILE").write_bytes(b"x" * 1_000_000)
    ended, said = program_said(
        *("curl", "-sS", "--ssl-reqd", "--cacert", str(served), "-u", f"{USER}:{PASSWORD}"),
        *("-T", str(tmp_path / "FILE"), address_of(f"{way}:session-reuse")),
    )
    assert ended == 0, said
    if way == "ftps":
        with (
            logged_in(served, "ftps:session-reuse") as client,
            pytest.raises((ftplib.Error, ssl.SSLError, EOFError)),
        ):
            client.storbinary("STOR there", io.BytesIO(b"x"))


@pytest.mark.parametrize("name", ["https:valid", "ftps:valid", "ftps-implicit:valid"])
def test_the_commands_that_are_shown_work(served: Path, tmp_path: Path, name: str) -> None:
    (entry,) = choose([name])
    (tmp_path / "FILE").write_text("delivery")
    tried = []
    for client, command in commands(entry, PLACE, served):
        argv = {"Python": "python3"}.get(client, client)
        if shutil.which(argv) is None:
            continue
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
        tried.append(client)
    assert {"openssl", "curl", "Python"} <= set(tried)


def test_lftp_delivers_and_refuses(served: Path, tmp_path: Path) -> None:
    if shutil.which("lftp") is None:
        pytest.skip("no lftp on this machine (Debian: apt-get install lftp)")
    (tmp_path / "FILE").write_bytes(b"x" * 100_000)
    settings = f'set ssl:ca-file "{served}"; set ftp:ssl-force yes; set net:max-retries 1'
    for name in ("ftps:valid", "ftps-implicit:valid", "ftps:session-reuse"):
        script = f"{settings}; open -u {USER},{PASSWORD} {address_of(name)}; put {tmp_path}/FILE"
        ended, said = program_said("lftp", "-c", script)
        assert ended == 0, said
    script = (
        f"{settings}; open -u {USER},{PASSWORD} {address_of('ftps:expired')}; put {tmp_path}/FILE"
    )
    ended, said = program_said("lftp", "-c", script)
    assert ended != 0
    assert "expired" in said


def test_a_browser_says_what_the_page_of_documentation_has(served: Path, tmp_path: Path) -> None:
    browser = program()
    if browser is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    environment = environment_that_trusts(served, tmp_path)
    if isinstance(environment, str):
        pytest.skip(environment)
    page = (root() / "docs" / "serve.md").read_text(encoding="utf-8")
    documented = {found["name"]: found["code"] for found in TABLE.finditer(page)}
    named = (
        "self-signed",
        "expired",
        "wrong-host",
        "cn-only",
        "tls1.0",
        "rc4",
        "plain-http",
        "reset",
    )
    with Browser(browser, tmp_path, environment) as opened:
        assert code_of(opened, address_of("https:valid")) is None
        assert code_of(opened, address_of("https:wildcard")) is None
        said = {name: code_of(opened, address_of(f"https:{name}")) for name in named}
        assert said == {name: documented[name] for name in named}
        # and the page about it all is there, whole and without a complaint
        assert code_of(opened, f"http://localhost:{FIRST}/ja") is None
        opened.until("document.querySelectorAll('section').length > 50")
        assert opened.evaluate("document.documentElement.lang") == "ja"
        assert opened.evaluate("document.getElementById('expired').innerText").startswith(
            "期限切れ"
        )


def test_nothing_is_published_and_the_relay_reaches_no_address_of_this_host(
    served: Path, shared: Copy, engine: DockerClient
) -> None:
    running = network.containers(engine, shared.checkout.kept_project)
    for service, container in running.items():
        seen = engine.api.inspect_container(container.id)
        assert not seen["HostConfig"]["PortBindings"], service
        assert not any(seen["NetworkSettings"]["Ports"].values()), service
        assert len(seen["NetworkSettings"]["Networks"]) == 1, service
    with listening() as targets:
        assert targets
        assert answered(engine, {RELAY: running[RELAY].id}, targets) == []


# -- one's own configuration ---------------------------------------------------------------------------


def test_a_configuration_is_read_again_when_it_is_saved(copy: Copy, engine: DockerClient) -> None:
    running = serve(copy, "--edit", "https:expired", first=FIRST + 1000)
    place = Place(LOOPBACK, FIRST + 1000)
    (entry,) = choose(["https:expired"])
    folder = copy.checkout.state / "serve" / str(place.first)
    path = folder / "https-expired" / "nginx.conf"
    text = path.read_text()
    curl = ("curl", "-sS", "-k", url(entry, place))
    assert program_said(*curl)[0] == 0
    # what nginx cannot read
    path.write_text(text.replace("keepalive_timeout 0;", "no_such_directive;"))
    running.wait_for(f'unknown directive "no_such_directive" in {path}')
    running.wait_for("nobody answers here until the file is saved anew")
    assert program_said(*curl)[0] in (7, 35, 56)  # whenever curl notices that it was reset
    # what it can
    path.write_text(text.replace("return 200", "return 418"))
    running.wait_for("was started again")
    assert "418" in program_said(*curl, "-o", "/dev/null", "-w", "%{http_code}")[1]
    path.unlink()
    running.wait_for("is gone; the server goes on with what it read last")
    # and it ends without remains
    running.interrupt()
    done = running.done()
    assert done.status == 0, str(done)
    assert copy.left(engine) == []
    assert not folder.parent.exists()


# -- ends, and what is wrong with a request ------------------------------------------------------------


def test_what_a_killed_one_left_goes_with_the_next(copy: Copy, engine: DockerClient) -> None:
    killed = serve(copy, "https:valid", first=FIRST + 1000)
    projects = copy.projects(engine)
    killed.kill()
    assert copy.left(engine)
    # when another is started, for others to reach
    address = next(one for _, one in addresses() if "." in one)
    place = Place(address, FIRST + 2000)
    running = serve(copy, "https:valid", "--address", address, first=place.first)
    assert f"WARNING: whoever reaches {address}" in running.err
    assert not projects & copy.projects(engine)
    folders = copy.checkout.state / "serve"
    assert [folder.name for folder in folders.iterdir()] == [str(place.first)]
    (entry,) = choose(["https:valid"])
    ca = str(folders / str(place.first) / "ca.pem")
    assert program_said("curl", "-sS", "--cacert", ca, url(entry, place))[0] == 0
    running.interrupt(signal.SIGTERM)
    assert running.done().status == 0
    assert copy.left(engine) == []
    assert not folders.exists()


def test_what_cannot_be_served_is_told_and_nothing_is_left(shared: Copy) -> None:
    port = FIRST + 3000
    with socket.socket() as other:
        other.bind((LOOPBACK, port))
        other.listen()
        done = shared.lab("serve", "expired", "--port", str(port))
        assert done.status == 2, str(done)
        assert f"127.0.0.1:{port}" in done.message
        assert "the port is taken" in done.message
        done = shared.lab("serve", "expired", "--port", str(port), "--lang", "ja")
        assert done.status == 2, str(done)
        assert "ポートが使われています" in done.message
    done = shared.lab("serve", "expired", "--port", str(port), DOCKER_HOST="unix:///nowhere.sock")
    assert done.status == 3, str(done)
    assert "unix:///nowhere.sock" in done.message
    assert not (shared.checkout.state / "serve" / str(port)).exists()
