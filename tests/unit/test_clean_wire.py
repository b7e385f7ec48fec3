"""Cleaning in another process gives what cleaning here gives, and no document with markup is cleaned here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import documents
from lodestream.agents.clean import PARSER, CleanStep
from lodestream.clean import Document, Limits, clean
from lodestream.clean.document import _CHARSETS
from lodestream.clean.html import running
from lodestream.clean.learned import Memory
from lodestream.clean.wire import clean_packed, pack, runs_parser, unpack
from lodestream.engine.sandbox import Sandbox
from lodestream.engine.step import Record
from lodestream.errors import Rejected
from lodestream.headers import Header, Headers
from lodestream.records import ArticleFields, Lineage

SEEDS = Path(__file__).parents[2] / "seeds"
LINEAGE = Lineage(topic="p.raw", partition=3, offset=2**40)
AT = "2026-05-28T20:26:40.000Z"
LIMITS = Limits(document_bytes=200_000, article_bytes=50_000, articles=20)
MARKUP = (
    "<p>LONDON, Jan 3 (Reuters) - The bridge was <b>closed</b> &amp; opened again.</p><script>x()</script>"
    "<figure><img src=a><figcaption>The bridge</figcaption></figure><p>“It will stay open”, the port said.<p>Second."
    "<aside>Read more</aside><p>Reporting by A. Reporter</p>"
)
Fate = list[ArticleFields] | tuple[str, str]


def json_document(value: Any, **headers: Any) -> Document:
    known = {"document_id": "feed/7 ü", "site": "one.example", "fetched_at": "2026-05-28T12:00:00Z", **headers}
    return Document(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), "application/json", **known)


def samples() -> Iterator[Document]:
    for page in sorted(SEEDS.glob("*.txt")):
        lines = "".join(f"<p>{line}</p>\n" for line in page.read_text().splitlines())
        yield json_document({"title": page.stem, "html": lines, "source": {"name": "A \u2028 Paper"}})
    for each in documents(120, seed=23):
        said = {name: value.decode() for name, value in each.headers}
        yield Document(each.value, said[Header.CONTENT_TYPE], said[Header.DOCUMENT_ID], said[Header.SITE])
    yield json_document({"html": MARKUP, "authors": ["A", "B"], "published_at": "2026-05-01T10:00:00+02:00"})
    yield json_document([{"html": MARKUP}, {"body": "plain"}, {"text": "x", "id": 2**53}], url="https://a.example/1")
    yield json_document({"html": 7})
    yield json_document({"html": "<script>nothing</script>"})
    yield json_document([{"html": MARKUP}] * 21)
    yield json_document({"html": f"<p>{'word ' * 20_000}"})
    yield json_document({"html": "x", "published_at": "yesterday"}, charset="no-such-charset")
    yield json_document({"html": "\ud800 lone"})
    yield Document(b'{"html": "caf\xe9', "application/json", "a\ufffd", "s")
    yield Document(json.dumps({"html": MARKUP}).encode("utf-16"), "application/json; charset=utf-16", "a", "s")


def here(document: Document) -> Fate:
    try:
        return clean(document, limits=LIMITS, lineage=LINEAGE, ingested_at=AT)
    except Rejected as rejected:
        return rejected.reason.value, rejected.detail


def packed(document: Document) -> Fate:
    try:
        return unpack(clean_packed(pack(document, limits=LIMITS, lineage=LINEAGE, ingested_at=AT)))
    except Rejected as rejected:
        return rejected.reason.value, rejected.detail


def test_articles_and_reasons_travel_unchanged() -> None:
    fates = [(here(document), packed(document)) for document in samples()]
    for local, travelled in fates:
        assert travelled == local
        assert json.dumps(travelled) == json.dumps(local), "the order of the fields too"
    assert {fate if isinstance(fate, str) else "articles" for fate, *_ in (local for local, _ in fates)} >= {
        "not_utf8",
        "empty_document",
        "invalid_shape",
        "no_article",
        "too_many_articles",
        "article_too_large",
        "unknown_charset",
    }


def record(document: Document, offset: int) -> Record:
    said = {
        Header.CONTENT_TYPE: document.content_type,
        Header.DOCUMENT_ID: document.document_id,
        Header.SITE: document.site,
        Header.URL: document.url,
        Header.FETCHED_AT: document.fetched_at,
        Header.CHARSET: document.charset,
    }
    headers: Headers = tuple((name, value.encode()) for name, value in said.items() if value is not None)
    return Record("p.raw", 0, offset, b"k", document.body, headers, 1_780_000_000_000, 1_780_000_000_000)


def test_the_agent_writes_the_same_bytes_with_a_child_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(document, offset) for offset, document in enumerate(samples())]
    sandbox = Sandbox(PARSER, seconds=20, memory_bytes=512 << 20)
    with_child = CleanStep(LIMITS, sandbox, Memory(1, 100)).process(records)
    assert sandbox.pid is not None, "some of them have markup"
    sandbox.close()
    monkeypatch.setattr("lodestream.agents.clean.runs_parser", lambda *_: False)
    without = CleanStep(LIMITS, sandbox, Memory(1, 100)).process(records)
    assert sandbox.pid is None
    assert len(with_child) == len(without)
    for one, other in zip(with_child, without, strict=True):
        if isinstance(one, Rejected):
            assert isinstance(other, Rejected)
            assert (one.reason, one.detail) == (other.reason, other.detail)
        else:
            assert one == other


MARK = st.sampled_from(
    ["<p>some text</p>", "some<br>text", "&lt;p>some text&lt;/p>", "&#60;p>x&#0060;/p>", "&#x3C;p>x</p>"]
)
INVISIBLE = ["", "\u200b", "\u00ad", "\x01", "\u2060", "\ufeff", "\ufffb"]
CHARSETS = [
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-32",
    "cp1252",
    "gb18030",
    "shift_jis",
    "euc-jp",
    "iso2022-jp",
    "koi8-r",
]


@given(st.data(), MARK, st.sampled_from(["html", "body", "content_html", "description"]), st.sampled_from(CHARSETS))
@settings(max_examples=600)
def test_a_document_whose_markup_is_parsed_never_stays_here(
    data: st.DataObject, markup: str, name: str, charset: str
) -> None:
    """However it is written: with escapes, and with characters in it that are taken out before it is read."""

    def hidden(letter: str) -> str:
        before = data.draw(st.sampled_from(INVISIBLE))
        if before and data.draw(st.booleans()):
            before = f"\\u{ord(before):04x}"
        code = data.draw(st.sampled_from([letter] * 4 + [f"\\u{ord(letter):04x}", f"\\u{ord(letter):04X}"]))
        if len(code) > 1 and data.draw(st.booleans()):  # inside the escape
            at = data.draw(st.integers(1, 5))
            code = code[:at] + data.draw(st.sampled_from(["", "\u200b", "\x01"])) + code[at:]
        return before + code

    text = f'{{"{name}": "{"".join(map(hidden, markup))}"}}'
    content_type = f"application/json; charset={charset.removesuffix('-le')}".replace("iso2022", "iso-2022")
    document = Document(text.encode(charset, "ignore"), content_type, "a", "s")
    asked: list[str] = []

    def parse(markup: str) -> list[running.Block]:
        asked.append(markup)
        return [running.Block("parsed")]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "blocks", parse)
        articles = here(document)
    assert isinstance(articles, list), articles
    if asked:
        assert runs_parser(document, LIMITS)
    assert asked or charset != "utf-8" or not markup.startswith("<p"), "the reader has no eye for markup any more"


def test_in_the_charsets_that_are_read_an_ascii_character_is_its_byte() -> None:
    for codec in set(_CHARSETS.values()) - {"utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso2022-jp"}:
        for byte in range(256):
            for context in (b"", b"\x81", b"\x84\x31\x95"):
                text = (context + bytes([byte])).decode(codec, "replace")
                assert all(byte == ord(sign) for sign in "<&\\" if text.endswith(sign)), (codec, byte)


@pytest.mark.parametrize(
    ("document", "apart"),
    [
        (Document(b'plain <p>text</p> with "html": 1', "text/plain", "a", "s"), False),
        (json_document({"body": "a text about html and \u00e9", "url": "https://a.example/index.html"}), False),
        (json_document({"html": "<p>x"}), True),
        (json_document({"body": "one<br>two"}), True),
        (json_document({"html": "no tag &amp; no parser"}), False),
        (json_document({"body": 'he said "html" aloud, R&D, 3 < 4 and 5 > 4; &amp; \n &ldquo;x&#8221;'}), False),
        (Document(b'{"body": "one\\u2019s text"}', "application/json", "a", "s"), False),
    ],
)
def test_plain_text_and_articles_without_markup_stay_here(document: Document, apart: bool) -> None:  # noqa: FBT001
    assert runs_parser(document, LIMITS) is apart
    if not apart:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running, "blocks", lambda _: pytest.fail("a parser ran"))
            here(document)


def test_what_is_refused_for_its_headers_or_its_size_is_refused_here() -> None:
    large = json_document({"html": "x" * LIMITS.document_bytes})
    for document in (large, replace(json_document({"html": "x"}), site=" ")):
        with pytest.raises(Rejected):
            runs_parser(document, LIMITS)
