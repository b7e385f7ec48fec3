"""The flow without Kafka: every document's fate, in the order, with the keys and the headers that Kafka would have."""

from __future__ import annotations

import functools
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from corpus import documents
from lodestream import agents, settings
from lodestream.dedupe import Deduper
from lodestream.engine.partitioner import partition_of
from lodestream.engine.step import Step
from lodestream.errors import LodestreamError
from lodestream.headers import Header, header
from lodestream.pipeline import Pipeline, Written
from lodestream.records import LinkKind
from lodestream.replay.documents import RawDocument
from lodestream.topics import ARTICLES, DEAD_LETTERS, DUPLICATES, ENRICHED, ORIGINALS, STORIES

AT = 1_780_000_000_000
AT_TEXT = "2026-05-28T20:26:40.000Z"
WORDS = [f"word{number}" for number in range(240)]
MORE = [f"other{number}" for number in range(240)]


@pytest.fixture(autouse=True)
def one_tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tagging keeps no state, and no setting matters to it here: its vocabularies are loaded once, not by each test."""

    def steps(agent: str, current: settings.Settings) -> Callable[[], Step]:
        return tag_steps() if agent == "tag" else agents.steps(agent, current)

    monkeypatch.setattr("lodestream.pipeline.steps", steps)


@functools.cache
def tag_steps() -> Callable[[], Step]:
    return agents.steps("tag", settings.load())


def raw(
    document_id: str, value: bytes, content_type: str = "application/json", site: str = "one.example"
) -> RawDocument:
    headers = ((Header.DOCUMENT_ID, document_id), (Header.SITE, site), (Header.CONTENT_TYPE, content_type))
    return RawDocument(value, tuple((name, text.encode()) for name, text in headers), site.encode())


def article(path: str, words: list[str]) -> RawDocument:
    url = f"https://one.example/{path}"
    return raw(path, json.dumps({"url": url, "title": "A headline", "body": " ".join(words)}).encode())


def fed(some: list[RawDocument], ingested_at: int = AT, **own: Any) -> tuple[list[list[Written]], Pipeline]:
    """What each document became."""
    pipeline = Pipeline(settings.load(**own), ingested_at)
    return [list(pipeline.feed(each.key, each.value, each.headers)) for each in some], pipeline


def topics(written: list[Written]) -> list[str]:
    return [each.topic for each in written]


def value(written: list[Written], topic: str) -> Any:
    (one,) = [each.value for each in written if each.topic == topic]
    return json.loads(one)


def test_a_new_article_goes_through_all_stages() -> None:
    ((first,), _) = fed([article("a", WORDS)])
    assert topics(first) == [ARTICLES, ORIGINALS, ENRICHED, STORIES]
    cleaned, original, enriched, story = (json.loads(each.value) for each in first)
    assert [each.key for each in first] == [
        b"latin",
        b"latin",
        cleaned["article_id"].encode(),
        story["story_id"].encode(),
    ]
    assert cleaned["body"] == original["body"] == enriched["body"] == " ".join(WORDS)
    assert "fingerprint" in cleaned
    assert "fingerprint" not in original
    assert enriched["story_id"] == original["story_id"] == cleaned["article_id"]
    assert enriched["ingested_at"] == enriched["first_seen"] == AT_TEXT
    assert [header(each.headers, Header.INGESTED_AT) for each in first] == [AT_TEXT] * 4


RELATED = {
    # how the second document relates to the first: (path, words, topics it is written to, link, outcome counted)
    "the same page again": ("a", WORDS, [ARTICLES, DUPLICATES], "refetch", "refetch"),
    "verbatim elsewhere": ("b", WORDS, [ARTICLES, DUPLICATES, STORIES], "exact", "exact"),
    "edited": ("b", [*WORDS[:100], "edited", *WORDS[101:]], [ARTICLES, DUPLICATES, STORIES], "near", "near"),
    "cut": ("b", WORDS[:160], [ARTICLES, DUPLICATES, STORIES], "contained", "contained"),
    "extended": (
        "b",
        WORDS + MORE,
        [ARTICLES, ORIGINALS, ENRICHED, DUPLICATES, STORIES],
        "contains",
        "extension",
    ),
    "a new version": ("a", MORE, [ARTICLES, ORIGINALS, ENRICHED], None, "version"),
    "another article": ("b", MORE, [ARTICLES, ORIGINALS, ENRICHED, STORIES], None, "original"),
}


@pytest.mark.parametrize("relation", RELATED)
def test_the_verdict_decides_where_an_article_goes(relation: str) -> None:
    path, words, where, link, outcome = RELATED[relation]
    ((first, second), pipeline) = fed([article("a", WORDS), article(path, words)])
    assert topics(second) == where
    if link is not None:
        found = value(second, DUPLICATES)
        assert (found["kind"], found["forwarded"]) == (link, link == "contains")
        assert found["duplicate_of"] == value(first, ENRICHED)["article_id"]
    assert pipeline.counts["articles", outcome] == (2 if outcome == "original" else 1)
    if outcome == "version":
        assert value(second, ENRICHED)["version"] == 2
        assert value(second, ENRICHED)["previous"]["text_key"] == value(first, ENRICHED)["text_key"]
    if outcome == "extension":
        assert value(second, ENRICHED)["extends"] == {"article_id": value(first, ENRICHED)["article_id"]}


def test_every_record_has_exactly_one_fate_and_names_its_parent() -> None:
    some = documents(200, seed=11)
    each, pipeline = fed(some, topic_prefix="p.", partitions=3)
    offsets: Counter[tuple[str, int]] = Counter()

    def appended(topic: str, key: bytes | None) -> str:
        """Coordinates of the next record of a topic."""
        partition = partition_of(key, 3)
        offsets[topic, partition] += 1
        return f"p.{topic}:{partition}:{offsets[topic, partition] - 1}"

    children: defaultdict[str, list[str]] = defaultdict(list)  # topics by coordinates of the parent
    parents: dict[str, str] = {}
    indexes: defaultdict[str, list[int]] = defaultdict(list)
    for document, written in zip(some, each, strict=True):
        parents[appended("raw", document.key)] = "raw"
        for one in written:
            origin = header(one.headers, Header.ORIGIN) or ""
            if one.topic != DEAD_LETTERS:
                origin, _, index = origin.rpartition(":")
                indexes[origin].append(int(index))
            children[origin].append(one.topic)
            if one.topic in {ARTICLES, ORIGINALS}:
                parents[appended(one.topic, one.key)] = one.topic
        cleaned = [json.loads(one.value) for one in written if one.topic == ARTICLES]
        assert [one["position"] for one in cleaned] == list(range(len(cleaned)))
        assert all(one["of"] == len(cleaned) for one in cleaned)

    fates: dict[str, Callable[[list[str]], bool]] = {
        "raw": lambda got: set(got) == {ARTICLES} or got == [DEAD_LETTERS],
        ARTICLES: lambda got: (
            sorted(set(got) - {STORIES}) in ([ORIGINALS], [DUPLICATES], [DUPLICATES, ORIGINALS], [DEAD_LETTERS])
        ),
        ORIGINALS: lambda got: got in ([ENRICHED], [DEAD_LETTERS]),
    }
    assert len(parents) > 400
    for coordinates, topic in parents.items():
        assert fates[topic](children.pop(coordinates, [])), coordinates
    assert children == {}, "records whose parent is not there"
    assert all(found == list(range(len(found))) for found in indexes.values())
    assert pipeline.counts["articles", "clean"] == sum(topic == ARTICLES for topic in parents.values())


def test_what_is_counted_is_what_was_written() -> None:
    each, pipeline = fed(documents(200, seed=12))
    every = [one for written in each for one in written]
    found = Counter(one.topic for one in every)
    links = [json.loads(one.value) for one in every if one.topic == DUPLICATES]
    counts = pipeline.counts
    assert counts["articles", "enriched"] == found[ENRICHED] > 50
    assert sum(counts["articles", kind] for kind in ("original", "version", "extension")) == found[ORIGINALS]
    assert {kind: counts["articles", kind] for kind in LinkKind if counts["articles", kind]} == (
        Counter(link["kind"] for link in links if not link["forwarded"])
    )
    assert sum(n for (family, _), n in counts.items() if family == "dead_letters") == found[DEAD_LETTERS] > 0
    tags = [tag["kind"] for one in every if one.topic == ENRICHED for tag in json.loads(one.value)["tags"]]
    assert {kind: n for (family, kind), n in counts.items() if family == "tags"} == dict(Counter(tags))


def test_the_same_documents_give_the_same_bytes() -> None:
    some = documents(60, seed=13)
    assert fed(some)[0] == fed(some)[0]


def test_another_moment_changes_the_moment_alone() -> None:
    some = documents(60, seed=14)
    later = AT + 86_400_000
    text = "2026-05-29T20:26:40.000Z"
    for first, second in zip(fed(some)[0], fed(some, ingested_at=later)[0], strict=True):
        for before, after in zip(first, second, strict=True):
            assert (before.topic, before.key) == (after.topic, after.key)
            assert before.value.replace(AT_TEXT.encode(), text.encode()) == after.value


def test_the_number_of_partitions_changes_coordinates_alone() -> None:
    some = documents(100, seed=15)

    def settled(partitions: int) -> list[tuple[str, Any]]:
        found = []
        for one in (one for written in fed(some, partitions=partitions)[0] for one in written):
            record = one.value if one.topic == DEAD_LETTERS else json.loads(one.value)
            if isinstance(record, dict):
                record.pop("lineage", None)
            found.append((one.topic, record))
        return found

    assert settled(1) == settled(7)


@pytest.mark.parametrize(
    ("document", "own", "reason"),
    [
        (raw("x", b"caf\xe9 and \xff", "text/plain"), {}, "not_utf8"),
        (raw("x", b"", "text/plain"), {}, "empty_document"),
        (raw("x", b'{"body":'), {}, "invalid_json"),
        (raw("x", b'[{"body": "good"}, {"body": 7}]'), {}, "invalid_shape"),
        (raw("x", b"%PDF", "application/pdf"), {}, "unknown_content_type"),
        (raw("x", b'{"body": "y"}', site=" "), {}, "missing_header"),
        (article("x", WORDS), {"document_max_bytes": 100}, "document_too_large"),
        (article("x", WORDS), {"article_max_bytes": 100}, "article_too_large"),
        (raw("x", b'[{"body": "one"}, {"body": "two"}]'), {"articles_max": 1}, "too_many_articles"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_document_is_one_letter_with_its_bytes_and_the_next_goes_on(
    document: RawDocument, own: dict[str, Any], reason: str
) -> None:
    ((written, good), pipeline) = fed([document, raw("next", b'{"body": "fine"}')], topic_prefix="p.", **own)
    (letter,) = written
    assert (letter.topic, letter.key, letter.value) == (DEAD_LETTERS, b"x", document.value)
    assert letter.headers[: len(document.headers)] == document.headers
    said = {name: content.decode() for name, content in letter.headers}
    assert (said["reason"], said["stage"], said["at"]) == (reason, "clean", AT_TEXT)
    assert said["origin"] == f"p.raw:{partition_of(document.key, 4)}:0"
    assert pipeline.counts["dead_letters", reason] == 1
    assert ENRICHED in topics(good)


def broken(*_arguments: object, **_keywords: object) -> None:
    raise ZeroDivisionError("secret words of the article")


def test_a_bug_is_one_letter_that_names_its_place_and_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(settings.load(), AT)
    bad = article("a", WORDS)
    with monkeypatch.context() as patch:
        patch.setattr("lodestream.agents.clean.fingerprint", broken)
        (letter,) = pipeline.feed(bad.key, bad.value, bad.headers)
    assert letter.value == bad.value
    assert header(letter.headers, Header.REASON) == "step_error"
    assert header(letter.headers, Header.DETAIL) == f"ZeroDivisionError at test_pipeline.py:{line_of(broken)} broken"
    assert ENRICHED in topics(list(pipeline.feed(bad.key, bad.value, bad.headers)))


def line_of(function: Any) -> int:
    return int(function.__code__.co_firstlineno) + 1


def test_a_bug_in_a_step_with_state_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deduper, "decide", broken)
    with pytest.raises(LodestreamError, match="a bug in dedupe: ZeroDivisionError at test_pipeline") as caught:
        fed([article("a", WORDS)])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("error", [OSError("disk"), MemoryError(), LodestreamError("state")])
def test_what_is_not_one_records_fault_stops_the_run(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def failing(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("lodestream.agents.clean.fingerprint", failing)
    with pytest.raises(type(error)):
        fed([article("a", WORDS)])
