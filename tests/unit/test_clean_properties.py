"""Any bytes at all give articles or one reason, in work that grows with the length."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestream.clean import Document, Kind, Limits, clean
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields, Lineage, encode

SEEDS: Final = [path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "seeds").glob("*.txt"))]
LINES: Final = sorted({line for page in SEEDS for line in page.split("\n") if len(line) < 300})
TRICKY: Final = [
    "13 minutes ago",
    "- Straits Times",
    "Related Articles",
    "Read more",
    "Comments",
    "Top stories Swipe. Select. Stay informed. World A b c d",
    "Sign up now: Get it delivered to your inbox",
    "Infographic: fooBar",
    "said.Weiter zum vollständigen Artikel bei X",
    "TOKYO - ",
    "REUTERS",
    "© AFP",
    "Additional reporting by A B",
    "We use cookies.",
    "01.06.25 15:06 Uhr",
    "Photo: AP",
    "Bild genererad av AI",
    "By A B",
    "Quelle: X",
    "İstanbul İİİ ßẞ",
    "\x00\x1b",
    "\u202e\u2066",
    "a\u0301" * 20,
    "",
    " ",
    "\u00a0",
]
pages = st.lists(st.one_of(st.sampled_from(LINES), st.sampled_from(TRICKY), st.text(max_size=60)), max_size=40).map(
    "\n".join
)
junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=20),
        st.sampled_from(TRICKY),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["id", "url", "source", "title", "body", "text", "html", "published_at", "language", "authors"]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=12,
)


def outcome(body: bytes, content_type: str, **headers: Any) -> list[ArticleFields] | Rejected:
    known = {"document_id": "d", "site": "s", "fetched_at": "2025-07-04T12:00:00Z", **headers}
    document = Document(body, content_type, **known)
    lineage = Lineage(topic="raw", partition=0, offset=0)
    try:
        return clean(document, limits=Limits(), lineage=lineage, ingested_at="x")
    except Rejected as rejected:
        return rejected


def check(found: list[ArticleFields] | Rejected) -> None:
    if isinstance(found, Rejected):
        assert isinstance(found.reason, Reason)
        return
    assert orjson.loads(encode(found)) == found
    assert [(article["position"], article["of"]) for article in found] == [(at, len(found)) for at in range(len(found))]
    assert len({article["article_id"] for article in found}) == len(found) or found[0]["role"] == "main"
    for article in found:
        assert article["body"].strip()
        assert {piece["kind"] for piece in article["removed"]} <= {kind.value for kind in Kind}
        assert (article["published_at"] is None) == (article["published_precision"] == "none")


@given(
    st.binary(max_size=400),
    st.sampled_from(["text/plain", "application/json"]),
    st.sampled_from([None, "utf-16", "gbk", "latin1"]),
)
def test_any_bytes_give_articles_or_one_reason(body: bytes, content_type: str, charset: str | None) -> None:
    check(outcome(body, content_type, charset=charset))


@given(pages)
@settings(max_examples=300)
def test_any_lines_give_articles_or_one_reason(page: str) -> None:
    check(outcome(page.encode("utf-8", "replace"), "text/plain"))


@given(junk)
@settings(max_examples=300)
def test_any_json_gives_articles_or_one_reason(value: Any) -> None:
    check(
        outcome(
            orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS) if fits(value) else b"1",
            "application/json",
        )
    )


def fits(value: Any) -> bool:
    """Whether orjson writes it: whole numbers of 64 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**64
    if isinstance(value, dict):
        return all(map(fits, value.values()))
    return all(map(fits, value)) if isinstance(value, list) else True


@given(pages)
@settings(max_examples=300)
def test_every_visible_character_is_in_exactly_one_place(page: str) -> None:
    body = page.encode("utf-8", "replace")
    found = outcome(body, "text/plain")
    if isinstance(found, Rejected):
        return
    placed: Counter[str] = Counter()
    for article in found:
        texts = [article["headline"], article["standfirst"], article["dateline"]["raw"], article["body"]]
        for text in [*texts, *(piece["text"] for piece in article["removed"])]:
            placed += visible(text or "")
    assert placed == visible(body.decode())


