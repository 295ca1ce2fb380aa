"""What the documents assert, a folder each: claims, their places, and what tests them.

``NAME/claims.toml`` holds what one document asserts, sentence by sentence: a *claim*, in other words than the
document's, with its place and the attempts that test it. A claim says what the outcome of an attempt is
if the document is right; the verdict is made from a record, never written there: ``verdicts.py``, which
compares the claims with the cases there are, too; :mod:`lab.report.plain` writes them for people.
``NAME/messages.toml`` has the vendor's names of errors; ``titles.toml``, ``stories.toml`` and
``remedies.toml`` there have the Japanese of the document's cases. Each may have a folder of its name beside
it, ``claims/TOPIC.toml``, with more of the same. ``docs/claims.md`` says how to add a claim.
"""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import pydantic
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from lab.clients import PROGRAMS
from lab.model import PLATFORMS, Result, Role
from lab.model.expectations import Expectation
from lab.servers import SERVERS

#: Where the documents' folders are.
FOLDER = Path(__file__).parent

#: Every platform under each of its policies, as clients are written: ``centos7``, ``rocky9:FIPS``.
WHERE = tuple(
    f"{platform}:{policy}" if policy else platform
    for platform, policies in PLATFORMS.items()
    for policy in policies or ("",)
)
#: Every program in each of its places as well: ``curl@rocky9:FIPS``.
_PLACES = ((name, where) for name in PROGRAMS for where in WHERE)
CLIENTS = tuple(f"{n}@{w}" for n, w in _PLACES if w.partition(":")[0] in PROGRAMS[n].platforms)


class ClaimVerdict(StrEnum):
    """What a run says about a claim."""

    CONFIRMED = "confirmed"
    CONDITIONAL = "conditional"
    REFUTED = "refuted"
    NOT_TESTABLE_HERE = "not-testable-here"
    NOT_RUN = "not-run"


class DocumentError(Exception):
    """A document file is broken or missing: a fault of the lab; the message names file and place."""


def _one_of(known: Iterable[str], what: str) -> BeforeValidator:
    """Takes one of the names that are known as ``what``."""

    def check(value: Any) -> Any:
        if value not in known:
            raise ValueError(f"{value!r} is no {what}: known are {', '.join(known)}")
        return value

    return BeforeValidator(check)


