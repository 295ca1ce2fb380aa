"""The models of the record, and nothing that touches a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    computed_field,
    model_validator,
)
from pydantic_core import to_jsonable_python

from lab.expectations import Expectation, Verdict
from lab.model import (
    Attempt,
    ClientReport,
    ClientSettings,
    Outcome,
    Role,
    ServerReport,
    ServerSettings,
)
from lab.record.text import readable_throughout
from lab.record.written import Written
from lab.settings import spell

FORMAT: Final = "tls-ftps-interop-lab/record"
FORMAT_VERSION: Final = 1


class Model(BaseModel):
    """A part of the record: frozen, and every text in it readable."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _texts_are_readable(cls, data: Any) -> Any:
        return readable_throughout(data)


class ImageUse(Model):
    """One image that an attempt ran on."""

    name: str
    """Name of the image, e.g. `rocky9`."""
    stand_in: bool
    """Whether it only stands in for the distribution of that name."""


class ImageRecord(Model):
    """Provenance of one image; further facts (versions, digests) are kept as they are."""

    model_config = ConfigDict(extra="allow")

    name: str
    """Name of the image, e.g. `rocky9`."""
    source: str = ""
    """`registry` or `packages`."""
    stand_in: bool = False
    """Whether it only stands in for the distribution of that name."""
    os: str = ""
    """The image's own operating system, as it says itself."""
    tls_library: str | None = None
    """TLS library of the programs under test, with its build."""
    real: tuple[str, ...] = ()
    """Of a stand-in: what is the distribution's own."""
    not_real: tuple[str, ...] = ()
    """Of a stand-in: what is not, or is not there."""
    fallback_reason: str | None = None
    """Why the packages were used although a registry was allowed."""

    @property
    def facts(self) -> dict[str, JsonValue]:
        """What is known beside the declared fields."""
        return dict(self.model_extra or {})


class AttemptRecord(Model):
    """One attempt: what was asked for and expected, what happened, and what both ends said."""

    id: str
    """Unique in the run."""
    case: str | None = None
    """Id of the case that it belongs to; null: none."""
    role: Role = Role.ATTEMPT
    """What the attempt is for, within its case."""
    label: str = ""
    """The attempt in words, e.g. the title of a remedy."""
    standing: str | None = None
    """Of a remedy: recommended, temporary, unsafe or useless."""
    server: Annotated[ServerSettings, Written()]
    """Settings of the server; null: the server's own default holds."""
    client: Annotated[ClientSettings, Written()]
    """Settings of the client; null: the program's own default holds."""
    expectation: Expectation | None = None
    """What was expected; null: nothing."""
    otherwise: Expectation | None = None
    """In a race: what is expected of the tries in which the refusal does not come."""
    outcome: Outcome | None = None
    """What happened; null: the attempt was not made, or the lab broke."""
    verdict: Verdict | None = None
    """What came of it; null: nothing was expected, so nothing is judged."""
    verdict_why: str = ""
    """One sentence: what exactly differed, which cause, or what broke in the lab."""
    client_report: ClientReport | None = None
    """What the agent beside the client saw, nothing interpreted."""
    server_report: ServerReport | None = None
    """What the agent beside the server saw, nothing interpreted."""
    configuration: str = ""
    """The server's configuration, as it was given to it."""
    request: Annotated[
        dict[str, JsonValue], BeforeValidator(lambda v: to_jsonable_python(v, fallback=str))
    ] = Field(default_factory=dict)
    """What the client's agent was asked to do."""
    started: AwareDatetime
    """When the attempt began."""
    elapsed_ms: float = Field(default=0.0, ge=0)
    """How long it took, the lab's own work included."""
    images: tuple[ImageUse, ...] = ()
    """The images it ran on."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def command(self) -> str:
        """The command line that repeats the attempt."""
        return spell(self.attempt, self.expectation)

    @property
    def attempt(self) -> Attempt:
        """Both ends' settings."""
        return Attempt(self.server, self.client)

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Names of the images that only stand in for a distribution."""
        return tuple(image.name for image in self.images if image.stand_in)

    @model_validator(mode="after")
    def _verdict_has_its_grounds(self) -> Self:
        if self.verdict in {Verdict.AS_EXPECTED, Verdict.SURPRISE} and (
            self.outcome is None or self.expectation is None
        ):
            raise ValueError(f"the verdict {self.verdict} needs an outcome and an expectation")
        if self.verdict in {Verdict.CANNOT, Verdict.LAB_ERROR} and not self.verdict_why:
            raise ValueError(f"the verdict {self.verdict} needs a cause in verdict_why")
        return self


class RaceRecord(Model):
    """How often the refusal of a race came."""

    times: int
    """Tries."""
    refused: int
    """Tries in which the expected refusal came."""
    least: int
    """The rate that is expected: at least so many ..."""
    most: int
    """... and at most so many."""


class CaseRecord(Model):
    """One documented failure with one client."""

    id: str
    """Unique in the run, e.g. `certificates/expired[net-ftp@rocky9:FIPS]`."""
    name: str
    """The case without its client."""
    label: str = ""
    """The client, with what else distinguishes it from others of the case."""
    document: str = ""
    section: str = ""
    title: str = ""
    story: str = ""
    """The case, as its author tells it."""
    attempts: tuple[str, ...] = ()
    """Ids of its attempts, the breaking one first."""
    verdict: Verdict
    """The gravest of its attempts' verdicts, and of that on the rate of a race."""
    verdict_why: str = ""
    """Of a race: the rate, in words."""
    race: RaceRecord | None = None
    """Set if the refusal is a race."""


