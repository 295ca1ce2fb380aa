"""The faults that end-to-end tests have to notice: the list, and how what was seen is read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lab.host.checkout import root
from tests.situations import situations
from tools.faults import LIST, SEEN, Fault, functions, judged, read, seen

FAULT = Fault("x", "file", "good", "bad", ("test_a.test_one",))


def test_every_end_to_end_function_was_seen_red_or_is_known_not_to_be() -> None:
    listed, everything = read(root()), functions(root())
    named = {(fault.name, name) for fault in listed.faults for name in fault.red}
    noticing = {name for _, name in named}
    assert everything - noticing - set(listed.open) == set(), f"name a fault in {LIST}"
    assert noticing | set(listed.open) <= everything, "there is no such function any more"
    was_seen = seen(root())
    assert set(was_seen) <= named, f"there is no such fault any more: take it out of {SEEN}"
    red = {name for (_, name), how in was_seen.items() if how == "red"}
    assert everything - red - set(listed.open) == set(), "see it: make faults ONLY=FUNCTION"
    assert red & set(listed.open) == set(), "it was seen red by now: take it off the open ones"
    assert max(Counter(fault.name for fault in listed.faults).values()) == 1


@pytest.mark.parametrize("text", ["", "good good"])
def test_a_fault_whose_text_is_not_there_once_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ValueError, match="in file, not once"), FAULT.put_into(tmp_path):
        pass


def test_every_fault_can_be_put_in() -> None:
    for fault in read(root()).faults:
        text = (root() / fault.file).read_text(encoding="utf-8")
        assert text.count(fault.replace) == 1, f"adapt {fault.name} in {LIST} to {fault.file}"


def test_a_fault_is_put_in_and_taken_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("very good")
    with FAULT.put_into(tmp_path):
        assert (tmp_path / "file").read_text() == "very bad"
    assert (tmp_path / "file").read_text() == "very good"


def test_only_a_function_that_fails_by_itself_has_noticed(tmp_path: Path) -> None:
    items = {
        "one[1]": "",
        "one[2]": "<failure/>",
        "one[3]": "",
        "two": "<error/>",
        "three": "",
        "four": "<skipped/>",
    }
    text = "".join(
        f'<testcase classname="tests.e2e.test_a" name="test_{name}">{inner}</testcase>'
        for name, inner in items.items()
    )
    (tmp_path / "junit.xml").write_text(f"<testsuites><testsuite>{text}</testsuite></testsuites>")
    names = [f"test_a.test_{n}" for n in ("one", "two", "three", "four", "five")]
    found = judged(names, tmp_path / "junit.xml")
    assert list(found.values()) == ["red", "not reached", "green", "not reached", "not reached"]


def test_every_situation_is_an_attempt_with_a_name_of_its_own() -> None:
    names = [one.name for one in situations()]
    assert len(names) > 1000
    assert len(set(names)) == len(names)
