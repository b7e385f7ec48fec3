"""JSON documents: one article or a list of articles.

An article: `{id?, url?, source?, title?, body | text | html, published_at?, language?, authors?}`. Other keys are
ignored. A source is a name, or an object with one. A list with one bad item is refused whole; the detail names the
item by its path.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from lodestream.clean import ids, language
from lodestream.clean.articles import Context, Published, not_after, record, resolve
from lodestream.clean.document import Limits, visible
from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields import edges
from lodestream.clean.html import running
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import read_lines
from lodestream.clean.times.time_lines import parse
from lodestream.clean.words.patterns import cues
from lodestream.errors import Reason, Rejected
from lodestream.records import ArticleFields

_KINDS: Final = {"figure": Kind.CAPTION, "nav": Kind.MENU, "math": Kind.WIDGET, "svg": Kind.WIDGET}
"""What the text of an element is that is no paragraph; of others it is of the interface."""
_BODIES: Final = ("body", "text", "html")


def read_json(text: str, context: Context, limits: Limits) -> list[ArticleFields]:
    """The articles of a JSON document, in its order. Raises `Rejected`."""
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Rejected(Reason.INVALID_JSON, f"{error.msg[:80]}: line {error.lineno} column {error.colno}") from None
    if not isinstance(decoded, list):
        return [_article(decoded, context, "", 0, 1, limits=limits)]
    if not decoded:
        raise Rejected(Reason.NO_ARTICLE, "an empty list")
    if len(decoded) > limits.articles:
        raise Rejected(Reason.TOO_MANY_ARTICLES, f"{len(decoded)} articles, limit {limits.articles}")
    of = len(decoded)
    return [_article(item, context, f"[{number}]", number, of, limits=limits) for number, item in enumerate(decoded)]


def _article(item: Any, context: Context, path: str, position: int, of: int, *, limits: Limits) -> ArticleFields:
    if not isinstance(item, dict):
        raise Rejected(Reason.INVALID_SHAPE, f"{path or 'document'}: not an object")
    reader = _Reader(item, path)
    default_id = context.document_id if of == 1 and not path else f"{context.document_id}#{position}"
    document_id = reader.identifier("id") or default_id
    url = reader.text("url")
    if url is not None and ids.canonical_url(url) is None:
        raise Rejected(Reason.INVALID_SHAPE, f"{reader.at('url')}: not a URL")
    if url is None and not path:
        url = context.url
    draft = Draft(headline=reader.text("title"), publisher=reader.source(), byline=reader.names("authors"))
    _read_body(reader, draft, limits)
    body = "\n\n".join(paragraph.text for paragraph in draft.paragraphs)
    if not body:
        raise Rejected(Reason.NO_ARTICLE, f"{path or 'document'}: no text")
    own = Context(document_id, context.site, url, context.fetched_at, context.ingested_at, context.lineage)
    return record(
        draft,
        body,
        own,
        article_id=ids.main_id(context.site, url, document_id),
        url=url,
        position=position,
        of=of,
        language_code=reader.language() or language.detect(body),
        published=_published(reader, draft, context),
    )


def _read_body(reader: _Reader, draft: Draft, limits: Limits) -> None:
    """Paragraphs, and the fields that a text carries at its ends."""
    name, text = reader.body()
    if name == "html":
        for at, block in enumerate(running.blocks(text)):
            if block.element is None:
                draft.paragraphs.append(Paragraph(block.text, at))
            else:
                draft.cut(at, _KINDS.get(block.element, Kind.INTERFACE), block.text)
    else:
        most = limits.article_bytes // 2  # each has a byte and a space at least
        lines = read_lines(text, most)
        if lines is None:
            raise Rejected(Reason.ARTICLE_TOO_LARGE, f"{reader.at(name)}: more than {most} lines")
        draft.paragraphs = [Paragraph(line.text, line.number) for line in lines]
    first = draft.paragraphs[0] if draft.paragraphs else None
    if first is not None and len(draft.paragraphs) > 1 and draft.headline is not None and first.text == draft.headline:
        draft.cut(first.line, Kind.TITLE, first.text)
        draft.paragraphs.pop(0)
    if draft.paragraphs:
        draft.paragraphs[-1].cues = {cue: [(start, end)] for cue, start, end in cues(draft.paragraphs[-1].text.lower())}
    edges.read_ends(draft)
    edges.read_starts(draft)
    draft.cuts.sort(key=lambda cut: cut.at)


def _published(reader: _Reader, draft: Draft, context: Context) -> Published:
    """As the record states it (`header`), else as the text prints it."""
    raw = reader.text("published_at")
    if raw is None:
        return resolve(draft.times, context.fetched_at, None)
    time = parse(raw)
    if time is None or time.at is None:
        raise Rejected(Reason.INVALID_SHAPE, f"{reader.at('published_at')}: not a time")
    return not_after(Published(time.at, time.precision, "header", raw), context.fetched_at)


class _Reader:
    """The fields of one object, each checked; a wrong one is refused with its path."""

    def __init__(self, item: dict[str, Any], path: str) -> None:
        self._item, self._path = item, path

    def at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def text(self, name: str) -> str | None:
        """A string on one line; None when it is missing, null or blank."""
        value = self._item.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise Rejected(Reason.INVALID_SHAPE, f"{self.at(name)}: not a string")
        return " ".join(visible(value).split()) or None

    def identifier(self, name: str) -> str | None:
        """A string or a whole number."""
        value = self._item.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None and not isinstance(value, str):  # the parser makes a float of a longer one
            raise Rejected(Reason.INVALID_SHAPE, f"{self.at(name)}: neither a string nor a whole number of 64 bits")
        return self.text(name)

    def source(self) -> str | None:
        """A string, or an object with a name, as our own records have it."""
        value = self._item.get("source")
        return _Reader(value, self.at("source")).text("name") if isinstance(value, dict) else self.text("source")

    def names(self, name: str) -> list[str]:
        """A list of names, or one as a string."""
        value = self._item.get(name)
        if isinstance(value, list):
            if not all(isinstance(entry, str) for entry in value):
                raise Rejected(Reason.INVALID_SHAPE, f"{self.at(name)}: not a list of strings")
            cleaned = (" ".join(visible(entry).split()) for entry in value)
            return list(dict.fromkeys(entry for entry in cleaned if entry))
        one = self.text(name)
        return [] if one is None else [one]

    def language(self) -> str | None:
        """The language code; None when none is given or what is given is no language tag."""
        tag = self.text("language")
        return None if tag is None else language.stated(tag)

    def body(self) -> tuple[str, str]:
        """The first of `body`, `text`, `html` that holds something, and its name."""
        present = [name for name in _BODIES if self._item.get(name) is not None]
        if not present:
            raise Rejected(Reason.INVALID_SHAPE, f"{self.at('body')}: missing (body, text or html)")
        for name in present:
            value = self._item[name]
            if not isinstance(value, str):
                raise Rejected(Reason.INVALID_SHAPE, f"{self.at(name)}: not a string")
            if value.strip():
                return name, visible(value)
        return present[0], ""
