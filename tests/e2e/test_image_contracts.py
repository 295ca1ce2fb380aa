"""What the rest of the lab relies on in every image, checked inside it, whatever it was made from.

A stand-in and the real distribution pass the same checks; where only the distribution has a program
(CentOS 7's curl on NSS, its openssl), the check is made when the program is there, and that it is
missing otherwise is itself a check.

An image that is made on demand is checked where it is there. Where it is not, its tests are skipped and
say so: `lab images make --all` before makes every one of them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import docker
import pytest
import testinfra

from lab.host.checkout import root, state_directory
from lab.images.errors import Printed
from lab.images.provenance import ImageInfo
from lab.images.recipe import Recipe, Source, load, release_from_environment
from lab.images.store import ImageStore
from lab.model import PLATFORMS
from lab.model.software import LIMITS, container_of
from lab.run.containers import agent_files
from lab.run.services import services_in

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.usefixtures("there")]

POLICIES = PLATFORMS["rocky9"]
LABEL = "test.lab.contract"
#: What each image is made of, with the release of the servers that ``LAB_SERVERS`` chooses.
RECIPES = load(root() / "compose" / "images", release_from_environment(os.environ))
#: The images of the topology that any machine can have, with what runs in them.
SERVICES = {
    name: recipe.service_file.read_text(encoding="utf-8")
    for name, recipe in RECIPES.items()
    if recipe.service_file.exists() and not recipe.only_real
}
#: The bases that each can be made of.
BASES = {
    name: [route.variant.base for route in RECIPES[name].routes if route.variant.base]
    for name in SERVICES
}
#: Those that stand on another image of the lab, whatever they were made from.
ON_A_BASE = [name for name, bases in BASES.items() if len(bases) == len(RECIPES[name].routes)]
IMAGES = sorted({*SERVICES, *(base for bases in BASES.values() for base in bases)})
#: Those in which agents run.
WITH_AGENTS = [
    name for name, text in SERVICES.items() if re.search("service: (client|server)", text)
]
#: The image in which a platform's clients run, by platform.
OF_PLATFORM = {
    platform: image
    for platform, policies in PLATFORMS.items()
    for text in SERVICES.values()
    for service, image in services_in(text).items()
    if service == container_of("", platform, policies[0] if policies else None)
}
#: Those that are a platform.
CLIENTS = list(OF_PLATFORM.values())
#: Those that are Debian as it is.
DEBIAN = [OF_PLATFORM[platform] for platform in ("debian12", "debian13")]

#: Suites and the policies of Enterprise Linux 9 that allow them (crypto-policies' change log, and for
#: DES-CBC3-SHA the library itself, which is built without it).
ALLOWED = {
    "AES128-SHA": {"DEFAULT", "LEGACY"},
    "AES128-GCM-SHA256": {"DEFAULT", "LEGACY"},
    "ECDHE-RSA-AES128-SHA": {"DEFAULT", "LEGACY"},
    "ECDHE-RSA-AES128-GCM-SHA256": {"DEFAULT", "LEGACY", "FIPS"},
    "ECDHE-RSA-AES256-GCM-SHA384": {"DEFAULT", "LEGACY", "FUTURE", "FIPS"},
    "ECDHE-RSA-CHACHA20-POLY1305": {"DEFAULT", "LEGACY", "FUTURE"},
    "TLS_AES_256_GCM_SHA384": {"DEFAULT", "LEGACY", "FUTURE", "FIPS"},
    "TLS_CHACHA20_POLY1305_SHA256": {"DEFAULT", "LEGACY", "FUTURE"},
    "DES-CBC3-SHA": set(),
    "RC4-SHA": set(),
}

PERL_SUITES = r"""
    my $context = IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => 0)
        or die $IO::Socket::SSL::SSL_ERROR;
    my $ssl = Net::SSLeay::new($context->{context});
    my ($i, $suite) = (0);
    print "$suite\n" while defined($suite = Net::SSLeay::get_cipher_list($ssl, $i++));
