"""Removing the images of older recipes and what interrupted builds left."""

from __future__ import annotations

from collections.abc import Callable, Collection

import docker
from docker.errors import APIError, ImageNotFound

from lab.images.provenance import LABEL_IMAGE


def prune(
    engine: docker.DockerClient, kept: Collection[str], report: Callable[[str], None]
) -> tuple[str, ...]:
    """Remove every image of a lab that has none of the tags in ``kept``; return their names.

    Images that a container uses stay.

    Args:
        engine: the engine.
        kept: tags.
        report: told of what is in use.

    Raises:
        docker.errors.DockerException: the engine failed.
    """
    removed = []
    # dangling ones included: they are the leftovers of builds
    for image in engine.images.list(filters={"label": LABEL_IMAGE}):
        if any(tag in kept for tag in image.tags):
            continue
        for name in image.tags or [str(image.id)]:
            try:
                engine.images.remove(name)
            except ImageNotFound:
                continue
            except APIError as error:
                if error.status_code != 409:  # in use
                    raise
                report(f"{name} is in use, kept")
                continue
            removed.append(name)
    return tuple(removed)
