"""Files for containers: where they lie there, and the archives as which the engine takes them."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

#: Where agents and certificates are, in every container.
AGENTS = "/opt/lab/agents"
CERTIFICATES = "/opt/lab/certificates"


def anchors_file(name: str) -> str:
    """Where the trust anchors of this name are, in every container."""
    return f"{CERTIFICATES}/anchors/{name}.pem"


def certificate_files(host: str, slug: str) -> tuple[str, str]:
    """Where a host's certificate of this name is, in a container that has it: its chain and its key."""
    base = f"{CERTIFICATES}/{host}/{slug}"
    return f"{base}.chain.pem", f"{base}.key.pem"


def agent_files() -> dict[str, bytes]:
    """The programs that run inside containers, by file name: what all share, and each one's own."""
    lab = Path(__file__).parents[1]
    folders = [lab / "agents", *lab.glob("servers/*/agent"), *lab.glob("clients/*/agent")]
    files = sorted(p for folder in folders for p in folder.iterdir() if p.is_file())
    return {p.name: p.read_bytes() for p in files}


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of ``files`` by absolute path, with their folders.

    Private keys (``*.key.pem``) are readable for their owner and the owner's group alone.
    """
    now = int(time.time())
    buffer = io.BytesIO()
    folders = sorted({str(parent) for path in files for parent in Path("/", path).parents} - {"/"})
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in folders:
            if not folder.startswith("/opt/lab/"):
                continue
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, now
            archive.addfile(entry)
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mtime = len(content), now
            entry.mode = 0o640 if path.endswith(".key.pem") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
