"""The edge: settings to nginx's configuration, its log and the visitor's answer to a report."""

from __future__ import annotations

import importlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.edge import SYSTEM_TRUST, Edge, configuration, edge_log, messages
from lab.dialects import client_dialect, x509_numbers
from lab.host.checkout import root
from lab.model import HOST_ADDRESS, ClientReport, Reason, from_, only
from lab.run.containers import agent_files
from tests.agent_process import AGENTS

EDGE = PROGRAMS["edge"]
INSTALLED = Installed(platform="debian13", stand_in=False, versions={"nginx": "nginx/1.26.3"})
TARGET = Target(host="nginx.lab.test", port=2103, user="", password="")


def client(**settings: Any) -> Any:
    return Edge(**settings)


def directives(settings: Edge, target: Target = TARGET) -> dict[str, str]:
    """Those that decide about the connection to the origin."""
    text = configuration(settings, target)
    return dict(re.findall(r"^\s*(proxy_\w+|resolver\w*) (.*);$", text, re.MULTILINE))


# -- settings that cannot be expressed -------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"verify_name": "other.lab.test"}, "one name"),
        ({"sni": "other.lab.test"}, "one name"),
        (
            {"verify_name": "a.lab.test", "sni": "b.lab.test"},
            "cannot send b.lab.test and check a.lab",
        ),
        ({"verify_name": "a b"}, "host names"),
        ({"sni": "$host"}, "host names"),
        ({"host": "a;b"}, "host names"),
        ({"ciphers": 'A" ;'}, "quotes"),
        ({"ciphers": "A\nB"}, "quotes"),
    ],
)
def test_what_nginx_cannot_express_has_a_cause(settings: dict[str, Any], hint: str) -> None:
    cause = EDGE.unsupported(client(**settings), INSTALLED)
    assert cause is not None
    assert hint in cause


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sni": ""},
        {"sni": "", "verify_name": "other.lab.test"},
        {"sni": "other.lab.test", "verify_name": "other.lab.test"},
        {"sni": "nginx.lab.test", "host": "nginx.lab.test"},
        {"sni": "other.lab.test", "verify": False},
        {"verify_name": "other.lab.test", "tls": False},
        {"host": HOST_ADDRESS},
        {"last_error": True},
        {"ciphers": "ALL:!aNULL:@SECLEVEL=0"},
    ],
)
def test_what_it_can(settings: dict[str, Any]) -> None:
    assert EDGE.unsupported(client(**settings), INSTALLED) is None


def test_an_image_without_nginx_says_so() -> None:
    bare = Installed(platform="debian13", stand_in=False, versions={"nginx": None})
    assert EDGE.unsupported(client(), bare) == "the image has no nginx"


def test_its_container_is_the_edge_and_its_files_are_there() -> None:
    assert EDGE.service(client()) == "edge"
    assert EDGE.agent.argv[1].rpartition("/")[2] in agent_files()


# -- the configuration -----------------------------------------------------------------------------


def test_the_default_checks_chain_and_name_and_sends_the_name() -> None:
    found = directives(client())
    assert found["proxy_pass"] == "https://$http_x_lab_origin"
    assert found["proxy_ssl_verify"] == "on"
    assert found["proxy_ssl_trusted_certificate"] == SYSTEM_TRUST
    assert int(found["proxy_ssl_verify_depth"]) > 2
    assert found["proxy_ssl_server_name"] == "on"
    assert found["proxy_ssl_session_reuse"] == "off"
    assert found["resolver"].startswith("127.0.0.11")
    # what is not set is nginx's own default
    assert not {"proxy_ssl_name", "proxy_ssl_ciphers", "proxy_ssl_protocols"} & set(found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"verify": False}, {"proxy_ssl_verify": None, "proxy_ssl_trusted_certificate": None}),
        (
            {"verify_name": "a.lab.test", "sni": "a.lab.test"},
            {"proxy_ssl_name": "a.lab.test", "proxy_ssl_server_name": "on"},
        ),
        (
            {"verify_name": "a.lab.test", "sni": ""},
            {"proxy_ssl_name": "a.lab.test", "proxy_ssl_server_name": "off"},
        ),
        (
            {"verify": False, "verify_name": "a.lab.test", "sni": "b.lab.test"},
            {"proxy_ssl_name": "b.lab.test"},
        ),
        ({"ciphers": "ALL:@SECLEVEL=0"}, {"proxy_ssl_ciphers": '"ALL:@SECLEVEL=0"'}),
        ({"protocols": from_("TLSv1.2")}, {"proxy_ssl_protocols": "TLSv1.2 TLSv1.3"}),
        ({"protocols": only("SSLv3")}, {"proxy_ssl_protocols": "SSLv3"}),
        (
            {"timeout_s": 1.5},
            {
                "proxy_connect_timeout": "1500ms",
                "proxy_read_timeout": "1500ms",
                "proxy_send_timeout": "1500ms",
                "resolver_timeout": "1500ms",
            },
        ),
    ],
)
def test_settings_become_directives(
    settings: dict[str, Any], expected: Mapping[str, str | None]
) -> None:
    found = directives(client(**settings))
    assert {name: found.get(name) for name in expected} == expected


