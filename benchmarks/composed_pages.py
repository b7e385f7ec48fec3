"""Pages put together from real articles in the frames of invented portals, and how well their articles are found.

    python -m benchmarks.composed_pages DATA [--pages 20] [--seed 1] [--frame NAME] [--show 10]

DATA is a folder with `allsides`, `gnad10_test`, `masakhanews` and `zh_cctv` as JSON lines. Their texts are read, never
kept. Each page takes a main article and others of the same language, and prints them as its frame does: menus, heads
in the frame's order with parts missing, boxes inside the text, related articles with and without their text. So what
is article and what is frame is known without reading. `--show` prints what is wrong on the first pages.
"""

from __future__ import annotations

import argparse
import random
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.composed_articles import Source, read_articles
from benchmarks.composed_words import WORDS, Words
from benchmarks.page_scores import HEADER, Score, plain, row, score
from lodestream.clean.plain.lines import size_of
from lodestream.clean.words import names

_TEASER_WORDS: Final = 70  # of a related text that is an article, as the cleaner has it


@dataclass(frozen=True)
class Frame:
    """How a portal prints its pages.

    `main`: the parts above the main article's text, in order; `item`: those of a related article, before "body".
    A part with "?" is left out on half of the pages. `boxes`: what may stand between two paragraphs.
    """

    name: str
    words: str
    languages: str
    main: str
    item: str
    boxes: str = ""
    related: str = "full"  # full, teasers, links, none
    tail: str = ""
    blank: str = "between"  # between, none, all: where blank lines stand
    wrap: int = 0
    glue: float = 0.0


FRAMES: Final = (
    Frame("aggregator", "en", "eng", "headline", "publisher time -publisher headline", "advert? newsletter?",
          tail="cookies footer"),
    Frame("aggregator, no blanks", "en", "eng", "headline", "publisher? time -publisher? headline", blank="none"),
    Frame("broadsheet", "en", "eng", "menu crumbs headline deck byline date buttons", "headline time", "also caption?",
          tail="contributors? footer rights"),
    Frame("tabloid", "en", "eng", "menu section headline byline time buttons", "headline", "links also? newsletter?",
          "links", tail="comments footer"),
    Frame("magazine", "en", "eng", "section headline deck byline", "section headline byline date", "also",
          tail="tags rights"),
    Frame("wire", "en", "eng", "headline date dateline", "headline publisher|time", "caption", tail="credit rights"),
    Frame("cards", "en", "eng", "publisher time headline", "headline publisher time", "advert", "teasers"),
    Frame("mail", "en", "eng", "headline byline dateline", "time headline", tail="footer", wrap=72),
    Frame("promo run", "en", "eng", "headline", "publisher time -publisher headline", "run"),
    Frame("glued", "en", "eng", "headline publisher? date", "time headline", "advert", glue=0.4),
    Frame("Zeitung", "de", "deu", "menu crumbs headline byline date buttons", "publisher time headline", "also advert",
          tail="credit footer"),
    Frame("Portal", "de", "deu", "section headline date dateline", "headline publisher time", "links caption?",
          tail="comments footer rights"),
    Frame("Boulevard", "de", "deu", "menu headline byline? time", "headline", "also newsletter advert", "teasers",
          blank="none"),
    Frame("Lauftext", "de", "deu", "headline", "time headline", "run", tail="rights"),
    Frame("quotidien", "fr", "fra", "menu headline byline date buttons", "publisher time -publisher headline",
          "also advert", tail="credit? footer"),
    Frame("site", "fr", "fra lin", "section headline time", "headline time", "newsletter caption", tail="rights"),
    Frame("门户", "zh", "zho", "crumbs headline source date", "time headline", "also", tail="editor rights"),
    Frame("客户端", "zh", "zho", "menu headline date dateline", "headline publisher time", "advert caption?",
          tail="footer"),
    Frame("Swedish frame", "sv", "eng", "headline", "publisher time headline", "advert also", tail="cookies footer"),
    Frame("German frame", "de", "eng", "headline date source?", "time headline", "advert", tail="full cookies footer"),
    Frame("BBC service", "en", "swa hau yor som ibo pcm orm", "headline byline time", "headline time", "also advert",
          tail="footer"),
    Frame("local paper", "en", "sna xho lug run amh tir", "menu headline date", "publisher time headline", "caption?",
          tail="comments rights"),
)  # fmt: skip


@dataclass
class Page:
    """A page while it is put together: its lines and its gold."""

    words: Words
    random: random.Random
    lines: list[str] = field(default_factory=list)
    articles: list[dict[str, Any]] = field(default_factory=list)
    boilerplate: list[str] = field(default_factory=list)
    spare: list[str] = field(default_factory=list)  # headlines of articles that are not on the page

    def cut(self, *lines: str) -> None:
        """Lines that must be in no body."""
        self.lines += lines
        self.boilerplate += lines

    def pick(self, choices: tuple[str, ...], **values: object) -> str:
        return self.random.choice(choices).format(**{"n": self.random.randint(2, 9), **values})


