"""Claims: the form of the document files, their lint, the verdict from a record, and its words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from lab.cases import LoadedCase, PlannedAttempt
from lab.documents import (
    WHERE,
    Bilingual,
    Claim,
    ClaimVerdict,
    Document,
    DocumentError,
    documents,
    parse,
)
from lab.documents.verdicts import ClaimResult, State, as_json, counts, evaluate, problems
from lab.model import PROTOCOLS, Attempt, Captured, ClientReport, Goal, Outcome, Result, Role
from lab.model.expectations import Expectation, Verdict
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, RunRecord
from lab.report.layout import hung, wrap
from lab.report.plain import ClaimsTold
from lab.settings import parse_server
from tests.unit.catalogue import catalogue
from tests.unit.made_up import START, attempt, attempt_record, run_record, what_arrived

SCENARIOS = Path(__file__).parents[2] / "scenarios"
CASE = "topic/a_case"
HEAD = """
id = "made-up"
title = { en = "A page", ja = "あるページ" }
address = "https://example.test/page"
[[section]]
id = "only"
heading = { en = "The only section", ja = "唯一の節" }
"""
CLAIM = """
[[claim]]
id = "it-fails"
place = { section = "only", paragraph = 2 }
about = ["centos7", "rocky9:DEFAULT"]
text = { en = "It fails.", ja = "失敗する。" }
basis = { en = "Who refuses is looked at.", ja = "誰が拒否するかを調べる。" }
"""
TEST = """
[[claim.test]]
case = "topic/a_case"
role = "breaks"
outcome = "refused:server:handshake:no-shared-cipher"
"""
UNTESTABLE = """
[[claim]]
id = "advice"
place = { section = "only" }
text = { en = "Do not.", ja = "しないほうがよい。" }
untestable = { en = "Advice.", ja = "助言である。" }
"""
SETTING = 'setting = { en = "where it is so", ja = "そういう場合" }\n'
ELSEWHERE = 'setting = { en = "elsewhere", ja = "ほかの場合" }\n'
CONDITION = (
    'condition = { verdict = "conditional", en = "Only where it is so.", ja = "その場合だけ。" }\n'
)

#: Lines that `openssl s_client` shows of a handshake that came about.
S_CLIENT_SHOWS = "subject=CN=nginx.lab.test\nissuer=CN=Public CA"
REFUSED = Expectation.parse("refused:server:handshake:no-shared-cipher")
COMPLETED = Expectation.parse("completed")
#: Of an attempt that completes although its own case expects something else.
SURPRISE: dict[str, Any] = {
    "expectation": REFUSED,
    "verdict": Verdict.SURPRISE,
    "verdict_why": "it differs",
}


def document(*parts: str) -> Document:
    return parse("".join((HEAD, *parts)), "made-up.toml")


def attempts(
    where: str, outcome: Expectation | None, *, server: str = "vsftpd", **changes: Any
) -> AttemptResult:
    """One attempt of the made-up case from a client, with an outcome (none: the lab could not)."""
    made = attempt(f"net-ftp@{where}")
    made = Attempt(parse_server([], server), made.client)
    case = f"{CASE}[net-ftp@{where}]"
    given = {"case": case, "role": Role.BREAKS} | changes
    if outcome is None:
        given |= {"verdict": Verdict.CANNOT, "verdict_why": "no such image"}
    name = f"{case}/{given['role']}-{server}"
    return attempt_record(name, made, seen(outcome) if outcome else None, None, **given)


def seen(expected: Expectation, **facts: Any) -> Outcome:
    """An outcome that is what somebody expects."""
    named = {n: getattr(expected, n) for n in ("by", "stage", "reason")}
    negotiated_ = {n: getattr(expected, n) for n in ("protocol", "cipher")}
    flags = {n: getattr(expected, n) for n in ("verified", "data_protected", "session_reused")}
    refused_ = expected.result is Result.REFUSED
    given = negotiated_ | flags | {"message": expected.message or ""} | facts
    report = ClientReport(failed=refused_, step="quit", **given)
    false = what_arrived(expected)
    return Outcome(
        result=expected.result, goal=Goal.TRANSFER, report=report, false_success=false, **named
    )


def verdict_of(made: Document, *records: AttemptResult) -> ClaimResult:
    (result,) = evaluate(made, run_record(attempts=records, cases=()))
    return result


# -- the form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id = ", "made-up.toml is not TOML"),
        (HEAD + CLAIM.replace("centos7", "centos8") + TEST, "'centos8' is no client: known are"),
        (HEAD + CLAIM.replace('ja = "失敗する。"', 'ja = " "'), "claim 1, text, ja: String should"),
        (HEAD + CLAIM.replace(', ja = "失敗する。"', ""), "claim 1, text, ja: Field required"),
        (
            HEAD.replace("[[section]]", 'platforms.suse = { en = "x", ja = "x" }\n[[section]]'),
            "'suse'",
        ),
        (HEAD + CLAIM, "it-fails: a claim has an `about` and a test that decides"),
        (HEAD + CLAIM + TEST + CLAIM + TEST, "two claims have the id it-fails"),
        (HEAD + CLAIM.replace('"only"', '"other"') + TEST, "it-fails: no section 'other'"),
        (HEAD + UNTESTABLE + TEST, "advice: a claim is tested, or it is untestable"),
        (HEAD + CLAIM + TEST.replace("no-shared-cipher", "no-cipher"), "no reason 'no-cipher'"),
        (HEAD + CLAIM + TEST.replace(":server:handshake:no-shared-cipher", ""), "met by too much"),
        (HEAD + CLAIM + TEST + 'clients = ["centos7"]', "it speaks of rocky9:DEFAULT, and nothing"),
        (
            HEAD + CLAIM + TEST + TEST + 'clients = ["rocky9:FIPS"]',
            "a test is on rocky9:FIPS, of which the claim does not speak",
        ),
        (HEAD + CLAIM + TEST.replace("breaks", "remedy"), "the role remedy needs the remedy's"),
        (HEAD + CLAIM + TEST + 'title = "x"', "the role breaks has no title"),
        (HEAD + CLAIM + TEST + "given_away = true", "only an impostor is given anything away"),
        (HEAD + CLAIM + TEST + 'message = "x"\nshows = ["x"]', "given as a whole or in parts"),
        (HEAD + CLAIM + TEST + TEST + SETTING, "some tests have a `setting`, so all need one"),
        (HEAD + CLAIM + TEST + SETTING + TEST + ELSEWHERE, "settings need a `condition`"),
        (HEAD + CLAIM + TEST + 'servers = ["nobody"]', "'nobody' is no server"),
        (HEAD + CLAIM + TEST + 'comment = "x"', "test 1, comment: Extra inputs are not permitted"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=re.escape(words)):
        parse(text, "made-up.toml")


def test_an_expected_message_is_part_of_what_is_compared() -> None:
    made = document(CLAIM, TEST, 'message = "No."\n')
    expected = replace(REFUSED, message="No.")
    assert made.claims[0].tests[0].expectation == expected


@pytest.mark.parametrize(
    ("message", "verdict"),
    [("subject=a\nissuer=b", "confirmed"), ("subject=a", "refuted"), ("", "refuted")],
)
def test_every_part_that_is_to_be_shown_is_looked_for(message: str, verdict: str) -> None:
    shows = 'shows = ["subject=", "issuer="]\n'
    made = document(CLAIM.replace(', "rocky9:DEFAULT"', ""), TEST, shows)
    result = verdict_of(made, attempts("centos7", replace(REFUSED, message=message)))
    assert result.verdict == verdict
    plain = as_json(made, [result], "some-run")["claims"][0]["checks"][0]
    assert plain["if-right"].endswith("no-shared-cipher; shown 'subject=', 'issuer='")


# -- the verdict ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_centos7", "from_rocky9", "verdict"),
    [
        (REFUSED, REFUSED, ClaimVerdict.CONFIRMED),
        (COMPLETED, COMPLETED, ClaimVerdict.REFUTED),
        (REFUSED, COMPLETED, ClaimVerdict.CONDITIONAL),
        (REFUSED, None, ClaimVerdict.NOT_RUN),
        (COMPLETED, None, ClaimVerdict.NOT_RUN),
    ],
)
def test_the_outcomes_of_a_run_decide(
    from_centos7: Expectation, from_rocky9: Expectation | None, verdict: ClaimVerdict
) -> None:
    records = [attempts("centos7", from_centos7), attempts("rocky9:DEFAULT", from_rocky9)]
    result = verdict_of(document(CLAIM, TEST), *records)
    assert result.verdict is verdict
    assert (result.made, result.needed) == (2 - (from_rocky9 is None), 2)


def test_a_claim_has_a_verdict_from_each_client() -> None:
    records = [attempts("centos7", REFUSED), attempts("rocky9:DEFAULT", COMPLETED)]
    result = verdict_of(document(CLAIM, TEST), *records)
    assert dict(result.where) == {
        "centos7": ClaimVerdict.CONFIRMED,
        "rocky9:DEFAULT": ClaimVerdict.REFUTED,
    }
    assert [check.seen for check in result.checks] == [
        "refused by the server at handshake: no-shared-cipher",
        "completed (transfer) WITHOUT TLS: user, password and file went in clear text",
    ]
    assert result.stand_ins == ("rocky9",)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_verdict_that_rests_on_a_surprise_says_so_everywhere(language: str) -> None:
    # given one attempt that did not do what its own case expects
    made = document(CLAIM, TEST)
    results = [
        verdict_of(
            made, attempts("centos7", COMPLETED, **changes), attempts("rocky9:DEFAULT", COMPLETED)
        )
        for changes in (SURPRISE, {})
    ]
    named, silent = results
    # then it counts, and is named
    assert [result.verdict for result in results] == [ClaimVerdict.REFUTED] * 2
    assert named.surprises == ("topic/a_case[net-ftp@centos7]/breaks-vsftpd",)
    assert as_json(made, [named], "some-run")["claims"][0]["surprises"] == [*named.surprises]
    # and both texts say it, and only where it is so
    words = {"en": "rests on 1 surprise of the run", "ja": "想定外の結果 1 件に基づく"}[language]
    for result, says in ((named, True), (silent, False)):
        whole = ClaimsTold(language).whole(made, [result], "some-run")
        short = ClaimsTold(language).summary(made, [result])
        assert [words in text for text in (whole, short)] == [says, says]


def test_a_surprise_beyond_what_the_claim_says_is_not_behind_its_verdict() -> None:
    beyond = TEST + 'clients = ["rocky9:FIPS"]\nbeyond = true\n'
    result = verdict_of(
        document(CLAIM, TEST, beyond),
        attempts("centos7", REFUSED),
        attempts("rocky9:DEFAULT", REFUSED),
        attempts("rocky9:FIPS", COMPLETED, **SURPRISE),
    )
    assert result.surprises == ()


def test_another_reason_than_the_claims_refutes_it() -> None:
    other = Expectation.parse("refused:client:verify:expired")
    result = verdict_of(
        document(CLAIM, TEST), *(attempts(where, other) for where in ("centos7", "rocky9:DEFAULT"))
    )
    assert result.verdict is ClaimVerdict.REFUTED


def test_what_the_record_lacks_is_counted_and_never_guessed() -> None:
    result = verdict_of(document(CLAIM, TEST), attempts("centos7", REFUSED))
    assert result.verdict is ClaimVerdict.NOT_RUN
    assert (result.made, result.needed) == (1, 2)
    assert result.where["centos7"] is ClaimVerdict.CONFIRMED
    assert [check.seen for check in result.checks if check.state is State.NOT_RUN] == [
        "not in the record"
    ]


def test_an_attempt_that_the_lab_broke_decides_nothing() -> None:
    broken = attempts(
        "rocky9:DEFAULT", REFUSED, verdict=Verdict.LAB_ERROR, verdict_why="the agent is gone"
    )
    result = verdict_of(document(CLAIM, TEST), attempts("centos7", REFUSED), broken)
    assert result.verdict is ClaimVerdict.NOT_RUN


def test_every_server_of_a_test_has_to_be_there_and_to_agree() -> None:
    both = CLAIM.replace(', "rocky9:DEFAULT"', "")
    made = document(both, TEST, 'servers = ["vsftpd", "pyftpdlib"]\n')
    one, other = (attempts("centos7", REFUSED, server=server) for server in ("vsftpd", "pyftpdlib"))
    assert verdict_of(made, one, other).verdict is ClaimVerdict.CONFIRMED
    assert verdict_of(made, one).verdict is ClaimVerdict.NOT_RUN
    differing = attempts("centos7", COMPLETED, server="pyftpdlib")
    assert verdict_of(made, one, differing).verdict is ClaimVerdict.REFUTED


def test_attempts_of_other_roles_titles_and_servers_are_not_looked_at() -> None:
    made = document(CLAIM, TEST.replace("breaks", "remedy"), 'title = "This one"\n')
    others = [
        attempts(where, COMPLETED, role=role, label=label)
        for where in ("centos7", "rocky9:DEFAULT")
        for role, label in ((Role.REMEDY, "Another one"), (Role.BREAKS, "This one"))
    ]
    assert verdict_of(made, *others).made == 0


def test_what_a_claim_does_not_speak_of_never_changes_its_verdict() -> None:
    beyond = TEST + ELSEWHERE + 'clients = ["rocky9:FIPS"]\nbeyond = true\n'
    condition = CONDITION.replace('"conditional"', '"refuted"')
    made = document(CLAIM, condition, TEST, SETTING, beyond)
    records = [attempts(where, COMPLETED) for where in ("centos7", "rocky9:DEFAULT")]
    result = verdict_of(made, *records, attempts("rocky9:FIPS", REFUSED))
    assert result.verdict is ClaimVerdict.REFUTED
    assert "rocky9:FIPS" not in result.where
    ours, elsewhere = result.settings
    assert (ours.beyond, ours.clients[State.FAILS]) == (False, ["centos7", "rocky9:DEFAULT"])
    assert (elsewhere.beyond, elsewhere.clients[State.HOLDS]) == (True, ["rocky9:FIPS"])
    assert result.condition is not None
    without = verdict_of(made, *records)
    assert (without.verdict, without.made, without.needed) == (ClaimVerdict.REFUTED, 2, 2)


def test_a_condition_is_shown_under_its_own_verdict_alone() -> None:
    made = document(CLAIM, CONDITION, TEST, SETTING, TEST.replace("a_case", "b_case"), ELSEWHERE)

    def run(of_b: Expectation) -> ClaimResult:
        others = [
            attempts(where, of_b, case=f"topic/b_case[net-ftp@{where}]")
            for where in ("centos7", "rocky9:DEFAULT")
        ]
        return verdict_of(
            made, attempts("centos7", REFUSED), attempts("rocky9:DEFAULT", REFUSED), *others
        )

    conditional, confirmed = run(COMPLETED), run(REFUSED)
    assert conditional.verdict is ClaimVerdict.CONDITIONAL
    assert conditional.condition is not None
    assert conditional.condition.en == "Only where it is so."
    assert confirmed.verdict is ClaimVerdict.CONFIRMED
    assert confirmed.condition is None


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (ServerReport(started=True, captured=Captured(user="a", password="b")), "confirmed"),
        (ServerReport(started=True), "refuted"),
        (None, "not-run"),
    ],
)
def test_what_an_impostor_got_is_looked_at(report: ServerReport | None, verdict: str) -> None:
    test = TEST.replace("breaks", "impostor").replace(str(REFUSED), "completed")
    made = document(
        CLAIM.replace(', "rocky9:DEFAULT"', ""), test, 'title = "Off"\ngiven_away = true\n'
    )
    record = attempts("centos7", COMPLETED, role=Role.IMPOSTOR, label="Off", server_report=report)
    assert verdict_of(made, record).verdict == verdict


def test_an_untestable_claim_says_so_whatever_was_run() -> None:
    result = verdict_of(document(UNTESTABLE))
    assert result.verdict is ClaimVerdict.NOT_TESTABLE_HERE
    assert counts([result])[ClaimVerdict.NOT_TESTABLE_HERE] == 1


def test_the_results_as_plain_data_name_every_attempt() -> None:
    made = document(CLAIM, TEST, UNTESTABLE)
    record = run_record(attempts=[attempts("centos7", REFUSED)], cases=())
    plain = as_json(made, evaluate(made, record), record.run_id)
    assert plain["counts"] == {
        "confirmed": 0,
        "conditional": 0,
        "refuted": 0,
        "not-testable-here": 1,
        "not-run": 1,
    }
    claim, advice = plain["claims"]
    assert claim["checks"][0] == {
        "case": CASE,
        "role": "breaks",
        "remedy": None,
        "where": "centos7",
        "beyond": False,
        "if-right": "refused by the server at handshake: no-shared-cipher",
        "seen": "refused by the server at handshake: no-shared-cipher",
        "state": "holds",
        "attempts": ["topic/a_case[net-ftp@centos7]/breaks-vsftpd"],
        "stand-ins": [],
        "surprises": [],
    }
    assert advice["untestable"] == {"en": "Advice.", "ja": "助言である。"}


# -- the documents there are ---------------------------------------------------------------------------


def chosen_by_default() -> list[LoadedCase]:
    """The cases that a run makes which is told of none."""
    return catalogue().select([])


@pytest.mark.parametrize("made", documents().values(), ids=documents())
def test_every_claim_has_its_cases_and_every_case_its_claim(made: Document) -> None:
    found = problems(made, catalogue().cases)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("made", documents().values(), ids=documents())
def test_every_text_is_in_both_languages(made: Document) -> None:
    texts = list(texts_of(made.model_dump(by_alias=True)))
    assert texts
    for text in texts:
        assert not has_japanese(text["en"]), text["en"]
        assert has_japanese(text["ja"]) or text["ja"] in WORDS_WITHOUT_TRANSLATION, text["ja"]


#: Names that are the same in both languages.
WORDS_WITHOUT_TRANSLATION = ("LEGACY", "FIPS", "FUTURE")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: with_test(d, case="no_common_cipher_suite/gone"), "there is no case no_common"),
        (lambda d: with_test(d, clients=("rocky9:FUTURE",)), "has no attempt breaks from rocky9"),
        (lambda d: with_test(d, servers=("vsftpd@rocky9",)), "has no attempt breaks to vsftpd@"),
        (
            lambda d: with_test(d, role=Role.REMEDY, title="ssl_ciphers=LOW"),
            "has no attempt remedy 'ssl_ciphers=LOW' from rocky9:FIPS",
        ),
        (
            lambda d: with_test(d, case="after_the_handshake/net_ftp_over_tls_1_3"),
            "the refusal of after_the_handshake/net_ftp_over_tls_1_3 is a race",
        ),
        (
            lambda d: d.model_copy(update={"cases_without_claim": {}}),
            "no claim names the case vsftpd_3_0_5/triple_des_alone",
        ),
        (
            lambda d: without_claims(d, "no_certificate_at_all/tls_is_off"),
            "no claim names the case no_certificate_at_all/tls_is_off",
        ),
        (
            lambda d: also_without_claim(d, "no_certificate_at_all/tls_is_off"),
            "no_certificate_at_all/tls_is_off is listed as a case without a claim, and a claim",
        ),
        (lambda d: also_without_claim(d, "topic/gone"), "there is no case topic/gone, which is"),
    ],
)
def test_the_lint_finds_what_does_not_fit(
    change: Callable[[Document], Document], words: str
) -> None:
    found = problems(change(documents()["movable-type"]), catalogue().cases)
    assert any(words in problem for problem in found), found


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        (
            "movable-type",
            {
                "self-signed-is-refused": "confirmed",
                "verify-none-is-a-risk": "confirmed",
                "public-certificate-passes": "conditional",
                "no-certificate-message": "conditional",
                "remedy-ssl-cipher-list-aes128": "conditional",
                "vsftpd-default-suites": "refuted",
                "rocky-9-lacks-aes128-sha": "refuted",
                "rocky-9-fails": "refuted",
                "centos-7-works": "confirmed",
                "the-old-cloud-was-centos-7": "not-testable-here",
            },
        ),
        (
            "fastly",
            {
                "hostname-mismatch": "confirmed",
                "self-signed-certificate": "confirmed",
                "only-two-reasons": "refuted",
                "ca-certificate-cures": "conditional",
                "which-authorities-are-used": "not-testable-here",
                "timeout-slow-answer": "refuted",
                "refused-by-a-filter": "conditional",
                "unknown-protocol": "conditional",
                "handshake-failure": "refuted",
                "internal-error": "refuted",
                "tls-1-0-is-supported": "conditional",
                "tls-1-2-is-supported": "confirmed",
                "the-option-tls1-0": "refuted",
                "s-client-prints-subject-and-issuer": "confirmed",
                "only-rc4-in-common": "conditional",
            },
        ),
    ],
)
def test_a_run_in_which_all_is_as_expected_decides_every_claim(
    name: str, verdicts: dict[str, str]
) -> None:
    results = {r.claim.id: r.verdict for r in results_as_expected(name)}
    undecided = [claim for claim, verdict in results.items() if verdict is ClaimVerdict.NOT_RUN]
    assert not undecided
    assert {claim: str(results[claim]) for claim in verdicts} == verdicts


@pytest.mark.parametrize("made", documents().values(), ids=documents())
def test_a_condition_belongs_to_a_verdict_that_the_claim_has(made: Document) -> None:
    """A sentence that no run shows would never be read, nor corrected."""
    for result in results_as_expected(made.id):
        assert not result.claim.condition or result.condition, result.claim.id


def test_a_client_that_behaves_as_the_document_says_turns_the_verdicts_round() -> None:
    """The verdicts come from the record: with the document's client they are the document's."""

    def refuse(planned: PlannedAttempt) -> Expectation | None:
        client, server = planned.attempt.client, planned.attempt.server
        stock = server.ciphers is None or "AES128-SHA" in server.ciphers
        of_that_document = client.where == "rocky9:DEFAULT" and stock and client.ciphers is None
        return REFUSED if of_that_document and planned.role is Role.WORKS else planned.expect

    results = {r.claim.id: r for r in evaluate(movable_type(), as_expected(refuse))}
    assert results["rocky-9-fails"].verdict is ClaimVerdict.CONFIRMED
    assert results["rocky-9-lacks-aes128-sha"].verdict is ClaimVerdict.CONFIRMED
    assert results["rocky-9-fails"].condition is None
    assert results["tls-encrypts"].where["rocky9:DEFAULT"] is ClaimVerdict.REFUTED
    assert results["tls-encrypts"].verdict is ClaimVerdict.CONDITIONAL


# -- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("made", documents().values(), ids=documents())
def test_the_words_fit_into_80_columns(made: Document, language: Any) -> None:
    results = results_as_expected(made.id)
    text = ClaimsTold(language).whole(made, results, "some-run")
    short = ClaimsTold(language).summary(made, results)
    for line in [*text.splitlines(), *short.splitlines()]:
        assert cell_len(line) <= 80 or line == made.address
    assert has_japanese(text) is (language == "ja")
    for result in results:
        assert result.claim.id in text


def test_the_words_of_a_claim_say_where_it_holds_and_why() -> None:
    results = results_as_expected("movable-type")
    text = ClaimsTold().whole(movable_type(), results, "some-run")
    block = text[text.index("conditional: remedy-ssl-cipher-list") :].split("\n\n")[0]
    words = " ".join(block.split())
    assert "by client rocky9:FIPS confirmed, rocky9:FUTURE refuted" in words
    assert "holds the server offers AES128-SHA:DES-CBC3-SHA" in words
    assert "does not the same server, the client is under FUTURE: rocky9:FUTURE" in words
    assert "[beyond what it says]" in words
    assert "in short The client's crypto policy must leave it the choice" in words
    assert "stand-ins rocky9" in words


def test_the_summary_counts_and_names_what_does_not_simply_hold() -> None:
    results = results_as_expected("movable-type")
    text = ClaimsTold().summary(movable_type(), results)
    number = counts(results)
    head = f"movable-type: {len(results)} claims: {number[ClaimVerdict.CONFIRMED]} confirmed"
    assert text.startswith(head)
    refuted = [r for r in results if r.verdict is ClaimVerdict.REFUTED]
    assert text.count("\n  refuted ") == len(refuted) >= 4


def test_a_claim_that_was_not_run_says_how_much_is_missing() -> None:
    made = document(CLAIM, TEST)
    record = run_record(attempts=[attempts("centos7", REFUSED)], cases=())
    text = ClaimsTold().whole(made, evaluate(made, record), record.run_id)
    assert "not run: it-fails (paragraph 2)" in text
    assert "1 of 2 checks made" in text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Of 2 claims this run tried"), ("ja", "ほか 2 件")]
)
def test_claims_of_which_nothing_was_tried_are_counted_and_listed_on_demand(
    language: str, words: str
) -> None:
    others = (
        CLAIM.replace("it-fails", name) + TEST.replace(CASE, f"topic/{name}") for name in ("a", "b")
    )
    made = document(CLAIM, TEST, *others)
    record = run_record(attempts=[attempts("centos7", REFUSED)], cases=())
    results = evaluate(made, record)
    short = ClaimsTold(language).whole(made, results, record.run_id)
    assert words in short
    assert "it-fails" in short
    assert ": a" not in short
    whole = ClaimsTold(language).whole(made, results, record.run_id, verbose=True)
    assert words not in whole
    assert ": a (" in whole


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("two words", 5, ["two", "words"]),
        ("two words", 9, ["two words"]),
        ("日本語の文", 6, ["日本語", "の文"]),
        ("日本語。次", 6, ["日本", "語。次"]),
        ("これ「は」", 6, ["これ", "「は」"]),
        ("これ [範囲外]", 6, ["これ", "[範囲", "外]"]),
        ("サーバー", 6, ["サー", "バー"]),
        ("名 ssl_ciphers=HIGH です", 16, ["名", "ssl_ciphers=HIGH", "です"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("", 10, [""]),
    ],
)
def test_lines_end_where_both_languages_let_them(text: str, columns: int, lines: list[str]) -> None:
    assert [line.plain for line in wrap(text, columns)] == lines


def test_further_lines_hang_below_the_first_letter() -> None:
    assert hung("成立  ", "two words, and as many as fit", 26) == [
        "成立  two words, and as",
        "      many as fit",
    ]


# -- helpers -------------------------------------------------------------------------------------------


def movable_type() -> Document:
    return documents()["movable-type"]


@cache
@cache
def results_as_expected(name: str) -> tuple[ClaimResult, ...]:
    # Also of a document whose cases are made only where they are asked for by name.
    return evaluate(
        documents()[name], as_expected(cases=[c for c in catalogue().cases if c.document == name])
    )


def as_expected(
    change: Callable[[PlannedAttempt], Expectation | None] | None = None,
    cases: Sequence[LoadedCase] | None = None,
) -> RunRecord:
    """A run of all cases, or of these, in which each attempt does what its case expects."""
    made = []
    for case in chosen_by_default() if cases is None else cases:
        for planned in case.plan():
            expected = change(planned) if change else planned.expect
            assert expected is not None
            client, server = planned.attempt.client, planned.attempt.server
            facts: dict[str, Any] = {}
            if expected.result is Result.COMPLETED:
                usual = {
                    "protocol": negotiated(planned.attempt),
                    "cipher": "ECDHE-RSA-AES256-GCM-SHA384",
                    "verified": client.tls and client.verify,
                    "data_protected": client.tls,
                }
                facts = {n: v for n, v in usual.items() if getattr(expected, n) is None}
                if client.program == "openssl":
                    facts["message"] = S_CLIENT_SHOWS
            let_in = server.impostor and expected.result is Result.COMPLETED
            captured = Captured(user="lab", password="secret") if let_in else None
            made.append(
                AttemptResult(
                    id=planned.id,
                    case=case.id,
                    role=planned.role,
                    label=planned.title,
                    server=server,
                    client=client,
                    expectation=planned.expect,
                    outcome=seen(expected, **facts),
                    verdict=Verdict.AS_EXPECTED,
                    server_report=ServerReport(started=True, captured=captured),
                    started=START,
                    images=attempt_record("x", planned.attempt, None, None).images,
                )
            )
    return run_record(attempts=tuple(made), cases=())


def negotiated(planned: Attempt) -> str:
    """The newest protocol version that both ends allow and that both libraries have."""
    ends = planned.client.protocols, planned.server.protocols
    old = planned.client.platform == "centos7" or "openssl-1.0.2k" in planned.server.software
    versions = PROTOCOLS[:-1] if old else PROTOCOLS
    return [v for v in versions if all(end is None or v in end for end in ends)][-1]


def with_test(made: Document, **changes: Any) -> Document:
    """The document with a changed test in one of its claims."""
    claim = next(c for c in made.claims if c.id == "no-common-suite-fails")
    test = next(t for t in claim.tests if t.clients == ("rocky9:FIPS",))
    tests = tuple(t.model_copy(update=changes) if t is test else t for t in claim.tests)
    return with_claims(made, (c if c is not claim else with_tests(c, tests) for c in made.claims))


def with_tests(claim: Claim, tests: tuple[Any, ...]) -> Claim:
    return claim.model_copy(update={"tests": tests})


def with_claims(made: Document, claims: Iterable[Claim]) -> Document:
    return made.model_copy(update={"claims": tuple(claims)})


def without_claims(made: Document, case: str) -> Document:
    return with_claims(
        made, (with_tests(c, tuple(t for t in c.tests if t.case != case)) for c in made.claims)
    )


def also_without_claim(made: Document, case: str) -> Document:
    reason = Bilingual(en="Because.", ja="だから。")
    return made.model_copy(
        update={"cases_without_claim": {**made.cases_without_claim, case: reason}}
    )


def texts_of(value: Any) -> Iterator[dict[str, str]]:
    """Every text in both languages, wherever in a document it is."""
    if isinstance(value, dict):
        if {"en", "ja"} <= value.keys():
            yield value
        else:
            for part in value.values():
                yield from texts_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_of(part)


def has_japanese(text: str) -> bool:
    return any(unicodedata.name(c, "").startswith(("CJK", "HIRAGANA", "KATAKANA")) for c in text)


def test_every_client_can_be_named() -> None:
    assert set(WHERE) >= {
        "centos7",
        "rocky9:DEFAULT",
        "rocky9:LEGACY",
        "rocky9:FUTURE",
        "rocky9:FIPS",
        "debian13",
    }
