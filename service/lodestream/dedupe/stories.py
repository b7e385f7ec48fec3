"""Stories: an original, its versions, extensions and copies, for as long as one of them is in the window."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from lodestream.dedupe.arrival import Arrival
from lodestream.dedupe.entry import (
    Entry,
    decode_text,
    decode_time,
    encode_text,
    encode_time,
    shingles_and_chained,
)
from lodestream.records import StoryMember

SITES_MAX: Final = 50
_STORY_BYTES: Final = 1500  # measured with tracemalloc for stories of two to five entries
_FROZEN_BYTES: Final = 700  # the same of those that are bytes

_NUMBERS: Final = struct.Struct("<QIqqqqIH")  # head: number, version, three times; first published; copies; sites
_STORY: Final = struct.Struct("<Q?I")  # of an encoded story: its number, whether it is named, how many entries
_ENTRY: Final = struct.Struct("<QI?")  # of these: number, shingles, whether it is chained


@dataclass(frozen=True, slots=True)
class Head:
    """The newest version of a story's original."""

    number: int  # of its entry, which may have left
    version: int
    text_key: str
    published: int | None
    fetched: int | None
    ingested: int

    @classmethod
    def of(cls, number: int, version: int, arrival: Arrival) -> Head:
        return cls(number, version, arrival.text_key, arrival.published, arrival.fetched, arrival.ingested)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of a story beyond its entries in the window.

    It travels whole with every entry that joins, so that a restore needs nothing older than the window.
    """

    original: str  # article id
    head: Head
    first_published: StoryMember
    first_published_ms: int | None
    copies: int
    sites: tuple[str, ...]  # in the order in which they came

    @classmethod
    def opened_by(cls, number: int, entry: Entry) -> Summary:
        """The summary of a story that is only its original."""
        a = entry.arrival
        head = Head.of(number, entry.version, a)
        return cls(a.article_id, head, member_of(a), a.published, 0, (a.site,))

    def joined_by(self, arrival: Arrival) -> Summary:
        """With one more article: the earliest published stays first, among equal or unknown times the first seen."""
        sites = self.sites
        if arrival.site not in sites and len(sites) < SITES_MAX:
            sites = (*sites, arrival.site)
        first, first_ms = self.first_published, self.first_published_ms
        if arrival.published is not None and (first_ms is None or arrival.published < first_ms):
            first, first_ms = member_of(arrival), arrival.published
        return replace(self, first_published=first, first_published_ms=first_ms, copies=self.copies + 1, sites=sites)

    def encode(self) -> bytes:
        h, m = self.head, self.first_published
        numbers = _NUMBERS.pack(
            h.number,
            h.version,
            encode_time(h.published),
            encode_time(h.fetched),
            h.ingested,
            encode_time(self.first_published_ms),
            self.copies,
            len(self.sites),
        )
        texts = (self.original, h.text_key, m["article_id"], m["site"], m["source"], m["published_at"], *self.sites)
        return numbers + b"".join(map(encode_text, texts))

    @classmethod
    def decode(cls, data: bytes) -> Summary:
        """The summary of these bytes. Raises `struct.error` or `ValueError` on others."""
        number, version, published, fetched, ingested, first_ms, copies, n_sites = _NUMBERS.unpack_from(data)
        texts: list[str | None] = []
        at = _NUMBERS.size
        while at < len(data):
            text, at = decode_text(data, at)
            texts.append(text)
        original, text_key, article_id, site, source, published_at, *sites = texts
        if at != len(data) or len(sites) != n_sites:
            raise ValueError("not a story")
        return cls(
            original=_known(original),
            head=Head(number, version, _known(text_key), decode_time(published), decode_time(fetched), ingested),
            first_published=StoryMember(
                article_id=_known(article_id), site=_known(site), source=source, published_at=published_at
            ),
            first_published_ms=decode_time(first_ms),
            copies=copies,
            sites=tuple(map(_known, sites)),
        )


def member_of(arrival: Arrival) -> StoryMember:
    return StoryMember(
        article_id=arrival.article_id, site=arrival.site, source=arrival.source, published_at=arrival.published_at
    )


def _known(text: str | None) -> str:
    if text is None:
        raise ValueError("not a story")
    return text


class _Longest:
    """Which of the entries still there is longest: of equals, the first."""

    def __init__(self) -> None:
        self._falling: list[tuple[int, int]] = []  # (number, shingles) of those at least as long as all later ones

    def add(self, number: int, shingles: int) -> None:
        while self._falling and self._falling[-1][1] < shingles:
            self._falling.pop()
        self._falling.append((number, shingles))

    def leave(self, number: int) -> None:
        if self._falling and self._falling[0][0] == number:
            del self._falling[0]

    def get(self) -> tuple[int, int] | None:
        """Its number and shingles."""
        return self._falling[0] if self._falling else None


class _Members:
    """A story's entries in the window."""

    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self.numbers: list[int] = []
        self.longest = _Longest()  # of all
        self.longest_unchained = _Longest()  # of those that are no copies of copies

    def add(self, number: int, shingles: int, *, chained: bool) -> None:
        self.numbers.append(number)
        self.longest.add(number, shingles)
        if not chained:
            self.longest_unchained.add(number, shingles)

    def leave(self, number: int) -> None:
        del self.numbers[0]
        self.longest.leave(number)
        self.longest_unchained.leave(number)


