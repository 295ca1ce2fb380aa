"""Real FTP servers, and clients that do on purpose what a server refuses.

Runs in the container of a release's programs. ``serve`` starts what is there, prints the port of each
server's variants as one line of JSON, and goes on until the container ends. ``meet`` lets every bad client
meet a server and prints a line for each: what the server replied, and what it logged. Works with every Python
since 3.9.
"""

import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

PLACE = "/opt/lab/explain"
CERTIFICATES = f"{PLACE}/material/server"
ROOT = f"{PLACE}/material/anchors/public.pem"
LOGS = f"{PLACE}/logs"
HOST = "host.lab.test"
FIRST_PORT = 24000
#: Certificates that a client refuses, and what that is called (docs/outcomes.md).
REFUSED = {
    "self-signed": "self-signed-leaf",
    "private-ca": "unknown-issuer",
    "root-in-chain": "self-signed-in-chain",
    "incomplete-chain": "unknown-issuer",
    "expired": "expired",
    "expired-intermediate": "expired",
    "not-yet-valid": "not-yet-valid",
    "wrong-host": "hostname-mismatch",
    "wrong-purpose": "wrong-purpose",
    "not-a-ca": "not-a-ca",
    "path-too-long": "path-too-long",
    "name-constraints": "name-not-permitted",
    "unknown-extension": "unknown-extension",
    "bad-signature": "bad-signature",
    "weak-key": "weak-key",
    "weak-signature": "weak-signature",
}
#: A server does not load a weak certificate unless its library is told that it may.
LAX = """
openssl_conf = all
[all]
ssl_conf = tls
[tls]
system_default = any
[any]
CipherString = DEFAULT:@SECLEVEL=0
"""


# -- configurations --------------------------------------------------------------------------------


def pem(slug):
    """Chain and key in one file, as some servers want it."""
    path = f"{PLACE}/{slug}.pem"
    if os.path.exists(path):
        return path
    with open(path, "w") as both:
        for part in ("key", "chain"):
            with open(f"{CERTIFICATES}/{slug}.{part}.pem") as one:
                both.write(one.read())
    os.chmod(path, 0o600)
    return path


def vsftpd(name, port, slug="direct", **options):
    given = {
        "listen": "YES",
        "listen_port": port,
        "background": "NO",
        "local_enable": "YES",
        "write_enable": "YES",
        "anonymous_enable": "NO",
        "ssl_enable": "YES",
        "rsa_cert_file": f"{CERTIFICATES}/{slug}.chain.pem",
        "rsa_private_key_file": f"{CERTIFICATES}/{slug}.key.pem",
        "ssl_ciphers": "HIGH",
        "require_ssl_reuse": "NO",
        "secure_chroot_dir": "/var/run/vsftpd/empty",
        "pam_service_name": "vsftpd",
        "xferlog_enable": "YES",
        "vsftpd_log_file": f"{LOGS}/{name}.log",
        "log_ftp_protocol": "YES",
        "debug_ssl": "YES",
        "accept_timeout": 2,
        "isolate": "NO",
        "isolate_network": "NO",
        "seccomp_sandbox": "NO",
        "dual_log_enable": "YES",
        "xferlog_file": "/dev/null",
    }
    given.update(options)
    path = f"{PLACE}/{name}.conf"
    with open(path, "w") as file:
        file.writelines(f"{key}={value}\n" for key, value in given.items())
    os.chmod(path, 0o600)
    return ["/usr/sbin/vsftpd", path]


