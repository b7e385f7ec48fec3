"""Which of a page's titles is the article's headline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_BARS: Final = re.compile(r"\s+[|·•–—-]\s+|\s*[|ㅣ｜]\s*")
_SET_OFF: Final = ("|", "»", "::", "_", "·", "•", "--", "－")
_CUT: Final = range(96, 114)
"""Characters of a title that was cut, maybe at a word, with dots: Google once asked for headlines of 110 at most."""
_PART_MIN: Final = 8  # letters of a heading that is looked for in a title
_TITLE_MAX: Final = 500  # characters; in longer ones nobody looks for the site's name
_WORDS: Final = re.compile(r"\w+")


def choose_headline(titles: Sequence[str], headings: Sequence[str], site_name: str | None) -> str | None:
    """The first title of the page's head, without what names the site; without titles the first heading.

    `titles`: what the head says, the likeliest first; `headings`: those of first order in the page. Editors write the
    title that stands in the head for readers elsewhere, and the heading may be shorter or longer: in 132 pages of 93
    publishers the publisher's own title is this one in 111, the heading in 91.
    """
    site = _plain(site_name or "")
    named = [title for title in titles if _plain(title) != site] or titles
    for title in named:
        part = _without_site(title, [*named, *headings], site_name)
        if len(part) in _CUT:
            part = next((heading for heading in headings if _goes_on(heading, part)), part)
        return next((heading for heading in headings if _is_part(heading, part)), part)
    return next((heading for heading in headings if _plain(heading) != site), None) or next(iter(headings), None)


def _goes_on(heading: str, part: str) -> bool:
    """Whether a heading is a title that was cut off, in full."""
    start = part.rstrip(" .…")
    return len(heading) > len(part) and heading.startswith(start) and heading[len(start)] not in ".…"


def _is_part(heading: str, title: str) -> bool:
    """Whether a title is a heading with something set off from it: the site's name before it, or a channel behind."""
    at = title.find(heading)
    if at < 0 or len(heading) == len(title) or len(_plain(heading)) < _PART_MIN:
        return False
    before, after = title[:at].rstrip(), title[at + len(heading) :].lstrip()
    return (not before or before.endswith(_SET_OFF)) and (not after or after.startswith(_SET_OFF))


def _without_site(title: str, others: Sequence[str], site_name: str | None) -> str:
    """A title up to the bar behind which the site is named, or behind which others of the page have nothing."""
    if len(title) > _TITLE_MAX:
        return title
    bars = list(_BARS.finditer(title))
    known = {_plain(other) for other in others}
    for bar in bars:
        if _plain(title[: bar.start()]) in known:
            return title[: bar.start()]
    site = _plain(site_name or "")
    if bars and site and _names(_plain(title[bars[-1].end() :]), site):
        return title[: bars[-1].start()]
    return title


def _names(part: str, site: str) -> bool:
    """Whether a part of a title names the site: "Golem.de" and "golem"."""
    return part != "" and (part in site or site in part)


def _plain(text: str) -> str:
    """Words alone: quotes and dashes differ between a page's head and its text."""
    return " ".join(_WORDS.findall(text.casefold()))
