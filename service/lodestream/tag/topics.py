"""When an article is about a topic: its trigger words weigh enough together.

A trigger of the class `strong` says a topic alone in a short text, of `fair` two or three do, of `weak` many;
`against` takes away. Repetition adds less each time, a place in the headline adds the weight once more. What
must be reached grows with the length of the text, as a long one mentions much that it is not about, and a
topic far below the strongest one is dropped for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log2
from typing import Final

from lodestream.tag.matcher import Match
from lodestream.tag.vocabulary import Entry

WEIGHTS: Final = {"strong": 1.0, "fair": 0.5, "weak": 0.2, "against": -0.7}
THRESHOLD: Final = 1.0
_SHORT: Final = 450  # code points, about 75 words: up to here the threshold is as it is
_GROWTH: Final = 0.35  # what each doubling of the length adds to it
_REPEATED_MAX: Final = 2.5  # times its weight that a trigger can count, however often it stands there
_RELATIVE: Final = 0.2  # of the strongest topic's weight


class Topics:
    """Scores the topics of a vocabulary. `entries` are numbered as the matcher numbers them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._groups = [(entry.group or "", entry.id) for entry in entries]
        self._by_group: dict[str, list[tuple[int, float]]] = {}
        for number, entry in enumerate(entries):
            for group, weight in entry.sources:
                self._by_group.setdefault(group, []).append((number, weight))

    def score(self, matches: Iterable[Match], headline_end: int, length: float) -> dict[int, tuple[float, list[Match]]]:
        """Entry number → (score in [0.5, 1), its triggers) of every topic that the article is about.

        `matches` are those of all kinds: commodities speak for topics through their group. What starts before
        `headline_end` is in the headline. `length` is that of the text (`reading_length`).
        """
        triggers: dict[int, dict[tuple[str, float], list[Match]]] = {}
        for match in matches:
            sense = match.sense
            if sense.kind == "topic":
                trigger = (sense.term.family, WEIGHTS[sense.term.word_class])
                triggers.setdefault(sense.entry, {}).setdefault(trigger, []).append(match)
                continue
            group, identity = self._groups[sense.entry]
            for topic, weight in self._by_group.get(group, ()):
                triggers.setdefault(topic, {}).setdefault((identity, weight), []).append(match)
        needed = THRESHOLD + _GROWTH * max(0.0, log2(max(length, 1.0) / _SHORT))
        totals = {
            topic: sum(weight * _repeated(found, headline_end) for (_, weight), found in by_trigger.items())
            for topic, by_trigger in triggers.items()
        }
        floor = max(needed, _RELATIVE * max(totals.values(), default=0.0))
        return {
            topic: (total / (total + needed), [match for found in triggers[topic].values() for match in found])
            for topic, total in totals.items()
            if total >= floor
        }


def _repeated(found: Sequence[Match], headline_end: int) -> float:
    """How much a trigger counts: 1 once, 1.5 twice, 2 four times; once more when it is in the headline."""
    times = len(found)
    body = 1.0 if times == 1 else min(_REPEATED_MAX, 1.0 + 0.5 * log2(times))
    return body + 1.0 if found[0].start < headline_end else body
