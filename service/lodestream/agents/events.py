"""CloudEvents headers of the articles that agents write."""

from __future__ import annotations

from lodestream.headers import Header, Headers
from lodestream.records import ArticleFields, DuplicateLink


def event_headers(stage: str, kind: str, record: ArticleFields | DuplicateLink, *parts: str) -> Headers:
    """CloudEvents 1.0, Kafka binding in binary mode, plus the document's id.

    `ce_id` is article id, the parts, and the raw coordinates (partition.offset), so that source and id together
    are unique per event and the same log gives the same ids.
    """
    lineage = record["lineage"]
    event_id = ":".join((record["article_id"], *parts, f"{lineage['partition']}.{lineage['offset']}"))
    return (
        (Header.CONTENT_TYPE, b"application/json"),
        (Header.CE_SPECVERSION, b"1.0"),
        (Header.CE_TYPE, f"lodestream.{kind}".encode()),
        (Header.CE_SOURCE, f"lodestream/{stage}".encode()),
        (Header.CE_ID, event_id.encode()),
        (Header.DOCUMENT_ID, record["document_id"].encode()),
    )