def proftpd(name, port, slug="direct", *lines, tls=True, required="on"):
    text = [
        "Include /etc/proftpd/modules.conf" if os.path.exists("/etc/proftpd/modules.conf") else "",
        "LoadModule mod_tls.c",
        "ServerType standalone",
        "AllowOverwrite on",
        f"Port {port}",
        "DefaultAddress 127.0.0.1",
        "UseIPv6 off",
        "RequireValidShell off",
        "User lab",
        "Group lab",
        f"SystemLog {LOGS}/{name}.system",
        f"PidFile {PLACE}/{name}.pid",
        f"ScoreboardFile {PLACE}/{name}.scoreboard",
        "WtmpLog off",
        "TransferLog none",
        "AuthOrder mod_auth_unix.c",
        "UseReverseDNS off",
        "<IfModule mod_delay.c>\nDelayEngine off\n</IfModule>",
    ]
    if tls:
        text += [
            "<IfModule mod_tls.c>",
            "TLSEngine on",
            f"TLSLog {LOGS}/{name}.log",
            "TLSProtocol TLSv1.2 TLSv1.3",
            f"TLSRSACertificateFile {CERTIFICATES}/{slug}.chain.pem",
            f"TLSRSACertificateKeyFile {CERTIFICATES}/{slug}.key.pem",
            f"TLSRequired {required}",
            f"TLSCertificateChainFile {CERTIFICATES}/{slug}.chain.pem",
            *[line for line in lines if line.startswith("TLS")],
            "</IfModule>",
        ]
    text += [line for line in lines if not line.startswith("TLS")]
    path = f"{PLACE}/{name}.conf"
    with open(path, "w") as file:
        file.write("\n".join(text) + "\n")
    return ["/usr/sbin/proftpd", "-n", "-q", "-c", path]


def pure_ftpd(name, port, *options, slug="direct", tls="2"):
    argv = ["/usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{port}", "-l", "unix", "-u", "1", "-Y", tls, "-A", "-H",
            "-f", "ftp", *options]  # fmt: skip
    certificate = ["-2", pem(slug)] if tls != "0" else []
    return [*argv, *certificate]


PYFTPDLIB = """
import logging, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer
port, pem, log, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
logging.basicConfig(filename=log, level=logging.DEBUG if mode == "debug" else logging.INFO)
users = DummyAuthorizer()
users.add_user("lab", "secret", "/home/lab", perm="elr" if mode == "denied" else "elradfmwMT")
class Handler(FTPHandler if mode == "plain" else TLS_FTPHandler):
    authorizer = users
if mode != "plain":
    Handler.certfile = pem
    Handler.tls_control_required = Handler.tls_data_required = True
    if mode == "client":
        from OpenSSL import SSL
        Handler.ssl_context = Handler.get_ssl_context() if hasattr(Handler, "get_ssl_context") else None
Handler.timeout = 4
Handler.passive_dtp.timeout = 2
server = FTPServer(("127.0.0.1", port), Handler)
if mode == "full":
    server.max_cons_per_ip = 1
server.serve_forever()
"""


def pyftpdlib(name, port, mode="usual", slug="direct"):
    # A file for each: one that is written anew is empty for who starts at that moment.
    path = f"{PLACE}/{name}.py"
    with open(path, "w") as file:
        file.write(PYFTPDLIB)
    return ["python3", path, str(port), pem(slug), f"{LOGS}/{name}.log", mode]