def visible(text: str) -> Counter[str]:
    dropped = set("\u00ad\u200b\u2060\ufeff\ufffe\uffff\ufff9\ufffa\ufffb")
    return Counter(
        character
        for character in text
        if not character.isspace()
        and character not in dropped
        and not (ord(character) < 0xA0 and not character.isprintable())
    )


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_headers_give_articles_or_one_reason(document_id: str, site: str, url: str, fetched_at: str) -> None:
    headers = {"document_id": document_id, "site": site, "url": url, "fetched_at": fetched_at}
    check(outcome(SEEDS[3].encode(), "text/plain", **headers))


def test_lone_surrogates_in_headers_are_dropped() -> None:
    found = outcome(SEEDS[3].encode(), "text/plain", document_id="d\ud800", site="s\udfff", url="http://a.b/\ud800")
    check(found)
    assert not isinstance(found, Rejected)
    assert found[0]["document_id"] == "d"


HOSTILE: Final = [
    "a",
    "\n",
    "ab\n",
    ". ",
    ".A",
    '."A',
    "Word. ",
    "Some words that go on, and\n",
    "Related Articles\n",
    "13 minutes ago\n",
    "The Star\n13 minutes ago\n- The Star\nHeadline of the item here\nBody of the item, as it goes, is here.\n",
    "A headline of some six words\n3 hours ago\nA teaser of the article, which has some words.\n",
    "said. Top stories World A B c d e ",
    "Most read ",
    "Subscribe now. ",
    ".Infographic: x",
    "said. Read more: Abc def ghi jkl ",
    "Copyright The ",
    ". Reporting by A B",
    "TOKYO - ",
    "AAAA ",
    "3 July 2025 ",
    "We use cookies.\n",
    "Comments\nA\n2 hours ago\nx y z\n",
    "关税",
    "关税。",
    "\u0130",
    "a\u0301",
    "A man walks by the river in the rain.\nPhoto: AP\n",
    "Bild genererad av AI\n",
    "said. REUTERS\n",
    "The same words of an article go on here, as ever.\nFive same words of article\n",
    "Short line of a list here\nA body text that ends in a stop and is long enough.\n",
    "vor 5 Stunden\nheute, 08:12 Uhr\n",
    "The bank raised its rate. The Associated Press contributed to this report.\n",
    "The bank raised its rate on Monday. Photo: John Roe\n",
    "- Politics\n",
    "Talks go on.\n",
    "A. B. ",
    "Some text of the article goes on here, as ever.\nName Here\n3 July 2025\n",
    "Read more\nA headline of some six words\nThe text goes on and on here, as ever.\n",
]
START: Final = "Headline of the page here\n\n" + "The text of the page is here, and it has more than six words.\n" * 12


@pytest.mark.parametrize(
    "start", ["", START, f"{START}Related Articles\n"], ids=["alone", "in an article", "below a heading"]
)
@pytest.mark.parametrize("unit", HOSTILE)
def test_twice_the_length_is_about_twice_the_work(unit: str, start: str) -> None:
    """Counts calls of Python functions, not time: at most 2.6 times as many, some hundreds aside."""
    count = 6000 // len(unit) + 50
    once, twice = (calls(start + unit * (count * times)) for times in (1, 2))
    assert twice <= 2.6 * once + 500


def calls(page: str) -> int:
    """How many Python functions are called in cleaning a page."""
    counted = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    body = page.encode()
    sys.setprofile(count)
    try:
        outcome(body, "text/plain")
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_large_document_is_taken_or_refused(unit: str) -> None:
    """A pattern that backtracks, or work that grows with the square, would not come back from this."""
    body = (unit * (400_000 // len(unit.encode()) + 1)).encode()
    check(outcome(body, "text/plain"))
