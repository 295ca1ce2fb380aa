"""How a person's vsftpd.conf is read and written again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import (
    NamedFiles,
    OwnConfiguration,
    ReadConfiguration,
    WritableConfiguration,
)
from lab.own.findings import BLANKS, ONE_FILE, Origins
from lab.remedies.words import InBothLanguages
from lab.servers.vsftpd import Vsftpd, VsftpdServer

if TYPE_CHECKING:
    from lab.servers.base import Server


class VsftpdConfiguration(OwnConfiguration):
    """A vsftpd.conf."""

    file: ClassVar[str] = "vsftpd.conf"
    software: ClassVar[str] = "vsftpd"
    is_written: ClassVar[bool] = True
    settings: ClassVar[type[ServerSettings]] = Vsftpd
    help: ClassVar[str] = "your vsftpd.conf"
    build_help: ClassVar[str] = "what it is written for: debian13, debian12 or el9"
    has_certificate: ClassVar[bool] = True

    def read(
        self,
        text: str,
        file: str,
        server: Server[Any],
        build: str | None = None,
        origins: Origins = ONE_FILE,
    ) -> ReadConfiguration:
        """See :meth:`OwnConfiguration.read`."""
        from lab.servers.vsftpd.own import reading  # noqa: PLC0415 - a reader is loaded for its file

        del origins
        read = reading.parse(
            text,
            file,
            build=reading.build_named(build) if build else None,
            target=_of_the_lab(server).build,
            software=server.name,
        )
        # Of several switches that make a range of versions each has its line.
        return ReadConfiguration(
            settings=read.settings,
            lines=read.lines,
            extra_lines=_numbered(text, read.settings.extra),
            spelled={"protocols": read.version_lines},
            findings=read.findings,
        )

    def writable(
        self, text: str, file: str, server: Server[Any], build: str | None = None
    ) -> WritableConfiguration:
        """See :meth:`OwnConfiguration.writable`."""
        from lab.servers.vsftpd.own import reading, rewriting  # noqa: PLC0415

        target = _of_the_lab(server).build
        of_file = reading.build_named(build) if build else reading.build_for(text, target)

        def read(changed: str) -> ServerSettings:
            return reading.parse(
                changed, file, build=of_file, target=target, software=server.name
            ).settings

        return WritableConfiguration(
            server=VsftpdServer(build=of_file), read=read, rewrite=rewriting.vsftpd_conf
        )

    def line_that_switches(self, text: str, version: str) -> int | None:
        """See :meth:`OwnConfiguration.line_that_switches`."""
        from lab.servers.vsftpd.own import reading  # noqa: PLC0415

        return reading.line_that_switches(text, version)

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`OwnConfiguration.named_files`."""
        del file
        found: dict[str, tuple[str, int]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            option, equals, value = line.strip().partition("=")
            if equals and not option.startswith("#"):
                found[option] = (value.strip(), number)
        said = {name: value for name, (value, _) in found.items()}
        resolves = said.get("pasv_addr_resolve", "NO").upper() == "YES"
        return NamedFiles(
            certificate=found.get("rsa_cert_file", ("", 0)),
            key=found.get("rsa_private_key_file", ("", 0)),
            passive_address="" if resolves else said.get("pasv_address", ""),
            passive_ports=(said.get("pasv_min_port", "0"), said.get("pasv_max_port", "0")),
        )

    def presumptions(self) -> Iterator[InBothLanguages]:
        """See :meth:`OwnConfiguration.presumptions`."""
        from lab.servers.vsftpd.own import reading  # noqa: PLC0415

        return reading.presumptions()


def _of_the_lab(server: Server[Any]) -> VsftpdServer:
    assert isinstance(server, VsftpdServer), "its settings are vsftpd's"
    return server


def _numbered(text: str, wanted: tuple[str, ...]) -> Mapping[str, int]:
    """Those lines of a text that are among the wanted, with their numbers; of equal ones the last holds."""
    each = ((line.strip(BLANKS), number) for number, line in enumerate(text.split("\n"), 1))
    return {line: number for line, number in each if line in wanted}


READER = VsftpdConfiguration()
