"""``python -m lab.engine`` says which engine the lab would use; exit status 3: there is none."""

from __future__ import annotations

import os
import sys

from lab.engine.connect import connect
from lab.engine.endpoint import resolve
from lab.engine.errors import EngineError


def main() -> int:
    """Connect, say so, change nothing."""
    try:
        endpoint = resolve(os.environ)
        client = connect(endpoint)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    try:
        sys.stdout.write(f"engine {client.version()['Version']} at {endpoint}\n")
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
