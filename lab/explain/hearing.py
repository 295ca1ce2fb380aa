"""What is heard in a text: signals of clients and servers, certificate errors, versions, replies.

Every dialect is listened with, for nobody says whose text it is. Of two that hear the same line the server's
own is right: the line in which a server passes on its library's error has that library's words in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from lab.explain.index import Index
from lab.explain.lines import matches_in
from lab.explain.occurring import PatternsByWord
from lab.explain.patterns import literal_first

#: Listening ends after so many seconds: a text is bounded, and so is what is done with it.
LIMIT_S = 2.0


@dataclass(frozen=True)
class Utterance:
    """Where something was heard."""

    start: int
    end: int
    program: str
    """The file of words, by name: ``curl``, ``openssl-library``."""
    title: str


@dataclass
class Hearing:
    """All that was heard in a text."""

    clients: dict[str, list[Utterance]] = field(default_factory=dict)
    servers: dict[str, list[Utterance]] = field(default_factory=dict)
    certificate: list[str] = field(default_factory=list)
    """Reasons that a number or a text names."""
    bare: bool = False
    """The certificate's error is a text that stands alone."""
    replies: list[int] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    """What the program was doing, the last first."""
    protocols: list[str] = field(default_factory=list)
    generations: list[str] = field(default_factory=list)
    speaks: str = ""
    """``FTP`` or ``HTTP``, where the text shows it."""

    def __bool__(self) -> bool:
        return bool(self.clients or self.servers or self.certificate)

    @property
    def signals(self) -> frozenset[tuple[str, str]]:
        """All signals, with whose they are: ``clients`` or ``servers``."""
        sides = {"clients": self.clients, "servers": self.servers}
        return frozenset((kind, name) for kind, heard in sides.items() for name in heard)


#: Replies of FTP servers that refuse something (RFC 959, 2228, 4217); what begins otherwise is no reply.
_CODES = "42[156]|43[0146]|45[0-3]|50[0-4]|52[12]|53[0-7]|55[0-3]"
#: What a log or a client writes before a reply: a debugging client's arrows, a name, a phrase of curl's.
_BEFORE_REPLY = "|".join(
    (
        r"^[ \t]*",
        r"[\"'`*]",
        r"': ",
        r"(?:<-+|<<<|<|->|Response:|応答:|レスポンス:|\*resp\*)[ \t]*['\"]?",
        r"(?:error_(?:perm|temp|reply):|Error:|reports)[ \t]*['\"]?",
        r"(?:got|server:|Access (?:denied|failed):|upload:|response:) ",
    )
)
_REPLY = re.compile(
    rf"(?:{_BEFORE_REPLY})({_CODES})(?:[ -](?=[A-Za-z\"'\[])|(?=[\"'.]?[ \t]*$))", re.MULTILINE
)
_CODE = re.compile(_CODES)
#: What only a server of FTP says behind such a number.
_FTP_WORDS = re.compile(
    r"log ?in|password|user|auth|certif|permi|denied|director|file|transfer|connect|data|command|tls|ssl"
    r"|prot|pbsz|disk|quota|space|storage|abort|session|encrypt|understood|implement|oops|service|try "
    r"|clos|time|too many|negotiat|policy|secur|exceed|refus|fail",
    re.IGNORECASE,
)
#: curl names a page of its own below every refused certificate, whatever it spoke.
_WEB = re.compile(
    literal_first(
        r"https?://(?!curl\.(?:haxx\.)?se/docs/)|\bhttp/[123]|\bupstream\b|\bbackend\b|\borigin\b"
    )
)
#: What a program does over FTP alone.
_OF_FTP = frozenset({"greeting", "starttls", "login", "protect", "put"})
_FTP = re.compile(
    literal_first(
        r"\bftps?\b|\bftp(?:lib|ssl)?[:.]|net::ftp|\bvsftpd\b|\bproftpd\b"
        r"|\bstor\b|\bpasv\b|\bepsv\b|\bpbsz\b"
    )
)


