"""From an article to its tags.

One pass finds all terms (`matcher`). Of what overlaps the longest counts, kind by kind; conditions about the
whole article are then checked, and what remains is gathered by entry: a country or commodity is tagged where
it is named, a topic when its words weigh enough together (`topics`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Literal, cast

from lodestream.records import Tag
from lodestream.tag.amounts import Amount, find_amounts
from lodestream.tag.matcher import MASK, Match, Matcher
from lodestream.tag.namesakes import without_namesakes
from lodestream.tag.normalise import normalise, reading_length
from lodestream.tag.topics import Topics
from lodestream.tag.vocabulary import Entry, Vocabulary

TagKind = Literal["topic", "country", "place", "organisation", "person", "commodity", "amount", "date"]

FIELDS: Final = ("headline", "standfirst", "body")
SPANS_MAX: Final = 50
"""Spans kept per tag, the first ones: a record stays within bounds however long the text."""
IMPLIED_SPANS_MAX: Final = 5
"""Spans of a topic that another one implies: examples, the others stand with the topic that implies it."""

_KIND_ORDER: Final = ("topic", "country", "place", "organisation", "person", "commodity", "amount", "date")
# Between fields and at both ends: no word, and two of them, so that no phrase is found across fields.
_GAP: Final = "\n\n"
_HEADLINE_MENTIONS: Final = 3  # a mention in the headline says as much as three in the body
_START: Final = itemgetter(0)
_END: Final = itemgetter(1)
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s)|[。！？]|\n\n")
_LEAD_MAX: Final = 250  # code points of a first sentence
_HALF: Final = 3  # mentions that make a score of one half


class Tagger:
    """Tags articles with one vocabulary. `ruleset` is its version."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.ruleset = vocabulary.version
        self._entries = vocabulary.entries
        self._matcher = Matcher(vocabulary)
        self._topics = Topics(vocabulary.entries)
        self._numbers = {(entry.kind, entry.id): number for number, entry in enumerate(vocabulary.entries)}

    def tag(self, article: Mapping[str, Any]) -> list[Tag]:
        """The tags of an article, sorted by kind, then by falling score, then by id.

        Of the article it reads `headline`, `standfirst`, `body` and `language`; each may be absent or None.
        """
        text, starts = _joined(article)
        language = _primary(article.get("language"))
        normalised = normalise(text)
        matches, present = self._matcher.find(text, normalised, language)
        found = without_namesakes(_longest(matches), text, lambda match: self._entries[match.sense.entry].id)
        kept = self._conditions(found, present)
        spans = _Spans(starts)
        tags = [
            *self._named(kept, spans),
            *self._topic_tags(kept, spans, _lead_end(text, spans.headline_end), reading_length(normalised)),
            *_amount_tags(find_amounts(text, language), spans),
        ]
        tags.sort(key=lambda tag: (_KIND_ORDER.index(tag["kind"]), -tag["score"], tag["id"]))
        return tags

    def _conditions(self, kept: Sequence[Match], present: set[int]) -> list[Match]:
        """Without masks and shadows, and without terms whose conditions about the whole article do not hold."""
        guarded = [match for match in kept if match.sense.guard is not None]
        if not guarded:
            return [match for match in kept if match.sense.entry >= 0]
        certain = {match.sense.entry for match in kept if match.sense.term.guard is None}
        cues = self._matcher.cues
        result = []
        for match in kept:
            sense = match.sense
            if sense.entry < 0:
                continue
            if sense.guard is not None:
                if any(cues[cue] in present for cue in sense.guard.unless):
                    continue
                needs = sense.guard.needs
                if needs and sense.entry not in certain and not any(cues[cue] in present for cue in needs):
                    continue
            result.append(match)
        return result

    def _named(self, matches: Iterable[Match], spans: _Spans) -> list[Tag]:
        """Tags of what is named, with the broader entries that it implies."""
        found: dict[int, list[Match]] = {}
        for match in matches:
            if match.sense.kind != "topic":
                found.setdefault(match.sense.entry, []).append(match)
        implied: dict[int, list[int]] = {}
        for number in found:
            for above in self._above(number):
                if above not in found:
                    implied.setdefault(above, []).append(number)
        tags = []
        for number, mentions in found.items():
            classes = sorted({match.sense.term.word_class for match in mentions})
            tags.append(_tag(self._entries[number], "+".join(classes), mentions, spans))
        for number, causes in implied.items():
            mentions = [match for cause in causes for match in found[cause]]
            tags.append(_tag(self._entries[number], self._implied(causes), mentions, spans))
        return tags

    def _topic_tags(self, matches: Iterable[Match], spans: _Spans, lead_end: int, length: float) -> list[Tag]:
        scored = self._topics.score(matches, spans.headline_end, lead_end, length)
        implied: dict[int, list[int]] = {}
        for number in scored:
            for above in self._above(number):
                if above not in scored:
                    implied.setdefault(above, []).append(number)
        tags = []
        for number, (score, mentions) in scored.items():
            tags.append(_tag(self._entries[number], "triggers", mentions, spans, score))
        for number, causes in implied.items():
            strongest = max(causes, key=lambda cause: (scored[cause][0], -cause))
            score, mentions = scored[strongest]
            tags.append(_tag(self._entries[number], self._implied(causes), mentions[:IMPLIED_SPANS_MAX], spans, score))
        return tags

    def _implied(self, causes: Iterable[int]) -> str:
        return "implied by " + ", ".join(sorted(self._entries[cause].id for cause in causes))

    def _above(self, number: int) -> list[int]:
        entry, above = self._entries[number], []
        while entry.broader is not None:
            broader = self._numbers[entry.kind, entry.broader]
            above.append(broader)
            entry = self._entries[broader]
        return above


