"""The agent `clean`: raw documents to cleaned articles with their fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodestream.agents.events import event_headers
from lodestream.clean import Document, Limits, clean
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.engine.step import NoState, Outcome, Output, Record, State, Step, one_by_one
from lodestream.headers import Header, header
from lodestream.records import Article, Lineage, encode
from lodestream.settings import Settings
from lodestream.text import script_class
from lodestream.times import rfc3339
from lodestream.topics import ARTICLES


class CleanStep:
    """One raw record to the articles in it, or one dead letter."""

    def __init__(self, limits: Limits) -> None:
        self.state: State = NoState()
        self._limits = limits

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        return one_by_one(self._articles, records)

    def _articles(self, record: Record) -> list[Output]:
        headers = record.headers
        document = Document(
            body=record.value or b"",
            content_type=header(headers, Header.CONTENT_TYPE),
            document_id=header(headers, Header.DOCUMENT_ID),
            site=header(headers, Header.SITE),
            url=header(headers, Header.URL),
            fetched_at=header(headers, Header.FETCHED_AT),
            charset=header(headers, Header.CHARSET),
        )
        lineage = Lineage(topic=record.topic, partition=record.partition, offset=record.offset)
        found = clean(document, limits=self._limits, lineage=lineage, ingested_at=rfc3339(record.ingested_at))
        return [self._output({**fields, "fingerprint": fingerprint(fields["body"])}) for fields in found]

    @staticmethod
    def _output(article: Article) -> Output:
        return Output(
            ARTICLES,
            script_class(article["body"]).encode(),
            encode(article),
            event_headers("clean", "article", article, str(article["version"]), str(article["position"])),
            counts=(("articles", "clean", 1),),
        )


def steps(settings: Settings) -> Callable[[], Step]:
    limits = Limits(
        document_bytes=settings.document_max_bytes,
        article_bytes=settings.article_max_bytes,
        articles=settings.articles_max,
    )
    return lambda: CleanStep(limits)