class LiveStory(NamedTuple):
    """What is copied of a story to be encoded later. `named`: its original is found by its id."""

    story: int
    named: bool
    numbers: tuple[int, ...]  # of its entries in the window
    summary: Summary

    def encode(self, entry: Callable[[int], bytes]) -> bytes:
        """`entry` gives the encoded entry of a number."""
        entries = [_ENTRY.pack(number, *shingles_and_chained(entry(number))) for number in self.numbers]
        head = _STORY.pack(self.story, self.named, len(entries)) + encode_text(self.summary.original)
        return b"".join((head, *entries, self.summary.encode()))


class Stories:
    """Stories of more than one entry, by the number of the entry that opened them.

    A story of one entry is that entry, and needs nothing here. What a snapshot brought stays as its bytes until it is
    asked for: most stories never are again, and a restore needs not wait for them.
    """

    def __init__(self) -> None:
        self._live: dict[int, _Members] = {}
        self._frozen: dict[int, bytes] = {}
        self._by_original: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._live) + len(self._frozen)

    def summary(self, story: int) -> Summary | None:
        members = self._find(story)
        return None if members is None else members.summary

    def of_original(self, article_id: str) -> int | None:
        """The story of more than one entry that this article opened."""
        return self._by_original.get(article_id)

    def oldest(self, story: int) -> int:
        """The story's oldest entry in the window."""
        return self._members(story).numbers[0]

    def newest(self, story: int, most: int) -> list[int]:
        """The story's newest entries in the window, at most so many."""
        return self._members(story).numbers[-most:]

    def longest_unchained(self, story: int) -> int | None:
        """The longest entry in the window that is no copy of a copy, the first of equals."""
        found = self._members(story).longest_unchained.get()
        return found[0] if found else None

    def longest(self, story: int) -> int:
        """Shingles of the longest entry in the window."""
        found = self._members(story).longest.get()
        return found[1] if found else 0

    def join(self, story: int, number: int, entry: Entry, summary: Summary, opened_by: Entry | None) -> None:
        """Add an entry. `opened_by`: the entry that opened the story, if that is all there was so far."""
        members = self._find(story)
        if members is None:
            members = self._live[story] = _Members(summary)
            self._find(self._by_original.get(summary.original, story))  # its bytes say that it is found by this id
            self._by_original[summary.original] = story
            if opened_by is not None:
                members.add(story, opened_by.arrival.shingles, chained=opened_by.chained)
        members.summary = summary
        members.add(number, entry.arrival.shingles, chained=entry.chained)

    def leave(self, story: int, number: int) -> None:
        """An entry leaves the window, and its story with the last."""
        members = self._find(story)
        if members is None:
            return
        members.leave(number)
        if not members.numbers:
            del self._live[story]
            if self._by_original.get(members.summary.original) == story:
                del self._by_original[members.summary.original]

    def freeze(self) -> list[LiveStory | bytes]:
        """All of them, those that are bytes as they are, in no order."""
        live: list[LiveStory | bytes] = [
            LiveStory(
                story,
                self._by_original.get(members.summary.original) == story,
                tuple(members.numbers),
                members.summary,
            )
            for story, members in self._live.items()
        ]
        return live + list(self._frozen.values())

    def load(self, encoded: list[bytes]) -> None:
        """Take over encoded stories. Only where there are none. Raises `struct.error` or `ValueError` on others."""
        for data in encoded:
            story, named, _ = _STORY.unpack_from(data)
            self._frozen[story] = data
            if named:
                original, _ = decode_text(data, _STORY.size)
                self._by_original[_known(original)] = story

    def nbytes(self) -> int:
        """Bytes held, about: `_STORY_BYTES` of objects and texts for each story, and less for one that is bytes."""
        return _STORY_BYTES * len(self._live) + _FROZEN_BYTES * len(self._frozen)

    def _members(self, story: int) -> _Members:
        """Raises `KeyError` for a story of one entry, or none."""
        members = self._find(story)
        if members is None:
            raise KeyError(story)
        return members

    def _find(self, story: int) -> _Members | None:
        members = self._live.get(story)
        if members is None and (data := self._frozen.pop(story, None)) is not None:
            members = self._live[story] = _thawed(data)
        return members


def _thawed(data: bytes) -> _Members:
    _, _, count = _STORY.unpack_from(data)
    _, at = decode_text(data, _STORY.size)
    end = at + count * _ENTRY.size
    members = _Members(Summary.decode(data[end:]))
    for number, shingles, chained in _ENTRY.iter_unpack(data[at:end]):
        members.add(number, shingles, chained=chained)
    return members


def story_of(data: bytes) -> int:
    """The number of an encoded story."""
    return int.from_bytes(data[:8], "little")