def test_without_tls_there_is_nothing_of_it() -> None:
    found = directives(client(tls=False, ciphers="HIGH"))
    assert found["proxy_pass"] == "http://$http_x_lab_origin"
    assert not [name for name in found if name.startswith("proxy_ssl")]


def test_files_are_those_of_the_target() -> None:
    target = Target(
        host="h",
        port=1,
        user="",
        password="",
        ca_file="/ca.pem",
        certificate="/c.pem",
        key="/k.pem",
    )
    found = directives(client(trust="private-ca", client_certificate="client"), target)
    assert found["proxy_ssl_trusted_certificate"] == "/ca.pem"
    assert found["proxy_ssl_certificate"] == "/c.pem"
    assert found["proxy_ssl_certificate_key"] == "/k.pem"


def test_the_origins_address_is_in_the_request_and_not_in_the_configuration() -> None:
    other = Target(host="origin.lab.test", port=2199, user="", password="")
    one, two = (EDGE.request(client(), target) for target in (TARGET, other))
    assert one["config"] == two["config"]
    assert (one["origin"], two["origin"]) == ("nginx.lab.test:2103", "origin.lab.test:2199")


def locations(settings: Edge, target: Target = TARGET) -> dict[str, dict[str, str]]:
    """The directives of each location, by its path."""
    text = configuration(settings, target)
    blocks = re.findall(r"location (\S+) \{\n(.*?)\n +\}", text, re.DOTALL)
    return {path: dict(re.findall(r"(proxy_\w+) (.*);", block)) for path, block in blocks}


@pytest.mark.parametrize(
    ("settings", "apart"),
    [
        ({"earlier": "unchecked"}, ["proxy_ssl_verify"]),
        (
            {"earlier": "system-roots", "trust": "private-ca"},
            ["proxy_ssl_trusted_certificate"],
        ),
        ({"earlier": "named", "sni": ""}, ["proxy_ssl_server_name"]),
        (
            {"earlier": "certificate", "client_certificate": "client"},
            ["proxy_ssl_certificate", "proxy_ssl_certificate_key"],
        ),
    ],
)
def test_an_earlier_location_differs_in_what_it_is_named_for(
    settings: dict[str, Any], apart: list[str]
) -> None:
    # given files for what the settings name
    has_own = "client_certificate" in settings
    files: dict[str, Any] = {"certificate": "/c.pem", "key": "/k.pem"} if has_own else {}
    ca = "/ca.pem" if "trust" in settings else None
    target = Target(host="nginx.lab.test", port=2103, user="", password="", ca_file=ca, **files)
    # when there are two locations
    both = locations(client(session_reuse=True, **settings), target)
    earlier, here = both["/earlier"], both["/"]
    # then they have one origin, whose sessions are kept, and the rest is alike
    assert earlier["proxy_pass"] == here["proxy_pass"] == "https://nginx.lab.test:2103"
    assert earlier["proxy_ssl_session_reuse"] == here["proxy_ssl_session_reuse"] == "on"
    differing = {n for n in {*earlier, *here} if earlier.get(n) != here.get(n)}
    assert differing >= {*apart}
    # what is switched off takes along what goes with it
    assert differing <= {*apart, "proxy_ssl_trusted_certificate", "proxy_ssl_verify_depth"}
    assert EDGE.request(client(session_reuse=True, **settings), target)["earlier"] == "/earlier"


