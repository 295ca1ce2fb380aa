"""Whatever a configuration holds that can be read: written anew, it comes to what was found."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from lab.check.ladders import Ladders
from lab.check.strongest import comparable
from lab.own.configurations import ConfigurationText, OwnConfiguration, readers
from lab.own.findings import InputError
from lab.own.rewriting import WrittenLine
from lab.servers import SERVERS
from tests.unit.fuzzing import fuzz, spoilt
from tests.unit.test_check_strongest import TRICKY_PROFTPD, TRICKY_PURE_FTPD

WORDS = {
    "proftpd-conf": [
        *("TLSEngine on\n", "TLSOptions StdEnvVars\n", "<Global>\n", "</Global>\n", "\\\n", '"'),
        *("<VirtualHost a>\n", "</VirtualHost>\n", "# lab check: old\n", "TLSCipherSuite B # c\n"),
        *("<IfVersion > 1>\n", "</IfVersion>\n", "<Limit STOR>\n", "</Limit>\n"),
    ],
    "pure-ftpd-conf": ["TLS 3\n", "TLSCipherSuite ", "-C:", "-S:", "=", "# lab check: old\n"],
}
TEXTS = {
    "proftpd-conf": TRICKY_PROFTPD,
    "pure-ftpd-conf": TRICKY_PURE_FTPD,
}
ANY = st.one_of(*(st.tuples(st.just(one), spoilt(TEXTS[one], WORDS[one])) for one in TEXTS))


@given(ANY, st.booleans())
@fuzz
def test_what_is_written_is_read_back_as_it_was_found(
    given_text: tuple[str, str], weaker: bool
) -> None:
    option, text = given_text
    reader: OwnConfiguration = readers()[option]
    whole = ConfigurationText(text=text, file=reader.file, server=SERVERS[reader.software])
    try:
        base = reader.reading.read(whole).settings
    except InputError:
        return
    form = reader.reading.writable(whole)
    ladders = Ladders(base, form.server)
    at = ladders.canonical(tuple(len(one.rungs) - 1 if weaker else 0 for one in ladders.ladders))
    now = ladders.lines(at)
    names = [
        name
        for number, one in enumerate(ladders.ladders)
        if not one.keep or at[number]
        for name in sorted(ladders.names[number])
    ]
    lines = [WrittenLine(name, now.get(name, ""), (name,)) for name in dict.fromkeys(names)]
    made = form.rewrite(text, lines)
    found = ladders.settings(at)
    read = dataclasses.replace(form.read(made), certificate=base.certificate)
    assert comparable(read) == comparable(found), made
