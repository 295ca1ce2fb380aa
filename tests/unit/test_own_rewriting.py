"""A configuration that is written anew: its lines, its comments, and everything else byte for byte."""

from __future__ import annotations

from pathlib import Path

from lab.own.rewriting import WrittenLine, as_bytes, read_exactly
from lab.servers.nginx.own import reading as reader
from lab.servers.nginx.own.rewriting import nginx_conf
from lab.servers.proftpd.own import reading as proftpd
from lab.servers.proftpd.own.reading import proftpd_conf
from lab.servers.pure_ftpd.own.reading import pure_ftpd_conf
from lab.servers.vsftpd.own.reading import vsftpd_conf

CONF = """\
# Delivery
listen=YES

# suites: ask Ito
ssl_ciphers=AES128-SHA
ftpd_banner=Welcome
ssl_ciphers=DES-CBC3-SHA
"""


def test_a_line_is_written_where_the_file_has_it_and_an_earlier_one_becomes_a_comment() -> None:
    made = vsftpd_conf(CONF, [WrittenLine("ssl_ciphers", "ssl_ciphers=HIGH", ("suites",))])
    assert made == (
        "# Delivery\nlisten=YES\n\n# suites: ask Ito\n# ssl_ciphers=AES128-SHA\nftpd_banner=Welcome\n"
        "# lab check: suites\nssl_ciphers=HIGH\n"
    )


def test_lines_that_the_file_does_not_have_come_last_under_one_comment() -> None:
    lines = [
        WrittenLine("ssl_tlsv1", "ssl_tlsv1=NO", ("old",)),
        WrittenLine("require_ssl_reuse", "require_ssl_reuse=YES", ("reuse",)),
        WrittenLine("ssl_tlsv11", "ssl_tlsv11=NO", ("old",)),
    ]
    made = vsftpd_conf("listen=YES\n\n\n", lines)
    assert made == (
        "listen=YES\n\n# lab check: old\nssl_tlsv1=NO\nssl_tlsv11=NO\n"
        "# lab check: reuse\nrequire_ssl_reuse=YES\n"
    )


def test_what_was_written_before_is_written_again_and_not_twice() -> None:
    lines = [
        WrittenLine("ssl_ciphers", "ssl_ciphers=HIGH", ("one", "two")),
        WrittenLine("a", "a=1", ("b",)),
    ]
    once = vsftpd_conf(CONF, lines)
    assert vsftpd_conf(once, lines) == once


def test_a_line_can_be_taken_out() -> None:
    made = vsftpd_conf(
        "ssl_sni_hostname=a.example\nlisten=YES\n", [WrittenLine("ssl_sni_hostname", "", ("n",))]
    )
    assert made == "# lab check: n\n# ssl_sni_hostname=a.example\nlisten=YES\n"
    assert vsftpd_conf("listen=YES\n", [WrittenLine("ssl_sni_hostname", "")]) == "listen=YES\n"


def test_bytes_that_are_no_text_stay(tmp_path: Path) -> None:
    file = tmp_path / "vsftpd.conf"
    file.write_bytes(b"# caf\xe9\r\nftpd_banner=\xff\nlisten=YES")
    made = vsftpd_conf(read_exactly(file), [WrittenLine("listen", "listen=NO")])
    assert as_bytes(made) == b"# caf\xe9\r\nftpd_banner=\xff\nlisten=NO"


def _rewritten(text: str, *lines: WrittenLine) -> str:
    found = reader.parse(text)
    return nginx_conf(found.server_line, found.own_lines)(text, lines)


SUITES = WrittenLine("ssl_ciphers", "ssl_ciphers 'ECDHE+AESGCM'", ("suites",))
VERSIONS = WrittenLine("ssl_protocols", "ssl_protocols TLSv1.3", ("versions",))


def test_a_directive_is_written_where_the_server_has_it_else_at_its_top() -> None:
    text = """\
events {}
http {
    ssl_protocols TLSv1;
    server {
        listen 443 ssl;
        # old
        ssl_ciphers 'AES128-SHA;x:HIGH'
            ; # why
    }
}
"""
    assert (
        _rewritten(text, SUITES, VERSIONS)
        == """\
events {}
http {
    ssl_protocols TLSv1;
    server {
        # lab check: versions
        ssl_protocols TLSv1.3;
        listen 443 ssl;
        # old
        # lab check: suites
        ssl_ciphers 'ECDHE+AESGCM'; # why
    }
}
"""
    )


def test_a_server_on_one_line_is_taken_apart() -> None:
    text = "server { listen 443 ssl; ssl_ciphers HIGH; ssl_certificate a; }\n"
    made = _rewritten(text, SUITES, VERSIONS)
    read = reader.parse(made)
    assert read.settings.ciphers == "ECDHE+AESGCM"
    assert str(read.settings.protocols) == "TLSv1.3"
    assert "ssl_certificate a;" in made


