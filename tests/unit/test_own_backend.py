"""A CDN's backend definition: VCL, TOML and JSON in, the edge's settings out, with every mistake named."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import pytest

from lab.certificates import OWN, OWN_CLIENT
from lab.certificates.material import RunCertificates
from lab.clients.edge import Edge
from lab.clients.tls_perl import TlsPerl
from lab.host.checkout import root
from lab.model import Attempt, ProtocolRange, ServerSettings
from lab.own.attempt import read_attempt
from lab.own.backend import LONGEST_S, parameters, parameters_of_vcl, read
from lab.own.backend_data import Form, form_of
from lab.own.backend_settings import client_settings
from lab.own.configurations import GivenFiles
from lab.own.files import UserFiles
from lab.own.findings import Finding, InputError, Severity, data
from lab.own.judged import not_judged
from lab.servers.nginx import Nginx
from lab.settings import SettingsError

NGINX = Nginx()
#: What a definition comes to that says nothing: the network waits 15 s for the first byte.
EDGE = Edge(timeout_s=15.0)
HOST = NGINX.host
MATERIAL = RunCertificates([HOST])

WHOLE = """\
backend F_origin {
  .between_bytes_timeout = 10s;
  .connect_timeout = 1s;
  .dynamic = true;
  .first_byte_timeout = 15s;
  .host = "origin.example.com";
  .max_connections = 200;
  .port = "443";
  .share_key = "abc";
  .ssl = true;
  .ssl_check_cert = always;
  .ssl_cert_hostname = "www.example.com";
  .ssl_sni_hostname = "www.example.com";
  .ssl_ciphers = "ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-AES256-GCM-SHA384";
  .min_tls_version = "1.1";
  .max_tls_version = "1.2";
  .probe = { .dummy = true; .request = "GET / HTTP/1.1" "Host: }"; }
}
"""
SETTINGS = dataclasses.replace(
    EDGE,
    verify_name="www.example.com",
    sni="www.example.com",
    ciphers="ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384",
    protocols=ProtocolRange("TLSv1.1", "TLSv1.2"),
    timeout_s=15.0,
)


def vcl(*lines: str, tls: bool = True) -> str:
    """A declaration with these lines, from line 5 on."""
    first = ['.host = "nginx.lab.test";', '.port = "443";', f".ssl = {'true' if tls else 'false'};"]
    return "\n".join(["backend F_origin {", *first, *lines, "}", ""])


def settings(
    text: str,
    file: str = "my.vcl",
    name: str | None = None,
    server: ServerSettings = NGINX,
) -> tuple[Edge, list[Finding]]:
    backend = read(text, file, name)
    found, more = client_settings(backend, EDGE, server)
    return found, [*backend.findings, *more]


def said(findings: list[Finding], severity: Severity = Severity.NOTE) -> list[str]:
    """What is said, at least so grave, with its line."""
    order = [Severity.NOTE, Severity.WARNING, Severity.ERROR]
    grave = order[order.index(severity) :]
    return [f"{f.line}: {f.text}" for f in findings if f.severity in grave]


def error(text: str, file: str = "my.vcl", name: str | None = None) -> InputError:
    with pytest.raises(InputError) as raised:
        settings(text, file, name)
    assert raised.value.file == file
    return raised.value


# -- the three languages ---------------------------------------------------------------------------


def test_a_whole_declaration_in_vcl() -> None:
    found, findings = settings(WHOLE)
    assert found == SETTINGS
    assert said(findings, Severity.ERROR) == []


TOML = """\
address = "origin.example.com"
port = 443
ssl_check_cert = true
ssl_cert_hostname = "www.example.com"
ssl_sni_hostname = "www.example.com"
ssl_ciphers = "ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-AES256-GCM-SHA384"
min_tls_version = "1.1"
max_tls_version = 1.2
connect_timeout = 1000
first_byte_timeout = 15000
between_bytes_timeout = 10000
weight = 100
"""
AS_DATA = {
    "address": "origin.example.com",
    "port": 443,
    "use_ssl": True,
    "ssl_check_cert": True,
    "ssl_cert_hostname": "www.example.com",
    "ssl_sni_hostname": "www.example.com",
    "ssl_ca_cert": None,
    "ssl_ciphers": "ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-AES256-GCM-SHA384",
    "min_tls_version": "1.1",
    "max_tls_version": "1.2",
    "connect_timeout": 1000,
    "first_byte_timeout": 15000,
    "service_id": "SU1Z0isxPaozGVKXdv0eY",
}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("my.toml", TOML),
        ("noted", TOML),
        ("my.toml", "[backend]\n" + TOML),
        ("my.toml", "[[backend]]\n" + TOML),
        ("my.toml", "[backends.F_origin]\n" + TOML),
        ("my.json", json.dumps(AS_DATA)),
        ("noted", json.dumps(AS_DATA, indent=1)),
        ("answer", json.dumps([AS_DATA])),
        ("my.json", json.dumps({"backends": {"F_origin": AS_DATA}})),
        ("noted", "\N{BYTE ORDER MARK}" + json.dumps(AS_DATA)),
        ("noted", WHOLE),
        ("noted", 'sub vcl_recv { set req.http.X = {"}"}; }\n' + WHOLE),
    ],
)
def test_the_same_in_any_language_is_the_same(file: str, text: str) -> None:
    found, findings = settings(text, file)
    assert found == SETTINGS
    assert not said(findings, Severity.WARNING)


@pytest.mark.parametrize(
    ("file", "text", "form"),
    [
        ("x.vcl", "", Form.VCL),
        ("x.JSON", "", Form.JSON),
        ("x", '  {"address": "a"}', Form.JSON),
        ("x", '[{"address": "a"}]', Form.JSON),
        ("x", "[backend]\naddress = 'a'", Form.TOML),
        ("x", "# a\nbackend F {", Form.VCL),
        ("x", ".ssl_cert_hostname = www.example.com;", Form.VCL),
        ("x", "address = 'a'", Form.TOML),
    ],
)
def test_the_language_is_recognised(file: str, text: str, form: Form) -> None:
    assert form_of(text, file) is form


# -- VCL -------------------------------------------------------------------------------------------


def test_comments_strings_and_other_declarations_are_passed_over() -> None:
    text = """\
