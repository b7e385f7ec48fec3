"""What a replay reads, counted: the plan of a dry run and the report of a real one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from lodestream.headers import Header, header
from lodestream.replay.documents import RawDocument, Refused

REFUSED_KEPT: Final = 1000  # an archive of another kind must not fill the memory with its refusals


@dataclass(slots=True)
class Tally:
    """Documents by site and content type, their bytes, and what was refused."""

    documents: int = 0
    bytes: int = 0
    sites: Counter[str] = field(default_factory=Counter)
    content_types: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    refusals: list[Refused] = field(default_factory=list)  # the first of them

    def add(self, document: RawDocument) -> None:
        self.documents += 1
        self.bytes += len(document.value)
        self.sites[header(document.headers, Header.SITE) or ""] += 1
        self.content_types[header(document.headers, Header.CONTENT_TYPE) or ""] += 1

    def refuse(self, refused: Refused) -> None:
        self.refused += 1
        if len(self.refusals) < REFUSED_KEPT:
            self.refusals.append(refused)

    def as_json(self) -> dict[str, Any]:
        """For `--json`: sites and content types by falling count."""
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "sites": dict(self.sites.most_common()),
            "content_types": dict(self.content_types.most_common()),
            "refused": self.refused,
            "refusals": [{"place": refused.place, "why": refused.why} for refused in self.refusals],
        }
