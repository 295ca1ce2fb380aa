"""How a person's pure-ftpd.conf is read and written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import NamedFiles, OwnConfiguration, ReadConfiguration
from lab.own.findings import ONE_FILE, Origins
from lab.own.rewriting import Rewrite
from lab.remedies.words import InBothLanguages
from lab.servers.pure_ftpd import PureFtpd

if TYPE_CHECKING:
    from lab.servers.base import Server


class PureFtpdConfiguration(OwnConfiguration):
    """A pure-ftpd.conf."""

    file: ClassVar[str] = "pure-ftpd.conf"
    software: ClassVar[str] = "pure-ftpd"
    is_written: ClassVar[bool] = True
    settings: ClassVar[type[ServerSettings]] = PureFtpd
    help: ClassVar[str] = "your pure-ftpd.conf, or Debian's folder /etc/pure-ftpd/conf"
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
        from lab.servers.pure_ftpd.own import reading  # noqa: PLC0415 - a reader is loaded for its file

        del build
        return reading.parse(text, file, software=server.name, origins=origins)

    def gather(self, file: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
        """See :meth:`OwnConfiguration.gather`."""
        if not file.is_dir():
            return super().gather(file, read)
        from lab.servers.pure_ftpd.own import folder  # noqa: PLC0415

        return folder.gathered(file, read)

    def rewriter(self, text: str, file: str, server: Server[Any]) -> Rewrite:
        """See :meth:`OwnConfiguration.rewriter`."""
        from lab.servers.pure_ftpd.own import rewriting  # noqa: PLC0415

        del text, file, server
        return rewriting.pure_ftpd_conf

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`OwnConfiguration.named_files`."""
        from lab.servers.pure_ftpd.own import reading  # noqa: PLC0415

        return reading.named_files(text, file)

    def presumptions(self) -> Iterator[InBothLanguages]:
        """See :meth:`OwnConfiguration.presumptions`."""
        from lab.servers.pure_ftpd.own import reading  # noqa: PLC0415

        return reading.presumptions()


READER = PureFtpdConfiguration()
