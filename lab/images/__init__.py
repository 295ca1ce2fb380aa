"""The images of the lab: made where they are missing, reused where they are not.

An image has a name (``rocky9``), a recipe (``compose/images/rocky9``) and, on the engine, a tag
that is the hash of its recipe and of everything that goes into it. So a second run finds what the
first one made, any change makes a new image, and two checkouts with different recipes do not
disturb each other. Every image carries its provenance in a label; docs/images.md has the rest.

:class:`ImageStore` (``store``) is the way in. The modules, in the order in which an image comes
about:

1. ``recipe`` (what an image is made of), ``candidate`` (its hash and tag), ``inventory`` (whether
   the engine has it), ``engine`` (whether the engine can make it);
2. ``making`` (by which route, on which base), ``scheduling`` (several at the same time), ``locks``
   (one lab at a time);
3. ``registry``, ``artifacts``, ``bootstrap`` with ``tools`` (where its parts come from);
4. ``assembly`` (from the start to the finished image): ``context`` and ``build`` (made by the
   engine), ``measure`` (what is really in it), ``provenance`` (the statement in its label);
   ``builds`` compares that with what the expectations were last seen with;
5. ``archive`` with ``transfer`` (all images as one file), ``pruning`` (what is old goes).

``errors`` and ``progress`` are how an operator is told.
"""

from lab.images.errors import ImageError, Problem, WrongVariable
from lab.images.inventory import ImageInfo, ImageStatus
from lab.images.progress import Printed, Progress, Silent
from lab.images.provenance import Provenance
from lab.images.recipe import Source, release_from_environment
from lab.images.store import ImageStore

__all__ = [
    "ImageError",
    "ImageInfo",
    "ImageStatus",
    "ImageStore",
    "Printed",
    "Problem",
    "Progress",
    "Provenance",
    "Silent",
    "Source",
    "WrongVariable",
    "release_from_environment",
]