def hear(text: str, index: Index) -> Hearing:
    """Everything that a text has to say."""
    heard = Hearing()
    lower, until = text.lower(), monotonic() + LIMIT_S
    occurring = index.literals.within(lower)

    def found(patterns: PatternsByWord) -> Iterator[tuple[Sequence[Any], Iterator[re.Match[str]]]]:
        """What each pattern that can match stands for, with its first matches."""
        for *meant, pattern, groups in patterns.possible(lower, occurring):
            if monotonic() > until:
                return
            yield meant, _few(matches_in(pattern, groups, text, lower))

    where = [
        (kind, name, Utterance(match.start(), match.end(), program, title))
        for (kind, program, title, name), matches in found(index.signals)
        for match in matches
    ]
    numbers = [match[1] for _, matches in found(index.numbers) for match in matches]
    spoken: dict[str, tuple[list[str], list[str]]] = {}
    for (program, since, until_version), matches in found(index.generations):
        if any(matches):
            versions = spoken.setdefault(program, ([], []))
            versions[0].extend(filter(None, [since]))
            versions[1].extend(filter(None, [until_version]))
    heard.generations = [
        generation(name, max(since, key=_version, default=""), min(ends, key=_version, default=""))
        for name, (since, ends) in spoken.items()
    ]
    _sort(where, heard, text)
    texts = {
        wording: reason for reason, wording, _ in index.certificate_texts.possible(lower, occurring)
    }
    _certificate(heard, text, texts, numbers, index.x509)
    placed = [(m.start(), name) for (name,), matches in found(index.steps) for m in matches]
    heard.steps = list(dict.fromkeys(name for _, name in sorted(placed, reverse=True)))
    heard.protocols = list(
        dict.fromkeys(name for (name,), matches in found(index.protocols) if any(matches))
    )
    heard.replies = list(_replies(text, index.own_replies))
    for code in heard.replies:
        heard.servers.setdefault(f"reply-{code}", [Utterance(0, 0, "ftp", "FTP")])
    ftp, web = bool(_FTP.search(lower) or heard.replies), bool(_WEB.search(lower))
    heard.speaks = "" if ftp == web else "FTP" if ftp else "HTTP"
    if heard.speaks == "HTTP":
        heard.steps = [step for step in heard.steps if step not in _OF_FTP]
    return heard


def _version(written: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", written)]


def generation(program: str, since: str, until: str) -> str:
    """``OpenSSL 1.0.2 to 1.1.1``, ``curl from 8.0 on``, ``NSS``."""
    if since and until and _version(since) > _version(until):
        return program  # two texts of different versions, as of both ends
    if since and until:
        return f"{program} {since} to {until}" if since != until else f"{program} {since}"
    if since:
        return f"{program} from {since} on"
    return f"{program} up to {until}" if until else program


def _few(found: Iterable[re.Match[str]], most: int = 50) -> Iterator[re.Match[str]]:
    for number, match in enumerate(found):
        if number == most:
            return
        yield match


def _sort(where: Iterable[tuple[str, str, Utterance]], heard: Hearing, text: str) -> None:
    """Signals by side; what a client's dialect hears in a line of a server is that server's."""
    where = list(where)
    lines = [
        (text.rfind("\n", 0, one.start) + 1, _line_end(text, one.end))
        for kind, _, one in where
        if kind == "servers"
    ]
    for kind, name, one in where:
        if kind == "servers":
            heard.servers.setdefault(name, []).append(one)
        elif not any(start <= one.start and one.end <= end for start, end in lines):
            heard.clients.setdefault(name, []).append(one)


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found < 0 else found


#: Where a text of a certificate's error stands alone: at an edge, in brackets, behind a colon or a number.
_ALONE = (
    r"""(?:^[ \t]*(?:\d{{3}} )?|[:(\["'`=] ?){}(?=[.;,]?[ \t]*$|["'`)\]]|[:;] |, | \(| depth)"""
)


def _certificate(
    heard: Hearing,
    text: str,
    texts: Mapping[str, str],
    numbers: Iterable[str],
    x509: Mapping[str, Any],
) -> None:
    """What is wrong with a certificate: a number before a text, the longest text before its beginning."""
    old = any(
        re.search(r"OpenSSL (?:[^ ]+ to |up to )?(?:0|1)\.", one) for one in heard.generations
    )
    special = x509["before_3_0" if old else "since_3_0"]
    for number in numbers:
        reason = special.get(number) or x509["always"].get(number)
        if reason and reason not in heard.certificate:
            heard.certificate.append(reason)
    if heard.certificate or not texts:
        return
    rejected = "certificate-rejected" in heard.clients
    longest: list[str] = []
    for wording in sorted(texts, key=len, reverse=True):
        if not any(wording.lower() in other.lower() for other in longest):
            longest.append(wording)
    for wording in longest:
        alone = re.compile(_ALONE.format(re.escape(wording)), re.MULTILINE | re.IGNORECASE)
        if rejected or alone.search(text):
            heard.bare = heard.bare or not rejected
            if texts[wording] not in heard.certificate:
                heard.certificate.append(texts[wording])


def _possible_replies(text: str) -> Iterator[re.Match[str]]:
    """Of the lines with such a code, each of which is looked at once."""
    end = 0
    while code := _CODE.search(text, end):
        end = _line_end(text, code.end())
        yield from _REPLY.finditer(text, text.rfind("\n", 0, code.start()) + 1, end)


def _replies(text: str, own: Sequence[str]) -> Iterator[int]:
    """Codes with which a server of FTP refuses, in their order; ``own`` marks what a client made up."""
    seen = set()
    for found in _few(_possible_replies(text)):
        rest = text[found.end() : _line_end(text, found.end())][:200]
        code, bare = int(found[1]), found[0].strip()[:1].isdigit()
        if any(re.match(pattern, rest) for pattern in own) or (bare and rest[:1].islower()):
            continue
        if code not in seen and (not rest.strip("\"'. \t") or _FTP_WORDS.search(rest)):
            seen.add(code)
            yield code
