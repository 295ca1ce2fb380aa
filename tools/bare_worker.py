"""The baseline of the benchmark: a worker's program in a loop, with nothing of the lab around it.

    bare_worker.py TIMES COMMAND ARGS...

Starts ``COMMAND`` as ``language_workers.py`` does, gives it the request on standard input ``TIMES`` times,
all at once, and prints the milliseconds until it was ready and those of each attempt, as JSON. The standard
library only: it runs in the container of that program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def main(times: int, command: list[str]) -> None:
    """Start, measure, print.

    Raises:
        SystemExit: the worker did not start, or an attempt failed; the text says what it said.
    """
    request = sys.stdin.readline().strip().encode("utf-8") + b"\n"
    read_end, write_end = os.pipe()
    started = time.perf_counter()
    # The shell gives it descriptors 3 and 4 and is gone.
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" 3>&{write_end} 4>/dev/null', "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=[write_end],
    )
    os.close(write_end)
    assert process.stdin is not None
    spent = []
    with os.fdopen(read_end, "rb") as answers:
        ready = json.loads(answers.readline() or b"{}")
        if not ready.get("ready"):
            raise SystemExit(f"the worker did not get ready: {ready!r}")
        now = time.perf_counter()
        start_ms = (now - started) * 1000.0
        process.stdin.write(request * times)
        process.stdin.close()
        for line in answers:
            message = json.loads(line)
            if "result" not in message or message["result"]["failed"]:
                raise SystemExit(f"an attempt failed: {message!r}")
            before, now = now, time.perf_counter()
            spent.append((now - before) * 1000.0)
    process.wait()
    sys.stdout.write(json.dumps({"start_ms": start_ms, "attempt_ms": spent}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
