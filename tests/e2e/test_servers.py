"""Real servers in containers: what they refuse, what they log, and whose line it is."""

from __future__ import annotations

import contextlib
import dataclasses
import ftplib
import hashlib
import io
import itertools
import os
import re
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import docker
import pytest
import trustme
from docker.models.containers import Container

from lab.dialects import server_dialect
from lab.host.checkout import root
from lab.images.errors import Progress
from lab.model import FtpServerSettings, only
from lab.run.checkout import Checkout
from lab.run.containers import AGENTS, CERTIFICATES, agent_files, pack
from lab.run.laboratory import image_store
from lab.run.link import AgentError, AgentLink
from lab.servers import SERVERS, ListenerPlace, listen_request

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PASSWORD = "correct horse"
LABEL = {"test.lab.path": str(Path(__file__))}
#: Seconds that a client of these tests waits for anything.
PATIENCE_S = 15.0
#: Every FTP server that has a folder, in each build: what all of them promise is tested of each.
FOUND = [name for name, one in SERVERS.items() if issubclass(one.settings, FtpServerSettings)]


def that_can(**settings: Any) -> list[str]:
    """The servers that can be told these settings."""
    return [
        name
        for name in FOUND
        if SERVERS[name].unsupported(SERVERS[name].settings_with(**settings)) is None
    ]


