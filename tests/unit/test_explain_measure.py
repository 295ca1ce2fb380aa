"""How often `lab explain` is right on what programs were heard to say, and that the document says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.explain.measure import DOCUMENT, Answer, Truth, put, written
from tests.explain.texts import Cause, Recording, Text

RECORDING = Recording("curl", "debian12", "7.88.1", "OpenSSL", "recorded", ())


def answered(reasons: list[str], *said: str, sure: str = "") -> Answer:
    causes = tuple(Cause(reason, "client", "verify") for reason in reasons)
    text = Text("text", "way", ("web: x",), causes)
    return Answer(RECORDING, text, said, frozenset({sure} - {""}))


def test_a_text_with_one_cause_is_right_where_that_comes_first() -> None:
    assert answered(["expired"], "expired", "revoked").right
    assert not answered(["expired"], "revoked", "expired").right
    assert answered(["expired"], "revoked", "expired").within_three
    assert not answered(["expired"]).within_three


def test_a_text_with_several_is_right_where_they_are_the_candidates() -> None:
    assert answered(["expired", "revoked"], "revoked", "expired").right
    assert not answered(["expired", "revoked"], "revoked", "expired", "weak-key").right
    assert not answered(["expired", "revoked"], "revoked").right
    assert answered(
        ["expired", "unknown-issuer"], "expired", "first-certificate-unverifiable"
    ).right
    assert answered(["closed", "reset"], "reset").right
    assert not answered(["closed"], "reset").right


def test_a_candidate_that_was_not_set_up_with_the_program_counts_in_one_row_alone() -> None:
    text = Text("text", "way", ("web: x",), answered(["expired", "revoked"]).text.causes)
    said = ("expired", "revoked", "weak-key")
    apart = Answer(RECORDING, text, said, frozenset(), frozenset({"expired", "revoked"}))
    assert apart.right_as_far_as_set_up
    assert not apart.right
    other = frozenset({"expired", "revoked", "weak-key"})
    assert not Answer(RECORDING, text, said, frozenset(), other).right_as_far_as_set_up


def test_the_truth_of_a_text_is_that_of_all_releases_and_ways_of_its_program() -> None:
    def said(reason: str, how: str = "way", text: str = "no") -> Text:
        return Text(text, how, ("web: x",), (Cause(reason, "client", "verify"),))

    first = replace(RECORDING, texts=(said("expired"), said("weak-key", text="other")))
    later = replace(RECORDING, release="debian13", texts=(said("revoked", "another"),))
    elsewhere = replace(RECORDING, program="wget", texts=(said("not-a-ca"),))
    truth = Truth([first, later, elsewhere])
    assert truth.of(first, first.texts[0]).reasons == {"expired", "revoked"}
    assert truth.of(first, first.texts[1]).reasons == {"weak-key"}
    assert truth.set_up(first, first.texts[0]) == {"expired", "weak-key", "revoked"}
    assert truth.set_up(first, first.texts[1]) == {"expired", "weak-key"}
    on_gnutls = replace(RECORDING, program="curl-gnutls", texts=(said("reset"),))
    assert Truth([first, on_gnutls]).of(first, first.texts[0]).reasons == {"expired", "reset"}


def test_a_library_is_heard_through_all_that_pass_its_words_on() -> None:
    def recorded(program: str, text: str, reason: str, stage: str = "handshake") -> Recording:
        cause = Cause(reason, "server", stage)
        texts = (Text(text, "way", ("web: x",), (cause,)),)
        return replace(RECORDING, program=program, texts=texts)

    def reasons(among: list[Recording], one: Recording) -> set[str]:
        return set(Truth(among).of(one, one.texts[0]).reasons)

    git = recorded(
        "git", "fatal: unable to access 'https://x/': Send failure: Broken pipe", "reset"
    )
    curl = recorded("curl", "curl: (55) Send failure: Broken pipe", "closed")
    other = recorded("curl-gnutls", "curl: (35) Send failure: Broken pipe", "sni-rejected")
    upload = recorded("curl", "curl: (55) Send failure: Broken pipe", "aborted", "transfer")
    assert reasons([git, curl], git) == reasons([git, curl], curl) == {"reset", "closed"}
    # of two numbers nobody knows which git has met; and it meets no upload
    assert reasons([git, curl, other], git) == {"reset", "closed", "sni-rejected"}
    assert reasons([git, curl, other], curl) == {"closed"}
    assert reasons([git, curl, upload], git) == {"reset", "closed"}


def test_to_be_sure_of_what_is_none_of_the_causes_is_counted() -> None:
    assert answered(["expired"], "revoked", sure="revoked").confidently_wrong
    assert not answered(["expired"], "expired", "revoked", sure="expired").confidently_wrong


def test_figures_have_their_place() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert written(put(document, "| a |")) == "| a |"
    assert written(put(document, "| a |"), "a batch") == ""
    of_it = '<!-- figures: make explain-measure MEASURE="--held-out a batch --write" -->\n'
    both = put(document + of_it + "\n<!-- end of the figures -->", "| b |", "a batch")
    assert written(both, "a batch") == "| b |"
    assert written(both) == written(document)
    with pytest.raises(ValueError, match="has no line"):
        put("nothing", "| a |")
