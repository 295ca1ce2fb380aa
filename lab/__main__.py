"""Where the command ``lab`` begins."""

import atexit
import gc

from lab.cli import main

# What a command imports stays: searching it for garbage again and again is a third of the time that
# importing takes.
gc.set_threshold(500_000)
# And what there is at the end goes with the process.
atexit.register(gc.freeze)

if __name__ == "__main__":
    main()
