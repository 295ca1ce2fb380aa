"""The baseline of a check: what is kept, what is compared, and what is none."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from lab.check import baseline, telling
from lab.check.baseline import BaselineUse, CheckBaseline, baseline_in_words
from lab.check.result import CheckResult, RowVerdict
from lab.model import Reason, Stage
from lab.own.findings import InputError
from tests.unit.checks import RESULT, delivers, refused
from tests.unit.made_up import DELIVERED, EXPIRED, NO_SHARED_CIPHER

CLIENT = "net-ftp@rocky9:FIPS"
MET = delivers(CLIENT, outcome=DELIVERED, completed=1, tries=1)
BROKEN = refused(CLIENT)
NOT_LISTENING = dataclasses.replace(
    NO_SHARED_CIPHER, stage=Stage.CONNECT, reason=Reason.CONNECTION_REFUSED
)


def check(*rows: object, **more: object) -> CheckResult:
    return dataclasses.replace(RESULT, rows=rows, **more)  # type: ignore[arg-type]


def test_a_baseline_is_read_as_it_was_written_and_is_sorted(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(CheckBaseline.of(RESULT).text(), "utf-8")
    text = path.read_text("utf-8")
    turned = dataclasses.replace(RESULT, rows=RESULT.rows[::-1])

    assert CheckBaseline.read(path) == CheckBaseline.of(RESULT)
    assert CheckBaseline.of(turned).text() == text
    broken = {"outcome": "refused:server:handshake:no-shared-cipher", "verdict": "broken"}
    assert json.loads(text)["rows"]["delivers/net-ftp@rocky9:FIPS"] == broken
    assert json.loads(text)["builds"]["rocky9"]["openssl"] == "3.5.1-4"


@pytest.mark.parametrize(
    ("before", "now", "status", "said"),
    [
        (MET, MET, 0, "nothing changed"),
        (
            MET,
            BROKEN,
            1,
            f"worse: delivers/{CLIENT}: completed -> refused:server:handshake:no-shared-cipher",
        ),
        (None, BROKEN, 1, f"worse: delivers/{CLIENT}: not in the baseline, now refused:server"),
        (BROKEN, BROKEN, 0, "known: 1 broken then and now"),
        (BROKEN, MET, 0, "To hold what got better: lab check --write-baseline base.json"),
        (
            BROKEN,
            refused(CLIENT, outcome=EXPIRED),
            0,
            f"known, in another way: delivers/{CLIENT}: refused:server",
        ),
        (
            BROKEN,
            refused(CLIENT, outcome=NOT_LISTENING),
            1,
            f"worse: delivers/{CLIENT}: refused:server:handshake:no-shared-cipher -> refused:",
        ),
        (MET, None, 0, f"in the baseline, and not checked now: delivers/{CLIENT}"),
        (MET, delivers(CLIENT, RowVerdict.LAB_ERROR, why="x"), 3, "nothing changed"),
    ],
    ids=["same", "worse", "new", "known", "better", "otherwise", "earlier", "gone", "lab error"],
)
def test_what_got_worse_is_red_and_what_was_broken_is_known(
    before: object, now: object, status: int, said: str
) -> None:
    old = CheckBaseline.of(check(*filter(None, [before])))
    result = check(*filter(None, [now]))
    compared = baseline.compare(old, result, "base.json")

    assert dataclasses.replace(result, compared=compared).exit_status == status
    assert said in "\n".join(baseline_in_words(compared, "en"))


def test_another_version_is_said_and_is_never_red() -> None:
    old = CheckBaseline.of(check(MET))
    now = check(MET, builds={"rocky9": {"openssl": "3.5.5-1", "TLS library": "OpenSSL 3.5.1"}})
    compared = baseline.compare(old, now, "base.json")

    assert dataclasses.replace(now, compared=compared).exit_status == 0
    assert baseline_in_words(compared, "en") == [
        "other versions than then (no fault by itself): rocky9: openssl 3.5.1-4 -> 3.5.5-1"
    ]
    assert "それ自体は問題ではない" in baseline_in_words(compared, "ja")[0]


GOOD = json.loads(CheckBaseline.of(RESULT).text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        json.dumps(GOOD | {"format": "another"}),
        json.dumps(GOOD | {"format_version": 2}),
        json.dumps(GOOD | {"more": 1}),
        json.dumps(GOOD | {"rows": {"x": {"verdict": "fine"}}}),
        json.dumps(GOOD | {"rows": {str(n): {"verdict": "met"} for n in range(6000)}}),
        json.dumps(GOOD | {"builds": {"x": {"y": 1}}}),
        json.dumps(GOOD) + " " * (1 << 20),
        "\x00",
    ],
    ids=[
        "empty",
        "list",
        "open",
        "deep",
        "format",
        "version",
        "more",
        "verdict",
        "many",
        "number",
        "large",
        "nul",
    ],
)
def test_what_is_no_baseline_is_refused_in_two_lines(text: str, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        CheckBaseline.read(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 2


def test_a_baseline_that_is_not_there_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lab check --write-baseline FILE"):
        CheckBaseline.read(tmp_path / "none.json")


# -- written by a check ------------------------------------------------------------------------------


def test_a_check_that_is_written_down_knows_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text("no baseline any more")
    use = BaselineUse(path, path)
    compared = use.compare(check(BROKEN))

    assert compared is not None
    assert dataclasses.replace(check(BROKEN), compared=compared).exit_status == 0
    assert list(compared.known) == [f"delivers/{CLIENT}"]
    assert CheckBaseline.read(path) == CheckBaseline.of(check(BROKEN))
    assert [p.name for p in tmp_path.iterdir()] == ["base.json"]


def test_a_check_that_left_something_open_is_not_written_down(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    use = BaselineUse(path, path)
    result = check(BROKEN, delivers("x@y", RowVerdict.LAB_ERROR, why="x"))

    assert use.compare(result) is None
    said = use.in_words(result)
    assert said is not None
    assert "is not written: 1 requirements could not be looked at" in said.en
    assert not path.exists()


def test_a_baseline_that_cannot_be_written_is_said_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Name a file in a folder"):
        BaselineUse(tmp_path, tmp_path)


def test_what_changed_is_there_for_programs() -> None:
    compared = baseline.compare(CheckBaseline.of(check(MET)), check(BROKEN), "base.json")
    result = dataclasses.replace(check(BROKEN), compared=compared)
    plain = json.loads(json.dumps(telling.as_json(result), default=str))

    assert plain["status"] == 1
    assert plain["baseline"]["worse"][0]["id"] == f"delivers/{CLIENT}"
