"""Open an address in a headless Chromium, and print the text of the page that it shows."""

import html
import re
import subprocess
import sys
import tempfile

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

with tempfile.TemporaryDirectory() as profile:
    done = subprocess.run(
        [
            "chromium",
            *FLAGS,
            f"--user-data-dir={profile}",
            "--virtual-time-budget=3000",
            "--dump-dom",
            sys.argv[1],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=8,
    )
page = done.stdout.decode(errors="replace")
body = re.sub(r"<(script|style|template|head)\b.*?</\1>", "", page, flags=re.S)
hidden = re.sub(r"<(\w+)[^>]*\bhidden\b[^>]*>.*?</\1>", "", body, flags=re.S)
text = html.unescape(re.sub(r"<[^>]+>", "\n", hidden))
lines = [line.strip() for line in text.splitlines() if line.strip()]
print("\n".join(lines))
sys.exit(1 if "ERR_" in page else 0)
