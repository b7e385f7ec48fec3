"""The JSON Schemas say what the records are: checked on real output, and against the types."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NotRequired, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from corpus import documents
from lodestream import records, settings
from lodestream.pipeline import Pipeline
from lodestream.replay.archive import Archive
from lodestream.replay.documents import Refused
from lodestream.schemas import NAMES, schema
from lodestream.topics import ARTICLES, DUPLICATES, ENRICHED, ORIGINALS, STORIES

SEEDS = Path(__file__).parents[2] / "seeds"
OF_TOPIC = {ARTICLES: "article", ORIGINALS: "original", ENRICHED: "enriched", DUPLICATES: "duplicate", STORIES: "story"}
OF_TYPE = {
    "article": records.Article,
    "original": records.Original,
    "enriched": records.Enriched,
    "duplicate": records.DuplicateLink,
    "story": records.Story,
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema(name)["$id"], Resource.from_contents(schema(name))) for name in NAMES
)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name), registry=REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def output() -> dict[str, list[dict[str, Any]]]:
    """Records of every topic, from the seeds and from generated documents."""
    pipeline = Pipeline(settings.load(), ingested_at=1_780_000_000_000)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for document in [*Archive([SEEDS]), *documents(300, seed=5)]:
        assert not isinstance(document, Refused)
        for written in pipeline.feed(document.key, document.value, document.headers):
            if written.topic in OF_TOPIC:
                found[OF_TOPIC[written.topic]].append(json.loads(written.value))
    return found


@pytest.mark.parametrize("name", OF_TYPE)
def test_real_output_is_as_its_schema_says(output: dict[str, list[dict[str, Any]]], name: str) -> None:
    assert len(output[name]) > 20
    check = validator(name)
    for record in output[name]:
        check.validate(record)


@pytest.mark.parametrize("name", OF_TYPE)
def test_a_record_that_is_not_so_is_refused(output: dict[str, list[dict[str, Any]]], name: str) -> None:
    check = validator(name)
    record = output[name][0]
    for key in record:
        if key not in {"extends", "previous"}:
            with pytest.raises(ValidationError):
                check.validate({other: value for other, value in record.items() if other != key})
        with pytest.raises(ValidationError):
            check.validate({**record, key: object()})
    with pytest.raises(ValidationError):
        check.validate({**record, "unheard-of": 1})


@pytest.mark.parametrize("name", OF_TYPE)
def test_schemas_and_types_name_the_same_fields(name: str) -> None:
    required, known = set(), set()
    at: str | None = name
    while at is not None:
        one = schema(at)
        required |= set(one["required"])
        known |= set(one["properties"])
        at = one["$ref"].rpartition(":")[2] if "$ref" in one else None
    hints = get_type_hints(OF_TYPE[name], include_extras=True)
    assert known == set(hints)
    assert required == {key for key, hint in hints.items() if get_origin(hint) is not NotRequired}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_and_describes_every_field(name: str) -> None:
    one = schema(name)
    Draft202012Validator.check_schema(one)
    assert one["title"]
    assert all("description" in field for field in one.get("properties", {}).values())


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"title": "x", "body": "y"}, True),
        ([{"text": "y", "authors": ["a"]}, {"html": "<p>y</p>", "id": 7}], True),
        ({"body": 7}, False),
        ({"title": "x"}, False),
        ([], False),
        ("text", False),
    ],
)
def test_the_schema_of_input_takes_what_clean_takes(value: Any, fits: bool) -> None:  # noqa: FBT001 - a parameter
    assert validator("document").is_valid(value) is fits
