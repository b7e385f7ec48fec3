"""The JSON Schemas say what the records are: checked on real output, and against the types."""

from __future__ import annotations

import json
import types
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

from corpus import documents
from lodestream import records, settings
from lodestream.clean import Kind
from lodestream.pipeline import Pipeline
from lodestream.records import LinkKind
from lodestream.replay.archive import Archive
from lodestream.replay.documents import Refused
from lodestream.schemas import NAMES, schema
from lodestream.times import from_rfc3339
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
FORMATS = FormatChecker(())  # jsonschema checks times only with a package of its own; unknown formats pass in silence


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value: object) -> bool:
    return not isinstance(value, str) or from_rfc3339(value) is not None


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name), registry=REGISTRY, format_checker=FORMATS)


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


def test_that_output_shows_every_optional_part(output: dict[str, list[dict[str, Any]]]) -> None:
    originals = output["original"]
    assert any("extends" in record for record in originals)
    assert any("previous" in record for record in originals)
    assert any(record["forwarded"] for record in output["duplicate"])
    assert any(tag["spans"] for record in output["enriched"] for tag in record["tags"])
    assert any(record["removed"] and record["published_at"] for record in originals)


@pytest.mark.parametrize("name", OF_TYPE)
def test_a_missing_a_wrong_and_an_extra_field_are_refused(output: dict[str, list[dict[str, Any]]], name: str) -> None:
    check = validator(name)
    record = output[name][0]
    assert not list(check.iter_errors(record))
    for key, value in record.items():
        assert not check.is_valid({other: kept for other, kept in record.items() if other != key}), key
        assert not check.is_valid({**record, key: {"unheard-of": 1}}), key
        if isinstance(value, dict):
            for inner in value:
                short = {other: kept for other, kept in value.items() if other != inner}
                assert not check.is_valid({**record, key: short}), f"{key}.{inner}"
            assert not check.is_valid({**record, key: {**value, "unheard-of": 1}}), key
    assert not check.is_valid({**record, "unheard-of": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"article_id": "A" * 32},
        {"version": 0},
        {"position": -1},
        {"language": "English"},
        {"role": "aside"},
        {"first_seen": "2026-02-30T10:00:00.000Z"},
        {"ingested_at": "2026-02-01 10:00:00"},
        {"published_at": "2026-02-01T10:00:00.000+01:00"},
        {"published_from": "hearsay"},
        {"body": ""},
        {"removed": [{"kind": "rubbish", "text": "x"}]},
        {"lineage": {"topic": "t", "partition": 0, "offset": -1}},
        {"tags": [{"kind": "topic", "id": "x", "label": "x", "score": 1.5, "spans": [], "rule": "x"}]},
        {"tags": [{"kind": "topic", "id": "x", "label": "x", "score": 1, "spans": [["body", 0]], "rule": "x"}]},
        {"tags": [{"kind": "topic", "id": "x", "label": "x", "score": 1, "spans": [["url", 0, 1]], "rule": "x"}]},
    ],
    ids=str,
)
def test_a_value_out_of_its_range_is_refused(
    output: dict[str, list[dict[str, Any]]], change: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        validator("enriched").validate({**output["enriched"][0], **change})


@pytest.mark.parametrize("name", OF_TYPE)
def test_schemas_and_types_say_the_same(name: str) -> None:
    compare(schema(name), OF_TYPE[name], name)


def test_what_is_cut_is_one_of_the_kinds_of_cleaning() -> None:
    removed = schema("fields")["properties"]["removed"]["items"]["properties"]["kind"]
    assert removed["enum"] == [kind.value for kind in Kind]


def test_links_are_of_the_kinds_of_the_verdicts() -> None:
    assert schema("duplicate")["properties"]["kind"]["enum"] == [kind.value for kind in LinkKind]


def compare(one: dict[str, Any], hint: Any, where: str) -> None:
    """A schema and a type, all the way down: fields, which are required, closed lists, what may be null."""
    if get_origin(hint) is NotRequired:
        hint = get_args(hint)[0]
    if is_typeddict(hint):
        fields, required, closed = fields_of(one)
        hints = get_type_hints(hint, include_extras=True)
        assert closed, f"{where}: takes other fields"
        assert fields.keys() == hints.keys(), where
        assert required == {key for key, each in hints.items() if get_origin(each) is not NotRequired}, where
        for key, each in hints.items():
            compare(fields[key], each, f"{where}.{key}")
        return
    one = resolved(one)
    kinds = {one["type"]} if isinstance(one.get("type"), str) else set(one.get("type", ()))
    if get_origin(hint) in {Union, types.UnionType}:
        arms = [arm for arm in get_args(hint) if arm is not type(None)]
        assert kinds == {JSON_TYPES[arm] for arm in arms} | {"null"}, where
    elif get_origin(hint) is Literal:
        assert set(one["enum"]) == set(get_args(hint)), where
    elif get_origin(hint) is list:
        assert kinds == {"array"}, where
        compare(one["items"], get_args(hint)[0], f"{where}[]")
    elif get_origin(hint) is tuple:
        assert len(one["prefixItems"]) == len(get_args(hint)) == one["minItems"], where
    else:
        assert kinds == {JSON_TYPES[hint]} or "const" in one or "enum" in one, where


JSON_TYPES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def resolved(one: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to; what it says itself wins."""
    while "$ref" in one:
        target, _, part = one["$ref"].partition("#")
        if not part:
            break
        definition = schema(target.rpartition(":")[2] or "fields")["$defs"][part.rpartition("/")[2]]
        one = {**definition, **{key: value for key, value in one.items() if key != "$ref"}}
    return one


def fields_of(one: dict[str, Any]) -> tuple[dict[str, Any], set[str], bool]:
    """Fields of an object and of all schemas it builds on, which are required, and whether others are refused."""
    one = resolved(one)
    fields, required = dict(one["properties"]), set(one["required"])
    closed = one.get("additionalProperties", one.get("unevaluatedProperties")) is False
    if "$ref" in one:
        more, also, _ = fields_of(schema(one["$ref"].rpartition(":")[2]))
        fields, required = more | fields, also | required
    return fields, required, closed


CONDITIONS = {"if", "not", "contains", "anyOf", "oneOf", "allOf"}
"""What only says when another part of a schema holds: it describes nothing."""


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_and_describes_every_field(name: str) -> None:
    one = schema(name)
    Draft202012Validator.check_schema(one)
    assert one["title"]
    assert one["description"].endswith(".")
    assert one["$id"] == f"urn:lodestream:schema:{name}"

    def described(part: Any) -> None:
        if isinstance(part, dict):
            for field, inner in part.get("properties", {}).items():
                assert {"$ref", "type", "enum", "const", "anyOf"} & inner.keys(), field
                assert inner.get("description", "").endswith(".") or "$ref" in inner, field
            for definition in part.get("$defs", {}).values():
                assert definition["description"].endswith(".")
            for key, inner in part.items():
                if key not in CONDITIONS:
                    described(inner)

    described(one)


def test_an_unknown_schema_is_no_file_of_another_name() -> None:
    with pytest.raises(KeyError):
        schema("../records")
