"""Identity of articles: what must not change an id, and what must."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lodestream.clean import Document, Limits, clean
from lodestream.clean.ids import canonical_url, main_id, part_id
from lodestream.records import ArticleFields, Lineage

ADDRESS = "https://www.example.org/2025/storm?id=7&b=2"


@pytest.mark.parametrize(
    "same",
    [
        "http://example.org/2025/storm?b=2&id=7",
        "HTTPS://WWW.Example.ORG:443/2025/storm?id=7&b=2",
        "https://m.example.org/2025/storm/?id=7&b=2#comments",
        "https://amp.example.org/2025/storm?id=7&b=2&utm_source=x&utm_medium=y&fbclid=z&gclid=1",
        "https://www.example.org/amp/2025/storm?id=7&b=2",
        "https://www.example.org/2025/storm/amp/?b=2&id=7&amp=1&outputType=amp",
        "https://www.example.org/2025/%73torm?id=7&b=2",
        " https://www.example.org/2025/storm?id=7&b=2 ",
    ],
)
def test_addresses_of_one_page_are_one(same: str) -> None:
    assert canonical_url(same) == canonical_url(ADDRESS) == "//example.org/2025/storm?b=2&id=7"


@pytest.mark.parametrize(
    "other",
    [
        "https://www.example.org/2025/storm?id=8&b=2",
        "https://www.example.org/2025/Storm?id=7&b=2",
        "https://www.example.org:8080/2025/storm?id=7&b=2",
        "https://news.example.org/2025/storm?id=7&b=2",
        "https://www.example.org/2025?id=7&b=2",
    ],
)
def test_addresses_of_other_pages_differ(other: str) -> None:
    assert canonical_url(other) != canonical_url(ADDRESS)


@pytest.mark.parametrize(
    "text", ["", "x", "/a", "ftp://a.b/c", "http://", "http://[::1", "http://a.b:99999/", "mailto:a@b.c"]
)
def test_what_is_no_web_address(text: str) -> None:
    assert canonical_url(text) is None


def test_an_address_with_a_host_of_two_parts_keeps_it() -> None:
    assert canonical_url("https://m.de/") == "//m.de/"
    assert canonical_url("https://www.de/") == "//www.de/"


@example("a", "bc", "ab", "c")
@given(st.text(), st.text(), st.text(), st.text())
def test_parts_of_an_identity_do_not_run_together(
    site: str, document: str, other_site: str, other_document: str
) -> None:
    same = (site, document) == (other_site, other_document)
    assert (main_id(site, None, document) == main_id(other_site, None, other_document)) == same


@given(st.text(), st.text(), st.integers(0, 9))
def test_ids_are_32_hex_digits(text: str, headline: str, ordinal: int) -> None:
    for identity in (main_id(text, text, text), part_id(text, text, headline, ordinal)):
        assert len(identity) == 32
        assert set(identity) <= set(string.hexdigits.lower())


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    for url in (text, f"http://{text}", f"https://a.b/{text}", f"https://a.b/?{text}"):
        first = canonical_url(url)
        assert first is None or canonical_url(f"http:{first}") == first


HEAD = "The Star\n1 hour ago\n- The Star\n"
MAIN = "Storm closes the bridge\nThe bridge over the sound was closed on Friday because of the wind.\n" * 2


def cleaned(page: str, **headers: str) -> list[ArticleFields]:
    document = Document(page.encode(), "text/plain", **{"document_id": "d", "site": "s", **headers})
    lineage = Lineage(topic="raw", partition=0, offset=0)
    return clean(document, limits=Limits(), lineage=lineage, ingested_at="x")


def ids(page: str, **headers: str) -> list[str]:
    return [article["article_id"] for article in cleaned(page, **headers)]


def item(headline: str, text: str) -> str:
    return f"{HEAD}{headline}\n{text}\n"


def test_a_main_article_is_known_by_its_address_and_else_by_its_document() -> None:
    assert ids(MAIN, url=ADDRESS) == ids(MAIN, url=ADDRESS + "#x", document_id="e")
    assert ids(MAIN, url=ADDRESS) != ids(MAIN, url=ADDRESS, site="t")
    assert ids(MAIN) != ids(MAIN, document_id="e")
    assert ids(MAIN) == ids(MAIN + "And more of the text stands here now, as the story goes on.\n")


def test_a_changing_box_does_not_hand_an_id_to_another_article() -> None:
    first, second = (
        item("Pool closes", "The pool will be closed until March."),
        item("Tram stays", "The tram will stay, they say."),
    )
    assert ids(MAIN + first + second)[1:] == ids(MAIN + second + first)[:0:-1]
    assert ids(MAIN + second)[1] == ids(MAIN + first + second)[2]


def test_equal_headlines_are_told_apart_by_their_order() -> None:
    page = (
        MAIN
        + item("Pool closes", "The pool will be closed until March.") * 2
        + item("POOL  closes", "It is closed, they say.")
    )
    found = ids(page)
    assert len(set(found)) == 4
    assert found == ids(page)


def test_the_text_key_is_of_the_body_alone() -> None:
    (article,) = cleaned(MAIN)
    (other,) = cleaned(MAIN.replace("of the wind", "of the ice"), url=ADDRESS)
    assert article["text_key"] != other["text_key"]
    (one,) = cleaned("Storm closes the bridge\n" + MAIN.split("\n")[1])
    (two,) = cleaned("Gale shuts the bridge\n" + MAIN.split("\n")[1])
    assert one["text_key"] == two["text_key"]
