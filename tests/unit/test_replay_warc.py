"""Records of WARC files become documents, with what the crawl said of them; the rest is counted by reason."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import cramjam
import pytest
from replay_archives import http, ids, read, response, said, text_of, warc_record, zstd

from lodestream.headers import Header
from lodestream.replay.archive import Archive
from lodestream.replay.content import REASONS_MAX
from lodestream.replay.documents import DOCUMENT_MAX_BYTES, Labels, RawDocument, Refused
from lodestream.replay.http_body import TooLarge, Undecodable, decoded_body

HTTP = {"Content-Type": "application/http; msgtype=response"}
FIELDS = {"Content-Type": "application/warc-fields"}
TEXT = {"Content-Type": "text/plain"}
PAGE = b"<html><p>The harbour reopened on Monday.</p></html>"


def items(tmp_path: Path, *records: bytes, labels: Labels = Labels()) -> tuple[list[RawDocument | Refused], Archive]:  # noqa: B008 - frozen
    path = tmp_path / "crawl-7.warc"
    path.write_bytes(b"".join(records))
    archive = Archive([path], labels)
    return list(archive), archive


def only(tmp_path: Path, record: bytes, labels: Labels = Labels()) -> RawDocument:  # noqa: B008 - frozen
    [item], _ = items(tmp_path, record, labels=labels)
    assert isinstance(item, RawDocument)
    return item


def test_a_page_says_where_and_when_it_was_fetched(tmp_path: Path) -> None:
    document = only(tmp_path, response(PAGE, 7))
    assert (document.value, document.key) == (PAGE, b"paper.example")
    assert said(document) == {
        Header.DOCUMENT_ID: "urn:uuid:00000007",
        Header.SITE: "paper.example",
        Header.CONTENT_TYPE: "text/html",
        Header.URL: "https://paper.example/7",
        Header.FETCHED_AT: "2026-03-04T05:06:07.000Z",
        Header.CHARSET: "utf-8",
    }


def test_labels_are_stated_on_records_too(tmp_path: Path) -> None:
    labels = Labels("agency", "2026-02-02T00:00:00.000Z", "latin-1", "backfill 7")
    dateless = warc_record("response", http(PAGE, "text/html"), headers={**HTTP, "WARC-Date": ""})
    document = said(only(tmp_path, dateless, labels))
    assert document[Header.SITE] == "agency"
    assert document[Header.REPLAY_ID] == "backfill 7"
    assert document[Header.FETCHED_AT] == "2026-02-02T00:00:00.000Z"
    assert Header.CHARSET not in document, "a page says its charset itself, or its server does"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"WARC-Record-ID": ""}, "https://paper.example/0 2026-03-04T05:06:07Z"),
        ({"WARC-Record-ID": "", "WARC-Date": ""}, "crawl-7.warc:1"),
        ({"WARC-Record-ID": "", "WARC-Target-URI": ""}, "crawl-7.warc:1"),
        ({"WARC-Record-ID": "urn:x:1"}, "urn:x:1"),
    ],
)
def test_a_record_without_an_id_is_named_by_url_and_date_or_place(
    tmp_path: Path, headers: dict[str, str], expected: str
) -> None:
    record = warc_record("response", http(PAGE), headers={**HTTP, **headers})
    assert ids([only(tmp_path, record)]) == [expected]


@pytest.mark.parametrize(
    ("url", "site", "stated"),
    [
        ("<https://WWW.Paper.example:8443/a?b#c>", "www.paper.example", "https://WWW.Paper.example:8443/a?b#c"),
        ("urn:example:1", "crawl-7", "urn:example:1"),
        ("http://[bad", "crawl-7", "http://[bad"),
        ("", "crawl-7", None),
    ],
)
def test_the_site_is_the_host_of_the_url_or_the_name_of_the_archive(
    tmp_path: Path, url: str, site: str, stated: str | None
) -> None:
    document = only(tmp_path, warc_record("response", http(PAGE), headers={**HTTP, "WARC-Target-URI": url}))
    assert said(document)[Header.SITE] == site
    assert said(document).get(Header.URL) == stated


@pytest.mark.parametrize(
    ("content_type", "kind", "charset"),
    [
        ("text/html", "text/html", None),
        ("Text/HTML;charset=ISO-8859-1", "text/html", "iso-8859-1"),
        ('application/xhtml+xml; charset="windows-1251"; x=y', "text/html", "windows-1251"),
        ("text/plain; charset = 'utf-8'", "text/plain", "utf-8"),
        ("application/json", "application/json", None),
        ("text/json", "application/json", None),
        ("application/ld+json", "application/json", None),
    ],
)
@pytest.mark.parametrize("record_kind", ["response", "resource", "conversion"])
def test_content_types_and_charsets(
    tmp_path: Path, record_kind: str, content_type: str, kind: str, charset: str | None
) -> None:
    block = http(PAGE, content_type) if record_kind == "response" else PAGE
    headers = HTTP if record_kind == "response" else {"Content-Type": content_type}
    document = only(tmp_path, warc_record(record_kind, block, headers=headers))
    assert document.value == PAGE
    assert said(document)[Header.CONTENT_TYPE] == kind
    assert said(document).get(Header.CHARSET) == charset


def test_a_page_without_content_type_is_what_the_crawler_found_it_to_be(tmp_path: Path) -> None:
    record = warc_record(
        "response",
        b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + PAGE,
        headers={**HTTP, "WARC-Identified-Payload-Type": "text/html"},
    )
    assert said(only(tmp_path, record))[Header.CONTENT_TYPE] == "text/html"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (warc_record("warcinfo", b"software: x\r\n", headers=FIELDS), "warcinfo record"),
        (warc_record("request", b"GET / HTTP/1.1\r\n\r\n", headers=HTTP), "request record"),
        (warc_record("metadata", b"a: b\r\n", headers=FIELDS), "metadata record"),
        (warc_record("revisit", http(b""), headers=HTTP), "revisit record"),
        (warc_record("revisit", b"", headers=HTTP), "revisit record"),
        (warc_record("continuation", b"x"), "continuation record"),
        (warc_record("invention", b"x"), "unknown record"),
        (warc_record("response", http(PAGE), headers={**HTTP, "WARC-Segment-Number": "1"}), "segmented record"),
        (warc_record("response", b"192.0.2.1", headers={"Content-Type": "text/dns"}), "response that is not HTTP"),
        (warc_record("response", b"", headers=HTTP), "response without a status"),
        (warc_record("response", b"nonsense", headers=HTTP), "response without a status"),
        (response(PAGE, status="301 Moved Permanently"), "status 301"),
        (response(PAGE, status="404 Not Found"), "status 404"),
        (response(PAGE, status="206 Partial Content"), "status 206"),
        (response(PAGE, status="999 Denied"), "response without a status"),
        (response(b"\x89PNG", content_type="image/png"), "response of type image/png"),
        (response(b"\x89PNG", content_type="IMAGE/PNG; q=1"), "response of type image/png"),
        (response(PAGE, content_type="so to say"), "response of type unknown"),
        (warc_record("resource", PAGE, headers={"Content-Type": "video/mp4"}), "resource of type video/mp4"),
        (response(b""), "response without a body"),
        (response(b"", status="204 No Content"), "response without a body"),
        (warc_record("resource", PAGE), "resource of type unknown"),
        (warc_record("resource", PAGE, headers={**TEXT, "WARC-Target-URI": "metadata:x"}), "resource that is no page"),
        (warc_record("conversion", PAGE, headers={**TEXT, "WARC-Target-URI": "urn:x:1"}), "conversion that is no page"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_counted_by_reason(tmp_path: Path, record: bytes, why: str) -> None:
    [item], archive = items(tmp_path, record, response(PAGE, 2), record)[0:2]
    assert isinstance(item, RawDocument)
    assert archive.skipped_records == {why: 2}
    assert list(archive) == [item]
    assert archive.skipped_records == {why: 2}


def test_reasons_are_only_so_many(tmp_path: Path) -> None:
    records = [response(b"x", content_type=f"x/{at}") for at in range(REASONS_MAX + 5)]
    _, archive = items(tmp_path, *records)
    assert len(archive.skipped_records) == REASONS_MAX + 1
    assert archive.skipped_records["other"] == 5


def test_http_headers_may_end_in_bare_line_feeds(tmp_path: Path) -> None:
    body = PAGE + b"\n\nand\r\n\r\nmore"
    record = warc_record("response", http(b"").replace(b"\r\n", b"\n") + body, headers=HTTP)
    document = only(tmp_path, record)
    assert document.value == body
    assert said(document)[Header.CHARSET] == "utf-8"


def chunked(body: bytes, size: int = 10, end: bytes = b"0\r\nX: y\r\n\r\n") -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x; note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


ENCODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate ": raw_deflate,
    "br": lambda body: bytes(cramjam.brotli.compress(body)),
    "zstd": zstd,
    "identity": bytes,
    "UTF-8": bytes,
    "gzip, br": lambda body: bytes(cramjam.brotli.compress(gzip.compress(body))),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("is_chunked", [True, False])
def test_encodings_are_undone(tmp_path: Path, encoding: str, is_chunked: bool) -> None:  # noqa: FBT001 - a parameter
    body = ENCODED[encoding](PAGE)
    more = f"Content-Encoding: {encoding}\r\n" + "Transfer-Encoding: chunked\r\n" * is_chunked
    record = response(chunked(body) if is_chunked else body, more=more)
    assert only(tmp_path, record).value == PAGE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_what_was_decoded_by_the_crawler_is_taken_as_it_is(tmp_path: Path, encoding: str) -> None:
    record = response(PAGE, more=f"Content-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n")
    assert only(tmp_path, record).value == PAGE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_breaks_off_is_refused_and_the_next_record_is_read(tmp_path: Path, encoding: str) -> None:
    packed = ENCODED[encoding](text_of(1, 2000).encode())
    found, _ = items(
        tmp_path,
        response(packed[: len(packed) // 2], more=f"Content-Encoding: {encoding}\r\n"),
        response(chunked(PAGE, end=b"")[:-5], more="Transfer-Encoding: chunked\r\n"),
        response(PAGE, 3),
    )
    document, report = found
    assert isinstance(document, RawDocument)
    assert isinstance(report, Refused)
    assert re.fullmatch(
        r"cannot be read: record 1 \(its .* body .*\), record 2 \(its chunked body breaks off\)", report.why
    )


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_inflates_beyond_the_limit_is_refused(encoding: str) -> None:
    for size in (1000, 1001):
        packed = ENCODED[encoding](bytes(size))
        if size == 1000:
            assert decoded_body(packed, "", encoding, 1000) == bytes(size)
        else:
            with pytest.raises(TooLarge):
                decoded_body(packed, "", encoding, 1000)


def test_encodings_upon_encodings_are_refused() -> None:
    with pytest.raises(Undecodable, match="9 content encodings"):
        decoded_body(b"", "", ", ".join(["gzip"] * 9), 1000)


def test_large_records_are_passed_over_and_only_documents_among_them_refused(tmp_path: Path) -> None:
    large = bytes(DOCUMENT_MAX_BYTES + 2 * 1024 * 1024)
    over = bytes(DOCUMENT_MAX_BYTES + 1)
    found, archive = items(
        tmp_path,
        response(large, content_type="video/mp4"),
        response(large, 1),
        response(over, 2),
        response(b"x" * DOCUMENT_MAX_BYTES, 3),
        response(PAGE, 4),
    )
    assert archive.skipped_records == {"response of type video/mp4": 1}
    assert [item.why if isinstance(item, Refused) else ids([item])[0] for item in found] == [
        "10.0 MiB, over the limit of 8 MiB",
        "8.0 MiB, over the limit of 8 MiB",
        "urn:uuid:00000003",
        "urn:uuid:00000004",
    ]


@pytest.mark.parametrize("version", ["WARC/1.0", "WARC/1.1", "WARC/0.18"])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_older_versions_and_sloppy_line_ends(tmp_path: Path, version: str, line_end: bytes) -> None:
    block = http(PAGE)
    records = [
        warc_record("response", block, number=at, headers=HTTP, version=version).removesuffix(block + b"\r\n\r\n")
        for at in range(3)
    ]
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(head.replace(b"\r\n", line_end) + block + line_end for head in records))
    documents, refused = read(path)
    assert ([document.value for document in documents], refused) == ([PAGE] * 3, [])


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_documents_that_are_not_as_their_digest_says_are_taken_and_told_once(tmp_path: Path, algorithm: str) -> None:
    def with_digest(number: int, of: bytes) -> bytes:
        digest = base64.b32encode(hashlib.new(algorithm, of).digest()).decode()
        headers = {**HTTP, "WARC-Block-Digest": f"{algorithm}:{digest}"}
        return warc_record("response", http(PAGE), number=number, headers=headers)

    found, _ = items(tmp_path, with_digest(1, http(PAGE)), with_digest(2, b"other"), with_digest(3, b"other"))
    *documents, report = found
    assert ids([item for item in documents if isinstance(item, RawDocument)]) == [
        f"urn:uuid:{at:08}" for at in (1, 2, 3)
    ]
    assert isinstance(report, Refused)
    assert report.why == (
        "in doubt, and taken all the same: record 2 (is not as its digest says), record 3 (is not as its digest says)"
    )
