"""A trainee's folder as attempts: those that must complete, the same at an impostor's, and intruders.

The files are read as ``lab attempt`` reads a person's own, with three differences: what a configuration names
of the machine (certificate, key, passive address and ports) is what the folder has, and counts; a chain and a
key that do not fit each other are handed to the server, which then says so itself; and nothing is said of the
lines, because that would be the answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lab.certificates import OWN
from lab.exercises import Exercise, ExerciseClient, ExerciseError
from lab.exercises.folder import read as read_folder
from lab.model import Attempt, Role, parse_ports
from lab.model.expectations import PlannedAttempt
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles, NamedFiles, readers
from lab.own.files import PEM, UserAnchors, UserCertificate, UserFiles
from lab.own.findings import read_bytes, read_text
from lab.servers.impostor import impostors

#: Files of a folder that go by their names: what the clients' machines trust.
TRUSTED = "trusted.pem"


@dataclass(frozen=True)
class ReadFolder:
    """What a folder's files come to."""

    clients: tuple[Attempt, ...]
    """Of each client that must get through, in the exercise's order."""
    intruders: tuple[Attempt, ...]
    own: UserFiles | None
    """The folder's certificates; ``None``: it has none."""


def read(exercise: Exercise, folder: Path, originals: Path) -> ReadFolder:
    """Read the files of a folder.

    Args:
        exercise: whose they are.
        folder: where the trainee has them.
        originals: where they are as they were at the start.

    Raises:
        ExerciseError: a file is missing, or what it names.
        InputError: a file that its program could not read.
        SettingsError: the exercise itself names what does not exist.
    """
    _check_there(exercise, folder, originals)
    reader = _Reader(exercise, folder, originals)
    return ReadFolder(
        tuple(reader.attempt(one) for one in exercise.clients),
        tuple(reader.attempt(one) for one in exercise.intruders),
        reader.own,
    )


def _check_there(exercise: Exercise, folder: Path, originals: Path) -> None:
    if not folder.is_dir():
        raise ExerciseError("folder-gone", folder=folder, number=exercise.number)
    wanted = {exercise.server.file, *(c.file for c in (*exercise.clients, *exercise.intruders))}
    wanted |= {TRUSTED} & set(read_folder(originals))
    for name in sorted(wanted - {""}):
        if not (folder / name).is_file():
            raise _no_file(folder / name, originals)


def _no_file(path: Path, originals: Path) -> ExerciseError:
    """What is wrong where a file ought to be: something else is there, or nothing is."""
    problem = "no-file" if os.path.lexists(path) else "file-gone"
    original = originals / path.name
    return ExerciseError(problem, file=path.name, folder=path.parent, original=original)


