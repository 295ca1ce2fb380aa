"""What ``lab serve`` says where it cannot do what it was asked: the sentences of ``errors.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lab.text import AdvisedError


class ServeError(AdvisedError):
    """Nothing can be served as it was asked for; the message says what to do."""

    table: ClassVar[Path] = Path(__file__).with_name("errors.toml")

    @property
    def usage(self) -> bool:
        """Whether what was asked for is at fault, and not the lab."""
        return self.problem != "lost"
