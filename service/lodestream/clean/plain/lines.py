"""A page as lines: white space collapsed, broken sentences joined, and what can be told of a line by its look.

A line is *prose* when it reads like running text (it ends like a sentence, or is long) and *short* otherwise; a
line is *shaped* like a headline when it is of a headline's length and does not end in a full stop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lodestream.clean.fields.bylines import BYLINE_WORDS, is_byline
from lodestream.clean.fields.credits import find_credit
from lodestream.clean.kinds import Kind
from lodestream.clean.times.time_lines import TimeLine, read_time_line
from lodestream.clean.words.names import is_credit
from lodestream.clean.words.patterns import ABBREVIATIONS, ARTICLES, LINE_STARTS, Cue, Heading, key

_QUOTES: Final = "\"'”’»)]）」』】›*"
END_SIGNS: Final = "■□▪▫◼◾◆∎"
"""What some print behind an article's last word."""
CLOSERS: Final = f" {_QUOTES}{END_SIGNS}"
_ADDRESSES: Final = ("http://", "https://", "www.")
_WRAPPED: Final = 0.6  # of the lines that are full: more in a paragraph, and its last line is not
_LOWER: Final = 0.4  # of the lines that start in lower case: 3 in 4 of running text, none in a list of headlines
_FACT_MAX: Final = 80  # characters of a line that tells a time or a name
_FULL: Final = 50  # characters of a line that was wrapped and not ended
_CLOSING: Final = 8  # characters at a line's end that may be quotes and brackets after its stop
_STOPS: Final = ".。．｡।॥።۔։…᠃"
_STOP: Final = re.compile(f"[{_STOPS}]")
_CREDIT_MAX: Final = 120  # characters
QUESTIONS: Final = "!?！？؟"
_ENDS: Final = _STOPS + QUESTIONS
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_SPACED_BYTES: Final = bytes(byte for byte in range(256) if byte not in {0xE0, 0xE1, *range(0xE3, 0xEA), 0xEF})
"""What UTF-8 has of Latin, Greek, Cyrillic, Hebrew, Arabic and typographic signs, and nothing that `_UNSPACED` has."""
_INNER_STOP: Final = re.compile(r"[^\W\d_A-Z][.!?]['\"”’»)\]]{0,2}\s+['\"“‘«(\[]{0,2}[^\W\d_a-z]|[。！？।።]")
_ITEM: Final = re.compile(r"[-–—•·*▪‣◦■►]\s|\(?\d{1,2}[.)]\s")
_WIDE: Final = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff01-\uff60]")
_WIDE_LINES: Final = 24  # of a paragraph
_WIDE_FULL: Final = 2  # full lines above the last: one may be a headline
_WIDE_MIN: Final = 36  # columns of a full line, two for each character of such a script
_WIDE_SPREAD: Final = 10  # columns by which full lines differ
_WIDE_STOPS: Final = "。！？」』）"
_BLOCK: Final = 4  # lines that can tell by themselves that they were wrapped
_LONG: Final = 14  # words
_LAST_WORD: Final = re.compile(r"([^\W\d_]+(?:\.[^\W\d_]+)*)\.$")


_NOTHING: Final[Mapping[Cue, list[tuple[int, int]]]] = MappingProxyType({})


@dataclass(slots=True)
class Line:
    """One line of a page.

    `size`: its words; where a script has no spaces, two characters count as one. `gap`: blank lines before it.
    """

    number: int
    text: str
    size: int
    gap: int
    ends: bool  # like a sentence
    prose: bool
    key: str  # of a short line, for comparing; else ""
    cues: Mapping[Cue, list[tuple[int, int]]]  # the phrases in it: start and end in the lower-case line
    kind: Kind | None = None  # what it is when it is surely no text of an article
    heading: Heading | None = None
    time: TimeLine | None = None
    headed: bool = False  # a heading right above announces a list of headlines, and the line may start with one
    repeated: bool = False  # it is short and stands more than once on the page
    last: bool = False  # the article's text ends with it: a link to the full article stood here
    pieces: tuple[tuple[Kind, str], ...] = ()  # cut from this line already

    @property
    def content(self) -> bool:
        """Whether it may be text, headline or publisher."""
        return self.kind is None and self.heading is None and self.time is None

    @property
    def listed(self) -> bool:
        """Whether it is an item of a list, or so long that it may be a paragraph that lost its stop."""
        return self.size > _LONG or _ITEM.match(self.text) is not None

    @property
    def shaped(self) -> bool:
        """Whether it could be a headline."""
        if not 2 <= self.size <= 35 or len(self.text) > 250 or not self.content:
            return False
        bare = self.text.rstrip(CLOSERS)
        if self.ends and bare[-1:] not in _ENDS:  # but in a credit or an address
            return False
        return not bare.endswith(tuple(_STOPS)) or bare.endswith(("...", "…")) or _abbreviated(bare)


