"""Pinned packages, fetched through the machine's own package clients and kept in a cache.

The clients (``npm pack``, ``pip download``) know how this machine reaches its package index; the
lab does not have to. What they bring is used only after its hash was compared with the recipe.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from lab import machine
from lab.images import tools
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem, is_no_space, megabytes, no_space
from lab.images.recipe import Artifact

DOWNLOAD_TIMEOUT_S = 900.0
ATTEMPTS = 3
CHUNK = 1 << 20


class Cache:
    """The downloaded packages of a checkout, below ``.lab/cache``.

    A package is complete or absent: it is downloaded into a directory of its own, checked and then
    moved into place, so an interrupted run leaves nothing that a later run could take for whole.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, artifact: Artifact) -> Path:
        """Where the package is once it has been fetched."""
        return self.directory / artifact.file

    def fetch(self, artifact: Artifact, report: Callable[[str], None]) -> Path:
        """The checked package, from the cache or through its client.

        Args:
            artifact: what to fetch.
            report: told what happens, when something takes time.

        Raises:
            ImageError: no client, a failed download, another hash, a full disk.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with FileLock(self.directory / f".{artifact.file}.lock"):
                return self._fetch(artifact, report)
        except OSError as error:
            if is_no_space(error):
                raise self._full(artifact, str(error)) from error
            raise ImageError(
                Problem.DOWNLOAD,
                tried=f"fetching {artifact.title} into {self.directory}",
                happened=str(error),
                advice=[f"make {self.directory} writable for this user"],
            ) from error

    def _fetch(self, artifact: Artifact, report: Callable[[str], None]) -> Path:
        target = self.path(artifact)
        if target.is_file() and sha256(target) == artifact.sha256:
            return target
        report(f"downloading {artifact.title} ({megabytes(artifact.size)}, {artifact.client})")
        prefix = f".partial-{artifact.file}-"
        for left in self.directory.glob(f"{glob.escape(prefix)}*"):
            shutil.rmtree(left)  # by a run that was killed: its lock has ended with it
        with tempfile.TemporaryDirectory(dir=self.directory, prefix=prefix) as partial:
            downloaded = self._download(artifact, Path(partial), report)
            found = sha256(downloaded)
            if found != artifact.sha256:
                raise ImageError(
                    Problem.DOWNLOAD,
                    tried=f"checking {artifact.file}",
                    happened=f"its sha256 is {found}, the recipe pins {artifact.sha256}",
                    advice=[
                        "find out why the package index serves other bytes than it did when the "
                        "recipe was written; do not use them before that is known",
                    ],
                )
            downloaded.replace(target)
        return target

    def _download(self, artifact: Artifact, directory: Path, report: Callable[[str], None]) -> Path:
        argv = command(artifact, directory, report)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                machine.run(argv, timeout_s=DOWNLOAD_TIMEOUT_S, cwd=directory, env=environment())
                break
            except machine.CommandError as error:
                if is_no_space(error.output):
                    raise self._full(artifact, error.output) from error
                if attempt == ATTEMPTS:
                    raise ImageError(
                        Problem.DOWNLOAD,
                        tried=f"downloading {artifact.title} with {artifact.client}",
                        happened=f"{ATTEMPTS} attempts failed, the last one: {error}",
                        advice=[
                            f"see whether {artifact.client} reaches its package index",
                            f"put {artifact.file} (sha256 {artifact.sha256}) into {self.directory}",
                            IMPORT_ADVICE,
                        ],
                    ) from error
                report(f"downloading {artifact.title} again ({attempt} of {ATTEMPTS} failed)")
        downloaded = directory / artifact.file
        if not downloaded.is_file():
            names = ", ".join(sorted(path.name for path in directory.iterdir())) or "nothing"
            raise ImageError(
                Problem.DOWNLOAD,
                tried=f"downloading {artifact.title} with {artifact.client}",
                happened=f"it was to bring {artifact.file}, it brought {names}",
                advice=[f"put {artifact.file} (sha256 {artifact.sha256}) into {self.directory}"],
            )
        return downloaded

    def _full(self, artifact: Artifact, happened: str) -> ImageError:
        return no_space(
            f"downloading {artifact.title}",
            happened.strip().splitlines()[-1],
            str(self.directory),
            machine.free_bytes(self.directory),
        )


def command(artifact: Artifact, directory: Path, report: Callable[[str], None]) -> list[str]:
    """The client's command line that puts the package into ``directory``.

    Raises:
        ImageError: the client is not on this machine and cannot be installed from here.
    """
    if artifact.client == "npm":
        by_hand = f"put {artifact.file} (sha256 {artifact.sha256}) into {directory.parent}"
        npm = tools.path(tools.NPM, report, otherwise=[by_hand])
        # The package goes into the current directory; npm 6 cannot name another one.
        return [npm, "pack", "--ignore-scripts", f"{artifact.package}@{artifact.version}"]
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    if artifact.platform is not None:
        argv += ["--only-binary=:all:", "--implementation=cp"]
        argv += [f"--python-version={artifact.platform.python}"]
        argv += [f"--platform={tag}" for tag in artifact.platform.tags]
    return [*argv, f"--dest={directory}", f"{artifact.package}=={artifact.version}"]


def environment() -> dict[str, str]:
    """This process's environment, without questions and notices from the clients."""
    return {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "NO_UPDATE_NOTIFIER": "1",
        "npm_config_update_notifier": "false",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
    }


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
