"""The services of the topology, as their files say them: the image of each, its address, its DNS name.

``compose/images/NAME/service.yaml`` has the services that run on the image ``NAME``, or on the images that
are made of its folder, one for each distribution. Addresses are given to all services that ask for one,
whether they run or not: so a service can be started beside others, whose DNS server knows it already.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from lab.images.recipe import REPOSITORY, load
from lab.run.checkout import Checkout
from lab.servers import SERVERS

_ADDRESS = re.compile(r"\$\{LAB_ADDRESS_([A-Z0-9_]+)")
_IMAGE = re.compile(r"\$\{LAB_IMAGE_([A-Z0-9_]+)")
_SERVICES = re.compile(r"^services:\n(.*?)(?=^\S|\Z)", re.M | re.S)
_SERVICE = re.compile(r"^  ([a-z][a-z0-9-]*):$(.*?)(?=^  \S|\Z)", re.M | re.S)
#: The tag of an image that nobody has made: a file with services of several images asks for all of them.
_NOT_MADE = "not-made"


def service_files(checkout: Checkout) -> dict[str, Path]:
    """The files with the topology's services, by the folder of the image that these run on."""
    found = sorted(checkout.compose_file.parent.glob("images/*/service.yaml"))
    return {path.parent.name: path for path in found}


def image_names(text: str) -> tuple[str, ...]:
    """The images that a file with services asks for, by their names in the lab.

    >>> image_names("image: ${LAB_IMAGE_VSFTPD_ROCKY9:?}")
    ('vsftpd-rocky9',)
    """
    return tuple(dict.fromkeys(map(_spelt, _IMAGE.findall(text))))


def services_in(text: str) -> dict[str, str]:
    """The image of each service in such a file, by service.

    A service that names no image itself has that of the part it shares with the others, the file's only one.

    Raises:
        ValueError: it names none, and the file names several.
    """
    found: dict[str, str] = {}
    body = _SERVICES.search(text)
    for name, part in _SERVICE.findall(body[1] if body else ""):
        images = image_names(part) or image_names(text)
        if len(images) != 1:
            raise ValueError(f"the service {name} names no image, and its file names {images}")
        found[name] = images[0]
    return found


def images_by_service(checkout: Checkout) -> dict[str, str]:
    """The name of the image that each service of the topology runs on, by service."""
    found: dict[str, str] = {}
    for path in service_files(checkout).values():
        found |= services_in(path.read_text(encoding="utf-8"))
    return found


def services_on(checkout: Checkout, images: Collection[str]) -> set[str]:
    """The services that run on these images, by the images' names."""
    return {name for name, image in images_by_service(checkout).items() if image in images}


def services_by_default(checkout: Checkout) -> set[str]:
    """The services of all images but those that are made on demand."""
    recipes = load(checkout.compose_file.parent / "images")
    return services_on(checkout, {name for name, one in recipes.items() if not one.on_demand})


def compose_variables(checkout: Checkout, images: Mapping[str, str], net: str) -> dict[str, str]:
    """What Compose is told of the services of these images: their files, addresses and DNS names.

    Args:
        images: image reference by image name.
        net: the first three octets of the subnet.

    A service that asks for an address (``${LAB_ADDRESS_<SERVICE>}``) has a name too: that of the server
    which runs in it, or its own. Addresses are far from those that the engine gives to the others.
    """
    texts = {p: p.read_text(encoding="utf-8") for p in service_files(checkout).values()}
    asked = {p: _needed(p, text) for p, text in texts.items()}
    files = [path for path, needed in asked.items() if needed & images.keys()]
    unmade = {
        name: f"{REPOSITORY}/{name}:{_NOT_MADE}" for path in files for name in sorted(asked[path])
    }
    records = host_records(checkout, net)
    return {
        # A path may have a colon in it.
        "COMPOSE_PATH_SEPARATOR": "|",
        "COMPOSE_FILE": "|".join(map(str, (checkout.compose_file, *files))),
        "LAB_HOST_RECORDS": records,
        "LAB_NET": net,
        **{f"LAB_ADDRESS_{_upper(name)}": at for name, at in addresses(checkout, net).items()},
        **{f"LAB_IMAGE_{_upper(name)}": tag for name, tag in (unmade | dict(images)).items()},
    }


def _needed(path: Path, text: str) -> set[str]:
    return {*image_names(text)} or {path.parent.name}


def addresses(checkout: Checkout, net: str) -> dict[str, str]:
    """The address of every service that asks for one, by service, whether it runs or not."""
    texts = [path.read_text(encoding="utf-8") for path in service_files(checkout).values()]
    asked = [name for text in texts for name in _ADDRESS.findall(text)]
    return {_spelt(name): f"{net}.{number}" for number, name in enumerate(asked, 100)}


def host_records(checkout: Checkout, net: str) -> str:
    """What the DNS server is told of them, as options of its command line."""
    hosts = {server.service: server.host for server in SERVERS.values()}
    at = addresses(checkout, net).items()
    records = [(hosts.get(name, f"{name}.lab.test"), address) for name, address in at]
    known = [("dns.lab.test", f"{net}.99"), *records]
    return " ".join(f"--host-record={host},{address}" for host, address in known)


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def _spelt(name: str) -> str:
    return name.lower().replace("_", "-")
