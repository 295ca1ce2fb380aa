"""What is not as it was: a difference, a cell or an image that has some, and what they mean.

=========  ========================================================================================
worse      what was as expected is so no longer, or is gone: vanished cells are worse, whatever they were
better     what was not as expected now is
other      the verdict is as good or bad as before, and something else differs
new        only in the new run
=========  ========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.expectations import Verdict
from lab.model import spelt


class Kind(StrEnum):
    """What a difference between two runs means."""

    WORSE = "worse"
    VANISHED = "vanished"
    BETTER = "better"
    OTHER = "other"
    NEW = "new"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was; what was or is not there at all is ``None``."""

    what: str
    """``verdict``, a fact of a cell (``FACTS``, ``FACTS_OF_COMPLETION``), ``message``, ``server.ciphers``,
    ``expectation``, ..."""
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Change:
    """A cell that is not as it was."""

    id: str
    """Of the attempt; of a race's tries their common part, of a remedy its title in place of a number."""
    kind: Kind
    old: str | None
    """What came of it, in one line; ``None``: it was not there."""
    new: str | None
    verdict: Verdict | None
    """In the new run; of what vanished, in the old one."""
    attempts: tuple[str, ...]
    """Ids of the attempts, in the same run."""
    differences: tuple[Difference, ...] = ()
    images: tuple[str, ...] = ()
    """Names of its images that changed as well."""

    @property
    def case(self) -> str:
        """Id of its case without the client."""
        return self.id.partition("[")[0]

    @property
    def client(self) -> str:
        """The client in its id, with what else distinguishes it; empty outside of cases."""
        return self.id.rpartition("]")[0].partition("[")[2]

    @property
    def label(self) -> str:
        """Which attempt of its case; empty outside of cases."""
        return self.id.rpartition("]/")[2] if self.client else ""


@dataclass(frozen=True)
class ImageChange:
    """An image that is not as it was."""

    name: str
    differences: tuple[Difference, ...]


def text_of(value: object) -> str | None:
    """A value as a difference shows it; ``None``: there is none."""
    if value is None or value == ():
        return None
    return ", ".join(value) if isinstance(value, tuple) else spelt(value)
