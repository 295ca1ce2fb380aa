"""Cases: one documented failure each, with its twin and its remedies.

A case is a function decorated with :func:`case`. It is called once for each client that it is about and
returns a :class:`Case`; its name is the case's name, its docstring the story that an operator reads::

    @case(
        document="movable-type",
        section="No common cipher suite",
        clients=[net_ftp("rocky9", "FIPS")],
    )
    def server_offers_only_suites_the_client_refuses(client: ClientSettings) -> Case:
        \"\"\"The certificate is fine, but no cipher suite is common to both ends.\"\"\"
        attempt = Attempt(vsftpd(ciphers="AES128-SHA:DES-CBC3-SHA", protocols=up_to("TLSv1.2")), client)
        return Case(
            attempt,
            refused(by=Side.SERVER, at=Stage.HANDSHAKE, because=Reason.NO_SHARED_CIPHER),
            twin=attempt.with_server(ciphers="HIGH"),
            remedies=[recommended("vsftpd.conf: ssl_ciphers=HIGH", attempt.with_server(ciphers="HIGH"))],
        )

Every refusal has a twin: the same attempt with exactly one field changed, which must complete in the
same run. A case that breaks one of these rules does not load.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lab.expectations import Expectation, Judgement, Verdict, completed
from lab.model import (
    Attempt,
    ClientSettings,
    Result,
    Role,
    ServerSettings,
    Standing,
    differing_fields,
)
from lab.settings import SettingsError, parse_client, parse_server, spell_arguments


class CaseError(Exception):
    """A case is not well-formed; the message names it and the rule that it breaks."""


@dataclass(frozen=True)
class Remedy:
    """A change of settings that is recommended, and what comes of it."""

    standing: Standing
    title: str
    attempt: Attempt
    expect: Expectation
    impostor: Expectation | None = None
    """What happens when the server is an impostor's; None: not run."""


