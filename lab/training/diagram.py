"""What happened between both ends, as a sequence diagram of text that 80 columns hold.

Arrows are of ASCII: other drawing characters are two columns wide in some Japanese terminals.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from lab.model import Reason, Side
from lab.record import AttemptResult
from lab.report.html.sequence import Band, Happened, Message, sequence_of
from lab.report.layout import broken
from lab.training.words import say, token

#: Columns of the stage's name, and the least that an arrow has left and right of its words.
_STAGE = 15
_SHAFT = 3


def diagram(result: AttemptResult, language: str, columns: int) -> list[Text]:
    """The attempt stage by stage, a line for each message; nothing, where nothing was observed.

    Args:
        columns: how wide a line may be; at least 60.
    """
    happened = sequence_of(result)
    if happened is None:
        return [Text(say("evidence", "nothing").in_(language))]
    return list(_lines(happened, result, language, columns))


def _lines(
    happened: Happened, result: AttemptResult, language: str, columns: int
) -> Iterator[Text]:
    width = columns - _STAGE - 2
    yield Text(" " * _STAGE + _ends(result, language, columns - _STAGE), "bold")
    for band in happened.bands:
        yield from _band(band, result, language, width)
    if happened.goal is not None:
        yield from _beside(happened.goal.plain_in(language), width, "bold green")
    if happened.not_reached:
        stages = ", ".join(one.plain_in(language) for one in happened.not_reached)
        words = say("evidence", "not_reached", stages=stages).in_(language)
        yield from _beside(words, width, "dim")


def _ends(result: AttemptResult, language: str, width: int) -> str:
    """Who is on the left, and who on the right; which end each is, where there is room for it."""
    client, server = str(result.client), result.server.software
    named = [f"{say('evidence', 'client').in_(language)} {client}", client]
    others = [f"{server} {say('evidence', 'server').in_(language)}", server]
    fitting = (
        left + " " * (width - cell_len(left) - cell_len(right)) + right
        for left, right in zip(named, others, strict=True)
        if cell_len(left) + cell_len(right) < width
    )
    return next(fitting, client)


def _band(band: Band, result: AttemptResult, language: str, width: int) -> Iterator[Text]:
    name = token("stage", str(band.stage)).in_(language)
    lines: list[Text] = []
    for message in band.messages:
        lines += _message(message, language, width)
    if band.ended_by is not None:
        lines += _ending(band.ended_by, result, language, width)
    for number, line in enumerate(lines or [_row("", width)]):
        label = name if number == 0 else ""
        head = label + " " * max(_STAGE - cell_len(label), 1)
        yield Text().append(head, "bold").append_text(line)


def _message(message: Message, language: str, width: int) -> Iterator[Text]:
    kind, text = message
    words = text.plain_in(language)
    if kind == "note":
        yield from (_row(f"  ({one})", width, "dim") for one in broken(words, width - 4))
        return
    shaft = "=" if kind == "data" else "-"
    to_server = kind in {"right", "command", "data", "clear"}
    first, *more = broken(words, width - 2 * _SHAFT - 4)
    fill = shaft * (width - cell_len(first) - 3 - _SHAFT)
    if to_server:
        yield _row(f"{shaft * _SHAFT} {first} {fill}>", width)
    else:
        yield _row(f"<{fill} {first} {shaft * _SHAFT}", width)
    indent = _SHAFT + 1 if to_server else None
    for one in more:
        left = indent if indent is not None else width - cell_len(one) - _SHAFT - 1
        yield _row(" " * max(left, 0) + one, width)


def _ending(by: Side, result: AttemptResult, language: str, width: int) -> Iterator[Text]:
    """Who ended it, on the side of that end."""
    outcome = result.outcome
    reason = token("reason", str(outcome.reason if outcome else Reason.UNKNOWN))
    words = say("evidence", f"ended_{by}", reason=reason).in_(language)
    for number, one in enumerate(broken(words, width - 4)):
        mark = "X " if number == 0 else "  "
        left = width - cell_len(one) - 3 if by is Side.SERVER else 1
        yield _row(" " * left + mark + one, width, "bold red")


def _row(middle: str, width: int, style: str = "") -> Text:
    """What stands between the two lines of life."""
    rest = " " * max(width - cell_len(middle), 0)
    return Text("|") + Text(middle + rest, style) + Text("|")


def _beside(words: str, width: int, style: str) -> Iterator[Text]:
    for one in broken(words, width):
        yield Text(" " * (_STAGE + 1)) + Text(one, style)
