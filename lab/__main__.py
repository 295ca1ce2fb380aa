"""Where the command ``lab`` begins."""

import gc

# What is imported stays: searching it for garbage again and again is a third of the time that importing
# takes, and afterwards it need not be looked at any more.
gc.disable()
from lab.cli import main  # noqa: E402 - the reason is above

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
