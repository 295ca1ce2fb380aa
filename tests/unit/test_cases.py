"""What a case may look like, how cases are found, what is planned of them. No engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.cases import CaseError, Catalogue, LoadedCase, Race, load_module
from lab.model import Rating, Result, Role
from lab.model.expectations import Verdict, completed

HEAD = '''
"""A topic."""
from lab.cases import (
    Case, Race, case, curl, net_ftp, pyftpdlib, recommended, temporary, unsafe, useless, vsftpd
)
from lab.model.expectations import Expectation, OnBuild, completed, refused
from lab.model import Attempt, Reason, Side, Stage
from lab.model.attempt import Loads

EXPIRED = refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.EXPIRED)
BROKEN, WHOLE = vsftpd(certificate="expired"), vsftpd()
ONE = [net_ftp("centos7")]
'''

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def modules_of_its_own() -> Iterator[None]:
    """Scenario modules of a test are forgotten with it."""
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    for name in [n for n in sys.modules if n.partition(".")[0] == "scenarios"]:
        del sys.modules[name]
    sys.modules.update({n: m for n, m in modules.items() if n.partition(".")[0] == "scenarios"})


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a scenario module; lines of a case function that is called ``a_case`` unless given."""
    folder = tmp_path / "scenarios" / "a_document"
    folder.mkdir(parents=True)

    def module(body: str, name: str = "topic", head: str = HEAD) -> Path:
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(head + body)
        return path

    return module


def function(returns: str, *, doc: str = '"""A story."""', clients: str = "ONE") -> str:
    return f"""
@case(section="A section", clients={clients})
def a_case(client):
    {doc}
    attempt = Attempt(BROKEN, client)
    return {returns}
"""


def loaded(path: Path) -> LoadedCase:
    (found,) = load_module(path)
    return found


GOOD = 'Case(attempt, EXPIRED, twin=attempt.with_server(certificate="valid"))'


# -- rules -------------------------------------------------------------------------------------------


def test_a_well_formed_case_says_what_its_function_says(write: Write) -> None:
    path = write(function(GOOD, doc='"""First line.\n\n    More of it.\n    """'))
    case = loaded(path)
    assert case.id == "topic/a_case[net-ftp@centos7]"
    assert (case.name, case.title) == ("a_case", "a case")
    assert (case.document, case.section) == ("a-document", "A section")
    assert case.story == "First line.\n\nMore of it."
    assert case.path == path
    assert "@case" in path.read_text().splitlines()[case.line - 1]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (function(GOOD, doc="pass"), "a case has a docstring that tells its story"),
        (function("Case(attempt, EXPIRED)"), "a case that breaks has a twin that completes"),
        (
            function('Case(attempt, EXPIRED, twin=Attempt(vsftpd(ciphers="HIGH"), client))'),
            r"the twin differs in exactly one field, not in 2 \(server.certificate, server.ciphers\)",
        ),
        (
            function("Case(attempt, EXPIRED, twin=attempt)"),
            r"the twin differs in exactly one field, not in 0 \(none\)",
        ),
        (
            function(f'{GOOD[:-1]}, remedies=[recommended("hope", attempt)])'),
            "the remedy 'hope' changes nothing",
        ),
        (
            function(
                'Case(attempt, Expectation.parse("refused:client"), twin=Attempt(WHOLE, client))'
            ),
            "a_case.*breaks: an expected refusal names who refuses, at which stage and why",
        ),
        (
            function(
                f'{GOOD[:-1]}, remedies=[useless("x", attempt.with_client(verify=False),'
                ' Expectation.parse("refused"))])'
            ),
            "remedy-1: an expected refusal names who refuses, at which stage and why",
        ),
        (
            function(f'{GOOD[:-1]}, on_build=[OnBuild(Loads("expired"), completed())])'),
            "breaks: on every build the result is the same",
        ),
        (
            function(
                f'{GOOD[:-1]}, on_build=[OnBuild(Loads("expired"), Expectation.parse("refused"))])'
            ),
            "breaks: an expected refusal names who refuses, at which stage and why",
        ),
        (
            function("Case(Attempt(WHOLE, client), completed(), twin=attempt)"),
            "a case that expects completion has no twin",
        ),
        (function("None"), "a case function returns a Case, not None"),
        (
            function('Case(Attempt(vsftpd(cipher="HIGH"), client), completed())'),
            "unexpected keyword argument 'cipher'",
        ),
        (
            function('Case(Attempt(vsftpd(certificate="expird"), client), completed())'),
            "works: no value of certificate 'expird'; did you mean expired",
        ),
        (
            function('Case(attempt.with_client(trust="privat-ca"), EXPIRED, twin=attempt)'),
            "breaks: no value of trust 'privat-ca'; did you mean private-ca",
        ),
        (
            function("Case(Attempt(WHOLE, client), completed())", clients='[net_ftp("rocky8")]'),
            "rocky8",
        ),
        (
            function(f"{GOOD[:-1]}, race=Race(times=3, least=4))"),
            "no rate of a race: 4 to 3 of 3 tries",
        ),
    ],
    ids=lambda value: value[:40] if " " in value and "\n" not in value else "",
)
def test_a_case_that_breaks_a_rule_does_not_load(write: Write, text: str, rule: str) -> None:
    with pytest.raises(CaseError, match=rule) as raised:
        load_module(write(text))
    assert "topic/a_case[" in str(raised.value), "the message names the case"


