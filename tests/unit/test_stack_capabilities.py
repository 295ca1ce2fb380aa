"""What the builds can do: asked once for each image, and again when the image is another."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.model import Accepts, Attempt, Capability, Loads, Offers, Speaks
from lab.run.agents import Agents
from lab.run.offers import FILE, Capabilities, OfferCache
from lab.settings import parse_client, parse_server

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
    return Capabilities(
        cast("Agents", made_up), cast("OfferCache", offers), {**IMAGES, **images}, state
    )


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
