"""What the builds can do: asked once for each image, and again when the image is another."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.certificates import OWN
from lab.model import Attempt, ServerSettings
from lab.model.attempt import Accepts, Capability, Loads, Offers, Speaks
from lab.run.agents import Agents
from lab.run.answers import FILE, KeptAnswers
from lab.run.offers import Capabilities, OfferCache
from lab.run.suites import Offer
from lab.settings import parse_client, parse_server
from lab.tls.suites import SUITES

IMAGES = {"vsftpd": "sha256:aa", "nginx": "sha256:bb", "edge": "sha256:bb", "centos7": "sha256:cc"}


class MadeUp:
    """The ends of an attempt, which note what they are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.can = True

    def server(self, software: str) -> Any:
        """The agent of a server."""

        def call(op: str, _deadline_s: float, **question: str) -> dict[str, Any]:
            self.asked.append(" ".join([software, op, *question.values()]))
            return {"can": self.can}

        return SimpleNamespace(call=call)

    def client(self, attempt: Attempt) -> Any:
        """The offer of a client."""
        self.asked.append(f"{attempt.client} offers")
        return SimpleNamespace(versions=("TLSv1.3", "TLSv1.2"))

    def listener(self, server: Any) -> Any:
        """The offer of a listener."""
        self.asked.append(f"{server.software} accepts")
        return SimpleNamespace(versions=("TLSv1.2",))


def capabilities(made_up: MadeUp, state: Path, **images: str) -> Capabilities:
    offers = SimpleNamespace(client=made_up.client, server=made_up.listener)
    kept = KeptAnswers({**IMAGES, **images}, state)
    return Capabilities(cast("Agents", made_up), cast("OfferCache", offers), kept)


def ftp(*server: str) -> Attempt:
    return Attempt(parse_server(server, "vsftpd"), parse_client("net-ftp@centos7"))


def web(*client: str) -> Attempt:
    return Attempt(parse_server([], "nginx"), parse_client("edge@debian13", client))


@pytest.mark.parametrize(
    ("attempt", "capability", "asked", "answer"),
    [
        (
            ftp(),
            Loads("weak-key"),
            "vsftpd can /opt/lab/certificates/ftp.lab.test/weak-key.chain.pem"
            " /opt/lab/certificates/ftp.lab.test/weak-key.key.pem",
            True,
        ),
        (ftp(), Speaks("TLSv1"), "vsftpd can TLSv1", True),
        (ftp(), Accepts("TLSv1.3"), "vsftpd accepts", False),
        (web(), Offers("TLSv1.3"), "edge@debian13 offers", True),
        (web(), Offers("TLSv1"), "edge@debian13 offers", False),
    ],
)
def test_the_end_that_knows_is_asked(
    tmp_path: Path, attempt: Attempt, capability: Capability, asked: str, answer: bool
) -> None:
    made_up = MadeUp()
    assert capabilities(made_up, tmp_path).has(attempt, capability) is answer
    assert made_up.asked == [asked]


def test_an_image_is_asked_once_and_the_answer_outlives_the_run(tmp_path: Path) -> None:
    # given an image that was asked in an earlier run
    made_up = MadeUp()
    first = capabilities(made_up, tmp_path)
    assert first.has(ftp(), Loads("weak-key"))
    assert first.has(ftp("ciphers=HIGH"), Loads("weak-key"))

    # when a later run wants to know, which would hear something else
    made_up.can = False
    assert capabilities(made_up, tmp_path).has(ftp(), Loads("weak-key"))

    # then nobody is asked again
    assert len(made_up.asked) == 1


def test_another_image_is_asked_itself(tmp_path: Path) -> None:
    made_up = MadeUp()
    assert capabilities(made_up, tmp_path).has(ftp(), Loads("weak-key"))
    made_up.can = False
    assert not capabilities(made_up, tmp_path, vsftpd="sha256:dd").has(ftp(), Loads("weak-key"))


def test_what_a_client_is_told_to_offer_is_another_question(tmp_path: Path) -> None:
    made_up = MadeUp()
    asking = capabilities(made_up, tmp_path)
    for attempt in (web(), web("protocols=TLSv1.."), web(), web("verify=no")):
        asking.has(attempt, Offers("TLSv1.3"))
    assert len(made_up.asked) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"x": "yes"}', "\xff", "[" * 100_000, " " * (5 << 20)])
