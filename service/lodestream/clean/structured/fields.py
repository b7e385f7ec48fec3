"""The fields of one article object, each checked; a wrong one is refused with its path.

What a field may be called is a closed list. Of several names for a field the first that says something counts, but no
text is lost to that: other headlines are handed out too, and so are other summaries; and two texts of which neither
holds the other are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from lodestream.clean import ids, language
from lodestream.clean.document import visible
from lodestream.clean.fields.bylines import byline_names, is_byline
from lodestream.clean.structured import bodies
from lodestream.clean.times import time_lines
from lodestream.clean.times.dates import PrintedTime
from lodestream.errors import Reason, Rejected

TEXTS: Final = ("body", "text", "content", "maintext", "articleBody", "content_text")
"""Names of an article's text. Any of them may hold markup (`bodies.py`)."""
MARKUPS: Final = ("html", "content_html")
"""Names of the same as HTML; read where there is no text."""
SUMMARIES: Final = ("standfirst", "description", "summary", "excerpt")
"""Names of a summary; the text of an article that has no other."""
TITLES: Final = ("title", "headline")
URLS: Final = ("url", "link", "canonical_url", "canonical_link")
ADDRESSED: Final = "mainEntityOfPage"  # an address too, or the id of a page: passed over where it is no address
SOURCES: Final = ("source", "publisher", "source_name", "site_name", "sitename", "source_domain", "domain")
AUTHORS: Final = ("authors", "author", "byline", "creator")
TIMES: Final = (
    "published_at", "date_published", "datePublished", "date_publish", "publish_date", "publishedAt", "published",
    "pubDate", "pub_date", "date",
)  # fmt: skip
LANGUAGES: Final = ("language", "inLanguage", "lang", "meta_lang")
LINKED_NAME: Final = "name"  # a headline in linked data only: elsewhere it names anything


NAME_MAX: Final = 2048  # characters of an id or an address, as of those in headers: every record carries them


class Body(NamedTuple):
    """An article's text, the path it is from, and whether it is markup."""

    path: str
    text: str
    markup: bool


