"""ftp-srv, as the agent handles it: one Node process for each listener."""

import json
import os
from typing import Dict

from helper_programs import output_of, run
from server_program import AskedProgram, LinkedProgram

BINARY = "/usr/bin/node"
LISTENER = "/opt/lab/agents/ftp_srv_listener.js"
PACKAGE = "/opt/lab/node_modules/ftp-srv/package.json"


class FtpSrvProgram(AskedProgram, LinkedProgram):
    """Starts listeners; accounts and the impostor are in the listener's own configuration."""

    binary = BINARY
    packages = ("nodejs",)

    def start(self, config: str) -> None:
        """Become Node with the listener's program; called in a forked process."""
        self.give_up_root()
        self.become([LISTENER, os.path.abspath(config)])

    def version(self) -> str:
        """What the library and Node say of themselves."""
        with open(PACKAGE, encoding="utf-8") as file:
            version = json.load(file)["version"]
        return "ftp-srv %s on Node %s" % (version, output_of([BINARY, "--version"]).lstrip("v"))

    def default_ciphers(self) -> Dict[str, str]:
        """The list that Node uses for a server without ``ciphers``."""
        said = run([BINARY, "-p", "require('tls').DEFAULT_CIPHERS"]).strip()
        return {"list": said, "source": "tls.DEFAULT_CIPHERS of Node"}


PROGRAM = FtpSrvProgram
