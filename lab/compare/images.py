"""The images of two runs: their sources, systems, TLS libraries and packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.compare.changes import Difference, ImageChange, text_of
from lab.record import ImageRecord

#: What is said of an image that changed, beside its packages.
IMAGE_FACTS: Final = ("source", "stand_in", "os", "tls_library")


def image_changes(old: Sequence[ImageRecord], new: Sequence[ImageRecord]) -> Iterator[ImageChange]:
    """What changed of each image; nothing of one that is as it was."""
    before, after = {i.name: i for i in old}, {i.name: i for i in new}
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before or name not in after:
            was, now = ("there", None) if name in before else (None, "there")
            yield ImageChange(name, (Difference("image", was, now),))
            continue
        facts = [_image_facts(i[name]) for i in (before, after)]
        differences = tuple(
            Difference(fact, facts[0].get(fact), facts[1].get(fact))
            for fact in {**facts[0], **facts[1]}
            if facts[0].get(fact) != facts[1].get(fact)
        )
        if differences:
            yield ImageChange(name, differences)


def _image_facts(image: ImageRecord) -> dict[str, str | None]:
    facts = {name: text_of(getattr(image, name)) for name in IMAGE_FACTS}
    packages = image.facts.get("packages")
    if isinstance(packages, Mapping):
        facts |= {str(name): str(version) for name, version in packages.items()}
    return facts
