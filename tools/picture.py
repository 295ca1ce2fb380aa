"""Pictures for the documentation: of a report's page, and of what a command shows in a terminal.

``python tools/picture.py .lab/runs/latest/report.html`` writes ``docs/images/report.png``, at most 150 kB:
what the page begins with. It needs Chromium (Debian: ``apt-get install chromium``).

``python tools/picture.py --terminal NAME FIRST LAST COMMAND...`` runs a command and writes
``docs/images/NAME.svg``: its lines from the one with FIRST to the one before that with LAST.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"
#: Of the picture, in pixels, and of its file, in bytes.
SIZE = (1180, 820)
LARGEST = 150_000


#: A column, a line and the margin of a terminal's picture, in pixels; columns of the terminal.
COLUMN, LINE, MARGIN, COLUMNS = 8.4, 18, 14, 80
#: Words of one width that stand together: each is put where its column is, whatever the font.
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60"
_RUNS = re.compile(f"[{_WIDE}]+|[^\\s{_WIDE}]+(?: [^\\s{_WIDE}]+)*")


def terminal(name: str, first: str, last: str, command: list[str]) -> int:
    """Write the picture of a command's output; 1 if it fails, or has no such lines."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    lines = done.stdout.split("\n")
    plain = [Text.from_ansi(line).plain for line in lines]
    begin = next((n for n, line in enumerate(plain) if first in line), None)
    if done.returncode or begin is None:
        sys.stderr.write(f"ended with {done.returncode}, {first!r} not shown:\n{done.stderr}")
        return 1
    end = next((n for n in range(begin + 1, len(plain)) if last in plain[n]), len(plain))
    while end > begin and not plain[end - 1].strip():
        end -= 1
    picture = PICTURE.with_name(f"{name}.svg")
    picture.write_text(_drawn(lines[begin:end]), encoding="utf-8")
    sys.stdout.write(f"{picture}: {picture.stat().st_size} bytes\n")
    return 0


def _drawn(lines: list[str]) -> str:
    """Lines with the colours of a terminal as a picture that needs no font of its own."""
    width, height = COLUMNS * COLUMN + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    console = Console(width=COLUMNS, color_system="standard", force_terminal=True)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}"'
        f' width="{width:.0f}" font-family="monospace" font-size="14">',
        '<rect width="100%" height="100%" rx="6" fill="#ffffff" stroke="#c8ccd0"/>',
    ]
    for number, line in enumerate(lines):
        column = 0
        for segment in Text.from_ansi(line).render(console):
            for found in _RUNS.finditer(segment.text):
                before = column + cell_len(segment.text[: found.start()])
                x, y = MARGIN + before * COLUMN, MARGIN + (number + 0.8) * LINE
                drawn.append(_piece(found[0], segment.style, x, y))
            column += cell_len(segment.text)
    return "\n".join([*drawn, "</svg>", ""])


def _piece(text: str, style: Style | None, x: float, y: float) -> str:
    colour = "#1f2328"
    if style is not None and style.color is not None:
        triplet = style.color.get_truecolor(DEFAULT_TERMINAL_THEME)
        colour = triplet.hex
    elif style is not None and style.dim:
        colour = "#59636e"
    bold = ' font-weight="bold"' if style is not None and style.bold else ""
    length = cell_len(text) * COLUMN
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{bold}'
        f' textLength="{length:.1f}">{html.escape(text)}</text>'
    )


def main(arguments: list[str]) -> int:
    """Return 0, 1 if the picture cannot be made or is too large, 2 for wrong usage."""
    if arguments[:1] == ["--terminal"] and len(arguments) > 4:
        name, first, last, *command = arguments[1:]
        return terminal(name, first, last, command)
    if len(arguments) != 1 or not (page := Path(arguments[0]).resolve()).is_file():
        sys.stderr.write(__doc__ or "")
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
