"""A scenario that is changed on disk fails under pytest, in exactly the changed place."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.cases import Catalogue, LoadedCase
from lab.model import Rating, Result
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

#: A refusal that comes of no case.
ANOTHER = "refused(by=Side.SERVER, at=Stage.GREETING, because=Reason.NOT_FTP)"
IMPORTS = """
from lab.model.expectations import refused
from lab.model import Reason, Side, Stage
"""
#: Defects that are removed: module, case, the text that makes it break, and one that does not.
REMOVED = {
    "no_public_certificate": (
        "expired_certificate",
        'attempt_with("expired"',
        'attempt_with("wildcard"',
    ),
    "no_certificate_at_all": (
        "the_option_is_not_set",
        'certificate="unset"',
        'certificate="wildcard"',
    ),
    "no_common_cipher_suite": (
        "the_client_is_told_to_use_aes128_only",
        'with_client(ciphers="AES128")',
        'with_client(ciphers="HIGH")',
    ),
    "vsftpd_3_0_5": (
        "triple_des_alone",
        'ciphers="DES-CBC3-SHA"',
        'ciphers="ECDHE-RSA-AES256-GCM-SHA384"',
    ),
}


@dataclass(frozen=True)
class Change:
    """One change in the text of one case, after which exactly its first attempt is a surprise."""

    case: LoadedCase
    begin: int
    end: int
    text: str
    """What stands from ``begin`` to ``end`` afterwards."""
    says: str
    """What the failure says then, as a regular expression."""

    def apply(self) -> None:
        text = self.case.path.read_text()
        self.case.path.write_text(text[: self.begin] + self.text + text[self.end :])


def change_in(module: str, cases: list[LoadedCase]) -> Change:
    """The change in a module: its defect is removed or, where none is named, something else expected."""
    if module in REMOVED:
        name, before, after = REMOVED[module]
        case = next(c for c in cases if c.name == name)
        body = re.search(rf"^def {name}\(.*?(?=^@|\Z)", case.path.read_text(), re.M | re.S)
        assert body, f"no function {name} in {case.path}: adapt {Path(__file__).name}"
        assert body[0].count(before) == 1, f"{before} is not once in {name}: adapt the test"
        begin = body.start() + body[0].index(before)
        return Change(case, begin, begin + len(before), after, r"seen +completed \(transfer\)")
    text = cases[0].path.read_text()
    places = {c.name: expectation_in(text, c.name) for c in cases if c.case.race is None}
    ordinary = [c for c in cases if places.get(c.name)]
    case = next((c for c in ordinary if c.case.expect.result is Result.REFUSED), ordinary[0])
    place = places[case.name]
    assert place is not None
    begin, end = place
    says = r"expected +refused by the server at greeting: not-ftp"
    return Change(case, begin, end, ANOTHER, says)


def expectation_in(text: str, name: str) -> tuple[int, int] | None:
    """Where the second argument of ``Case(attempt, expectation, ...)`` stands in a case function.

    ``None``: the function leaves the case to another one.
    """
    functions = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    function = next(n for n in functions if n.name == name)
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and len(n.args) > 1]
    made = (n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "Case")
    call = next(made, None)
    if call is None:
        return None
    starts = [0, *itertools.accumulate(len(line.encode()) for line in text.splitlines(True))]
    expectation = call.args[1]
    assert expectation.end_lineno and expectation.end_col_offset is not None  # noqa: PT018
    begin = starts[expectation.lineno - 1] + expectation.col_offset
    end = starts[expectation.end_lineno - 1] + expectation.end_col_offset
    # ast counts in bytes
    return len(text.encode()[:begin].decode()), len(text.encode()[:end].decode())


def test_a_changed_scenario_fails_in_exactly_the_changed_place(
    shared: Copy, copy: Copy, tmp_path: Path
) -> None:
    # given one case of each module, for one client, with its text changed on disk
    modules: dict[str, list[LoadedCase]] = {}
    for case in Catalogue.load(copy.path / "scenarios").select([]):
        modules.setdefault(case.path.stem, []).append(case)
    changes = [change_in(module, cases) for module, cases in modules.items()]
    for change in changes:
        change.apply()
        with change.case.path.open("a") as module:
            module.write(IMPORTS)
    # when pytest runs them, on the topology that is up
    report = tmp_path / "junit.xml"
    wanted = {item(c.case, p.label): c for c in changes for p in c.case.plan()}
    done = copy.run_program(
        *(sys.executable, "-m", "pytest", f"--junit-xml={report}", "-p", "no:cacheprovider"),
        *(f"{c.case.path}::{name}" for name, c in wanted.items()),
        LAB_ROOT=str(shared.path),
    ).done()
    assert done.status == 1, str(done)
    results: dict[str, tuple[str, str]] = {}
    for one in ET.parse(report).getroot().iter("testcase"):
        said = [(e.tag, e.text or "") for e in one if e.tag in {"failure", "error", "skipped"}]
        results[one.get("name", "")] = said[0] if said else ("passed", "")
    assert set(results) == set(wanted), str(done)
    # then the changed attempts fail and no others: twins and remedies pass
    first = {item(c.case, c.case.plan()[0].label): c for c in changes}
    failed = {name for name, (result, _) in results.items() if result in {"failure", "error"}}
    cannot = {name for name, (result, _) in results.items() if result == "skipped"}
    # and useless remedies, which lead to whatever their case expects
    with_it = {
        item(c.case, f"remedy-{number}"): c
        for c in changes
        if c.text == ANOTHER
        for number, remedy in enumerate(c.case.case.remedies, start=1)
        if remedy.rating is Rating.USELESS and remedy.expect == c.case.case.expect
    }
    first |= with_it
    assert failed == set(first) - cannot, str(done)
    assert len(failed) >= len(REMOVED), str(done)
    # and each says what differs, and how to see it again
    for name in failed:
        result, text = results[name]
        assert result == "failure", text
        assert re.search(first[name].says, text), f"{first[name].says!r} is not in\n{text}"
        assert "repeat       lab attempt --server" in text, text


def item(case: LoadedCase, role: str) -> str:
    """The name of a case's item in pytest."""
    return f"{case.name}[{case.label}-{role}]"
