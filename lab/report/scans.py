"""What an independent scanner found, in a terminal: two lines for each settings, then the counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from lab.run.scan import LIMITS, Comparison, NotScanned
from lab.settings import server_in_words
from lab.text import visible

#: The counts, in the order in which they are said; the first is said even if there is none.
_COUNTED = {
    "agree": "agree",
    "disagree": "disagree",
    "not_scannable": "not scannable",
    "lab_error": "lab error",
}


def print_scans(
    results: Iterable[Comparison | NotScanned], counts: Mapping[str, int], console: Console
) -> None:
    """Print what was found for each settings, the counts, and the limits that were met."""
    met: set[str] = set()
    for result in results:
        words = Text(visible(server_in_words(result.server)) + "\n  ")
        if isinstance(result, NotScanned):
            kind = "lab error" if result.lab_error else "not scannable"
            words.append(f"{kind}: {visible(result.why)}", "red" if result.lab_error else "dim")
        else:
            words.append(*(("agree", "green") if result.agree else ("disagree", "bold red")))
            words.append(f"  {found(result)}", style="dim")
            for disagreement in result.disagreements:
                words.append(f"\n    {visible(disagreement)}", style="red")
            met |= set(result.beyond)
        console.print(words, soft_wrap=True)
    console.print()
    console.print(Text(counts_in_words(counts)), soft_wrap=True)
    for limit in LIMITS:
        if limit.title in met:
            console.print(Text(f"not seen: {limit.title}: {limit.reason}", "dim"), soft_wrap=True)


def counts_in_words(counts: Mapping[str, int]) -> str:
    """How many of each, in one line."""
    said = [f"{counts[name]} {words}" for name, words in _COUNTED.items() if counts[name]]
    return f"{sum(counts.values())} settings: {', '.join(said) or 'nothing to scan'}"


def found(result: Comparison) -> str:
    """Protocols and the number of suites, as the scanner found them."""
    versions = " ".join(result.protocols) or "no protocol"
    number = len(result.distinct_suites)
    words = f"{versions}, {number or 'no'} suite{'' if number == 1 else 's'}"
    beyond = sum(len(suites) for suites in result.beyond.values())
    return f"{words} ({beyond} more that sslscan does not ask for)" if beyond else words
