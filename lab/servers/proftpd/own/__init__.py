"""How a person's proftpd.conf is read and written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import NamedFiles, OwnConfiguration, ReadConfiguration
from lab.own.findings import ONE_FILE, Origins
from lab.own.rewriting import Rewrite
from lab.remedies.words import InBothLanguages
from lab.servers.proftpd import Proftpd, ProftpdServer

if TYPE_CHECKING:
    from lab.servers.base import Server


class ProftpdConfiguration(OwnConfiguration):
    """A proftpd.conf."""

    file: ClassVar[str] = "proftpd.conf"
    software: ClassVar[str] = "proftpd"
    is_written: ClassVar[bool] = True
    settings: ClassVar[type[ServerSettings]] = Proftpd
    help: ClassVar[str] = "your proftpd.conf, beside what it includes"

    def read(
        self,
        text: str,
        file: str,
        server: Server[Any],
        build: str | None = None,
        origins: Origins = ONE_FILE,
    ) -> ReadConfiguration:
        """See :meth:`OwnConfiguration.read`."""
        from lab.servers.proftpd.own import reading  # noqa: PLC0415 - a reader is loaded for its file

        del build
        return reading.parse(text, file, server=_of_the_lab(server), origins=origins)

    def gather(self, file: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
        """See :meth:`OwnConfiguration.gather`."""
        from lab.servers.proftpd.own import including  # noqa: PLC0415

        return including.gathered(file, read)

    def rewriter(self, text: str, file: str, server: Server[Any]) -> Rewrite:
        """See :meth:`OwnConfiguration.rewriter`."""
        from lab.servers.proftpd.own import reading, rewriting  # noqa: PLC0415

        found = reading.parse(text, file, server=_of_the_lab(server))
        return rewriting.proftpd_conf(found.standing, found.behind)

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


def _of_the_lab(server: Server[Any]) -> ProftpdServer:
    assert isinstance(server, ProftpdServer), "its settings are ProFTPD's"
    return server


READER = ProftpdConfiguration()