"""


@dataclass(frozen=True)
class Box:
    """A throw-away container of one image."""

    info: ImageInfo
    host: testinfra.host.Host

    def sh(self, command: str) -> str:
        """What a command prints; it must succeed."""
        done = self.host.run(command)
        assert done.rc == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout).strip()

    def python(self, program: str) -> str:
        """What a program prints that the image's agents' interpreter runs."""
        return self.sh(f"/opt/lab/bin/python3 -c {shlex.quote(program)}")

    def perl(self, program: str, *modules: str) -> str:
        """What a program prints that the image's agents' perl runs."""
        uses = " ".join(f"-M{module}" for module in modules)
        return self.sh(f"/opt/lab/bin/perl {uses} -e {shlex.quote(program)}")

    def has(self, program: str) -> bool:
        """Whether a program is on the PATH."""
        return bool(self.host.exists(program))


Start = Callable[..., Box]


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=60)
    yield client
    client.close()


@pytest.fixture(scope="module")
def images(engine: docker.DockerClient) -> dict[str, ImageInfo]:
    source = Source.from_environment(os.environ)
    release = release_from_environment(os.environ)
    store = ImageStore(engine, state_directory(), source, Printed(), release=release)
    always = [name for name in IMAGES if name not in store.on_demand]
    return store.ensure(always) | store.found(store.on_demand)


@pytest.fixture
def there(request: pytest.FixtureRequest, images: dict[str, ImageInfo]) -> None:
    """Skips a test of an image that is made on demand and has not been made."""
    given = getattr(request.node, "callspec", None)
    told = given.params if given is not None else {}
    name = told.get("name") or OF_PLATFORM.get(told.get("platform", ""))
    if name is not None and name not in images:
        pytest.skip(f"{name} is made on demand, and nobody has: `lab images make {name}`")


@pytest.fixture(scope="module")
def start(engine: docker.DockerClient, images: dict[str, ImageInfo]) -> Iterator[Start]:
    """Gives a container of an image, one for each image and policy; all are removed at the end."""
    boxes: dict[tuple[str, str | None], Box] = {}

    def give(name: str, policy: str | None = None) -> Box:
        if (name, policy) not in boxes:
            container = engine.containers.run(
                images[name].tag,
                None if name in CLIENTS else ["sleep", "3600"],
                detach=True,
                network_mode="none",
                init=True,
                environment={"LAB_CRYPTO_POLICY": policy} if policy else {},
                labels={LABEL: "yes"},
            )
            boxes[name, policy] = Box(images[name], testinfra.get_host(f"docker://{container.id}"))
        return boxes[name, policy]

    yield give
    for container in engine.containers.list(all=True, filters={"label": LABEL}):
        container.remove(force=True)


def published(name: str) -> list[str]:
    """The default cipher suites of the distribution, as published."""
    path = root() / "compose" / "images" / name / "published.toml"
    suites = tomllib.loads(path.read_text())["DEFAULT"]["suites"]
    assert isinstance(suites, list)
    return suites


def without_psk(suites: list[str]) -> list[str]:
    """The suites that a client without a pre-shared key can use."""
    return [suite for suite in suites if "PSK" not in suite]


# --- every image


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_says_what_it_is_and_the_image_agrees(start: Start, name: str) -> None:
    box = start(name)
    provenance = box.info.provenance
    assert provenance.image == name
    assert provenance.os in box.sh("cat /etc/os-release")
    assert provenance.real
    assert provenance.id == box.info.id
    assert provenance.recipe == box.info.tag.partition(":")[2]


@pytest.mark.parametrize("name", IMAGES)
def test_the_labels_repeat_the_provenance(
    engine: docker.DockerClient, images: dict[str, ImageInfo], name: str
) -> None:
    labels = engine.images.get(images[name].tag).labels
    provenance = images[name].provenance
    assert labels["test.lab.image"] == name
    assert labels["test.lab.source"] == provenance.source
    assert labels["test.lab.stand-in"] == str(provenance.stand_in).lower()
    assert labels["test.lab.recipe"] == provenance.recipe
    assert json.loads(labels["test.lab.provenance"])["os"] == provenance.os


@pytest.mark.parametrize(
    ("name", "own"), [("rocky9", r"^Rocky Linux 9"), ("centos7", r"^CentOS Linux 7")]
)
def test_a_client_is_the_distribution_or_a_stand_in_that_says_what_is_not_real(
    start: Start, name: str, own: str
) -> None:
    provenance = start(name).info.provenance
    is_the_distribution = re.match(own, provenance.os) is not None
    assert provenance.stand_in is not is_the_distribution
    if provenance.stand_in:
        assert provenance.source == "packages"
        assert provenance.os.startswith("Debian GNU/Linux 12")
        assert any("Debian 12" in line for line in provenance.not_real)
        assert any("libssl" in line for line in provenance.real)


@pytest.mark.parametrize("name", ON_A_BASE)
def test_an_image_is_of_the_release_that_its_recipe_names(start: Start, name: str) -> None:
    # given the base that the recipe names, in the release of the servers that was asked for
    (base,) = set(BASES[name])
    (suite,) = suites_of(RECIPES[base])

    # then the image is of the base's release, and that is the one which was bootstrapped or pulled
    release = start(name).sh("cat /etc/os-release")
    assert release == start(base).sh("cat /etc/os-release")
    assert f"VERSION_CODENAME={suite}" in release.splitlines()


def suites_of(recipe: Recipe) -> set[str]:
    """The releases that a base is bootstrapped from."""
    variants = [route.variant for route in recipe.routes]
    return {variant.bootstrap.suite for variant in variants if variant.bootstrap}


@pytest.mark.parametrize("name", WITH_AGENTS)
def test_agents_find_their_interpreter_and_their_directories(start: Start, name: str) -> None:
    box = start(name)
    major, minor = box.python("import sys; print(*sys.version_info[:2])").split()
    assert (int(major), int(minor)) >= (3, 6)
    for directory in ("/opt/lab/agents", "/opt/lab/certificates"):
        assert box.host.file(directory).is_directory
    # what the agents are written with
    assert box.python("import json, select, signal, socket, ssl, subprocess; print(1)") == "1"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_waits_and_stops_at_once_when_it_is_told_to(
    engine: docker.DockerClient, images: dict[str, ImageInfo], name: str
) -> None:
    container = engine.containers.run(
        images[name].tag, detach=True, init=True, network_mode="none", labels={LABEL: "yes"}
    )
    container.exec_run(["true"])
    container.kill("SIGTERM")
    assert container.wait(timeout=5)["StatusCode"] == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", WITH_AGENTS)
def test_the_interpreter_is_measured_itself_and_not_a_metapackage(start: Start, name: str) -> None:
    # Debian's python3 is one: its version stays when that of the interpreter's package moves
    box = start(name)
    program = box.sh("readlink -f /opt/lab/bin/python3")
    packages = box.info.provenance.packages
    owner = box.host.run(f"dpkg-query -W -f '${{Version}}' {program.rpartition('/')[2]}")
    if owner.rc == 0:
        assert packages.get(program.rpartition("/")[2]) == str(owner.stdout)
    else:  # not Debian's
        assert packages.get("python3")


# --- rocky9


def test_rocky9_has_enterprise_linuxs_library_in_every_program(start: Start) -> None:
    box = start("rocky9")
    said = {
        "openssl": box.sh("openssl version"),
        "perl": box.perl("print Net::SSLeay::SSLeay_version(0)", "Net::SSLeay"),
        "python3": box.python("import ssl; print(ssl.OPENSSL_VERSION)"),
        "curl": box.sh("curl -V | head -1"),
    }
    versions = {name: re.findall(r"OpenSSL[ /](3\.\d+\.\d+)", text) for name, text in said.items()}
    # openssl names its own build first and the library that it runs on last
    assert len({found[-1] for found in versions.values()}) == 1, said
    library = box.info.provenance.tls_library
    assert library is not None
    assert library.startswith(f"OpenSSL {versions['perl'][-1]} ")
    assert re.search(r"\.el9", library), "the build must be one of Enterprise Linux 9"


def test_rocky9_has_no_other_openssl_that_a_program_could_load(start: Start) -> None:
    found = start("rocky9").sh(
        "find / -xdev -type f '(' -name 'libssl.so*' -o -name 'libcrypto.so*' ')' | sort"
    )
    assert sorted(re.findall(r"lib(ssl|crypto)\.so", found)) == ["crypto", "ssl"], found


def test_rocky9_reads_enterprise_linuxs_configuration(start: Start) -> None:
    box = start("rocky9")
    assert box.sh("openssl version -d") == 'OPENSSLDIR: "/etc/pki/tls"'
    configuration = box.host.file("/etc/pki/tls/openssl.cnf").content_string
    assert ".include = /etc/crypto-policies/back-ends/opensslcnf.config" in configuration
    assert re.search(r"^ssl_conf\s*=\s*ssl_module", configuration, re.MULTILINE)


def test_rocky9_starts_with_the_policy_default(start: Start) -> None:
    box = start("rocky9")
    assert box.sh("cat /etc/crypto-policies/state/current") == "DEFAULT"
    assert box.info.provenance.crypto_policies == POLICIES


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_that_is_asked_for_is_in_force(start: Start, policy: str) -> None:
    box = start("rocky9", policy)
    assert box.sh("cat /etc/crypto-policies/config").splitlines()[-1] == policy
    assert box.sh("cat /etc/crypto-policies/state/current") == policy
    back_end = box.sh("readlink -f /etc/crypto-policies/back-ends/opensslcnf.config")
    assert back_end == f"/usr/share/crypto-policies/{policy}/opensslcnf.txt"


@pytest.mark.parametrize("policy", POLICIES)
def test_the_two_back_ends_of_openssl_agree(start: Start, policy: str) -> None:
    box = start("rocky9", policy)
    bare = box.sh("head -n 1 /etc/crypto-policies/back-ends/openssl.config")
    whole = box.sh("cat /etc/crypto-policies/back-ends/opensslcnf.config")
    assert f"CipherString = {bare}" in whole


def test_the_default_suites_are_those_published_for_enterprise_linux_9(start: Start) -> None:
    suites = start("rocky9", "DEFAULT").sh("openssl ciphers -s PROFILE=SYSTEM").split(":")
    assert suites == published("rocky9")


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_allows_the_suites_that_it_should(start: Start, policy: str) -> None:
    suites = start("rocky9", policy).sh("openssl ciphers -s PROFILE=SYSTEM").split(":")
    allowed = {suite: suite in suites for suite in ALLOWED}
    assert allowed == {suite: policy in policies for suite, policies in ALLOWED.items()}


@pytest.mark.parametrize("policy", POLICIES)
def test_every_program_offers_what_the_policy_allows(start: Start, policy: str) -> None:
    box = start("rocky9", policy)
    system = box.sh("openssl ciphers -s PROFILE=SYSTEM").split(":")
    perl = box.perl(PERL_SUITES, "IO::Socket::SSL").splitlines()
    python = box.python(
        "import ssl; c = ssl.create_default_context();"
        "print('\\n'.join(x['name'] for x in c.get_ciphers()))"
    ).splitlines()
    assert without_psk(perl) == system
    assert without_psk(python) == system


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_speaks_less_than_tls_1_2(start: Start, policy: str) -> None:
    text = start("rocky9", policy).sh("cat /etc/crypto-policies/back-ends/opensslcnf.config")
    assert "TLS.MinProtocol = TLSv1.2" in text
    assert "TLS.MaxProtocol = TLSv1.3" in text
    sha1 = re.search(r"rh-allow-sha1-signatures = (yes|no)", text)
    assert sha1 is not None
    assert sha1[1] == ("yes" if policy == "LEGACY" else "no")


def test_the_security_level_is_enforced_not_only_written_down(start: Start) -> None:
    # given a key of 2048 bits, which level 2 takes and level 3 (FUTURE) does not
    program = (
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1"
        " -keyout /tmp/k.pem -out /tmp/c.pem 2>/dev/null &&"
        " /opt/lab/bin/python3 -c 'import ssl;"
        'ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain("/tmp/c.pem", "/tmp/k.pem")\''
    )
    assert start("rocky9", "DEFAULT").host.run(program).rc == 0
    refused = start("rocky9", "FUTURE").host.run(program)
    assert "EE_KEY_TOO_SMALL" in refused.stderr.upper().replace(" ", "_")


@pytest.mark.parametrize("policy", ["STRICT", "default", "DEFAULT:SHA1", "../FIPS"])
def test_a_policy_that_does_not_exist_ends_the_container_with_the_names_of_those_that_do(
    engine: docker.DockerClient, images: dict[str, ImageInfo], policy: str
) -> None:
    with pytest.raises(docker.errors.ContainerError) as raised:
        engine.containers.run(
            images["rocky9"].tag,
            ["true"],
            remove=True,
            network_mode="none",
            environment={"LAB_CRYPTO_POLICY": policy},
        )
    assert raised.value.exit_status == 78
    assert "use DEFAULT, LEGACY, FUTURE or FIPS" in str(raised.value)


# --- debian12, debian13


@pytest.mark.parametrize(("platform", "branch"), [("debian12", "3.0."), ("debian13", "3.5.")])
def test_debian_is_the_distribution_with_one_library_for_every_program(
    start: Start, platform: str, branch: str
) -> None:
    box = start(OF_PLATFORM[platform])
    provenance = box.info.provenance
    assert not provenance.stand_in
    assert provenance.not_real == ()
    release = platform.removeprefix("debian")
    assert provenance.os.startswith(f"Debian GNU/Linux {release}")
    # OpenSSL of that release, in every program
    version = box.sh("openssl version").split()[1]
    assert version.startswith(branch)
    assert f"Library: OpenSSL {version} " in box.sh("openssl version")
    assert box.python("import ssl; print(ssl.OPENSSL_VERSION)").split()[1] == version
    assert box.perl("print Net::SSLeay::SSLeay_version(0)", "Net::SSLeay").split()[1] == version
    assert f" OpenSSL/{version} " in box.sh("curl --version")
    assert provenance.tls_library is not None
    assert provenance.tls_library.startswith(f"OpenSSL {version}")


@pytest.mark.parametrize("platform", ["debian12", "debian13"])
def test_debian_has_debians_configuration(start: Start, platform: str) -> None:
    box = start(OF_PLATFORM[platform])
    # the level that Debian builds OpenSSL with, and Net::FTP's default mode, which it changes to active
    level = "print(__import__('ssl').create_default_context().security_level)"
    assert box.python(level) == str(LIMITS[platform].level)
    assert "ftp_int_passive => 0" in box.sh("cat /etc/perl/Net/libnet.cfg")


@pytest.mark.parametrize("platform", ["debian12", "debian13"])
def test_the_places_where_debians_libraries_look_are_the_trust_store(
    start: Start, platform: str
) -> None:
    # given curl's and GnuTLS's, and OpenSSL's
    box = start(OF_PLATFORM[platform])
    for place in ("/etc/ssl/certs/ca-certificates.crt", "/usr/lib/ssl/cert.pem"):
        assert box.sh(f"readlink -f {place}") == "/run/lab/cert.pem"


# --- centos7


def test_centos7_has_its_own_library_in_every_program(start: Start) -> None:
    box = start("centos7")
    said = {
        "perl": box.perl("print Net::SSLeay::SSLeay_version(0)", "Net::SSLeay"),
        "python3": box.python("import ssl; print(ssl.OPENSSL_VERSION)"),
    }
    if box.has("openssl"):
        said["openssl"] = box.sh("openssl version")
    assert set(said.values()) == {"OpenSSL 1.0.2k-fips  26 Jan 2017"}
    library = box.info.provenance.tls_library
    assert library is not None
    assert library.startswith("OpenSSL 1.0.2k-fips  26 Jan 2017")


def test_centos7_is_red_hats_build(start: Start) -> None:
    options = start("centos7").perl("print Net::SSLeay::SSLeay_version(2)", "Net::SSLeay")
    assert "-DKRB5_MIT" in options


def test_no_openssl_3_can_be_reached_in_centos7(start: Start) -> None:
    box = start("centos7")
    found = box.sh("find / -xdev '(' -name 'libssl.so*' -o -name 'libcrypto.so*' ')' | sort")
    assert "so.3" not in found
    assert "so.1.1" not in found
    assert not box.host.exists("curl") or "NSS" in box.sh("curl -V")
    if box.info.stand_in:
        for program in ("openssl", "curl", "wget"):
            assert not box.has(program), f"{program} would answer for CentOS 7 with another library"
    # what is called python3 and perl on the PATH is what the agents use
    for program in ("python3", "perl"):
        used = box.sh(f"readlink -f /opt/lab/bin/{program}")
        assert box.sh(f"readlink -f $(command -v {program})") == used


def test_the_default_suites_are_those_published_for_centos_7(start: Start) -> None:
    suites = (
        start("centos7")
        .python(
            "import ssl; c = ssl.SSLContext(ssl.PROTOCOL_TLS); c.set_ciphers('DEFAULT');"
            "print('\\n'.join(x['name'] for x in c.get_ciphers()))"
        )
        .splitlines()
    )
    assert suites == published("centos7")
    assert {"AES128-SHA", "DES-CBC3-SHA", "RC4-SHA"} <= set(suites)


def test_centos7_speaks_ssl_3_to_tls_1_2_and_not_tls_1_3(start: Start) -> None:
    said = start("centos7").python(
        "import ssl\n"
        "for version in ('SSLv3', 'TLSv1', 'TLSv1_1', 'TLSv1_2'):\n"
        "    ssl.SSLContext(getattr(ssl, 'PROTOCOL_' + version)); print(version)\n"
        "print(getattr(ssl, 'HAS_TLSv1_3', False))"
    )
    assert said.split() == ["SSLv3", "TLSv1", "TLSv1_1", "TLSv1_2", "False"]


# --- both clients' FTP


@pytest.mark.parametrize("name", CLIENTS)
def test_net_ftp_can_start_tls_and_is_passive_by_default(start: Start, name: str) -> None:
    box = start(name)
    program = 'print Net::FTP->can("starttls") ? 1 : 0, $NetConfig{ftp_int_passive} // 1'
    # Debian alone changes the default mode to active.
    passive = int(name not in DEBIAN)
    assert box.perl(program, "Net::FTP", "Net::Config", "IO::Socket::SSL") == f"1{passive}"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_trusts_what_is_in_its_distributions_trust_store(start: Start, name: str) -> None:
    box = start(name)
    place = box.python("import ssl; print(ssl.get_default_verify_paths().openssl_cafile)")
    assert place == ("/usr/lib/ssl/cert.pem" if name in DEBIAN else "/etc/pki/tls/cert.pem")
    assert box.sh("readlink -f /etc/pki/tls/cert.pem") == box.sh(f"readlink -f {place}")
    if box.info.stand_in:
        link = box.sh("readlink /etc/ssl/certs/ca-certificates.crt")
        assert link == "/etc/pki/tls/cert.pem"


@pytest.mark.parametrize("version", ["3.11", "3.15"])
@pytest.mark.parametrize("name", CLIENTS)
def test_other_libnets_lie_beside_the_distributions_own_in_a_stand_in(
    start: Start, name: str, version: str
) -> None:
    box = start(name)
    place = f"/opt/lab/libnet/{version}"
    if not box.info.stand_in:
        assert not box.host.file("/opt/lab/libnet").exists
        return
    said = box.info.provenance.packages[f"Net::FTP in {place}"]
    if box.host.file(f"{place}/absent").exists:
        # Debian 11 alone may be gone, and then the image says so.
        assert version == "3.11"
        assert said == f"none: {box.sh(f'cat {place}/absent')}"
        assert "Debian 11" in said
        assert not box.host.file(f"{place}/lib").exists
        return
    mode, other, where = box.sh(
        f"PERL5LIB={place}/lib /opt/lab/bin/perl -MNet::FTP -MNet::Config"
        " -e 'print join q( ), $NetConfig{ftp_int_passive}, $Net::FTP::VERSION, $INC{q(Net/Cmd.pm)}'"
    ).split()
    assert said == other == version
    assert where == f"{place}/lib/Net/Cmd.pm"
    assert mode == "1", "passive, as upstream has it: every version reads the same libnet.cfg"
    assert box.perl("print $Net::FTP::VERSION", "Net::FTP") != version


# --- servers


def test_vsftpd_is_3_0_5_on_the_library_of_its_release(start: Start) -> None:
    box = start("vsftpd")
    assert "version 3.0.5" in box.sh("vsftpd -v 0>&1 2>&1")
    assert box.info.provenance.packages["vsftpd"].startswith("3.0.5 (Debian 3.0.5-")
    # the library is the one that the image says, and the openssl command's as well
    version, _ = ask_vsftpds_library(box, "ALL")
    assert (box.info.provenance.tls_library or "").startswith(f"{version} (Debian ")
    assert linked_libssl(box, "vsftpd") == linked_libssl(box, "openssl")
    assert box.has("nft")
    assert box.host.user("lab").exists
    assert box.host.file("/etc/pam.d/vsftpd").exists


def linked_libssl(box: Box, program: str) -> str:
    """The path of the one libssl that a program is linked with."""
    linked = box.sh(f"ldd $(command -v {program})")
    (path,) = re.findall(r"libssl\S* => (/\S+)", linked)
    return str(path)


#: What vsftpd in a container is linked with, asked the way in which its agent asks.
ASK_VSFTPDS_LIBRARY = """
import sys; sys.path.insert(0, "/tmp")
from openssl_library import OpenSSL
library = OpenSSL("/usr/sbin/vsftpd")
print(library.version())
print(*library.suites(sys.stdin.read().strip() or "ALL"))
"""


def ask_vsftpds_library(box: Box, cipher_list: str) -> tuple[str, list[str]]:
    """The version of the library, and what a list means to it."""
    for name in ("openssl_library.py", "helper_programs.py"):
        source = agent_files()[name].decode()
        box.sh(f"printf %s {shlex.quote(source)} >/tmp/{name}")
    program = shlex.quote(ASK_VSFTPDS_LIBRARY)
    said = box.sh(f"echo {shlex.quote(cipher_list)} | /opt/lab/bin/python3 -c {program}")
    version, _, suites = said.partition("\n")
    return version, suites.split()


def test_vsftpd_openssl10_is_the_same_vsftpd_on_centos_7s_library(start: Start) -> None:
    box = start("vsftpd-openssl10")
    assert "version 3.0.5" in box.sh("vsftpd -v 0>&1 2>&1")
    linked = box.sh("ldd /usr/sbin/vsftpd")
    found = sorted(re.findall(r"(lib(?:ssl|crypto)\S*) => /", linked))
    assert found == ["libcrypto.so.10", "libssl.so.10"], linked
    assert "not found" not in linked
    for file in ("/etc/pam.d/vsftpd", "/etc/ftpusers"):
        assert box.sh(f"cat {file}") == start("vsftpd").sh(f"cat {file}")
    # home and shell of the account; how the rest is written is up to the release's adduser
    account = box.sh("getent passwd ftp").split(":")[5:]
    assert account == start("vsftpd").sh("getent passwd ftp").split(":")[5:]


def test_vsftpd_openssl10_says_that_nobody_ships_it(start: Start) -> None:
    provenance = start("vsftpd-openssl10").info.provenance
    assert provenance.stand_in
    assert provenance.tls_library == "OpenSSL 1.0.2k-fips  26 Jan 2017 (CentOS 7 build)"
    of_the_client = start("centos7").info.provenance.tls_library or ""
    assert of_the_client.startswith("OpenSSL 1.0.2k-fips  26 Jan 2017")
    assert provenance.packages["vsftpd"] == "3.0.5"
    assert provenance.packages["vsftpd source package"].startswith("3.0.5-")
    assert any("no distribution's package" in line for line in provenance.not_real)


def test_vsftpd_openssl10_can_do_what_debians_library_cannot(start: Start) -> None:
    version, suites = ask_vsftpds_library(start("vsftpd-openssl10"), "ALL")
    assert version == "OpenSSL 1.0.2k-fips  26 Jan 2017"
    assert {"AES128-SHA", "DES-CBC3-SHA", "RC4-SHA"} <= set(suites)
    version, suites = ask_vsftpds_library(start("vsftpd"), "ALL:@SECLEVEL=0")
    assert not version.startswith("OpenSSL 1.")
    assert "AES128-SHA" in suites
    assert {"DES-CBC3-SHA", "RC4-SHA"}.isdisjoint(suites)


def test_vsftpd_openssl10_has_no_other_openssl_that_could_answer_for_it(start: Start) -> None:
    box = start("vsftpd-openssl10")
    assert not box.has("openssl")
    assert box.has("nft")
    assert box.host.user("lab").exists


def test_pyftpdlib_runs_on_the_cryptography_wheels_library_and_says_so(start: Start) -> None:
    box = start("pyftpdlib")
    used = box.python(
        "from OpenSSL import SSL; print(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode())"
    )
    library = box.info.provenance.tls_library
    assert library is not None
    assert library.startswith(used)
    assert "inside the cryptography wheel" in library
    assert box.python("import ssl; print(ssl.OPENSSL_VERSION)") != used
    assert box.has("nft")


def test_pyftpdlib_is_the_pinned_one(start: Start) -> None:
    box = start("pyftpdlib")
    recipe = tomllib.loads((root() / "compose/images/pyftpdlib/image.toml").read_text())
    pinned = {a["package"]: a["version"] for a in recipe["either"]["artifacts"]}
    found = box.python(
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    installed = json.loads(found)
    assert {name: installed.get(name.lower()) for name in pinned} == pinned


def test_nginx_and_the_labs_own_origin_are_on_one_library_and_say_so(start: Start) -> None:
    box = start("nginx")
    of_python = box.python("import ssl; print(ssl.OPENSSL_VERSION)")
    provenance = box.info.provenance
    assert provenance.tls_library is not None
    assert provenance.tls_library.startswith(of_python)
    assert of_python in provenance.packages["nginx, built with"]
    assert re.match(r"(?P<version>[0-9.]+) \(Debian (?P=version)-", provenance.packages["nginx"])
    # the lab's origin uses the file that nginx is linked with
    linked = linked_libssl(box, "nginx")
    loaded = box.python("import ssl; print(open('/proc/self/maps').read())")
    assert box.host.file(linked).linked_to in loaded
    assert box.has("nft")


def test_dns_is_dnsmasq(start: Start) -> None:
    box = start("dns")
    said = re.match(r"Dnsmasq version ([0-9.]+) ", box.sh("dnsmasq --version"))
    assert said is not None
    assert box.info.provenance.packages["dnsmasq-base"].startswith(f"{said[1]}-")
