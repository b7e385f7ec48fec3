"""The agent `tag`: originals to the product, with tags that name their spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lodestream.agents.events import event_headers
from lodestream.engine.step import NoState, Outcome, Output, Record, State, Step, one_by_one
from lodestream.errors import Reason, Rejected
from lodestream.records import ENRICHED_SCHEMA, Enriched, Original, decode, encode
from lodestream.settings import Settings
from lodestream.tag import Tagger, load_vocabulary
from lodestream.topics import ENRICHED


class TagStep:
    """One original to its enriched record."""

    def __init__(self, tagger: Tagger) -> None:
        self.state: State = NoState()
        self._tagger = tagger

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        return one_by_one(self._enrich, records)

    def _enrich(self, record: Record) -> list[Output]:
        original = _original(record)
        tags = self._tagger.tag(original)
        enriched: Enriched = {
            **original,
            "schema": ENRICHED_SCHEMA,
            "tags": tags,
            "ruleset": self._tagger.ruleset,
            "trending": [],
        }
        kinds = Counter(tag["kind"] for tag in tags)
        headers = event_headers("tag", "enriched", enriched, str(enriched["version"]), self._tagger.ruleset)
        counts = (("articles", "enriched", 1), *(("tags", kind, n) for kind, n in kinds.items()))
        return [Output(ENRICHED, enriched["article_id"].encode(), encode(enriched), headers, counts=counts)]


def _original(record: Record) -> Original:
    try:
        original: Original = decode(record.value or b"")
        complete = all(isinstance(original[field], str) for field in ("article_id", "body", "document_id", "language"))
    except (ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise Rejected(Reason.INVALID_RECORD, "not an original")
    return original


def steps(settings: Settings) -> Callable[[], Step]:
    tagger = Tagger(load_vocabulary(settings.vocabularies))
    return lambda: TagStep(tagger)
