"""Damaged archives: what can be read comes out, one report says what is lost, in bounded time."""

from __future__ import annotations

import itertools
import json
import random
import re
import time
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_archives import PACKINGS, ids, json_lines, read, response, text_of, warc_pages, zstd

from lodestream.replay.damage import PLACES_MAX
from lodestream.replay.documents import RawDocument, Refused

COUNT = 12
PARTS = {".jsonl": json_lines(COUNT), ".warc": warc_pages(COUNT)}
NAMES = {".jsonl": [f"a{at}" for at in range(COUNT)], ".warc": [f"urn:uuid:{at:08}" for at in range(COUNT)]}
SECONDS_MAX = 5.0  # of CPU; they are at most some MiB: milliseconds, unless something goes round in circles
ARCHIVES = [(kind, packing) for kind in PARTS for packing in PACKINGS]


def archive(kind: str, packing: str) -> tuple[str, bytes]:
    suffix, pack = PACKINGS[packing]
    return f"x{kind}{suffix}", pack(PARTS[kind])


def read_in_time(path: Path) -> tuple[list[RawDocument], list[Refused]]:
    began = time.process_time()
    found = read(path)
    assert time.process_time() - began < SECONDS_MAX
    return found


def ends(parts: list[bytes], packing: str) -> list[int]:
    """The offset in the packed file behind each part, where parts are packed one by one."""
    pack = PACKINGS[packing][1]
    return list(itertools.accumulate(len(pack([part])) for part in parts))


def unpackable(data: bytes, packing: str) -> bytes:
    """What any decoder gets out of the beginning of a file, however it is fed."""
    if packing == "plain":
        return data
    if packing == "gzip":
        return zlib.decompressobj(wbits=31).decompress(data)
    decoder = zstandard.ZstdDecompressor().decompressobj()
    return b"".join(decoder.decompress(data[at : at + 1]) for at in range(len(data)))


def whole_parts(kind: str, packing: str, cut: int) -> int:
    """How many parts are whole in the first `cut` bytes of the file."""
    parts = PARTS[kind]
    if packing.endswith(("members", "frames")):
        return sum(end <= cut for end in ends(parts, packing))
    content = unpackable(archive(kind, packing)[1][:cut], packing)
    return sum(content.startswith(b"".join(parts[: at + 1]).rstrip()) for at in range(len(parts)))


@pytest.mark.parametrize(("kind", "packing"), ARCHIVES)
def test_cut_anywhere(tmp_path: Path, kind: str, packing: str) -> None:
    """All whole parts before the cut come out, nothing else, and one report, unless nothing is missing."""
    name, data = archive(kind, packing)
    path = tmp_path / name
    clean_cuts = 0
    for cut in [*range(0, len(data), 37), *range(max(0, len(data) - 12), len(data))]:
        path.write_bytes(data[:cut])
        documents, refused = read_in_time(path)
        whole = whole_parts(kind, packing, cut)
        found = ids(documents)
        if kind == ".jsonl" and packing == "plain":
            assert found[:whole] == NAMES[kind][:whole]  # the rest of a line is a document too: a dead letter
            assert len(found) <= whole + 1
            continue
        assert found[:whole] == NAMES[kind][:whole]
        assert found == NAMES[kind][: len(found)]
        assert len(found) <= whole + 1, "a part whose checksum only is cut off may come out"
        assert len(refused) <= 1
        clean_cuts += not refused
        assert all(re.match(r"breaks off after (line|record) \d+, at byte \d+: ", item.why) for item in refused)
    # Between members, in the empty file, and in the line ends behind the last record nothing is seen to be missing.
    assert clean_cuts <= len(PARTS[kind]) + 5 or (kind == ".jsonl" and packing == "plain")


@pytest.mark.parametrize(("kind", "packing"), [(k, p) for k, p in ARCHIVES if p != "plain" or k == ".warc"])
def test_a_bit_flipped_anywhere(tmp_path: Path, kind: str, packing: str) -> None:
    """In packed archives the parts before it come out; where parts are packed one by one, those behind it too."""
    name, data = archive(kind, packing)
    path = tmp_path / name
    drawn = random.Random(5)
    parts = PARTS[kind]
    edges = ends(parts, packing)
    reports = 0
    flips = [drawn.randrange(len(data)) for _ in range(200)] + list(range(20)) + list(range(len(data) - 12, len(data)))
    for at in flips:
        damaged = bytearray(data)
        damaged[at] ^= 1 << drawn.randrange(8)
        path.write_bytes(damaged)
        documents, refused = read_in_time(path)
        found = ids(documents)
        assert len([item for item in refused if item.place == str(path)]) <= 1
        assert len(refused) <= 1, refused
        reports += len(refused)
        if packing.endswith(("members", "frames")):
            hit = next(index for index, end in enumerate(edges) if at < end)
            others = [name for index, name in enumerate(NAMES[kind]) if index != hit]
            assert [name for name in found if name in others] == others
            values = {bytes(document.value) for document in documents}
            good = [part.strip() for index, part in enumerate(parts) if index != hit]
            assert all(any(value in part for value in values) for part in good)
        elif packing == "plain":
            hit = next(index for index, end in enumerate(edges) if at < end)
            # Lengths, versions and line ends are what its neighbours hang on.
            assert set(NAMES[kind]) - set(found) <= {NAMES[kind][hit]}
    assert reports >= (0 if packing == "plain" else 0.9 * len(flips))


