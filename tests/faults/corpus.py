"""Documents with a known answer: generated articles, their copies, versions and extensions, bad ones, seed pages.

Everything comes from a seed, so a failure can be made again. Related documents share a site, and so a partition of
`raw` and their order: what each must become does not depend on how partitions race.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

from lodestream.headers import Header
from lodestream.replay.documents import RawDocument

SEEDS = Path(__file__).parents[2] / "seeds"
SITES = 12
NOTICE_WORDS = 16  # a paragraph of a record is learned from 12 on
# Of twenty documents in a row. Drawn one by one, a short corpus has too few bad ones now and then.
_KINDS = ("new",) * 12 + ("related",) * 6 + ("broken", "page")
# Letters of four scripts whose articles, keyed by script, go to four different partitions of four.
_SCRIPTS = [
    str.maketrans("abdefgiklmnoprstv", letters)
    for letters in ("abdefgiklmnoprstv", "абдефгиклмнопрств", "αβδεφγικλμνοπρστω", "กขคงจฉชดตถทธนบปผพ")
]
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeio"]


@dataclass(frozen=True, slots=True)
class Known:
    """A generated article that later documents refer to."""

    site: str
    url: str
    words: tuple[str, ...]
    headline: str


def documents(number: int, seed: int) -> list[RawDocument]:
    """So many documents: 60 % new articles, 30 % refer to earlier ones, 5 % are broken and 5 % pages of the seeds."""
    source = random.Random(seed)
    pages = sorted(SEEDS.glob("*.txt"))
    made: list[RawDocument] = []
    known: list[Known] = []
    while len(made) < number:
        for kind in source.sample(_KINDS, len(_KINDS)):
            at = len(made)
            if kind == "new" or not known:
                known.append(_new(source, at))
                made.append(_article(known[-1], f"new-{at}", known[-1].words))
            elif kind == "related":
                # Mostly old ones: what a killed worker knew must be known to its successor.
                made.append(_related(source, source.choice(known), at))
            elif kind == "broken":
                made.append(_broken(at))
            else:
                page = source.choice(pages)
                made.append(_raw(page.read_bytes(), f"{page.stem}-{at}", "seeds", "text/plain"))
    return made[:number]


def in_four_scripts(made: list[RawDocument]) -> list[RawDocument]:
    """The same documents, each site in a script of its own: every partition of `articles` has something to do."""
    return [_in_script(one) for one in made]


def _in_script(one: RawDocument) -> RawDocument:
    number = one.key.removeprefix(b"site-").removesuffix(b".example")
    if not number.isdigit():
        return one
    article = json.loads(one.value)
    letters = _SCRIPTS[int(number) % len(_SCRIPTS)]
    spelt = {**article, **{name: article[name].translate(letters) for name in ("title", "body")}}
    return replace(one, value=json.dumps(spelt).encode())


def _new(source: random.Random, at: int) -> Known:
    words = tuple(_sentences(source, source.randint(60, 260)))
    site = f"site-{source.randrange(SITES)}.example"
    return Known(site, f"https://{site}/{at}", words, " ".join(words[:7]))


def _related(source: random.Random, one: Known, at: int) -> RawDocument:
    words = list(one.words)
    copy = Known(one.site, f"https://{one.site}/copy/{at}", one.words, one.headline)
    match source.randrange(6):
        case 0:  # the same page again
            return _article(one, f"refetch-{at}", one.words)
        case 1:  # verbatim under another address
            return _article(copy, f"exact-{at}", one.words)
        case 2:  # edited
            for place in source.sample(range(len(words)), 2):
                words[place] = "edited"
            return _article(copy, f"near-{at}", tuple(words))
        case 3:  # cut
            return _article(copy, f"cut-{at}", tuple(words[: len(words) * 2 // 3]))
        case 4:  # a new version of the same page
            return _article(one, f"version-{at}", (*words[:-5], *_sentences(source, 30)))
        case _:  # extended
            return _article(copy, f"extended-{at}", (*words, *_sentences(source, len(words))))


def _broken(at: int) -> RawDocument:
    bad = [
        (b"\xff\xfe\xfa not text", "text/plain"),
        (b"", "text/plain"),
        (b'{"body": ', "application/json"),
        (b'{"title": 7}', "application/json"),
        (b"%PDF-1.4", "application/pdf"),
    ]
    value, content_type = bad[at // len(_KINDS) % len(bad)]  # each of them, in a short corpus too
    return _raw(value, f"broken-{at}", "broken.example", content_type)


def _sentences(source: random.Random, words: int) -> list[str]:
    made = ["".join(source.choices(_SYLLABLES, k=source.randint(1, 4))) for _ in range(words)]
    for end in range(11, words, 12):
        made[end] += "."
    made[-1] += "."
    return made


def _article(one: Known, document_id: str, words: tuple[str, ...]) -> RawDocument:
    """With a notice that its site has under all articles: cleaning learns to cut it."""
    body = f"{' '.join(words)}\n\n{' '.join(_sentences(random.Random(one.site), NOTICE_WORDS))}"
    article = {"url": one.url, "title": one.headline, "body": body, "published_at": "2026-03-01T10:00:00Z"}
    return _raw(json.dumps(article).encode(), document_id, one.site, "application/json")


def _raw(value: bytes, document_id: str, site: str, content_type: str) -> RawDocument:
    headers = ((Header.DOCUMENT_ID, document_id), (Header.SITE, site), (Header.CONTENT_TYPE, content_type))
    return RawDocument(value, tuple((name, text.encode()) for name, text in headers), site.encode())
