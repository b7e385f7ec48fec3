"""Captions of pictures: lines that say who took one, and the sentences above such lines.

Forms: "Photo: AP", "(AP Photo/Staff)", "Foto: Privat" at the end, "REUTERS/Name Name", "© Name, Reuters",
"그래픽=이름", "（…撮影）", "… 있다. 이름 기자".
"""

from __future__ import annotations

import re
from typing import Final

from lodestream.clean.fields.bylines import NAME_JOINTS
from lodestream.clean.fields.datelines import find_dateline
from lodestream.clean.fields.sentences import sentence_start
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import Line, ends_sentence, size_of
from lodestream.clean.words.names import AGENCY, agency_names
from lodestream.clean.words.patterns import COLON, PHOTO_LABELS, REPORTERS, alternatives

_CAPTION_WORDS: Final = 60
_CAPTION_SENTENCES: Final = 2
_INNER_STOP: Final = re.compile(r"[.!?][\"'”’»)\]]{0,2}\s|[。！？](?=.)")
_CREDIT_WORDS: Final = 6  # of a line that names a photographer; after "Photos:" more are a link
_TAIL: Final = 90  # characters at a line's end in which a photographer is named
_LABEL: Final = rf"(?:{alternatives(PHOTO_LABELS)})"
_PHOTO: Final = re.compile(rf"[\[(]?\s?{_LABEL}(?:{COLON}|\s*[=＝/]|\s+by\s|$)", re.IGNORECASE)
_PICTURES: Final = tuple(label.casefold() for label in PHOTO_LABELS)
_AT_END: Final = re.compile(
    rf"(?:^|[\s(\[/]|(?<=\.)){_LABEL}(?:\s[^\W\d_]['’]?[^\W_]*)?(?:{COLON}|\s*[=＝/]\s*|\s+by\s)[^.!?]{{2,80}}$",
    re.IGNORECASE,
)
_BRACKET: Final = re.compile(r"[(\[（【](?P<inside>[^()\[\]（）【】]{3,70})[)\]）】]\.?$")
_IN_BRACKET: Final = re.compile(
    rf"(?:^|[^\W\d_a-z]|\s|/){_LABEL}(?:$|[\s:/|])|(?<=[\u3040-\u9fff\uac00-\ud7a3]){_LABEL}$", re.IGNORECASE
)
_NAME: Final = r"[^\W\d_a-z][^\W\d_]*[.'’-]?[^\W\d_]*"
_NAMES: Final = rf"{_NAME}(?:\s{_NAME}){{1,3}}"
_SLASHED: Final = re.compile(
    rf"(?P<agency>{AGENCY})\s*/\s*(?:{_NAMES}|[^\W\d_a-z][^\W\d_]{{4,}})$|{_NAMES}\s*/\s*(?:{AGENCY})$"
)
_BARE: Final = re.compile(
    rf"(?<=[.)”\"]\s){_LABEL}$|(?<=[/／]){_LABEL}$|(?<=[.다]\s)[^\s.]{{2,12}}(?:\s[^\s.]{{1,8}})?\s제공$", re.IGNORECASE
)
_LAST_WORDS: Final = frozenset(label.split()[-1].strip("/／") for label in PHOTO_LABELS) | {"제공"}
_RIGHTS: Final = re.compile(rf"©\s?{_NAMES}(?:\s?[,/]\s?[^\W\d_][^.!?,\d]{{1,30}})?$")
_REPORTER: Final = re.compile(rf"[.다]\s[\uac00-\ud7a3]{{2,4}}\s(?:{alternatives(REPORTERS)})$") if REPORTERS else None


def says_photo(line: Line) -> bool:
    """Whether a line with a photo's cue starts or ends with it and a name."""
    return _PHOTO.match(line.text) is not None or _AT_END.search(line.text, max(0, len(line.text) - 160)) is not None


