"""ftp-srv, as the agent handles it: one Node process for each listener."""

import json
import os
import subprocess
from typing import Any, Dict, Optional

from helper_programs import COMMAND_S, run
from listener import ListenerProcess
from server_program import LinkedProgram

BINARY = "/usr/bin/node"
LISTENER = "/opt/lab/agents/ftp_srv_listener.js"
PACKAGE = "/opt/lab/node_modules/ftp-srv/package.json"
_PACKAGE_QUERY = ["dpkg-query", "-W", "-f", "${Package} ${Version}", "nodejs"]


class FtpSrvProgram(LinkedProgram):
    """Starts listeners; accounts and the impostor are in the listener's own configuration."""

    binary = BINARY

    def start(self, config: str) -> None:
        """Become Node with the listener's program; called in a forked process."""
        self.give_up_root()
        self.become([LISTENER, os.path.abspath(config)])

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """Ask the listener: it knows a connection until its socket is closed."""
        return bool(listener.ask(b"?") == b"0")

    def end_sessions(self, listener: ListenerProcess) -> None:
        """End every session, not the listener."""
        listener.ask(b"k")

    def find_upload(self, listener: ListenerProcess, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        path = os.path.join(listener.uploads, name)
        return path if os.path.exists(path) else None

    def versions(self) -> Dict[str, Any]:
        """What the library and Node say of themselves, and the TLS library that Node is linked with."""
        with open(PACKAGE, encoding="utf-8") as file:
            version = json.load(file)["version"]
        node = run([BINARY, "--version"]).strip()
        return {
            "server": "ftp-srv %s on Node %s" % (version, node.lstrip("v")),
            "package": run(_PACKAGE_QUERY),
            "library": self.library.version(),
            "library_file": self.library.file,
        }

    def default_ciphers(self) -> Dict[str, str]:
        """The list that Node uses for a server without ``ciphers``."""
        said = subprocess.run(
            [BINARY, "-p", "require('tls').DEFAULT_CIPHERS"],
            stdout=subprocess.PIPE,
            timeout=COMMAND_S,
            check=True,
        ).stdout
        return {"list": said.decode("ascii").strip(), "source": "tls.DEFAULT_CIPHERS of Node"}


PROGRAM = FtpSrvProgram
