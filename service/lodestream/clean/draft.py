"""An article while it is being put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lodestream.clean.kinds import Cut, Kind
from lodestream.clean.plain.lines import Line
from lodestream.clean.times.dates import PrintedTime
from lodestream.clean.words.patterns import Cue
from lodestream.records import Role


@dataclass(slots=True)
class Paragraph:
    """A paragraph, the number of the line it is from, and what was seen in that line (`Line`)."""

    text: str
    line: int = 0
    cues: Mapping[Cue, list[tuple[int, int]]] = field(default_factory=dict)
    headed: bool = False
    whole: str = ""  # the text in which the cues are

    def known_cues(self) -> list[tuple[Cue, int, int]] | None:
        """The cues in the text, by place; None where the text is no more what it was when they were found."""
        begin = self.whole.find(self.text)
        if begin < 0:
            return None
        size = len(self.text)
        spans = [(cue, start - begin, end - begin) for cue, found in self.cues.items() for start, end in found]
        return sorted((span for span in spans if span[1] >= 0 and span[2] <= size), key=lambda span: span[1:])

    def first_of(self, cue: Cue, floor: int) -> int | None:
        """Where the first phrase of a kind starts from `floor` on: behind the text when there is none.

        None where the text is no more what it was when they were found.
        """
        begin = self.whole.find(self.text)
        if begin < 0:
            return None
        places = (start - begin for start, _ in self.cues.get(cue, ()))
        return min((place for place in places if place >= floor), default=len(self.text))


@dataclass(slots=True)
class Draft:
    """What is known of one article so far. `paragraphs` become the body, `cuts` its `removed`."""

    role: Role = "main"
    headline: str | None = None
    publisher: str | None = None
    standfirst: str | None = None
    byline: list[str] = field(default_factory=list)
    credits: list[str] = field(default_factory=list)
    place: str | None = None
    dateline: str | None = None
    times: list[PrintedTime] = field(default_factory=list)
    paragraphs: list[Paragraph] = field(default_factory=list)
    language: str | None = None  # where it was told already
    cuts: list[Cut] = field(default_factory=list)

    def cut(self, line: int, kind: Kind, text: str) -> None:
        """Notes a piece of the page that is in no text field. `line`: its number on the page."""
        if text:
            self.cuts.append(Cut((line, len(self.cuts)), kind, text))

    def cut_line(self, line: Line, kind: Kind) -> None:
        """Cuts a line with what was cut off its end before."""
        self.cut(line.number, kind, line.text)
        self.cut_pieces(line)

    def cut_pieces(self, line: Line) -> None:
        for kind, text in line.pieces:
            self.cut(line.number, kind, text)

    def add_name(self, name: str | None) -> None:
        if name and name not in self.credits:
            self.credits.append(name)

    def add_authors(self, names: list[str]) -> None:
        self.byline += [name for name in dict.fromkeys(names) if name not in self.byline]