def capabilities(service: str) -> list[str]:
    """What the topology lets the container of a service do, of its ``service.yaml``."""
    (file,) = (
        path
        for path in (root() / "compose" / "images").glob("*/service.yaml")
        if re.search(rf"^  {service}:$", path.read_text(encoding="utf-8"), re.MULTILINE)
    )
    text = file.read_text(encoding="utf-8")
    own = re.search(rf"^  {service}:$.*?(?=^  \S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert own is not None
    # a service that has no list has that of the part which the file's services share
    (names,) = set(
        re.findall(r"cap_add: \[(.*)\]", own[0]) or re.findall(r"cap_add: \[(.*)\]", text)
    )
    return [name.strip() for name in names.split(",")]


class Client(Protocol):
    """What a test does as a client: the server's port in, nothing out."""

    def __call__(self, port: int) -> None: ...


@dataclasses.dataclass(frozen=True)
class Collected:
    """What the agent says of one attempt."""

    log: str
    stored: dict[str, Any] | None
    ended: bool


class Place:
    """A server's container with its agent."""

    def __init__(
        self, client: docker.DockerClient, software: str, container: Container, ca: trustme.CA
    ) -> None:
        self.client = client
        self.container = container
        self.software = software
        self.program = software.partition("@")[0]
        self.server = SERVERS[software]
        self.ca = ca
        self._ports = itertools.count(21000)
        self._names = itertools.count()
        container.reload()
        networks = container.attrs["NetworkSettings"]["Networks"]
        self.address: str = next(iter(networks.values()))["IPAddress"]
        files = {f"{AGENTS}/{name}": content for name, content in agent_files().items()}
        self.put(files | {f"{CERTIFICATES}/ca.pem": ca.cert_pem.bytes()})
        self.certificate("valid", ca.issue_cert("ftp.lab.test", key_type=trustme.KeyType.RSA))
        self.agent = self.start_agent()

    def start_agent(self) -> AgentLink:
        assert self.container.id
        argv = list(self.server.agent.argv)
        return AgentLink(self.client, self.software, self.container.id, argv)

    def put(self, files: dict[str, bytes]) -> None:
        assert self.container.put_archive("/", pack(files))

    def certificate(self, slug: str, made: trustme.LeafCert) -> None:
        chain = b"".join(part.bytes() for part in made.cert_chain_pems)
        self.put(
            {
                f"{CERTIFICATES}/{slug}.chain.pem": chain,
                f"{CERTIFICATES}/{slug}.key.pem": made.private_key_pem.bytes(),
            }
        )

    def listen(self, agent: AgentLink | None = None, **settings: Any) -> tuple[str, dict[str, Any]]:
        """The key of a new listener and what the agent said."""
        wanted = SERVERS[self.software].settings_with(**settings)
        port = next(self._ports)
        first = 30000 + (port - 21000) * 10
        place = ListenerPlace(
            key=f"port-{port}",
            port=port,
            passive_ports=(first, first + 9),
            password=PASSWORD,
            chain=f"{CERTIFICATES}/{wanted.certificate}.chain.pem",
            private_key=f"{CERTIFICATES}/{wanted.certificate}.key.pem",
            client_ca=f"{CERTIFICATES}/ca.pem",
        )
        request = listen_request(self.server, wanted, place)
        return place.key, (agent or self.agent).call("listen", self.server.start_s, **request)

    def attempt(self, key: str, client: Client, name: str | None = None) -> Collected:
        """Bracket what a client does; whatever the client raises is not of interest here."""
        name = name or f"file-{next(self._names)}"
        self.agent.call("begin", PATIENCE_S, key=key, file=name)
        with contextlib.suppress(OSError, ftplib.Error, EOFError):
            client(int(key.removeprefix("port-")))
        answer = self.agent.call("collect", PATIENCE_S, key=key, file=name)
        return Collected(answer["log"], answer["stored"], answer["ended"])

    def context(self) -> ssl.SSLContext:
        made = ssl.create_default_context()
        self.ca.configure_trust(made)
        made.check_hostname = False
        return made

    def processes(self) -> list[str]:
        return [row[-1] for row in self.container.top()["Processes"]]

    def run(self, *argv: str) -> str:
        output = self.container.exec_run(list(argv)).output
        assert isinstance(output, bytes)
        return output.decode()


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def network(engine: docker.DockerClient) -> Iterator[str]:
    made = engine.networks.create(f"servers-test-{os.getpid()}", internal=True, labels=LABEL)
    yield str(made.name)
    made.remove()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def place_of(
    software: str, engine: docker.DockerClient, network: str, authority: trustme.CA
) -> Iterator[Place]:
    service = SERVERS[software].service
    store = image_store(engine, Checkout.here(), Progress())
    if cause := store.only_real.get(service):
        pytest.skip(f"cannot: {cause}")
    image = store.ensure([service])[service]
    container = engine.containers.run(
        image.tag,
        ["sleep", "infinity"],
        detach=True,
        init=True,
        network=network,
        cap_drop=["ALL"],
        cap_add=capabilities(service),
        security_opt=["no-new-privileges:true"],
        pids_limit=512,
        mem_limit="512m",
        labels=LABEL,
    )
    # Nothing answers a name's question in this network, and ProFTPD asks before it listens: 10 s and more.
    container.exec_run(["sh", "-c", ": > /etc/resolv.conf"])
    try:
        place = Place(engine, software, container, authority)
        yield place
        place.agent.close()
    finally:
        container.remove(force=True)


@pytest.fixture(scope="module")
def vsftpd(engine: docker.DockerClient, network: str, authority: trustme.CA) -> Iterator[Place]:
    yield from place_of("vsftpd", engine, network, authority)


@pytest.fixture(scope="module")
def pyftpdlib(engine: docker.DockerClient, network: str, authority: trustme.CA) -> Iterator[Place]:
    yield from place_of("pyftpdlib", engine, network, authority)


@pytest.fixture(scope="module")
def vsftpd_on_openssl_1_0_2(
    engine: docker.DockerClient, network: str, authority: trustme.CA
) -> Iterator[Place]:
    yield from place_of("vsftpd@openssl-1.0.2k", engine, network, authority)


@pytest.fixture(scope="module", params=FOUND)
def every(
    request: pytest.FixtureRequest,
    engine: docker.DockerClient,
    network: str,
    authority: trustme.CA,
) -> Iterator[Place]:
    """Each server, one after the other."""
    yield from place_of(request.param, engine, network, authority)


@pytest.fixture(params=["vsftpd", "pyftpdlib", "vsftpd_on_openssl_1_0_2"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


# -- clients --------------------------------------------------------------------------------------


class Resuming(ftplib.FTP_TLS):
    """ftplib as it should be: the data channel resumes the control channel's session."""

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control = self.sock
        assert isinstance(control, ssl.SSLSocket)
        return self.context.wrap_socket(data, session=control.session), size


@dataclasses.dataclass(frozen=True)
class Upload:
    """Log in over TLS and upload; with ``kind`` one can do it wrong."""

    place: Place
    name: str = "x"
    content: bytes = b"content\n"
    kind: type[ftplib.FTP_TLS] = Resuming
    context: ssl.SSLContext | None = None
    user: str = "lab"
    password: str = PASSWORD
    stop_before: str = ""

    def __call__(self, port: int) -> None:
        with self.kind(context=self.context or self.place.context(), timeout=PATIENCE_S) as ftp:
            ftp.connect(self.place.address, port)
            ftp.login(self.user, self.password)
            if self.stop_before == "upload":
                return
            ftp.prot_p()
            ftp.storbinary(f"STOR {self.name}", io.BytesIO(self.content))


@dataclasses.dataclass(frozen=True)
class Plain:
    """Log in without TLS and, if there is a name, upload: what every server can be asked in the same way."""

    place: Place
    name: str = ""
    content: bytes = b"content\n"
    user: str = "lab"
    password: str = PASSWORD

    def __call__(self, port: int) -> None:
        with ftplib.FTP(timeout=PATIENCE_S) as ftp:
            ftp.connect(self.place.address, port)
            ftp.login(self.user, self.password)
            # EPSV, as curl does: as it is shipped not every server has PASV
            ftp.af = socket.AF_INET6
            if self.name:
                ftp.storbinary(f"STOR {self.name}", io.BytesIO(self.content))


#: Settings for that.
NO_TLS: dict[str, Any] = {"tls": False, "tls_required_login": False, "tls_required_data": False}


def plain_login(place: Place) -> Client:
    def run(port: int) -> None:
        with ftplib.FTP(timeout=PATIENCE_S) as ftp:
            ftp.connect(place.address, port)
            ftp.login("lab", PASSWORD)

    return run


def after_234(place: Place, then: str) -> Client:
    """Ask for TLS, then ``close``, ``reset`` or speak ``http``."""

    def run(port: int) -> None:
        with socket.create_connection((place.address, port), PATIENCE_S) as control:
            control.recv(1000)
            control.sendall(b"AUTH TLS\r\n")
            control.recv(1000)
            if then == "reset":
                control.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if then == "http":
                control.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while control.recv(1000):
                    pass

    return run


# -- starting -------------------------------------------------------------------------------------


def test_facts_name_the_build_its_library_and_its_default(vsftpd: Place) -> None:
    facts = vsftpd.agent.call("facts", 20, cipher_lists=["AES128-SHA:DES-CBC3-SHA"])
    assert facts["server"] == "vsftpd 3.0.5"
    assert facts["library"].startswith("OpenSSL ")
    assert not facts["library"].startswith("OpenSSL 1.")
    assert facts["default_ciphers"] == {
        "list": "ECDHE-RSA-AES256-GCM-SHA384",
        "source": "string in /usr/sbin/vsftpd",
    }
    assert facts["cipher_lists"] == {"AES128-SHA:DES-CBC3-SHA": ["AES128-SHA"]}


def test_facts_are_those_of_the_library_that_vsftpd_is_linked_with(
    vsftpd_on_openssl_1_0_2: Place,
) -> None:
    facts = vsftpd_on_openssl_1_0_2.agent.call("facts", 20, cipher_lists=["DES-CBC3-SHA", "NOPE"])
    assert facts["server"] == "vsftpd 3.0.5"
    assert facts["package"].startswith("compiled from the source of vsftpd 3.0.5-")
    assert facts["library"] == "OpenSSL 1.0.2k-fips  26 Jan 2017"
    assert facts["default_ciphers"]["list"] == "ECDHE-RSA-AES256-GCM-SHA384"
    assert facts["cipher_lists"] == {"DES-CBC3-SHA": ["DES-CBC3-SHA"], "NOPE": []}


def test_a_server_on_an_old_library_starts_with_triple_des_alone(
    vsftpd_on_openssl_1_0_2: Place,
) -> None:
    place = vsftpd_on_openssl_1_0_2
    key, answer = place.listen(ciphers="DES-CBC3-SHA")
    assert answer["started"]
    log = place.attempt(key, Upload(place)).log
    assert "SSL_accept failed: error:1408A0C1:SSL routines:ssl3_get_client_hello:no shared" in log


def test_the_default_list_of_the_facts_is_what_a_listener_offers(vsftpd: Place) -> None:
    key, _ = vsftpd.listen(protocols=only("TLSv1.2"))
    offered = vsftpd.agent.call("facts", 20)["default_ciphers"]["list"]
    context = vsftpd.context()
    context.set_ciphers(offered)
    assert f"SSL cipher: {offered}" in vsftpd.attempt(key, Upload(vsftpd, context=context)).log
    context.set_ciphers(f"ALL:!{offered}")
    log = vsftpd.attempt(key, Upload(vsftpd, context=context)).log
    assert "no shared cipher" in log


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"certificate": "unset"}, "500 OOPS: SSL: cannot load RSA certificate"),
        ({"certificate": "missing"}, "500 OOPS: SSL: cannot load RSA certificate"),
        ({"ciphers": "NOPE"}, "500 OOPS: SSL: could not set cipher list"),
        ({"ciphers": "DES-CBC3-SHA"}, "500 OOPS: SSL: could not set cipher list"),
        ({"ciphers": "PROFILE=SYSTEM"}, "500 OOPS: SSL: could not set cipher list"),
        (
            {"extra": ("ssl_tlsv1_2=YES",)},
            "500 OOPS: unrecognised variable in config file: ssl_tlsv1_2",
        ),
    ],
)
def test_vsftpd_says_why_it_does_not_start(
    vsftpd: Place, settings: dict[str, Any], words: str
) -> None:
    _, answer = vsftpd.listen(**settings)
    assert (answer["started"], answer["exit_status"], answer["output"]) == (False, 2, words)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"certificate": "unset"}, "ValueError: at least certfile must be specified"),
        ({"certificate": "empty"}, "FileNotFoundError: '' does not exist"),
        ({"ciphers": "NOPE"}, "Error: [('SSL routines', '', 'no cipher match')]"),
    ],
)
def test_pyftpdlib_says_why_it_does_not_start(
    pyftpdlib: Place, settings: dict[str, Any], words: str
) -> None:
    _, answer = pyftpdlib.listen(**settings)
    assert (answer["started"], answer["exit_status"], answer["output"]) == (False, 1, words)