def recommended(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy to keep."""
    return Remedy(Standing.RECOMMENDED, title, attempt, expect or completed(), impostor)


def temporary(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers until the recommended one is in place."""
    return Remedy(Standing.TEMPORARY, title, attempt, expect or completed(), impostor)


def unsafe(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers and gives something away: it is also run against an impostor."""
    expect = expect or completed()
    return Remedy(Standing.UNSAFE, title, attempt, expect, impostor or expect)


def useless(title: str, attempt: Attempt, expect: Expectation) -> Remedy:
    """Something that might be tried, with the refusal that it leads to."""
    return Remedy(Standing.USELESS, title, attempt, expect)


@dataclass(frozen=True)
class Race:
    """A refusal that comes in some of many tries; the others complete.

    The breaking attempt is made ``times`` times, of which at least ``least`` and at most ``most`` are
    refused as the case expects. Its twin and its remedies are made ``others`` times each, of which
    none is refused.
    """

    times: int
    least: int
    most: int | None = None
    others: int = 8

    def __post_init__(self) -> None:
        most = self.times if self.most is None else self.most
        if not 0 <= self.least <= most <= self.times or self.times < 1:
            raise ValueError(f"no rate of a race: {self.least} to {most} of {self.times} tries")

    def judge(self, refused: int) -> Judgement:
        """The verdict on a rate: how many of the tries were refused."""
        most = self.times if self.most is None else self.most
        wanted = f"{self.least} to {most} of {self.times}"
        if self.least <= refused <= most:
            why = f"refused in {refused} of {self.times} tries; expected are {wanted}"
            return Judgement(Verdict.AS_EXPECTED, why)
        why = f"the rate differs: refused in {refused} of {self.times} tries, expected {wanted}"
        return Judgement(Verdict.SURPRISE, why)


@dataclass(frozen=True)
class Case:
    """What one case function says for one client."""

    attempt: Attempt
    expect: Expectation
    twin: Attempt | None = None
    remedies: Sequence[Remedy] = ()
    race: Race | None = None
    """The refusal is a race: see :class:`Race`."""


@dataclass(frozen=True)
class Planned:
    """One attempt of a case that is to be run."""

    case_id: str
    role: Role
    label: str
    attempt: Attempt
    expect: Expectation
    title: str
    standing: Standing | None = None
    otherwise: Expectation | None = None
    """Of a race: what happens in the tries that are not refused."""

    @property
    def id(self) -> str:
        """Unique in a run."""
        return f"{self.case_id}/{self.label}"


@dataclass(frozen=True)
class LoadedCase:
    """A case for one client, with what its function's name, docstring and decorator say."""

    id: str
    name: str
    document: str
    section: str
    title: str
    story: str
    case: Case
    path: Path
    line: int

    @property
    def label(self) -> str:
        """The client in the id: its name, with what distinguishes it from others of that name."""
        return self.id[len(self.path.stem) + len(self.name) + 2 : -1]

    @property
    def client(self) -> ClientSettings:
        """The client that the case is about."""
        return self.case.attempt.client

    def plan(self) -> list[Planned]:
        """All attempts of the case, the breaking one first."""
        return [attempt for one in self._once() for attempt in self._repeated(one)]

    def _repeated(self, planned: Planned) -> list[Planned]:
        race = self.case.race
        if race is None:
            return [planned]
        otherwise = completed() if planned.role is Role.BREAKS else None
        times = race.times if planned.role is Role.BREAKS else race.others
        width = len(str(times))
        return [
            replace(planned, label=f"{planned.label}-{number:0{width}}", otherwise=otherwise)
            for number in range(1, times + 1)
        ]

    def _once(self) -> Iterator[Planned]:
        case, refusal = self.case, self.case.expect.result is Result.REFUSED
        role = Role.BREAKS if refusal else Role.WORKS
        yield Planned(self.id, role, role.value, case.attempt, case.expect, self.title)
        if case.twin is not None:
            (name,) = differing_fields(case.attempt, case.twin)
            title = f"the same with another {name}"
            yield Planned(self.id, Role.TWIN, "twin", case.twin, completed(), title)
        for number, remedy in enumerate(case.remedies, start=1):
            label = f"remedy-{number}"
            make = partial(Planned, self.id, title=remedy.title, standing=remedy.standing)
            yield make(Role.REMEDY, label, remedy.attempt, remedy.expect)
            if remedy.impostor is not None:
                impostor = remedy.attempt.with_server(certificate="impostor", impostor=True)
                yield make(Role.IMPOSTOR, f"{label}-impostor", impostor, remedy.impostor)


#: Called with the client, or with the client and the server's software.
CaseFunction = Callable[..., Case]


@dataclass(frozen=True)
class Declaration:
    """What the decorator keeps about a case function."""

    document: str
    section: str
    clients: tuple[ClientSettings, ...]
    servers: tuple[str, ...] = ()


def case(
    *,
    document: str,
    section: str,
    clients: Iterable[ClientSettings],
    servers: Iterable[str] = (),
) -> Callable[[CaseFunction], CaseFunction]:
    """Declare a function as a case of ``document``, about ``section``, for each of ``clients``.

    With ``servers`` the function is called for each client and each of these server programs, and
    takes the program's name as its second argument.
    """
    declaration = Declaration(document, section, tuple(clients), tuple(servers))

    def declare(function: CaseFunction) -> CaseFunction:
        function.__dict__["lab_case"] = declaration
        return function

    return declare


@dataclass
class Catalogue:
    """The cases of a folder of scenario modules."""

    cases: list[LoadedCase] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Import every module of ``folder`` and collect its cases.

        Raises:
            CaseError: a case is not well-formed, or a module cannot be imported.
        """
        catalogue = cls()
        for path in sorted(folder.glob("[!_]*.py")):
            catalogue.cases += load_module(path)
        names = [c.id for c in catalogue.cases]
        for name in names:
            if names.count(name) > 1:
                raise CaseError(f"two cases have the id {name}")
        return catalogue

    def select(self, words: Sequence[str], document: str | None = None) -> list[LoadedCase]:
        """The cases whose id is, begins with or contains one of ``words`` (all, if there are none).

        Raises:
            CaseError: a word that matches no case; the message names the closest.
        """
        cases = [c for c in self.cases if document is None or c.document == document]
        if document is not None and not cases:
            known = ", ".join(sorted({c.document for c in self.cases}))
            raise CaseError(f"no document {document!r}; there are: {known}")
        if not words:
            return cases
        chosen: dict[str, LoadedCase] = {}
        for word in words:
            found = [c for c in cases if word in (c.id, c.name)] or [
                c for c in cases if word in c.id
            ]
            if not found:
                raise CaseError(f"no case matches {word!r}{self._closest(word, cases)}")
            chosen |= {c.id: c for c in found}
        return list(chosen.values())

    @staticmethod
    def _closest(word: str, cases: list[LoadedCase]) -> str:
        import difflib  # noqa: PLC0415 - only for this message

        names = sorted({c.name for c in cases})
        name = word.split("[", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        return f"; did you mean {', '.join(near)}?" if near else "; `lab list` shows what there is"


def load_module(path: Path) -> list[LoadedCase]:
    """The cases of one scenario module; raises :class:`CaseError`."""
    name = f"scenarios.{path.stem}"
    root = str(path.parent.parent)
    if root not in sys.path:  # what modules share is in scenarios/_*.py
        sys.path.insert(0, root)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CaseError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except CaseError:
        raise
    except Exception as error:
        raise CaseError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    loaded: list[LoadedCase] = []
    for function in vars(module).values():
        declaration = getattr(function, "lab_case", None)
        if isinstance(declaration, Declaration) and function.__module__ == name:
            loaded += [
                _load(function, declaration, client, server, path)
                for server in declaration.servers or (None,)
                for client in declaration.clients
            ]
    return loaded


def _load(
    function: CaseFunction,
    declaration: Declaration,
    client: ClientSettings,
    server: str | None,
    path: Path,
) -> LoadedCase:
    name = getattr(function, "__name__", "?")
    label = _label(client, declaration.clients) + (f" to {server}" if server else "")
    identity = f"{path.stem}/{name}[{label}]"
    story = inspect.cleandoc(function.__doc__ or "")
    if not story:
        raise CaseError(f"{identity}: a case has a docstring that tells its story")
    loaded = LoadedCase(
        id=identity,
        name=name,
        document=declaration.document,
        section=declaration.section,
        title=name.replace("_", " "),
        story=story,
        case=_called(identity, function, client, server),
        path=path,
        line=inspect.unwrap(function).__code__.co_firstlineno,
    )
    _check(loaded)
    return loaded


def _called(
    identity: str, function: CaseFunction, client: ClientSettings, server: str | None
) -> Case:
    try:
        made: object = function(client, server) if server else function(client)
    except (TypeError, ValueError) as error:  # a field or a value that settings do not have
        raise CaseError(f"{identity}: {error}") from error
    if not isinstance(made, Case):
        raise CaseError(f"{identity}: a case function returns a Case, not {made!r}")
    return made


def _label(client: ClientSettings, among: Sequence[ClientSettings]) -> str:
    """The client, with the settings in which it differs from others of the same name."""
    alike = [other for other in among if str(other) == str(client)]
    differing = [
        f"{name}={getattr(client, name)}"
        for name in (f.name for f in dataclasses.fields(client))
        if len({getattr(other, name) for other in alike}) > 1
    ]
    return " ".join([str(client), *differing])


def _check(loaded: LoadedCase) -> None:
    case = loaded.case
    if case.expect.result is Result.REFUSED:
        if case.twin is None:
            raise CaseError(f"{loaded.id}: a case that breaks has a twin that completes")
        fields = differing_fields(case.attempt, case.twin)
        if len(fields) != 1:
            raise CaseError(
                f"{loaded.id}: the twin differs in exactly one field, not in {len(fields)}"
                f" ({', '.join(fields) or 'none'})"
            )
    for remedy in case.remedies:
        if not differing_fields(case.attempt, remedy.attempt):
            raise CaseError(f"{loaded.id}: the remedy {remedy.title!r} changes nothing")
    for planned in loaded.plan():
        _check_words(planned)


def _check_words(planned: Planned) -> None:
    """Every word is one that the command line knows too, and no refusal is left open."""
    expect = planned.expect
    if expect.result is Result.REFUSED and None in (expect.by, expect.stage, expect.reason):
        raise CaseError(
            f"{planned.id}: an expected refusal names who refuses, at which stage and why"
        )
    words = spell_arguments(planned.attempt)
    given = list(itertools.pairwise(words))
    try:
        parse_server([v for o, v in given if o == "-s"], planned.attempt.server.software)
        parse_client(str(planned.attempt.client), [v for o, v in given if o == "-c"])
    except SettingsError as error:
        raise CaseError(f"{planned.id}: {error}") from error


# -- the words in which cases are written -------------------------------------------------------------


def vsftpd(**settings: object) -> ServerSettings:
    """A vsftpd with these settings."""
    return ServerSettings(software="vsftpd", **settings)  # type: ignore[arg-type]


def vsftpd_of_rocky9(**settings: object) -> ServerSettings:
    """A vsftpd as Rocky Linux 9 builds it, with these settings."""
    return ServerSettings(software="vsftpd@rocky9", **settings)  # type: ignore[arg-type]


def vsftpd_on_openssl_1_0_2(**settings: object) -> ServerSettings:
    """A vsftpd on CentOS 7's OpenSSL 1.0.2k, which can still do 3DES, with these settings."""
    return ServerSettings(software="vsftpd@openssl-1.0.2k", **settings)  # type: ignore[arg-type]


def pyftpdlib(**settings: object) -> ServerSettings:
    """A pyftpdlib server with these settings."""
    return ServerSettings(software="pyftpdlib", **settings)  # type: ignore[arg-type]


def net_ftp(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """Perl's Net::FTP over IO::Socket::SSL."""
    return ClientSettings(program="net-ftp", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def net_ftpssl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """Perl's Net::FTPSSL, as the public source of Movable Type drives it."""
    return ClientSettings(program="net-ftpssl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def ftplib(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """Python's ftplib.FTP_TLS."""
    return ClientSettings(program="ftplib", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def curl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """The curl command line."""
    return ClientSettings(program="curl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def nginx(**settings: object) -> ServerSettings:
    """An nginx as web origin, with these settings."""
    return ServerSettings(software="nginx", **settings)  # type: ignore[arg-type]


def origin(**settings: object) -> ServerSettings:
    """The lab's own web origin, which can misbehave, with these settings."""
    return ServerSettings(software="origin", **settings)  # type: ignore[arg-type]


def origin_on_openssl_1_0_2(**settings: object) -> ServerSettings:
    """That origin on CentOS 7's OpenSSL 1.0.2k, which has SSLv3, RC4 and 3DES."""
    return ServerSettings(software="origin@openssl-1.0.2k", **settings)  # type: ignore[arg-type]


def tls_perl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """A bare TLS client over Perl's IO::Socket::SSL."""
    return ClientSettings(program="tls-perl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def tls_python(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """A bare TLS client over Python's ssl."""
    return ClientSettings(program="tls-python", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def openssl(platform: str, policy: str | None = None, **settings: object) -> ClientSettings:
    """The command `openssl s_client`."""
    return ClientSettings(program="openssl", platform=platform, policy=policy, **settings)  # type: ignore[arg-type]


def edge(**settings: object) -> ClientSettings:
    """The edge: nginx as a reverse proxy, with the parameters of a content delivery network."""
    return ClientSettings(program="edge", platform="debian13", **settings)  # type: ignore[arg-type]