def test_an_nginx_conf_is_written_again_and_not_twice() -> None:
    text = "server {\n    listen 443 ssl;\n    ssl_ciphers HIGH;\n}\n"
    once = _rewritten(text, SUITES, VERSIONS)
    assert _rewritten(once, SUITES, VERSIONS) == once


def _proftpd(text: str, *lines: WrittenLine) -> str:
    found = proftpd.parse(text)
    return proftpd_conf(found.standing, found.behind)(text, lines)


LIST = WrittenLine("TLSCipherSuite", "TLSCipherSuite ECDHE+AESGCM", ("suites",))
RANGE = WrittenLine("TLSProtocol", "TLSProtocol TLSv1.3", ("versions",))
REUSE = WrittenLine("TLSOptions", "TLSOptions NoSessionReuseRequired", ("reuse",))


def test_a_directive_is_written_in_its_section_and_one_that_is_missing_behind_tls_engine() -> None:
    text = """\
# ours
LoadModule mod_tls.c
<IfModule mod_tls.c>
  TLSEngine on
  TLSRequired on
  # ask Ito
  TLSCipherSuite AES128-SHA \\
     # for the old ones
</IfModule>
<IfModule mod_sql.c>
  TLSProtocol TLSv1
</IfModule>
Umask 022
"""
    assert (
        _proftpd(text, LIST, RANGE)
        == """\
# ours
LoadModule mod_tls.c
<IfModule mod_tls.c>
  TLSEngine on
  # lab check: versions
  TLSProtocol TLSv1.3
  TLSRequired on
  # ask Ito
  # lab check: suites
  TLSCipherSuite ECDHE+AESGCM      # for the old ones
</IfModule>
<IfModule mod_sql.c>
  TLSProtocol TLSv1
</IfModule>
Umask 022
"""
    )


def test_the_server_that_is_tried_is_the_one_that_is_written() -> None:
    text = """\
LoadModule mod_tls.c
TLSProtocol TLSv1
<VirtualHost a.example>
  TLSEngine on
</VirtualHost>
<VirtualHost b.example>
  TLSEngine on
  TLSProtocol TLSv1.2
</VirtualHost>
"""
    made = _proftpd(text, RANGE)
    assert made == text.replace(
        "  TLSEngine on\n</", "  TLSEngine on\n  # lab check: versions\n  TLSProtocol TLSv1.3\n</"
    )


def test_of_several_lines_the_one_that_holds_is_written_and_the_others_become_comments() -> None:
    twice = "TLSEngine on\nTLSProtocol TLSv1\nTLSProtocol TLSv1.2 \\\n TLSv1.3\n"
    assert _proftpd(twice, RANGE) == (
        "TLSEngine on\n# lab check: versions\nTLSProtocol TLSv1.3\n"
        "# TLSProtocol TLSv1.2 \\\n# TLSv1.3\n"
    )
    lists = "TLSEngine on\nTLSCipherSuite A\nTLSCipherSuite TLSv1.3 B\nTLSCipherSuite C\n"
    assert _proftpd(lists, LIST) == (
        "TLSEngine on\n# TLSCipherSuite A\nTLSCipherSuite TLSv1.3 B\n"
        "# lab check: suites\nTLSCipherSuite ECDHE+AESGCM\n"
    )


def test_a_proftpd_conf_without_tls_has_its_lines_at_the_end() -> None:
    engine = WrittenLine("TLSEngine", "TLSEngine on", ("TLS",))
    made = _proftpd("<Global>\nUmask 022\n</Global>\n", engine, REUSE)
    assert made == (
        "<Global>\nUmask 022\n</Global>\n\n# lab check: TLS\nTLSEngine on\n"
        "# lab check: reuse\nTLSOptions NoSessionReuseRequired\n"
    )


def test_a_proftpd_conf_is_written_again_and_not_twice() -> None:
    text = "<Global>\n  TLSEngine on\n  TLSOptions EnableDiags\n</Global>\n"
    once = _proftpd(text, LIST, RANGE, REUSE)
    assert _proftpd(once, LIST, RANGE, REUSE) == once
    assert once.count("# lab check: ") == 3


def test_an_option_of_a_pure_ftpd_conf_is_written_where_it_stands_last() -> None:
    lines = [
        WrittenLine("TLS", "TLS 3", ("clear text",)),
        WrittenLine("TLSCipherSuite", "TLSCipherSuite ECDHE+AESGCM", ("suites",)),
    ]
    text = "# ours\n  tls = 1\nMaxIdleTime 15\nTLS: 2\n#TLSCipherSuite HIGH\n"
    made = pure_ftpd_conf(text, lines)
    assert made == (
        "# ours\n# tls = 1\nMaxIdleTime 15\n# lab check: clear text\nTLS 3\n#TLSCipherSuite HIGH\n"
        "\n# lab check: suites\nTLSCipherSuite ECDHE+AESGCM\n"
    )
    assert pure_ftpd_conf(made, lines) == made