# -- completing -----------------------------------------------------------------------------------


def test_an_upload_completes_and_is_read_back(place: Place) -> None:
    key, answer = place.listen()
    assert answer["started"], answer
    content = os.urandom(200_000)
    collected = place.attempt(key, Upload(place, "big", content), "big")
    assert collected.ended
    assert collected.stored == {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_what_was_uploaded_and_logged_is_that_of_the_attempt(every: Place) -> None:
    # given uploads and logins without one, in turn
    key, answer = every.listen(**NO_TLS)
    assert answer["started"], answer
    for number in range(6):
        name, uploads = f"delivery-{number}.txt", number % 2 == 0
        content = os.urandom(1000 + 50_000 * number)

        # when each is collected
        collected = every.attempt(key, Plain(every, name if uploads else "", content), name)

        # then its log names its own file, where there was one, and no other; and that is what was stored
        assert collected.ended
        assert collected.log
        named = set(re.findall(r"delivery-\d+\.txt", collected.log))
        assert named == ({name} if uploads else set()), collected.log
        arrived = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        assert collected.stored == (arrived if uploads else None)


@pytest.mark.parametrize("every", that_can(anonymous=True, **NO_TLS), indirect=True)
def test_an_anonymous_upload_completes(every: Place) -> None:
    key, answer = every.listen(anonymous=True, **NO_TLS)
    assert answer["started"], answer
    upload = Plain(every, "x", b"12345", user="anonymous", password="a@lab.test")
    collected = every.attempt(key, upload, "x")
    assert collected.stored == {"size": 5, "sha256": hashlib.sha256(b"12345").hexdigest()}


def test_an_anonymous_upload_over_tls_completes(vsftpd: Place) -> None:
    key, _ = vsftpd.listen(anonymous=True, allow_anon_ssl=True)
    upload = Upload(vsftpd, "x", b"12345", user="anonymous", password="a@lab.test")
    collected = vsftpd.attempt(key, upload, "x")
    assert collected.stored == {"size": 5, "sha256": hashlib.sha256(b"12345").hexdigest()}


def test_an_anonymous_session_without_an_upload_stores_nothing(vsftpd: Place) -> None:
    key, _ = vsftpd.listen(anonymous=True, allow_anon_ssl=True)
    upload = Upload(vsftpd, user="anonymous", password="a@lab.test", stop_before="upload")
    assert vsftpd.attempt(key, upload).stored is None


def test_the_log_shows_what_was_negotiated(vsftpd: Place) -> None:
    key, _ = vsftpd.listen(protocols=only("TLSv1.2"))
    log = vsftpd.attempt(key, Upload(vsftpd)).log
    negotiated = re.findall(r"SSL version: (\S+), SSL cipher: (\S+), (\w+ ?\w*),", log)
    suite = ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    assert negotiated == [(*suite, "not reused"), (*suite, "reused")]


# -- refusing -------------------------------------------------------------------------------------

VSFTPD_REFUSES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "no common suite",
        {"ciphers": "AES128-SHA", "protocols": only("TLSv1.2")},
        "gcm",
        "no shared cipher",
    ),
    ("certificate empty", {"certificate": "empty"}, "", "no suitable signature algorithm"),
    ("no common version", {"protocols": only("TLSv1.3")}, "tls12", "unsupported protocol"),
    ("SNI rejected", {"ssl_sni_hostname": "other.lab.test"}, "", "SNI bad type"),
    ("ALPN rejected", {}, "alpn", "ALPN rejection"),
    ("client certificate", {"require_cert": True}, "", "peer did not return a certificate"),
    ("issuer unknown to the client", {}, "distrust", "tlsv1 alert unknown ca"),
]


