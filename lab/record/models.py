"""The models of the record, and nothing that touches a file."""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

import pydantic
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, JsonValue
from pydantic_core import core_schema, to_jsonable_python

from lab import model
from lab.clients import PROGRAMS, Program
from lab.model import Attempt, ClientReport, Delivery, Observation, Outcome, Result, Role
from lab.model.expectations import Expectation, Verdict
from lab.model.software import HostDifference, differences
from lab.remedies.advice import Advice
from lab.servers import SERVERS, Server
from lab.settings import spell_arguments
from lab.text import readable_throughout
from lab.wire.reading import WireReading
from lab.wire.witnesses import Witnesses

FORMAT: Final = "tls-ftps-interop-lab/record"
FORMAT_VERSION: Final = 2
#: Older versions that are read as well.
OLDER_VERSIONS: Final = (1,)


#: A time; in the files it is in UTC, as ISO 8601 has it: `2031-05-17T12:00:00Z`.
Moment = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


class _Named:
    """Annotation of settings: they are read as those of the program that one of their fields names.

    A record can come from another lab: what this one does not know is read as the family has it. One
    that leaves defaults out names no vsftpd and no Net::FTP, which are the first of the known.
    """

    def __init__(
        self, field: str, family: type, known: Mapping[str, Server[Any] | Program[Any]]
    ) -> None:
        self._field = field
        self._classes = {name: owner.settings for name, owner in known.items()} | {"": family}

    def __get_pydantic_core_schema__(
        self, _source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schemas = {name: handler.generate_schema(cls) for name, cls in self._classes.items()}
        return core_schema.tagged_union_schema(
            schemas,
            self._name,
            serialization=core_schema.wrap_serializer_function_ser_schema(self._written),
        )

    def _name(self, value: Any) -> str:
        given = value if isinstance(value, Mapping) else vars(value)
        name = given.get(self._field, next(iter(self._classes)))
        return name if name in self._classes else ""

    def _written(self, value: Any, handler: core_schema.SerializerFunctionWrapHandler) -> Any:
        return {self._field: getattr(value, self._field), **handler(value)}


def _without_report(outcome: Any, handler: pydantic.SerializerFunctionWrapHandler) -> Any:
    # It stands beside the outcome.
    written = handler(outcome)
    if isinstance(written, dict):
        written.pop("report", None)
    return written


class Model(BaseModel):
    """A part of the record: frozen, and every text in it readable."""

    # Built on first use: a command needs some of them only, and each costs tenths of a second.
    model_config = pydantic.ConfigDict(frozen=True, defer_build=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _texts_are_readable(cls, data: Any) -> Any:
        return readable_throughout(data)


class ImageUse(Model):
    """One image that an attempt ran on."""

    name: str
    """Name of the image, e.g. `rocky9`."""
    stand_in: bool
    """Whether it only stands in for the distribution of that name."""
    moved: tuple[str, ...] | None = None
    """Of an unexpected result: what is another build than the one that the expectations were last seen
    with, e.g. `libssl3t64 3.5.7-1 -> 3.5.9-1`; null: nothing is unexpected, or nothing is known."""


class ImageRecord(Model):
    """Provenance of one image; further facts (versions, digests) are kept as they are."""

    model_config = pydantic.ConfigDict(extra="allow")

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
    tag: str = ""
    """Its name on the engine, from which containers are started."""
    id: str = ""
    """Its id on the engine: the digest of its configuration, `sha256:...`."""
    digest: str | None = None
    """Registry digest of the distribution's image that it is built on; null: it is built on none."""
    recipe: str = ""
    """Hash over its recipe and everything that went into it."""

    @property
    def facts(self) -> dict[str, JsonValue]:
        """What is known beside what says where it comes from and what it is."""
        identity = {name: getattr(self, name) for name in ("tag", "id", "digest", "recipe")}
        known = {name: value for name, value in identity.items() if value}
        return known | dict(self.model_extra or {})


class CertificateRecord(Model):
    """One certificate of a chain that a server was given."""

    subject: str
    """Distinguished name, as RFC 4514 writes it."""
    issuer: str
    """Distinguished name of who signed it."""
    names: tuple[str, ...] = ()
    """Subject alternative names: DNS names and IP addresses."""
    not_before: Moment
    """Beginning of its validity."""
    not_after: Moment
    """End of its validity."""
    key: str
    """Key pair in words, e.g. `RSA-2048` or `ECDSA secp256r1`."""
    key_type: str
    """Kind of the key pair: `RSA`, `ECDSA`, ..."""
    key_bits: int | None = None
    """Size of the key in bits; null: its kind has one size only, or is unknown."""
    signature: str
    """Signature algorithm, e.g. `sha256WithRSAEncryption`."""
    ca: bool
    """Whether it may sign certificates."""
    self_signed: bool
    """Whether its issuer is its subject."""
    sha256: str
    """Fingerprint of the certificate: 64 lower-case hexadecimal digits."""
    public_key_sha256: str
    """The same of its public key (SubjectPublicKeyInfo): equal where the key pair is the same."""


#: What a server sends, its own certificate first.
Chain = tuple[CertificateRecord, ...]


class OwnFiles(Model):
    """Where the operator's own certificates (the slug `own`) were read from."""

    chain: str | None = None
    """File of the chain that the server has, as it was named on the command line; null: it has another."""
    key: str | None = None
    """File of the private key; null: it is in the chain's file."""
    backend: str | None = None
    """The backend's file that says what is trusted; null: none does."""
    ca: str | None = None
    """The file that says what is trusted; null: none does."""
    host: str | None = None
    """The name that the clients ask for, for which the lab's DNS answers; null: a name of the lab."""
    certificate_given: bool = True
    """Whether the certificate of the operator's server is known; else one of the lab's is in its place."""

    @property
    def says_what_is_trusted(self) -> bool:
        """Whether what goes by ``trust=own`` was given apart from the served chain."""
        return bool(self.backend or self.ca)

    @property
    def arguments(self) -> list[str]:
        """The words of the command line that name the files, and the host."""
        named = {name: getattr(self, name) for name in ("chain", "key", "backend", "ca", "host")}
        return [word for name, file in named.items() if file for word in (f"--{name}", file)]


#: What is known of an attempt because it was made; of several with the same settings, it is the same.
EVIDENCE: tuple[str, ...] = ("client_report", "server_report", "delivery", "configuration")
EVIDENCE += ("request", "wire", "witnesses")


class AttemptResult(Model):
    """One attempt: what was asked for and expected, what happened, and what both ends said.

    The run makes it, and it is a row of the record.
    """

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
    server: Annotated[model.ServerSettings, _Named("software", model.FtpServerSettings, SERVERS)]
    """Settings of the server; null: the server's own default holds."""
    client: Annotated[model.ClientSettings, _Named("program", model.FtpClientSettings, PROGRAMS)]
    """Settings of the client; null: the program's own default holds."""
    expectation: Expectation | None = None
    """What was expected; null: nothing."""
    otherwise: Expectation | None = None
    """In a race: what is expected of the tries in which the refusal does not come."""
    outcome: Annotated[Outcome | None, pydantic.WrapSerializer(_without_report)] = None
    """What happened; null: the attempt was not made, or the lab broke. What was negotiated is in
    `client_report`."""
    verdict: Verdict | None = None
    """What came of it; null: nothing was expected, so nothing is judged."""
    verdict_why: str = ""
    """One sentence: what exactly differed, which cause, or what broke in the lab."""
    client_report: ClientReport | None = None
    """What the agent beside the client saw, nothing interpreted."""
    server_report: model.outcome.ServerReport | None = None
    """What the agent beside the server saw, nothing interpreted."""
    delivery: Delivery | None = None
    """The file that was to be uploaded; null: none was."""
    configuration: str = ""
    """The server's configuration, as it was given to it; in a file, a key of the run's `configurations`."""
    chain: str | None = None
    """The certificates that the server was given: a key of the run's `certificates`; null: none."""
    own: OwnFiles | None = None
    """Files of the operator's own certificate; null: there is none in this attempt."""
    request: Annotated[
        dict[str, JsonValue], BeforeValidator(lambda v: to_jsonable_python(v, fallback=str))
    ] = Field(default_factory=dict)
    """What the client's agent was asked to do."""
    wire: WireReading | None = None
    """What it looked like on the lab's network; null: that was not kept."""
    witnesses: Witnesses | None = None
    """Of a refusal: whom the client, the server and the wire each name; null: they were not heard."""
    same_as: str | None = None
    """Id of the attempt of this run with the same settings of both ends, which was made for this one,
    too; null: it was made for itself. In a file, what is in :data:`EVIDENCE` is with that one only."""
    started: Moment
    """When the attempt began."""
    elapsed_ms: float = Field(default=0.0, ge=0)
    """How long it took, from the moment at which the server's agent began to watch until it had collected
    everything; nothing that came before or after."""
    images: tuple[ImageUse, ...] = ()
    """The images it ran on."""
    advice: Advice | None = None
    """Of a refusal: cause, place and remedies that were tried; null: nobody asked for them."""

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @cached_property
    def command(self) -> str:
        """The command line that repeats the attempt."""
        words = spell_arguments(self.attempt, self.expectation)
        return shlex.join([*words, *(self.own.arguments if self.own else [])])

    @property
    def attempt(self) -> Attempt:
        """Both ends' settings."""
        return Attempt(self.server, self.client)

    @property
    def observation(self) -> Observation:
        """The evidence: what both ends saw.

        Raises:
            ValueError: the attempt was not made.
        """
        if self.client_report is None or self.server_report is None:
            raise ValueError(f"the attempt {self.id} has no evidence: it was not made")
        return Observation(
            attempt=self.attempt,
            client=self.client_report,
            server=self.server_report,
            delivery=self.delivery,
        )

    def with_(self, **changes: Any) -> Self:
        """The same with these fields, whose texts are made readable; nothing is validated."""
        made = self.model_copy(update=readable_throughout(changes))
        made.__dict__.pop("command", None)
        return made

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Names of the images that only stand in for a distribution."""
        return tuple(image.name for image in self.images if image.stand_in)

    @property
    def on_real_hosts(self) -> list[HostDifference]:
        """What a host of the distribution would do otherwise than the stand-in did."""
        client, outcome = self.client, self.outcome
        if client.platform not in self.stand_ins or outcome is None or outcome.protocol is None:
            return []
        return differences(client.platform, client.policy, outcome.protocol, outcome.cipher or "")

    @pydantic.model_validator(mode="after")
    def _outcome_rests_on_the_report(self) -> Self:
        if self.outcome is not None and self.client_report is not None:
            self.__dict__["outcome"] = dataclasses.replace(self.outcome, report=self.client_report)
        return self

    @pydantic.model_validator(mode="after")
    def _verdict_has_its_grounds(self) -> Self:
        judged = self.verdict in {Verdict.AS_EXPECTED, Verdict.SURPRISE}
        if judged and (self.outcome is None or self.expectation is None):
            raise ValueError(f"the verdict {self.verdict} needs an outcome and an expectation")
        if self.verdict in {Verdict.CANNOT, Verdict.LAB_ERROR} and not self.verdict_why:
            raise ValueError(f"the verdict {self.verdict} needs a cause in verdict_why")
        return self


class RaceRecord(Model):
    """How often the refusal, or the false success, of a race came."""

    times: int
    """Tries."""
    refused: int
    """Tries in which the expected refusal came, or the expected false success."""
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
    format_version: Literal[2] = FORMAT_VERSION
    run_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)
    lab_version: str
    started: Moment
    chosen: tuple[str, ...] = ()
    """Of a run of some cases: what was typed to choose them; nothing: of all."""
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
    ended: Moment | None = None
    certificates: dict[str, Chain] = Field(default_factory=dict)
    """What servers were given, by `<host>/<certificate>`: each chain once, the server's own certificate
    first, then what it sends with it, in the order in which it is sent."""
    configurations: dict[str, str] = Field(default_factory=dict)
    """What servers were configured with: each text once."""
    attempts: tuple[AttemptResult, ...] = ()
    """In the order in which they ended."""
    cases: tuple[CaseRecord, ...] = ()

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def counts(self) -> dict[Verdict, int]:
        """How many attempts have each verdict; every verdict is there, every judged attempt too."""
        seen = Counter(attempt.verdict for attempt in self.attempts)
        return {verdict: seen[verdict] for verdict in Verdict}

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of all attempts and cases; ``as-expected`` if there are none."""
        return gravest([*(a.verdict for a in self.attempts), *(c.verdict for c in self.cases)])

    @property
    def made(self) -> int:
        """How many attempts were made: of those with the same settings of both ends, one."""
        return sum(attempt.same_as is None for attempt in self.attempts)

    def attempts_of(self, case: CaseRecord) -> tuple[AttemptResult, ...]:
        """The attempts of a case, in the case's order; one that was not made is left out."""
        by_id = self._by_id
        return tuple(by_id[i] for i in case.attempts if i in by_id)

    @cached_property
    def _by_id(self) -> Mapping[str, AttemptResult]:
        return {attempt.id: attempt for attempt in self.attempts}


_GRAVEST_FIRST = (Verdict.LAB_ERROR, Verdict.SURPRISE, Verdict.CANNOT, Verdict.AS_EXPECTED)


def result_expected(attempts: Iterable[AttemptResult]) -> Result | None:
    """What a case is about: what its own attempts are expected to come to, and what a race's rate counts."""
    expected = (one.expectation for one in attempts if one.role is Role.BREAKS)
    return next((one.result for one in expected if one is not None), None)


def gravest(verdicts: Iterable[Verdict | None]) -> Verdict:
    """The gravest of some verdicts: lab-error, surprise, cannot, as-expected."""
    present = set(verdicts)
    return next((v for v in _GRAVEST_FIRST if v in present), Verdict.AS_EXPECTED)
