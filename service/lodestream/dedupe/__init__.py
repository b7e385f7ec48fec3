"""Which articles are copies of which: from an article with its fingerprint to a verdict. Pure.

Read `fingerprint` (what is kept of a text), `compare` (how alike two are), `verdict` (what that means) and
`deduper` (the windowed state, and the records that come out).
"""

from __future__ import annotations

from lodestream.dedupe.deduper import Decision, Deduper, StoreSize

__all__ = ["Decision", "Deduper", "StoreSize"]