@pytest.mark.parametrize(
    "settings",
    [
        {"earlier": "unchecked", "verify": False},
        {"earlier": "unchecked", "tls": False},
        {"earlier": "system-roots"},
        {"earlier": "named"},
        {"earlier": "certificate"},
    ],
)
def test_an_earlier_location_needs_something_apart(settings: dict[str, Any]) -> None:
    assert "it needs" in str(EDGE.unsupported(client(**settings), INSTALLED))


@pytest.mark.parametrize(("said", "resumed"), [("r", True), (".", False), (None, None)])
def test_the_origin_says_whether_the_session_was_resumed(
    said: str | None, resumed: bool | None
) -> None:
    headers = {"x-tls-session": said} if said else {}
    answered = {"started": True, "status": 200, "reason": "OK", "headers": headers, "said": []}
    assert PROGRAMS["edge"].report({**answered, "known": True}).session_reused is resumed


def test_every_directive_is_documented() -> None:
    text = (root() / "docs" / "edge.md").read_text(encoding="utf-8")
    everything = client(
        verify_name="a",
        sni="a",
        ciphers="ALL",
        protocols=only("TLSv1.2"),
        client_certificate="client",
    )
    target = Target(host="h", port=1, user="", password="", certificate="/c.pem", key="/k.pem")
    for name in directives(everything, target):
        if name not in ("proxy_http_version", "proxy_set_header"):
            assert f"`{name}" in text, name


# -- what a visitor is told ------------------------------------------------------------------------

#: The messages of the page "TLS origin configuration messages".
OF_THE_PAGE = (
    "Hostname mismatch",
    "unable to verify the first certificate",
    "self signed certificate",
    "unable to get local issuer certificate",
    "self signed certificate in certificate chain",
    "unable to get issuer certificate",
    "Gethostbyname",
    "Connection timeout",
    "Connection refused",
    "Certificate has expired",
    "Unknown protocol",
    "SSL handshake failure",
    "TLSv1 alert internal error",
    "Using RC4 Cipher",
)


def test_every_message_of_the_page_can_come_or_has_a_reason_why_not() -> None:
    can = {name.name for name in messages().name if name.known}
    never = {name.name for name in messages().never}
    assert can | never == set(OF_THE_PAGE)
    assert not can & never
    assert all(name.because for name in messages().never)


def test_what_is_not_of_the_page_says_where_it_is_from() -> None:
    others = [name for name in messages().name if not name.known]
    assert all(name.source for name in others)
    assert others[-1].pattern.search("anything")