# backend no { .host = "wrong"; }
/* backend no { .host = "wrong";
*/ // backend no { }
table t { "backend": "x", }
sub vcl_recv {
  #FASTLY recv
  if (req.url ~ "^/a{2}\\.") { set req.backend = F; } # }
  set req.http.A = {"backend no { "quoted" }"} {json"{"a": "}"}"json};
}
import std;
backend default none;
backend F /* here */ { # and here
  .host = /* a name */ "nginx" {".lab"} // in parts
          ".te" "s%74"; .port="443";.ssl=true;
  .probe = healthy;
}
director d random { { .backend = F; .weight = 1; } }
"""
    found, findings = settings(text)
    assert found == EDGE
    assert [f for f in findings if f.severity is not Severity.NOTE] == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("10ms", 0.01), ("1s", 1.0), ("1.5m", 90.0), ("0.1h", 360.0), ("0.5s", 0.5)],
)
def test_times_have_units(value: str, seconds: float) -> None:
    assert settings(vcl(f".first_byte_timeout = {value};"))[0].timeout_s == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (".ssl_cert_hostname = other.lab.test;", '`.ssl_cert_hostname = "other.lab.test";`'),
        (".ssl_cert_hostname = other.lab.test; # the page's form", "in quotes"),
        ('.ssl_check_cert = "never";', "always or never"),
        (".ssl_check_cert = true;", "always or never"),
        (".min_tls_version = 1.2;", '`.min_tls_version = "1.2";`'),
        (".first_byte_timeout = 5;", "a time with its unit"),
    ],
)
def test_what_is_no_valid_vcl_is_read_and_said(line: str, right: str) -> None:
    found, findings = settings(vcl(line))
    (text,) = said(findings, Severity.ERROR)
    assert text.startswith("5: `" + line.partition(";")[0])
    assert right in text
    assert found != EDGE or "ssl_check_cert" in line


def test_the_form_of_the_page_means_what_it_seems_to() -> None:
    found, _ = settings(vcl(".ssl_cert_hostname = other.lab.test;"))
    assert (found.verify_name, found.sni) == ("other.lab.test", "other.lab.test")


@pytest.mark.parametrize(
    ("line", "line_number", "what", "remedy"),
    [
        ('.host = "a"', 6, "has no `;`", '`.host = "a";`'),
        ("ssl = true;", 5, "here is none: `ssl = true;`", "`.ssl = true;`"),
        (".ssl;", 5, "has no `=`", "`.ssl = VALUE;`"),
        (".ssl = ;", 5, "has no value", "VALUE"),
        ('.host = "a;', 5, "no closing quote", '{"..."}'),
        ('.ssl_ca_cert = {"-----BEGIN', 5, "has no end", '`"}`'),
        ('.ssl_ca_cert = {pem"x"}', 5, "has no end", '`"pem}`'),
        ("/* never closed", 5, "the comment", "`*/`"),
        (".probe = { .dummy = true;", 5, "never closed", "`}`"),
    ],
)
def test_a_broken_block_says_where_and_what_to_do(
    line: str, line_number: int, what: str, remedy: str
) -> None:
    text = vcl(line) if line_number == 5 else vcl("", line)
    found = error(text.removesuffix("}\n") if "probe" in line else text)
    assert (found.line, what in found.what, remedy in found.remedy) == (line_number, True, True), (
        found
    )


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('backend F {\n  .host = "a";\n', 1, "the block of the backend F has no end"),
        ('\nbackend {\n  .host = "a";\n}', 2, "a backend is `backend NAME { ... }`"),
        ("backend F {}\n}\n", 2, "a closing brace"),
        (".ssl_cert_hostname = www.example.com;", None, "there is no backend in the file"),
        ("", None, "there is no backend in the file"),
        ("sub vcl_recv {\n  if (x) {\n}\n", 1, "never closed"),
    ],
)
def test_a_file_without_a_whole_declaration(text: str, line: int | None, what: str) -> None:
    found = error(text)
    assert found.line == line
    assert what in found.what


def test_of_a_repeated_parameter_the_last_holds() -> None:
    found, findings = settings(vcl(".ssl_check_cert = always;", ".ssl_check_cert = never;"))
    assert found.verify is False
    assert any(
        text.startswith("6: `.ssl_check_cert = never` takes the place") for text in said(findings)
    )


# -- TOML and JSON ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "line", "what"),
    [
        ("a.toml", 'address = "a"\nport = = 1\n', 2, "no TOML"),
        ("a.toml", 'address = "a\n', 1, "no TOML"),
        ("a.json", '{"address": "a",\n "port" 1}', 2, "no JSON"),
        ("a.json", '{"address": "a"', 1, "no JSON"),
        ("a.json", "[]", None, "there is no backend"),
        ("a.toml", "# nothing\n", None, "there is no backend"),
    ],
)
def test_what_is_neither_toml_nor_json(file: str, text: str, line: int | None, what: str) -> None:
    found = error(text, file)
    assert found.line == line
    assert what.replace("no ", "not ") in found.what or what in found.what


JSON_OF_TWO = """\
{"backends": [
  {"name": "one", "address": "nginx.lab.test",
   "port": 443},
  {"name": "two",
   "address": "nginx.lab.test", "port": 443,
   "ssl_chek_cert": false}
]}
"""
TOML_OF_TWO = """\
[backends.one]
address = "nginx.lab.test"
port = 443
ssl_ca_cert = \"\"\"
ssl_chek_cert = no line of its own
\"\"\"