@pytest.mark.parametrize(
    ("settings", "client", "words"),
    [row[1:] for row in VSFTPD_REFUSES],
    ids=[row[0] for row in VSFTPD_REFUSES],
)
def test_vsftpd_logs_why_the_handshake_failed(
    vsftpd: Place, settings: dict[str, Any], client: str, words: str
) -> None:
    key, answer = vsftpd.listen(**settings)
    assert answer["started"], answer
    context = ssl.create_default_context() if client == "distrust" else vsftpd.context()
    context.check_hostname = False
    if client == "gcm":
        context.set_ciphers("ECDHE+AESGCM")
    if client == "tls12":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if client == "alpn":
        context.set_alpn_protocols(["http/1.1"])
    collected = vsftpd.attempt(key, Upload(vsftpd, context=context))
    assert words in collected.log
    assert "SSL_accept failed: " in collected.log
    assert collected.stored is None


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("close", "unexpected eof while reading"),
        ("reset", "SSL_accept failed: error:00000000"),
        ("http", "http request"),
    ],
)
def test_vsftpd_logs_a_client_that_gives_up(vsftpd: Place, then: str, words: str) -> None:
    key, _ = vsftpd.listen()
    assert words in vsftpd.attempt(key, after_234(vsftpd, then)).log


def test_a_data_channel_that_does_not_resume_is_refused(vsftpd: Place) -> None:
    key, _ = vsftpd.listen()
    collected = vsftpd.attempt(key, Upload(vsftpd, kind=ftplib.FTP_TLS), "x")
    assert "No SSL session reuse on data channel." in collected.log
    assert '"522 SSL connection failed: session reuse required"' in collected.log
    assert collected.stored is not None
    assert collected.stored["size"] == 0
    key, _ = vsftpd.listen(require_ssl_reuse=False)
    collected = vsftpd.attempt(key, Upload(vsftpd, kind=ftplib.FTP_TLS), "x")
    assert collected.stored is not None
    assert collected.stored["size"] > 0


