"""What originals and links name: the stories that there are, and the articles that are originals."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestream.ledger.content import NOTHING, identity
from lodestream.ledger.inputs import view
from lodestream.ledger.outputs import Columns, Kind

Hashes = NDArray[np.uint64]


class Stories:
    """The keys of `stories`: 8 bytes a record, or those that are looked for."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._missing: set[int] | None = None

    def look_for(self, columns: Columns) -> None:
        """Keep only the stories that these outputs of `dedupe` name."""
        self._missing = set(np.unique(columns["story"]).tolist()) - {NOTHING}

    @property
    def complete(self) -> bool:
        """True when further keys say nothing: all that are looked for were there."""
        return self._missing is not None and not self._missing

    def add(self, key: bytes | None) -> None:
        story = identity(key)
        if self._missing is not None:
            if story not in self._missing:
                return
            self._missing.remove(story)
        self._keys.append(story)

    def found(self) -> Hashes:
        """Their hashes; nothing can be added while they are held."""
        keys: Hashes = view(self._keys)
        return keys


@dataclass(frozen=True, slots=True)
class Known:
    """Hashes of what there is to be named.

    `articles`: the originals by partition, only of those that hold every original there ever was. `stories`: None
    where they were not read.
    """

    articles: Mapping[int, Hashes] = field(default_factory=dict)
    stories: Hashes | None = None


def known_of(columns: Columns, whole: Collection[int], stories: Hashes) -> Known:
    """`columns`: all outputs of `dedupe`; `whole`: partitions of `originals` that were read from their first record."""
    articles = {}
    for partition in whole:
        mine = (columns["kind"] == Kind.ORIGINAL) & (columns["at_partition"] == partition)
        articles[partition] = np.unique(columns["article"][mine])
    return Known(articles, np.unique(stories))


def dangling(columns: Columns, partition: int, known: Known) -> NDArray[np.bool_]:
    """Which outputs of `dedupe`, all of this input partition, name an article or a story that is not there."""
    found = np.full(len(columns["kind"]), False)
    kind = columns["kind"]
    is_link = (kind == Kind.LINK) | (kind == Kind.FORWARDED)
    if known.stories is not None:
        found |= (is_link | (kind == Kind.ORIGINAL)) & ~_among(columns["story"], known.stories)
    if partition in known.articles:
        found |= is_link & ~_among(columns["names"], known.articles[partition])
    return found


def _among(hashes: Any, known: Hashes) -> NDArray[np.bool_]:
    at = np.searchsorted(known, hashes)
    among: NDArray[np.bool_] = at < len(known)
    among[among] = known[at[among]] == hashes[among]
    return among