def read_lines(text: str, most: int) -> list[Line] | None:
    """The lines of a text that are not blank; None when there are more than `most`."""
    raw: list[tuple[str, int]] = []
    gap = 0
    for part in text.splitlines():
        if not part or part.isspace():
            gap += 1
            continue
        raw.append((part, gap))
        gap = 0
        if len(raw) > most:
            return None
    return [_line(number, text, gap) for number, (text, gap) in enumerate(_unbroken(_unwrapped(_unwrapped_wide(raw))))]


def size_of(text: str) -> int:
    """Words; where a script has no spaces, two characters count as one."""
    count = text.count(" ") + 1 if text else 0
    if text.isascii() or not _may_be_unspaced(text) or _UNSPACED.search(text) is None:
        return count
    return max(count, len(text) // 2)


def _may_be_unspaced(text: str) -> bool:
    """A cheap look first: whether a character of a script without spaces may be among those of a text."""
    return len(text.encode("utf-8", "replace").translate(None, _SPACED_BYTES)) > 0


def ends_sentence(text: str) -> bool:
    """Whether a text ends in a stop, an exclamation or a question, quotes and brackets after it aside."""
    bare = text[-_CLOSING:].rstrip(CLOSERS)
    return bare != "" and bare[-1] in _ENDS


def _ends_before(text: str) -> bool:
    """Whether a text ends with what an article's last line may: a credit behind a full stop, a sign, an address."""
    before, _, last = text.rpartition(" ")
    if last.startswith(_ADDRESSES) or last[-1:] in END_SIGNS:
        return not before.endswith((":", "："))  # "Share this story: https://…"
    if _STOP.search(text, max(0, len(text) - _CREDIT_MAX)) is None:  # a cheap look first
        return False
    credit = find_credit(text)
    bare = text[: credit[0]].rstrip() if credit is not None else ""
    return ends_sentence(bare) and bare.rstrip(CLOSERS)[-1] in _STOPS


def make_line(number: int, text: str, gap: int = 0) -> Line:
    """A line from a text whose white space is collapsed."""
    size = size_of(text)
    ends = ends_sentence(text) or _ends_before(text)
    prose = size >= 30 or len(text) >= 220
    if not prose and size > text.count(" ") + 1:  # no spaces between words
        prose = size >= 6 and "。" in text
    elif not prose:
        prose = (ends and size >= 6) or (size >= 12 and _INNER_STOP.search(text) is not None)
    return Line(number, text, size, gap, ends, prose, "" if size > 14 else key(text), _NOTHING)


def _line(number: int, text: str, gap: int) -> Line:
    plain = text.isprintable() and "  " not in text  # of all white space only the space is printable
    return make_line(number, text.strip() if plain else " ".join(text.split()), gap)


def _abbreviated(text: str) -> bool:
    """Whether the full stop at the end belongs to an abbreviation: "U.S.", "Inc."."""
    word = _LAST_WORD.search(text[-20:])
    return word is not None and ("." in word[1] or len(word[1]) == 1 or word[1].lower() in ABBREVIATIONS)


def _unwrapped(raw: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Undoes hard wrapping: in a block where most lines are as full as they could be, full lines are joined on."""
    blocks: list[list[tuple[str, int]]] = []
    start = 0
    widths: list[int] = []
    for at in range(1, len(raw) + 1):
        if at == len(raw) or raw[at][1]:
            block = raw[start:at]
            if len(block) >= _BLOCK:
                whole = _unwrap(block)
                widths += [] if whole is block else [max(len(text.strip()) for text, _ in block)]
                block = whole
            blocks.append(block)
            start = at
    if len(widths) >= 2:
        blocks = [_unwrap_few(block, max(widths)) for block in blocks]
    return [line for block in blocks for line in block]


def _unwrapped_wide(raw: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Undoes hard wrapping in a script without spaces: two full lines and more, then the one that ends with a stop.

    There a line is full to the last character, but for a mark or two that must not start the next.
    """
    found: list[tuple[str, int]] = []
    at = 0
    while at < len(raw):
        end = _end_of_wide(raw, at)
        found.append(raw[at] if end == at + 1 else (_joined(raw[at:end]), raw[at][1]))
        at = end
    return found


def _end_of_wide(raw: list[tuple[str, int]], at: int) -> int:
    """Past the last line of a hard-wrapped paragraph that starts at `at`; the next line where there is none."""
    longest = shortest = 0
    for number in range(at, min(at + _WIDE_LINES, len(raw))):
        line, gap = raw[number]
        text = line.strip()
        if (number > at and (gap or line.lstrip(" \t").startswith("\u3000"))) or _WIDE.match(text) is None:
            break
        printed = line.strip(" \t")  # with its indent
        columns = len(printed) + len(_WIDE.findall(printed))
        if number - at >= _WIDE_FULL and columns <= longest + 2 and text[-1] in _WIDE_STOPS:
            return number + 1 if _is_running([line.strip() for line, _ in raw[at : number + 1]]) else at + 1
        longest, shortest = max(longest, columns), min(shortest or columns, columns)
        if shortest < _WIDE_MIN or longest - shortest > _WIDE_SPREAD:
            break
    return at + 1


def _is_running(lines: list[str]) -> bool:
    """Whether full lines are of one text: a sentence ends inside, or a word goes on below; no list of headlines."""
    return "。" in "".join(lines)[:-1] or any("\u3041" <= line[0] <= "\u309f" for line in lines[1:])


def _unwrap_few(block: list[tuple[str, int]], width: int) -> list[tuple[str, int]]:
    """A block too small to tell by itself that it was wrapped, on a page that was: a headline of two lines."""
    if not 1 < len(block) < _BLOCK or max(len(text.strip()) for text, _ in block) > width:
        return block
    runs = [[block[0]]]
    for line, (before, _) in zip(block[1:], block, strict=False):
        full = len(before.strip()) + 1 + len(line[0].split(None, 1)[0]) > width
        if full and not ends_sentence(before.rstrip()):
            runs[-1].append(line)
        else:
            runs.append([line])
    return [(_joined(run), run[0][1]) for run in runs]


def _joined(run: list[tuple[str, int]]) -> str:
    """Lines as one; without a space behind a hyphen, and where a script has none between words."""
    parts = [run[0][0].rstrip()]
    for line, _ in run[1:]:
        after, before = line.strip(), parts[-1]
        hyphen = before[-1:] == "-" and before[-2:-1].isalnum() and after[:1].islower()
        tight = hyphen or (_WIDE.match(before[-1:]) is not None and _WIDE.match(after) is not None)
        parts += [after] if tight else [" ", after]
    return "".join(parts)


def _unwrap(block: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """A block of lines without a blank one between them.

    Full is a line to which the next one's first word could not have been added: wrapped text is made that way.
    """
    lengths = [len(text.strip()) for text, _ in block]
    width = max(lengths)
    if not 40 <= width <= 130:
        return block
    full = [
        length + 1 + len(text.split(None, 1)[0]) > width for length, (text, _) in zip(lengths, block[1:], strict=False)
    ]
    starts = [text.lstrip()[0] for text, _ in block[1:]]
    lower = sum(map(str.islower, starts))
    cased = lower + sum(map(str.isupper, starts))
    if sum(full) < _WRAPPED * len(full) or lower < _LOWER * cased or (not cased and not all(full[:-1])):
        return block
    runs = [[block[0]]]
    for line, follows in zip(block[1:], full, strict=True):
        broken = line[0][:1].islower() and not ends_sentence(runs[-1][-1][0].rstrip())
        if (follows or broken) and not line[0].startswith("  "):
            runs[-1].append(line)
        else:
            runs.append([line])
    return [(_joined(run), run[0][1]) for run in runs]


def _unbroken(raw: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Joins a line to the one before it where a sentence was broken: no stop before, and it goes on below."""
    runs: list[list[tuple[str, int]]] = []
    for line in raw:
        if runs and line[1] <= 1 and _goes_on(runs[-1][-1][0], *line):
            runs[-1].append(line)
        else:
            runs.append([line])
    return [run[0] if len(run) == 1 else (_joined(run), run[0][1]) for run in runs]


def _goes_on(before: str, after: str, gap: int) -> bool:
    """Whether a sentence that stops nowhere in the first line goes on in the second, `gap` blank lines below."""
    before = before[-200:].rstrip()
    last = before[-1:]
    comma = last in {",", ";"}
    if not comma and not last.isalnum():
        return False
    after = " ".join(after[: _FACT_MAX + 1].split())
    lower = after[:1].islower()
    final = "" if lower or comma else before.rsplit(None, 1)[-1]
    if not lower and not comma and final not in ARTICLES:
        return False
    words, next_words = len(before.split()), len(after.split())
    if (lower and _is_fact(after, byline=not comma)) or LINE_STARTS.begin(after.casefold()):
        return False
    if comma:
        return words >= 4 and (lower or (gap == 0 and words >= 8 and next_words >= 4))
    return gap == 0 and ((words >= 8 and next_words >= 4) or (lower and len(before) >= _FULL))


def _is_fact(text: str, *, byline: bool) -> bool:
    """Whether a line in lower case is one of its own: "vor 5 Stunden", "by Jane Doe", "dpa".

    One with a stop is the end of a sentence: "… two months ago."
    """
    if len(text) > _FACT_MAX:
        return False
    if byline and len(text.split()) <= BYLINE_WORDS and (is_byline(text) or is_credit(text)):
        return True
    line = read_time_line(text)
    if line is None or not text.endswith("."):
        return line is not None
    return line.times != () and line.times[-1].age is not None and line.times[-1].raw.endswith(".")  # "vor 5 Std."