def large_parts(kind: str) -> list[bytes]:
    """Parts of 150 to 250 KB: several reads, several blocks, several pieces each."""
    texts = [text_of(at, 15_000 + 1000 * at) for at in range(COUNT)]
    if kind == ".jsonl":
        return [json.dumps({"id": f"a{at}", "body": text}).encode() + b"\n" for at, text in enumerate(texts)]
    return [response(text.encode(), at) for at, text in enumerate(texts)]


@pytest.mark.parametrize("packing", ["gzip", "zstd", "gzip members", "zstd frames"])
@pytest.mark.parametrize("kind", PARTS)
def test_large_parts_cut_and_flipped(tmp_path: Path, kind: str, packing: str) -> None:
    """As above, where nothing fits into one read. What comes out is byte for byte what went in."""
    suffix, pack = PACKINGS[packing]
    parts = large_parts(kind)
    data = pack(parts)
    path = tmp_path / f"x{kind}{suffix}"
    is_each = packing.endswith(("members", "frames"))
    edges = ends(parts, packing) if is_each else []
    drawn = random.Random(7)
    for at in sorted(drawn.randrange(len(data)) for _ in range(12)):
        path.write_bytes(data[:at])
        documents, refused = read_in_time(path)
        content = b"" if is_each else unpackable(data[:at], packing)
        whole = sum(e <= at for e in edges) if is_each else content.count(b"\n" if kind == ".jsonl" else b"WARC/1.1")
        assert whole - (not is_each and kind == ".warc") <= len(documents) <= whole
        assert all(document.value.strip() in part for document, part in zip(documents, parts, strict=False))
        assert len(refused) <= 1
        damaged = bytearray(data)
        damaged[at] ^= 32
        path.write_bytes(damaged)
        documents, refused = read_in_time(path)
        assert len(refused) == 1
        if is_each:
            hit = next(index for index, end in enumerate(edges) if at < end)
            good = [name for index, name in enumerate(NAMES[kind]) if index != hit]
            assert [name for name in ids(documents) if name in good] == good
            assert kind == ".jsonl" or len(documents) == COUNT - 1


@pytest.mark.parametrize("packing", ["gzip members", "zstd frames"])
@pytest.mark.parametrize("kind", PARTS)
def test_garbage_between_members_costs_nothing_but_itself(tmp_path: Path, kind: str, packing: str) -> None:
    suffix, pack = PACKINGS[packing]
    parts = PARTS[kind]
    path = tmp_path / f"x{kind}{suffix}"
    for garbage in (
        b"garbage",
        b"\x1f\x8b\x08\x00",
        b"\x28\xb5\x2f\xfd",
        bytes(50) + b"x",
        b"x" + 3 * b"\x1f\x8b\x08\x00\x28\xb5\x2f\xfd",
        random.Random(1).randbytes(3_000_000),
    ):
        before = pack(parts[:4])
        path.write_bytes(before + garbage + pack(parts[4:8]) + garbage + pack(parts[8:]))
        documents, [report] = read_in_time(path)
        assert ids(documents) == NAMES[kind]
        assert report.place == str(path)
        assert report.why.count("goes on at byte") == 2
        assert f"goes on at byte {len(before) + len(garbage)}" in report.why


@pytest.mark.parametrize("packing", ["gzip members", "zstd frames"])
@pytest.mark.parametrize("kind", PARTS)
def test_what_is_there_whole_comes_out_though_its_checksum_is_cut_off(tmp_path: Path, kind: str, packing: str) -> None:
    name, data = archive(kind, packing)
    path = tmp_path / name
    path.write_bytes(data[:-2])
    documents, [report] = read_in_time(path)
    assert ids(documents) == NAMES[kind]
    assert "the file ends inside a" in report.why


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_last_line_without_an_end_is_whole_if_its_member_is(tmp_path: Path, packing: str) -> None:
    suffix, pack = PACKINGS[packing]
    path = tmp_path / f"x.jsonl{suffix}"
    path.write_bytes(pack([b'{"id": "a"}\n{"id": "b"}']) + b"garbage")
    documents, [report] = read_in_time(path)
    assert ids(documents) == ["a", "b"]
    assert report.why.startswith("breaks off after line 2, at byte ")