[backends.two]   # the second
address = "nginx.lab.test"
port = 443
ssl_chek_cert = false
"""
TOML_LIST = TOML_OF_TWO.replace("[backends.one]", '[[backend]]\nname = "one"').replace(
    "[backends.two]", '[[backend]]\nname = "two"'
)
VCL_OF_TWO = vcl().replace("F_origin", "one") + vcl(".ssl_chek_cert = never;").replace(
    "F_origin", "two"
)


@pytest.mark.parametrize(
    ("file", "text", "first", "line"),
    [
        ("a.json", JSON_OF_TWO, (2, 4), 6),
        ("a.toml", TOML_OF_TWO, (1, 8), 11),
        ("a.toml", TOML_LIST, (1, 9), 13),
        ("a.vcl", VCL_OF_TWO, (1, 6), 10),
    ],
)
def test_of_several_backends_one_is_read_and_its_lines_are_its_own(
    file: str, text: str, first: tuple[int, int], line: int
) -> None:
    _, findings = settings(text, file, "two")
    (text_of_it,) = said(findings, Severity.WARNING)
    assert text_of_it.startswith(f"{line}: ")
    assert "did you mean `" in text_of_it
    assert "ssl_check_cert`" in text_of_it
    if '"""' in text:
        text = text.replace('ssl_ca_cert = """\nssl_chek_cert = no line of its own\n"""', "\n\n")
    found, findings = settings(text, file)
    assert found == EDGE
    choice = next(text for text in said(findings) if "--backend-name" in text)
    assert f"there are 2 backends, one (line {first[0]}), two (line {first[1]})" in choice


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        # a name that is written in escapes is not found: its backend's line stands for it
        ("a.json", '[{"name": "x"},\n{"name": "y",\n"p\\u006frt": "none"}]', 2),
        (
            "a.toml",
            'x = 1\n[[backends]]\nname = "x"\n[[backends]]\n"\\u0070ort" = "none"\nname = "y"',
            4,
        ),
        # and what only looks like the name is not it
        (
            "a.json",
            '[{"name": "x"},\n{"name": "y", "comment": "\\"port\\": ",\n"port": "none"}]',
            3,
        ),
        (
            "a.toml",
            '[[backend]]\nname = "x"\n[[backend]]\ncomment = """\nport = 1"""\nport = "none"\nname="y"',
            6,
        ),
    ],
)
def test_the_line_of_a_parameter_is_looked_for_behind_what_stands_before_it(
    file: str, text: str, line: int
) -> None:
    found = error(text, file, name="y")
    assert (found.line, "no port number" in found.what) == (line, True)


def test_a_backend_that_is_not_there() -> None:
    found = error(VCL_OF_TWO, name="tow")
    assert "did you mean two" in found.what
    assert "one (line 1), two (line 6)" in found.remedy


# -- names -----------------------------------------------------------------------------------------


def test_every_known_parameter_has_a_place() -> None:
    documented = (root() / "docs" / "edge.md").read_text(encoding="utf-8")
    for name, parameter in parameters().items():
        assert bool(parameter.reads) != bool(parameter.ignored), name
        assert parameter.ignored or f"`{name}`" in documented, name
    for name in ("ssl", "host", "host_header"):
        assert name in parameters_of_vcl()
        assert f"`.{name}`" in documented, name


@pytest.mark.parametrize(
    ("line", "closest"),
    [
        (".ssl_chek_cert = never;", "`.ssl_check_cert`"),
        ('.sni = "a";', None),
        ('.hosst = "a";', "`.host`"),
        ('.SSL_CERT_HOSTNAME = "a";', "`.ssl_cert_hostname`"),
    ],
)
def test_an_unknown_parameter_is_named_with_the_closest_and_changes_nothing(
    line: str, closest: str | None
) -> None:
    found, findings = settings(vcl(line))
    (text,) = said(findings, Severity.ERROR)
    assert text.startswith(f"5: `{line[:-1]}`")
    assert (closest is None) == ("did you mean" not in text)
    assert closest is None or closest in text
    assert found == EDGE


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        (".use_ssl = true;", "tls", True),
        ('.address = "nope.lab.test";', "host", "nope.lab.test"),
    ],
)
def test_the_apis_names_in_vcl(line: str, field: str, value: object) -> None:
    text = "\n".join(["backend F {", '.port = "80";', line, "}"])
    found, findings = settings(text)
    assert getattr(found, field) == value
    assert any(t.startswith("3: ") and "VCL's is `." in t for t in said(findings, Severity.ERROR))


def test_vcls_names_in_toml() -> None:
    found, findings = settings("host = 'nginx.lab.test'\nssl = true\nport = 8443\n", "a.toml")
    assert found == EDGE
    assert [t.partition(":")[0] for t in said(findings, Severity.WARNING)] == ["1", "2"]


def test_what_means_nothing_here_is_said_once_with_its_reason() -> None:
    found, findings = settings(
        vcl(".dynamic = true;", '.share_key = "a";', ".max_connections = 200;", ".probe = { }")
    )
    assert found == EDGE
    ignored = [text for text in said(findings) if "ignored, because" in text]
    assert len(ignored) == 3
    assert any("dynamic (line 5), share_key (line 6)" in text for text in ignored)
    assert all(f.severity is Severity.NOTE for f in findings)


