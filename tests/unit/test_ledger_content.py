"""What a record must have of its input is the same hash on both, and another one when anything of it differs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pytest

from corpus import documents
from lodestream import settings
from lodestream.headers import Header, Headers
from lodestream.ledger.content import NOTHING, Content, content_of, content_of_letter, identity
from lodestream.ledger.outputs import decode
from lodestream.letters import letter_headers
from lodestream.pipeline import Pipeline, Written
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, RAW

LINEAGE = {"topic": "p.raw", "partition": 3, "offset": 9}
ARTICLE = {
    "schema": "lodestream.article/1",
    "article_id": "a",
    "version": 1,
    "document_id": "d",
    "role": "main",
    "position": 0,
    "of": 1,
    "source": {"name": None, "site": "one.example"},
    "url": None,
    "headline": "A headline",
    "body": "A body.",
    "text_key": "t",
    "lineage": LINEAGE,
    "of_a_later_release": [1.5, {"b": 1, "a": 2}],
    "fingerprint": {"format": 1},
}
GIVEN = {"schema": "lodestream.original/1", "version": 2, "story_id": "s", "first_seen": "now", "extends": {}}
ORIGINAL = {name: value for name, value in ARTICLE.items() if name != "fingerprint"} | GIVEN
ENRICHED_RECORD = ORIGINAL | {"schema": "lodestream.enriched/1", "tags": [{}], "ruleset": "r", "trending": []}
LINKED = ("article_id", "document_id", "role", "source", "url", "headline", "lineage")
LINK = {name: ARTICLE[name] for name in LINKED} | {"published_at": None, "duplicate_of": "b", "forwarded": False}


def hashes(topic: str, record: object, key: bytes | None = b"latin") -> Content:
    value = orjson.dumps(record)
    return content_of(topic, key, value, decode(value))


def test_an_output_holds_what_its_input_held() -> None:
    article, original = hashes(ARTICLES, ARTICLE), hashes(ORIGINALS, ORIGINAL)
    assert original.held == article.onward != NOTHING
    assert hashes(DUPLICATES, LINK).held == article.linked != NOTHING
    assert hashes(ENRICHED, ENRICHED_RECORD, b"a").held == original.onward != NOTHING
    assert hashes(ORIGINALS, dict(reversed(ORIGINAL.items()))).held == article.onward, (
        "the order of fields is no content"
    )


@pytest.mark.parametrize("field", [name for name in ARTICLE if name not in {"schema", "version", "fingerprint"}])
def test_a_field_that_differs_is_found_in_an_original(field: str) -> None:
    assert hashes(ORIGINALS, ORIGINAL | {field: "other"}).held != hashes(ARTICLES, ARTICLE).onward
    assert hashes(ORIGINALS, {name: value for name, value in ORIGINAL.items() if name != field}).held != (
        hashes(ARTICLES, ARTICLE).onward
    )


@pytest.mark.parametrize("field", [name for name in ORIGINAL if name != "schema"])
def test_a_field_that_differs_is_found_in_an_enriched_record(field: str) -> None:
    assert hashes(ENRICHED, ENRICHED_RECORD | {field: "other"}).held != hashes(ORIGINALS, ORIGINAL).onward


@pytest.mark.parametrize("field", [*LINKED, "published_at"])
def test_a_field_that_differs_is_found_in_a_link(field: str) -> None:
    assert hashes(DUPLICATES, LINK | {field: "other"}).held != hashes(ARTICLES, ARTICLE).linked


def test_an_original_keeps_the_key_of_its_article() -> None:
    assert hashes(ORIGINALS, ORIGINAL, b"cyrillic").held != hashes(ARTICLES, ARTICLE).onward


def letter(key: bytes | None, more: Headers = ()) -> Headers:
    headers = letter_headers(
        (), topic="p.raw", partition=0, offset=1, key=key, reason="r", stage="clean", detail="", at="now"
    )
    return (*headers, *more)


@pytest.mark.parametrize("topic", [RAW, ARTICLES, ORIGINALS])
@pytest.mark.parametrize(("key", "value"), [(b"k", b"\xff{"), (None, b""), (b"", None)])
def test_a_letter_holds_its_input_whole(topic: str, key: bytes | None, value: bytes | None) -> None:
    whole = content_of(topic, key, value, None).whole
    assert content_of_letter(letter(key), value).held == whole != NOTHING
    assert content_of_letter(letter(key), b"other").held != whole
    assert content_of_letter(letter(b"other"), value).held != whole
    assert content_of_letter(letter(b"" if key is None else None), value).held != whole


def test_a_letter_whose_key_is_damaged_holds_nothing() -> None:
    assert content_of_letter(letter(b"k", ((Header.ORIGIN_KEY, b"?"),)), b"x") == Content()


@pytest.mark.parametrize("topic", [ARTICLES, ORIGINALS, DUPLICATES, ENRICHED])
def test_what_is_no_record_holds_nothing_but_its_bytes(topic: str) -> None:
    nothing = content_of(topic, b"k", b"{", None)
    assert nothing._replace(whole=NOTHING) == Content()


def test_what_cannot_be_written_again_holds_nothing() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert content_of(ARTICLES, b"k", b"", ARTICLE | {"body": deep}).onward == NOTHING


def test_an_identity_is_of_a_text() -> None:
    assert identity("a") != identity("b")
    assert [identity(each) for each in ("", None, 7)] == [NOTHING] * 3
    assert identity("\ud800") != NOTHING


def test_the_agents_pass_on_what_the_ledger_compares() -> None:
    """Every output of real documents holds what its input held."""
    pipeline = Pipeline(settings.load(), 1_780_000_000_000)
    seen: Counter[str] = Counter()
    for document in documents(300, 7):
        written = list(pipeline.feed(document.key, document.value, document.headers))
        by_topic = {
            topic: {place(each): content(each) for each in written if each.topic == topic}
            for topic in (ARTICLES, ORIGINALS)
        }
        article_ids = {
            orjson.loads(each.value)["article_id"]: content(each) for each in written if each.topic == ARTICLES
        }
        for each in written:
            if each.topic == ORIGINALS:
                assert content(each).held == by_topic[ARTICLES][place(each)].onward
            elif each.topic == ENRICHED:
                assert content(each).held == by_topic[ORIGINALS][place(each)].onward
            elif each.topic == DUPLICATES:
                assert content(each).held == article_ids[orjson.loads(each.value)["article_id"]].linked
            elif each.topic == DEAD_LETTERS:
                whole = content_of(RAW, document.key, document.value, None).whole
                assert content_of_letter(each.headers, each.value).held == whole
            seen[each.topic] += 1
    assert min(seen[topic] for topic in (ORIGINALS, ENRICHED, DUPLICATES, DEAD_LETTERS)) > 5


def place(written: Written) -> int:
    return int(orjson.loads(written.value)["position"])


def content(written: Written) -> Content:
    return content_of(written.topic, written.key, written.value, decode(written.value))