# Lines of nginx 1.26.3 on OpenSSL 3.5.7, as they were seen in the lab; `{}` is the name in question.
HANDSHAKE = "SSL_do_handshake() failed (SSL: error:{}) while SSL handshaking to upstream"
VERIFY = "upstream SSL certificate verify error: ({}) while SSL handshaking to upstream"
LINES = [
    ('upstream SSL certificate does not match "a" while SSL handshaking to upstream',
     "Hostname mismatch", True, "handshake", None, None),
    (VERIFY.format("18:self-signed certificate"),
     "self signed certificate", True, "handshake", 18, None),
    (VERIFY.format("19:self-signed certificate in certificate chain"),
     "self signed certificate in certificate chain", True, "handshake", 19, None),
    (VERIFY.format("20:unable to get local issuer certificate"),
     "unable to get local issuer certificate", True, "handshake", 20, None),
    (VERIFY.format("21:unable to verify the first certificate"),
     "unable to verify the first certificate", True, "handshake", 21, None),
    (VERIFY.format("2:unable to get issuer certificate"),
     "unable to get issuer certificate", True, "handshake", 2, None),
    (VERIFY.format("10:certificate has expired"),
     "Certificate has expired", True, "handshake", 10, None),
    (VERIFY.format("9:certificate is not yet valid"),
     "certificate is not yet valid", False, "handshake", 9, None),
    (VERIFY.format("26:unsuitable certificate purpose"),
     "unsuitable certificate purpose", False, "handshake", 26, None),
    ("nope.lab.test could not be resolved (3: Host not found)",
     "Gethostbyname", True, "connect", None, "EAI_NONAME"),
    ("a.example.com could not be resolved (5: Operation refused)",
     "Gethostbyname", True, "connect", None, "EAI_FAIL"),
    ("a.lab.test could not be resolved (110: Operation timed out)",
     "Gethostbyname", True, "connect", None, "EAI_AGAIN"),
    ("connect() failed (111: Connection refused) while connecting to upstream",
     "Connection refused", True, "connect", None, "ECONNREFUSED"),
    ("upstream timed out (110: Connection timed out) while connecting to upstream",
     "Connection timeout", True, "connect", None, "ETIMEDOUT"),
    ("connect() failed (113: No route to host) while connecting to upstream",
     "Service Unavailable", False, "connect", None, "EHOSTUNREACH"),
    ("upstream timed out (110: Connection timed out) while SSL handshaking to upstream",
     "Connection timeout", True, "handshake", None, "ETIMEDOUT"),
    (HANDSHAKE.format("0A00010B:SSL routines::wrong version number"),
     "Unknown protocol", True, "handshake", None, None),
    (HANDSHAKE.format("0A000438:SSL routines::tlsv1 alert internal error:SSL alert number 80"),
     "TLSv1 alert internal error", True, "handshake", None, None),
    (HANDSHAKE.format("0A000410:SSL routines::ssl/tls alert handshake failure:SSL alert number 40"),
     "SSL handshake failure", True, "handshake", None, None),
    (HANDSHAKE.format("0A00042E:SSL routines::tlsv1 alert protocol version:SSL alert number 70"),
     "SSL handshake failure", True, "handshake", None, None),
    (HANDSHAKE.format("0A00014D:SSL routines::legacy sigalg disallowed or unsupported"),
     "SSL handshake failure", True, "handshake", None, None),
    (HANDSHAKE.format("0A000102:SSL routines::unsupported protocol"),
     "SSL handshake failure", True, "handshake", None, None),
    (HANDSHAKE.format("0A000458:SSL routines::tlsv1 unrecognized name:SSL alert number 112"),
     "SSL handshake failure", False, "handshake", None, None),
    ("peer closed connection in SSL handshake while SSL handshaking to upstream",
     "SSL handshake failure", False, "handshake", None, None),
    ("peer closed connection in SSL handshake (104: Connection reset by peer) while SSL handshaking"
     " to upstream",
     "SSL handshake failure", False, "handshake", None, "ECONNRESET"),
    ("upstream timed out (110: Connection timed out) while reading response header from upstream",
     "first byte timeout", False, "response", None, "ETIMEDOUT"),
    ("upstream prematurely sent response while reading response header from upstream",
     "Unknown protocol", True, "handshake", None, None),
    ("upstream prematurely closed connection while reading response header from upstream",
     "backend read error", False, "response", None, None),
    ("upstream sent no valid HTTP/1.0 header while reading response header from upstream",
     "backend read error", False, "response", None, None),
    ("SSL_read() failed (SSL: error:0A00045C:SSL routines::tlsv13 alert certificate required:SSL alert"
     " number 116) while reading response header from upstream",
     "backend read error", False, "response", None, None),
]  # fmt: skip


@pytest.fixture(autouse=True)
def agents_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents are scripts beside each other: they import each other by bare name."""
    monkeypatch.syspath_prepend(str(AGENTS))


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


def failed(line: str, **changes: Any) -> dict[str, Any]:
    """The agent's result for a request whose only line is this."""
    name, known = module("edge_nginx").name_of([line], messages().as_data())
    return {
        "started": True,
        "status": 503,
        "reason": name,
        "headers": {},
        "said": [line],
        "known": known,
        "edge_status": 502,
        "verify": True,
        "library": "OpenSSL 3.5.7 9 Jun 2026",
        "elapsed_ms": 12.5,
        **changes,
    }


@pytest.mark.parametrize("given", LINES, ids=lambda given: given[0][:70])
def test_a_line_has_a_name_and_a_report(
    given: tuple[str, str, bool, str, int | None, str | None],
) -> None:
    line, name, known, step, verify_code, errno = given
    report = PROGRAMS["edge"].report(failed(line))
    assert report == ClientReport(
        failed=True,
        step=step,
        error=line,
        message=f"503 {name}",
        reply_code=503,
        reply_text=name,
        errno=errno,
        verify_code=verify_code,
        # the request is sent when the certificate was accepted, not before
        verified=True if step == "response" else None,
        library="OpenSSL 3.5.7 9 Jun 2026",
        warnings=report.warnings,
        elapsed_ms=12.5,
    )
    assert bool(report.warnings) != known
    assert known or name in report.warnings[0]


