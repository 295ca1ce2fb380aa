"""Scenario modules: importing them, calling their case functions for each client, and choosing cases."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lab.cases.declaration import Case, CaseError, CaseFunction, Declaration, LoadedCase, check
from lab.model import ClientSettings
from lab.text import did_you_mean


@dataclass
class Catalogue:
    """The cases of a folder of scenario modules."""

    cases: list[LoadedCase] = field(default_factory=list)
    by_name: set[str] = field(default_factory=set)
    """The documents whose cases are chosen by name only: their packages have ``BY_NAME = True``."""

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Import every module of ``folder``, document by document, and collect its cases.

        Raises:
            CaseError: a case is not well-formed, or a module cannot be imported.
        """
        catalogue = cls()
        for path in sorted(folder.rglob("[!_]*.py")):
            catalogue.cases += (loaded := load_module(path))
            if _is_by_name(path.parent):
                catalogue.by_name |= {case.document for case in loaded}
        for name, number in Counter(c.id for c in catalogue.cases).items():
            if number > 1:
                raise CaseError(f"two cases have the id {name}")
        return catalogue

    def select(
        self, words: Sequence[str], document: str | None = None, *, every: bool = False
    ) -> list[LoadedCase]:
        """The cases whose id is, begins with or contains one of ``words``.

        Without words and document these are all but those that are chosen :attr:`by_name` only; with
        ``every`` those, too.

        Raises:
            CaseError: a word that matches no case; the message names the closest.
        """
        cases = [c for c in self.cases if document is None or c.document == document]
        if document is not None and not cases:
            known = ", ".join(sorted({c.document for c in self.cases}))
            raise CaseError(f"no document {document!r}; there are: {known}")
        if not words:
            return [c for c in cases if document or every or c.document not in self.by_name]
        chosen: dict[str, LoadedCase] = {}
        for word in words:
            exactly = [c for c in cases if word in (c.id, c.name)]
            found = exactly or [c for c in cases if word in c.id]
            if not found:
                raise CaseError(f"no case matches {word!r}{self._closest(word, cases)}")
            chosen |= {c.id: c for c in found}
        return list(chosen.values())

    @staticmethod
    def _closest(word: str, cases: list[LoadedCase]) -> str:
        names = sorted({c.name for c in cases})
        name = word.split("[", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
        return did_you_mean(name, names, alike=0.4, otherwise="; `lab list` shows what there is")


@cache
def _is_by_name(package: Path) -> bool:
    """Whether a document's package says ``BY_NAME = True``; nothing of it is run for that."""
    file = package / "__init__.py"
    return file.is_file() and "\nBY_NAME = True\n" in f"\n{file.read_text(encoding='utf-8')}"


def load_module(path: Path) -> list[LoadedCase]:
    """The cases of one scenario module; raises :class:`CaseError`."""
    scenarios = next(folder for folder in path.parents if folder.name == "scenarios")
    if path.parent == scenarios:
        raise CaseError(f"{path.name}: a module of cases is in the folder of its document")
    name = ".".join(path.relative_to(scenarios.parent).with_suffix("").parts)
    root = str(scenarios.parent)
    if root not in sys.path:  # what the modules of a document share is its package
        sys.path.insert(0, root)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CaseError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except CaseError:
        raise
    except Exception as error:
        raise CaseError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    loaded: list[LoadedCase] = []
    for function in vars(module).values():
        declaration = getattr(function, "lab_case", None)
        if isinstance(declaration, Declaration) and function.__module__ == name:
            loaded += [
                _load(function, declaration, client, server, path)
                for server in declaration.servers or (None,)
                for client in declaration.clients
            ]
    return loaded


def _load(
    function: CaseFunction,
    declaration: Declaration,
    client: ClientSettings,
    server: str | None,
    path: Path,
) -> LoadedCase:
    name = getattr(function, "__name__", "?")
    label = _label(client, declaration.clients) + (f" to {server}" if server else "")
    identity = f"{path.stem}/{name}[{label}]"
    story = inspect.cleandoc(function.__doc__ or "")
    if not story:
        raise CaseError(f"{identity}: a case has a docstring that tells its story")
    loaded = LoadedCase(
        id=identity,
        name=name,
        document=path.parent.name.replace("_", "-"),
        section=declaration.section,
        title=name.replace("_", " "),
        story=story,
        case=_called(identity, function, client, server),
        path=path,
        line=inspect.unwrap(function).__code__.co_firstlineno,
    )
    check(loaded)
    return loaded


def _called(name: str, function: CaseFunction, client: ClientSettings, server: str | None) -> Case:
    try:
        made: object = function(client, server) if server else function(client)
    except (TypeError, ValueError) as error:  # a field or a value that settings do not have
        raise CaseError(f"{name}: {error}") from error
    if not isinstance(made, Case):
        raise CaseError(f"{name}: a case function returns a Case, not {made!r}")
    return made


def _label(client: ClientSettings, among: Sequence[ClientSettings]) -> str:
    """The client, with the settings in which it differs from others of the same name."""
    alike = [other for other in among if str(other) == str(client)]
    if len(alike) == 1:
        return str(client)
    differing = [
        f"{name}={getattr(client, name)}"
        for name in (f.name for f in dataclasses.fields(client))
        if len({getattr(other, name) for other in alike}) > 1
    ]
    return " ".join([str(client), *differing])
