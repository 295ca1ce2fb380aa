"""The cases of the lab, loaded once a process."""

from functools import cache

from lab.cases import Catalogue
from lab.host.checkout import source


@cache
def catalogue() -> Catalogue:
    """What is chosen from it is chosen anew; nobody adds to it."""
    return Catalogue.load(source() / "scenarios")
