"""Write ``lab/tls/suites.tsv``: every cipher suite that a TLS library in the lab's images has a name for.

``make suites`` runs it. Each library is asked through the ssl module of the Python in its image, which gives
what ``openssl ciphers -V ALL:COMPLEMENTOFALL`` prints. Of a suite that several libraries have, the oldest
one's protocol version counts: newer ones no longer tell what SSL 3.0 had.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

import docker

from lab.host import engine
from lab.images.errors import Printed
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store

#: Images with a library each, the oldest first.
IMAGES = ("centos7", "rocky9", "nginx")
TABLE = Path(__file__).parents[1] / "lab" / "tls" / "suites.tsv"
#: What is left out: no end of the lab can use them.
LEFT_OUT = ("PSK", "SRP", "KRB5", "GOST", "unknown")
ASK = """
import json, ssl, sys, warnings
warnings.simplefilter("ignore")
context = ssl.SSLContext(ssl.PROTOCOL_TLS)
for cipher_list in ("ALL:COMPLEMENTOFALL:@SECLEVEL=0", "ALL:COMPLEMENTOFALL"):
    try:
        context.set_ciphers(cipher_list)
        break
    except ssl.SSLError:
        pass
told = [(s["id"] & 0xFFFF, s["description"]) for s in context.get_ciphers()]
json.dump([ssl.OPENSSL_VERSION, told], sys.stdout)
"""
#: OpenSSL's words, in those of the field.
KEY_EXCHANGE = {"DH": "DHE", "ECDH": "ECDHE", "DH/RSA": "DH", "DH/DSS": "DH"}
KEY_EXCHANGE |= {"ECDH/RSA": "ECDH", "ECDH/ECDSA": "ECDH"}
CIPHER = {"3DES": "3DES-CBC", "IDEA": "IDEA-CBC", "SEED": "SEED-CBC", "None": "NULL"}
CIPHER |= {"RC4": "RC4", "CHACHA20/POLY1305": "CHACHA20-POLY1305"}
MODES = {"AESGCM": "AES-{}-GCM", "ARIAGCM": "ARIA-{}-GCM", "AESCCM": "AES-{}-CCM"}
MODES |= {"AESCCM8": "AES-{}-CCM8", "AES": "AES-{}-CBC", "Camellia": "CAMELLIA-{}-CBC"}
MAC = {"SHA1": "SHA-1", "SHA256": "SHA-256", "SHA384": "SHA-384"}


def columns(description: str) -> list[str] | None:
    """Name, first version, key exchange, authentication, encryption, MAC; ``None``: it is left out."""
    name, first, *named = description.split()
    of = dict(word.split("=", 1) for word in named if "=" in word)
    if any(word in f"{name} {of['Kx']} {of['Au']}" for word in LEFT_OUT):
        return None
    if "export" in named or first == "SSLv2" or of["Enc"].startswith(("DES(56", "DES(40", "RC2")):
        return None
    static = of["Kx"].partition("/")[2]
    cipher, _, bits = of["Enc"].rstrip(")").partition("(")
    return [
        name.replace("EDH-", "DHE-") if name.startswith("EDH-") else name,  # since OpenSSL 1.1.0
        "SSLv3" if first in ("TLSv1", "TLSv1.0") else first,
        KEY_EXCHANGE.get(of["Kx"], of["Kx"]),
        static or {"None": "none"}.get(of["Au"], of["Au"]),
        MODES[cipher].format(bits) if cipher in MODES else CIPHER[cipher],
        MAC.get(of["Mac"], of["Mac"]),
    ]


def main() -> int:
    """Ask the libraries, and write the table."""
    versions: list[str] = []
    table: dict[int, list[str]] = {}
    with closing(engine.find()) as client:
        images = image_store(client, Checkout.here(), Printed()).ensure(IMAGES)
        for name in IMAGES:
            version, told = ask(client, images[name].tag)
            versions.append(version)
            for number, description in told:
                known = columns(description)
                if known is not None:
                    # The name is the newest library's; the rest is the oldest one's.
                    table[number] = [known[0], *table.get(number, known)[1:]]
    lines = [
        "# Cipher suites by their number in the IANA registry, under OpenSSL's names.",
        f"# Written by `make suites`, from: {'; '.join(versions)}.",
        "# number\tname\tfirst\tkey exchange\tauthentication\tencryption\tMAC",
        *("\t".join([f"{number:04X}", *table[number]]) for number in sorted(table)),
    ]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{TABLE}: {len(table)} suites\n")
    return 0


def ask(client: docker.DockerClient, image: str) -> tuple[str, list[tuple[int, str]]]:
    """The version of an image's library, and its suites by number with their descriptions."""
    container = client.containers.create(
        image, ["-c", ASK], entrypoint=["/opt/lab/bin/python3"], network_mode="none"
    )
    try:
        container.start()
        container.wait(timeout=60)
        version, told = json.loads(container.logs(stdout=True, stderr=False))
    finally:
        container.remove(force=True)
    return version, [(number, description) for number, description in told]


if __name__ == "__main__":
    sys.exit(main())
