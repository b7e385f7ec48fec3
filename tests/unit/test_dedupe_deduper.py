"""Verdicts in their order, the window, and a state that comes back as it was."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestream.dedupe import Deduper
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.errors import Reason, Rejected
from lodestream.records import Article
from lodestream.text import exact_key
from lodestream.times import rfc3339

GOLD = json.loads((Path(__file__).parents[1] / "gold/seeds_gold.json").read_text())
HOUR = 3_600_000
START = 1_780_000_000_000
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeio"]


def words(seed: int, number: int) -> list[str]:
    source = random.Random(seed)
    return ["".join(source.choices(SYLLABLES, k=3)) for _ in range(number)]


def article(name: str, body: str, *, hours: float = 0, fetched: float | None = None, **fields: Any) -> Article:
    """An article published so many hours after the start; `fetched` hours after it, if that is known."""
    made: dict[str, Any] = {
        "schema": "lodestream.article/1",
        "article_id": name,
        "version": 1,
        "document_id": f"document-{name}",
        "role": "main",
        "position": 0,
        "of": 1,
        "source": {"name": None, "site": f"{name}.example"},
        "url": None,
        "headline": f"Headline of {name}",
        "standfirst": None,
        "body": body,
        "language": "en",
        "byline": [],
        "credits": [],
        "dateline": {"place": None, "raw": None},
        "published_at": rfc3339(START + int(hours * HOUR)),
        "published_precision": "second",
        "published_from": "page",
        "published_raw": None,
        "fetched_at": None if fetched is None else rfc3339(START + int(fetched * HOUR)),
        "ingested_at": rfc3339(START),
        "removed": [],
        "text_key": exact_key(body),
        "word_count": len(body.split()),
        "lineage": {"topic": "raw", "partition": 0, "offset": 0},
        "fingerprint": fingerprint(body),
        **fields,
    }
    return made  # type: ignore[return-value]


def new(window_hours: int = 168, cap: int = 10_000) -> Deduper:
    return Deduper(window_hours * HOUR, cap)


def verdict(deduper: Deduper, one: Article, hours: float = 0) -> tuple[str, str | None]:
    """What an article became, and of which it is a copy or part."""
    decision = deduper.decide(one, START + int(hours * HOUR))
    link, original = decision.link, decision.original
    if original is None:
        assert link is not None
        assert not link["forwarded"]
        return link["kind"], link["duplicate_of"]
    assert "fingerprint" not in original
    if "extends" in original:
        assert link is not None
        assert link["forwarded"]
        return "extension", link["duplicate_of"]
    return ("version" if "previous" in original else "original"), None


BASE = words(1, 300)
TEXT = " ".join(BASE)


def edited(places: int) -> str:
    changed = list(BASE)
    for place in range(places):
        changed[place * 37 % len(changed)] = "edited"
    return " ".join(changed)


def test_verdicts_in_their_order() -> None:
    deduper = new()
    known = article("first", TEXT, fetched=2)
    assert verdict(deduper, known) == ("original", None)
    assert verdict(deduper, article("first", TEXT, fetched=3)) == ("refetch", "first")
    assert verdict(deduper, article("first", edited(3), fetched=1)) == ("older_version", "first")
    assert verdict(deduper, article("copy", TEXT)) == ("exact", "first")
    assert verdict(deduper, article("near", edited(3))) == ("near", "first")
    assert verdict(deduper, article("cut", " ".join(BASE[:180]))) == ("contained", "first")
    assert verdict(deduper, article("near", edited(4), fetched=5)) == ("near", "first"), "a copy of a copy stays one"
    assert verdict(deduper, article("first", edited(2), fetched=6)) == ("version", None)
    longer = " ".join(BASE + words(2, 200))
    assert verdict(deduper, article("longer", longer)) == ("extension", "first")
    assert verdict(deduper, article("other", " ".join(words(3, 300)))) == ("original", None)


def test_a_version_counts_up_and_names_the_text_it_replaces() -> None:
    deduper = new()
    deduper.decide(article("a", TEXT), START)
    original = deduper.decide(article("a", edited(5)), START).original
    assert original is not None
    assert original["version"] == 2
    assert original["previous"] == {"version": 1, "text_key": exact_key(TEXT)}
    third = deduper.decide(article("a", edited(9)), START).original
    assert third is not None
    assert (third["version"], third["previous"]["version"]) == (3, 2)


def test_a_story_counts_its_copies_sites_and_who_published_first() -> None:
    deduper = new()
    first = deduper.decide(article("a", TEXT, hours=5), START).story
    assert first is not None
    assert (first["original"], first["copies"]) == ("a", 0)
    earlier = deduper.decide(article("b", TEXT, hours=1), START).story
    assert earlier is not None
    assert earlier["story_id"] == first["story_id"]
    assert (earlier["copies"], earlier["sites"]) == (1, ["a.example", "b.example"])
    assert earlier["first_published"]["article_id"] == "b", "a copy may have been published first"


def test_an_age_apart_alike_is_not_enough() -> None:
    deduper = new(window_hours=1000)
    template = [*BASE[:150], *words(7, 60)]
    assert verdict(deduper, article("a", TEXT)) == ("original", None)
    assert verdict(deduper, article("b", " ".join(template), hours=200)) == ("original", None)
    assert verdict(deduper, article("c", TEXT, hours=200)) == ("exact", "a")


@pytest.mark.parametrize(("window_hours", "cap", "why"), [(10, 10_000, "window"), (1000, 3, "cap")])
def test_what_left_the_window_is_forgotten_and_counted(window_hours: int, cap: int, why: str) -> None:
    deduper = new(window_hours, cap)
    assert verdict(deduper, article("a", TEXT), 0) == ("original", None)
    for number in range(4):
        verdict(deduper, article(f"b{number}", " ".join(words(50 + number, 100))), 9)
    assert verdict(deduper, article("copy", TEXT), 11) == ("original", None)
    assert deduper.evictions()["articles", why] > 0
    assert sum(deduper.evictions().values()) + deduper.sizes()["articles"].entries == 6


@pytest.mark.parametrize(
    "damage",
    [{"fingerprint": None}, {"fingerprint": {"format": 99}}, {"article_id": 7}, {"text_key": None}, {"source": "x"}],
)
def test_a_broken_article_is_refused_and_changes_nothing(damage: dict[str, Any]) -> None:
    deduper = new()
    deduper.decide(article("a", TEXT), START)
    deduper.drain()
    with pytest.raises(Rejected) as refused:
        deduper.decide({**article("b", TEXT), **damage}, START)  # type: ignore[typeddict-item]
    assert refused.value.reason is Reason.INVALID_RECORD
    assert deduper.drain() == b""
    assert verdict(deduper, article("b", TEXT)) == ("exact", "a")


def test_of_the_seeds_only_001_main_is_a_copy() -> None:
    deduper = new()
    linked = []
    for page in GOLD["pages"]:
        for one in page["articles"]:
            found = verdict(deduper, article(one["id"], one["body"], headline=one["headline"]))
            if found[0] != "original":
                linked.append((one["id"], *found))
    assert linked == [("001/main", "near", "000/main")]


# Streams of articles that refer to each other: (kind, which earlier one, minutes that pass).
STREAMS = st.lists(
    st.tuples(st.sampled_from("nncrveliw"), st.integers(0, 30), st.integers(0, 400)), min_size=1, max_size=40
)


def stream(steps: list[tuple[str, int, int]]) -> list[tuple[Article, int]]:
    """Articles with the clock at which they come."""
    made: list[tuple[str, list[str]]] = []
    out = []
    clock = START
    for number, (kind, which, minutes) in enumerate(steps):
        clock += minutes * 60_000
        name, text = (f"a{number}", words(100 + number, 60 + which * 5))
        if made and kind != "n":
            known, body = made[which % len(made)]
            match kind:
                case "c":
                    text = body
                case "r":
                    name, text = known, body
                case "v":
                    name, text = known, [*body[:-8], *words(number, 12)]
                case "e":
                    text = [*body[:10], "edited", *body[11:]]
                case "l":
                    text = [*body, *words(number, len(body))]
                case "i":
                    text = body[: max(20, len(body) * 2 // 3)]
                case _:
                    other = made[(which + 1) % len(made)][1]
                    text = [*body, *other]
        made.append((name, text))
        out.append((article(name, " ".join(text), hours=(clock - START) / HOUR), clock))
    return out


@settings(max_examples=60, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 40), max_size=4), st.sampled_from([6, 24, 500]), st.sampled_from([4, 9, 1000]))
def test_a_restored_state_answers_as_the_one_that_ran_on(
    steps: list[tuple[str, int, int]], cuts: list[int], window: int, cap: int
) -> None:
    live, often = new(window, cap), new(window, cap)
    blocks: list[bytes] = []
    for number, (one, clock) in enumerate(stream(steps)):
        if number in cuts:  # a crash: everything in memory is gone, the blocks are not
            blocks.append(often.drain())
            often = new(window, cap)
            for block in blocks:
                often.apply(block)
        assert often.decide(one, clock) == live.decide(one, clock)
        if number % 3 == 0:
            blocks.append(often.drain())
    assert often.sizes()["articles"].entries == live.sizes()["articles"].entries
