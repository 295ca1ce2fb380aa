"""Parameters of Diffie-Hellman, read by the `openssl` command."""

from __future__ import annotations

import subprocess

import pytest

from tests.unit.test_servers import request_of


@pytest.mark.parametrize("bits", [768, 1024, 2048])
def test_a_group_has_the_size_that_its_name_says(bits: int) -> None:
    request = request_of("nginx", dh_bits=bits)
    done = subprocess.run(
        ["openssl", "dhparam", "-noout", "-text", "-check"],
        input=request["files"]["dh.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"({bits} bit)" in done.stdout, done.stderr
