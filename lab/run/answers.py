"""What builds answered, kept from one run to the next.

An answer belongs to the images that were asked, by their ids: an image made anew of the same recipe may have
other packages, and has another id. It belongs to the lab that asked as well, which writes the configurations
and reads what comes: one whose code, or whose topology, is another asks again. The answers lie in the
checkout's state directory.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lab.host.checkout import root
from lab.host.machine import write_whole
from lab.own import files

Answer = TypeVar("Answer")

#: In the state directory: ``lab``, a hash of the code that asked, and ``answers``: a question of
#: :meth:`KeptAnswers.question` -> what was answered.
FILE = "capabilities.json"
_PACKAGE = Path(__file__).parent.parent


class KeptAnswers:
    """The answers that are kept in a checkout; where that cannot be done, those of this run."""

    def __init__(self, images: Mapping[str, str], state: Path) -> None:
        """Nothing is read yet.

        Args:
            images: the id of the image of each service.
            state: the checkout's state directory.
        """
        self._images, self._file = images, state / FILE
        self._lock = threading.Lock()

    @functools.cached_property
    def _answers(self) -> dict[str, Any]:
        """Those kept so far; none, if there is no such file, or a damaged one, or another lab's."""
        with contextlib.suppress(files.Unreadable, RecursionError, ValueError):
            kept = json.loads(files.read(self._file, files.KEPT))
            if isinstance(kept, dict) and kept.get("lab") == _code():
                answers = kept.get("answers")
                return answers if isinstance(answers, dict) else {}
        return {}

    def question(self, asked: str, settings: object, services: Collection[str]) -> str:
        """A question in words, with the settings that matter and the ids of the images that answer it."""
        images = " ".join(sorted(self._images.get(service, service) for service in services))
        return f"{asked}: {json.dumps(settings, default=str, sort_keys=True)} on {images}"

    def of(self, question: str) -> Any:
        """What is kept; ``None``: nothing is."""
        with self._lock:
            return self._answers.get(question)

    def keep(self, question: str, answer: Answer) -> Answer:
        """Keep an answer of plain values; where that cannot be done it is asked for again."""
        with self._lock:
            self._answers[question] = answer
            kept = {"lab": _code(), "answers": self._answers}
            with contextlib.suppress(OSError):
                write_whole(self._file, json.dumps(kept, indent=1, sort_keys=True))
        return answer


@functools.cache
def _code() -> str:
    """A hash of the lab's own files, which together decide what is asked and how an answer is read."""
    digest = hashlib.sha256()
    for folder, pattern in ((_PACKAGE, "*.*"), (root() / "compose", "*.yaml")):
        for path in sorted(folder.rglob(pattern)):
            if path.is_file() and path.parent.name != "__pycache__":
                content = path.read_bytes()
                name = f"{path.relative_to(folder)} {len(content)}\n"
                digest.update(name.encode() + content)
    return digest.hexdigest()
