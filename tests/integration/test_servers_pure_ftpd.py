"""The collector of Pure-FTPd's log, with processes that speak and end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from lab.host.checkout import source

#: Two listeners and a child of each, which ends at once; what each says to syslog, all before anybody reads.
SPEAKERS = """
import os, signal, socket, sys
sys.path[:0] = sys.argv[3:]
from syslog_collector import SyslogCollector, register
place, folder = sys.argv[1:3]

def say(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"<94>" + text, place)

collector = SyslogCollector(place)
os.kill(collector._pid, signal.SIGSTOP)
for name in ("a", "b"):
    os.mkdir(os.path.join(folder, name))
    listener = os.fork()
    if listener == 0:
        register(os.path.join(folder, name, "log"), place)
        session = os.fork()
        if session == 0:
            say(b"session of " + name.encode())
            os._exit(0)
        os.waitpid(session, 0)
        say(b"listener " + name.encode())
        os._exit(0)
    os.waitpid(listener, 0)
os.kill(collector._pid, signal.SIGCONT)
collector.flush()
print(collector._pid)
"""


def test_a_line_is_of_the_listener_whose_process_or_child_says_it(tmp_path: Path) -> None:
    place = tmp_path / "log"
    folders = [source() / "lab/agents", source() / "lab/servers/pure_ftpd/agent"]
    collector = subprocess.run(
        [sys.executable, "-c", SPEAKERS, str(place), str(tmp_path), *map(str, folders)],
        check=True,
        timeout=30,
        capture_output=True,
        text=True,
    ).stdout
    for name in ("a", "b"):
        said = (tmp_path / name / "log").read_text().splitlines()
        assert said == [f"session of {name}", f"listener {name}"]
    # the collector ends with whoever started it
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not Path(f"/proc/{collector.strip()}").exists():
            return
        time.sleep(0.02)
    raise AssertionError("somebody still collects")
