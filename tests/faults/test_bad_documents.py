"""Guarantee 5 with the service's own agents: documents that are refused, that hang or crash a parser, or grow."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from harness import Topics, Workers, wait_until
from lodestream.headers import Header, header
from lodestream.kafka.admin import apply_topics
from lodestream.kafka.log import LogRecord
from lodestream.ledger.audit import verify
from lodestream.replay.documents import RawDocument
from lodestream.replay.send import replay
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DEAD_LETTERS

CLEAN = [sys.executable, "-m", "lodestream", "worker", "clean"]
HANGING = [sys.executable, str(Path(__file__).with_name("hanging_worker.py"))]
LIMIT = 300
INVALID = 10_000
BREAKER = 1000  # the default
TEXT = "The ferry to the island runs again since Monday, after a winter on land, and takes more cars than before. "


def document(name: str, article: object, *, site: str = "one.example", charset: str = "utf-8") -> RawDocument:
    value = json.dumps(article, ensure_ascii=False).encode(charset)
    headers = {
        Header.DOCUMENT_ID: name,
        Header.SITE: site,
        Header.CONTENT_TYPE: f"application/json; charset={charset}",
    }
    return RawDocument(value, tuple((key, text.encode()) for key, text in headers.items()), site.encode())


def growing() -> RawDocument:
    """4 MB that become 12: each byte of the menu is a character of three bytes."""
    menu = "€" * 4_100_000
    return document("growing", {"title": "It grows", "html": f"<p>{TEXT}</p><nav>{menu}</nav>"}, charset="cp1252")


def ids_of(some: Sequence[LogRecord] | Sequence[RawDocument]) -> Counter[str | None]:
    return Counter(header(one.headers, Header.DOCUMENT_ID) for one in some)


@pytest.mark.timeout(240)
def test_a_release_that_refuses_everything_stops_and_all_comes_back_when_it_is_mended(
    settings: Settings, topics: Topics, workers: Workers
) -> None:
    """Ten thousand in a row. Each becomes a letter once, and with its redrive an article, or what it is then."""
    asyncio.run(apply_topics(settings))
    refused = [document(f"refused-{at}", {"title": f"Number {at}", "body": TEXT * 3}) for at in range(INVALID - 1)]
    large = growing()
    refused.insert(INVALID // 2, large)
    good = [document(f"good-{at}", {"body": f"Short is number {at}."}) for at in range(20)]
    assert all(len(one.value) > LIMIT for one in refused)
    asyncio.run(replay(settings, [*refused, *good]))

    bad = {"LODESTREAM_DOCUMENT_MAX_BYTES": str(LIMIT)}
    first = workers.start(CLEAN, **bad)
    assert first.wait(60) == 1
    said = f"{BREAKER} dead letters in a row (LODESTREAM_DEAD_LETTER_RUN_LIMIT={BREAKER})"
    assert said in workers.output(first)
    assert len(topics.read(DEAD_LETTERS)) == BREAKER, "not one beyond the limit"
    again = workers.start(CLEAN, **bad)
    assert again.wait(60) == 1
    assert said in workers.output(again)
    assert len(topics.read(DEAD_LETTERS)) == BREAKER, "a restart must not drain another one"

    raised = {"LODESTREAM_DEAD_LETTER_RUN_LIMIT": "20000", "LODESTREAM_DEAD_LETTER_RATIO_LIMIT": "1"}
    third = workers.start(CLEAN, **bad, **raised)
    wait_until("the good ones behind them", lambda: len(topics.read(ARTICLES)) == len(good))
    third.terminate()
    assert third.wait(60) == 0
    letters = topics.read(DEAD_LETTERS)
    assert [letter.value for letter in letters] == [one.value for one in refused]
    assert {header(letter.headers, Header.REASON) for letter in letters} == {"document_too_large"}

    mended = workers.start(CLEAN, **raised)
    workers.command("dead-letters", "redrive", "--all", "--yes")
    wait_until("the articles", lambda: len(topics.read(ARTICLES)) == len(refused) + len(good) - 1)
    wait_until("the large one", lambda: len(topics.read(DEAD_LETTERS)) == 2 * len(refused) + 1)  # a mark for each
    mended.terminate()
    assert mended.wait(60) == 0
    accepted = [one for one in [*refused, *good] if one is not large]
    assert ids_of(topics.read(ARTICLES)) == ids_of(accepted)
    (letter,) = [letter for letter in topics.read(DEAD_LETTERS) if header(letter.headers, Header.REDRIVE) == "1"]
    assert (header(letter.headers, Header.REASON), letter.value) == ("output_too_large", large.value)
    assert asyncio.run(verify(settings)).adds_up


LIMITS = {
    "LODESTREAM_PARSER_SECONDS": "0.5",
    "LODESTREAM_TRANSACTION_TIMEOUT_SECONDS": "5",
    "LODESTREAM_WATCHDOG_SECONDS": "5.5",
}
HANGS = 8  # in a row, on one partition, 0.5 s and the start of a child each: together longer than the watchdog waits
BAD: dict[str, tuple[int, str, str]] = {
    # mark: how many, reason, detail
    "HANG-NATIVE": (HANGS, "parser_timeout", "not done after 0.5 s of work"),
    "HANG-ASLEEP": (1, "parser_timeout", "not done after 0.5 s of work"),
    "CRASH": (1, "parser_crash", "killed by SIGABRT"),
    "MEMORY": (1, "parser_memory", f"wanted more than {512 << 20} bytes"),
    "RAISE": (1, "step_error", "ZeroDivisionError at hanging_parser.py:"),
}


@pytest.mark.timeout(180)
def test_documents_that_hang_or_crash_their_parser_are_a_letter_each_and_the_stream_goes_on(
    settings: Settings, topics: Topics, workers: Workers
) -> None:
    asyncio.run(apply_topics(settings))
    sites = [f"site-{at}.example" for at in range(8)]
    good: list[RawDocument] = []
    bad: list[RawDocument] = []
    every: list[RawDocument] = []

    def add(some: list[RawDocument], new: Sequence[RawDocument]) -> None:
        some.extend(new)
        every.extend(new)

    for mark, (number, _, _) in BAD.items():
        add(good, [page(f"before-{mark.lower()}-{at}", "Good.", sites[at]) for at in range(8)])
        add(bad, [page(f"{mark.lower()}-{at}", mark, sites[0]) for at in range(number)])
    add(good, [page(f"last-{at}", "The last.", sites[at]) for at in range(8)])
    asyncio.run(replay(settings, every))
    worker = workers.start(HANGING, **LIMITS)
    wait_until("all fates", lambda: len(topics.read(ARTICLES)) + len(topics.read(DEAD_LETTERS)) == len(every))

    assert ids_of(topics.read(ARTICLES)) == ids_of(good)
    letters = topics.read(DEAD_LETTERS)
    assert [letter.value for letter in letters] == [one.value for one in bad]
    for letter in letters:
        mark = (header(letter.headers, Header.DOCUMENT_ID) or "").rpartition("-")[0].upper()
        _, reason, detail = BAD[mark]
        assert header(letter.headers, Header.REASON) == reason
        assert (header(letter.headers, Header.DETAIL) or "").startswith(detail)
    output = workers.output(worker)
    assert output.count('"event": "fenced"') == 1, "it kept its place in the group all the time"
    assert "secret words" not in output
    children = psutil.Process(worker.pid).children()
    assert len(children) == 1
    worker.terminate()
    assert worker.wait(60) == 0
    wait_until("its child to be gone", lambda: not children[0].is_running(), 5)
    assert asyncio.run(verify(settings)).adds_up


def page(name: str, text: str, site: str) -> RawDocument:
    return document(name, {"title": f"About {name}", "html": f"<p>{TEXT}<p>{text}"}, site=site)
