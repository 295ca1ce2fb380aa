"""Servers that read people's own configuration files: what a server's folder declares of its own kind.

A server that reads one has a folder ``own`` (``lab/servers/NAME/own``), whose ``READER`` says what the kind
is called; ``READING`` of the module ``reading`` beside it reads one, and writes it again. The options of the
commands, the keys of a ``lab-check.toml`` and the exercises follow from what is found; nothing here names a
server.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from lab.model import ServerSettings, WebServerSettings
from lab.model.software import LAB
from lab.own.findings import ONE_FILE, Finding, Origins, data
from lab.own.rewriting import Rewrite, plain
from lab.remedies.words import InBothLanguages
from lab.servers.base import Server

#: What a line of a configuration is called by: ``extra:LINE`` of an entry of ``extra``, else the field.
EXTRA = "extra:"


@dataclass(frozen=True, kw_only=True)
class ConfigurationText:
    """The text of a configuration file, and what it is read for."""

    text: str
    file: str
    """Its name, for the findings."""
    server: Server[Any]
    """The lab's server that stands for the person's."""
    build: str | None = None
    """The build that the file is written for; ``None``: nobody has named one."""
    origins: Origins = ONE_FILE
    """Where its lines stand, as :meth:`ConfigurationReading.gather` says."""


@dataclass(frozen=True, kw_only=True)
class ReadConfiguration:
    """A configuration file as the settings of a server."""

    settings: ServerSettings
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line that each field of the settings comes from; fields that no line sets are missing."""
    extra_lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each entry of ``settings.extra``."""
    written_lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each line that these entries come to, as the lab's configuration has it."""
    spelled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Fields that several lines make up together, and each of these as an entry of ``extra`` would be.

    Where the command line assigns the field, such entries go.
    """
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, kw_only=True)
class NamedFiles:
    """What a configuration names of the machine, for who has these files in a folder: an exercise."""

    certificate: tuple[str, int] = ("", 0)
    key: tuple[str, int] = ("", 0)
    """The path and its line; an empty path: no line names one."""
    passive_address: str = ""
    passive_ports: tuple[str, str] = ("", "")
    """The first and the last, as they are written."""


@dataclass(frozen=True, kw_only=True)
class WritableConfiguration:
    """A configuration file, with what reads a changed text of it, and what changes it."""

    file: str
    """As the person named it."""
    text: str
    """The whole file, as :func:`lab.own.rewriting.read_exactly` gives it."""
    server: Server[Any]
    """The server in the build that the file is for: how it spells its options."""
    read: Callable[[str], ServerSettings]
    """The settings of the lab's server that a text comes to; raises :class:`InputError`."""
    rewrite: Rewrite