def test_every_ignored_parameter_changes_nothing_and_has_a_reason() -> None:
    ignored = [name for name, parameter in parameters().items() if parameter.ignored]
    for name in ignored:
        text = f"address = 'nginx.lab.test'\nport = 443\n{name} = 'x'\n"
        found, findings = settings(text, "a.toml")
        assert found == EDGE
        said_of_it = [t for t in said(findings) if "ignored, because" in t]
        assert any(f"{name} (line 3)" in text for text in said_of_it), name


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ['"0"', '"65536"', '"https"', '"-1"', '"44 3"', '"\uff14\uff14\uff13"']
)
def test_a_port_out_of_range(value: str) -> None:
    found = error(vcl(f".port = {value};"))
    assert found.line == 5
    assert "1 to 65535" in found.remedy


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('.ssl_cert_hostname = "https://www.example.com/";', "no host name"),
        ('.ssl_sni_hostname = "*.example.com";', "no host name"),
        ('.host = "origin.example.com:443";', "no host name"),
        ('.min_tls_version = "1.4";', "no version of TLS"),
        ('.min_tls_version = "SSLv3";', "no version of TLS"),
        (".ssl = maybe;", "neither true nor false"),
        (".ssl_check_cert = sometimes;", "neither always nor never"),
        (".connect_timeout = 0s;", "no time"),
        (".connect_timeout = soon;", "no time"),
    ],
)
def test_a_value_that_none_can_be_tried_with(line: str, what: str) -> None:
    found = error(vcl(line))
    assert found.line == 5
    assert what in found.what
    assert found.remedy


def test_versions_that_leave_nothing() -> None:
    found = error(vcl('.min_tls_version = "1.2";', '.max_tls_version = "1.1";'))
    assert found.line == 6
    assert '.min_tls_version = "1.2"' in found.what


@pytest.mark.parametrize(
    ("lines", "protocols"),
    [
        (['.min_tls_version = "1.2";'], ProtocolRange("TLSv1.2", None)),
        (['.max_tls_version = "1.0";'], ProtocolRange(None, "TLSv1")),
        (
            ['.min_tls_version = "1";', '.max_tls_version = "TLSv1.3";'],
            ProtocolRange("TLSv1", "TLSv1.3"),
        ),
    ],
)
def test_versions_are_a_range(lines: list[str], protocols: ProtocolRange) -> None:
    assert settings(vcl(*lines))[0].protocols == protocols


def test_an_empty_string_is_no_value() -> None:
    found, findings = settings(vcl('.ssl_cert_hostname = "";'))
    assert found == EDGE
    assert any("is empty" in text for text in said(findings))


# -- TLS or not ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "tls", "warned"),
    [
        ("port = 443", True, None),
        ("port = 80", False, "port 80"),
        ("", False, "whose default is 80"),
        ("port = 8443", False, "port 8443"),
        ("port = 8443\nuse_ssl = true", True, None),
        ("port = 443\nuse_ssl = false", False, "plain HTTP to a port for TLS"),
        ("port = 80\nuse_ssl = 1", True, "TLS to a port for plain HTTP"),
    ],
)
def test_the_port_stands_for_tls_where_nothing_else_does(
    given: str, tls: bool, warned: str | None
) -> None:
    found, findings = settings(f"address = 'nginx.lab.test'\n{given}\n", "a.toml")
    assert found.tls is tls
    texts = said(findings, Severity.WARNING)
    assert len(texts) == (0 if warned is None else 1)
    assert warned is None or warned in texts[0]


def test_in_vcl_the_port_alone_is_warned_of() -> None:
    found, findings = settings('backend F {\n.host = "nginx.lab.test";\n.port = "443";\n}')
    assert found.tls
    (text,) = said(findings, Severity.WARNING)
    assert text.startswith("3: ")
    assert "`.ssl = true;`" in text


def test_without_tls_its_parameters_do_nothing() -> None:
    found, findings = settings(
        vcl('.min_tls_version = "1.2";', ".ssl_check_cert = always;", tls=False)
    )
    assert not found.tls
    assert any("min_tls_version (line 5), ssl_check_cert (line 6)" in t for t in said(findings))


# -- verification ----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["never", "false"])
def test_no_check_is_warned_of_with_what_to_do_instead(word: str) -> None:
    found, findings = settings(vcl(f".ssl_check_cert = {word};"))
    assert found.verify is False
    assert any(t.startswith("5: ") and "ssl_ca_cert" in t for t in said(findings, Severity.WARNING))


def test_the_check_is_on_where_nothing_is_said() -> None:
    assert settings(vcl())[0].verify is True


def pem(name: str) -> str:
    return MATERIAL.anchor(name).decode()


@pytest.mark.parametrize("delimiter", ["", "pem"])
def test_a_ca_in_vcl_is_trusted(delimiter: str) -> None:
    text = vcl(f'.ssl_ca_cert = {{{delimiter}"{pem("private-ca")}"{delimiter}}};')
    backend = read(text, "my.vcl")
    assert backend.anchors is not None
    assert backend.anchors.pem.decode() == pem("private-ca")
    found, findings = settings(text)
    assert found.trust == OWN
    assert [f for f in findings if f.severity is not Severity.NOTE] == []


def test_a_ca_in_toml_and_in_json_is_trusted() -> None:
    ca = pem("private-ca")
    toml = f"address = 'nginx.lab.test'\nport = 443\nssl_ca_cert = '''\n{ca}'''\n"
    data = json.dumps({"address": "nginx.lab.test", "port": 443, "ssl_ca_cert": ca})
    for file, text in (("a.toml", toml), ("a.json", data)):
        anchors = read(text, file).anchors
        assert anchors is not None
        assert anchors.pem.decode() == ca