def credit_at_end(text: str) -> int | None:
    """Where the photographer's name starts that ends a caption without a label before it; None when there is none."""
    last = text[-1:]
    start = max(0, len(text) - _TAIL)
    tail = text[start:]
    if last in ")]）】." and (match := _BRACKET.search(tail)) is not None:
        inside = match["inside"]
        named = _IN_BRACKET.search(inside) is not None or _is_slashed(inside)
        return start + match.start() if named else None
    word = tail.rpartition(" ")[2].rpartition("/")[2].rpartition("／")[2].casefold()
    if word in _LAST_WORDS and (match := _BARE.search(tail)) is not None and start + match.start() > 0:
        return start + match.start()
    if "©" in tail and (match := _RIGHTS.search(tail)) is not None:
        return start + match.start()
    if "/" in tail and (match := _SLASHED.search(tail)) is not None and _is_slashed(match[0]):
        before = tail[: match.start()].rstrip(" –—-/")
        return start + match.start() if not before or ends_sentence(before) else None
    if _REPORTER is not None and "\uac00" <= last <= "\ud7a3" and (match := _REPORTER.search(tail)) is not None:
        return start + match.start() + 1
    return None


def _is_slashed(text: str) -> bool:
    """Whether an agency and a person stand on the two sides of a slash: two agencies share a credit."""
    match = _SLASHED.search(text)
    return match is not None and not all(map(agency_names, text.split("/")))


def mark_captions(lines: list[Line]) -> None:
    """Marks captions that name who took the picture, and the sentence right above a line that does."""
    last = max((at for at, line in enumerate(lines) if line.content and line.prose), default=-1)
    for at, line in enumerate(lines):
        if at != last and line.content and line.size <= _CAPTION_WORDS and credit_at_end(line.text) is not None:
            line.kind = Kind.CAPTION
    for at in range(1, len(lines)):
        line, above = lines[at], lines[at - 1]
        if line.kind is None or not (above.content and above.ends):
            continue
        before = lines[at - 2] if at >= 2 else None
        apart = before is None or not (before.content and before.prose)
        close = line.gap == 0 and above.gap > 0 and (at + 1 >= len(lines) or lines[at + 1].gap > 0)
        near = close or (apart and line.gap <= above.gap)
        if near and _is_picture_label(line) and _may_be_caption(above):
            above.kind = Kind.CAPTION


def _may_be_caption(line: Line) -> bool:
    """Whether a line has no more sentences than a caption has, and no dateline before them."""
    sentences = len(_INNER_STOP.findall(line.text)) + 1
    plain = line.size <= _CAPTION_WORDS and sentences <= _CAPTION_SENTENCES
    return plain and find_dateline(line.text, start_only=True) is None


def keep_text_above_labels(lines: list[Line]) -> None:
    """A paragraph of several sentences inside a text that ends in "Photo: …" is text: only its end is a caption.

    One sentence is a caption there too: in 900 AllSides articles all 27 of such lines were.
    """
    for at in range(1, len(lines)):
        line = lines[at]
        if line.kind is not Kind.CAPTION or not line.prose or not (lines[at - 1].content and lines[at - 1].prose):
            continue
        label = _AT_END.search(line.text)
        start = label.start() if label is not None else credit_at_end(line.text)
        before = "" if start is None else line.text[:start].rstrip()
        several = before != "" and ends_sentence(before) and sentence_start(before, len(before)) > 0
        if several and _PHOTO.match(line.text) is None:
            line.pieces = ((Kind.CAPTION, line.text[len(before) :].strip()),)
            line.kind, line.text, line.size, line.ends = None, before, size_of(before), True


def is_short_credit(line: Line) -> bool:
    """Whether a line after a photo's label is short enough to name somebody."""
    return line.size <= _CREDIT_WORDS


def _is_picture_label(line: Line) -> bool:
    """Whether a line says who took or made a picture, and no more."""
    if line.kind is Kind.CAPTION:
        match = _PHOTO.match(line.text)
        names = line.text[match.end() :].split() if match else []
        named = all(not name[0].islower() or name in NAME_JOINTS for name in names)
        return line.size <= _CREDIT_WORDS and named
    return line.kind is Kind.AI_LABEL and any(map(line.text.casefold().__contains__, _PICTURES))
