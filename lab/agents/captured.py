"""The file in which an impostor keeps the login that it was given last.

User and password, with a zero byte between them: neither can be in an FTP command. Only the agent and the
listener can read the file. ``record_login.sh`` writes the same where PAM decides about logins. A web
server writes the credentials of a request as they came (RFC 7617, the Basic scheme).
"""

# ruff: noqa: UP006, UP007, UP035, UP045

import base64
import os
from typing import Optional, Tuple

#: How the credentials of HTTP's Basic scheme begin.
BASIC = b"Basic "


def record(path: str, user: str, password: str) -> None:
    """Keep a login, in the place of the one before."""
    with open(path, "wb", opener=_private) as file:
        file.write(b"\0".join((user.encode("utf-8"), password.encode("utf-8"))))


def record_authorization(path: str, credentials: bytes) -> None:
    """Keep the credentials of a request, in the place of those before."""
    with open(path, "wb", opener=_private) as file:
        file.write(credentials)


def read(path: str) -> Optional[Tuple[str, str]]:
    """User and password of the last login; ``None``: there was none."""
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        kept = file.read()
    if kept.startswith(BASIC):
        user, _, password = base64.b64decode(kept[len(BASIC) :]).partition(b":")
    else:
        user, _, password = kept.partition(b"\0")
    # Some versions of pam_exec end the password with a zero byte.
    return user.decode("utf-8", "replace"), password.rstrip(b"\0").decode("utf-8", "replace")


def forget(path: str) -> None:
    """Remove what was kept, if anything was."""
    if os.path.exists(path):
        os.unlink(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)
