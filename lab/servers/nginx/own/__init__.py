"""How a person's nginx.conf is read and written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from lab.model import ServerSettings
from lab.own.configurations import NamedFiles, OwnConfiguration, ReadConfiguration
from lab.own.findings import ONE_FILE, Origins
from lab.own.rewriting import Rewrite
from lab.servers.nginx import Nginx

if TYPE_CHECKING:
    from lab.servers.base import Server


class NginxConfiguration(OwnConfiguration):
    """An nginx.conf."""

    file: ClassVar[str] = "nginx.conf"
    software: ClassVar[str] = "nginx"
    is_written: ClassVar[bool] = True
    settings: ClassVar[type[ServerSettings]] = Nginx
    help: ClassVar[str] = "your origin's nginx.conf, or its server block"

    def read(
        self,
        text: str,
        file: str,
        server: Server[Any],
        build: str | None = None,
        origins: Origins = ONE_FILE,
    ) -> ReadConfiguration:
        """See :meth:`OwnConfiguration.read`."""
        from lab.servers.nginx.own import reading  # noqa: PLC0415 - a reader is loaded for its file

        del build, origins
        return reading.parse(text, file, software=server.name)

    def rewriter(self, text: str, file: str, server: Server[Any]) -> Rewrite:
        """See :meth:`OwnConfiguration.rewriter`."""
        from lab.servers.nginx.own import reading, rewriting  # noqa: PLC0415

        found = reading.parse(text, file, software=server.name)
        return rewriting.nginx_conf(found.server_line, found.own_lines)

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`OwnConfiguration.named_files`."""
        from lab.servers.nginx.own import reading  # noqa: PLC0415

        files = reading.parse(text, file).files
        return NamedFiles(
            certificate=files.get("ssl_certificate", ("", 0)),
            key=files.get("ssl_certificate_key", ("", 0)),
        )


READER = NginxConfiguration()
