"""What a text carries at its ends and is not body: credit, contributors, copyright, a stamp of time."""

from __future__ import annotations

import re
from typing import Final

from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields.credits import AFTER_STOP, agencies, find_credit
from lodestream.clean.fields.datelines import Dateline, find_dateline, find_town
from lodestream.clean.fields.sentences import sentence_start
from lodestream.clean.kinds import Kind
from lodestream.clean.plain.lines import END_SIGNS
from lodestream.clean.times.dates import find_stamp
from lodestream.clean.words.names import AGENCY, agency, is_agency
from lodestream.clean.words.patterns import (
    CONTRIBUTED,
    CONTRIBUTORS_LABELS,
    EDITORS_LABELS,
    INTERFACE,
    Cue,
    alternatives,
    key,
)

_STANDFIRST_WORDS: Final = 60
_REPORTS: Final = 10  # paragraphs in which a second dateline is looked for
_STAMP_MAX: Final = 160  # characters at the start of a text that may hold a section's name and a time
_TAIL: Final = 700  # characters at the end of a text in which all this is looked for
_BEFORE_LABEL: Final = 8  # characters: dashes, brackets and spaces
_ROUNDS: Final = 8  # credits, contributors and notices that may follow on each other

_RESERVED: Final = (
    r"all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados"
    r"|tutti i diritti riservati|riproduzione riservata|alle rechten voorbehouden|todos os direitos reservados"
)
_COPYRIGHT: Final = re.compile(
    rf"{AFTER_STOP}(?P<cut>[\[(]?(?:(?:©|\(c\)|copyright\s+(?:©|\(c\)|\d|(?-i:[A-Z])))[^\[\]\n]{{0,160}}|{_RESERVED})[\])]?\.?)$",
    re.IGNORECASE,
)
_END_MARKS: Final = frozenset({"END", "ENDS", "ENDE", "FIN", "NNNN", "XXX", "SLUT", "FINE"})
_CONTRIBUTORS: Final = re.compile(
    rf"(?:^|(?<=[.!?…\"'”’»)\]。])\s*|(?<=(?-i:[A-Z]{{2}}))\s+)"
    rf"(?P<cut>[-–—*(\[（]{{0,3}}\s?(?:{alternatives(CONTRIBUTORS_LABELS)})\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_CONTRIBUTED: Final = re.compile(rf"\s(?P<cut>(?:{alternatives(CONTRIBUTED)})[^.!?]{{0,80}}\.?[)\]]?)$")
_AGENCY: Final = re.compile(rf"(?<![^\W_])(?:{AGENCY})(?![^\W_])")
_NAME: Final = re.compile(
    r"(?<![^\W\d_])(?:(?P<place>(?:in|from|at|of|aus|in|à|en|de|da)\s))?"
    r"(?P<name>[A-ZÀ-Þ][\w’'.-]+(?:\s(?:(?:van|von|der|de|la|al|bin|di|da|del|le)\s){0,2}[A-ZÀ-Þ][\w’'-]+){1,3})"
)
_OF_PAPER: Final = re.compile(r"^(?:[^\W\d_]+ )?[^\W\d_]+(?:['’]s|s['’]) ")  # "CNBC's Spencer Kimball"
_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_STAMP_AT_END: Final = re.compile(r"[（(]\d{4}[/.-]\d{1,2}[/.-]\d{1,2}(?:[-\s]\d{1,2}:\d{2})?[）)]$")
_LABEL_AT_END: Final = re.compile(r"\s?[\[【(（](?P<inside>[^\[\]【】()（）]{2,14})[\]】)）]$")
_SIGN_AT_END: Final = re.compile(r"(?<=[.!?”“\"»])\s(?P<cut>\([a-z]{2,4}\))$")
"""Who edited, as papers sign below a text: "(kle)"."""
_LABELS: Final = re.compile(rf"(?:{alternatives((*CONTRIBUTORS_LABELS, *EDITORS_LABELS))})", re.IGNORECASE)
_CONTRIBUTORS_WORDS: Final = 80


