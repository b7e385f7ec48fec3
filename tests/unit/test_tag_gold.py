"""The tags of the seeds' articles against the gold answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lodestream.records import Tag
from lodestream.tag import Tagger, load_vocabulary

GOLD = Path(__file__).parents[1] / "gold" / "seeds_gold.json"
COMMODITIES = {
    "rare earths": "commodity:rare-earths",
    "critical minerals": "commodity:critical-minerals",
    "critical raw materials": "commodity:critical-minerals",
    "rare-earth magnets": "commodity:rare-earth-magnets",
    "coal": "commodity:coal",
}

Tagged = list[tuple[dict[str, Any], dict[str, Any], list[Tag]]]


@pytest.fixture(scope="module")
def tagged() -> Tagged:
    """(gold entry, article, its tags) of every article of the seeds."""
    tagger = Tagger(load_vocabulary())
    gold = json.loads(GOLD.read_text(encoding="utf-8"))
    articles = [article for page in gold["pages"] for article in page["articles"]]
    records = [{key: gold[key] for key in ("headline", "body", "language")} for gold in articles]
    return [(gold, record, tagger.tag(record)) for gold, record in zip(articles, records, strict=True)]


def ids(tags: list[Tag], kind: str) -> set[str]:
    return {tag["id"] for tag in tags if tag["kind"] == kind}


def test_every_country_of_the_gold_is_tagged_and_no_other(tagged: Tagged) -> None:
    missing, wrong, total = [], [], 0
    for gold, _, tags in tagged:
        must = {country["iso"] for country in gold["tags"]["countries"] if country["level"] == "must"}
        may = {country["iso"] for country in gold["tags"]["countries"]}
        total += len(must)
        missing += [(gold["id"], iso) for iso in sorted(must - ids(tags, "country"))]
        wrong += [(gold["id"], iso) for iso in sorted(ids(tags, "country") - may)]
    assert (total, missing, wrong) == (64, [], [])


def test_every_commodity_of_the_gold_is_tagged_and_no_other(tagged: Tagged) -> None:
    missing, wrong, total = [], [], 0
    for gold, _, tags in tagged:
        listed = [item for item in gold["tags"]["commodities"] if item["name"] in COMMODITIES]
        must = {COMMODITIES[item["name"]] for item in listed if item["level"] == "must"}
        may = {COMMODITIES[item["name"]] for item in listed}
        total += len([item for item in gold["tags"]["commodities"] if item["level"] == "must"])
        missing += [(gold["id"], name) for name in sorted(must - ids(tags, "commodity"))]
        wrong += [(gold["id"], name) for name in sorted(ids(tags, "commodity") - may)]
    assert (total, missing, wrong) == (23, [], [])


def test_topics_of_the_gold_are_tagged(tagged: Tagged) -> None:
    missing, total = [], 0
    for gold, _, tags in tagged:
        must = {topic["medtop"] for topic in gold["tags"]["topics"] if topic["level"] == "must"}
        total += len(must)
        missing += [(gold["id"], topic) for topic in sorted(must - ids(tags, "topic"))]
    assert total == 35
    assert len(missing) <= 2, missing


def test_nothing_that_the_gold_forbids_is_tagged(tagged: Tagged) -> None:
    for gold, _, tags in tagged:
        forbidden = {item["iso"][:2] for item in (gold["must_not"] or {}).get("countries", [])}
        allowed = {country["iso"] for country in gold["tags"]["countries"]}
        assert ids(tags, "country") & (forbidden - allowed) == set()
        if "commodities" in (gold["must_not"] or {}):
            assert ids(tags, "commodity") == set()


def test_spans_cover_words_that_the_gold_names_as_the_mention(tagged: Tagged) -> None:
    for gold, record, tags in tagged:
        surfaces = {country["iso"]: country.get("surface", []) for country in gold["tags"]["countries"]}
        for tag in tags:
            assert tag["spans"], tag
            for field, start, end in tag["spans"]:
                found = record[field][start:end]
                assert found == found.strip() != ""
                if tag["kind"] == "country" and surfaces.get(tag["id"]):
                    # The gold lists examples; every span is a word of one of them or has one of them in it.
                    assert found[0].isupper(), (gold["id"], tag["id"], found)


def test_what_the_gold_names_as_mention_of_a_country_is_covered_by_a_span(tagged: Tagged) -> None:
    for gold, record, tags in tagged:
        found = {
            (tag["id"], record[field][start:end]) for tag in tags for field, start, end in tag["spans"] if tag["spans"]
        }
        for country in gold["tags"]["countries"]:
            for surface in country.get("surface", []):
                if country["level"] == "must":
                    words = {text for identity, text in found if identity == country["iso"]}
                    assert any(text in surface for text in words), (gold["id"], surface, words)
