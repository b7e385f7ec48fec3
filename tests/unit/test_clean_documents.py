"""Intake: what a document must be, and the one reason for which a bad one is refused."""

from __future__ import annotations

from typing import Any, Final

import pytest

from lodestream.clean import Document, Limits, clean
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage

TEXT: Final = (
    "Storm closes the bridge\nThe bridge over the sound was closed on Friday because of the wind, says Malmö port.\n"
)


def cleaned(body: bytes, content_type: str | None = "text/plain", **headers: Any) -> list[ArticleFields]:
    limits = headers.pop("limits", Limits())
    document = Document(body, content_type, **{"document_id": "a/1.txt", "site": "example", **headers})
    lineage = Lineage(topic="raw", partition=3, offset=7)
    return clean(document, limits=limits, lineage=lineage, ingested_at="2025-07-04T12:00:00.000Z")


def reason(body: bytes, content_type: str | None = "text/plain", **headers: Any) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as refused:
        cleaned(body, content_type, **headers)
    return refused.value.reason, refused.value.detail


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "wanted", "detail"),
    [
        (b"", "text/plain", {}, Reason.EMPTY_DOCUMENT, "white space"),
        (b" \n\t\r\n\x00 ", "text/plain", {}, Reason.EMPTY_DOCUMENT, "white space"),
        ("\u200b\ufeff\u00ad".encode(), "text/plain", {}, Reason.EMPTY_DOCUMENT, "visible"),
        ("\u00a0 \u2003".encode(), "text/plain", {}, Reason.EMPTY_DOCUMENT, "visible"),
        (
            b"x" * 11,
            "text/plain",
            {"limits": Limits(document_bytes=10)},
            Reason.DOCUMENT_TOO_LARGE,
            "11 bytes, limit 10",
        ),
        (b"x", None, {}, Reason.UNKNOWN_CONTENT_TYPE, "text/plain"),
        (b"x", "", {}, Reason.UNKNOWN_CONTENT_TYPE, "text/plain"),
        (b"<p>x</p>", "text/html; charset=utf-8", {}, Reason.NO_ARTICLE, "no running text"),
        (b"\xff" * 50, "text/html; charset=euc-jp", {}, Reason.NO_ARTICLE, ""),  # all readable, as Latin 1
        (b"x", "application/pdf", {}, Reason.UNKNOWN_CONTENT_TYPE, "application/pdf"),
        (b"x", "text/plain", {"document_id": None}, Reason.MISSING_HEADER, "document-id"),
        (b"x", "text/plain", {"document_id": ""}, Reason.MISSING_HEADER, "document-id"),
        (b"x", "text/plain", {"site": None}, Reason.MISSING_HEADER, "site"),
        (b"abc \xff\xfe", "text/plain", {}, Reason.NOT_UTF8, "byte 4"),
        (b"abc \xe9", "text/plain; charset=UTF-8", {}, Reason.NOT_UTF8, "byte 4"),
        (b"\xff" * 50, "text/plain", {"charset": "euc-jp"}, Reason.NOT_UTF8, "euc-jp"),
        (b"abc", "text/plain", {"charset": "x-klingon"}, Reason.UNKNOWN_CHARSET, "x-klingon"),
        (b"abc", "text/plain; charset=rot13", {}, Reason.UNKNOWN_CHARSET, "rot13"),
        (b"abc", "text/plain; charset=unicode_escape", {}, Reason.UNKNOWN_CHARSET, "unicode_escape"),
        (b"Home\nNews\nSport\nLogin\n", "text/plain", {}, Reason.NO_ARTICLE, "4 lines"),
        (b"Storm closes the bridge", "text/plain", {}, Reason.NO_ARTICLE, "1 lines"),
        (b"a\n" * 20_001, "text/plain", {}, Reason.DOCUMENT_TOO_LARGE, "20000 lines"),
        (b"{", "application/json", {}, Reason.INVALID_JSON, "line 1"),
        (b"[" * 100_000, "application/json", {}, Reason.INVALID_JSON, ""),
        (b'{"a":' * 50_000, "application/json", {}, Reason.INVALID_JSON, ""),
        (rb'{"body": "\ud800"}', "application/json", {}, Reason.INVALID_JSON, ""),
        (b'{"body": NaN}', "application/json", {}, Reason.INVALID_JSON, ""),
        (b"[]", "application/json", {}, Reason.NO_ARTICLE, "empty list"),
        (
            b"[{}, {}]",
            "application/json",
            {"limits": Limits(articles=1)},
            Reason.TOO_MANY_ARTICLES,
            "2 articles, limit 1",
        ),
    ],
)
def test_a_bad_document_is_refused_for_its_reason(
    body: bytes, content_type: str | None, headers: dict[str, Any], wanted: Reason, detail: str
) -> None:
    found, text = reason(body, content_type, **headers)
    assert found is wanted
    assert detail in text