def test_a_ca_of_the_lab_has_a_name() -> None:
    found, findings = settings(vcl('.ssl_ca_cert = "private-ca";'))
    assert found.trust == "private-ca"
    assert any("a CA of the lab" in text for text in said(findings))
    assert read(vcl('.ssl_ca_cert = "private-ca";'), "a.vcl").anchors is None


def test_an_intermediate_alone_is_warned_of() -> None:
    text = vcl(f'.ssl_ca_cert = {{"{pem("public-intermediate")}{pem("private-ca")}"}};')
    _, findings = settings(text)
    (warning,) = said(findings, Severity.WARNING)
    assert warning.startswith("5: ")
    assert "give the root" in warning


def key() -> str:
    return MATERIAL.server("valid", HOST).key_pem.decode()


def certificate() -> str:
    return pem("private-ca")


BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("name", "content", "line", "what"),
    [
        ("ssl_ca_cert", lambda: "www.example.com", 5, "there is no PEM block"),
        ("ssl_ca_cert", lambda: "\n" + BROKEN, 6, "cannot be read"),
        ("ssl_ca_cert", lambda: certificate().replace("-----END", "-----ENDE"), 5, "has no END"),
        ("ssl_ca_cert", lambda: certificate() + key(), None, "a private key, where a certificate"),
        ("ssl_ca_cert", key, 5, "a private key, where a certificate"),
        ("ssl_ca_cert", lambda: "  " + certificate().replace("\n", "\n  "), 5, "are indented"),
        ("ssl_ca_cert", lambda: certificate().replace("\n", "\\n"), 5, "the characters \\n"),
        ("ssl_client_cert", key, 5, "a private key, where a certificate"),
        ("ssl_client_key", certificate, 5, "a certificate, where its private key"),
        ("ssl_client_cert", certificate, 5, "the private key of this certificate is not there"),
        ("ssl_client_key", key, 5, "the certificate of this private key is not there"),
    ],
)
def test_pem_that_is_not_what_it_is_taken_for(
    name: str, content: object, line: int | None, what: str
) -> None:
    assert callable(content)
    found = error(vcl(f'.{name} = {{"{content()}"}};'))
    expected = 5 + certificate().count("\n") if line is None else line
    assert (found.line, what in found.what) == (expected, True), found
    assert "PRIVATE KEY-----\n" not in str(found), "a key is nothing to print"


@pytest.mark.parametrize(
    ("file", "line"), [("a.json", 3), ("escaped.toml", 3), ("quotes.toml", 4), ("behind.toml", 3)]
)
def test_lines_of_pem_are_lines_of_the_file(file: str, line: int) -> None:
    ca = certificate()
    spelt = {
        "a.json": json.dumps({"address": "a", "port": 443, "ssl_ca_cert": ca + BROKEN}, indent=0),
        "escaped.toml": f"address = 'a'\nport = 443\nssl_ca_cert = {json.dumps(ca + BROKEN)}\n",
        "quotes.toml": f"address = 'a'\nport = 443\nssl_ca_cert = '''\n{ca}{BROKEN}'''\n",
        "behind.toml": f'address = "a"\nport = 443\nssl_ca_cert = """{ca}{BROKEN}"""\n',
    }[file]
    found = error(spelt, file)
    counted = ca.count("\n") if '"""' in spelt or "'''" in spelt else (file == "a.json")
    assert (found.line, "cannot be read" in found.what) == (line + counted, True), found


def of_a_client(slug: str = "client") -> tuple[str, str]:
    made = MATERIAL.server(slug, HOST)
    return made.chain_pem.decode(), made.key_pem.decode()


def test_a_client_certificate_of_ones_own_is_presented_and_its_key_is_not_printed() -> None:
    chain, private = of_a_client()
    lines = [f'.ssl_client_cert = {{"{chain}"}};', f'.ssl_client_key = {{"{private}"}};']
    backend = read(vcl(*lines), "my.vcl")
    assert backend.client is not None
    assert (backend.client.chain_pem.decode(), backend.client.key_pem.decode()) == (chain, private)
    assert backend.client.lines[0] == 5
    found, findings = settings(vcl(*lines))
    assert found.client_certificate == OWN_CLIENT
    assert any("the edge presents this certificate" in text for text in said(findings))
    assert all(line not in str(findings) for line in private.splitlines()[1:-1])
    # its twin: the key of another certificate
    other = of_a_client("valid")[1]
    wrong = error(vcl(lines[0], f'.ssl_client_key = {{"{other}"}};'))
    assert "does not belong to any certificate" in wrong.what


def test_two_names_are_shown_by_a_bare_client_where_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "my.vcl"
    names = ['.ssl_cert_hostname = "other.lab.test";', '.ssl_sni_hostname = "c.lab.test";']
    file.write_text(vcl(*names), encoding="utf-8")

    def made(client: str | None = None) -> tuple[Attempt, list[Finding]]:
        attempt, _, findings = read_attempt(GivenFiles(backend=file), client)
        return attempt, findings

    attempt, findings = made()
    assert isinstance(attempt.client, TlsPerl)
    assert (attempt.client.verify_name, attempt.client.sni) == ("other.lab.test", "c.lab.test")
    assert any("a bare client, shows what comes of it" in finding.text for finding in findings)
    # an edge that was asked for is not exchanged, and cannot
    attempt, findings = made("edge@debian13")
    assert isinstance(attempt.client, Edge)
    assert not any("a bare client" in finding.text for finding in findings)
    # its twin has one name for both
    file.write_text(vcl(names[0]), encoding="utf-8")
    assert isinstance(made()[0].client, Edge)


