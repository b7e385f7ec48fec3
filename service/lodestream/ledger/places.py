"""Where an output must be: under which key, and on which partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lodestream.engine.partitioner import partitions_of
from lodestream.headers import Headers
from lodestream.ledger.outputs import Fate, Kind
from lodestream.letters import key_of_letter
from lodestream.topics import ORIGINALS, RAW

WRONG_KEY: Final = 1
WRONG_PARTITION: Final = 2

# What names the key of a record; an article's is the script of its text, and an original's that of its article.
_KEY: Final = {Kind.LINK: "duplicate_of", Kind.FORWARDED: "duplicate_of", Kind.ENRICHED: "article_id"}


def by_key(topic: str, keys: Sequence[bytes | None], partitions: int | None) -> Sequence[int | None]:
    """The partitions that records with these keys belong on, None where their key does not say it.

    An original is on the partition of its article. `partitions`: of the topic (short name), None: not known.
    """
    if partitions is None or topic in {RAW, ORIGINALS}:
        return [None] * len(keys)
    return partitions_of(keys, partitions)


def astray(fate: Fate, key: bytes | None, headers: Headers, record: Mapping[str, Any] | None) -> int:
    """`WRONG_KEY` for an output under a key that is not its own, else 0. `record`: its decoded value."""
    if fate.kind is Kind.DEAD_LETTER:
        try:
            return 0 if key == key_of_letter(headers, fate.origin) else WRONG_KEY
        except ValueError:
            return WRONG_KEY
    name = _KEY.get(fate.kind)
    if name is None or record is None:
        return 0
    named = record.get(name)
    return 0 if isinstance(named, str) and key == named.encode("utf-8", "replace") else WRONG_KEY
