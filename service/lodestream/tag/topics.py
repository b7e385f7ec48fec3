"""When an article is about a topic: its trigger words weigh enough together.

A trigger of the class `strong` says a topic alone in a short text, of `fair` two or three do, of `weak` many;
`against` takes away. Repetition adds less each time, a place in the headline adds the weight once more. What
must be reached grows with the length of the text, as a long one mentions much that it is not about, and a
topic far below the strongest one is dropped for the same reason.

Emphasis is no second witness: said often or in the headline, one `fair` word is still one word. A `strong` one that
stands once behind the first sentence, under a headline without a word of its field, is mentioned in passing. A word
that a topic of another field has better reasons to claim ("rocket" beside SpaceX) counts for that topic alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
_WITNESSES: Final = 0.85  # what the different triggers must weigh together, each counted once,
_INSISTENT: Final = 1.5  # or so many times where the text keeps coming back to it, or the headline names a commodity
_OFTEN: Final = 4


class Topics:
    """Scores the topics of a vocabulary. `entries` are numbered as the matcher numbers them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._groups = [(entry.group or "", entry.id) for entry in entries]
        broader = {entry.id: entry.broader for entry in entries if entry.kind == "topic"}
        self._fields = [_field(entry.id, broader) for entry in entries]
        self._by_group: dict[str, list[tuple[int, float]]] = {}
        for number, entry in enumerate(entries):
            for group, weight in entry.sources:
                self._by_group.setdefault(group, []).append((number, weight))

    def score(
        self, matches: Iterable[Match], headline_end: int, lead_end: int, length: float
    ) -> dict[int, tuple[float, list[Match]]]:
        """Entry number → (score in [0.5, 1), its triggers) of every topic that the article is about.

        `matches` are those of all kinds: commodities speak for topics through their group. What starts before
        `headline_end` is in the headline, before `lead_end` in it or the first sentence. `length` is that of the text
        (`reading_length`).
        """
        triggers: dict[int, _Triggers] = {}
        for match in matches:
            sense = match.sense
            if sense.kind == "topic":
                trigger = (sense.term.family, WEIGHTS[sense.term.word_class])
                triggers.setdefault(sense.entry, {}).setdefault(trigger, []).append(match)
                continue
            group, identity = self._groups[sense.entry]
            for topic, weight in self._by_group.get(group, ()):
                triggers.setdefault(topic, {}).setdefault((identity, weight), []).append(match)
        self._settle_claims(triggers)
        headed = {
            self._fields[topic]
            for topic, found in triggers.items()
            if any(weight > 0 and where[0].start < headline_end for (_, weight), where in found.items())
        }
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
            and _has_witnesses(triggers[topic], headline_end, 0 if self._fields[topic] in headed else lead_end)
        }

    def _settle_claims(self, triggers: dict[int, _Triggers]) -> None:
        """Take away what only shares its words with a topic of another field that has a strong one of its own."""
        strong = {topic for topic, found in triggers.items() if any(weight >= 1.0 for _, weight in found)}
        if not strong or len({self._fields[topic] for topic in triggers}) == 1:
            return
        claimed: dict[tuple[int, int], set[str]] = {}
        for topic in strong:
            for found in triggers[topic].values():
                for match in found:
                    claimed.setdefault((match.start, match.end), set()).add(self._fields[topic])
        for topic in triggers.keys() - strong:
            for trigger, found in list(triggers[topic].items()):
                others = [claimed.get((match.start, match.end), set()) - {self._fields[topic]} for match in found]
                if trigger[1] > 0 and all(others):
                    del triggers[topic][trigger]


_Triggers = dict[tuple[str, float], list[Match]]
"""What was found for a topic, by word and weight."""


def _field(identity: str, broader: Mapping[str, str | None]) -> str:
    while (above := broader.get(identity)) is not None:
        identity = above
    return identity


def _has_witnesses(found: _Triggers, headline_end: int, lead_end: int) -> bool:
    """Whether different words speak for a topic, or one that is not only mentioned once, behind `lead_end`."""
    witnesses = 0.0
    positive = {trigger: matches for trigger, matches in found.items() if trigger[1] > 0}
    for (_, weight), matches in positive.items():
        named = matches[0].sense.kind != "topic" and matches[0].start < headline_end
        witnesses += weight * (_INSISTENT if named or len(matches) >= _OFTEN else 1.0)
    if witnesses < _WITNESSES:
        return False
    if len(positive) > 1 or not lead_end:
        return True
    (matches,) = positive.values()
    return len(matches) > 1 or matches[0].start < lead_end


def _repeated(found: Sequence[Match], headline_end: int) -> float:
    """How much a trigger counts: 1 once, 1.5 twice, 2 four times; once more when it is in the headline."""
    times = len(found)
    body = 1.0 if times == 1 else min(_REPEATED_MAX, 1.0 + 0.5 * log2(times))
    return body + 1.0 if found[0].start < headline_end else body
