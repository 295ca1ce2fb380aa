"""Every defective input of ``tests/own_inputs`` ends as its table says, and what to write instead was tried.

And no chain is called verified that the library of the client's own platform refuses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.dialects import x509_numbers
from lab.model import Result
from lab.run.laboratory import Lab
from lab.settings import parse_client
from tests.e2e.checkouts import Copy
from tests.own_inputs import BASE, INPUTS, NO_INPUT, Input, chains
from tests.own_inputs.trying import CALM, Trial, Tried, holds

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CHAINS = chains()
ALL = [*INPUTS, *CHAINS]
REFUSED = [one for one in ALL if one.refused]
#: A client of each platform and policy; the others verify with the same library.
PLATFORMS = (
    *(f"openssl@rocky9:{policy}" for policy in ("DEFAULT", "LEGACY", "FUTURE", "FIPS")),
    "tls-python@centos7",
    "edge@debian13",
)
#: These allow a chain that ends with a trusted intermediate (X509_V_FLAG_PARTIAL_CHAIN).
PARTIAL = frozenset({"net-ftp", "curl"})
#: nginx goes on after an error, and names another one than the first.
NAMES_ANOTHER = frozenset({"edge@debian13"})


@pytest.fixture(scope="module")
def trial(laboratory: Lab, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(laboratory, tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def tried(trial: Trial) -> Mapping[Input, Tried]:
    """All inputs, with their twins and what is advised."""
    return trial.all_of(INPUTS) | trial.chains(CHAINS)


@pytest.mark.parametrize("one", ALL, ids=str)
def test_a_defective_input_ends_as_its_table_says(one: Input, tried: Mapping[Input, Tried]) -> None:
    found = tried[one]
    if one.ends == NO_INPUT:
        assert found.error is not None
    else:
        assert found.outcome is not None, found.result and found.result.verdict_why
        assert holds(one.ends, found.outcome), found.outcome.in_words()
        # what completes on presumptions is called complete nowhere
        words = found.outcome.in_words()
        assert words.startswith("completed") is (one.ends.startswith("completed")), words
        # a client that is fast breaks the connection before the rest of the line has left the server
        cause = found.outcome.cause or ""
        assert one.cause in cause or cause.endswith("before the rest came)")
    # and what is wrong was said before, at the line
    said = found.said
    assert not one.says or any(
        one.says in text and (not one.at or one.at == line) for line, text in said
    ), said


@pytest.mark.parametrize("one", ALL, ids=str)
def test_its_twin_completes(one: Input, tried: Mapping[Input, Tried]) -> None:
    twin = tried[one].twin
    assert twin is not None
    assert twin.outcome is not None, twin.verdict_why
    assert twin.outcome.in_words().startswith("completed"), twin.outcome


@pytest.mark.parametrize("one", REFUSED, ids=str)
def test_what_to_write_instead_was_tried(one: Input, tried: Mapping[Input, Tried]) -> None:
    found = tried[one]
    advice, first = found.advice, found.first
    assert advice is not None
    assert first is not None, [(r.title.en, str(r.outcome), r.cannot) for r in advice.remedies]
    assert first.outcome is not None
    assert first.outcome.result is Result.COMPLETED
    assert one.fix in (found.fix, " + ".join(first.cures)), found.fix
    assert first.title.ja
    assert advice.cause.ja
    if one.line:
        assert f"{one.file}:{one.line}" in [Path(place).name for place in advice.where]


def test_the_witnesses_agree_that_a_server_gave_up(tried: Mapping[Input, Tried]) -> None:
    results = [t.result for t in tried.values() if t.result]
    faults = [r for r in results if r.outcome and r.outcome.reason == "server-fault"]
    assert len(faults) > 5
    for one in faults:
        assert one.witnesses is not None
        assert not one.witnesses.disagree, one.id


def test_the_command_says_what_a_completion_presumes(shared: Copy, tmp_path: Path) -> None:
    conf = tmp_path / "vsftpd.conf"
    conf.write_text(f"{BASE}user_config_dir=/etc/vsftpd.users\n", encoding="utf-8")
    words = ["attempt", "--vsftpd-conf", str(conf), *(w for each in CALM for w in ("-c", each))]
    done = shared.lab(*words)
    assert done.status == 0, str(done)
    line = f"no file in /etc/vsftpd.users changes this for your user ({conf}:{BASE.count(chr(10)) + 1})"
    assert f"not judged: on your server only if {line}; here completed" in " ".join(
        done.out.split()
    )


# -- chains: no lab, and the platform's own library ----------------------------------------------------


def at_the_web(one: Input) -> Input:
    """The chain at a web server that loads it."""
    software = "origin@openssl-1.0.2k" if "openssl" in (one.server or "") else "nginx"
    return dataclasses.replace(one, server=software, client_settings=())


def agrees(where: str, client: str, result: Tried, library: tuple[int, int]) -> bool:
    """See that an outcome is what the library says.

    Returns:
        Whether the chain was accepted.
    """
    outcome = result.outcome
    assert outcome is not None, f"{where}: {result.result and result.result.verdict_why}"
    plain, partial = library
    number = partial if client.partition("@")[0] in PARTIAL else plain
    if outcome.result is Result.COMPLETED:
        assert (outcome.verified, outcome.not_judged, number) == (True, (), 0), where
        return True
    assert number, f"{where}: {outcome.in_words()}, and the library is content"
    if client not in NAMES_ANOTHER:
        version = "OpenSSL 1.0.2k" if client.endswith("centos7") else "OpenSSL 3.5.1"
        reason = x509_numbers().reason(number, version)
        assert outcome.reason is reason, f"{where}: {number}"
    return False


#: Of these a client has something to say.
LOADED = [one for one in CHAINS if one.ends != NO_INPUT and one.server != "vsftpd"]


def test_no_chain_is_accepted_that_the_platforms_library_refuses(trial: Trial) -> None:
    inputs = [at_the_web(one) for one in LOADED]
    libraries = {c: trial.refusals_of_the_library(parse_client(c), inputs) for c in PLATFORMS}
    accepted = []
    for one in inputs:
        for client, result in trial.with_clients(one, PLATFORMS).items():
            where = f"{one}, {client}"
            accepted.append(agrees(where, client, result, libraries[client][one]))
    # both were there to be told apart
    assert accepted.count(True) > len(PLATFORMS) * 3
    assert accepted.count(False) > len(PLATFORMS) * 15


def test_no_upload_is_verified_that_the_platforms_library_refuses(
    trial: Trial, tried: Mapping[Input, Tried]
) -> None:
    accepted = []
    for client in {one.client for one in LOADED}:
        inputs = [one for one in LOADED if one.client == client]
        library = trial.refusals_of_the_library(parse_client(client), inputs)
        accepted += [agrees(str(one), client, tried[one], library[one]) for one in inputs]
    assert {True, False} == set(accepted)
