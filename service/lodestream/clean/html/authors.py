"""Who wrote a page's article: what its head states, else what stands in the elements for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from lodestream.clean.fields.bylines import byline_names, is_byline
from lodestream.clean.html.tree import Tree, is_of_others, text_of
from lodestream.clean.words import names

_ELEMENTS: Final = "[rel~=author],[itemprop~=author],[class*=author],[class*=byline],[class*=Author],[class*=Byline]"
_NO_NAME: Final = re.compile(r"[(\[@|:<>{}]|^[\d\W]+$|(?:^|\s)(?:www\.|[\w.-]{1,80}\.[a-z]{2,6}/)")
"""What is in no name: brackets, addresses (of a profile, without its scheme too), figures alone."""
_JOINED: Final = re.compile(r",|;|\s(?:and|und|et|y|och|og|en|&)\s")
_PARTICLES: Final = frozenset("de van von der den di da del la al".split())
_LETTERS: Final = re.compile(r"\W+")
_WORDS: Final = range(2, 5)  # of a person's name, where nothing but its element says that it is one
_LOOKED_AT: Final = 12
_LONG: Final = 80  # characters of a byline


def authors(stated: Iterable[str], site_name: str | None, tree: Tree) -> list[str]:
    """Names of people and agencies, once each; the site's own name where it states no other and shows none."""
    found = [name for entry in stated for name in _split(entry) if not _NO_NAME.search(name)]
    others = [name for name in found if names.is_agency(name) or not _is_site(name, site_name)]
    shown = () if others else _shown(tree)
    by_letters: dict[str, str] = {}
    for name in others or [name for name in shown if not _is_site(name, site_name)] or found:
        by_letters.setdefault(_letters(name), name)  # "Anna Berg" and "anna-berg" are one
    return [*by_letters.values()]


def _split(entry: str) -> list[str]:
    """The names in one string: "Anna Berg und Jo Quist, Nairobi"."""
    return byline_names(entry) if _JOINED.search(entry) and " " in entry else [entry]


def _is_site(name: str, site_name: str | None) -> bool:
    one, site = _letters(name), _letters(site_name or "")
    return bool(one and site) and (one.startswith(site) or site.startswith(one))


def _shown(tree: Tree) -> Iterator[str]:
    """Names in the first of the page's elements for them that have some."""
    if tree.body is None:
        return
    for node in tree.body.css(_ELEMENTS)[:_LOOKED_AT]:
        text = text_of(node)
        if not text or len(text) > _LONG or is_of_others(node):
            continue
        found = byline_names(text) if is_byline(text) or _JOINED.search(text) else [text]
        people = [name for name in found if _looks_like_person(name)]
        if people and len(people) == len(found):
            yield from people
            return


def _looks_like_person(name: str) -> bool:
    words = name.split()
    return (
        len(words) in _WORDS
        and not _NO_NAME.search(name)
        and words[0][0].isupper()
        and all(word[0].isupper() or word in _PARTICLES for word in words)
    )


def _letters(text: str) -> str:
    return _LETTERS.sub("", text).casefold()