class _Spans:
    """Positions in the joined text as spans of the fields."""

    def __init__(self, starts: Sequence[tuple[str, int, int]]) -> None:
        self._starts = starts
        # The headline is the first field: what starts before its end is in it.
        self.headline_end = starts[0][2] if starts and starts[0][0] == "headline" else 0

    def of(self, matches: Iterable[Match | Amount]) -> list[tuple[str, int, int]]:
        spans = []
        fields = iter(self._starts)
        name, begin, finish = next(fields)
        for start, end in sorted({(match.start, match.end) for match in matches})[:SPANS_MAX]:
            while start >= finish:
                name, begin, finish = next(fields)
            spans.append((name, start - begin, end - begin))
        return spans


def _joined(article: Mapping[str, Any]) -> tuple[str, list[tuple[str, int, int]]]:
    """All fields as one text, and (field, start, end) of each in it."""
    parts, starts, position = [_GAP], [], len(_GAP)
    for name in FIELDS:
        value = article.get(name)
        if value:
            starts.append((name, position, position + len(value)))
            parts += (value, _GAP)
            position += len(value) + len(_GAP)
    return "".join(parts), starts


def _lead_end(text: str, headline_end: int) -> int:
    """Where the first sentence behind the headline ends; 0 where there is no headline to say what matters."""
    if not headline_end:
        return 0
    found = _SENTENCE_END.search(text, headline_end + len(_GAP), headline_end + _LEAD_MAX)
    return found.end() if found else headline_end + _LEAD_MAX


def _primary(language: str | None) -> str:
    """The primary subtag: `zh` of `zh-Hant`. `no` is written Bokmål in nearly all news."""
    code = (language or "und").split("-")[0].split("_")[0].lower()
    return "nb" if code == "no" else code


def _longest(matches: Iterable[Match]) -> list[Match]:
    """Of matches of a kind, those that lie in no longer one. Equal spans stay: several entries share a word."""
    kept: list[Match] = []
    reach: dict[str, tuple[int, int]] = {}
    ordered = sorted(matches, key=_END, reverse=True)
    ordered.sort(key=_START)  # stable: of those that start together the longest comes first
    for match in ordered:
        kind = match.sense.kind
        start, end = reach.get(kind, (-1, -1))
        if match.end <= end and (match.start, match.end) != (start, end):
            continue
        reach[kind] = (match.start, match.end)
        kept.append(match)
    masked = {(match.sense.kind, match.start, match.end) for match in kept if match.sense.entry == MASK}
    if masked:
        kept = [
            match
            for match in kept
            if match.sense.entry == MASK or (match.sense.kind, match.start, match.end) not in masked
        ]
    return kept


def _amount_tags(amounts: Iterable[Amount], spans: _Spans) -> list[Tag]:
    found: dict[str, list[Amount]] = {}
    for amount in amounts:
        found.setdefault(amount.id, []).append(amount)
    return [
        {
            "kind": "amount",
            "id": identity,
            "label": mentions[0].label,
            "score": _salience(mentions, spans),
            "spans": spans.of(mentions),
            "rule": "range" if mentions[0].low != mentions[0].high else "amount",
        }
        for identity, mentions in found.items()
    ]


def _tag(entry: Entry, rule: str, mentions: Sequence[Match], spans: _Spans, score: float | None = None) -> Tag:
    return {
        "kind": cast("TagKind", entry.kind),
        "id": entry.id,
        "label": entry.label,
        "score": _salience(mentions, spans) if score is None else round(score, 3),
        "spans": spans.of(mentions),
        "rule": rule,
    }


def _salience(mentions: Iterable[Match | Amount], spans: _Spans) -> float:
    """How much of the article a mention is: rises with every one, one half at three, towards 1."""
    places = {mention.start for mention in mentions}
    weight = sum(_HEADLINE_MENTIONS if start < spans.headline_end else 1 for start in places)
    return round(weight / (weight + _HALF), 3)
