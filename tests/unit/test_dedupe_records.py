"""What the deduper takes and what it writes."""

from __future__ import annotations

import base64
import copy
import json
import random
from pathlib import Path
from typing import Any, cast

import pytest
from dedupe_articles import HOUR, START, WEEK, article, clock, decide, prose, said

from lodestream.dedupe import Deduper
from lodestream.dedupe.stories import SITES_MAX
from lodestream.errors import Reason, Rejected
from lodestream.records import Article, DuplicateLink, Original, Story, encode
from lodestream.times import rfc3339

GOLD = Path(__file__).parent.parent / "gold" / "seeds_gold.json"
TEXT = prose(1, 200)
LONGER = f"{TEXT} {prose(2, 150)}"


def test_an_original_is_the_article_without_fingerprint_and_with_its_story() -> None:
    made = cast("Article", {**article("a", TEXT, 2, published=1), "unknown_to_this_stage": [1]})
    (decision,) = decide(Deduper(WEEK, 10), made)
    expected: dict[str, Any] = {name: value for name, value in made.items() if name != "fingerprint"}
    expected |= {"schema": "lodestream.original/1", "story_id": "a", "first_seen": made["ingested_at"]}
    assert decision.original == expected
    assert decision.link is None


def test_what_only_the_verdict_says_an_article_cannot_bring_along() -> None:
    """Else an article of someone else's looks like an extension without its link, or like a version of nothing."""
    own: dict[str, Any] = {
        "extends": {"article_id": "z"},
        "previous": {"version": 7, "text_key": "k"},
        "version": 8,
        "story_id": "z",
        "first_seen": "2020-01-01T00:00:00Z",
    }
    plain = article("a", TEXT), article("b", LONGER, 1), article("b", f"{LONGER} today", 2)
    made = decide(Deduper(WEEK, 10), *(cast("Article", {**each, **own}) for each in plain))
    assert made == decide(Deduper(WEEK, 10), *plain)
    assert [said(decision) for decision in made] == ["original", "extends a", "version 2"]


def test_an_extension_is_an_original_and_a_forwarded_link() -> None:
    _, extension = decide(Deduper(WEEK, 10), article("a", TEXT), article("b", LONGER, 1))
    assert extension.original is not None
    assert extension.link is not None
    assert extension.original["extends"] == {"article_id": "a"}
    assert (extension.original["story_id"], extension.original["version"]) == ("a", 1)
    assert set(extension.original) <= set(Original.__annotations__)
    assert (extension.link["kind"], extension.link["forwarded"]) == ("contains", True)


def test_a_link_names_both_articles_and_how_alike_they_are() -> None:
    copied = article("b", f"{TEXT} {prose(3, 20)}", 1, site="copy.example", published=1)
    _, decision = decide(Deduper(WEEK, 10), article("a", TEXT), copied)
    link = decision.link
    assert link is not None
    jaccard, containment = link["jaccard"], link["containment"]
    assert jaccard == pytest.approx(196 / 216, abs=0.08)
    assert jaccard == round(jaccard or 0, 4)
    assert containment == 1.0
    assert link == DuplicateLink(
        schema="lodestream.duplicate/1",
        article_id="b",
        duplicate_of="a",
        story_id="a",
        kind="near",
        forwarded=False,
        jaccard=jaccard,
        containment=1.0,
        headline=copied["headline"],
        source=copied["source"],
        url=copied["url"],
        document_id=copied["document_id"],
        role="main",
        published_at=copied["published_at"],
        lineage=copied["lineage"],
    )


def test_where_nothing_was_compared_a_link_has_no_figures() -> None:
    known = article("a", TEXT, fetched=5)
    again, older = decide(Deduper(WEEK, 10), known, known, article("a", LONGER, fetched=1))[1:]
    for decision in (again, older):
        assert decision.link is not None
        assert (decision.link["jaccard"], decision.link["containment"]) == (None, None)
        assert decision.story is None


@pytest.mark.parametrize(
    ("published", "first"),
    [
        ((3, 2, 1), "c"),
        ((1, 2, 3), "a"),
        ((None, 2, 1), "c"),
        ((None, None, None), "a"),
        ((2, 2, 2), "a"),
        ((2, None, 1), "c"),
    ],
)
def test_a_story_knows_which_copy_was_published_first(published: tuple[int | None, ...], first: str) -> None:
    articles = [article(name, TEXT, 5, published=at) for name, at in zip("abc", published, strict=True)]
    story = decide(Deduper(WEEK, 10), *articles)[-1].story
    assert story is not None
    named = articles["abc".index(first)]
    assert story["first_published"] == {
        "article_id": first,
        "site": named["source"]["site"],
        "source": named["source"]["name"],
        "published_at": named["published_at"],
    }