def test_tls_off_answers_auth_with_530(vsftpd: Place) -> None:
    key, _ = vsftpd.listen(tls=False)
    log = vsftpd.attempt(key, Upload(vsftpd)).log
    assert '"530 Please login with USER and PASS."' in log


@pytest.mark.parametrize("every", that_can(tls_required_login=True), indirect=True)
def test_a_login_in_clear_text_is_refused(every: Place) -> None:
    key, _ = every.listen(tls_required_login=True)
    refused: list[str] = []
    log = every.attempt(key, noted(plain_login(every), refused)).log
    # the client is told so, and the server's log says what the lab knows the reason by
    assert refused
    assert "tls-required-login" in server_dialect(every.program).heard(log), log


def test_a_wrong_password_is_refused(every: Place) -> None:
    key, _ = every.listen(**NO_TLS)
    refused: list[str] = []
    collected = every.attempt(key, noted(Plain(every, password="wrong"), refused))
    assert [reply[:3] for reply in refused] == ["530"]
    assert collected.log
    # and with the right one it is let in
    every.attempt(key, noted(Plain(every), refused))
    assert len(refused) == 1


def noted(client: Client, refused: list[str]) -> Client:
    """A client whose refusal by a reply is written down."""

    def run(port: int) -> None:
        try:
            client(port)
        except ftplib.Error as error:
            refused.append(str(error))

    return run


