"""Whatever an operator's files hold: they are read, or there is an error that names file and line."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check import demands
from lab.check.clients import clients_of
from lab.clients.edge import Edge
from lab.clients.net_ftp import NetFtp
from lab.own import mt_client
from lab.own import mt_config as mt
from lab.own.backend import parameters, parameters_of_vcl, read
from lab.own.backend_settings import client_settings
from lab.own.findings import InputError
from lab.own.mt_config import from_environment
from lab.own.pem import read_anchors, read_certificate
from lab.servers import ListenerPlace
from lab.servers.nginx import Nginx, NginxServer
from lab.servers.nginx.own import reading as nginx
from lab.servers.proftpd import ProftpdServer
from lab.servers.proftpd.own import reading as proftpd
from lab.servers.proftpd.own.reading import directives
from lab.servers.vsftpd import DEBIAN, VsftpdServer
from lab.servers.vsftpd.own import reading as conf
from lab.servers.vsftpd.own.reading import BUILDS, options_of
from tests.unit.certificates import HOST, MATERIAL
from tests.unit.fuzzing import AWKWARD, check_error, check_findings, fuzz, spoilt, spoilt_bytes

SERVED = MATERIAL.server("full-chain", HOST)
CHAIN, KEY = SERVED.chain_pem, SERVED.key_pem
PLACE = ListenerPlace(
    key="k",
    port=2100,
    passive_ports=(30000, 30009),
    password="p",
    chain="/c.pem",
    private_key="/k.pem",
    client_ca="/ca.pem",
)

# -- vsftpd.conf -----------------------------------------------------------------------------------

CONF = """\
# the server of the shop
ssl_enable=YES
ssl_tlsv1=NO
ssl_ciphers=HIGH
rsa_cert_file=/etc/ssl/shop.pem
require_ssl_reuse=NO
pasv_min_port=40000
ssl_sni_hostname=ftp.example.com
"""
OPTIONS = [*options_of(DEBIAN), "ssl_tlsv1_2", "nonsense", "ssl_enable "]
VALUES = ["YES", "no", "1", "", "HIGH", "0022", " x ", "YES ", "a=b", *AWKWARD]
LINES = st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES)).map("=".join)


@given(
    spoilt([CONF], OPTIONS) | st.lists(LINES, max_size=8).map("\n".join), st.sampled_from([*BUILDS])
)
@fuzz
def test_a_vsftpd_conf_is_refused_or_can_be_given_to_vsftpd(text: str, build: str) -> None:
    try:
        parsed = conf.parse(text, "vsftpd.conf", build=BUILDS[build], target=DEBIAN)
    except InputError as error:
        check_error(error, "vsftpd.conf", text)
        return
    check_findings(parsed.findings, ["vsftpd.conf"], text.count("\n") + 1)
    assert set(parsed.switches) <= set(parsed.settings.extra)
    assert VsftpdServer().unsupported(parsed.settings) is None
    assert VsftpdServer().configure(parsed.settings, PLACE).endswith("\n")


# -- proftpd.conf ----------------------------------------------------------------------------------

PROFTPD = """\
Include /etc/proftpd/modules.conf
LoadModule mod_tls.c
<Global>
  TLSEngine on
  TLSRequired auth+data
</Global>
TLSProtocol TLSv1.2 TLSv1.3
TLSCipherSuite "HIGH:!aNULL" # ours
TLSOptions NoSessionReuseRequired \\
  EnableDiags
TLSRSACertificateFile /etc/ssl/ftp.pem
<Limit STOR>
  DenyAll
</Limit>
<IfModule !mod_ident.c>
  MaxClients 3 "Full"
