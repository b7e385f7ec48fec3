"""Elements that are no text of an article, by what their classes and ids say: related items, promos, comments."""

from __future__ import annotations

import re
from typing import Final

from selectolax.lexbor import LexborNode

_BOX: Final = re.compile(
    r"(?:^|[\s_-])(?:related(?:posts?|articles?|stories|content)?|relacionad\w*|lire-aussi|leggi-anche|read-next|recommend\w*"
    r"|newsletter|promo\w*|teaser\w*|share|sharing|social\w*|comments?|kommentar\w*"
    r"|disqus|footer|nav|navbar|navigation|menu|sidebar|breadcrumbs?|caption|credits?|copyright|tags?|taglist|keywords"
    r"|author\w*|byline|bio|subscri\w*|paywall|piano|outbrain|taboola|advert\w*|ads?|sponsor\w*|cookie\w*|consent"
    r"|popular|most-?read|trending|more-?on|read-?more|read-?also|also-?read|mehr-zum-thema|toc|rating|poll|modal"
    r"|popup|overlay|signup|login|audio|player|gallery|figcaption|image|photo|legal|disclaimer|meta|dateline"
    r"|timestamp|published|skip|hidden|sr-only|visually-hidden|infobox|weather|widget|banner|donat\w*"
    r"|app-?download|follow\w*|twitter-tweet|instagram-media|tiktok-embed|fb-post|bluesky-embed)(?:$|[\s_-])",
    re.IGNORECASE,
)
"""Words in the class or id of an element that is no text of the article."""
_COMMENTS: Final = re.compile(
    r"(?:^|[\s_-])(?:comments?(?!-(?:open|closed|count|link|enabled|off))|comment-?list|kommentar\w*|comentario\w*"
    r"|commentaire\w*|reacties|disqus\w*)(?:$|[\s_-])",
    re.IGNORECASE,
)
"""Words for what readers wrote: of some length, and longer than many an article."""
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BOX_CLASSES_MAX: Final = 200  # characters: longer lists of classes are of style sheets that name no purpose
_UNSEEN: Final = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_ID_WORDS_MAX: Final = 3
_WORDS: Final = re.compile(r"[^\W\d_]+")
_BULK: Final = 0.35  # of all running text: a box does not hold as much, whatever its class says


class Boxes:
    """Which elements of a page are in boxes.

    `total`: the weight of the page's running text; `named`: that in all elements of a name, since the chunks of an
    article share theirs. `without_comments`: what readers wrote is a box, however much it is.
    """

    def __init__(self) -> None:
        self.total = 0
        self.named: dict[str, int] = {}
        self.without_comments = False
        self._name_of: dict[int, str] = {}  # of elements
        self._known: dict[str, bool] = {}  # whether a name is a box's
        self._inside: dict[int, bool] = {}  # whether an element is in a box
        self._readers: dict[int, bool] = {}  # whether an element is in one for comments

    def hold(self, node: LexborNode) -> bool:
        """Whether an element or one around it is a box: by a name whose elements do not hold the bulk of the text."""
        if self.without_comments and self.by_readers(node):
            return True
        passed: list[int] = []
        inside = False
        at: LexborNode | None = node
        while at is not None and at.tag not in {"body", "html", "article", "main"}:
            key = at.mem_id
            known = self._inside.get(key)
            if known is not None:
                inside = known
                break
            passed.append(key)
            if at.tag == "a":
                inside = True
                break
            name = self.name(at)
            if self.named.get(name, 0) < _BULK * self.total and self._names_one(name):
                inside = True
                break
            at = at.parent
        self._inside.update(dict.fromkeys(passed, inside))
        return inside

    def name(self, node: LexborNode) -> str:
        """Classes and id of an element; what is hidden is named so."""
        key = node.mem_id
        name = self._name_of.get(key)
        if name is None:
            attributes = node.attributes
            hidden = (
                "hidden" in attributes
                or attributes.get("aria-hidden") == "true"
                or _UNSEEN.search(attributes.get("style") or "") is not None
            )
            own = attributes.get("id") or ""
            if len(_WORDS.findall(own)) > _ID_WORDS_MAX:  # made of a heading: "sharing-with-a-single-developer"
                own = ""
            name = f"{attributes.get('class') or ''} {own}{' hidden' if hidden else ''}"
            self._name_of[key] = name
        return name

    def _names_one(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = len(name) < _BOX_CLASSES_MAX and _BOX.search(_CAMEL.sub("-", name)) is not None
        return known

    def by_readers(self, node: LexborNode) -> bool:
        """Whether an element is in one for what readers wrote, however much they did."""
        passed: list[int] = []
        inside = False
        at: LexborNode | None = node
        while at is not None and at.tag not in {"body", "html"}:
            known = self._readers.get(at.mem_id)
            if known is not None:
                inside = known
                break
            passed.append(at.mem_id)
            if _COMMENTS.search(self.name(at)):
                inside = True
                break
            at = at.parent
        self._readers.update(dict.fromkeys(passed, inside))
        return inside
