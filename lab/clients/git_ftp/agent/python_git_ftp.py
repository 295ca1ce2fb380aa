"""The resident agent of the program git-ftp: ``python_git_ftp.py git-ftp --version``.

Its users run it in a git repository, so each attempt makes one with the file that is to be delivered, and
runs the real command in it. The request and the answer are those of ``commands.py``; the file is in the
repository, and not in ``argv``.
"""

import os
import subprocess
import tempfile

import commands
import pycurl
from resident import Progress, Request, ResidentAgent, Result, payload

#: How long git may take, in seconds.
GIT_S = 10.0
#: Nobody's settings, and a home that can be written to.
ENVIRONMENT = {
    "HOME": "/tmp",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "lab",
    "GIT_AUTHOR_EMAIL": "lab@lab.test",
    "GIT_COMMITTER_NAME": "lab",
    "GIT_COMMITTER_EMAIL": "lab@lab.test",
}


def attempt(request: Request, progress: Progress) -> Result:
    """Run the command in a repository of its own."""
    os.environ.update(ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if request.get("payload"):
            with open(request["payload"]["name"], "wb") as file:
                file.write(payload(request))
        for command in ("init -q -b main .", "add .", "commit -q --allow-empty -m delivery"):
            subprocess.run(["git", *command.split()], check=True, timeout=GIT_S)
        return commands.attempt(dict(request, payload=None), progress)


if __name__ == "__main__":
    commands.VERSIONS.update(commands.versions())
    # The library that it is on, as curl says it of itself.
    commands.WHOLE[0] += " " + pycurl.version
    ResidentAgent(commands.COMMAND, versions=commands.VERSIONS, forked={"attempt": attempt}).run()