</IfModule>
"""
DIRECTIVES = [*directives(), "<Limit", "</Limit>", "<IfDefine X>", "<VirtualHost a>", '"', "\\"]


@given(spoilt([PROFTPD], DIRECTIVES))
@fuzz
def test_a_proftpd_conf_is_refused_or_can_be_given_to_proftpd(text: str) -> None:
    try:
        parsed = proftpd.parse(text, "proftpd.conf")
    except InputError as error:
        check_error(error, "proftpd.conf", text)
        return
    check_findings(parsed.findings, ["proftpd.conf"], text.count("\n") + 1)
    assert ProftpdServer().unsupported(parsed.settings) is None
    assert ProftpdServer().configure(parsed.settings, PLACE).endswith("\n")


# -- lab-check.toml --------------------------------------------------------------------------------

DEMANDS = """\
baseline = "lab-check.baseline.json"
[files]
vsftpd-conf = "vsftpd.conf"
host = "ftp.example.com"
[clients]
deliver = [
  "net-ftp@rocky9:FIPS",  # the team of the web
  "curl@*",
]
may-be-cannot = ["net-ftp@centos7"]
[refuse]
over = ["TLSv1", "TLSv1.1"]
impostor = true
"""
DEMANDED = ["[refuse]", "deliver", "over", '"curl@*"', "[clients.deliver]", "clients.deliver = 1"]
FTP = clients_of("FTP")


@given(spoilt([DEMANDS], DEMANDED))
@fuzz
def test_demands_are_refused_or_name_clients(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "lab-check.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        said = demands.read(path)
        chosen = said.clients(FTP)
    except InputError as error:
        check_error(error, str(path), text)
        return
    assert set(chosen) <= set(FTP)
    places = [place for place, _ in chosen.values() if place] + [*said.over.values()]
    assert all(1 <= (place.line or 1) <= text.count("\n") + 1 for place in places)


# -- nginx.conf ------------------------------------------------------------------------------------

NGINX = """\
http {
    ssl_ciphers 'HIGH:!aNULL';
    server {
        listen 443 ssl;  # the shop
        server_name www.example.com;
        ssl_certificate /etc/ssl/shop.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_conf_command Options PrioritizeChaCha;
        location / { return 200 "{}"; }
    }
}
"""
PARTS = [
    "server {",
    "}",
    ";",
    "ssl_verify_client on;",
    "ssl_protocols",
    "'",
    '"',
    "$x",
    "include y;",
]


@given(spoilt([NGINX], PARTS))
@fuzz
def test_an_nginx_conf_is_refused_or_can_be_given_to_nginx(text: str) -> None:
    try:
        parsed = nginx.parse(text, "nginx.conf")
    except InputError as error:
        check_error(error, "nginx.conf", text)
        return
    check_findings(parsed.findings, ["nginx.conf"], text.count("\n") + 1)
    assert NginxServer().unsupported(parsed.settings) is None
    assert NginxServer().configure(parsed.settings, PLACE).endswith("}\n")


# -- mt-config.cgi ---------------------------------------------------------------------------------

MT = """\
# delivery
FTPSSSLVerifyNone 0
SSLVersion SSLv23:!SSLv3:!TLSv1
FTPSOptions SSL_cipher_list=AES128
FTPSOptions ReuseSession=1
FTPSOptions Timeout=30
FTPSOptions SSL_verify_mode=1
FTPSOptions SSL_fingerprint=sha256$00:11
CGIPath /cgi-bin/mt/
"""
DIRECTIVES = [*mt.DIRECTIVES, *mt.MAIL_DIRECTIVES, "FTPSOptionsSSL_x", "DBPassword", "TLSv1_2", "!"]


@given(spoilt([MT], DIRECTIVES))
@fuzz
def test_an_mt_config_is_read_or_refused(text: str) -> None:
    base = NetFtp()
    try:
        config = mt.parse(text, "mt-config.cgi")
        # every line that can be named is there
        findings = [*config.findings]
        assert all(finding.line is not None for finding in findings)
        findings += mt_client.client_settings(config, base)[1]
    except InputError as error:
        check_error(error, "mt-config.cgi", text)
        return
    check_findings(findings, ["mt-config.cgi"], text.count("\n") + 1)


@given(st.dictionaries(st.sampled_from([*DIRECTIVES, "MT_CONFIG_FTPSOptions"]), st.text()))
@fuzz
def test_an_environment_is_read(environment: dict[str, str]) -> None:
    check_findings(from_environment(environment), ["environment"])


# -- backends --------------------------------------------------------------------------------------

VCL = """\
# the shop
backend F_origin {
  .connect_timeout = 1s;
  .host = "origin.example.com"; // its name
  .port = "443";
  .ssl = true;
  .ssl_check_cert = always;
  .ssl_ciphers = "ECDHE-RSA-AES128-GCM-SHA256,AES128-SHA";
  .min_tls_version = "1.1";
  .ssl_ca_cert = {"-----BEGIN A-----
-----END A-----"};
  .probe = { .request = "GET / HTTP/1.1" "Host: }"; }
}
sub vcl_recv { set req.http.X = {x"}"x}; }
"""
TOML = """\
[backends.one]   # the first
address = "origin.example.com"
port = 443
use_ssl = true
ssl_ca_cert = \"\"\"
-----BEGIN A-----
\"\"\"
[[backend]]
first_byte_timeout = 15000
"a.b".c = [1, 2.5, {x = '}'}]
"""
JSON = """\
{"backends": [
  {"name": "one", "address": "origin.example.com", "port": 443, "ssl_ciphers": "HIGH", "weight": 1},
  {"name": "two", "ipv4": "192.0.2.1", "connect_timeout": 1000, "comment": null, "shield": [1.5, {}]}
]}
"""
NAMES = [
    *parameters(),
    *("." + name for name in parameters_of_vcl()),
    "backend a {",
    "backend",
    "none;",
]


@given(
    st.tuples(
        st.sampled_from(["a.vcl", "a.toml", "a.json", "backend"]), spoilt([VCL, TOML, JSON], NAMES)
    ),
    st.none() | st.sampled_from(["one", "two", "F_origin", "a" * 200]),
)
@fuzz
def test_a_backend_is_read_or_refused(given_file: tuple[str, str], name: str | None) -> None:
    file, text = given_file
    server, edge = (
        Nginx(),
        Edge(),
    )
    try:
        backend = read(text, file, name)
        _, findings = client_settings(backend, edge, server)
    except InputError as error:
        check_error(error, file, text)
        return
    check_findings([*backend.findings, *findings], [file], text.count("\n") + 1)


# -- PEM -------------------------------------------------------------------------------------------

DER = base64.b64decode(b"".join(CHAIN.split(b"-----\n")[1].split(b"-----END")[0].split()))


def pem(label: bytes, der: bytes) -> bytes:
    """The bytes as a PEM block."""
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label, base64.encodebytes(der), label)


BLOCKS = st.sampled_from([CHAIN, KEY, CHAIN[:300], b"\n", b"x\n", b"\x30", b"-----BEGIN A-----\n"])
DAMAGED = spoilt_bytes([DER]).map(lambda der: pem(b"CERTIFICATE", der))
FILES = st.lists(BLOCKS | DAMAGED, max_size=4).map(b"".join) | spoilt_bytes([CHAIN + KEY])


@given(FILES, st.none() | st.lists(BLOCKS, max_size=3).map(b"".join) | spoilt_bytes([KEY]))
@fuzz
def test_a_chain_and_its_key_are_read_or_refused(chain: bytes, key: bytes | None) -> None:
    try:
        own, findings = read_certificate(chain, key, "chain.pem", "key.pem")
    except InputError as error:
        files = {"chain.pem": chain, "key.pem": key}
        check_error(error, error.file, files[error.file] or b"")
        return
    check_findings(findings, ["chain.pem", "key.pem"])
    assert own.chain_pem.startswith(b"-----BEGIN CERTIFICATE-----\n")
    assert own.key_pem in (key or chain)


@given(FILES)
@fuzz
def test_anchors_are_read_or_refused(content: bytes) -> None:
    try:
        _, findings = read_anchors(content, "a.toml")
    except InputError as error:
        check_error(error, "a.toml", content)
        return
    check_findings(findings, ["a.toml"], content.count(b"\n") + 1)
