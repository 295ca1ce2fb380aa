"""What a program said, and what is known to have caused it: the form of the recordings.

A file holds the texts of one program of one release. Equal texts are one entry, whose causes are those of all
set-ups in which it came: so it is computed what a text can mean, as far as the set-ups go.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from lab.explain.patterns import literal_first

HERE = Path(__file__).parent
#: The source of a text that a program was heard to say.
RECORDED = "recorded"
KNOWN = HERE / "known"


class Cause(NamedTuple):
    """What the lab calls a defect."""

    reason: str
    by: str
    stage: str


@dataclass(frozen=True)
class Heard:
    """One text of one set-up."""

    program: str
    how: str
    setup: str
    text: str
    cause: Cause


@dataclass(frozen=True)
class Text:
    """A text with all that is known to have caused it."""

    text: str
    how: str
    """Which of the program's ways, and what of it was read."""
    setups: tuple[str, ...]
    causes: tuple[Cause, ...]

    @property
    def reasons(self) -> frozenset[str]:
        """What a right answer names, and nothing else."""
        return frozenset(cause.reason for cause in self.causes)


@dataclass(frozen=True)
class Recording:
    """The texts of one program of one release."""

    program: str
    release: str
    version: str
    library: str
    source: str
    texts: tuple[Text, ...]

    @property
    def name(self) -> str:
        """Of the file, without its ending."""
        return f"{self.program}@{self.release}"

    def write(self, folder: Path) -> Path:
        """Write the file anew."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.name}.json"
        head = asdict(self)
        texts = ",\n".join(_json(text) for text in head.pop("texts"))
        path.write_text(f'{_json(head)[:-1]},"texts":[\n{texts}\n]}}\n', encoding="utf-8")
        return path


def _json(value: object) -> str:
    """A text a line, and no more of it than it needs."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read(path: Path) -> Recording | None:
    """What was recorded, or typed after documents; nothing if there is no such file."""
    if not path.exists():
        return None
    if path.suffix == ".toml":
        return _typed(path)
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    texts = as_one(
        Text(neutral(t["text"]), t["how"], tuple(t["setups"]), _causes_now(t))
        for t in value.pop("texts")
    )
    cannot = _cannot_meet(value["program"])
    return Recording(
        **value, texts=tuple(_as_met(one) for one in texts if not _is_none(one, cannot))
    )


def load(folder: Path) -> Iterator[Recording]:
    """What was recorded in a folder, then what was typed after documents, in the order of names."""
    for path in files(folder):
        if recording := read(path):
            yield recording


