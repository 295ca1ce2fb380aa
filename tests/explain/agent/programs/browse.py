"""Open an address in a headless Chromium, and print the text of the page that it shows."""

import sys
import tempfile
import time
from pathlib import Path

from chromium import Browser, code_of

with (
    tempfile.TemporaryDirectory() as profile,
    Browser("/usr/bin/chromium", Path(profile)) as browser,
):
    code = code_of(browser, sys.argv[1])
    time.sleep(1)
    print(browser.evaluate("document.body.innerText"))
sys.exit(1 if code else 0)