def compose(frame: Frame, sources: list[Source], seed: str) -> tuple[str, dict[str, Any]]:
    """A page and its gold. `sources`: articles of one language, the main one first, spare headlines last."""
    page = Page(WORDS[frame.words], random.Random(seed))
    page.spare = [source.headline for source in sources[4:]]
    _article(page, frame, sources[0], "main")
    if "full" in frame.tail.split():
        page.cut("Weiter zum vollständigen Artikel bei Mining.com")
    if "comments" in frame.tail.split():
        page.lines.append("")
        page.cut(page.words.comments, sources[0].author or "LuKe", page.pick(page.words.ago), "Ok!")
    if frame.related != "none":
        page.lines += ["", ""]
        page.cut(page.pick(page.words.related))
    for source in sources[1:4]:
        page.lines += [] if frame.blank == "none" else [""]
        if frame.related == "links":
            page.cut(source.headline)
        else:
            short = frame.related == "teasers"
            _article(page, frame, source.shortened(30) if short else source, "related")
    _foot(page, frame.tail.split())
    return _text(page, frame), {"articles": page.articles, "boilerplate": page.boilerplate}


def _article(page: Page, frame: Frame, source: Source, role: str) -> None:
    """Prints an article's head and text and notes what they are."""
    gold: dict[str, Any] = {
        "role": role, "headline": source.headline, "publisher": None, "standfirst": None, "byline": [], "credits": [],
        "place": None,
    }  # fmt: skip
    paragraphs = list(source.paragraphs)
    parts = (frame.main if role == "main" else frame.item).split()
    parts = [part.rstrip("?") for part in parts if not part.endswith("?") or page.random.random() < 0.5]
    printed = page.random.choice(page.words.publishers)
    for part in parts:
        if part == "deck" and len(paragraphs) > 4 and len(paragraphs[0].split()) <= 40:
            gold["standfirst"] = paragraphs.pop(0)
            page.lines.append(gold["standfirst"])
        elif part in _NAMED:
            _named_part(page, part, source, printed, gold)
        elif part != "deck":
            _frame_part(page, part)
    if role == "main" and frame.blank == "between":
        page.lines.append("")
    gold["body"] = " ".join(paragraphs)
    boxes = frame.boxes.split() if role == "main" else []
    lead = next((line for part, line in [("dateline", gold.pop("_lead", ""))] if part), "")
    start = len(page.lines)
    _body(page, frame, paragraphs, [box.rstrip("?") for box in boxes], lead)
    if role == "main" and "credit" in frame.tail.replace("?", "") and page.words.credits:
        credit = page.random.choice(page.words.credits)
        gold["credits"] = sorted({*gold["credits"], names.agency(credit.strip("()").removeprefix("Avec "))})
        last = max(at for at in range(start, len(page.lines)) if page.lines[at])
        if page.random.random() < 0.5:
            page.lines[last] += f" {credit}"
        else:
            page.lines.append(credit)
    few = sum(map(size_of, paragraphs)) < _TEASER_WORDS
    if role != "main" and few and not gold["credits"] and gold["place"] is None:
        gold["role"] = "teaser"
    page.articles.append(gold)


_NAMED: Final = frozenset({"headline", "byline", "dateline", "publisher", "-publisher", "source", "publisher|time"})


def _named_part(page: Page, part: str, source: Source, printed: str, gold: dict[str, Any]) -> None:
    """Prints a part of a head that a field is read from. `printed`: the publisher."""
    words = page.words
    if part == "headline":
        page.lines.append(source.headline)
    elif part == "byline":
        if source.author:
            gold["byline"] = [source.author]
            page.cut(page.pick(words.by, name=source.author))
    elif part == "dateline":
        gold["_lead"], gold["place"] = page.random.choice(words.datelines)
        gold["credits"] = [names.agency(name) for name in _agencies(gold["_lead"])]
    else:
        gold["publisher"] = names.publisher(printed)
        label = {"zh": "来源：", "de": "Quelle: "}.get(_language(words), "Source: ")
        form = {
            "publisher": printed, "-publisher": f"- {printed}", "source": f"{label}{printed}",
            "publisher|time": f"{printed} {page.random.choice('|·•')} {page.pick(words.ago)}",
        }  # fmt: skip
        page.cut(form[part])