def test_a_body_above_the_limit_is_refused() -> None:
    body = ("Storm closes the bridge\n" + "The bridge over the sound was closed on Friday. " * 30).encode()
    assert reason(body, limits=Limits(article_bytes=1000))[0] is Reason.ARTICLE_TOO_LARGE
    assert len(cleaned(body, limits=Limits(article_bytes=2000))) == 1


def test_a_page_of_more_articles_than_the_limit_is_refused() -> None:
    head = "\nThe Star\n1 hour ago\n- The Star\nPool closes for repairs\n"
    item = f"{head}The pool will be closed until March, says the city.\n"
    page = (TEXT * 2 + item * 5).encode()
    assert reason(page, limits=Limits(articles=5)) == (Reason.TOO_MANY_ARTICLES, "6 articles, limit 5")
    assert len(cleaned(page, limits=Limits(articles=6))) == 6


@pytest.mark.parametrize(
    ("codec", "headers"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("utf-8-sig", {"charset": "latin-1"}),  # the mark wins over the label
        ("utf-16", {}),
        ("utf-32", {}),
        ("utf-16-be", {"charset": "UTF-16BE"}),
        ("cp1252", {"charset": "ISO-8859-1"}),
        ("cp1252", {"content_type": 'text/plain; format=flowed; charset="windows-1252"'}),
        ("iso8859-15", {"charset": "iso_8859-15"}),
        ("gb18030", {"charset": "gb2312"}),
    ],
)
def test_charsets_and_byte_order_marks_are_honoured(codec: str, headers: dict[str, Any]) -> None:
    (article,) = cleaned(TEXT.encode(codec, "replace"), **headers)
    assert article["body"].endswith("says Malmö port.")


def test_a_wrong_byte_in_a_declared_charset_does_not_lose_the_page() -> None:
    (article,) = cleaned(
        TEXT.encode("cp1252") * 2 + b"\x81 It is one byte that no letter has, and no more than that.", charset="latin1"
    )
    assert "It is one byte" in article["body"]


def test_control_characters_and_zero_width_spaces_are_dropped_and_joiners_kept() -> None:
    name = "\u0645\u06cc\u200c\u062e\u0648"
    page = f"Storm\x00 clo\u00adses the bri\u200bdge\nThe bri\x07dge was closed on Friday, say {name} and others.\n"
    (article,) = cleaned(page.encode())
    assert article["headline"] == "Storm closes the bridge"
    assert article["body"] == f"The bridge was closed on Friday, say {name} and others."


def test_a_record_says_where_it_came_from() -> None:
    (article,) = cleaned(TEXT.encode(), url="https://www.example.org/a", fetched_at="2025-07-04T14:00:00+02:00")
    assert article["lineage"] == {"topic": "raw", "partition": 3, "offset": 7}
    assert article["document_id"] == "a/1.txt"
    assert article["source"] == {"name": None, "site": "example"}
    assert article["url"] == "https://www.example.org/a"
    assert article["fetched_at"] == "2025-07-04T12:00:00.000Z"
    assert article["ingested_at"] == "2025-07-04T12:00:00.000Z"
    assert (article["schema"], article["version"]) == ("lodestream.article/1", 1)
    assert article["word_count"] == 16
    assert len(article["text_key"]) == 32


@pytest.mark.parametrize(
    "fetched_at", ["", "yesterday", "2025-07-04", "2025-07-04T12:00:00", "9999-12-31T23:59:59-14:00"]
)
def test_a_fetch_time_that_is_none_is_as_if_there_were_none(fetched_at: str) -> None:
    (article,) = cleaned(TEXT.encode(), fetched_at=fetched_at)
    assert article["fetched_at"] is None


def test_a_time_after_the_fetch_is_the_fetch_time_and_inferred() -> None:
    page = TEXT.replace("\n", "\n5 July 2025 09:00 UTC\n", 1)
    (article,) = cleaned(page.encode(), fetched_at="2025-07-04T12:00:00Z")
    assert (article["published_at"], article["published_from"]) == ("2025-07-04T12:00:00.000Z", "inferred")
    assert article["published_raw"] == "5 July 2025 09:00 UTC"