@pytest.mark.parametrize("packing", ["gzip members", "zstd frames"])
def test_records_whose_checksums_are_wrong_one_after_the_other_are_all_left_out(tmp_path: Path, packing: str) -> None:
    suffix, pack = PACKINGS[packing]
    members = [bytearray(pack([part])) for part in PARTS[".warc"]]
    checksum = -7 if suffix == ".gz" else -3
    for at in (4, 5, 6):
        members[at][checksum] ^= 1
    path = tmp_path / f"x.warc{suffix}"
    path.write_bytes(b"".join(members))
    documents, [report] = read_in_time(path)
    assert ids(documents) == [name for at, name in enumerate(NAMES[".warc"]) if at not in {4, 5, 6}]
    assert report.why.count("wrong checksum") == 3


def test_a_zstd_block_that_says_it_is_larger_than_any_hides_no_frame(tmp_path: Path) -> None:
    texts = [random.Random(at).randbytes(20_000).hex().encode() for at in range(60)]
    frames = [zstd(b'{"id": "%d", "body": "%b"}\n' % (at, text)) for at, text in enumerate(texts)]
    damaged = bytearray(frames[1])
    damaged[zstandard.frame_header_size(frames[1]) + 2] |= 0x80  # the upper bits of 21 for the size
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(frames[0] + bytes(damaged) + b"".join(frames[2:]))
    documents, [report] = read_in_time(path)
    assert ids(documents) == [str(at) for at in range(60) if at != 1]
    assert "invalid zstd data (no block begins where one should)" in report.why


def test_beginnings_that_all_lead_far_and_to_nothing_cost_time_once(tmp_path: Path) -> None:
    """Each header's file name goes on over the next headers: they share 20 MB of content and its wrong checksum."""
    packer = zlib.compressobj(0, wbits=-zlib.MAX_WBITS)
    content = packer.compress(b'{"id": "a"}\n' + b" " * 20_000_000 + b"\n") + packer.flush()
    path = tmp_path / "x.jsonl.gz"
    header = b"\x1f\x8b\x08\x08\x01\x01\x01\x01\x01\x03"
    path.write_bytes(header * (PLACES_MAX - 1) + b"\0" + content + bytes(8))
    documents, refused = read_in_time(path)
    assert ids(documents) == ["a"]
    assert len(refused) == 2, "the long line, and the checksum"


def test_lines_behind_damage_are_named_by_byte(tmp_path: Path) -> None:
    """Nobody knows their numbers any more; and what was cut in the middle is neither half."""
    path = tmp_path / "x.jsonl.gz"
    pack = PACKINGS["gzip"][1]
    first = bytearray(pack([b'{"body": "1"}\n', b'{"body": "2"}\n{"bo']))
    first[-6] ^= 1
    path.write_bytes(bytes(first) + pack([b'dy": "3"}\n', b'{"body": "4"}\n{"body": "5"}']))
    documents, [report] = read(path)
    goes_on = len(first)
    assert ids(documents) == ["x.jsonl.gz:1", "x.jsonl.gz:2", f"x.jsonl.gz@{goes_on}:2", f"x.jsonl.gz@{goes_on}:3"]
    assert report.why == (
        f"damaged after line 2, at byte {goes_on - 5}: wrong checksum, so that what was read since byte 0 may be wrong"
        f"; goes on at byte {goes_on}"
    )


