"""Whatever programs say: what came of the attempt is read from it, or the documented error is raised."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from lab.clients.edge import edge_log
from lab.dialects.rules import interpret
from lab.model import PROTOCOLS, ClientReport, Observation
from lab.model.outcome import ServerReport
from lab.run import scan
from tests.transcripts.transcript import Transcript, files
from tests.unit.fuzzing import fuzz, spoilt

RECORDED = [one for file in files().values() for one in file.transcripts]
TEXTS = sorted({str(text) for one in RECORDED for text in (*one.said.values(), *one.log) if text})
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
SAID = spoilt(TEXTS) | ANY_TEXT


@given(
    st.sampled_from(RECORDED),
    st.builds(
        ClientReport,
        failed=st.booleans(),
        step=st.sampled_from(["connect", "handshake", "login", "put", "quit", "response", "", "x"]),
        error=SAID,
        message=SAID,
        reply_code=st.none() | st.integers(-1, 10**9),
        reply_text=SAID,
        errno=st.none() | st.sampled_from(["ECONNREFUSED", "EAI_NONAME", "x"]),
        verify_code=st.none() | st.integers(-5, 10**6),
        exit_status=st.none() | st.integers(-300, 300),
        protocol=st.none() | st.sampled_from(["TLSv1.2", "TLSv1.3", "x"]),
        library=st.sampled_from(["OpenSSL 3.5.1 1 Jul 2025", "OpenSSL 1.0.2k-fips", "", "x"]),
    ),
    st.builds(ServerReport, started=st.booleans(), log=SAID),
)
@fuzz
def test_any_words_have_an_outcome(
    recorded: Transcript, client: ClientReport, server: ServerReport
) -> None:
    attempt = recorded.observation().attempt
    outcome = interpret(Observation(attempt=attempt, client=client, server=server))
    assert outcome.in_words()


@given(st.lists(SAID, max_size=4))
@fuzz
def test_any_log_of_the_edge_is_read(lines: list[str]) -> None:
    log = edge_log()
    assert log.step_of(lines)
    assert isinstance(log.verify_code(lines), int | None)
    assert isinstance(log.errno(lines), str | None)


DOCUMENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<document title="SSLScan Results" version="2.1.5" web="http://example.com">
 <ssltest host="127.0.0.1" sniname="ftp.lab.test" port="2100">
  <protocol type="ssl" version="3" enabled="0" />
  <protocol type="tls" version="1.2" enabled="1" />
  <error><![CDATA[Error reading from 127.0.0.1:2100: Connection reset by peer]]></error>
  <cipher status="accepted" sslversion="TLSv1.2" bits="256" cipher="ECDHE" id="0xC030" />
 </ssltest>
</document>
"""


@given(
    spoilt([DOCUMENT], ["1.3", "TLSv1.1", "0x1302", "-0x1", "0xFFFFFF", "&amp;", "<protocol/>"])
    | ANY_TEXT
)
@fuzz
def test_any_document_of_sslscan_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(scan.ScanError):
        found = scan.read_scan(text)
        assert set(found.suites) <= set(PROTOCOLS)


def test_a_number_of_very_many_digits_is_none_of_an_error() -> None:
    lines = ["upstream SSL certificate verify error: (10:certificate has expired)"]
    assert edge_log().verify_code(lines) == 10
    assert edge_log().verify_code([lines[0].replace("10", "1" * 5000)]) is None