# -- what the network refuses, and forms of files ------------------------------------------------------


def test_a_check_without_a_name_to_check_is_not_compiled() -> None:
    found = error(vcl(".ssl_check_cert = always;"))
    assert found.line == 5
    assert found.remedy.endswith('`.ssl_cert_hostname = "nginx.lab.test";`.')
    # its twins: with a name; nothing said, which is the default; the API, which has no such words
    name = '.ssl_cert_hostname = "nginx.lab.test";'
    assert settings(vcl(".ssl_check_cert = always;", name))[0].verify
    assert settings(vcl())[0].verify
    assert settings("address = 'a'\nport = 443\nssl_check_cert = true\n", "a.toml")[0].verify


def test_a_long_limit_is_valid_and_the_client_waits_as_long_as_it_can() -> None:
    found, findings = settings(vcl(".first_byte_timeout = 900s;"))
    assert found.timeout_s == LONGEST_S
    assert any("the lab's client waits 600 s at most" in text for text in said(findings))
    found, findings = settings(vcl(".first_byte_timeout = 600s;"))
    assert found.timeout_s == LONGEST_S
    assert not any("at most" in text for text in said(findings))


MANIFEST = """\
manifest_version = 3
name = "edge"

[setup.backends.origin]
address = "origin.example.com"
description = "the origin"

[local_server.backends.origin]
url = "https://10.0.0.7:8443/"
cert_host = "origin.example.com"
use_sni = false
"""


@pytest.mark.parametrize(
    ("name", "address", "port", "cert", "sni"),
    [
        (None, "origin.example.com", 443, None, True),
        ("setup.backends.origin", "origin.example.com", 443, None, True),
        ("local_server.backends.origin", "10.0.0.7", 8443, "origin.example.com", False),
    ],
)
def test_the_backends_of_a_packages_manifest(
    name: str | None, address: str, port: int, cert: str | None, sni: bool
) -> None:
    backend = read(MANIFEST, "fastly.toml", name)
    assert (backend.address, backend.port, backend.tls) == (address, port, True)
    assert (backend.ssl_cert_hostname, backend.use_sni) == (cert, sni)
    assert not [f for f in backend.findings if f.severity is not Severity.NOTE]
    found, _ = client_settings(backend, EDGE, NGINX)
    assert (found.sni == "") is not sni


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [("http://a.example.com", False, 80), ("https://a.example.com", True, 443)],
)
def test_an_address_of_the_web_says_whether_tls_is_spoken(url: str, tls: bool, port: int) -> None:
    backend = read(f'url = "{url}"\n', "a.toml")
    assert (backend.address, backend.port, backend.tls) == ("a.example.com", port, tls)


@pytest.mark.parametrize(
    "url", ["a.example.com", "ftp://a.example.com", "https://", "https://a:b/"]
)
def test_an_address_of_the_web_that_is_none(url: str) -> None:
    assert "no address of an origin" in error(f'url = "{url}"\n', "a.toml").what


TERRAFORM = """\
resource "fastly_service_vcl" "site" {
  name = var.name

  backend {
    # the origin
    name              = "origin"
    address           = "origin.example.com"
    port              = 443
    use_ssl           = true
    ssl_cert_hostname = "www.example.com"
  }

  backend {
    name    = "other"
    address = "other.example.com"
  }
}
"""


@pytest.mark.parametrize("file", ["main.tf", "main.toml", "-"])
def test_the_blocks_of_terraform_are_read(file: str) -> None:
    backend = read(TERRAFORM, file)
    assert (backend.name, backend.address, backend.port) == ("origin", "origin.example.com", 443)
    assert backend.ssl_cert_hostname == "www.example.com"
    assert backend.lines["ssl_cert_hostname"].line == 10
    assert read(TERRAFORM, file, "other").address == "other.example.com"


def test_what_terraform_would_have_to_work_out_is_not_guessed() -> None:
    found = error(TERRAFORM.replace('"origin.example.com"', "var.address", 1), "main.tf")
    assert found.line == 7
    assert "nothing but plain values is read" in found.what
    many = TERRAFORM.replace("port ", "port = 1\n" * 60_000 + "port ", 1)
    assert "values" in error(many, "main.tf").what
    assert "no block `backend`" in error("resource {\n}\n", "main.tf").what
    assert "never closed" in error("backend {\n  address = 'a'\n", "main.tf").what


def test_the_defaults_of_the_table_are_what_holds_where_nothing_is_said() -> None:
    table = data("backend.toml")["parameter"]
    backend = read("address = 'a'\n", "a.toml")
    assert backend.tls is table["use_ssl"]["default"]
    assert (
        settings("address = 'a'\nport = 443\n", "a.toml")[0].verify
        is (table["ssl_check_cert"]["default"])
    )
    assert backend.use_sni is table["use_sni"]["default"]


# -- where, and which names ------------------------------------------------------------------------


def test_a_name_of_the_lab_is_used_as_it_is() -> None:
    found, findings = settings(vcl().replace("nginx.lab.test", "nope.lab.test"))
    assert found.host == "nope.lab.test"
    assert findings == []


def test_another_address_is_replaced_and_said() -> None:
    found, findings = settings(vcl().replace("nginx.lab.test", "origin.example.com"))
    assert found == EDGE
    (text,) = said(findings)
    assert text == "2: nginx.lab.test, the lab's nginx, is in the place of origin.example.com:443"


