"""Names of the Kafka headers that records carry between the stages."""

from __future__ import annotations

Headers = tuple[tuple[str, bytes], ...]
"""As Kafka has them. A foreign producer may write a null for a value: `header` takes it for a missing header."""


class Header:
    """Names of Kafka headers. `ce_*` follow CloudEvents 1.0, Kafka protocol binding, binary mode."""

    CONTENT_TYPE = "content-type"
    # raw
    DOCUMENT_ID = "document-id"
    SITE = "site"
    URL = "url"
    FETCHED_AT = "fetched-at"
    CHARSET = "charset"
    REPLAY_ID = "replay-id"
    # every record that a stage writes
    CE_ID = "ce_id"
    CE_SOURCE = "ce_source"
    CE_TYPE = "ce_type"
    CE_SPECVERSION = "ce_specversion"
    CE_TIME = "ce_time"
    INGESTED_AT = "ingested-at"  # RFC 3339, milliseconds: the log's clock
    ORIGIN = "origin"  # topic:partition:offset:index of the direct parent
    PROCESSED_AT = "processed_at"
    # dead letters
    REASON = "reason"
    STAGE = "stage"
    DETAIL = "detail"
    AT = "at"
    ORIGIN_KEY = "origin-key"  # the input's key, base64; absent when it had none
    PARENT_ORIGIN = "parent-origin"  # the input's own `origin`, set aside
    REDRIVE = "redrive"  # how often this record was put back
    REDRIVEN = "redriven"  # on a mark in dead-letters: topic:partition:offset of the letter put back


def header(headers: Headers, name: str) -> str | None:
    """The last value of a header as text, or None. Bytes that are not UTF-8 are replaced, never raised on."""
    for key, value in reversed(headers):
        if key == name and value is not None:
            return value.decode("utf-8", "replace")
    return None
