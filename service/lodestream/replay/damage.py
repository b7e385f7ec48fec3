"""What of an archive could not be read, put together as the one report that it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lodestream.replay.documents import Refused

PLACES_MAX: Final = 1000  # each may cost as much as reading MiBs again; what is damaged more often is no archive
PLACES_TOLD: Final = 3


@dataclass(slots=True)
class _Place:
    after: str
    at: int
    why: str
    goes_on: int | None = None


class _Parts:
    """Parts of an archive that share a fate: the first of them, and how many there are."""

    def __init__(self, fate: str) -> None:
        self._fate = fate
        self._count = 0
        self._first: list[str] = []

    def add(self, text: str) -> None:
        self._count += 1
        if self._count <= PLACES_TOLD:
            self._first.append(text)

    def told(self) -> list[str]:
        more = self._count - len(self._first)
        return [f"{self._fate}: {', '.join(self._first)}{f' and {more} more' if more else ''}"] if self._first else []


class Damages:
    """The damaged places of one archive, in order, and what cannot be read of what lies between them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._places: list[_Place] = []
        self._count = 0
        self._false_beginnings = 0
        self._lost = _Parts("cannot be read")
        self._doubted = _Parts("in doubt, and taken all the same")

    @property
    def is_hopeless(self) -> bool:
        """It is not worth going on: too many places, or too many beginnings that were none."""
        return self._count + self._false_beginnings >= PLACES_MAX

    def add(self, after: str, at: int, why: str) -> None:
        """A place: what the last thing was that could be read ("line 7"), the byte in the file, a phrase."""
        self._count += 1
        place = _Place(after, at, why)
        if self._count <= PLACES_TOLD:
            self._places.append(place)
        else:
            self._places[PLACES_TOLD:] = [place]

    def goes_on(self, at: int) -> None:
        """Behind the last place: the byte in the file from where it can be read again."""
        self._places[-1].goes_on = at

    def false_beginning(self) -> None:
        """What looked like a place to go on at was none."""
        self._false_beginnings += 1

    def lost(self, what: str, why: str) -> None:
        """A part ("record 7") that cannot be read; `why` is a phrase."""
        self._lost.add(f"{what} ({why})")

    def doubted(self, what: str, why: str) -> None:
        """A part that is given though something about it is wrong."""
        self._doubted.add(f"{what} ({why})")

    def report(self) -> list[Refused]:
        """One report, or none where nothing is damaged."""
        told = [_text(place) for place in self._places[:PLACES_TOLD]]
        if self._count > PLACES_TOLD:
            told.append(f"and {self._count - PLACES_TOLD} more places, the last {_text(self._places[-1])}")
        if self.is_hopeless:
            told.append("damaged in so many places that the rest is not read")
        told += [*self._lost.told(), *self._doubted.told()]
        return [Refused(self._path, "; ".join(told))] if told else []


def _text(place: _Place) -> str:
    if place.goes_on is None:
        return f"breaks off after {place.after}, at byte {place.at}: {place.why}"
    return f"damaged after {place.after}, at byte {place.at}: {place.why}; goes on at byte {place.goes_on}"
