"""The resident agent of the program aioftp.

Each attempt makes the calls of a caller of ``aioftp.Client`` - ``connect``, ``upgrade_to_tls``, ``login``,
``upload``, ``quit`` - with a context from ``ssl.create_default_context()``, and reports what they returned or
raised. The request is that of ``python_ftp.py`` without ``reuse``, ``passive`` and ``protect_data``, and with
``implicit``: TLS from the first byte on. ``timeout_s`` becomes ``socket_timeout`` and ``connection_timeout``.
"""

import asyncio
import ssl
from importlib.metadata import version
from typing import Any, List, Optional, Tuple

import aioftp
from python_tls import ObservedAttempt, check, make_context, payload_file, serve
from resident import Progress, Request, Result

_RAISED = (
    aioftp.AIOFTPException,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    asyncio.TimeoutError,
)

#: Said where a data connection is made, and its handshake does not come to an end.
UNANSWERED = "the data connection is made, its TLS handshake has no answer"

_CONNECTION = tuple(
    "host port timeout_s tls implicit verify ca_file ciphers minimum maximum certificate key".split()
)
_NEEDED = {
    "handshake": _CONNECTION,
    "login": (*_CONNECTION, "user", "password"),
    "transfer": (*_CONNECTION, "user", "password", "payload"),
}


class _Observed(aioftp.Client):
    """A client of which is noted what passes through some of its methods; nothing is changed."""

    attempt: "_Attempt"
    reply: Optional[Tuple[str, List[str]]] = None
    data: Any = None
    control_tls: Any = None

    async def parse_response(self) -> Any:
        self.reply = await super().parse_response()
        if self.ssl:
            self.note_control()
        return self.reply

    async def _send_tls_protection_commands(self) -> None:
        self.note_control()
        self.attempt.step("protect")
        await super()._send_tls_protection_commands()

    def note_control(self) -> None:
        """Keep the control connection's TLS: a transport that has closed cannot be asked any more."""
        if self.control_tls is None:
            self.control_tls = self.stream.writer.transport.get_extra_info("ssl_object")
            self.attempt.note_tls(self.control_tls)

    async def _open_connection(self, host: str, port: int) -> Any:
        is_data = self._stream is not None
        if is_data:
            self.data = False
        reader, writer = await super()._open_connection(host, port)
        if is_data:
            self.data = writer.transport.get_extra_info("ssl_object")
        return reader, writer


def attempt(request: Request, progress: Progress) -> Result:
    """One attempt; see the module's text for the request."""
    check(request, _NEEDED)
    return _Attempt(request, progress).run()


class _Attempt(ObservedAttempt):
    raised = _RAISED

    def __init__(self, request: Request, progress: Progress) -> None:
        super().__init__(request, progress)
        self.client: Optional[_Observed] = None
        self.handshakes = 0

    def walk(self) -> None:
        asyncio.run(self._walk())

    async def _walk(self) -> None:
        request = self.request
        self.step("connect")
        context = make_context(request) if request["tls"] or request["implicit"] else None
        if context is not None:
            self._count_handshakes(context)
        self.client = client = _Observed(
            ssl=context if request["implicit"] else None,
            socket_timeout=request["timeout_s"],
            connection_timeout=request["timeout_s"],
        )
        client.attempt = self
        try:
            await client.connect(request["host"], request["port"])
            if context is not None and not request["implicit"]:
                self.step("starttls")
                await client.upgrade_to_tls(context)
            if request["goal"] != "handshake":
                await self._deliver(client)
            self.step("quit")
            await self._quit(client)
        finally:
            client.close()

    async def _deliver(self, client: _Observed) -> None:
        request = self.request
        self.step("login")
        await client.login(request["user"], request["password"])
        if request["goal"] == "transfer":
            self.step("put")
            with payload_file(request) as path:
                await client.upload(path)

    async def _quit(self, client: _Observed) -> None:
        """Leave politely. Every server closes now, some without a reply: that is no failure."""
        try:
            await client.quit()
        except _RAISED as error:
            if self.may_be_refused and isinstance(error, ssl.SSLError):
                raise

    def _count_handshakes(self, context: ssl.SSLContext) -> None:
        """Note how many TLS connections begin: asyncio asks for each when its TCP connection is made."""
        wrap = context.wrap_bio

        def counting(*arguments: Any, **named: Any) -> ssl.SSLObject:
            self.handshakes += 1
            return wrap(*arguments, **named)

        context.wrap_bio = counting  # type: ignore[method-assign]

    def note_end(self) -> None:
        if self.client is None:
            return
        if self.client.reply:
            code, lines = self.client.reply
            self.note_reply(code, "\n".join(lines).strip())
        data = self.client.data
        if data is not None:
            self.report["data_protected"] = bool(data)
            self.report["session_reused"] = data.session_reused if data else None

    def note_failure(self, error: Exception, traced: str) -> None:
        client = self.client
        if self.report["step"] == "connect" and client is not None and client._stream is not None:
            # connect() is two steps in one.
            self.report["step"] = "greeting"
        super().note_failure(error, traced)
        if client is not None and client.data is False and self.handshakes > 1:
            # The same exception as where no connection can be made: this much is to be seen beside it.
            self.report["error"] += "; " + UNANSWERED


if __name__ == "__main__":
    serve("aioftp", attempt, aioftp=version("aioftp"))
