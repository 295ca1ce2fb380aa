"""A picture of a report's page for the README: ``python tools/picture.py .lab/runs/latest/report.html``.

Needs Chromium (Debian: ``apt-get install chromium``). Writes ``docs/images/report.png``, at most 150 kB: what
the page begins with.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"
#: Of the picture, in pixels, and of its file, in bytes.
SIZE = (1180, 820)
LARGEST = 150_000


def main(arguments: list[str]) -> int:
    """Return 0, 1 if the picture cannot be made or is too large, 2 for wrong usage."""
    if len(arguments) != 1 or not (page := Path(arguments[0]).resolve()).is_file():
        sys.stderr.write("usage: python tools/picture.py REPORT.html\n")
        return 2
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.stderr.write("no Chromium on this machine (Debian: apt-get install chromium)\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "report.png"
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={folder}/profile", f"--window-size={SIZE[0]},{SIZE[1]}",
             "--virtual-time-budget=3000", f"--screenshot={made}",
             f"{page.as_uri()}#lang=en&theme=light"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        size = made.stat().st_size
        if size > LARGEST:
            sys.stderr.write(f"the picture has {size} bytes, {LARGEST} is the most\n")
            return 1
        PICTURE.parent.mkdir(exist_ok=True)
        shutil.move(made, PICTURE)
    sys.stdout.write(f"{PICTURE}: {size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
