"""An article's text out of its lines: paragraphs and crossheads stay, boxes, labels and what trails behind go."""

from __future__ import annotations

from collections import Counter
from typing import Final

from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields.bylines import is_name, reported_names
from lodestream.clean.fields.credits import credits_of_line
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.core import opens_list, text_end
from lodestream.clean.plain.head import read_fact
from lodestream.clean.plain.lines import Line
from lodestream.clean.words.names import is_publisher

_LABEL_WORDS: Final = 8
_TAIL_LINES: Final = 4  # below the text in which an agency's credit may stand
_LINK_SIZE: Final = 5  # words of a headline without its text; what is shorter is a label
_CROSSHEAD_WORDS: Final = 9
_CHANNELS: Final = ("whatsapp", "telegram", "google news", "google discover")
_MENU_LINES: Final = 4  # of up to three words, in a row
_TAIL_SHARE: Final = 0.4  # of the text's words: what follows a link to the full article and is more, is text


def read_body(lines: list[Line], draft: Draft) -> None:
    """Takes the lines of a text into the draft: as paragraphs, or as cuts with their kinds."""
    repeated = Counter(line.key for line in lines if line.content and not line.prose and line.size <= _LABEL_WORDS)
    end = _end(lines)
    waiting: list[Line] = []
    last = max((line.number for line in lines[:end] if line.content and line.prose), default=0)
    for line in lines[:end]:
        if not line.content:
            read_fact(line, draft, inside=line.number < last)
        elif not line.prose and line.key and (repeated[line.key] > 1 or (line.repeated and not line.ends)):
            draft.cut_line(line, Kind.INTERFACE)
        elif not line.prose:
            waiting.append(line)
        else:
            _keep(waiting, draft)
            waiting = []
            _add(line, draft)
    tail = [line for line in lines[end : end + _TAIL_LINES] if line.content and not line.prose]
    credited = [line for line in tail if credits_of_line(line.text, line.size)]
    signed = tail[:1] if not waiting and tail and tail[0] not in credited and is_name(tail[0].text) else []
    _read_tail([*waiting, *signed, *credited], draft)
    for line in lines[end:]:
        if line in credited or line in signed:
            continue
        if line.content:
            draft.cut_line(line, Kind.PROMO if line.prose else Kind.INTERFACE)
        else:
            read_fact(line, draft)


def _end(lines: list[Line]) -> int:
    """Where the text ends: below a link to the full article, or where only scattered sentences follow."""
    linked = next((at + 1 for at, line in enumerate(lines) if line.last), len(lines))
    if _prose(lines[linked:]) > _TAIL_SHARE * _prose(lines[:linked]):
        linked = len(lines)
    return min(linked, text_end(lines))


def _prose(lines: list[Line]) -> int:
    return sum(line.size for line in lines if line.content and line.prose)


def _add(line: Line, draft: Draft) -> None:
    draft.paragraphs.append(Paragraph(line.text, line.number, line.cues, headed=line.headed, whole=line.text))
    draft.cut_pieces(line)


def _keep(shorts: list[Line], draft: Draft) -> None:
    """Short lines between paragraphs: a crosshead, items of a list, sentences; a row of others is a box of the page.

    In 3,140 AllSides articles most such rows are: videos, links with their authors, labels of pictures.
    """
    menu = len(shorts) >= _MENU_LINES and all(line.size <= 3 for line in shorts)
    listed = bool(draft.paragraphs) and draft.paragraphs[-1].text.endswith((":", "："))
    opened = next((at + 1 for at, line in enumerate(shorts) if line.text.endswith((":", "："))), len(shorts))
    row = [line for line in shorts[:opened] if not (line.ends or line.listed)]
    boxed = len(row) >= 2 and not listed and row[-1].gap <= row[0].gap + 1
    crosshead = row[-1] if boxed and row[-1] is shorts[-1] and _is_crosshead(row) else None
    for line in shorts:
        if menu:
            draft.cut_line(line, Kind.MENU)
        elif not listed and not line.ends and _names_channel(line):
            draft.cut_line(line, Kind.INTERFACE)
        elif boxed and line in row and line is not crosshead and not line.text.endswith((":", "：")):
            draft.cut_line(line, Kind.LINK if line.size >= _LINK_SIZE else Kind.INTERFACE)
        else:
            _add(line, draft)


def _names_channel(line: Line) -> bool:
    """Whether a short line asks, in whatever language, to follow the portal elsewhere."""
    return line.size > 2 and any(name in line.key for name in _CHANNELS)


def _is_crosshead(row: list[Line]) -> bool:
    """Whether the last line of a row of short ones is the text's own, and not the author of the link above it."""
    last, above = row[-1], row[-2]
    return last.size <= _CROSSHEAD_WORDS and not (above.size > last.size and is_name(last.text))


def _read_tail(shorts: list[Line], draft: Draft) -> None:
    """Short lines below the last paragraph: an agency's credit, the end of a text or a list, or labels of the page."""
    for at, line in enumerate(shorts):
        listed = bool(draft.paragraphs) and draft.paragraphs[-1].text.endswith((":", "："))
        if credits_of_line(line.text, line.size):
            _add(line, draft)
        elif is_name(line.text) and draft.role == "main" and not draft.byline and line is shorts[0]:
            draft.add_authors(reported_names(line.text))
            draft.cut_line(line, Kind.BYLINE)
        elif draft.publisher is None and is_publisher(line.text):
            draft.publisher = line.text
            draft.cut_line(line, Kind.PUBLISHER)
        elif line.listed or line.ends or listed or opens_list(shorts, at):
            _add(line, draft)
        else:
            draft.cut_line(line, Kind.INTERFACE)