def read_ends(draft: Draft) -> None:
    """Takes what stands at the end of the text into the draft's fields."""
    for _ in range(_ROUNDS):
        if not draft.paragraphs or not _read_end(draft):
            return
        if not draft.paragraphs[-1].text:
            draft.paragraphs.pop()


def _read_end(draft: Draft) -> bool:
    """Cuts one thing off the end of the last paragraph; whether there was one."""
    last = draft.paragraphs[-1]
    start = max(0, len(last.text) - _TAIL)
    tail = last.text[start:]
    if (last.cues and _read_notice(draft, last, tail)) or _read_bracket(draft, last, tail):
        return True
    bare = tail.rstrip(f" {END_SIGNS}")
    if bare != tail:
        draft.cut(last.line, Kind.INTERFACE, tail[len(bare) :].strip())
        last.text = last.text[: start + len(bare)]
        return True
    found = find_credit(tail)
    if found is None:
        return _read_sign(draft, last, tail)
    at, names = found
    if names in _END_MARKS:
        draft.cut(last.line, Kind.INTERFACE, tail[at:].strip())
    else:
        draft.cut(last.line, Kind.CREDIT, tail[at:].strip())
        for name in agencies(names):
            draft.add_name(agency(name))
    last.text = last.text[: start + at].rstrip()
    return True


def _read_notice(draft: Draft, last: Paragraph, tail: str) -> bool:
    """Cuts a notice of copyright or of contributors off the end of a text; whether there was one."""
    start = len(last.text) - len(tail)
    for kind, pattern, window, sign in (
        (Kind.COPYRIGHT, _COPYRIGHT, 200, Cue.COPYRIGHT),
        (Kind.COPYRIGHT, _COPYRIGHT, 200, Cue.FOLLOW),
        (Kind.CONTRIBUTORS, _CONTRIBUTORS, _TAIL, Cue.CONTRIBUTORS),
        (Kind.CONTRIBUTORS, _CONTRIBUTED, 320, Cue.CONTRIBUTED),
    ):
        if sign not in last.cues:
            continue
        at = max(0, len(tail) - window)
        if sign is Cue.CONTRIBUTORS and (first := last.first_of(sign, start)) is not None:
            at = max(at, first - start - _BEFORE_LABEL)
        match = pattern.search(tail, at)
        if match is None:
            continue
        begin = match.start("cut") if pattern is not _CONTRIBUTED else sentence_start(tail, match.start())
        if not (at and begin == at) and _take(draft, kind, tail[begin : match.end()]):
            last.text = last.text[: start + begin].rstrip()
            return True
    return False


def _read_bracket(draft: Draft, last: Paragraph, tail: str) -> bool:
    """Cuts a bracket with a time or a button's words off the end of a text; whether there was one."""
    found = _STAMP_AT_END.search(tail, max(0, len(tail) - 40))
    kind = Kind.TIME
    if found is None:
        found, kind = _LABEL_AT_END.search(tail, max(0, len(tail) - 20)), Kind.INTERFACE
        if found is None or key(found["inside"]) not in INTERFACE:
            return False
    draft.cut(last.line, kind, found[0].strip())
    last.text = last.text[: len(last.text) - len(found[0])].rstrip()
    return True


def _read_sign(draft: Draft, last: Paragraph, tail: str) -> bool:
    """Cuts the sign of who edited a text off its end; whether there was one."""
    sign = _SIGN_AT_END.search(tail, max(0, len(tail) - 12)) if draft.role == "main" else None
    if sign is None:
        return False
    draft.cut(last.line, Kind.CREDIT, sign["cut"])
    last.text = last.text[: len(last.text) - len(sign["cut"])].rstrip()
    return True


def _take(draft: Draft, kind: Kind, cut: str) -> bool:
    """Takes a piece off the end into its field; False when it is not what it looked like."""
    if kind is Kind.CONTRIBUTORS:
        bare = cut.lstrip("-–—*([（ ")
        if cut[:1] not in "([（-–—*" and bare[:1].islower():
            return False
        if len(cut.split()) > _CONTRIBUTORS_WORDS:
            return False
        add_contributors(draft, cut)
    elif kind is Kind.COPYRIGHT and is_agency(cut.strip("©()[]. ")):  # "(©NTB)"
        draft.add_name(agency(cut.strip("©()[]. ")))
        kind = Kind.CREDIT
    draft.cut(draft.paragraphs[-1].line, kind, cut.strip())
    return True