def test_a_module_that_cannot_be_imported_is_named_with_the_reason(write: Write) -> None:
    path = write("import no_such_module\n")
    with pytest.raises(CaseError, match=r"topic\.py cannot be imported: ModuleNotFoundError: No"):
        load_module(path)


def test_two_cases_with_the_same_id_do_not_load(write: Write) -> None:
    path = write(function(GOOD, clients="ONE * 2"))
    with pytest.raises(CaseError, match=r"two cases have the id topic/a_case\[net-ftp@centos7\]"):
        Catalogue.load(path.parent)


@pytest.mark.parametrize(
    ("times", "least", "most"), [(0, 0, None), (3, -1, None), (3, 2, 1), (3, 1, 4), (3, 4, None)]
)
def test_a_race_that_cannot_be_won_is_none(times: int, least: int, most: int | None) -> None:
    with pytest.raises(ValueError, match="no rate of a race"):
        Race(times, least, most)


# -- what is loaded ----------------------------------------------------------------------------------


def test_clients_of_one_name_are_told_apart_by_what_differs(write: Write) -> None:
    clients = '[net_ftp("centos7", payload=6), net_ftp("centos7", payload=7), curl("centos7")]'
    labels = [case.label for case in load_module(write(function(GOOD, clients=clients)))]
    assert labels == [
        "net-ftp@centos7 payload=6",
        "net-ftp@centos7 payload=7",
        "curl@centos7",
    ]


def test_a_case_for_several_servers_is_called_with_each(write: Write) -> None:
    text = """
SERVERS = {"vsftpd": vsftpd, "pyftpdlib": pyftpdlib}

@case(section="s", clients=ONE, servers=SERVERS)
def a_case(client, server):
    \"\"\"A story.\"\"\"
    return Case(Attempt(SERVERS[server](), client), completed())
"""
    cases = load_module(write(text))
    assert [case.case.attempt.server.software for case in cases] == ["vsftpd", "pyftpdlib"]
    assert [case.label for case in cases] == [
        "net-ftp@centos7 to vsftpd",
        "net-ftp@centos7 to pyftpdlib",
    ]


def test_only_a_modules_own_cases_and_no_private_module_are_loaded(write: Write) -> None:
    # given what two modules share, and one that imports a case from the other
    write("SHARED = 1\n", "_shared", head="")
    write(function(GOOD), "first")
    path = write(function(GOOD).replace("a_case", "b_case"), "second")
    path.write_text(path.read_text() + "\nfrom scenarios.a_document.first import a_case\n")
    # when
    cases = Catalogue.load(path.parent).cases
    # then each case is there once
    assert [case.id for case in cases] == [
        "first/a_case[net-ftp@centos7]",
        "second/b_case[net-ftp@centos7]",
    ]


# -- what is planned ---------------------------------------------------------------------------------


def test_the_plan_has_the_breaking_attempt_the_twin_the_remedies_and_the_impostor(
    write: Write,
) -> None:
    remedies = """[
        recommended("renew", attempt.with_server(certificate="valid"), completed(verified=True)),
        temporary("wait", attempt.with_client(trust="expired-self-signed")),
        unsafe("look away", attempt.with_client(verify=False)),
        useless("other ciphers", attempt.with_server(ciphers="HIGH"), EXPIRED),
    ]"""
    case = loaded(write(function(f"{GOOD[:-1]}, remedies={remedies})")))
    plan = case.plan()
    assert [(p.label, p.role) for p in plan] == [
        ("breaks", Role.BREAKS),
        ("twin", Role.TWIN),
        ("remedy-1", Role.REMEDY),
        ("remedy-2", Role.REMEDY),
        ("remedy-3", Role.REMEDY),
        ("remedy-3-impostor", Role.IMPOSTOR),
        ("remedy-4", Role.REMEDY),
    ]
    by_label = {p.label: p for p in plan}
    assert by_label["breaks"].expect == case.case.expect
    assert by_label["twin"].expect == completed()
    assert by_label["twin"].title == "the same with another server.certificate"
    assert by_label["remedy-1"].rating is Rating.RECOMMENDED
    # and an unsafe remedy is expected to deliver to an impostor, too
    impostor = by_label["remedy-3-impostor"]
    assert impostor.expect == completed(verified=False, data_protected=True)
    assert impostor.attempt.server.certificate == "impostor"
    assert not impostor.attempt.client.verify
    assert by_label["breaks"].id == "topic/a_case[net-ftp@centos7]/breaks"


