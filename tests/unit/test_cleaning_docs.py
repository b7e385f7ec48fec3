"""`docs/cleaning.md` says what cleaning does: its tables are complete, and their examples are real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from lodestream.clean import Document, Kind, Limits, clean
from lodestream.clean.articles import Origin
from lodestream.clean.structured import fields, shapes
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage

PAGE: Final = (Path(__file__).parents[2] / "docs" / "cleaning.md").read_text("utf-8")


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the table whose first column has this heading, by their first cell."""
    _, _, rest = PAGE.partition(f"| {heading} |")
    rows: dict[str, list[str]] = {}
    for line in rest.split("\n")[2:]:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        rows[first.strip("`")] = others
    return rows


KINDS: Final = table("kind")
REASONS: Final = table("reason")


def outcome(body: bytes, content_type: str | None = "text/plain", **headers: Any) -> list[ArticleFields]:
    known = {"document_id": "d", "site": "s", **headers}
    lineage = Lineage(topic="raw", partition=0, offset=0)
    return clean(Document(body, content_type, **known), limits=Limits(), lineage=lineage, ingested_at="x")


TITLE: Final = "Storm closes the bridge over the sound"
FIRST: Final = "The bridge over the sound was closed on Friday because of the wind, the port said."
SECOND: Final = "It will open again on Sunday if the wind drops, and not before, says the harbour master."
THIRD: Final = "Ferries take over the traffic until then, and the railway has put on more trains to the town."
RELATED: Final = "{}\n1 hour ago\n- The Harbour Post\nPool stays closed\nThe pool will be closed until March, they say."

ABOVE: Final = f"{{}}\n{TITLE}\n{FIRST}\n{SECOND}\n{THIRD}"
HEAD: Final = f"{TITLE}\n{{}}\n{FIRST}\n{SECOND}\n{THIRD}"
INSIDE: Final = f"{TITLE}\n{FIRST}\n{SECOND}\n{{}}\n{THIRD}"
BELOW: Final = f"{TITLE}\n{FIRST}\n{SECOND}\n{THIRD}\n{{}}"
WHERE: Final = {
    Kind.TIME: HEAD,
    Kind.PUBLISHER: f"{TITLE}\n{FIRST}\n{SECOND}\n{THIRD}\n{RELATED}",
    Kind.BYLINE: HEAD,
    Kind.CAPTION: INSIDE,
    Kind.TITLE: HEAD,
    Kind.AI_LABEL: INSIDE,
    Kind.LINK: INSIDE,
    Kind.PROMO: f"{TITLE}\n{FIRST}\n{SECOND} Top stories Swipe. Select. Stay informed. {{}} World Ship sinks\n{THIRD}",
    Kind.NEWSLETTER: INSIDE,
    Kind.ADVERT: INSIDE,
    Kind.COOKIE: ABOVE,
    Kind.COMMENTS: f"{TITLE}\n{FIRST}\n{SECOND}\n{THIRD}\nComments\nA reader\n2 hours ago\n{{}}",
    Kind.MENU: f"Home\nWorld\n{ABOVE}",
    Kind.WIDGET: INSIDE,
    Kind.INTERFACE: INSIDE,
    Kind.PAGE: f"<article><h1>{TITLE}</h1><p>{FIRST}<p>{SECOND}<p>{THIRD}</article><div><p>{{}}</p></div>",
}


def test_the_tables_name_every_kind_reason_and_origin() -> None:
    assert list(KINDS) == [kind.value for kind in Kind]
    assert list(REASONS) == [reason.value for reason in Reason]
    assert set(table("`published_from`")) == set(get_args(Origin))
    assert all(all(cells) for cells in (*KINDS.values(), *REASONS.values()))


def test_the_names_of_json_fields_are_those_that_are_read() -> None:
    wanted = {
        "text": fields.TEXTS,
        "text as HTML": fields.MARKUPS,
        "headline": (*fields.TITLES, fields.LINKED_NAME),
        "summary": fields.SUMMARIES,
        "id": ("id", "guid"),
        "address": (*fields.URLS, fields.ADDRESSED),
        "publisher": fields.SOURCES,
        "authors": fields.AUTHORS,
        "published": fields.TIMES,
        "language": fields.LANGUAGES,
    }
    rows = table("field")
    assert {field: tuple(names.split("`")[1::2]) for field, (names,) in rows.items()} == wanted
    assert all(f"`{key}`" in PAGE for key in shapes.WRAPPERS)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.REPEATED])
def test_the_example_of_a_kind_is_cut_as_one(kind: Kind) -> None:
    """`repeated` is learned: it has tests of its own."""
    _, example = KINDS[kind.value]
    page = WHERE.get(kind, BELOW).format(example)
    articles = outcome(page.encode(), "text/html" if kind is Kind.PAGE else "text/plain")
    assert {"kind": kind.value, "text": example} in [piece for article in articles for piece in article["removed"]]


def of(value: Any) -> bytes:
    return json.dumps(value).encode()


REFUSED: Final[dict[Reason, tuple[bytes, str, dict[str, Any]]]] = {
    Reason.EMPTY_DOCUMENT: (b" \n", "text/plain", {}),
    Reason.DOCUMENT_TOO_LARGE: (b"x" * 5_000_000, "text/plain", {}),
    Reason.UNKNOWN_CONTENT_TYPE: (b"%PDF", "application/pdf", {}),
    Reason.MISSING_HEADER: (b"x", "text/plain", {"site": None}),
    Reason.INVALID_HEADER: (b"x", "text/plain", {"url": "https://a.example/" + "x" * 2048}),
    Reason.NOT_UTF8: (b"abc \xff", "text/plain", {}),
    Reason.UNKNOWN_CHARSET: (b"abc", "text/plain", {"charset": "x-klingon"}),
    Reason.INVALID_JSON: (b'{"body": "x", "body": "y"}', "application/json", {}),
    Reason.INVALID_SHAPE: (of([{"body": FIRST}, {"body": FIRST, "published_at": "x"}]), "application/json", {}),
    Reason.NO_ARTICLE: (of([{"body": " "}]), "application/json", {}),
    Reason.TOO_MANY_ARTICLES: (of([{"body": "x"}] * 501), "application/json", {}),
    Reason.ARTICLE_TOO_LARGE: (of({"body": "word " * 239_999 + "words"}), "application/json", {}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_the_example_of_a_reason_is_refused_with_that_detail(reason: Reason) -> None:
    body, content_type, headers = REFUSED[reason]
    with pytest.raises(Rejected) as refused:
        outcome(body, content_type, **headers)
    stage, _, detail = REASONS[reason.value]
    assert stage == "clean"
    assert refused.value.reason is reason
    assert refused.value.detail == detail