def files(folder: Path) -> list[Path]:
    """The files of a folder in the order in which they are loaded."""
    return [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.toml"))]


def _typed(path: Path) -> Recording:
    value = tomllib.loads(path.read_text(encoding="utf-8"))
    texts = (
        Text(t["text"].strip(), "typed", ("documented",), _causes(t)) for t in value.pop("text")
    )
    return Recording(**value, texts=tuple(texts))


def as_one(texts: Iterable[Text]) -> tuple[Text, ...]:
    """Equal texts of one program as one: a file can be older than what :func:`neutral` knows."""
    by_text: dict[tuple[str, str], list[Text]] = {}
    for one in texts:
        by_text.setdefault((one.how, one.text), []).append(one)
    return tuple(
        Text(
            text,
            how,
            tuple(setup for one in ones for setup in one.setups),
            tuple(sorted({cause for one in ones for cause in one.causes})),
        )
        for (how, text), ones in by_text.items()
    )


#: What a program of this folder says of its own, where the library has told it nothing.
_OWN_WORDS = re.compile(r"read: ,|EOFError\('nothing came'\)")


def _is_none(text: Text, cannot: Mapping[str, frozenset[str]]) -> bool:
    """Whether it is no text of its program's, or of set-ups alone that this program cannot meet."""
    of_the_way = cannot.get(text.how, frozenset())
    met = [setup for setup in text.setups if setup.partition(": ")[2] not in of_the_way]
    return not met or bool(_OWN_WORDS.fullmatch(text.text))


@functools.cache
def _cannot_meet(program: str) -> dict[str, frozenset[str]]:
    """By the way, what ``clients.toml`` says that it cannot meet: some of it came later than a recording."""
    ways = table("clients.toml")["way"]
    return {
        way["how"]: frozenset(way.get("without", ())) for way in ways if way["program"] == program
    }


#: Peers that end what they say with their ServerHello: who refuses that, says so; who waits for more, meets
#: silence.
_HALF_AN_ANSWER = {
    "no secure renegotiation": "legacy-renegotiation",
    "chooses SSL 3.0": "no-shared-protocol",
    "chooses TLS 1.0": "no-shared-protocol",
}
#: What else a program that waits in vain can have met.
_IN_VAIN = {
    "silent in the handshake",
    "silent after the request",
    "resets after the request",
    "no answer to SYN",
}
_SILENCE = re.compile(
    r"timed out|i/o timeout|Time-?out$|_TIMEOUT$|Layer6 timeout|TCP_MISS/50[24]| sC-- |:  \[No Error\]",
    re.MULTILINE,
)


def _as_met(text: Text) -> Text:
    """A text with silence as its cause where a peer's half answer was waited for, and not refused."""
    names = {setup.partition(": ")[2] for setup in text.setups}
    half = {_HALF_AN_ANSWER[name] for name in names & _HALF_AN_ANSWER.keys()}
    waited = "silent in the handshake" in names or _SILENCE.search(text.text)
    if not half or not waited or names - _HALF_AN_ANSWER.keys() - _IN_VAIN:
        return text
    causes = {cause for cause in text.causes if cause.reason not in half} | {_SILENT}
    return replace(text, causes=tuple(sorted(causes)))


def _causes(text: Mapping[str, Any]) -> tuple[Cause, ...]:
    return tuple(Cause(*cause) for cause in text["causes"])


def _causes_now(text: Mapping[str, Any]) -> tuple[Cause, ...]:
    """What was recorded as the causes, by what :func:`named` knows by now."""
    causes = _causes(text)
    if any(_not_asked(setup, text["text"]) for setup in text["setups"]):
        other = {one for one in causes if one.reason != "client-certificate-required"}
        return tuple(sorted({*other, _NO_VERSION}))
    if any(_not_offered(setup, text["text"]) for setup in text["setups"]):
        return tuple(sorted({*(one for one in causes if one.reason != "weak-dh"), _NO_CIPHER}))
    return causes


def merged(heard: Iterable[Heard]) -> tuple[Text, ...]:
    """Equal texts as one, with the set of their causes, in the order in which they came."""
    by_text: dict[tuple[str, str], list[Heard]] = {}
    for one in heard:
        by_text.setdefault((one.how, one.text), []).append(one)
    return tuple(
        Text(
            text,
            how,
            tuple(one.setup for one in ones),
            tuple(sorted({named(one) for one in ones})),
        )
        for (how, text), ones in by_text.items()
    )


#: OpenSSL's number 21, and its words: the first thing that is said of an incomplete chain names the reason.
_NUMBER_20 = re.compile(r"unable to get local issuer|\(20\b|num=20\b", re.I)
_NUMBER_21 = re.compile(r"unable to verify the first|UNABLE_TO_VERIFY_LEAF|\(21\b|num=21\b", re.I)


#: Words of a client that has accepted an old version, and then refuses how the server signs in it.
_SIGNATURE = re.compile(r"sigalg|signature (type|algorithm)", re.I)


#: A client without TLS 1.3 is refused for that, and never asked for its certificate.
_NO_VERSION = Cause("no-shared-protocol", "server", "handshake")
_VERSION_REFUSED = re.compile(r"alert protocol version|PROTOCOL_VERSION|SSL alert number 70", re.I)


_SILENT = Cause("timed-out", "server", "handshake")
#: A client that has no such suite never looks at the group.
_SUITE_NOT_OFFERED = re.compile(r"wrong cipher returned|server chose an unconfigured cipher suite")
_NO_CIPHER = Cause("no-shared-cipher", "client", "handshake")


def _not_asked(setup: str, text: str) -> bool:
    return setup.endswith("client certificate over TLS 1.3") and bool(_VERSION_REFUSED.search(text))


def _not_offered(setup: str, text: str) -> bool:
    return setup.endswith("small Diffie-Hellman group") and bool(_SUITE_NOT_OFFERED.search(text))


def named(one: Heard) -> Cause:
    """The cause, by the name that the vocabulary has for it where a number decides between two."""
    if one.setup.endswith("incomplete-chain"):
        first, other = _NUMBER_21.search(one.text), _NUMBER_20.search(one.text)
        if first and not (other and other.start() < first.start()):
            return one.cause._replace(reason="first-certificate-unverifiable")
    if "TLS 1.0 only" in one.setup and "no suitable signature algorithm" in one.text:
        return one.cause._replace(reason="no-server-certificate")
    if _not_asked(one.setup, one.text):
        return _NO_VERSION
    if _not_offered(one.setup, one.text):
        return _NO_CIPHER
    if "only TLS 1." in one.setup and _SIGNATURE.search(one.text):
        return Cause("weak-signature-algorithm", "client", "handshake")
    return one.cause


def _compiled(
    *pairs: tuple[str, str], flags: re.RegexFlag = re.NOFLAG
) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(literal_first(pattern), flags), by) for pattern, by in pairs]