@pytest.mark.parametrize("given", LINES, ids=lambda given: given[0][:70])
def test_the_dialect_hears_every_line(given: tuple[Any, ...]) -> None:
    line, _, _, step, _, _ = given
    report = PROGRAMS["edge"].report(failed(line))
    heard = client_dialect("edge").heard(report)
    assert heard, line
    if step == "handshake" and report.verify_code is not None:
        assert "certificate-rejected" in heard
        assert x509_numbers().reason(report.verify_code, report.library) is not Reason.UNKNOWN


def test_the_first_name_that_fits_is_taken_whatever_the_order_of_the_lines() -> None:
    name_of = module("edge_nginx").name_of
    lines = [VERIFY.format("18:self-signed certificate"), "anything else"]
    names = messages().as_data()
    assert name_of(lines, names) == name_of(lines[::-1], names) == ("self signed certificate", True)


# -- reports ---------------------------------------------------------------------------------------


def completed(**changes: Any) -> dict[str, Any]:
    headers = {"x-tls-protocol": "TLSv1.3", "x-tls-cipher": "TLS_AES_256_GCM_SHA384"}
    return failed(
        "anything",
        status=200,
        reason="OK",
        headers=headers,
        said=[],
        known=True,
        edge_status=200,
        **changes,
    )


@pytest.mark.parametrize("verify", [True, False])
def test_an_answer_is_a_report_of_what_the_origin_negotiated(verify: bool) -> None:
    report = PROGRAMS["edge"].report(completed(verify=verify))
    assert (report.failed, report.step, report.reply_code) == (False, "response", 200)
    assert (report.protocol, report.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert report.verified is verify
    assert (report.error, report.message, report.warnings) == ("", "", ())


def test_without_tls_nothing_was_verified() -> None:
    assert PROGRAMS["edge"].report(completed(verify=None) | {"headers": {}}).verified is None


def test_a_warning_of_nginx_does_not_make_an_answer_a_failure() -> None:
    report = PROGRAMS["edge"].report(completed() | {"said": ["an upstream response is buffered"]})
    assert (report.failed, report.error) == (False, "")


def test_another_answer_of_the_origin_is_passed_on() -> None:
    report = PROGRAMS["edge"].report(completed() | {"status": 404, "reason": "Not Found"})
    assert (report.failed, report.step, report.message) == (True, "response", "404 Not Found")
    assert report.error == ""


def test_a_configuration_that_nginx_does_not_take_has_no_visitor() -> None:
    words = '[emerg] SSL_CTX_set_cipher_list("X") failed (SSL: error:0A0000B9:SSL routines::no cipher match)'
    assert edge_log().refusals.search(words)
    report = PROGRAMS["edge"].report(
        {"started": False, "output": words, "library": "OpenSSL 3.5.7", "elapsed_ms": 1.0}
    )
    assert (report.failed, report.step, report.reply_code) == (True, "connect", None)
    assert report.error == report.message == words
    assert "cipher-list-rejected" in client_dialect("edge").heard(report)


@pytest.mark.parametrize(
    "words",
    ['[emerg] unknown directive "x" in nginx.conf:1', "[emerg] bind() to unix:visitors failed"],
)
def test_other_words_of_a_start_are_a_fault_of_the_lab(words: str) -> None:
    assert not edge_log().refusals.search(words)


def test_a_deadline_is_told() -> None:
    report = PROGRAMS["edge"].report(
        {"started": True, "timed_out": True, "library": "", "elapsed_ms": 3000.0}
    )
    assert (report.failed, report.timed_out) == (True, True)
    assert "timed-out" in client_dialect("edge").heard(report)


def test_a_result_of_another_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="not one of the edge"):
        PROGRAMS["edge"].report({"failed": True})


# -- the visit, with something else in nginx's place -----------------------------------------------

