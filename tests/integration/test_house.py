"""What is left of a commit's lines, in a repository of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.house import Left, left_of

FIRST = '''"""A module."""

ADDRESSES = ["ftp.example.com", "sftp.example.com", "www.example.com"]


def greeting_of_the_server(name: str) -> str:
    """What it says."""
    return f"220 {name} is ready for those who come"


def farewell_of_the_server(name: str) -> str:
    words = f"221 {name} says goodbye to whoever leaves"
    return words.removesuffix(" to whoever leaves")
'''
LATER = """

def reply_of_the_server(code: int, words: str) -> str:
    return f"{code} {words} and nothing else"
"""


def committed(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Files"], check=True)
    said = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return said.stdout.strip()


def test_lines_that_moved_are_still_there_and_changed_ones_are_counted_once(
    tmp_path: Path,
) -> None:
    # given six lines of code, and two that another commit brought
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    committed(tmp_path, {"lab/words.py": FIRST})
    other = committed(tmp_path, {"lab/words.py": FIRST + LATER})
    then = committed(tmp_path, {"scenarios/__init__.py": ""})
    assert left_of(tmp_path, then) == Left(then=8, same=8)
    assert left_of(tmp_path, then, [other]) == Left(then=6, same=6)

    # when a function moves into a file of its own, a line becomes two, one goes and one is new
    kept, moved = FIRST.split("\n\n\ndef farewell")
    changed = kept.replace(
        "ADDRESSES = [", 'PORTS = [21, 990]\nNAMES = ["ftp.example.org", '
    ).replace('    return f"220 {name}', '    return f"220 ready: {name}')
    shorter = f"def farewell{moved}".replace('.removesuffix(" to whoever leaves")', "")
    committed(tmp_path, {"lab/words.py": f"{changed}\n", "lab/farewell.py": shorter})

    # then two moved and one stands; of those in their place two were changed, whatever else is there now
    left = left_of(tmp_path, then, [other])
    assert (left.then, left.same, left.changed) == (6, 3, 2)
