"""Stories and originals that are named must be there, and an extension must be linked to what it extends."""

from __future__ import annotations

import numpy as np
import pytest
from ledger_cases import DEDUPE, Out, judged, partition
from test_ledger_books import Record, written

from lodestream.ledger.books import Books
from lodestream.ledger.bounds import Range, Scope
from lodestream.ledger.breaches import Breach
from lodestream.ledger.content import NOTHING, Named, identity, named_by
from lodestream.ledger.names import Known, Stories, known_of
from lodestream.ledger.outputs import Fate, Fates, Kind
from lodestream.letters import Coordinates
from lodestream.topics import DUPLICATES, ENRICHED, ORIGINALS, STORIES

OWN, OTHER, STORY = 11, 12, 21
ITS_OWN_STORY = OWN
HERE, GONE = np.array([11, 12, 21], np.uint64), np.array([], np.uint64)


def original(names: int = NOTHING, story: int = STORY) -> Out:
    return Out(Kind.ORIGINAL, 5, named=Named(OWN, names, story))


def link(names: int = OTHER, story: int = STORY, *, forwarded: bool = True) -> Out:
    return Out(Kind.FORWARDED if forwarded else Kind.LINK, 5, int(forwarded), named=Named(names=names, story=story))


@pytest.mark.parametrize(
    ("outs", "breach"),
    [
        ([original(OTHER), link(OTHER)], None),  # an extension
        ([original(story=ITS_OWN_STORY), link()], None),  # a round-up, or a part of one
        ([original(story=ITS_OWN_STORY), link(story=ITS_OWN_STORY)], None),
        ([original()], None),
        ([original(OTHER)], Breach.INCOMPLETE),
        ([original(OTHER), link(OWN)], Breach.CONTRADICTORY),
        ([original(OTHER), link(OTHER, story=22)], Breach.CONTRADICTORY),
        ([original(), link()], Breach.CONTRADICTORY),
    ],
)
def test_an_extension_and_its_link_agree(outs: list[Out], breach: Breach | None) -> None:
    report = judged(DEDUPE, partition([5], 6), outs)
    assert report.breaches == ({} if breach is None else {breach: 1})


@pytest.mark.parametrize(
    ("out", "known", "is_there"),
    [
        (link(forwarded=False), Known({0: HERE}, HERE), True),
        (link(forwarded=False), Known({0: GONE}, HERE), False),
        (link(forwarded=False), Known({1: GONE}, HERE), True),  # the originals of partition 0 are not all known
        (link(forwarded=False), Known({0: HERE}, GONE), False),
        (link(forwarded=False), Known({0: HERE}, None), True),
        (link(NOTHING, forwarded=False), Known({0: HERE}, HERE), False),
        (link(story=NOTHING, forwarded=False), Known({0: HERE}, HERE), False),
        (original(), Known({0: GONE}, HERE), True),
        (original(), Known({0: GONE}, GONE), False),
        (original(story=99), Known({0: GONE}, HERE), False),
        (Out(Kind.DEAD_LETTER, 5, -1), Known({0: GONE}, GONE), True),
    ],
)
def test_what_is_named_is_there(out: Out, known: Known, is_there: bool) -> None:  # noqa: FBT001
    report = judged(DEDUPE, partition([5], 6), [out], known=known)
    assert report.breaches == ({} if is_there else {Breach.DANGLING: 1})
    if not is_there:
        assert "names an original or a story that is not there" in report.problems[0].found


@pytest.mark.parametrize(
    ("outs", "known", "is_there"),
    [
        ([original(OTHER), link(OTHER)], Known({0: HERE}, HERE), True),
        ([original(OTHER), link(OTHER)], Known({0: np.array([OWN], np.uint64)}, HERE), False),
        ([original(OTHER), link(OTHER)], Known({0: HERE}, np.array([OWN], np.uint64)), False),
        ([original(OTHER), link(OTHER)], Known({1: GONE}, HERE), True),
        # The original's own story is there, but not the one that its link names.
        ([original(story=OWN), link(story=99)], Known({0: HERE}, HERE), False),
    ],
)
def test_what_a_forwarded_link_names_is_there(outs: list[Out], known: Known, is_there: bool) -> None:  # noqa: FBT001
    report = judged(DEDUPE, partition([5], 6), outs, known=known)
    assert report.breaches == ({} if is_there else {Breach.DANGLING: 1})


def test_originals_are_known_by_partition() -> None:
    fates = Fates("dedupe")
    for at, article in ((0, 5), (1, 7), (0, 3)):
        fates.add(Fate("dedupe", Kind.ORIGINAL, Coordinates("x", at, article), 0), at, article, named=Named(article))
    fates.add(Fate("dedupe", Kind.LINK, Coordinates("x", 0, 9), 0), 0, 9, named=Named(4))
    known = known_of(fates.columns(), [0, 2], np.array([9, 8, 9], np.uint64))
    assert {part: ids.tolist() for part, ids in known.articles.items()} == {0: [3, 5], 2: []}
    assert known.stories is not None
    assert known.stories.tolist() == [8, 9]


def test_records_name_what_they_name() -> None:
    given = {"article_id": "a", "story_id": "s", "duplicate_of": "d", "extends": {"article_id": "e"}}
    assert named_by(ORIGINALS, given) == Named(identity("a"), identity("e"), identity("s"))
    assert named_by(DUPLICATES, given) == Named(NOTHING, identity("d"), identity("s"))
    assert named_by(ENRICHED, given) == named_by(ORIGINALS, None) == named_by(ORIGINALS, {}) == Named()
    assert identity("s") == identity(b"s")


def test_books_keep_the_keys_of_stories() -> None:
    books = Books("p.", Scope())
    books.add(STORIES, 0, [Record(0, key=b"s"), Record(1, key=None)])
    books.add(STORIES, 1, [Record(7, key=b"t")])
    assert books.stories.found().tolist() == [identity("s"), NOTHING, identity("t")]
    assert (books.read, books.stories.complete) == ({STORIES: 3}, False)


def test_within_bounds_only_the_stories_that_are_named_are_looked_for() -> None:
    books = Books("p.", Scope("raw", {0: Range(5, 7)}))
    books.add(ORIGINALS, 0, [written(0, "p.articles:0:0:0", 1, story_id="s"), written(1, "p.articles:0:1:0", 1)])
    books.stories.look_for(books.fates["dedupe"].columns())
    books.add(STORIES, 0, [Record(0, key=b"t"), Record(1, key=b"s"), Record(2, key=b"s")])
    assert books.stories.found().tolist() == [identity("s")]
    assert books.stories.complete


def test_where_nothing_is_named_no_story_is_looked_for() -> None:
    stories = Stories()
    stories.look_for(Fates("dedupe").columns())
    assert stories.complete
