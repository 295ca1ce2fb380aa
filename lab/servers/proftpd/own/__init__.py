"""How a person's proftpd.conf is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import NamedFiles, OwnConfiguration, ReadConfiguration
from lab.remedies.words import InBothLanguages
from lab.servers.proftpd import Proftpd

if TYPE_CHECKING:
    from lab.servers.base import Server


class ProftpdConfiguration(OwnConfiguration):
    """A proftpd.conf."""

    file: ClassVar[str] = "proftpd.conf"
    software: ClassVar[str] = "proftpd"
    settings: ClassVar[type[ServerSettings]] = Proftpd
    help: ClassVar[str] = "your proftpd.conf, with what it includes written into it"

    def read(
        self, text: str, file: str, server: Server[Any], build: str | None = None
    ) -> ReadConfiguration:
        """See :meth:`OwnConfiguration.read`."""
        from lab.servers.proftpd.own import reading  # noqa: PLC0415 - a reader is loaded for its file

        del build
        read = reading.parse(text, file, software=server.name)
        return ReadConfiguration(
            settings=read.settings,
            lines=read.lines,
            extra_lines=read.extra_lines,
            written_lines=read.written_lines,
            findings=read.findings,
        )

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`OwnConfiguration.named_files`."""
        from lab.servers.proftpd.own import reading  # noqa: PLC0415

        paths = reading.parse(text, file).paths
        ports = paths.get("PassivePorts", ("", 0))[0].split()
        first, last = ports if len(ports) == 2 else ("0", "0")
        return NamedFiles(
            certificate=paths.get("TLSRSACertificateFile", ("", 0)),
            key=paths.get("TLSRSACertificateKeyFile", ("", 0)),
            passive_address=paths.get("MasqueradeAddress", ("", 0))[0],
            passive_ports=(first, last),
        )

    def presumptions(self) -> Iterator[InBothLanguages]:
        """See :meth:`OwnConfiguration.presumptions`."""
        from lab.servers.proftpd.own import reading  # noqa: PLC0415

        return reading.presumptions()


READER = ProftpdConfiguration()
