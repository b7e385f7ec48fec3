"""The agent `clean`: raw documents to cleaned articles with their fingerprints.

Documents with markup are cleaned in a child process: their parser may hang or crash and must not take the worker along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from lodestream.agents.events import event_headers
from lodestream.clean import Document, Limits, clean
from lodestream.clean.document import PLAIN, media_type
from lodestream.clean.learned import Memory, Recalled, recall
from lodestream.clean.wire import pack, runs_parser, unpack
from lodestream.dedupe.fingerprint import fingerprint
from lodestream.engine.output import fault_of
from lodestream.engine.sandbox import Sandbox
from lodestream.engine.step import Outcome, Output, Record, Step, one_by_one
from lodestream.errors import Rejected
from lodestream.headers import Header, header
from lodestream.records import Article, ArticleFields, Lineage, encode
from lodestream.settings import Settings
from lodestream.text import script_class
from lodestream.times import rfc3339
from lodestream.topics import ARTICLES

PARSER = "lodestream.clean.wire:clean_packed"
HOUR_MS = 3_600_000


class CleanStep:
    """One raw record to the articles in it, or one dead letter. Its state is what sites were seen to repeat."""

    def __init__(self, limits: Limits, sandbox: Sandbox, memory: Memory) -> None:
        self.state = memory
        self._limits = limits
        self._sandbox = sandbox
        self._answers: dict[int, bytes | Rejected | None] = {}  # of the child, by offset; None: it was not asked

    async def prepare(self, records: Sequence[Record]) -> None:
        """Let the child parse, in a thread that waits for it: the worker's other partitions go on meanwhile."""
        self._answers = {}
        for record in records:
            try:
                request = self._request(record)
                answer = None if request is None else await asyncio.to_thread(self._sandbox.call, request)
            except Rejected as rejected:
                self._answers[record.offset] = rejected
            else:
                self._answers[record.offset] = answer

    def process(self, records: Sequence[Record]) -> list[Outcome]:
        return one_by_one(self._articles, records)

    def _articles(self, record: Record) -> list[Output]:
        """Learns last. Until then nothing has changed, so a bug costs its record and no restore of the state."""
        try:
            articles, lesson = self._recalled(record)
            outputs = [self._output({**fields, "fingerprint": fingerprint(fields["body"])}) for fields in articles]
        except Rejected:
            raise
        except Exception as error:
            raise fault_of(error) from error
        self.state.learn(lesson)
        return outputs

    def _recalled(self, record: Record) -> Recalled:
        found = self._clean(record)
        page = media_type(_document(record), self._limits) == PLAIN
        return recall(self.state, found[0]["source"]["site"], found, record.clock, page=page)

    def _clean(self, record: Record) -> list[ArticleFields]:
        answer = self._answers.pop(record.offset) if record.offset in self._answers else self._asked(record)
        if isinstance(answer, Rejected):
            raise answer
        if answer is not None:
            return unpack(answer)
        return clean(
            _document(record),
            limits=self._limits,
            lineage=_lineage(record),
            ingested_at=rfc3339(record.ingested_at),
        )

    def _asked(self, record: Record) -> bytes | None:
        """The child's answer, waited for here: where nobody prepares records, nobody else waits."""
        request = self._request(record)
        return None if request is None else self._sandbox.call(request)

    def _request(self, record: Record) -> bytes | None:
        """What to ask the child; None for a document that is cleaned here. Raises `Rejected`."""
        document = _document(record)
        if not runs_parser(document, self._limits):
            return None
        return pack(document, limits=self._limits, lineage=_lineage(record), ingested_at=rfc3339(record.ingested_at))

    @staticmethod
    def _output(article: Article) -> Output:
        return Output(
            ARTICLES,
            script_class(article["body"]).encode(),
            encode(article),
            event_headers("clean", "article", article, str(article["version"]), str(article["position"])),
            counts=(("articles", "clean", 1),),
        )


def _document(record: Record) -> Document:
    headers = record.headers
    return Document(
        body=record.value or b"",
        content_type=header(headers, Header.CONTENT_TYPE),
        document_id=header(headers, Header.DOCUMENT_ID),
        site=header(headers, Header.SITE),
        url=header(headers, Header.URL),
        fetched_at=header(headers, Header.FETCHED_AT),
        charset=header(headers, Header.CHARSET),
    )


def _lineage(record: Record) -> Lineage:
    return Lineage(topic=record.topic, partition=record.partition, offset=record.offset)


def steps(settings: Settings) -> Callable[[], Step]:
    limits = Limits(
        document_bytes=settings.document_max_bytes,
        article_bytes=settings.article_max_bytes,
        articles=settings.articles_max,
    )
    # One for all partitions, which take turns.
    sandbox = Sandbox(PARSER, seconds=settings.parser_seconds, memory_bytes=settings.parser_memory_bytes)
    window_ms = settings.clean_window_hours * HOUR_MS
    return lambda: CleanStep(limits, sandbox, Memory(window_ms, settings.clean_max_entries))
