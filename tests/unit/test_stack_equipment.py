"""What is put into the containers, and what is taken away again."""

from __future__ import annotations

import io
import tarfile
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from lab.certificates import OWN, OWN_CLIENT
from lab.certificates.material import RunCertificates
from lab.run.containers import (
    AGENTS,
    CERTIFICATES,
    PUBLIC_ROOTS,
    SYSTEM_TRUST_STORE,
    Containers,
    Equipment,
    anchors_file,
)
from lab.run.link import AgentError

_PLACE = f"{CERTIFICATES}/ftp.lab.test"
KEY, CHAIN = f"{_PLACE}/{OWN}.key.pem", f"{_PLACE}/{OWN}.chain.pem"


class MadeUpContainers:
    """Keep what is put into them."""

    services = frozenset({"vsftpd", "nginx", "rocky9-fips", "edge"})

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {service: {} for service in self.services}
        self.times = 0

    def read(self, service: str, path: str) -> bytes | None:
        return b"the distribution's own" if service == "edge" and path == PUBLIC_ROOTS else None

    def put(self, service: str, archive: bytes) -> None:
        self.times += 1
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            for member in packed:
                content = packed.extractfile(member)
                if content is not None:
                    self.files[service][member.name.lstrip("/")] = content.read()


def equipped(
    *paths: str, roots: bytes | None = None, is_made: bool = False
) -> tuple[Equipment, MadeUpContainers]:
    containers = MadeUpContainers()
    made_up = SimpleNamespace(
        hosts=["ftp.lab.test"],
        files=lambda host: [(f"{host}/{path}", path.encode()) for path in paths],
        anchor=lambda name: name.encode(),
        has_own=any(path.startswith("own") for path in paths),
        is_made=is_made,
    )
    equipment = Equipment(cast("Containers", containers), cast("RunCertificates", made_up), roots)
    for service in sorted(containers.services):
        equipment.with_programs(service, partial(containers.put, service))
        equipment.put(service)
    return equipment, containers


def named(path: str) -> str:
    return path.lstrip("/")


@pytest.mark.parametrize(("is_made", "times"), [(False, 2), (True, 1)])
def test_everybody_gets_agents_and_certificates_and_clients_the_trust_store(
    *, is_made: bool, times: int
) -> None:
    _, containers = equipped("valid.chain.pem", is_made=is_made)
    # What is made already comes with the first agent's programs.
    assert containers.times == times * len(containers.services)
    for service, files in containers.files.items():
        assert files[named(f"{_PLACE}/valid.chain.pem")] == b"valid.chain.pem"
        assert named(f"{AGENTS}/resident.py") in files
        assert (SYSTEM_TRUST_STORE in files) is (service in {"rocky9-fips", "edge"})


def test_public_roots_are_the_images_own_where_it_has_some() -> None:
    equipment, containers = equipped("valid.chain.pem", roots=b"Mozilla's", is_made=True)
    for service, content in (("rocky9-fips", b"Mozilla's"), ("edge", b"the distribution's own")):
        assert containers.files[service][SYSTEM_TRUST_STORE] == content
        assert containers.files[service][named(anchors_file("public"))] == content
        assert equipment.has_own_roots(service) is (service == "edge")
    # its twin: with certificates of the lab its own CA is trusted, whatever the image has
    equipment, containers = equipped("valid.chain.pem")
    assert containers.files["edge"][SYSTEM_TRUST_STORE] == b"public"
    assert not equipment.has_own_roots("edge")


def test_files_are_put_once() -> None:
    equipment, containers = equipped("valid.chain.pem")
    containers.files["edge"] = {}
    assert equipment.with_programs("edge", lambda archive: archive) == b""
    equipment.put("edge")
    assert containers.files["edge"] == {}


def test_an_agent_that_does_not_start_has_not_brought_the_programs() -> None:
    material = cast("RunCertificates", SimpleNamespace(is_made=False))
    equipment = Equipment(cast("Containers", None), material)

    def fail(_: bytes) -> None:
        raise AgentError("it does not start")

    with pytest.raises(AgentError):
        equipment.with_programs("edge", fail)
    assert equipment.with_programs("edge", lambda archive: archive) != b""


def test_the_operators_own_key_is_for_servers_alone() -> None:
    _, containers = equipped(f"{OWN}.chain.pem", f"{OWN}.key.pem", "valid.key.pem")
    for service, files in containers.files.items():
        assert named(CHAIN) in files
        assert (named(KEY) in files) is (service in {"vsftpd", "nginx"})
        assert named(f"{_PLACE}/valid.key.pem") in files, "made for this run: no secret"


def test_the_operators_own_key_of_a_client_is_for_clients_alone_and_does_not_outlive_the_run() -> (
    None
):
    name = named(f"{_PLACE}/{OWN_CLIENT}.key.pem")
    equipment, containers = equipped(f"{OWN_CLIENT}.key.pem")
    for service, files in containers.files.items():
        assert (name in files) is (service in {"rocky9-fips", "edge"})
    equipment.take_own_keys_away()
    assert [files[name] for files in containers.files.values() if name in files] == [b"", b""]


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