def test_a_story_is_written_whenever_it_changes() -> None:
    steps = [
        article("a", TEXT, site="z.example"),
        article("b", TEXT, 1, site="b.example"),
        article("b", TEXT, 2, site="b.example"),
        article("a", f"{TEXT} more", 3, site="z.example"),
        article("c", LONGER, 4, site="b.example"),
        article("b", f"{TEXT} also", 5, site="b.example"),
        article("d", prose(9, 90), 6),
    ]
    stories = [decision.story for decision in decide(Deduper(WEEK, 10), *steps)]
    assert [story and (story["story_id"], story["copies"], story["sites"]) for story in stories] == [
        ("a", 0, ["z.example"]),
        ("a", 1, ["b.example", "z.example"]),
        None,
        None,
        ("a", 2, ["b.example", "z.example"]),
        None,
        ("d", 0, ["site.example"]),
    ]
    assert stories[1] is not None
    assert set(stories[1]) == set(Story.__annotations__)
    assert stories[1]["updated_at"] == rfc3339(clock(1))


def test_a_story_lists_as_many_sites_as_it_may() -> None:
    deduper = Deduper(WEEK, 1000)
    copies = [article(f"a{at}", TEXT, at / 60, site=f"site{at:03}.example") for at in reversed(range(SITES_MAX + 10))]
    story = decide(deduper, *copies)[-1].story
    assert story is not None
    assert story["copies"] == SITES_MAX + 9
    assert story["sites"] == [f"site{at:03}.example" for at in range(10, SITES_MAX + 10)]


def damaged(path: str, value: object) -> Article:
    """An article with another value in one place, or without it."""
    made: dict[str, Any] = copy.deepcopy(dict(article("b", TEXT)))
    *outer, name = path.split(".")
    place = made
    for each in outer:
        place = place[each]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return cast("Article", made)


def values(*numbers: int) -> str:
    return base64.b64encode(b"".join(number.to_bytes(4, "little") for number in numbers)).decode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *((path, ...) for path in ("article_id", "text_key", "ingested_at", "source", "source.site", "document_id")),
        *((path, ...) for path in ("headline", "url", "role", "lineage", "fingerprint", "fingerprint.format")),
        *((f"fingerprint.{name}", ...) for name in ("exact", "anchors", "sketch", "shingles")),
        ("article_id", ""),
        ("article_id", 7),
        ("article_id", "x" * 3000),
        ("article_id", "\ud800"),
        ("text_key", None),
        ("headline", ["a"]),
        ("source", "a site"),
        ("source.site", None),
        ("source.name", 1),
        ("published_at", "yesterday"),
        ("published_at", "2025-07-17T03:04:05"),
        ("published_at", 1752721445),
        ("fetched_at", "2025-13-01T00:00:00Z"),
        ("ingested_at", None),
        ("fingerprint", "AAAA"),
        ("fingerprint.format", 2),
        ("fingerprint.format", "1"),
        ("fingerprint.exact", "abc"),
        ("fingerprint.exact", "z" * 32),
        ("fingerprint.exact", 5),
        ("fingerprint.anchors", "AAA"),
        ("fingerprint.anchors", "not base64!"),
        ("fingerprint.anchors", "AAAA"),
        ("fingerprint.anchors", ""),
        ("fingerprint.anchors", values(2, 1)),
        ("fingerprint.anchors", values(1, 1)),
        ("fingerprint.anchors", values(*range(1025))),
        ("fingerprint.sketch", values(*range(129))),
        ("fingerprint.sketch", values(3, 2)),
        ("fingerprint.sketch", "größe"),
        ("fingerprint.shingles", 0),
        ("fingerprint.shingles", -1),
        ("fingerprint.shingles", 1.0),
        ("fingerprint.shingles", True),
        ("fingerprint.shingles", 2**32),
    ],
)
def test_a_record_with_a_bad_field_is_rejected_by_name_and_changes_nothing(path: str, value: object) -> None:
    deduper = Deduper(HOUR, 10)
    decide(deduper, article("a", TEXT))
    deduper.drain()
    sizes = deduper.sizes()
    with pytest.raises(Rejected) as rejected:
        deduper.decide(damaged(path, value), START + 2 * HOUR)
    assert rejected.value.reason is Reason.INVALID_RECORD
    assert path.rpartition(".")[2] in rejected.value.detail
    assert TEXT[:20] not in rejected.value.detail
    assert deduper.drain() == b""
    assert deduper.sizes() == sizes
    assert said(*decide(deduper, article("c", TEXT))) == "exact of a"


def test_records_are_json() -> None:
    for decision in decide(Deduper(WEEK, 10), article("a", TEXT), article("b", LONGER), article("c", TEXT)):
        for record in decision:
            assert json.loads(encode(record)) == record


@pytest.mark.parametrize("seed", range(4))
def test_in_the_seeds_only_one_article_is_a_copy_in_whatever_order_they_come(seed: int) -> None:
    pages = json.loads(GOLD.read_text())["pages"]
    gold = [each for page in pages for each in page["articles"]]
    random.Random(seed).shuffle(gold)
    articles = [article(each["id"], each["body"], at / 10, headline=each["headline"]) for at, each in enumerate(gold)]
    decisions = decide(Deduper(WEEK, 100), *articles)
    links = [decision.link for decision in decisions if decision.link]
    assert len(decisions) == 21
    assert len(links) == 1
    assert {links[0]["article_id"], links[0]["duplicate_of"]} == {"000/main", "001/main"}
    assert links[0]["kind"] == "near"
