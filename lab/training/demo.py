"""A case told in nine steps, for a class or for somebody alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.text import Text

from lab.cases import LoadedCase
from lab.documents import documents
from lab.documents.verdicts import State
from lab.model import Rating, Role
from lab.model.expectations import Verdict
from lab.record import AttemptResult
from lab.report import view
from lab.text import visible
from lab.training import parts
from lab.training.choice import title_of, told
from lab.training.diagram import diagram
from lab.training.guess import candidates, why_not
from lab.training.screen import Screen, answer, offer, show_message
from lab.training.source import CaseSource, RemedyTried
from lab.training.words import narrated, outcome_words, reason_in_words, say, titled, token

#: Of what the user sees so many lines are shown, and so many claims of the document.
_MOST_SAID, _MOST_CLAIMS = 8, 4
_RATING = {
    Rating.RECOMMENDED: "bold green",
    Rating.TEMPORARY: "yellow",
    Rating.UNSAFE: "bold red",
    Rating.USELESS: "dim",
}
_SEEN = {State.HOLDS: "holds", State.FAILS: "fails", None: "partly"}


class Demonstration:
    """The telling of one case."""

    def __init__(self, case: LoadedCase, screen: Screen) -> None:
        """Nothing is told yet."""
        self._case, self._screen = case, screen
        self._steps: Mapping[str, Callable[[CaseSource], None]] = {
            "server": self._server,
            "attempt": self._attempt,
            "guess": self._guess,
            "evidence": self._evidence,
            "cause": self._cause,
            "remedies": self._remedies,
            "impostor": self._impostor,
            "document": self._document,
        }

    def begin(self) -> None:
        """The first step, for which nothing needs to have been made."""
        self._heading(1, "situation")
        for words in parts.situation(self._case.case.attempt):
            self._screen.say(words)
        race = self._case.case.race
        if race is not None:
            self._screen.say(say("situation", "race", times=race.times))
        self._screen.say(say("situation", "question"), "bold")

    def tell(self, source: CaseSource) -> Verdict:
        """The other steps; what came of the case.

        Raises:
            ReaderLeft: whoever read has left.
        """
        for number, (name, step) in enumerate(self._steps.items(), start=2):
            self._screen.pause()
            self._heading(number, name)
            step(source)
            if name == "attempt" and source.main().outcome is None:
                break
        return self._end(source)

    def _heading(self, number: int, name: str) -> None:
        self._screen.heading(number, 1 + len(self._steps), say("step", name))

    def _server(self, source: CaseSource) -> None:
        for label, words in parts.server_in_words(self._case.case.attempt.server, source.chain()):
            self._screen.pair(label, words)

    def _attempt(self, source: CaseSource) -> None:
        attempt = self._case.case.attempt
        names = {"client": attempt.client, "server": attempt.server.software}
        self._screen.say(say("attempt", "running", **names))
        main = source.main()
        if main.outcome is None:
            kind = "cannot" if main.verdict is Verdict.CANNOT else "broken"
            self._screen.say(say("attempt", kind, why=visible(main.verdict_why)), "bold red")
            return
        tries = source.tries()
        refused = sum(one.outcome is not None and one.outcome.reason is not None for one in tries)
        if len(tries) > 1:
            self._screen.say(say("attempt", "rate", refused=refused, times=len(tries)))
        else:
            self._screen.say(say("attempt", "took", ms=f"{main.elapsed_ms:.0f}"))
        show_message(self._screen, main, _MOST_SAID)

    def _guess(self, source: CaseSource) -> None:
        main, chain = source.main(), source.chain()
        right = main.outcome.reason if main.outcome else None
        offered = candidates(main, chain)
        if not offered:
            self._screen.say(say("guess", "nobody"))
            return
        offer(self._screen, offered)
        given = self._screen.ask(say("guess", "prompt"), len(offered))
        answer(self._screen, offered, right, given)
        self._screen.lines([Text()])
        self._screen.say(say("guess", "why_not"))
        for reason in offered:
            if reason is not right:
                language = self._screen.language
                head = f"  {say('guess', 'not').in_(language)} "
                name = reason_in_words(reason).in_(language)
                why = why_not(reason, main, chain).in_(language)
                self._screen.text(head, f"{name}: {why}")

    def _evidence(self, source: CaseSource) -> None:
        main = source.main()
        self._screen.lines(diagram(main, self._screen.language, self._screen.columns))
        self._screen.lines([Text()])
        for label, words in parts.evidence(main):
            self._screen.pair(label, words)

    def _cause(self, source: CaseSource) -> None:
        main = source.main()
        self._screen.pair(say("cause", "case"), title_of(self._case), "bold")
        self._screen.pair(say("cause", "outcome"), outcome_words(main.outcome))
        for label, words in parts.cause(main, source):
            self._screen.pair(label, words)
        for paragraph in told(self._case).story:
            self._screen.pair(say("cause", "story"), narrated(paragraph))
        real = view.on_a_real_host(main, self._screen.language)
        if real:
            self._screen.pair(say("cause", "real"), real)

    def _remedies(self, source: CaseSource) -> None:
        number = 0
        for number, remedy in enumerate(source.remedies(), start=1):
            if number > 1:
                self._screen.pause()
            self._remedy(number, remedy)
        if not number:
            self._screen.say(say("remedy", "none"))

    def _remedy(self, number: int, remedy: RemedyTried) -> None:
        first = remedy.first
        rating = Rating(first.standing) if first.standing else Rating.USELESS
        worth = token("standing", rating).in_(self._screen.language)
        title = titled(first.label).in_(self._screen.language)
        words = f"{visible(title)} ({worth})"
        self._screen.text(f"{number}. ", words, _RATING[rating])
        for field, before, after in parts.changes(self._case.case.attempt, first.attempt):
            self._screen.pair(say("remedy", "changes"), f"{field}: {before} -> {after}")
        self._screen.pair(say("remedy", "result"), parts.came_of(remedy.tries))
        self._unexpected(remedy.tries)

    def _unexpected(self, tries: Sequence[AttemptResult]) -> None:
        for one in tries:
            if one.verdict is not Verdict.AS_EXPECTED:
                kind = token("verdict", str(one.verdict)).in_(self._screen.language)
                self._screen.text("  ", f"{kind}: {visible(one.verdict_why)}", "bold red")
                return

    def _impostor(self, source: CaseSource) -> None:
        met = list(source.impostors())
        for number, tries in enumerate(met):
            if number == 0:
                self._screen.say(say("impostor", "placed"))
            title = titled(tries[0].label).in_(self._screen.language)
            if tries[0].role in {Role.REMEDY, Role.IMPOSTOR}:
                self._screen.pair(say("impostor", "with"), visible(title))
            self._screen.pair(say("remedy", "result"), parts.came_of(tries))
            self._loot(tries)
            self._unexpected(tries)
        if not met:
            self._screen.say(say("impostor", "none"))

    def _loot(self, tries: Sequence[AttemptResult]) -> None:
        got = next(filter(None, map(view.captured, tries)), None)
        if got is None:
            self._screen.say(say("impostor", "nothing"), "green")
            return
        self._screen.say(say("impostor", "got"), "bold red")
        self._screen.pair(say("impostor", "user"), visible(got.user), "bold red")
        self._screen.pair(say("impostor", "password"), visible(got.password), "bold red")
        words = say("impostor", "no_file").in_(self._screen.language)
        if got.file_bytes is not None:
            words = say("impostor", "bytes", bytes=got.file_bytes).in_(self._screen.language)
            words += "\n" + visible("\n".join(got.file_head.split("\n")[:2]))
        self._screen.pair(say("impostor", "file"), words, "bold red")

    def _document(self, source: CaseSource) -> None:
        record = source.record()
        found = list(parts.claims(self._case, record))
        if not found:
            self._screen.say(say("document", "none"))
        for result, seen in found[:_MOST_CLAIMS]:
            document = documents()[self._case.document]
            self._screen.pair(say("document", "says"), result.claim.text.in_(self._screen.language))
            state = parts.state_of(seen)
            name = _SEEN[state]
            style = {"holds": "green", "fails": "bold red"}.get(name, "yellow")
            heading = document.heading(result.claim.place).in_(self._screen.language)
            words = say("document", name).in_(self._screen.language)
            settings = dict.fromkeys(
                check.test.setting.in_(self._screen.language)
                for check in seen
                if check.test.setting is not None and check.state is not State.HOLDS
            )
            words = ": ".join([words, "; ".join(settings)]) if settings else words
            self._screen.pair(say("document", "seen"), f"{words} ({heading})", style)
        if len(found) > _MOST_CLAIMS:
            self._screen.say(say("document", "more", number=len(found) - _MOST_CLAIMS), "dim")

    def _end(self, source: CaseSource) -> Verdict:
        rows = source.all_rows()
        record = source.record()
        verdict = next(c.verdict for c in record.cases if c.id == self._case.id)
        self._screen.lines([Text()])
        counts = say("end", "attempts", number=len(rows))
        style = "bold green" if verdict in {Verdict.AS_EXPECTED, Verdict.CANNOT} else "bold red"
        name = "as-expected" if verdict is Verdict.CANNOT else str(verdict)
        if source.main().outcome is not None or verdict is not Verdict.CANNOT:
            self._screen.say(say("end", name, counts=counts), style)
        stopped = [one.verdict_why for one in rows if one.verdict is Verdict.CANNOT]
        if stopped and source.main().outcome is not None:
            why = visible(stopped[0])
            self._screen.say(say("end", "cannot", number=len(stopped), why=why), "yellow")
        return verdict
