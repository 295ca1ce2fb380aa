"""``python -m lab.host`` says which engine the lab would use; exit status 3: there is none."""

from __future__ import annotations

import os
import sys
from contextlib import closing

from lab.host.connect import connect
from lab.host.endpoint import resolve
from lab.host.errors import EngineError


def main() -> int:
    """Connect, say so, change nothing."""
    try:
        endpoint = resolve(os.environ)
        with closing(connect(endpoint)) as client:
            sys.stdout.write(f"engine {client.version()['Version']} at {endpoint}\n")
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