def test_a_damaged_document_is_not_taken_and_one_with_something_behind_it_is(tmp_path: Path) -> None:
    pack = PACKINGS["gzip"][1]
    packed = pack([b"The harbour reopened."])
    (tmp_path / "a.txt.gz").write_bytes(packed[:-9])
    (tmp_path / "b.txt.gz").write_bytes(packed[:-6] + b"\0" + packed[-5:])
    (tmp_path / "c.txt.gz").write_bytes(packed + b"garbage")
    (tmp_path / "d.txt.zst").write_bytes(zstd(b"The harbour reopened.")[:-1])
    documents, refused = read(tmp_path)
    assert ids(documents) == ["c.txt.gz"]
    assert [Path(item.place).name for item in refused] == ["a.txt.gz", "b.txt.gz", "c.txt.gz", "d.txt.zst"]
    assert "breaks off after the document, at byte" in refused[2].why
    assert all("bytes of the document, which is not taken" in refused[at].why for at in (0, 1, 3))


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (b"Content-Length: ", b"Content-Length: 9", {5}),
        (b"Content-Length: ", b"Content-Length: 0000000000000009", {5}),
        (b"Content-Length: ", b"Content-Length: -", {5}),
        (b"Content-Length: ", b"Content-Length: 999999999999", {5}),
        (b"Content-Length: ", b"X-Length: ", {5}),
        (b"WARC/1.1\r\n", b"WARC/x.y\r\n", {5}),
        (b"WARC/1.1\r\n", b"", {5}),
        (b"\r\n\r\nHTTP/1.1", b"", {5}),
        (b"\r\n\r\nHTTP/1.1", b"\r\nHTTP/1.1", {5}),
        (b"</html>\r\n\r\n", b"</html>", set()),
        (b"</html>\r\n\r\n", b"</html>\r\n\r\n\r\n\r\n\r\n", set()),
        (b"</html>\r\n\r\n", b"</html>\r\n\r\nsomething else\r\n", set()),
        (b"</html>\r\n\r\n", b"</html>\r\nX\n", set()),
        (b"</html>\r\n\r\n", b"</ht", {5}),
    ],
)
@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_a_record_with_a_wrong_frame_does_not_hide_its_neighbours(
    tmp_path: Path, packing: str, old: bytes, new: bytes, lost: set[int]
) -> None:
    suffix, pack = PACKINGS[packing]
    parts = list(PARTS[".warc"])
    assert old in parts[5]
    parts[5] = parts[5].replace(old, new, 1)
    path = tmp_path / f"x.warc{suffix}"
    path.write_bytes(pack(parts))
    documents, refused = read_in_time(path)
    assert ids(documents) == [name for at, name in enumerate(NAMES[".warc"]) if at not in lost]
    if lost:
        [report] = refused
        place = len(b"".join(parts[:5]))
        assert report.why.startswith("damaged after record 5, at byte ")
        assert packing != "plain" or f"at byte {place}:" in report.why


def test_an_archive_that_is_damaged_everywhere_is_given_up(tmp_path: Path) -> None:
    suffix, pack = PACKINGS["gzip members"]
    path = tmp_path / f"x.jsonl{suffix}"
    line = pack([b'{"id": "a"}\n'])
    path.write_bytes((line + b"!") * (PLACES_MAX + 500))
    documents, [report] = read_in_time(path)
    assert len(documents) == PLACES_MAX
    assert "so many places that the rest is not read" in report.why
    assert len(report.why) < 1000
    path.write_bytes(line + b"\x1f\x8b\x08\x00" * 300_000)
    documents, [report] = read_in_time(path)
    assert len(documents) == 1
    path = tmp_path / "x.warc"
    path.write_bytes(b"WARC/1.1\r\nContent-Length: 8000000\r\n\r\n" * 300_000)
    documents, [report] = read_in_time(path)
    assert not documents
    assert f"and {PLACES_MAX - 3} more places" in report.why


def test_header_lines_that_break_off_do_not_take_the_next_record_s(tmp_path: Path) -> None:
    parts = list(PARTS[".warc"])
    parts[5] = parts[5][: parts[5].index(b"WARC-Date")]
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(parts))
    documents, [report] = read_in_time(path)
    assert ids(documents) == [name for at, name in enumerate(NAMES[".warc"]) if at != 5]
    assert report.why.startswith("damaged after record 5, at byte ")


def test_a_large_record_with_a_wrong_length_is_damage_and_hides_no_more_than_that(tmp_path: Path) -> None:
    first, large, second, third = (response(b"<p>x", at) for at in range(4))
    path = tmp_path / "x.warc"
    body = bytes(10 * 1024 * 1024)
    large = response(body, 1).replace(body, body[:-5])
    path.write_bytes(first + large + second + third)
    documents, [report] = read_in_time(path)
    assert ids(documents)[0] == "urn:uuid:00000000"
    assert ids(documents)[-1] == "urn:uuid:00000003"
    assert report.why.startswith(f"damaged after record 1, at byte {len(first)}: ")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(ARCHIVES),
    st.lists(
        st.tuples(
            st.sampled_from(["flip", "cut", "drop", "insert", "repeat"]), st.floats(0, 1), st.binary(max_size=40)
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_whatever_happens_to_an_archive_it_ends_with_one_report_at_most(
    tmp_path_factory: pytest.TempPathFactory, which: tuple[str, str], changes: list[tuple[str, float, bytes]]
) -> None:
    name, data = archive(*which)
    for how, place, content in changes:
        at = int(place * len(data))
        data = {
            "flip": data[:at] + content + data[at + len(content) :],
            "cut": data[:at],
            "drop": data[:at] + data[at + len(content) * 20 :],
            "insert": data[:at] + content + data[at:],
            "repeat": data[:at] + data[at // 2 :],
        }[how]
    path = tmp_path_factory.mktemp("mutated") / name
    path.write_bytes(data)
    documents, refused = read_in_time(path)
    assert len([item for item in refused if item.place == str(path)]) <= 1
    assert read_in_time(path) == (documents, refused)