class _Reader:
    """Reads the server's side once, and each client's."""

    def __init__(self, exercise: Exercise, folder: Path, originals: Path) -> None:
        self._exercise, self._folder, self._originals = exercise, folder, originals
        self._server = exercise.server
        self._given, self._names = self._configuration(), NamedFiles()
        for one in self._given.given:
            self._names = one.reader.reading.named_files(read_text(one.file), str(one.file))
        self.own = self._files()

    def attempt(self, one: ExerciseClient) -> Attempt:
        """The attempt of one client."""
        suffix = Path(one.file).suffix
        made, files, _ = read_attempt(
            replace(
                self._given,
                mt_config=self._folder / one.file if suffix == ".cgi" else None,
                backend=self._folder / one.file if suffix == ".vcl" else None,
            ),
            one.client,
            client_settings=one.settings,
            server=self._server.software,
            server_settings=(*self._server.settings, *self._passive()),
        )
        given = files.anchors if files is not None else None
        return self._with_certificates(made, given)

    def _configuration(self) -> GivenFiles:
        """The server's configuration, if the folder has one."""
        for option, one in readers().items():
            if one.file == self._server.file:
                builds = {one.build_option: self._server.build} if self._server.build else {}
                return GivenFiles(configurations={option: self._folder / one.file}, builds=builds)
        return GivenFiles()

    def _with_certificates(self, made: Attempt, given: UserAnchors | None) -> Attempt:
        """The attempt with the folder's chain, and with what the folder's clients trust."""
        own = self.own
        if own is None or own.certificate is None:
            return made
        if made.server.has_certificate:
            made = made.with_server(certificate=OWN)
        if given is not None and own.anchors is None:
            self.own = replace(own, anchors=given)
        elif own.anchors is not None and made.client.trust is None:
            made = made.with_client(trust=OWN)
        if made.client.host is None:
            made = made.with_client(host=made.server.host)
        return made

    def _files(self) -> UserFiles | None:
        """The chain and the key that the configuration names, and what clients trust."""
        if not self._exercise.certificates:
            return None
        chain = self._named(self._names.certificate, "chain.pem")
        key = self._named(self._names.key, "server.key")
        trusted = self._folder / TRUSTED
        return UserFiles(
            certificate=self._certificate(chain, key),
            anchors=UserAnchors(self._pem(trusted), "", TRUSTED, "--ca")
            if trusted.exists()
            else None,
            roots=None,
        )

    def _named(self, named: tuple[str, int], otherwise: str) -> Path:
        """The file of the folder that a line of the configuration names."""
        path, line = named
        found = self._folder / (PurePosixPath(path).name or otherwise)
        if not found.is_file():
            there = ", ".join(p.name for p in sorted(self._folder.iterdir()) if p.suffix in _KINDS)
            if path and not os.path.lexists(found):
                raise ExerciseError(
                    "names-no-file",
                    file=self._server.file,
                    line=line,
                    path=path,
                    wanted=found.name,
                    folder=self._folder,
                    there=there,
                )
            raise _no_file(found, self._originals)
        return found

    def _certificate(self, chain: Path, key: Path) -> UserCertificate:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - slow to import

        from lab.certificates.description import describe  # noqa: PLC0415

        chain_pem, key_pem = self._pem(chain), read_bytes(key, PEM)
        try:
            # No server tries the key's numbers for primes either.
            load_pem_private_key(key_pem, None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError) as error:
            raise self._not_pem(key, "private key") from error
        leaf = describe(chain_pem).leaf
        return UserCertificate(
            chain_pem=chain_pem,
            key_pem=key_pem,
            leaf_sha256=leaf.sha256,
            description="",
            chain_file=str(chain),
            key_file=str(key),
            self_issued=leaf.self_signed,
        )

    def _pem(self, path: Path) -> bytes:
        from cryptography import x509  # noqa: PLC0415 - is slow to import

        content = read_bytes(path, PEM)
        try:
            x509.load_pem_x509_certificates(content)
        except ValueError as error:
            raise self._not_pem(path, "certificate") from error
        return content

    def _not_pem(self, path: Path, what: str) -> ExerciseError:
        return ExerciseError("not-pem", file=path, what=what, original=self._originals / path.name)

    def _passive(self) -> Iterator[str]:
        """What the configuration says of passive mode; the firewall lets its own ports through."""
        if self._names.passive_address:
            yield f"pasv_address={self._names.passive_address}"
        firewall = self._server.firewall
        if firewall is None:
            return
        low, high = self._names.passive_ports
        first, last = parse_ports(firewall)
        inside = low.isdigit() and high.isdigit() and first <= int(low) <= int(high) <= last
        yield f"pasv_ports={low}-{high}" if inside else "data_ports=rejected"


_KINDS = (".pem", ".key")


# -- what is made ------------------------------------------------------------------------------------


def plan(exercise: Exercise, files: ReadFolder) -> list[PlannedAttempt]:
    """The attempts of one check: clients as often as they must get through, and each at an impostor's."""
    from lab.run.recording import own_files  # noqa: PLC0415 - is loaded while agents start

    own = own_files(files.own)
    made: list[PlannedAttempt] = []
    for number, (one, attempt) in enumerate(zip(exercise.clients, files.clients, strict=True)):
        made += [
            PlannedAttempt(f"client-{number}-{n}", attempt, counted=True, own=own)
            for n in range(one.tries)
        ]
        at_impostor = impostors(attempt)
        made.append(PlannedAttempt(f"impostor-{number}", at_impostor, role=Role.IMPOSTOR, own=own))
    for number, attempt in enumerate(files.intruders):
        made.append(PlannedAttempt(f"intruder-{number}", attempt, own=own))
        name, at_impostor = f"intruder-impostor-{number}", impostors(attempt)
        made.append(PlannedAttempt(name, at_impostor, role=Role.IMPOSTOR, own=own))
    return made