Answer = Callable[[dict[str, str]], tuple[bytes, list[str]]]
LOG = (
    '2026/11/21 21:57:05 [error] 15#15: *1 {} while x, client: unix:, server: , request: "GET / HTTP/1.1",'
    ' upstream: "https://127.0.0.1:4/", host: "{}"\n'
)


@contextmanager
def in_nginx_place(directory: Path, answer: Answer) -> Iterator[tuple[str, str]]:
    """Answers one request on a Unix socket; yields the socket's path and the log's."""
    path, log = str(directory / "visitors"), directory / "log"
    log.write_text("before\n", encoding="utf-8")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(1)
        server.settimeout(20)

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                lines = iter(lambda: stream.readline().decode().strip(), "")
                first = next(lines)
                headers = dict(line.lower().split(": ", 1) for line in lines)
                data, said = answer(headers | {"": first})
                with log.open("a", encoding="utf-8") as file:
                    file.writelines(LOG.format(text, headers["host"]) for text in said)
                    file.write(LOG.format("of another visitor", "visitor-0"))
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path, str(log)
        finally:
            thread.join(20)


GIVEN = {
    "origin": "nginx.lab.test:2103",
    "path": "/x",
    "authorization": "Basic bGFiOnNlY3JldA==",
    "names": [{"pattern": "this (.*) while", "name": r"That \1", "known": True},
              {"pattern": "", "name": "Other", "known": False}],
}  # fmt: skip


def visit(directory: Path, answer: Answer) -> dict[str, Any]:
    with in_nginx_place(directory, answer) as (path, log):
        result: dict[str, Any] = module("edge_nginx").visit(GIVEN, path, log)
    assert json.loads(json.dumps(result)) == result
    return result


def test_the_visitor_reads_the_name_for_the_lines_of_its_own_request(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []

    def answer(headers: dict[str, str]) -> tuple[bytes, list[str]]:
        asked.append(headers)
        return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ["this & that"]

    result = visit(tmp_path, answer)
    assert (result["status"], result["reason"]) == (503, "That & that")
    assert result["said"] == ["this & that while x"]
    assert (result["known"], result["edge_status"]) == (True, 502)
    assert asked[0]["x-lab-origin"] == GIVEN["origin"]
    assert asked[0]["authorization"] == str(GIVEN["authorization"]).lower()
    assert asked[0][""].startswith("GET /x HTTP/1.1")


@pytest.mark.parametrize(
    ("status", "said", "seen"),
    [
        (b"200 OK", [], (200, "OK", True)),
        (b"200 OK", ["buffered"], (200, "OK", True)),
        (b"404 Not Found", [], (404, "Not Found", True)),
        (b"503 Busy", [], (503, "Busy", True)),
        (b"504 Gateway Time-out", ["late"], (503, "Other", False)),
    ],
)
def test_answers_of_the_origin_are_passed_on_and_those_of_nginx_are_not(
    tmp_path: Path, status: bytes, said: list[str], seen: tuple[int, str, bool]
) -> None:
    head = b"HTTP/1.1 " + status + b"\r\nX-TLS-Protocol: TLSv1.3\r\nContent-Length: 2\r\n\r\nok"
    result = visit(tmp_path, lambda _: (head, said))
    assert (result["status"], result["reason"], result["known"]) == seen
    assert result["headers"].get("x-tls-protocol") == (None if seen[1] == "Other" else "TLSv1.3")


@pytest.mark.parametrize("data", [b"220 no HTTP at all\r\n", b""])
def test_what_is_no_http_is_an_error_of_the_origin_if_the_log_says_so(
    tmp_path: Path, data: bytes
) -> None:
    result = visit(tmp_path, lambda _: (data, ["this thing"]))
    assert (result["status"], result["reason"], result["edge_status"]) == (503, "That thing", 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_nginx_that_ends_is_no_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    http = importlib.import_module("http.client")
    with pytest.raises(http.HTTPException):
        visit(tmp_path, lambda _: (b"", []))
    assert "nginx has not answered" in capfd.readouterr().err


def test_a_log_that_is_not_there_yet_has_no_lines(tmp_path: Path) -> None:
    nginx = module("edge_nginx")
    missing = str(tmp_path / "log")
    assert nginx.size(missing) == 0
    assert nginx.messages(missing, 0, "visitor-1") == []