class Reader:
    """The fields of one object. `path`: where it is in the document, "" for the document itself.

    `known`: objects of the same document by their `@id`, for names that only refer to one of them.
    """

    def __init__(self, item: Mapping[str, Any], path: str = "", known: Mapping[str, Any] | None = None) -> None:
        self._item, self._path, self._known = item, path, known or {}

    def at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def line(self, name: str) -> str | None:
        """A string on one line; None when it is missing, null or blank."""
        return next((" ".join(text.split()) for _, text in self._strings((name,))), None)

    def identifier(self) -> str | None:
        """`id` or `guid`: a string or a whole number."""
        for name in ("id", "guid"):
            value = self._item.get(name)
            self._check_length(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            if value is not None and not isinstance(value, str):  # the parser makes a float of a longer one
                raise self._wrong(name, "neither a string nor a whole number of 64 bits")
            text = self.line(name)
            if text is not None:
                return text
        return None

    def url(self) -> str | None:
        found = None
        for name in URLS:
            self._check_length(name)
            text = self.line(name)
            if text is not None and ids.canonical_url(text) is None:
                raise self._wrong(name, "not a URL")
            found = found or text
        return found or self._addressed()

    def titles(self, *, linked: bool) -> list[str]:
        """The headline, and other ones that the object has; without markup. `linked`: in linked data."""
        names = (*TITLES, LINKED_NAME) if linked else TITLES
        return list(dict.fromkeys(line for text in self._strings(names) if (line := bodies.one_line(text[1]))))

    def summaries(self) -> list[tuple[str, str]]:
        """Path and text of each different summary."""
        found: dict[str, str] = {}
        for name, text in self._strings(SUMMARIES):
            found.setdefault(" ".join(text.split()), name)
        return [(self.at(name), self._item[name]) for name in found.values()]

    def body(self) -> Body | None:
        """The text; None where all that could be one is blank. Raises `Rejected` where there is no such field.

        Of several texts that of which the others are parts. Markup under a name of its own is the same in another
        form, and a summary is no text where there is one.
        """
        texts = list(self._strings(TEXTS))
        markups = list(self._strings(MARKUPS))
        if texts:
            return self._whole([Body(self.at(name), *bodies.told(text)) for name, text in texts])
        if markups:
            return self._whole([Body(self.at(name), text, markup=True) for name, text in markups])
        summaries = self.summaries()
        if summaries:
            path, text = max(summaries, key=lambda each: len(each[1]))
            return Body(path, *bodies.told(visible(text)))
        if all(self._item.get(name) is None for name in (*TEXTS, *MARKUPS, *SUMMARIES)):
            raise self._wrong("body", "missing (body, text or html)")
        return None

    def published(self) -> PrintedTime | None:
        """When it was published; each field that says a time must be one."""
        found: list[PrintedTime] = []
        for name, text in self._strings(TIMES):
            time = time_lines.parse(text)
            if time is None or time.at is None:
                raise self._wrong(name, "not a time")
            found.append(time)
        return found[0] if found else None

    def source(self) -> str | None:
        """The publisher: the first name there is."""
        found = [name for key in SOURCES for name in self._named(self._item.get(key), self.at(key))]
        return next(iter(found), None)

    def authors(self) -> list[str]:
        """Who wrote it: what the first field names that names somebody; a printed byline gives the names in it."""
        found = [names for key in AUTHORS if (names := self._authors(key))]
        return found[0] if found else []

    def _authors(self, key: str) -> list[str]:
        value, path = self._item.get(key), self.at(key)
        if isinstance(value, list):
            named = (self._named(entry, f"{path}[{number}]") for number, entry in enumerate(value))
            return list(dict.fromkeys(name for names in named for name in names))
        names = self._named(value, path)
        printed = isinstance(value, str) and len(names) == 1 and is_byline(names[0])
        return list(dict.fromkeys(byline_names(names[0]) or names)) if printed else names

    def language(self) -> str | None:
        """The language code; None when none is given or what is given is no language tag."""
        found = [code for name in LANGUAGES if (code := self._language(name))]
        return found[0] if found else None

    def _language(self, name: str) -> str | None:
        value = self._item.get(name)
        if isinstance(value, dict):  # a Language of linked data, whose code may be its other name
            inner = Reader(value, self.at(name))
            tags = [inner.line("alternateName"), inner.line(LINKED_NAME)]
        else:
            tags = [self.line(name)]
        return next((code for tag in tags if tag and (code := language.stated(tag))), None)

    def _check_length(self, name: str) -> None:
        value = self._item.get(name)
        if isinstance(value, str) and len(value) > NAME_MAX:
            raise self._wrong(name, f"more than {NAME_MAX} characters")

    def _wrong(self, name: str, what: str) -> Rejected:
        return Rejected(Reason.INVALID_SHAPE, f"{self.at(name)}: {what}")

    def _strings(self, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Those of the fields that say something, each checked to be a string."""
        for name in names:
            value = self._item.get(name)
            if value is not None and not isinstance(value, str):
                raise self._wrong(name, "not a string")
        for name in names:
            value = self._item.get(name)
            if value is not None and (text := visible(value)).strip():
                yield name, text

    def _addressed(self) -> str | None:
        """`mainEntityOfPage`, an address or an object with one; else nothing."""
        value = self._item.get(ADDRESSED)
        found = [value.get("@id"), value.get("url")] if isinstance(value, dict) else [value]
        texts = (" ".join(visible(each).split()) for each in found if isinstance(each, str) and len(each) <= NAME_MAX)
        return next((text for text in texts if ids.canonical_url(text) is not None), None)

    def _whole(self, texts: list[Body]) -> Body:
        """The longest of some texts; raises `Rejected` where another one is no part of it."""
        if len(texts) == 1:
            return texts[0]
        words = [_words(body) for body in texts]
        longest = max(range(len(texts)), key=lambda number: len(words[number]))
        for body, own in zip(texts, words, strict=True):
            if f" {own} " not in f" {words[longest]} ":
                raise Rejected(Reason.INVALID_SHAPE, f"{body.path}: another text than {texts[longest].path}")
        return texts[longest]

    def _named(self, value: Any, path: str) -> list[str]:
        """The names in a value: a string, or an object with a `name` or with the `@id` of one that has it."""
        if value is None:
            return []
        if isinstance(value, str):
            text = " ".join(visible(value).split())
            return [text] if text else []
        if not isinstance(value, dict):
            raise Rejected(Reason.INVALID_SHAPE, f"{path}: neither a name nor an object with one")
        name = value.get(LINKED_NAME)
        if name is None and isinstance(value.get("@id"), str):
            name = self._known.get(value["@id"], {}).get(LINKED_NAME)
        return self._named_text(name, f"{path}.{LINKED_NAME}")

    @staticmethod
    def _named_text(value: Any, path: str) -> list[str]:
        """The name in an object: a string, or a list of strings."""
        entries = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, str) or (entry is None and value is None) for entry in entries):
            raise Rejected(Reason.INVALID_SHAPE, f"{path}: not a string")
        return [text for entry in entries if entry and (text := " ".join(visible(entry).split()))]


def _words(body: Body) -> str:
    """What two texts are compared by: their words, those of markup without what is left out of it."""
    text = body.text
    if body.markup:
        text = " ".join(block.text for block in bodies.blocks(text))
    return " ".join(text.split())
