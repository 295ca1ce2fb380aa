"""How a person's vsftpd.conf is read and written again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import (
    NamedFiles,
    OwnConfiguration,
    ReadConfiguration,
    WritableConfiguration,
)
from lab.own.findings import ONE_FILE, Origins
from lab.own.rewriting import Rewrite
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
        return reading.parse(
            text,
            file,
            build=reading.build_named(build) if build else None,
            target=_of_the_lab(server).build,
            software=server.name,
        )

    def writable(
        self, text: str, file: str, server: Server[Any], build: str | None = None
    ) -> WritableConfiguration:
        """See :meth:`OwnConfiguration.writable`."""
        from lab.servers.vsftpd.own import reading  # noqa: PLC0415

        target = _of_the_lab(server).build
        of_file = reading.build_named(build) if build else reading.build_for(text, target)
        form = super().writable(text, file, server, of_file.name)
        return replace(form, server=VsftpdServer(build=of_file))

    def rewriter(self, text: str, file: str, server: Server[Any]) -> Rewrite:
        """See :meth:`OwnConfiguration.rewriter`."""
        from lab.servers.vsftpd.own import rewriting  # noqa: PLC0415

        del text, file, server
        return rewriting.vsftpd_conf

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


READER = VsftpdConfiguration()
