"""What is really in an image: asked of the image itself, by running it once without a network."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

import docker
from docker.errors import NotFound

from lab.images.errors import ImageError, Problem
from lab.images.recipe import Measure

LABEL_MEASURES = "test.lab.measures"
TIMEOUT_S = 60
POLICIES = ("DEFAULT", "LEGACY", "FUTURE", "FIPS")


@dataclass
class Facts:
    """What an image said of itself."""

    os: str = ""
    tls_library: str | None = None
    packages: dict[str, str] = field(default_factory=dict)
    crypto_policies: tuple[str, ...] = ()


def script(measure: Measure) -> str:
    """A shell script that prints the facts as ``kind TAB name TAB value`` lines.

    A package that is not installed is left out; a command that fails makes the script fail, because
    a program that cannot even tell its version cannot be tested either.
    """
    lines = [
        "set -u",
        'say() { printf \'%s\\t%s\\t%s\\n\' "$1" "$2" "$3"; }',
        '. /etc/os-release; say os "" "$PRETTY_NAME"',
        "version() {",
        "  if command -v dpkg-query >/dev/null; then dpkg-query -W -f '${Version}' \"$1\"",
        "  else rpm -q --qf '%{VERSION}-%{RELEASE}' \"$1\"; fi 2>/dev/null",
        "}",
        'must() { [ -n "$2" ] || { say failed "$1" "$2"; exit 1; }; }',
        f"for name in {shlex.join(measure.packages)}; do",
        '  if value=$(version "$name") && [ -n "$value" ]; then say package "$name" "$value"; fi',
        "done",
        f"for name in {shlex.join(POLICIES)}; do",
        '  file="/usr/share/crypto-policies/$name/opensslcnf.txt"',
        '  if [ -f "$file" ]; then say policy "$name" ""; fi',
        "done",
    ]
    commands = {("package", name): command for name, command in measure.versions.items()}
    if measure.tls_library is not None:
        commands["tls", "library"] = measure.tls_library
    for (kind, name), command in commands.items():
        lines += [
            f"value=$({command}) || value=",
            f'must {shlex.quote(name)} "$value"',
            f'say {kind} {shlex.quote(name)} "$value"',
        ]
    return "\n".join(lines) + "\n"


def parse(output: str) -> Facts:
    """The facts in what the script printed; lines of another shape are ignored."""
    facts = Facts()
    policies: list[str] = []
    for line in output.splitlines():
        words = line.split("\t")
        if len(words) != 3:
            continue
        kind, name, value = words
        match kind:
            case "os":
                facts.os = value
            case "package":
                facts.packages[name] = value
            case "policy":
                policies.append(name)
            case "tls":
                facts.tls_library = value
    facts.crypto_policies = tuple(policies)
    return facts


def run(engine: docker.DockerClient, image: str, measure: Measure, *, tag: str) -> Facts:
    """Run the script in a throw-away container of ``image``.

    Args:
        engine: the engine.
        image: the image's id.
        measure: what to ask.
        tag: for which final name, so that a container left by a killed run is found and removed.

    Raises:
        ImageError: a program in the image does not run.
    """
    sweep(engine, tag)
    container = engine.containers.create(
        image,
        ["-c", script(measure)],
        entrypoint=["/bin/sh"],
        network_mode="none",
        labels={LABEL_MEASURES: tag},
    )
    try:
        container.start()
        status = container.wait(timeout=TIMEOUT_S)["StatusCode"]
        output = container.logs(stdout=True, stderr=False).decode(errors="replace")
        complaints = container.logs(stdout=False, stderr=True).decode(errors="replace")
    finally:
        container.remove(force=True, v=True)
    if status != 0:
        raise ImageError(
            Problem.MEASURE,
            tried=f"asking the finished image {tag} for its versions",
            happened=f"status {status}: {output.strip()}\n{complaints.strip()}",
            advice=["correct the image's recipe: a program under test does not run in it"],
        )
    return parse(output)


def sweep(engine: docker.DockerClient, tag: str) -> None:
    """Remove what a killed run left while it measured this tag; its lock must be held."""
    filters: dict[str, str | list[str] | bool] = {"label": f"{LABEL_MEASURES}={tag}"}
    for container in engine.containers.list(all=True, filters=filters):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            continue