def _outcome(value: Any) -> Any:
    """The textual form of an expectation, of which no other refusal may make a test true."""
    expectation = Expectation.parse(value) if isinstance(value, str) else value
    if (
        isinstance(expectation, Expectation)
        and expectation.result is not Result.COMPLETED
        and None in (expectation.by, expectation.stage)
    ):
        raise ValueError(f"{value!r} is met by too much: name at least side and stage")
    return expectation


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Platform = Annotated[str, _one_of(PLATFORMS, "platform")]
CaseName = Annotated[str, StringConstraints(pattern=r"^\w+/\w+$")]
Where = Annotated[str, _one_of((*WHERE, *CLIENTS), "client")]
Software = Annotated[str, _one_of(SERVERS, "server")]
Outcome = Annotated[Expectation, BeforeValidator(_outcome)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Form(BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Bilingual(_Form):
    """A text in both languages of the reports."""

    en: Sentence
    ja: Sentence

    def in_(self, language: str) -> str:
        """The text in ``en`` or ``ja``."""
        return self.ja if language == "ja" else self.en


class Condition(Bilingual):
    """When a claim holds, in a sentence that is true under one verdict and shown with it alone."""

    verdict: ClaimVerdict


class Section(_Form):
    """A part of the document; headings are shortened."""

    id: Slug
    heading: Bilingual


class Passage(_Form):
    """Where in the document a claim stands."""

    section: Slug
    paragraph: int | None = Field(default=None, ge=1)
    """Counted within the section, lists and shown settings included; none: the section as a whole."""


class Test(_Form):
    """Attempts of one case, and the outcome that each of them has if the claim is right."""

    __test__ = False  # no test for pytest

    case: CaseName
    """``module/function`` of the case."""
    role: Role
    """Which of its attempts."""
    title: Sentence | None = None
    """Of a remedy or an impostor: the remedy's title, to the letter."""
    clients: tuple[Where, ...] = ()
    """The clients; none: all that the claim is about."""
    servers: tuple[Software, ...] = ()
    """The servers; none: all that the case has."""
    outcome: Outcome
    """What happens if the claim is right, in the textual form of an expectation."""
    message: Sentence | None = None
    """What the client's user is shown if the claim is right, to the letter."""
    shows: tuple[Sentence, ...] = ()
    """Of a longer text that the client's user is shown: parts of it, if the claim is right."""
    given_away: bool | None = None
    """Of an impostor: whether it gets user and password if the claim is right."""
    setting: Bilingual | None = None
    """The conditions of these attempts in words: "where ..."."""
    beyond: bool = False
    """The claim does not speak of this: shown beside its verdict, and no part of it."""

    @property
    def expectation(self) -> Expectation:
        """The outcome with the message."""
        if self.message is None:
            return self.outcome
        return dataclasses.replace(self.outcome, message=self.message)

    def in_words(self) -> str:
        """What is seen if the claim is right, in one line."""
        words = self.expectation.in_words()
        return f"{words}; shown {', '.join(map(repr, self.shows))}" if self.shows else words

    @model_validator(mode="after")
    def _is_well_formed(self) -> Self:
        titled = self.role in {Role.REMEDY, Role.IMPOSTOR}
        if titled != (self.title is not None):
            what = "needs the remedy's title" if titled else "has no title"
            raise ValueError(f"{self.case}: the role {self.role} {what}")
        if self.message is not None and self.shows:
            raise ValueError(f"{self.case}: what is shown is given as a whole or in parts")
        if self.given_away is not None and self.role is not Role.IMPOSTOR:
            raise ValueError(f"{self.case}: only an impostor is given anything away")
        if self.role is Role.ATTEMPT:
            raise ValueError(f"{self.case}: an attempt of a case has another role")
        return self


class Claim(_Form):
    """One thing that the document asserts."""

    id: Slug
    place: Passage
    text: Bilingual
    """The claim in the lab's own words."""
    about: tuple[Where, ...] = ()
    """The clients that it speaks of; it gets a verdict on each: all in a place, or one program there."""
    basis: Bilingual | None = None
    """How the verdict follows from what a run shows."""
    condition: Condition | None = None
    """When it holds: needed where it is tested in several settings."""
    untestable: Bilingual | None = None
    """Why the lab cannot test it."""
    tests: tuple[Test, ...] = Field(default=(), alias="test")

    def clients_of(self, test: Test) -> tuple[str, ...]:
        """The clients of one of its tests."""
        return test.clients or self.about

    @model_validator(mode="after")
    def _is_well_formed(self) -> Self:
        deciding = [test for test in self.tests if not test.beyond]
        if self.untestable is not None:
            if self.tests or self.about or self.condition:
                raise ValueError(f"{self.id}: a claim is tested, or it is untestable")
            return self
        if not deciding or not self.about:
            raise ValueError(
                f"{self.id}: a claim has an `about` and a test that decides, or is `untestable`"
            )
        if self.basis is None:
            raise ValueError(f"{self.id}: `basis` says how the verdict follows")
        tested = [where for test in deciding for where in self.clients_of(test)]
        for where in (*self.about, *tested):
            if where not in tested:
                raise ValueError(f"{self.id}: it speaks of {where}, and nothing tests that")
            if where not in self.about:
                raise ValueError(
                    f"{self.id}: a test is on {where}, of which the claim does not speak:"
                    " mark it with `beyond = true`, or add it to `about`"
                )
        self._settings_are_named()
        return self

    def _settings_are_named(self) -> None:
        """Where a claim can hold in part, every part has its words, and the whole a sentence."""
        settings = {test.setting.en if test.setting else None for test in self.tests}
        if len(settings) > 1 and None in settings:
            raise ValueError(f"{self.id}: some tests have a `setting`, so all need one")
        if len(settings) > 1 and self.condition is None:
            raise ValueError(f"{self.id}: tests of several settings need a `condition`")


class Document(_Form):
    """A document and what it asserts."""

    id: Slug
    """As cases name it."""
    title: Bilingual
    address: Annotated[str, StringConstraints(pattern=r"^(https://|docs/)")]
    """Where it is; the lab's own document is a page of its documentation."""
    platforms: dict[Platform, Bilingual] = Field(default_factory=dict)
    """What the clients on a platform stand for, where their name does not say it."""
    sections: tuple[Section, ...] = Field(alias="section")
    claims: tuple[Claim, ...] = Field(default=(), alias="claim")
    cases_without_claim: dict[CaseName, Bilingual] = Field({}, alias="cases-without-claim")
    """Cases of the document that no claim names, each with the reason."""

    def heading(self, place: Passage) -> Bilingual:
        """The heading of the section of a place."""
        return next(s.heading for s in self.sections if s.id == place.section)

    @property
    def cases(self) -> frozenset[str]:
        """The cases that claims name."""
        return frozenset(test.case for claim in self.claims for test in claim.tests)

    @model_validator(mode="after")
    def _is_well_formed(self) -> Self:
        _have_ids_of_their_own("section", self.sections)
        _have_ids_of_their_own("claim", self.claims)
        sections = {section.id for section in self.sections}
        for claim in self.claims:
            if claim.place.section not in sections:
                raise ValueError(f"{claim.id}: no section {claim.place.section!r}")
        return self


def _have_ids_of_their_own(kind: str, of: Iterable[Section | Claim]) -> None:
    for name, number in Counter(one.id for one in of).items():
        if number > 1:
            raise ValueError(f"two {kind}s have the id {name}")


def parse(text: str, file: str) -> Document:
    """Read a document file.

    Args:
        text: its contents, TOML.
        file: its name, for the message.

    Raises:
        DocumentError: it is broken; the message names the first place.
    """
    try:
        return parse_table(tomllib.loads(text), file)
    except (RecursionError, ValueError) as error:
        # Too deep, or a number of thousands of digits, too.
        raise DocumentError(f"{file} is not TOML: {error}") from error


def parse_table(table: Mapping[str, Any], file: str) -> Document:
    """The same of what was read already; raises like :func:`parse`."""
    try:
        return Document.model_validate(table)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = _place(first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise DocumentError(f"{file}{place}: {message}{more}") from error


@functools.cache
def documents() -> Mapping[str, Document]:
    """Every document that the lab has claims of, by id.

    Raises:
        DocumentError: a file is broken, or two have one id.
    """
    found: dict[str, Document] = {}
    for path in sorted(FOLDER.glob("*/claims.toml")):
        folder = path.parent.name
        place = f"{folder}/{path.name}"
        document = parse(path.read_text(encoding="utf-8"), place)
        for further in more_of(path):
            text = further.read_text(encoding="utf-8")
            document = _with_more(document, text, f"{folder}/claims/{further.name}")
        if document.id.replace("-", "_") != folder:
            raise DocumentError(f"{place} has the id {document.id!r}, not its folder's")
        found[document.id] = document
    return found


def more_of(file: Path) -> list[Path]:
    """The files with more of what is in a document's file: those in the folder of its name."""
    return sorted(file.with_suffix("").glob("*.toml"))


def _with_more(document: Document, text: str, file: str) -> Document:
    """The document with the claims of a further file, which has no head.

    Raises:
        DocumentError: it is broken, or does not go with the rest.
    """
    head = document.model_dump(by_alias=True, mode="python", include=_HEAD)
    try:
        more = tomllib.loads(text)
        if foreign := more.keys() - {"claim", "cases-without-claim"}:
            raise ValueError(f"only claims are in it, and not {', '.join(sorted(foreign))}")
        added = parse_table({"claim": (), **more, **head}, file)
        claims = (*document.claims, *added.claims)
        _have_ids_of_their_own("claim", claims)
    except (RecursionError, ValueError) as error:
        raise DocumentError(f"{file}: {error}") from error
    without = document.cases_without_claim | added.cases_without_claim
    return document.model_copy(update={"claims": claims, "cases_without_claim": without})


_HEAD = {"id", "title", "address", "platforms", "sections"}


def _place(location: tuple[int | str, ...]) -> str:
    """``("claim", 3, "test", 0, "role")`` as ``, claim 4, test 1, role``."""
    words = [f" {part + 1}" if isinstance(part, int) else f", {part}" for part in location]
    return "".join(words)