def test_a_damaged_file_of_answers_is_asked_for_again(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    made_up = MadeUp()
    assert capabilities(made_up, tmp_path).has(ftp(), Speaks("TLSv1"))
    assert made_up.asked
    assert list(json.loads((tmp_path / FILE).read_text())["answers"].values()) == [True]


@pytest.mark.parametrize(
    "change", [{"lab": "another"}, {"answers": None}, {"answers": {}}], ids=["lab", "none", "empty"]
)
def test_what_another_lab_was_answered_is_asked_again(
    tmp_path: Path, change: dict[str, object]
) -> None:
    # given an answer, and a lab whose code is another by now, or a file that has none
    made_up = MadeUp()
    assert capabilities(made_up, tmp_path).has(ftp(), Speaks("TLSv1"))
    kept = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(kept | change))

    # when it wants to know, it hears what the build says now
    made_up.can = False
    assert not capabilities(made_up, tmp_path).has(ftp(), Speaks("TLSv1"))
    assert len(made_up.asked) == 2


def test_where_answers_cannot_be_kept_they_are_given_all_the_same(tmp_path: Path) -> None:
    assert capabilities(MadeUp(), tmp_path / "nowhere").has(ftp(), Speaks("TLSv1"))


def test_of_answers_whose_writing_is_interrupted_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        capabilities(MadeUp(), tmp_path).has(ftp(), Speaks("TLSv1"))
    assert list(tmp_path.iterdir()) == []


# -- what both ends agree to -------------------------------------------------------------------------


class Ends(OfferCache):
    """The ends of an attempt, which note that they are asked."""

    def __init__(self, state: Path, asked: list[str], nothing: str = "", **images: str) -> None:
        nobody = cast("Any", None)
        super().__init__(nobody, nobody, nobody, nobody, KeptAnswers({**IMAGES, **images}, state))
        self.asked, self.nothing = asked, nothing

    def _ask_client(self, attempt: Attempt) -> Offer:
        self.asked.append(str(attempt.client))
        suites = {"TLSv1.2": (SUITES[0x0035], SUITES[0x002F]), "TLSv1.1": ()}
        return Offer(end=str(attempt.client), suites=suites, nothing=self.nothing)

    def _ask_server(self, server: ServerSettings) -> Offer:
        self.asked.append(server.software)
        listed = (SUITES[0x002F], SUITES[0x1301])
        return Offer(
            end=server.software, suites={"TLSv1.2": listed[:1]}, configured=listed, key="RSA-2048"
        )


def test_what_an_end_agrees_to_outlives_the_run_as_it_was_said(tmp_path: Path) -> None:
    asked: list[str] = []
    first = Ends(tmp_path, asked)
    said = [first.client(ftp()), first.server(ftp().server)]
    later = Ends(tmp_path, asked)
    assert [later.client(ftp()), later.server(ftp().server)] == said
    assert asked == ["net-ftp@centos7", "vsftpd"]


@pytest.mark.parametrize("service", ["vsftpd", "centos7"])
def test_each_image_says_itself_what_it_agrees_to(tmp_path: Path, service: str) -> None:
    asked: list[str] = []
    for images in ({}, {service: "sha256:dd"}):
        ends = Ends(tmp_path, asked, **images)
        ends.client(ftp())
        ends.server(ftp().server)
    whose = {"vsftpd": ["net-ftp@centos7", "vsftpd"], "centos7": ["net-ftp@centos7"]}
    assert asked[2:] == whose[service], "the server's agent is the client's other end"


def test_other_settings_are_another_question(tmp_path: Path) -> None:
    asked: list[str] = []
    for settings in ([], ["ciphers=HIGH"], []):
        Ends(tmp_path, asked).server(ftp(*settings).server)
    assert asked == ["vsftpd", "vsftpd"]


def test_that_there_is_nothing_to_compare_and_what_a_persons_key_allows_is_asked_anew(
    tmp_path: Path,
) -> None:
    asked: list[str] = []
    own = dataclasses.replace(ftp().server, certificate=OWN)
    for _ in range(2):
        Ends(tmp_path, asked, nothing="connection refused").client(ftp())
        Ends(tmp_path, asked).server(own)
    assert asked == ["net-ftp@centos7", "vsftpd"] * 2
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("kept", [None, True, [], {}, {"end": "vsftpd", "suites": None}])
def test_a_damaged_offer_is_asked_for_again(tmp_path: Path, kept: object) -> None:
    asked: list[str] = []
    Ends(tmp_path, asked).server(ftp().server)
    file = json.loads((tmp_path / FILE).read_text())
    file["answers"] = dict.fromkeys(file["answers"], kept)
    (tmp_path / FILE).write_text(json.dumps(file))
    assert Ends(tmp_path, asked).server(ftp().server).key == "RSA-2048"
    assert asked == ["vsftpd", "vsftpd"]