def _frame_part(page: Page, part: str) -> None:
    """Prints a part of a head that is the portal's."""
    words = page.words
    if part == "menu":
        page.cut(*words.menu)
    elif part == "crumbs":
        page.cut(f"{words.menu[0]} > {words.menu[1]} > {words.menu[2]}")
    elif part == "section":
        page.cut(page.random.choice(words.sections))
    elif part == "buttons":
        page.cut(*page.random.sample(words.buttons, 3))
    else:
        page.cut(page.pick(words.ago if part == "time" else words.dates))


def _language(words: Words) -> str:
    return next(name for name, entry in WORDS.items() if entry is words)


def _agencies(lead: str) -> list[str]:
    known = {"Reuters", "AP", "dpa", "APA", "AFP", "TT", "新华社", "中新社"}
    return [name for name in known if name in lead.replace("(", " ").replace(")", " ").split() or lead.startswith(name)]


def _body(page: Page, frame: Frame, paragraphs: list[str], boxes: list[str], lead: str) -> None:
    """Prints a text, with a box below one of the inner paragraphs each."""
    places = {page.random.randint(1, max(1, len(paragraphs) - 2)): box for box in boxes} if len(paragraphs) > 3 else {}
    for number, paragraph in enumerate(paragraphs):
        text = f"{lead}{paragraph}" if number == 0 else paragraph
        box = places.get(number)
        if box == "run" and page.words.credits:
            text = f"{text} {_run(page)}"
            page.lines.append(text)
        elif box is not None:
            _box(page, box)
            page.lines.append(text)
        elif number and frame.glue and page.lines[-1] and page.random.random() < frame.glue:
            page.lines[-1] += text
        else:
            page.lines.append(text)
        if frame.blank == "all":
            page.lines.append("")


def _run(page: Page) -> str:
    """A run of headlines that ends a paragraph's line; the next paragraph goes on behind it."""
    items = [f"{page.words.sections[at % 3]} {title}" for at, title in enumerate(page.random.sample(page.spare, 4))]
    marker = page.words.promo[0] + (" Swipe. Select. Stay informed." if page.words is WORDS["en"] else "")
    page.boilerplate += [marker, *items]
    return " ".join([marker, *items])


def _box(page: Page, box: str) -> None:
    words = page.words
    if box == "advert":
        page.cut(words.advert)
    elif box == "newsletter":
        page.cut(page.pick(words.newsletter))
    elif box == "also":
        page.cut(page.pick(words.also, title=page.random.choice(page.spare)))
    elif box == "caption":
        page.cut(page.pick(words.photo, name="Reuters"))
    elif box == "links":
        page.cut(page.pick(words.promo), *page.random.sample(page.spare, 3))


def _foot(page: Page, tail: list[str]) -> None:
    words = page.words
    page.lines.append("")
    if "editor" in tail:
        page.cut("责任编辑：新闻中心")
    if "tags" in tail:
        page.cut("Tags", "#news")
    if "cookies" in tail:
        page.cut(words.cookies, words.accept)
    if "footer" in tail:
        page.cut(*words.footer)
    if "rights" in tail:
        page.cut(words.rights)


def _text(page: Page, frame: Frame) -> str:
    lines = page.lines
    if frame.blank == "none":
        lines = [line for line in lines if line]
    if frame.wrap:
        lines = [part for line in lines for part in ([*textwrap.wrap(line, frame.wrap), ""] if line else [""])]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pages", type=int, default=20, help="of each frame")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--frame", default="", help="only frames with this in the name")
    parser.add_argument("--show", type=int, default=0, help="print what is wrong on so many pages of a frame")
    options = parser.parse_args()
    articles = read_articles(options.data)
    by_frame: dict[str, Score] = {}
    by_language: dict[str, Score] = {}
    for frame in FRAMES:
        if options.frame not in frame.name:
            continue
        total = by_frame.setdefault(frame.name, Score())
        shown = 0
        for number in range(options.pages):
            choose = random.Random(f"{options.seed}/{frame.name}/{number}")
            language = choose.choice(frame.languages.split())
            sources = choose.sample(articles[language], 10)
            text, gold = compose(frame, sources, f"{options.seed}/{frame.name}/{number}")
            result = score(text, gold)
            total.add(result)
            by_language.setdefault(language, Score()).add(result)
            if result.wrong and shown < options.show:
                shown += 1
                print(f"--- {frame.name} {number} ({language}): {plain(gold['articles'][0]['headline'])}")
                print(*(f"    {wrong}" for wrong in result.wrong), sep="\n")
    for title, totals in (("frame", by_frame), ("language", by_language)):
        print(f"{title:24}{HEADER[24:]}")
        for name, total in totals.items():
            print(row(name, total))
        whole = Score()
        for total in totals.values():
            whole.add(total)
        print(row("all", whole))


if __name__ == "__main__":
    main()