def variants():
    """Server, variant, and a function of name and port that gives its command line."""
    here = lambda path: os.path.exists(path)  # noqa: E731
    if here("/usr/sbin/vsftpd"):
        yield "vsftpd", "usual", vsftpd
        for slug in REFUSED:
            yield "vsftpd", slug, lambda n, p, slug=slug: vsftpd(n, p, slug)
        yield "vsftpd", "reuse", lambda n, p: vsftpd(n, p, require_ssl_reuse="YES")
        yield (
            "vsftpd",
            "client certificate",
            lambda n, p: vsftpd(n, p, require_cert="YES", ca_certs_file=ROOT),
        )
        yield "vsftpd", "without TLS", lambda n, p: vsftpd(n, p, ssl_enable="NO")
        yield "vsftpd", "denied", lambda n, p: vsftpd(n, p, write_enable="NO")
        yield "vsftpd", "not created", lambda n, p: vsftpd(n, p, local_root="/usr")
        yield "vsftpd", "chroot", lambda n, p: vsftpd(n, p, chroot_local_user="YES")
        yield "vsftpd", "full", lambda n, p: vsftpd(n, p, max_per_ip=1)
    if here("/usr/sbin/proftpd"):
        yield (
            "proftpd",
            "usual",
            lambda n, p: proftpd(n, p, "direct", "TLSOptions NoSessionReuseRequired"),
        )
        for slug in REFUSED:
            yield "proftpd", slug, lambda n, p, slug=slug: proftpd(n, p, slug)
        yield "proftpd", "reuse", proftpd
        yield (
            "proftpd",
            "client certificate",
            lambda n, p: proftpd(
                n, p, "direct", "TLSVerifyClient on", f"TLSCACertificateFile {ROOT}"
            ),
        )
        yield "proftpd", "without TLS", lambda n, p: proftpd(n, p, tls=False)
        yield (
            "proftpd",
            "denied",
            lambda n, p: proftpd(
                n,
                p,
                "direct",
                "TLSOptions NoSessionReuseRequired",
                "<Limit STOR>\nDenyAll\n</Limit>",
            ),
        )
        yield (
            "proftpd",
            "not created",
            lambda n, p: proftpd(
                n,
                p,
                "direct",
                "TLSOptions NoSessionReuseRequired",
                "DefaultRoot /usr",
                "DefaultChdir /",
            ),
        )
        yield "proftpd", "full", lambda n, p: proftpd(n, p, "direct", "MaxConnectionsPerHost 1")
    if here("/usr/sbin/pure-ftpd"):
        yield "pure-ftpd", "usual", lambda n, p: pure_ftpd(n, p)
        for slug in REFUSED:
            yield "pure-ftpd", slug, lambda n, p, slug=slug: pure_ftpd(n, p, slug=slug)
        yield "pure-ftpd", "data", lambda n, p: pure_ftpd(n, p, tls="3")
        yield "pure-ftpd", "client certificate", lambda n, p: pure_ftpd(n, p, "-J", "-C:HIGH")
        yield "pure-ftpd", "without TLS", lambda n, p: pure_ftpd(n, p, tls="0")
        yield "pure-ftpd", "full", lambda n, p: pure_ftpd(n, p, "-C", "1")
    if importlib.util.find_spec("pyftpdlib"):
        yield "pyftpdlib", "usual", pyftpdlib
        for slug in REFUSED:
            yield "pyftpdlib", slug, lambda n, p, slug=slug: pyftpdlib(n, p, slug=slug)
        yield "pyftpdlib", "without TLS", lambda n, p: pyftpdlib(n, p, "plain")
        yield "pyftpdlib", "denied", lambda n, p: pyftpdlib(n, p, "denied")
        yield "pyftpdlib", "full", lambda n, p: pyftpdlib(n, p, "full")