def test_pyftpdlib_logs_why_the_handshake_failed(pyftpdlib: Place) -> None:
    key, _ = pyftpdlib.listen(ciphers="AES128-SHA", protocols=only("TLSv1.2"))
    context = pyftpdlib.context()
    context.set_ciphers("ECDHE+AESGCM")
    log = pyftpdlib.attempt(key, Upload(pyftpdlib, context=context)).log
    assert "err: Error([('SSL routines', '', 'no shared cipher')]) (Handler)" in log


@pytest.mark.parametrize("verdict", ["dropped", "rejected"])
def test_a_packet_filter_blocks_the_data_ports_and_goes_with_the_listener(
    every: Place, verdict: str
) -> None:
    key, _ = every.listen(data_ports=verdict, **NO_TLS)
    port = int(key.removeprefix("port-"))
    assert f"lab_{port}" in every.run("nft", "list", "tables")
    first = 30000 + (port - 21000) * 10
    expected = TimeoutError if verdict == "dropped" else ConnectionRefusedError
    with pytest.raises(expected):
        socket.create_connection((every.address, first), 1.0)
    # the control port is open
    Plain(every)(port)
    every.agent.call("close", PATIENCE_S, key=key)
    assert f"lab_{port}" not in every.run("nft", "list", "tables")


# -- attribution ----------------------------------------------------------------------------------


def one_session(place: Place, log: str) -> bool:
    """Whether a log holds exactly one session, from its beginning to its end."""
    if place.software == "pyftpdlib":
        return log.count("session opened") == log.count("session closed") == 1
    return log.count("CONNECT: Client") == 1 and "220 (vsFTPd" in log


def trial(place: Place, key: str, number: int) -> None:
    """One of five ways for a session to go; its log has this session, its upload and no other."""
    name, content = f"delivery-{number}.txt", f"{number}\n".encode() * (number % 7 * 1000 + 1)
    ways: list[Client] = [
        Upload(place, name, content),
        Upload(place, stop_before="upload"),
        after_234(place, "close"),
        after_234(place, "reset"),
        after_234(place, "http"),
    ]
    way = number % len(ways)
    collected = place.attempt(key, ways[way], name)
    assert collected.ended
    assert one_session(place, collected.log), (number, collected.log)
    assert set(re.findall(r"delivery-\d+\.txt", collected.log)) <= {name}, (number, collected.log)
    uploaded = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert collected.stored == (uploaded if way == 0 else None), (number, collected)


def test_attempts_one_after_the_other_have_a_log_each(place: Place) -> None:
    key, _ = place.listen()
    for number in range(60):
        trial(place, key, number)


def memory_of(place: Place) -> int:
    """What a container's processes use, in bytes, from its control group of either version.

    The engine's own statistics are empty where both versions are mounted.
    """
    files = "/sys/fs/cgroup/memory.current /sys/fs/cgroup/memory/memory.usage_in_bytes"
    read = place.container.exec_run(["sh", "-c", f"cat {files} 2>/dev/null | head -n 1"])
    assert isinstance(read.output, bytes)
    return int(read.output)


def test_50_listeners_in_one_container_and_attempts_side_by_side(place: Place) -> None:
    keys = []
    for _ in range(50):
        key, answer = place.listen()
        assert answer["started"], answer
        keys.append(key)

    def lane(first: int) -> None:
        for number in range(first, 50, 8):
            for repetition in range(2):
                trial(place, keys[number], number * 10 + repetition)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lane, range(8)))
    usage = memory_of(place) / 2**20
    assert usage < {"vsftpd": 150, "pyftpdlib": 480}[place.program]
    for key in keys:
        place.agent.call("close", PATIENCE_S, key=key)


def test_a_session_that_stays_is_ended_before_the_next_attempt(every: Place) -> None:
    key, _ = every.listen(**NO_TLS)
    port = int(key.removeprefix("port-"))
    every.agent.call("begin", PATIENCE_S, key=key, file="x")
    with socket.create_connection((every.address, port), PATIENCE_S) as stuck:
        assert stuck.recv(1000).startswith(b"220")
        assert not every.agent.call("collect", 1.5, key=key, file="x")["ended"]
    collected = every.attempt(key, Plain(every, "y"), "y")
    assert collected.ended
    assert collected.stored is not None


