"""``python -m lab.record --schema`` writes the record's JSON Schema to standard output."""

from __future__ import annotations

import sys

from lab.record import schema_text


def main(arguments: list[str]) -> int:
    """Return 0, or 2 for wrong usage."""
    if arguments != ["--schema"]:
        sys.stderr.write("usage: python -m lab.record --schema\n")
        return 2
    sys.stdout.write(schema_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
