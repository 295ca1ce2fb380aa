"""How a person's pure-ftpd.conf is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import NamedFiles, OwnConfiguration, ReadConfiguration
from lab.remedies.words import InBothLanguages
from lab.servers.pure_ftpd import PureFtpd

if TYPE_CHECKING:
    from lab.servers.base import Server


class PureFtpdConfiguration(OwnConfiguration):
    """A pure-ftpd.conf."""

    file: ClassVar[str] = "pure-ftpd.conf"
    software: ClassVar[str] = "pure-ftpd"
    settings: ClassVar[type[ServerSettings]] = PureFtpd
    help: ClassVar[str] = "your pure-ftpd.conf"
    has_certificate: ClassVar[bool] = True

    def read(
        self, text: str, file: str, server: Server[Any], build: str | None = None
    ) -> ReadConfiguration:
        """See :meth:`OwnConfiguration.read`."""
        from lab.servers.pure_ftpd.own import reading  # noqa: PLC0415 - a reader is loaded for its file

        del build
        return reading.parse(text, file, software=server.name)

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`OwnConfiguration.named_files`."""
        from lab.servers.pure_ftpd.own import reading  # noqa: PLC0415

        return reading.named_files(text, file)

    def presumptions(self) -> Iterator[InBothLanguages]:
        """See :meth:`OwnConfiguration.presumptions`."""
        from lab.servers.pure_ftpd.own import reading  # noqa: PLC0415

        return reading.presumptions()


READER = PureFtpdConfiguration()