def add_contributors(draft: Draft, text: str) -> None:
    """Takes whom a line about contributors names: people as authors, agencies as credits."""
    draft.add_authors([name for name in names_in(text) if not is_agency(name)])
    for match in _AGENCY.finditer(text):
        draft.add_name(agency(match[0]))


def names_in(text: str) -> list[str]:
    """Names of people in a line about contributors; what follows "in" or "from" is a place, who edits is no author."""
    parts: list[str] = []
    start, editor = 0, False
    for label in _LABELS.finditer(text):
        parts += [] if editor else [text[start : label.start()]]
        start, editor = label.end(), _one_space(label[0].casefold()) in EDITORS_LABELS
    parts += [] if editor else [text[start:]]
    found = (match["name"] for match in _NAME.finditer(",".join(parts)) if not match["place"])
    return [_OF_PAPER.sub("", name).rstrip(".") for name in found]


def _one_space(text: str) -> str:
    return " ".join(text.split())


def read_starts(draft: Draft) -> None:
    """Takes stamp of time, dateline and the standfirst before it off the start of the text."""
    if not draft.paragraphs:
        return
    _read_stamp(draft)
    first = draft.paragraphs[0]
    found = find_dateline(first.text)
    if found is None and len(draft.paragraphs) > 1 and len(first.text.split()) <= _STANDFIRST_WORDS:
        found = _dateline_below(draft)
        if found is not None:
            draft.standfirst = first.text if draft.standfirst is None else f"{draft.standfirst} {first.text}"
            draft.paragraphs.pop(0)
            first = draft.paragraphs[0]
    if found is None:
        found = find_town(first.text, " ".join(paragraph.text for paragraph in draft.paragraphs[1:_REPORTS]))
    if found is None:
        return
    before = first.text[: found.start].rstrip()
    if before:
        draft.standfirst = before if draft.standfirst is None else f"{draft.standfirst} {before}"
    draft.dateline, draft.place = first.text[found.start : found.end].strip(), found.place
    draft.add_name(found.agency)
    draft.add_authors(re.split(r"[、·,]", found.reporter) if found.reporter else [])
    first.text = first.text[found.end :].lstrip()
    if not first.text:
        draft.paragraphs.pop(0)


def _dateline_below(draft: Draft) -> Dateline | None:
    """The dateline of the second paragraph, where the first is a standfirst.

    It must name a date, an agency or a country, and no other may follow: a summary of several reports has one for each.
    """
    found = find_dateline(draft.paragraphs[1].text, start_only=True)
    if found is None or not found.certain:
        return None
    others = (find_dateline(paragraph.text, start_only=True) for paragraph in draft.paragraphs[2:_REPORTS])
    return None if any(other is not None and other.certain for other in others) else found


def _read_stamp(draft: Draft) -> None:
    """A section's name and a time glued before the text: "News from Japan Jul 3, 2025 19:48 (JST) Seoul, …"."""
    first: Paragraph = draft.paragraphs[0]
    head = first.text[:_STAMP_MAX]
    if not ("20" in head or "19" in head) or _YEAR.search(head) is None:
        return
    stamp = find_stamp(head)
    if stamp is None:
        return
    start, end, time = stamp
    before = first.text[:start].strip(" |·•-–—")
    if len(before.split()) > 6 or any(mark in before for mark in ".!?,") or not first.text[end:].strip():
        return
    if not first.text[end:].lstrip(" |·•-–—")[:1].isupper():
        return
    draft.cut(first.line, Kind.MENU, first.text[:start].strip())
    draft.cut(first.line, Kind.TIME, first.text[start:end])
    draft.times.append(time)
    first.text = first.text[end:].lstrip()
