"""What a file holds that is a document itself, or a WARC (JSON Lines: `jsonl.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from lodestream.replay.crawled import LeftOut, Unreadable, document_of, has_wrong_digest
from lodestream.replay.documents import (
    DOCUMENT_MAX_BYTES,
    Labels,
    RawDocument,
    Refused,
    SourceFile,
    raw_document,
    too_large,
)
from lodestream.replay.unpacked import Unpacked
from lodestream.replay.warc import read_records

REASONS_MAX: Final = 200  # content types are as many as servers make up


def read_document(
    content: Unpacked, file: SourceFile, content_type: str, labels: Labels, size: int | None
) -> Iterator[RawDocument | Refused]:
    """The document that a file is, whole: a part of one would be another one under its name.

    Of a packed file no more is unpacked than the limit. `size`, in bytes, is that of a plain one.
    """
    place = str(file.path)
    value = b"" if size is not None and size > DOCUMENT_MAX_BYTES else content.take(DOCUMENT_MAX_BYTES + 1)
    if len(value) > DOCUMENT_MAX_BYTES or (size or 0) > DOCUMENT_MAX_BYTES:
        yield too_large(place, size)
        return
    if content.damage is not None:
        is_whole = 0 < content.sealed == content.position
        after = "the document" if is_whole else f"{len(value):,} bytes of the document, which is not taken"
        content.damages.add(after, content.damage.at, content.damage.why)
        if not is_whole:
            return
    charset = labels.charset if content_type.startswith("text/") else None
    yield raw_document(
        value,
        place=place,
        document_id=file.name,
        site=file.site,
        content_type=content_type,
        labels=labels,
        charset=charset,
    )


def read_warc(
    content: Unpacked, file: SourceFile, labels: Labels, skipped: Counter[str]
) -> Iterator[RawDocument | Refused]:
    """The documents of a WARC file, in order. Records that are none are counted in `skipped`, by reason.

    A document whose block is not as its digest says is given all the same: not all writers get their digests right. The
    file's damages say so.
    """
    for record in read_records(content):
        item = document_of(record, file, labels)
        if isinstance(item, LeftOut):
            is_known = item.why in skipped or len(skipped) < REASONS_MAX
            skipped[item.why if is_known else "other"] += 1
        elif isinstance(item, Unreadable):
            content.damages.lost(f"record {record.number}", item.why)
        else:
            if isinstance(item, RawDocument) and has_wrong_digest(record):
                content.damages.doubted(f"record {record.number}", "is not as its digest says")
            yield item