@dataclasses.dataclass(frozen=True)
class HalfAnUpload:
    """Log in over TLS, begin an upload, and stop: the connections stay, or are reset."""

    place: Place
    resets: bool

    def __call__(self, port: int) -> None:
        ftp = ftplib.FTP_TLS(context=self.place.context(), timeout=PATIENCE_S)
        ftp.connect(self.place.address, port)
        ftp.login("lab", PASSWORD)
        ftp.prot_p()
        data = ftp.transfercmd("STOR x")
        data.sendall(b"half" * 4096)
        if self.resets:
            assert ftp.sock is not None
            assert ftp.file is not None
            ftp.file.close()
            for connection in (data, ftp.sock):
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.close()
        else:
            OPEN.append((ftp, data))


#: Connections that a client has left open.
OPEN: list[tuple[ftplib.FTP_TLS, socket.socket]] = []


@pytest.mark.parametrize("resets", [False, True], ids=["it stays", "it is reset"])
@pytest.mark.parametrize("software", ["vsftpd", "pure-ftpd"])
def test_an_upload_that_stops_half_way_leaves_nothing_to_the_next(
    software: str, resets: bool, engine: docker.DockerClient, network: str, authority: trustme.CA
) -> None:
    for place in place_of(software, engine, network, authority):
        resuming: dict[str, Any] = {"require_ssl_reuse": False} if software == "vsftpd" else {}
        key, answer = place.listen(**resuming)
        assert answer["started"], answer
        before = len(place.processes())
        stopped = place.attempt(key, HalfAnUpload(place, resets), "x")
        assert stopped.ended is resets
        # the session's processes are gone, its file goes before the next attempt
        assert len(place.processes()) == before
        collected = place.attempt(key, Upload(place, "y", b"whole\n"), "y")
        assert collected.ended
        assert collected.stored == {"size": 6, "sha256": hashlib.sha256(b"whole\n").hexdigest()}
        assert "[x]" not in collected.log
        uploads = f"/run/lab/listeners/{key}/upload"
        assert place.run("ls", "-A", uploads) == "y\n"
        place.agent.call("close", PATIENCE_S, key=key)
        assert place.run("ls", "/run/lab/listeners") == ""
        assert len(place.processes()) < before
    for ftp, data in OPEN:
        data.close()
        ftp.close()
    OPEN.clear()


# -- the end --------------------------------------------------------------------------------------


def test_a_listener_that_dies_is_an_error_of_the_lab(every: Place) -> None:
    key, answer = every.listen()
    pid = answer["pid"]
    # The signal does not wait for the end: until it is a zombie, or gone, its parent hears of none.
    lives = f"grep -q '^State:[[:space:]][^ZX]' /proc/{pid}/status 2>/dev/null"
    every.run("sh", "-c", f"kill -9 {pid}; while {lives}; do sleep 0.01; done")
    with pytest.raises(AgentError, match="has ended with status -9"):
        every.agent.call("begin", PATIENCE_S, key=key, file="x")


@pytest.mark.parametrize("end", ["its input ends", "it is killed"])
@pytest.mark.parametrize("software", FOUND)
def test_nothing_outlives_the_agent(
    software: str, end: str, engine: docker.DockerClient, network: str, authority: trustme.CA
) -> None:
    for place in place_of(software, engine, network, authority):
        before = sorted(place.processes())
        assert place.listen()[1]["started"]
        key, _ = place.listen(data_ports="dropped")
        table = f"lab_{key.removeprefix('port-')}"
        assert table in place.run("nft", "list", "tables")
        if end == "it is killed":
            top = place.container.top()
            pids = [int(row[1]) for row in top["Processes"] if f"{AGENTS}/server.py" in row[-1]]
            os.kill(min(pids), signal.SIGKILL)
        place.agent.close()
        # The next agent waits for the end of this one and clears up after it.
        place.agent = place.start_agent()
        assert table not in place.run("nft", "list", "tables")
        assert place.run("ls", "/run/lab/listeners") == ""
        # What runs then is what ran before the first listener: a new agent, and nothing else.
        assert sorted(place.processes()) == before
