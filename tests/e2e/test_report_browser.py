"""The HTML report in a real browser: nothing leaves the file, everything in it works.

Needs Chromium (Debian: ``apt-get install chromium``). Where there is none, these tests are skipped with
that reason; they install nothing. They need no container engine.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.model.expectations import Verdict
from lab.record import RunRecord
from lab.report.html import render
from lab.report.html.language import say
from tests.chromium import Browser, program
from tests.unit.made_up import run_record
from tests.unit.test_report_html import hostile_record, judged, many_attempts, units


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = program()
    if found is None:
        pytest.skip(
            "no Chromium on this machine: the HTML report is not tried in a browser"
            " (Debian: apt-get install chromium)"
        )
    with Browser(found, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    return written(folder / "report.html", run_record())


def written(path: Path, record: RunRecord) -> Path:
    path.write_text(render(record, judged()), encoding="utf-8")
    return path


SHOWN = "[...document.querySelectorAll('.unit')].filter(u => !u.hidden).length"


def shown(browser: Browser) -> int:
    """How many cases are shown; the page says the same."""
    number = int(browser.evaluate(SHOWN))
    assert browser.evaluate("document.querySelector('.shown .count').textContent") == str(number)
    return number


# -- the file alone -------------------------------------------------------------------------------------


def test_no_request_leaves_the_file_and_the_console_stays_empty(
    browser: Browser, report: Path
) -> None:
    browser.open(report)
    browser.evaluate("document.getElementById('open-all').click()")
    browser.until("document.querySelectorAll('#cases noscript').length === 0")

    requests = [e["request"]["url"] for e in browser.seen("Network.requestWillBeSent")]
    outside = [url.partition("?")[0] for url in requests if not url.startswith("data:")]
    assert outside == [report.as_uri()]
    assert browser.complaints() == []


def test_the_policy_stops_what_a_script_would_fetch(browser: Browser, report: Path) -> None:
    browser.open(report)
    other = report.with_name("other.png")
    other.write_bytes(b"")

    stopped = browser.evaluate(
        "new Promise(done => { const i = new Image(); i.onerror = () => done(true);"
        f" i.onload = () => done(false); i.src = {json.dumps(other.as_uri())}; }})"
    )

    assert stopped is True
    assert any("Content Security Policy" in words for words in browser.complaints())


def test_hostile_texts_run_nothing(browser: Browser, folder: Path) -> None:
    path = written(folder / "hostile.html", hostile_record())

    browser.open(path)
    browser.evaluate("document.getElementById('open-all').click()")

    assert browser.evaluate("document.querySelectorAll('noscript').length") == 1  # the head's note
    assert browser.evaluate("document.scripts.length") == 1
    assert browser.evaluate("document.images.length") == 0
    assert browser.complaints() == []
    assert not browser.seen("Page.javascriptDialogOpening")
    assert "\\u202egnp.exe" in browser.evaluate("document.body.innerText")


# -- languages and appearance ---------------------------------------------------------------------------

# Texts that are on the screen, beside those that are in a language of their own (stories, logs).
SPANS = (
    "[...document.querySelectorAll('{}')]"
    ".filter(s => s.getClientRects().length && !s.closest('.vh')).length"
)
OF_LANGUAGE = {"en": "i:has(+ i[lang=ja])", "ja": "i[lang=ja]"}


@pytest.mark.parametrize(("language", "other"), [("en", "ja"), ("ja", "en")])
def test_one_language_is_shown_and_it_is_complete(
    browser: Browser, report: Path, language: str, other: str
) -> None:
    browser.open(report, f"#lang={language}")
    browser.evaluate("document.getElementById('open-all').click()")

    assert browser.evaluate("document.documentElement.lang") == language
    assert browser.evaluate(SPANS.format(OF_LANGUAGE[language])) > 100
    assert browser.evaluate(SPANS.format(OF_LANGUAGE[other])) == 0
    wrong = browser.evaluate(
        "[...document.querySelectorAll('[data-en]')].map(e => [e.textContent, e.dataset."
        f"{language}]).filter(([a, b]) => a !== b)"
    )
    assert wrong == []
    assert say("page.kind").in_(language) in browser.evaluate("document.body.innerText")
    assert say("page.kind").in_(other) not in browser.evaluate("document.body.innerText")


def test_the_language_can_be_switched(browser: Browser, report: Path) -> None:
    browser.open(report, "#lang=en")

    browser.evaluate("document.querySelector('label[for=lang-ja]').click()")

    assert browser.evaluate("document.documentElement.lang") == "ja"
    assert browser.evaluate("document.title.includes('相互接続性')")
    assert "lang=ja" in browser.evaluate("location.hash")
    browser.evaluate("document.querySelector('label[for=lang-en]').click()")
    assert browser.evaluate(SPANS.format(OF_LANGUAGE["ja"])) == 0


def test_dark_and_light_follow_the_system_and_the_switch(browser: Browser, report: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for system in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": system}
        browser.call("Emulation.setEmulatedMedia", features=[feature])
        browser.open(report)
        seen[system] = browser.evaluate(background)
        browser.evaluate("document.querySelector('label[for=theme-light]').click()")
        seen[f"{system}, switched"] = browser.evaluate(background)
    browser.call("Emulation.setEmulatedMedia", features=[])

    assert seen["light"] != seen["dark"]
    assert seen["light, switched"] == seen["dark, switched"] == seen["light"]


def test_a_phone_does_not_scroll_sideways(browser: Browser, report: Path) -> None:
    for language in ("en", "ja"):
        browser.open(report, f"#lang={language}", width=360)
        browser.evaluate("document.getElementById('open-all').click()")

        assert browser.evaluate("document.documentElement.scrollWidth") <= 360


# -- search and filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fragment", "number"),
    [
        ("", 4),
        ("#verdict=surprise", 1),
        ("#verdict=as-expected", 2),
        ("#verdict=cannot", 1),
        ("#platform=centos7", 2),
        ("#reason=no-shared-cipher", 2),
        ("#stage=verify", 1),
        ("#stage=verify&platform=centos7", 1),
        ("#stage=verify&platform=rocky9:FIPS", 0),
        # One attempt has to have all of it, not one each.
        ("#stage=verify&reason=no-shared-cipher", 0),
        ("#q=expired", 3),
        ("#q=SSL_accept%20failed", 2),
        ("#q=nss+CURL", 1),
        ("#q=no+such+words", 0),
        ("#verdict=never-heard-of", 4),
    ],
)
def test_filters_come_from_the_address(
    browser: Browser, report: Path, fragment: str, number: int
) -> None:
    browser.open(report, fragment)

    assert shown(browser) == number
    visible = browser.evaluate("!document.getElementById('nothing').hidden")
    assert visible == (number == 0)
    dimmed = browser.evaluate("document.querySelectorAll('.matrix a.c:not(.dim)').length")
    assert dimmed == number


def test_a_filter_is_chosen_remembered_and_cleared(browser: Browser, report: Path) -> None:
    browser.open(report)

    browser.evaluate(
        "(() => { const f = document.querySelector('.filters form'); f.elements.reason.value ="
        " 'expired'; f.dispatchEvent(new Event('input')); })()"
    )
    browser.until(f"{SHOWN} === 1")
    assert "reason=expired" in browser.evaluate("location.hash")
    browser.evaluate("document.querySelector('.filters [type=reset]').click()")
    browser.until(f"{SHOWN} === 4")
    assert "reason" not in browser.evaluate("location.hash")


def test_a_count_of_the_summary_filters(browser: Browser, report: Path) -> None:
    browser.open(report)

    link = ".verdicts a[href='#verdict=surprise']"
    browser.evaluate(f'document.querySelector("{link}").click()')

    browser.until(f"{SHOWN} === 1")
    assert browser.evaluate("document.querySelector('[name=verdict]').value") == "surprise"


def test_a_sign_of_the_matrix_opens_its_case(browser: Browser, report: Path) -> None:
    browser.open(report)

    browser.evaluate("[...document.querySelectorAll('.matrix a.unexpected')].at(-1).click()")

    browser.until("document.querySelector('.unit[open] .sequence') !== null")
    assert browser.evaluate("document.querySelector('.unit[open]').closest('.case').open")
    assert "certificate" in browser.evaluate("document.querySelector('.unit[open]').innerText")


def test_what_needs_a_look_leads_to_the_attempt(browser: Browser, report: Path) -> None:
    browser.open(report)
    target = browser.evaluate("document.querySelector('.attention .surprise a').hash.slice(1)")

    browser.evaluate("document.querySelector('.attention .surprise a').click()")

    browser.until(f"document.getElementById({json.dumps(target)}) !== null")
    browser.until(f"document.getElementById({json.dumps(target)}).getClientRects().length > 0")


# -- without scripts, and on paper ---------------------------------------------------------------------------


def test_without_scripts_everything_is_there_and_the_language_switches(
    browser: Browser, report: Path
) -> None:
    browser.open(report, scripts=False)
    browser.call("DOM.enable")
    root = browser.call("DOM.getDocument", depth=-1)["root"]["nodeId"]

    def number(selector: str) -> int:
        return len(browser.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"])

    attempts = [shown for unit in units(run_record()) for shown in unit.all]
    assert number("noscript .body .cm") == len(attempts)
    assert number("noscript .sequence") > 0, "what is in noscript is parsed"
    style = "CSS.getComputedStyleForNode"
    browser.call("CSS.enable")
    radio, japanese, filters = (
        browser.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        for selector in ("label[for=lang-ja]", "h1 i[lang=ja]", ".filters")
    )

    def display(node: int) -> str:
        properties = browser.call(style, nodeId=node)["computedStyle"]
        return next(str(p["value"]) for p in properties if p["name"] == "display")

    assert display(filters) == "none"
    assert display(japanese) == "none"
    x, y = browser.call("DOM.getBoxModel", nodeId=radio)["model"]["content"][:2]
    for kind in ("mousePressed", "mouseReleased"):
        browser.call(
            "Input.dispatchMouseEvent", type=kind, x=x + 5, y=y + 5, button="left", clickCount=1
        )
    assert display(japanese) == "inline"


def test_paper_gets_what_is_shown(browser: Browser, report: Path) -> None:
    browser.open(report, "#verdict=surprise")

    pdf = base64.b64decode(browser.call("Page.printToPDF")["data"])

    assert pdf.startswith(b"%PDF")
    opened = browser.evaluate("[...document.querySelectorAll('.unit[open]')].map(u => u.id)")
    assert len(opened) == 1


# -- what is shown once -------------------------------------------------------------------------------------


def test_what_is_shown_elsewhere_is_put_in_its_place_when_a_case_is_opened(
    browser: Browser, folder: Path
) -> None:
    record = many_attempts(200)
    browser.open(written(folder / "shared.html", record), f"#u{len(record.cases)}")
    browser.until("document.querySelector('.unit[open] .sequence') !== null")

    unit = "document.querySelector('.unit[open]')"
    assert browser.evaluate(f"{unit}.querySelectorAll('a.as').length") == 0
    logs = f"[...{unit}.querySelectorAll('pre.ss')].map(e => e.textContent)"
    assert browser.evaluate(f"{logs}.length") == 5
    assert (
        browser.evaluate(f"{logs}.filter(text => text.includes('226 Transfer complete')).length")
        == 5
    )
    # and it is found, wherever it stands
    browser.open(folder / "shared.html", "#q=Transfer+complete")
    assert shown(browser) == len(record.cases)


def test_the_table_is_folded_by_section_and_its_head_stays(browser: Browser, folder: Path) -> None:
    browser.open(written(folder / "table.html", many_attempts(5_000)))
    rows = (
        "[...document.querySelectorAll('.matrix tr[data-case]')].filter(r => r.offsetParent).length"
    )

    assert browser.evaluate(rows) == 0
    browser.evaluate("document.querySelector('.matrix .section label').click()")
    opened = browser.evaluate(rows)
    assert opened > 10
    assert browser.evaluate("document.querySelector('.tall').scrollTop = 400;"
                            " document.querySelector('.tall').scrollTop") > 100  # fmt: skip
    moved = browser.evaluate(
        "document.querySelector('.matrix thead th').getBoundingClientRect().top"
        " - document.querySelector('.tall').getBoundingClientRect().top"
    )
    assert abs(moved) < 3
    browser.open(folder / "table.html", "#q=pasv_ports%3D30042")
    assert browser.evaluate(rows) == 1, "what is searched is not folded away"


def test_a_lone_case_is_open(browser: Browser, folder: Path) -> None:
    whole = run_record()
    lone = whole.model_copy(update={"attempts": whole.attempts[:2], "cases": whole.cases[:1]})
    browser.open(written(folder / "lone.html", lone))

    assert browser.evaluate("document.querySelector('.unit[open] .sequence').offsetHeight") > 0


# -- many attempts ---------------------------------------------------------------------------------------


def test_ten_thousand_attempts_stay_usable(browser: Browser, folder: Path) -> None:
    record = many_attempts(10_000)
    path = written(folder / "many.html", record)

    browser.open(path)

    assert shown(browser) == len(record.cases)
    assert browser.evaluate("document.querySelectorAll('*').length") < 120_000
    found = browser.evaluate(
        "(() => { const f = document.querySelector('.filters form');"
        " f.elements.q.value = 'pasv_ports=30042'; f.dispatchEvent(new Event('input'));"
        f" return new Promise(done => {{ const look = () => {SHOWN} === 1"
        " ? done(true) : requestAnimationFrame(look); look(); }); })()"
    )
    assert found
    assert record.counts[Verdict.AS_EXPECTED] == 10_000
    assert browser.complaints() == []