def test_without_a_twin_the_first_remedy_that_changes_one_field_and_cures_is_it(
    write: Write,
) -> None:
    remedies = """[
        useless("other ciphers", attempt.with_server(ciphers="HIGH"), EXPIRED),
        recommended("both", attempt.with_server(certificate="valid", ciphers="HIGH")),
        recommended("renew", attempt.with_server(certificate="renewed")),
    ]"""
    case = loaded(write(function(f"Case(attempt, EXPIRED, remedies={remedies})")))
    (twin,) = [planned for planned in case.plan() if planned.role is Role.TWIN]
    assert twin.attempt == case.case.attempt.with_server(certificate="renewed")
    assert twin.expect == completed()


def test_a_useless_remedy_leads_to_the_cases_own_refusal_unless_it_says_another(
    write: Write,
) -> None:
    remedies = """[
        useless("other ciphers", attempt.with_server(ciphers="HIGH")),
        useless("nobody there", attempt.with_server(listening=False), DOWN),
    ]"""
    down = "DOWN = refused(by=Side.NETWORK, at=Stage.CONNECT, because=Reason.CONNECTION_REFUSED)\n"
    case = loaded(write(down + function(f"{GOOD[:-1]}, remedies={remedies})")))
    expected = {p.title: p.expect for p in case.plan() if p.role is Role.REMEDY}
    assert expected["other ciphers"] == case.case.expect
    assert expected["nobody there"] != case.case.expect


def test_what_completes_has_no_twin(write: Write) -> None:
    case = loaded(write(function("Case(Attempt(WHOLE, client), completed())")))
    assert [(p.label, p.role) for p in case.plan()] == [("works", Role.WORKS)]


def test_in_a_race_every_attempt_is_made_many_times(write: Write) -> None:
    case = loaded(write(function(f"{GOOD[:-1]}, race=Race(times=10, least=1, others=3))")))
    plan = case.plan()
    assert [p.label for p in plan] == [
        *(f"breaks-{n:02}" for n in range(1, 11)),
        *(f"twin-{n}" for n in range(1, 4)),
    ]
    # and a try in which the refusal does not come must complete; a twin may not be refused
    assert {p.otherwise for p in plan if p.role is Role.BREAKS} == {completed()}
    assert {p.otherwise for p in plan if p.role is Role.TWIN} == {None}


@pytest.mark.parametrize(
    ("race", "refused", "verdict"),
    [
        (Race(10, 1), 0, Verdict.SURPRISE),
        (Race(10, 1), 1, Verdict.AS_EXPECTED),
        (Race(10, 1), 10, Verdict.AS_EXPECTED),
        (Race(10, 1, 4), 5, Verdict.SURPRISE),
    ],
)
def test_a_race_is_judged_by_its_rate(race: Race, refused: int, verdict: Verdict) -> None:
    judgement = race.judge(refused)
    assert judgement.verdict is verdict
    assert f"refused in {refused} of 10 tries" in judgement.why
    false = race.judge(refused, Result.FALSE_SUCCESS)
    assert false.verdict is verdict
    assert f"false success in {refused} of 10 tries" in false.why


# -- choosing ----------------------------------------------------------------------------------------


@pytest.fixture
def catalogue(write: Write) -> Catalogue:
    expired = function(GOOD, clients='[net_ftp("centos7"), net_ftp("rocky9", "FIPS")]')
    write(expired.replace("a_case", "expired"), "certificates")
    write(function(GOOD).replace("a_case", "expired_intermediate"), "../other/chains")
    path = write(function(GOOD).replace("a_case", "no_ciphers"), "ciphers")
    return Catalogue.load(path.parents[1])


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], 4),
        (["expired"], 2),  # a whole name, not what begins with it
        (["certificates/expired[net-ftp@rocky9:FIPS]"], 1),
        (["expired_inter"], 1),
        (["rocky9:FIPS"], 1),
        (["chains/"], 1),
        (["no_ciphers", "ciphers/no_ciphers[net-ftp@centos7]"], 1),  # once, though named twice
        (["no_ciphers", "expired"], 3),
    ],
)
def test_cases_are_chosen_by_name_id_or_a_part_of_it(
    catalogue: Catalogue, words: list[str], chosen: int
) -> None:
    assert len(catalogue.select(words)) == chosen


def test_cases_are_chosen_by_document(catalogue: Catalogue) -> None:
    assert [case.name for case in catalogue.select([], "other")] == ["expired_intermediate"]
    with pytest.raises(CaseError, match="no document 'others'; there are: a-document, other"):
        catalogue.select([], "others")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("no_cipher_s", "did you mean no_ciphers?"),
        ("certificates/expird[net-ftp@centos7]", "did you mean expired"),
        ("zzz", "`lab list` shows what there is"),
    ],
)
def test_an_unknown_case_is_answered_with_the_closest(
    catalogue: Catalogue, word: str, said: str
) -> None:
    with pytest.raises(CaseError) as raised:
        catalogue.select([word])
    assert f"no case matches {word!r}" in str(raised.value)
    assert said in str(raised.value)


def test_the_labs_own_cases_are_well_formed() -> None:
    cases = Catalogue.load(Path(__file__).parents[2] / "scenarios").cases
    assert len(cases) > 50
    identities = [planned.id for case in cases for planned in case.plan()]
    assert len(identities) == len(set(identities))
