"""What was pasted, as the text that it is: bytes in any state in, lines of plain letters out.

Nothing is interpreted here. Colours go, HTML's and JSON's escapes become what they stand for, a typographic
quote a plain one. The text is bounded as every text from outside is (:func:`lab.text.readable`).
"""

from __future__ import annotations

import codecs
import html
import re
from typing import BinaryIO

from lab.text import CUT, readable

#: So many bytes of an input are read; what comes behind them is not looked at.
MOST_BYTES = 8 * 1024 * 1024
#: Of more than so many the middle is left out before anything else is done with them.
_LOOKED_AT = 1024 * 1024
#: A text of at most so many letters and lines may be one line that was wrapped.
WRAPPED = 4 * 1024
_WRAPPED_LINES = 12

#: What Windows and old Unix systems write in Japan, tried where a text is no UTF-8.
_JAPANESE = ("cp932", "euc_jp")
_KANA = re.compile("[\u3041-\u30fe]")
#: Half the letters of a text that is read in the wrong one of them.
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
#: ECMA-48: control sequences, operating system commands, other escapes; and how `cat -v` and logs write them.
_ESCAPES = re.compile(
    r"(?:\x1b|\\x1b|\\u001b|\\033|\\e|\^\[|\u241b)"
    r"(?:\[[0-9;:?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)?)"
    r"|\x1b.?",
    re.IGNORECASE,
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,6}|#x[0-9a-fA-F]{1,6}|[a-z]{2,8});")
_UNICODE = re.compile(r"\\u00([2-7][0-9a-fA-F])")
#: A reply as Go's net/textproto quotes it (`%q`): since 1.25.11 and 1.26.4, golang/go#79346.
_QUOTED_REPLY = re.compile(
    r"((?:^[ \t]*|: |\* |[\"'](?=\d)|\d\d:\d\d:\d\d )[45]\d\d )\"([^\n]{1,400}?)\"(?=[\"')\]}]*[ \t]*$)",
    re.MULTILINE,
)
_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00a0": " ",
        "\u3000": " ",
        "\uff1a": ": ",
        "\u300c": '"',
        "\u300d": '"',
        "\uff08": "(",
        "\uff09": ")",
        "\u3002": "\n",
    }
)


def text_of(given: bytes) -> str:
    """The text of an input; what is no text in it is left out or replaced."""
    given = given[:MOST_BYTES]
    if len(given) > _LOOKED_AT:
        half = _LOOKED_AT // 2
        end = given[-half:].decode(encoding_of(given[:half]), errors="replace")
        return plain(decoded(given[:half])) + "\n" + plain(end)
    return plain(decoded(given))


def is_cut(given: bytes, text: str) -> bool:
    """Whether a part of an input is not in the text that :func:`text_of` made of it.

    An input of :data:`MOST_BYTES` may go on.
    """
    return len(given) > _LOOKED_AT or CUT.search(text) is not None


def read(stream: BinaryIO) -> str:
    """The text of a file or of standard input, of which no more is read than is looked at."""
    return text_of(stream.read(MOST_BYTES))


def decoded(given: bytes) -> str:
    """Bytes as letters; what is none in their encoding becomes U+FFFD."""
    return given.decode(encoding_of(given), errors="replace")


def encoding_of(given: bytes) -> str:
    """UTF-16 where a mark says so, UTF-8, or of CP932 and EUC-JP the one in which it is Japanese."""
    if marked := _MARKS.get(given[:2]):
        return marked
    if _strictly(given, "utf-8") is not None:
        return "utf-8-sig"
    best, most = "utf-8-sig", 0
    for encoding in _JAPANESE:
        text = _strictly(given, encoding) or ""
        score = len(_KANA.findall(text)) - len(_HALF_WIDTH.findall(text))
        if score > most:
            best, most = encoding, score
    return best


def _strictly(given: bytes, encoding: str) -> str | None:
    """The text if it has no error; its last letter may be cut."""
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(given)
    except UnicodeDecodeError:
        return None


def plain(text: str) -> str:
    """A text without what only dresses it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x1b" in text or "[" in text:
        text = _ESCAPES.sub("", text)
    if _ENTITY.search(text):
        text = html.unescape(text)
    if "\\" in text:
        text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), text)
        text = text.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", " ")
        text = text.replace('\\"', '"').replace("\\'", "'").replace("\\/", "/")
    if '"' in text:
        text = _QUOTED_REPLY.sub(r"\1\2", text)
    return readable(_CONTROLS.sub("", text.translate(_PLAIN)))


def unwrapped(text: str) -> tuple[str, ...]:
    """What a short text of several lines was before something broke its lines: at blanks, or anywhere."""
    if len(text) > WRAPPED:
        return ()
    lines = [line.strip().lstrip("> |").lstrip() for line in text.split("\n")]
    lines = [line for line in lines if line]
    if not 1 < len(lines) <= _WRAPPED_LINES:
        return ()
    return (" ".join(lines), "".join(lines))