def test_no_address_is_an_error_of_the_definition() -> None:
    found, findings = settings("port = 443\n", "a.toml")
    assert found == EDGE
    assert any("says where its origin is" in t for t in said(findings, Severity.ERROR))


@pytest.mark.parametrize("given", ["hostname = 'nginx.lab.test'", "ipv4 = '203.0.113.7'"])
def test_the_api_has_more_words_for_an_address(given: str) -> None:
    assert settings(f"{given}\nport = 443\n", "a.toml")[0].tls


def test_the_name_that_is_also_the_address_is_the_servers_own() -> None:
    text = vcl('.ssl_cert_hostname = "a.example.com";', '.ssl_sni_hostname = "a.example.com";')
    found, _ = settings(text.replace("nginx.lab.test", "a.example.com"))
    assert (found.verify_name, found.sni) == (None, None)


def test_a_definition_is_checked_as_it_stands_where_the_certificate_is_the_operators() -> None:
    text = vcl().replace("nginx.lab.test", "a.example.com")
    server = dataclasses.replace(NGINX, certificate=OWN)
    found, findings = settings(text, server=server)
    # it is asked for as it is, and so sent and checked
    assert (found.host, found.verify_name, found.sni) == ("a.example.com", None, None)
    assert not said(findings, Severity.WARNING)
    found, _ = settings(text.replace("a.example.com", "203.0.113.7"), server=server)
    assert (found.host, found.verify_name, found.sni) == (None, "203.0.113.7", "")


@pytest.mark.parametrize(
    ("line", "checked", "sent"),
    [
        ('.ssl_cert_hostname = "a.example.com";', None, None),
        ('.ssl_cert_hostname = "b.example.com";', "b.example.com", "b.example.com"),
        # a name that is only sent leaves the one that is checked as it is
        ('.ssl_sni_hostname = "b.example.com";', "a.example.com", "b.example.com"),
    ],
)
def test_beside_the_address_that_is_asked_for_other_names_are_set(
    line: str, checked: str | None, sent: str | None
) -> None:
    text = vcl(line).replace("nginx.lab.test", "a.example.com")
    found, _ = settings(text, server=dataclasses.replace(NGINX, certificate=OWN))
    assert (found.host, found.verify_name, found.sni) == ("a.example.com", checked, sent)


def test_without_an_address_a_name_that_is_sent_leaves_open_which_one_is_checked() -> None:
    text = vcl('.ssl_sni_hostname = "a.example.com";').replace('.host = "nginx.lab.test";', "")
    server = dataclasses.replace(NGINX, certificate=OWN)
    found, _ = settings(text, server=server)
    assert (found.verify_name, found.sni) == (None, "a.example.com")
    # with a certificate of the lab it is the name that this is made out to
    assert settings(text)[0].verify_name == "nginx.lab.test"


@pytest.mark.parametrize(
    ("lines", "checked", "sent"),
    [
        (['.ssl_cert_hostname = "other.lab.test";'], "other.lab.test", "other.lab.test"),
        (['.ssl_sni_hostname = "other.lab.test";'], "nginx.lab.test", "other.lab.test"),
        (['.ssl_hostname = "other.lab.test";'], "other.lab.test", "other.lab.test"),
        (
            ['.ssl_hostname = "other.lab.test";', '.ssl_sni_hostname = "c.lab.test";'],
            "other.lab.test",
            "c.lab.test",
        ),
        (
            ['.ssl_hostname = "other.lab.test";', '.ssl_cert_hostname = "c.lab.test";'],
            "c.lab.test",
            "other.lab.test",
        ),
        (['.ssl_cert_hostname = "OTHER.lab.test";'], "other.lab.test", "other.lab.test"),
    ],
)
def test_which_name_is_checked_and_which_is_sent(
    lines: list[str], checked: str | None, sent: str | None
) -> None:
    found, findings = settings(vcl(*lines))
    assert (found.verify_name, found.sni) == (checked, sent)
    deprecated = any("deprecated" in text for text in said(findings, Severity.WARNING))
    assert deprecated == any("ssl_hostname" in line for line in lines)


def test_an_address_is_no_server_name() -> None:
    found, _ = settings(vcl().replace("nginx.lab.test", "203.0.113.7"))
    assert (found.verify_name, found.sni) == (None, "")


@pytest.mark.parametrize(
    ("lines", "grave"), [([], 1), (['.ssl_cert_hostname = "nginx.lab.test";'], 0)]
)
def test_an_overridden_host_is_warned_of_where_it_may_be_checked(
    lines: list[str], grave: int
) -> None:
    _, findings = settings(vcl('.host_header = "www.example.com";', *lines))
    assert any("5: ignored, because" in text for text in said(findings))
    assert len(said(findings, Severity.WARNING)) == grave


# -- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ([], 15.0),  # the network's default
        ([".connect_timeout = 1s;"], 15.0),
        ([".first_byte_timeout = 5s;"], 5.0),
        ([".connect_timeout = 1s;", ".first_byte_timeout = 5s;"], 5.0),
        ([".between_bytes_timeout = 3s;"], 15.0),
    ],
)
def test_one_limit_for_every_step(lines: list[str], seconds: float) -> None:
    found, findings = settings(vcl(*lines))
    assert found.timeout_s == seconds
    assert len(findings) == any(name in "".join(lines) for name in ("connect", "between"))


def test_the_apis_times_are_milliseconds_or_have_a_unit() -> None:
    for value in ("1500", "1500.0", "'1.5s'", "'1500ms'"):
        text = f"address = 'nginx.lab.test'\nport = 443\nfirst_byte_timeout = {value}\n"
        assert settings(text, "a.toml")[0].timeout_s == 1.5


