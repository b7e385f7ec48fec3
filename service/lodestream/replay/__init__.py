"""From files to documents on `raw`.

    archive.py       paths in, documents and refusals out, in one order (`folder.py`: the files of a folder)
    kinds.py         what a file is, by name and first bytes
    content.py       a file that is a document, a WARC; `jsonl.py`: JSON Lines
    documents.py     a document as it goes on `raw`, its limits, what is refused
    send.py          onto Kafka, paced (`pace.py`), counted (`tally.py`)

Beneath, what makes damaged and hostile archives harmless:

    unpacked.py      the content of a file as a stream, of whatever it is packed with, damage passed over
    packed.py        the bytes on disk; `gzip_members.py`, `zstd_frames.py`: what they unpack to
    damage.py        the one report of an archive
    warc.py          records, framed; `crawled.py`: a record as a document; `http_body.py`: HTTP's encodings undone
"""