class RunHeader(Model):
    """What is known of a run apart from its attempts."""

    format: Literal["tls-ftps-interop-lab/record"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    run_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)
    lab_version: str
    started: AwareDatetime
    machine: dict[str, JsonValue] = Field(default_factory=dict)
    """The machine that the run was on: system, architecture, cores, ..."""
    engine: dict[str, JsonValue] = Field(default_factory=dict)
    """The container engine: endpoint, version, ..."""
    sources: dict[str, JsonValue] = Field(default_factory=dict)
    """Where the images came from and why."""
    images: tuple[ImageRecord, ...] = ()
    """Provenance of every image that was used."""
    topology: dict[str, JsonValue] = Field(default_factory=dict)
    """Containers, network and names."""


class RunRecord(RunHeader):
    """A whole run."""

    complete: bool
    """False: the run was ended before it was done; what is here did happen."""
    ended: AwareDatetime | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    """In the order in which they ended."""
    cases: tuple[CaseRecord, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> dict[Verdict, int]:
        """How many attempts have each verdict; every verdict is there, every judged attempt too."""
        seen = Counter(attempt.verdict for attempt in self.attempts)
        return {verdict: seen[verdict] for verdict in Verdict}

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of all attempts and cases; ``as-expected`` if there are none."""
        return gravest([*(a.verdict for a in self.attempts), *(c.verdict for c in self.cases)])

    def attempts_of(self, case: CaseRecord) -> tuple[AttemptRecord, ...]:
        """The attempts of a case, in the case's order; one that was not made is left out."""
        by_id = {attempt.id: attempt for attempt in self.attempts}
        return tuple(by_id[i] for i in case.attempts if i in by_id)


_GRAVEST_FIRST = (Verdict.LAB_ERROR, Verdict.SURPRISE, Verdict.CANNOT, Verdict.AS_EXPECTED)


def gravest(verdicts: Iterable[Verdict | None]) -> Verdict:
    """The gravest of some verdicts: lab-error, surprise, cannot, as-expected."""
    present = set(verdicts)
    return next((v for v in _GRAVEST_FIRST if v in present), Verdict.AS_EXPECTED)