# -- the attempt -----------------------------------------------------------------------------------


def attempt(
    directory: Path,
    text: str,
    *assignments: str,
    server: str | None = None,
    client: str | None = None,
    on_server: tuple[str, ...] = (),
    name: str | None = None,
    chain: bytes | None = None,
) -> tuple[Attempt, UserFiles | None, list[Finding]]:
    path = directory / "my.vcl"
    path.write_text(text, encoding="utf-8")
    chain_file = key_file = None
    if chain is not None:
        chain_file = directory / "chain.pem"
        chain_file.write_bytes(chain)
    files = GivenFiles(chain=chain_file, key=key_file, backend=path, backend_name=name)
    return read_attempt(
        files, client, client_settings=assignments, server=server, server_settings=on_server
    )


def test_a_backend_alone_is_an_attempt_of_the_edge_at_nginx(tmp_path: Path) -> None:
    made, own, _ = attempt(tmp_path, vcl(), on_server=("certificate=wrong-host",))
    assert made == Attempt(dataclasses.replace(NGINX, certificate="wrong-host"), EDGE)
    assert own is not None
    assert (own.certificate, own.anchors, own.form) == (None, None, "vcl")
    assert own.places["client.tls"].startswith(f"{tmp_path}/")


def test_without_a_backend_the_ends_are_as_before() -> None:
    made, _, _ = read_attempt(GivenFiles())
    assert (str(made.client), made.server.software) == ("net-ftp@rocky9:DEFAULT", "vsftpd")
    made, _, _ = read_attempt(GivenFiles(), "edge@debian13")
    assert made.server.software == "nginx"


def test_another_web_client_can_have_the_definition(tmp_path: Path) -> None:
    made, _, _ = attempt(
        tmp_path,
        vcl('.ssl_sni_hostname = "a.lab.test";'),
        client="tls-perl@centos7",
        server="origin",
    )
    assert isinstance(made.client, TlsPerl)
    assert made.client.sni == "a.lab.test"


@pytest.mark.parametrize("client", ["net-ftp@rocky9", "curl@rocky9"])
def test_a_client_of_ftp_cannot(tmp_path: Path, client: str) -> None:
    with pytest.raises(InputError, match="a backend says nothing to") as raised:
        attempt(tmp_path, vcl(), client=client)
    assert "edge@debian13" in raised.value.remedy


def test_nor_can_a_server_of_ftp(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="vsftpd speaks FTP"):
        attempt(tmp_path, vcl(), server="vsftpd")


def test_a_backend_and_an_mt_config_exclude_each_other(tmp_path: Path) -> None:
    files = [tmp_path / "a.vcl", tmp_path / "mt.cgi"]
    for file in files:
        file.write_text(vcl(), encoding="utf-8")
    with pytest.raises(InputError, match="one of FTP"):
        read_attempt(GivenFiles(mt_config=files[1], backend=files[0]))


def test_the_command_line_wins_and_that_is_said(tmp_path: Path) -> None:
    made, _, findings = attempt(
        tmp_path, vcl(".ssl_check_cert = never;", ".first_byte_timeout = 1s;"), "verify=yes"
    )
    assert (made.client.verify, made.client.timeout_s) == (True, 1.0)
    wins = [f.text for f in findings if "command line wins" in f.text]
    assert wins == ["-c verify= on the command line wins over the file"]


def test_findings_are_in_the_order_of_the_lines(tmp_path: Path) -> None:
    _, _, findings = attempt(tmp_path, WHOLE)
    lines = [f.line for f in findings if f.line is not None]
    assert lines == sorted(lines)
    assert {f.file for f in findings} == {str(tmp_path / "my.vcl")}


def test_a_ca_of_the_operators_is_trusted_as_own(tmp_path: Path) -> None:
    text = vcl(f'.ssl_ca_cert = {{"{pem("private-ca")}"}};')
    made, own, _ = attempt(tmp_path, text, on_server=("certificate=private-ca",))
    assert made.client.trust == OWN
    assert own is not None
    assert own.certificate is None
    assert own.anchors is not None
    assert own.anchors.file == str(tmp_path / "my.vcl")
    material = copy.copy(MATERIAL)
    material.trust_own(own.anchors.pem)
    files = dict(material.files(HOST))
    assert files["anchors/own.pem"].decode() == pem("private-ca")
    assert f"{HOST}/own.key.pem" not in files


def test_a_ca_and_an_own_certificate_go_together(tmp_path: Path) -> None:
    made = MATERIAL.server("full-chain", HOST)
    text = vcl(f'.ssl_ca_cert = {{"{pem("private-ca")}"}};')
    found, own, findings = attempt(tmp_path, text, chain=made.chain_pem + made.key_pem)
    assert (found.server.certificate, found.client.trust) == (OWN, OWN)
    assert own is not None
    assert own.certificate is not None
    assert own.anchors is not None
    material = RunCertificates([HOST])
    given = own.certificate
    material.add_own(OWN, given.chain_pem, given.key_pem, given.leaf_sha256)
    material.trust_own(own.anchors.pem)
    assert material.anchor(OWN).decode() == pem("private-ca")
    # the definition says what is trusted and which name is checked: all of it is judged
    assert not_judged(found, anchors_given=True) == ()
    assert not any("not judged" in finding.text for finding in findings)
    assert material.server(OWN, HOST).chain_pem == made.chain_pem


def test_own_is_refused_where_nothing_was_brought(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no certificate of your own"):
        attempt(tmp_path, vcl(), "trust=own")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_attempt(GivenFiles(backend=tmp_path / "missing.vcl"))
