"""One image on one route, from where it starts to the finished image with its labels."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import docker

from lab.images import bootstrap, build, context, measure
from lab.images.candidate import Candidate
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem
from lab.images.inventory import ImageInfo, Inventory
from lab.images.provenance import Provenance
from lab.images.recipe import Bootstrap
from lab.images.registry import Pulled, Registry, Unavailable

Report = Callable[[str], None]


class Assembly:
    """Makes images on one engine, one a call; calls may run at the same time.

    Args:
        engine: the engine that builds and holds them.
        inventory: its images.
        registry: where the distributions' own images are pulled from.
        scratch: the directory for what is needed only meanwhile; it is made when it is missing.
    """

    def __init__(
        self, engine: docker.DockerClient, inventory: Inventory, registry: Registry, scratch: Path
    ) -> None:
        self.engine = engine
        self.inventory = inventory
        self._registry = registry
        self._scratch = scratch

    def make(
        self,
        wanted: Candidate,
        base: ImageInfo | None,
        packages: Mapping[str, Path],
        *,
        fallback_reason: str | None,
        report: Report,
        cancelled: Callable[[], bool],
    ) -> ImageInfo:
        """Begin, build, measure and label an image. Its tag appears when it is complete.

        Args:
            wanted: the image; the lock on its tag is held.
            base: the image of the lab that it stands on, if it stands on one.
            packages: the fetched package by its file name.
            fallback_reason: why the registry, tried before, did not give it; None when it was not.
            report: told of every step.
            cancelled: asked while it is built.

        Raises:
            ImageError: one of the steps failed.
            lab.images.build.Cancelled: ``cancelled()`` became true.
            docker.errors.DockerException: the engine failed.
        """
        begin = base.tag if base else None
        pulled: Pulled | None = None
        if wanted.variant.pull is not None:
            pulled = self._pull(wanted.variant.pull, report)
            begin = pulled.id
        elif wanted.variant.bootstrap is not None:
            begin = self._bootstrap(wanted, wanted.variant.bootstrap, report)
        assert begin is not None  # Variant has exactly one of the three
        image = self._build(wanted, begin, packages, report, cancelled)
        report("measuring what is in it")
        facts = measure.run(self.engine, image, wanted.measure, tag=wanted.tag)
        provenance = Provenance(
            image=wanted.name,
            source=wanted.source,
            stand_in=wanted.variant.stand_in,
            os=facts.os,
            tls_library=facts.tls_library,
            packages=facts.packages,
            crypto_policies=facts.crypto_policies,
            real=wanted.variant.real,
            not_real=wanted.variant.not_real,
            fallback_reason=fallback_reason,
            digest=pulled.digest if pulled else base.provenance.digest if base else None,
            recipe=wanted.digest,
            built_at=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        )
        build.label(self.engine, image, wanted.tag, provenance.labels())
        build.remove_stages(self.engine, wanted.digest)
        info = self.inventory.inspect(wanted.tag, built=True)
        if info is None:
            raise ImageError(
                Problem.BUILD,
                tried=f"reading the finished image {wanted.tag}",
                happened="it vanished",
                advice=["look for what removes images on this machine, then try again"],
            )
        return info

    def _pull(self, reference: str, report: Report) -> Pulled:
        try:
            return self._registry.pull(reference, report)
        except Unavailable as error:
            raise ImageError(
                Problem.REGISTRY,
                tried=f"pulling {reference}",
                happened=str(error),
                advice=[
                    f"see whether the engine reaches the registry: docker pull {reference}",
                    "build from package mirrors instead: LAB_IMAGES=packages (or auto)",
                    IMPORT_ADVICE,
                ],
            ) from error

    def _bootstrap(self, wanted: Candidate, system: Bootstrap, report: Report) -> str:
        # One name an image, whose lock is held: what a killed run left is overwritten.
        root_file_system = self._scratch_directory() / f"{wanted.name}-{wanted.digest}.tar"
        try:
            bootstrap.make(system, root_file_system, report)
            report("handing it to the engine")
            return build.import_root(self.engine, root_file_system)
        finally:
            root_file_system.unlink(missing_ok=True)

    def _build(
        self,
        wanted: Candidate,
        begin: str,
        packages: Mapping[str, Path],
        report: Report,
        cancelled: Callable[[], bool],
    ) -> str:
        """The id of what the Dockerfile makes of ``begin``; ``begin`` itself without one."""
        if wanted.variant.dockerfile is None:
            return begin
        what = "the stand-in" if wanted.variant.stand_in else "the image"
        with tempfile.TemporaryFile(dir=self._scratch_directory()) as stream:
            context.write(stream, wanted, packages)
            stream.seek(0)
            return build.build(
                self.engine,
                stream,
                dockerfile=wanted.variant.dockerfile,
                base=begin,
                recipe=wanted.digest,
                tried=f"building {what} {wanted.name} from the {wanted.source}",
                report=lambda step: report(f"building {what} ({step})"),
                cancelled=cancelled,
            )

    def _scratch_directory(self) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch
