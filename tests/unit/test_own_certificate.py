"""The operator's own certificate among the material of a run."""

from __future__ import annotations

import pytest

from lab.certificates import OWN, UnknownCertificate
from lab.certificates.material import RunCertificates
from lab.own.pem import read_certificate
from lab.settings import parse_client, parse_server

HOSTS = ["ftp.lab.test", "pyftpdlib.lab.test"]
MATERIAL = RunCertificates(HOSTS)


def brought(slug: str) -> tuple[RunCertificates, bytes]:
    """RunCertificates with the chain of another run's certificate brought to it, and that chain."""
    made = MATERIAL.server(slug, HOSTS[0])
    own, _ = read_certificate(made.chain_pem, made.key_pem)
    material = RunCertificates(HOSTS)
    material.add_own(OWN, own.chain_pem, own.key_pem, own.leaf_sha256)
    return material, made.chain_pem


def test_it_is_served_for_every_host() -> None:
    material, chain = brought("full-chain")
    assert [material.server(OWN, host).chain_pem for host in HOSTS] == [chain, chain]


def test_its_issuers_are_an_anchor() -> None:
    material, chain = brought("full-chain")
    leaf = chain[: chain.index(b"-----END CERTIFICATE-----\n") + 26]
    assert leaf + material.anchor(OWN) == chain


def test_alone_it_is_its_own_anchor() -> None:
    material, chain = brought("self-signed")
    assert material.anchor(OWN) == chain


def test_its_files_are_put_beside_the_catalogues() -> None:
    files = dict(brought("valid")[0].files(HOSTS[1]))
    assert {f"{HOSTS[1]}/own.chain.pem", f"{HOSTS[1]}/own.key.pem", "anchors/own.pem"} <= set(files)
    assert not any("own." in path for path in dict(MATERIAL.files(HOSTS[0])))


def test_without_one_there_is_none() -> None:
    with pytest.raises(UnknownCertificate):
        MATERIAL.server(OWN, HOSTS[0])
    with pytest.raises(UnknownCertificate):
        MATERIAL.anchor(OWN)


def test_settings_can_name_it() -> None:
    assert parse_server(["certificate=own"]).certificate == OWN
    client = parse_client("net-ftp@rocky9", ["trust=own", "fingerprint=own"])
    assert (client.trust, client.pin) == (OWN, OWN)