_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)
#: What differs from run to run without meaning anything, within a line.
_NEUTRAL = _compiled(
    (r"\x1b\[[0-9;]*m", ""),
    (r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d([.,]\d+)?", r"2026-01-02\g<1>03:04:05"),
    (r"\d{4}([/.])\d\d[/.]\d\d \d\d:\d\d:\d\d(\.\d+)?", r"2026\g<1>01\g<1>02 03:04:05"),
    (r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(\.\d+)?", r"02/Jan/2026:03:04:05"),
    (
        r"\b[A-Z][a-z]{2},? [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(\.\d+)?( UTC| GMT)? \d{4}",
        r"Fri Jan  2 03:04:05\2 2026",
    ),
    (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d", "Fri, 02 Jan 2026 03:04:05"),
    (r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?=( \d{4})?)", "Jan  2 03:04:05"),
    # aria2's time, and the name that it gives a download
    (r"^\d\d/\d\d \d\d:\d\d:\d\d (?=\[)", "01/02 03:04:05 "),
    (r"^[0-9a-f]{6}\|(?=[A-Z]{2,4} *\|)", "abcdef|"),
    (r"\b\d{10}\.\d{3} +\d+ ", "1767322800.000      3 "),
    (r'"ts":[\d.]+', '"ts":1767322800.0'),
    (r'"duration":[\d.e-]+', '"duration":0.003'),
    (r'"err_id":"\w+"', '"err_id":"abcdefghi"'),
    (r"\bXID: \d+", "XID: 2"),
    (r"\bmaster\d+", "master1"),
    (r"\((\?|lab)@(?=127\.0\.0\.1\))", "(lab@"),
    (r"\b(TCP_\w+/\d+) \d+ ", r"\1 3800 "),
    (r'"(remote_port)":"\d+"', r'"\1":"50000"'),
    (r"(?<![\d.])(127\.0\.0\.1|\[::1\])([:,] ?|#)(?!443\b)\d{4,5}\b", r"\1\g<2>50000"),
    (r"\[pid \d+(:tid \d+)?\]", r"[pid 1]"),
    # of Apache's start, which comes now before the first visit and now within it
    (r"^[^\n]*\bAH02155: getpwuid: [^\n]*\n", ""),
    (r"\b127\.0\.0\.1:9\b", "127.0.0.1:443"),
    (r"\bport (9|19999)\b", "port 443"),
    (r"\bpid[ =:]\d+", "pid 1"),
    (r"\[\d+\](?=:| \S)", "[1]"),
    (r" \d+#\d+: \*\d+ ", " 1#1: *1 "),
    (r" \d+#\d+: ", " 1#1: "),
    (r"\bLOG(\d)\[[^\]\n]*\]", r"LOG\1[0]"),
    # HAProxy's day of the year and time, and its process; Squid's descriptor of a connection
    (r"^(\[(?:NOTICE|WARNING|ALERT)\] +)(?:\d{3}/\d{6} )?\(\d+\) :", r"\1(1) :"),
    (r"\bnegotiating TLS on FD \d+:", "negotiating TLS on FD 12:"),
    (r"\bafter \d+ (ms|milliseconds)\b", r"after 3 \1"),
    (r"\bin \d+ ms\b", "in 3 ms"),
    (r"0x[0-9a-fA-F]{6,}", "0x7f0000000000"),
    (r"\b[0-9A-F]{12,16}:error:", "0000000000000000:error:"),
    (r"^\d{13,16}:error:", "0000000000000000:error:"),
    (r"\b[0-9A-Fa-f]{64}\b|\b([0-9A-Fa-f]{2}:){19,}[0-9A-Fa-f]{2}\b", "[fingerprint]"),
    (r"\b[0-9a-f]{40}\b", "[fingerprint]"),
    (r"pin-sha256:\S+", "pin-sha256:[pin]"),
    (r"serial 0x[0-9a-f]+", "serial 0x01"),
    (r"has read \d+ bytes and written \d+ bytes", "has read 7 bytes and written 300 bytes"),
    (r"(Session-ID(-ctx)?|Master-Key|Resumption PSK): [0-9A-F]+", r"\1: 00"),
    (r"Start Time: \d+", "Start Time: 1767322800"),
    (r"^ +[0-9a-f]{4} - [^\n]*\n", ""),
    (r"/tmp/[A-Za-z0-9._-]+", "/tmp/file"),
    (r"/opt/lab/explain/", "/srv/"),
    # the file of a server's certificate has the name of its set-up
    (r"/srv/material/server/[a-z-]+\.(chain|key)\.pem", r"/srv/material/server/valid.\1.pem"),
    # Which of the peers accepted AUTH TLS; and what is left in a variable where no error of the system is.
    (r"\bAUTH TLS successful\.", "Proceed with negotiation."),
    (r"\(\d+\)(?=Internal error \(specific information not available\))", "(20014)"),
    (r"\b(nobody|broken)\.lab\.test\b|\b192\.0\.2\.1\b", "host.lab.test"),
    flags=re.MULTILINE,
)  # fmt: skip
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@functools.cache
def neutral(text: str, port: int = 0) -> str:
    """A text without what differs from run to run; ``port`` is that of the peer."""
    text = text.replace("\r\n", "\n")
    if port:
        text = re.sub(rf"(?<!\d){port}(?!\d)", "443", text)
    return "".join(map(_neutral_line, _LINE.findall(_PEM.sub("[PEM]", text)))).strip()


@functools.cache
def _neutral_line(line: str) -> str:
    """One line, of which there are ten times as many as there are different ones."""
    for pattern, replacement in _NEUTRAL:
        line = pattern.sub(replacement, line)
    return line


_CONNECTING = re.compile(r"\AConnecting to \S+\n")
#: What differs from release to release within a line, and tells no cause: a program's version, the numbers
#: of its source's lines, the function and the words that a version of OpenSSL has for one number.
_OF_A_RELEASE = _compiled(
    (r"\b(nginx|squid|mod_tls|Apache)/\d[\w.]*", r"\1"),
    (r"\(vsFTPd \d[\d.]*\)", "(vsFTPd)"),
    (r"\bUsing Python \d[\d.]* environment", "Using Python environment"),
    (r"/(?:lib|gems)/(?:ruby|python)/?\d[\d.]*/", "/lib/"),
    (r"/gems/(?:\d[\d.]*/)?(?:gems/)?([a-z-]+)-\d[\d.]*/", r"/gems/\1/"),
    (r"(\.(?:rb|py|pm|java|php|cc)\"?)(?::|,? (?:on )?line )\d+", r"\1"),
    # Ruby names the class of a frame since 3.4; a gem can lie in another folder
    (r"\bin [`']((?:\w+ (?:\(\d+ levels\) )?in )*)(?:[A-Z][\w:]*[#.])?", r"in '\1"),
    (r"/usr/(?:lib|share)/[^\s:]*/(net/\w+\.rb|monitor\.rb)", r"\1"),
    (r"\b(node:[a-z_/]+|/node_modules/[^\s:]+):\d+:\d+", r"\1"),
    (r"\bNode\.js v\d[\d.]*", "Node.js"),
    (r":\.\./[\w./-]+\.c:\d+:", ":"),
    (r"\b(?:OpenSSL/\d[\w.]*|TLS connect error): (?=error:)", ""),
    (r"\berror:(?:14[0-9A-F]{3}|0A000)([0-9A-F]{3}):SSL routines:[^:\n]*:", r"error:\1:"),
    (r"\b(?:sslv3|ssl/tls|tls) alert ", "alert "),
    # Node's first lines and its internal frames; what it and Python call an alert, and Python's own lines
    (r"(?m)^(node:[a-z_/]+):\d+$", r"\1"),
    (r"(?m)^ +(?=throw er;|triggerUncaughtException\b)", ""),
    (r"(?m)^ +at emitErrorEvent \(node:_http_client\)\n", ""),
    (r"\bnode:(?:_tls_wrap|internal/tls/wrap)\b", "node:tls"),
    (r"\b(?:SSLV3|SSL/TLS)_ALERT_", "ALERT_"),
    (r"\(_ssl\.c:([23])?\d{3,4}\)", r"(_ssl.c:\g<1>000)"),
    (r"(?m)^[ ~]*\^[ ~^]*\n", ""),
    # Go since 1.20, and its source; rclone's word for how bad it is; what Caddy has twice by now
    (r"\btls: failed to verify certificate: (?=x509: )", ""),
    (r"\b(\w+\.go):\d+\b", r"\1"),
    (r"(?m)^(\S+ \S+) (?:CRITICAL|NOTICE): (?=Failed to )", r"\1 "),
    (r"\bERROR : : (?=error )", "ERROR : "),
    (r'"client_ip":"[^"\n]*",', ""),
    # PHP without the address, and with another letter; Java with the alert's name before it
    (r"\bfile_put_contents\(ftps://[^)\s]*\)", "file_put_contents()"),
    (r"\bfailed to open stream:", "Failed to open stream:"),
    (r"\b(SSL\w*Exception): \([a-z_]+\) ", r"\1: "),
    # curl's other words for one thing
    (r"\bSSL certificate OpenSSL verify result: ([^\n(]+) \(\d+\)", r"SSL certificate problem: \1"),
    (r"\bCouldn't connect to server\b", "Could not connect to server"),
    (r"\bplease visit the web page\b", "please visit the webpage"),
    # libcurl's words for one error of a handshake
    (r"\bgnutls_handshake\(\) failed: |\bGnuTLS, handshake failed: ", "handshake failed: "),
    # HAProxy's pages have other sizes, and its lines another indent; ProFTPD counts what is in a file
    (r"(/\+?\d+ -?\d+) \d+ - - (?=[-A-Za-z]{4} )", r"\1 0 - - "),
    (r"\[(NOTICE|WARNING|ALERT)\] +", r"[\1] "),
    (r"\badded \d+ certs from\b", "added 1 certs from"),
    (r"\bself-signed certificate", "self signed certificate"),
)  # fmt: skip


@functools.cache
def of_any_release(text: str) -> str:
    """What releases of one program say alike: the text without what tells no more than the release."""
    # OpenSSL's command line says where it connects to.
    return "".join(map(_line_of_any_release, _LINE.findall(_CONNECTING.sub("", text))))


@functools.cache
def _line_of_any_release(line: str) -> str:
    for pattern, replacement in _OF_A_RELEASE:
        line = pattern.sub(replacement, line)
    return line


@functools.cache
def table(name: str) -> Mapping[str, Any]:
    """One of this folder's tables."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


#: Whose words a program's are, where others have the same: curl by another name, of which a text does not
#: tell the library that it is built with.
WORDS_OF = {"curl-gnutls": "curl"}
#: What git says before words of libcurl's, and curl with the number that it has for them.
_BEFORE_WORDS = re.compile(r"\A(?:curl: \(\d+\) |fatal: unable to access '[^']*': )")
PASSES_ON, _LIBRARY = "git", "libcurl"


def words_of(program: str, text: str) -> tuple[str, str]:
    """Whose words a text is, with what all releases have of it alike."""
    return WORDS_OF.get(program, program), of_any_release(text)


def passed_on(words: tuple[str, str]) -> tuple[str, str] | None:
    """The words of the library that a program passes on, behind words of its own; ``None`` of any other."""
    program, said = words
    if program not in (PASSES_ON, *WORDS_OF.values()):
        return None
    of_the_library = _BEFORE_WORDS.sub("", said)
    return None if of_the_library == said else (_LIBRARY, of_the_library)


def held_out() -> dict[str, Path]:
    """The folder of each batch that is held out, by its name, as the split has them."""
    return {name: HERE / name for name in table("split.toml").get("batch", {})}


def folder_of(release: str) -> Path:
    """Where a release's recordings go: the split names what is held out."""
    batches = table("split.toml").get("batch", {})
    return next((HERE / n for n, batch in batches.items() if release in batch["releases"]), KNOWN)
