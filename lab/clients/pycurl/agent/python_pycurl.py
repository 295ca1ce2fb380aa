"""The resident agent of the programs pycurl and pycurl-https.

Each attempt is a script of pycurl's users: a handle, its options, ``perform()``. What libcurl says with
``VERBOSE`` goes to standard error, and GnuTLS's own log between its lines; the answer has both unread: what
they mean is decided where the request was made. A request::

    {
        "op": "attempt",
        "options": {"URL": "ftp://ftp.lab.test:21/x.txt", "USERPWD": "lab:secret", "UPLOAD": 1},
        "constants": {"USE_SSL": ["USESSL_ALL"]},
        "payload": {"name": "x.txt", "size": 1024},
    }

``options`` are names of pycurl's with their values, ``constants`` such whose values are pycurl's own, added
up. ``payload`` is what is read for an upload; what comes back is read and not kept.
"""

import os
import platform
import tempfile
import time
from io import BytesIO
from typing import Any, Dict

# GnuTLS writes its log where this is set as it is loaded; at this level it has handshakes and alerts.
os.environ["GNUTLS_DEBUG_LEVEL"] = "5"

import pycurl  # noqa: E402
from resident import Progress, Request, ResidentAgent, Result, payload  # noqa: E402

#: The descriptor of standard error, to which libcurl and GnuTLS write.
ERR = 2


def attempt(request: Request, progress: Progress) -> Result:
    """Run one script; see the module's text for the request."""
    result: Dict[str, Any] = {"options": request["options"], "version": pycurl.version}
    progress(**result)
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        kept = os.dup(ERR)
        os.dup2(said.fileno(), ERR)
        try:
            result.update(run(request))
        finally:
            os.dup2(kept, ERR)
            os.close(kept)
        result["elapsed_ms"] = (time.monotonic() - started) * 1000.0
        said.seek(0)
        result["said"] = said.read().decode("utf-8", "replace")
    return result


def run(request: Request) -> Result:
    """The script: what pycurl raised, and what it knows of the certificate when asked."""
    curl = pycurl.Curl()
    number, words, answer = 0, "", BytesIO()
    try:
        curl.setopt(pycurl.VERBOSE, 1)
        curl.setopt(pycurl.WRITEDATA, answer)
        for name, value in request["options"].items():
            curl.setopt(getattr(pycurl, name), value)
        for name, values in request["constants"].items():
            curl.setopt(getattr(pycurl, name), sum(getattr(pycurl, value) for value in values))
        if request.get("payload"):
            curl.setopt(pycurl.READDATA, BytesIO(payload(request)))
        curl.perform()
    except pycurl.error as error:
        number, words = error.args
    verify_result = curl.getinfo(pycurl.SSL_VERIFYRESULT)
    curl.close()
    return {"number": number, "words": words, "verify_result": verify_result}


if __name__ == "__main__":
    # Loaded before the first fork: what a connection would load.
    pycurl.Curl().close()
    ResidentAgent(
        "pycurl",
        versions={"python": platform.python_version(), "pycurl": pycurl.version},
        forked={"attempt": attempt},
        keeps=True,
    ).run()