def syslog():
    """What programs send to the system's log goes to a file, a program a line."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with contextlib.suppress(FileNotFoundError):
        os.unlink("/dev/log")
    server.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    with open(f"{LOGS}/syslog", "a") as log:
        while True:
            line = server.recv(8192).decode(errors="replace")
            log.write(re.sub(r"^<\d+>", "", line).rstrip("\0\n") + "\n")
            log.flush()


def serve():
    os.makedirs(LOGS, exist_ok=True)
    os.makedirs("/var/run/vsftpd/empty", exist_ok=True)
    os.makedirs("/run/proftpd", exist_ok=True)
    if os.fork() == 0:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        syslog()
    time.sleep(0.3)
    with open(f"{PLACE}/lax.cnf", "w") as file:
        file.write(LAX)
    ports: dict = {}
    for number, (server, variant, command) in enumerate(variants()):
        name, port = f"{server}-{variant}".replace(" ", "-"), FIRST_PORT + number
        lax = {"OPENSSL_CONF": f"{PLACE}/lax.cnf"} if variant.startswith("weak-") else {}
        with open(f"{LOGS}/{name}.output", "wb") as output:
            subprocess.Popen(
                command(name, port),
                stdin=output,
                stdout=output,
                stderr=output,
                env={**os.environ, **lax},
                start_new_session=True,
            )
        ports.setdefault(server, {})[variant] = port
    deadline = time.monotonic() + 240
    for server, ones in list(ports.items()):
        for variant, port in list(ones.items()):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        sys.stderr.write(f"{server} {variant} does not listen\n")
                        del ones[variant]
                        break
                    time.sleep(0.2)
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    signal.pause()


# -- bad clients -----------------------------------------------------------------------------------


class Refused(Exception):
    """The dialogue is over."""


class Client:
    """An FTP client that says what it is told to, and keeps what it hears."""

    def __init__(self, port):
        self.heard = []
        self.socket = socket.create_connection((HOST, port), 4)
        self.stream = self.socket.makefile("rb")
        self.reply()

    def reply(self):
        line = self.stream.readline().decode(errors="replace").rstrip()
        first = line
        while line[3:4] == "-" or not re.match(r"\d{3}", line):
            if not line and not self.stream.peek(1):
                break
            self.heard.append(line)
            line = self.stream.readline().decode(errors="replace").rstrip()
            if line.startswith(first[:3] + " "):
                break
        if line:
            self.heard.append(line)
        return line

    def says(self, command):
        self.socket.sendall(command.encode() + b"\r\n")
        return self.reply()

    def protect(self, context):
        self.says("AUTH TLS")
        self.socket = context.wrap_socket(self.socket, server_hostname=HOST)
        self.stream = self.socket.makefile("rb")
        self.context = context

    def login(self, password="secret"):
        self.says("USER lab")
        return self.says(f"PASS {password}")

    def passive(self):
        numbers = re.search(r"(\d+),(\d+)\)?\.?$", self.says("PASV"))
        return 0 if not numbers else int(numbers[1]) * 256 + int(numbers[2])

    def sends(self, name="delivery.bin", protected=True):
        """Upload a few bytes."""
        port = self.passive()
        self.socket.sendall(f"STOR {name}\r\n".encode())
        data = socket.create_connection((HOST, port), 4) if port else None
        answer = self.reply()
        if data and answer.startswith("1"):
            line = self.context.wrap_socket(data, server_hostname=HOST) if protected else data
            line.sendall(b"x" * 2000)
            with contextlib.suppress(OSError, ValueError):
                if isinstance(line, ssl.SSLSocket):
                    line.unwrap()
            line.close()
            self.reply()


def context(ciphers="DEFAULT", versions=(None, None), verify=False):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    else:
        made.load_verify_locations(f"{PLACE}/trusted.pem")
    made.set_ciphers(ciphers)
    if versions[0]:
        made.minimum_version = versions[0]
    if versions[1]:
        made.maximum_version = versions[1]
    return made


ONE, TWO, THREE = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def logs_in_plainly(client):
    client.login()


def has_a_wrong_password(client):
    client.protect(context())
    client.login("wrong")


def speaks_tls_1_0(client):
    client.protect(context("ALL:@SECLEVEL=0", (ONE, ONE)))


def has_no_suite(client):
    client.protect(context("ECDHE-ECDSA-AES128-GCM-SHA256", (TWO, TWO)))


def has_no_certificate(version):
    def meets(client):
        client.protect(context(versions=(version, version)))
        client.login()

    return meets


def checks(client):
    client.protect(context(verify=True))


def speaks_plainly_after_auth(client):
    client.says("AUTH TLS")
    client.says("USER lab")


def asks_for_tls(client):
    client.says("AUTH TLS")


def leaves_data_in_clear(client):
    client.protect(context())
    client.login()
    client.sends(protected=False)


def prepared(client, **how):
    client.protect(context(**how))
    client.login()
    client.says("PBSZ 0")
    client.says("PROT P")


def uploads(client):
    prepared(client)
    client.sends()


def never_connects(client):
    prepared(client)
    client.passive()
    client.says("STOR delivery.bin")


def breaks_off(client):
    prepared(client)
    port = client.passive()
    client.socket.sendall(b"STOR delivery.bin\r\n")
    data = socket.create_connection((HOST, port), 4)
    client.reply()
    data.close()
    client.reply()


def is_the_second(client):
    again = Client(client.socket.getpeername()[1])
    client.heard = again.heard


#: Name of the set-up; the variant of the server; the client; what it is called (docs/outcomes.md).
MEETINGS = [
    ("nothing is wrong", "usual", uploads, ("unknown", "unknown", "transfer")),
    ("plain login", "usual", logs_in_plainly, ("tls-required", "server", "login")),
    ("wrong password", "usual", has_a_wrong_password, ("login-failed", "server", "login")),
    ("client has TLS 1.0 only", "usual", speaks_tls_1_0, ("no-shared-protocol", "server", "handshake")),
    ("no cipher suite in common", "usual", has_no_suite, ("no-shared-cipher", "server", "handshake")),
    ("client certificate over TLS 1.2", "client certificate", has_no_certificate(TWO),
     ("client-certificate-required", "server", "handshake")),
    ("client certificate over TLS 1.3", "client certificate", has_no_certificate(THREE),
     ("client-certificate-required", "server", "handshake")),
    *[(f"client checks: {slug}", slug, checks, (reason, "client", "verify"))
      for slug, reason in REFUSED.items()],
    ("clear text after AUTH", "usual", speaks_plainly_after_auth, ("plaintext-peer", "server", "handshake")),
    ("AUTH without TLS", "without TLS", asks_for_tls, ("tls-not-offered", "server", "auth")),
    ("data in clear text", "usual", leaves_data_in_clear, ("data-tls-required", "server", "transfer")),
    ("data in clear text", "data", leaves_data_in_clear, ("data-tls-required", "server", "transfer")),
    ("session not reused", "reuse", uploads, ("session-reuse-required", "server", "transfer")),
    ("upload denied", "denied", uploads, ("upload-denied", "server", "transfer")),
    ("file not created", "not created", uploads, ("file-not-created", "server", "transfer")),
    ("data connection never made", "usual", never_connects, ("data-connection-failed", "server", "transfer")),
    ("too many connections", "full", is_the_second, ("service-unavailable", "server", "greeting")),
    ("writable root", "chroot", uploads, ("server-fault", "server", "login")),
]  # fmt: skip


def sizes():
    return {name: os.path.getsize(f"{LOGS}/{name}") for name in os.listdir(LOGS)}


def grown(before, names):
    """What the logs of these names have got since then."""
    said = []
    for name in names:
        with (
            contextlib.suppress(FileNotFoundError),
            open(f"{LOGS}/{name}", errors="replace") as log,
        ):
            log.seek(before.get(name, 0))
            said.append(log.read())
    return "".join(said)


def settled(before, names):
    """What the logs of these names have got since then, once nothing more comes: the rest of a session is no
    part of the next one's."""
    said, deadline = None, time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.7)
        now = grown(before, names)
        if now == said:
            break
        said = now
    return said


def meet(server, ports):
    for name, variant, client, cause in MEETINGS:
        if variant not in ports:
            continue
        prefix = f"{server}-{variant}".replace(" ", "-")
        logs = {"pure-ftpd": ["syslog"]}.get(server, [f"{prefix}.log", f"{prefix}.system"])
        before = sizes()
        one, ended = None, ""
        try:
            one = Client(ports[variant])
            client(one)
        except (OSError, Refused, AttributeError, ValueError) as error:
            ended = repr(error)
        heard = one.heard if one else []
        if one:
            with contextlib.suppress(OSError):
                one.socket.close()
            one.stream.close()
        report = {"setup": f"{variant}: {name}", "cause": cause, "replies": heard,
                  "log": settled(before, logs), "ended": ended, "port": ports[variant]}  # fmt: skip
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        meet(sys.argv[2], json.loads(sys.argv[3]))