class ConfigurationReading(ABC):
    """What reads the files of one server software, and writes them again."""

    table: ClassVar[str] = ""
    """The path of its table, as :class:`lab.own.telling.Telling` reads it; empty: it presumes nothing."""
    presuming: ClassVar[tuple[str, ...]] = ()
    """Phrases of the table that say what must hold on a person's server, beside its options and rules."""

    @abstractmethod
    def read(self, given: ConfigurationText) -> ReadConfiguration:
        """What a text comes to.

        Raises:
            InputError: it cannot be read or handed on.
            SettingsError: there is no such build.
        """

    def gather(self, file: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
        """The text of a file with that of the files that it includes, and where each line stands.

        Args:
            file: as the person named it.
            read: reads one file; what it raises is raised.
        """
        return read(file), ONE_FILE

    def writable(self, given: ConfigurationText) -> WritableConfiguration:
        """How a text is changed and read again, with errors as :meth:`read`."""

        def read_again(changed: str) -> ServerSettings:
            return self.read(replace(given, text=plain(changed))).settings

        return WritableConfiguration(
            file=given.file,
            text=given.text,
            server=given.server,
            read=read_again,
            rewrite=self.rewriter(replace(given, text=plain(given.text))),
        )

    def rewriter(self, given: ConfigurationText) -> Rewrite:
        """What writes lines into a text, with errors as :meth:`read`."""
        raise NotImplementedError(f"nothing writes {given.file}")

    def line_that_switches(self, text: str, version: str) -> int | None:
        """The line that switches one protocol version and no other, of several the last; ``None``: none."""
        del text, version
        return None

    def named_files(self, text: str, file: str) -> NamedFiles:
        """What the text names of the machine; raises as :meth:`read`."""
        del text, file
        return NamedFiles()

    def presumptions(self) -> Iterator[InBothLanguages]:
        """Every wording of what must hold on a person's server, with the places of its values."""
        known = data(self.table) if self.table else {"option": {}, "rule": ()}
        for row in (*known["option"].values(), *known["rule"]):
            if "presumes" in row:
                yield InBothLanguages(row["presumes"], row["presumes_ja"])
        for name in self.presuming:
            yield InBothLanguages(**known["phrases"][name])


@dataclass(frozen=True, kw_only=True)
class OwnConfiguration:
    """The configuration file of one server software, as people bring it."""

    file: str
    """The name of the file, such as ``vsftpd.conf``."""
    software: str
    """The server that reads it where nobody names one: a name of ``ServerSettings.software``."""
    settings: type[ServerSettings]
    """What it is read as: the class of the settings of every server that reads it."""
    help: str
    build_help: str = ""
    """What ``--NAME-build`` names; empty: there is one build, or none is to be named."""
    is_written: bool = False
    """Whether the lab writes such a file anew, and looks for a stronger configuration."""
    has_certificate: bool = False
    """Whether the program has a certificate where no line names one."""

    @property
    def option(self) -> str:
        """The option that names the file, without its hyphens: ``vsftpd-conf``."""
        return self.file.replace(".", "-")

    @property
    def build_option(self) -> str:
        """The option that names the build; empty: there is none."""
        return f"{self.option.rpartition('-')[0]}-build" if self.build_help else ""

    @property
    def of_web(self) -> bool:
        """Whether it is for a web server."""
        return issubclass(self.settings, WebServerSettings)

    @property
    def reading(self) -> ConfigurationReading:
        """What reads such a file: it is loaded where there is one."""
        folder = self.software.replace("-", "_")
        found: ConfigurationReading = import_module(f"lab.servers.{folder}.own.reading").READING
        return found


@dataclass(frozen=True, kw_only=True)
class GivenConfiguration:
    """A configuration file that a person named."""

    reader: OwnConfiguration
    file: Path
    build: str | None = None

    @property
    def option(self) -> str:
        """The option that named it, as it is written."""
        return f"--{self.reader.option}"


@cache
def readers() -> Mapping[str, OwnConfiguration]:
    """What reads each kind of file, by the option that names one: of FTP servers first."""
    found = [
        import_module(f"lab.servers.{path.parent.parent.name}.own").READER
        for path in sorted(LAB.glob("servers/*/own/__init__.py"))
    ]
    ordered = sorted(found, key=lambda one: (one.of_web, one.file))
    return MappingProxyType({one.option: one for one in ordered})


def reader_of(settings: ServerSettings) -> OwnConfiguration | None:
    """What reads the configuration of the server with these settings; ``None``: nothing does."""
    found = (one for one in readers().values() if isinstance(settings, one.settings))
    return next(found, None)


@dataclass(frozen=True, kw_only=True)
class GivenFiles:
    """A person's own files, by the names of the options; those of the command line win."""

    configurations: Mapping[str, Path] = field(default_factory=dict)
    """Of servers, by the options of :func:`readers`."""
    builds: Mapping[str, str] = field(default_factory=dict)
    """What they are written for, by the option that names the build. One without a file changes nothing."""
    chain: Path | None = None
    """The server's certificate chain, PEM."""
    key: Path | None = None
    """Its private key, PEM; not needed where it is in the chain's file."""
    ca: Path | None = None
    """What the clients trust, PEM; ``None``: what the backend says, else public roots."""
    host: str | None = None
    """The name that the clients ask for; ``None``: what the backend says, else the lab's own."""
    mt_config: Path | None = None
    """Lines of an mt-config.cgi."""
    backend: Path | None = None
    """A content delivery network's definition of a backend: VCL, TOML or JSON."""
    backend_name: str | None = None
    """Which of them, where the file has several."""

    def over(self, other: GivenFiles) -> GivenFiles:
        """These, and where one is not named, that of the other."""
        named = {name: value for name, value in vars(self).items() if value is not None}
        named["configurations"] = {**other.configurations, **self.configurations}
        named["builds"] = {**other.builds, **self.builds}
        return replace(other, **named)

    @property
    def given(self) -> tuple[GivenConfiguration, ...]:
        """The configurations of servers, in the order of :func:`readers`."""
        return tuple(
            GivenConfiguration(reader=one, file=file, build=self.builds.get(one.build_option))
            for option, one in readers().items()
            if (file := self.configurations.get(option)) is not None
        )

    @property
    def named(self) -> tuple[str, ...]:
        """The files, as they were named."""
        return tuple(map(str, self.by_option.values()))

    @property
    def by_option(self) -> dict[str, Path]:
        """The files, by the option that names each."""
        configurations = {one.option: one.file for one in self.given}
        files = {name: value for name, value in vars(self).items() if isinstance(value, Path)}
        return configurations | {f"--{name.replace('_', '-')}": at for name, at in files.items()}


def options_in_words(readers_of: Sequence[OwnConfiguration] = ()) -> str:
    """```--vsftpd-conf FILE`, `--nginx-conf FILE```: the options that name a configuration; default: all."""
    return ", ".join(f"`--{one.option} FILE`" for one in readers_of or readers().values())
