"""Runs command lines: a JSON array of them on standard input, an answer a line, in their order.

Works with every Python since 3.6: it is the one of the release that the programs are from.
"""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

LIMIT_S = 15
#: Most of the time goes into waiting.
SIDE_BY_SIDE = 4


def run(job):
    began = time.monotonic()
    process = subprocess.Popen(
        job["command"],
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/opt/lab/explain/programs",
        env=dict(os.environ, PASSWORD=job["password"], LC_ALL="C.UTF-8", HOME="/root"),
        start_new_session=True,
    )
    ended = True
    try:
        output = process.communicate(timeout=LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        ended = False
        os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate()[0]
    return {
        "id": job["id"],
        "text": output.decode(errors="replace"),
        "status": process.returncode,
        "ended": ended,
        "seconds": round(time.monotonic() - began, 2),
    }


def main():
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for done in pool.map(run, json.load(sys.stdin)):
            sys.stdout.write(json.dumps(done) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
