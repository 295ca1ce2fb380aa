"""What is put into the containers, and what is taken away again."""

from __future__ import annotations

import io
import tarfile
from types import SimpleNamespace
from typing import cast

from lab.certificates import OWN, RunCertificates
from lab.run.containers import AGENTS, CERTIFICATES, SYSTEM_TRUST_STORE, Containers, Equipment

_PLACE = f"{CERTIFICATES}/ftp.lab.test"
KEY, CHAIN = f"{_PLACE}/{OWN}.key.pem", f"{_PLACE}/{OWN}.chain.pem"


class MadeUpContainers:
    """Keep what is put into them."""

    services = frozenset({"vsftpd", "nginx", "rocky9-fips", "edge"})

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {service: {} for service in self.services}

    def put(self, service: str, archive: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            for member in packed:
                content = packed.extractfile(member)
                if content is not None:
                    self.files[service][member.name.lstrip("/")] = content.read()


def equipped(*paths: str) -> tuple[Equipment, MadeUpContainers]:
    containers = MadeUpContainers()
    made_up = SimpleNamespace(
        hosts=["ftp.lab.test"],
        files=lambda host: [(f"{host}/{path}", path.encode()) for path in paths],
        anchor=lambda name: name.encode(),
    )
    equipment = Equipment(cast("Containers", containers), cast("RunCertificates", made_up))
    for service in sorted(containers.services):
        equipment.put(service)
    return equipment, containers


def named(path: str) -> str:
    return path.lstrip("/")


def test_everybody_gets_agents_and_certificates_and_clients_the_trust_store() -> None:
    _, containers = equipped("valid.chain.pem")
    for service, files in containers.files.items():
        assert files[named(f"{_PLACE}/valid.chain.pem")] == b"valid.chain.pem"
        assert named(f"{AGENTS}/resident.py") in files
        assert (SYSTEM_TRUST_STORE in files) is (service in {"rocky9-fips", "edge"})


def test_files_are_put_once() -> None:
    equipment, containers = equipped("valid.chain.pem")
    containers.files["edge"] = {}
    equipment.put("edge")
    assert containers.files["edge"] == {}


def test_the_operators_own_key_is_for_servers_alone() -> None:
    _, containers = equipped(f"{OWN}.chain.pem", f"{OWN}.key.pem", "valid.key.pem")
    for service, files in containers.files.items():
        assert named(CHAIN) in files
        assert (named(KEY) in files) is (service in {"vsftpd", "nginx"})
        assert named(f"{_PLACE}/valid.key.pem") in files, "made for this run: no secret"


def test_the_operators_own_key_does_not_outlive_the_run() -> None:
    equipment, containers = equipped(f"{OWN}.chain.pem", f"{OWN}.key.pem")
    equipment.take_own_keys_away()
    keys = [files[named(KEY)] for files in containers.files.values() if named(KEY) in files]
    assert keys == [b"", b""]
    assert all(files[named(CHAIN)] for files in containers.files.values())


def test_where_there_is_no_own_key_nothing_is_touched() -> None:
    equipment, containers = equipped("valid.chain.pem")
    containers.files = {}
    equipment.take_own_keys_away()
    assert containers.files == {}
