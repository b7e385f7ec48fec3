"""Times as pages print them, zones, and which time an article gets."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from lodestream.clean import Document, Limits, clean
from lodestream.clean.articles import page_clock, resolve
from lodestream.clean.draft import Draft
from lodestream.clean.times import timezones
from lodestream.clean.times.dates import PrintedTime, find_stamp
from lodestream.clean.times.time_lines import parse, read_time_line
from lodestream.clean.words.patterns import LANGUAGES
from lodestream.records import Lineage
from lodestream.times import from_rfc3339, rfc3339

AGES: Final = [(table["language"], *example) for table in LANGUAGES for example in table["relative"]["examples"]]
DATES: Final = [(table["language"], *example) for table in LANGUAGES for example in table["absolute"]["examples"]]
FETCHED: Final = from_rfc3339("2025-07-04T12:00:00Z")


TABLE: Final = [
    tuple(row.split("\t"))
    for row in (Path(__file__).parent / "printed_times.tsv").read_text("utf-8").splitlines()
    if not row.startswith("#")
]


def at(time: PrintedTime) -> str | None:
    return None if time.at is None else rfc3339(time.at)


@pytest.mark.parametrize(("language", "text", "seconds"), AGES)
def test_the_examples_of_relative_times_in_the_data_hold(language: str, text: str, seconds: int) -> None:
    line = read_time_line(text)
    assert line is not None, language
    assert [time.age for time in line.times] == [seconds]
    assert line.rest == ()


@pytest.mark.parametrize(("language", "text", "wanted"), DATES)
def test_the_examples_of_absolute_times_in_the_data_hold(language: str, text: str, wanted: str) -> None:
    line = read_time_line(text)
    assert line is not None, language
    assert [at(time) for time in line.times] == [rfc3339(from_rfc3339(wanted))]
    assert line.rest == ()


@pytest.mark.parametrize(("language", "text", "wanted", "precision"), TABLE)
def test_printed_times_are_read(language: str, text: str, wanted: str, precision: str) -> None:
    """A table of forms that pages print, each with the instant or the age it stands for and how precise that is."""
    line = read_time_line(text)
    assert line is not None
    time = line.times[0].in_zone_of(language)
    found = str(-time.age) if time.age is not None else "none" if time.at is None else f"{rfc3339(time.at)[:19]}Z"
    assert (found, time.precision, line.rest) == (wanted, precision, ())


@pytest.mark.parametrize(
    ("text", "wanted", "precision"),
    [
        ("Tue Mar 3 14:02:11 CET 2026", "2026-03-03T13:02:11.000Z", "second"),
        ("Tue Mar  3 14:02:11 +0100 2026", "2026-03-03T13:02:11.000Z", "second"),
        ("Tue Mar  3 14:02:11 2026", "2026-03-03T14:02:11.000Z", "day"),
        ("Tue Mar 03 2026 14:02:11 GMT+0100 (Central European Standard Time)", "2026-03-03T13:02:11.000Z", "second"),
        ("1772542931", "2026-03-03T13:02:11.000Z", "second"),
        ("1772542931.0", "2026-03-03T13:02:11.000Z", "second"),
        ("1772542931000", "2026-03-03T13:02:11.000Z", "second"),
        ("2026030310", None, None),
        ("0000000000", None, None),
    ],
)
def test_times_as_programs_write_them(text: str, wanted: str | None, precision: str | None) -> None:
    found = parse(text)
    assert (found and at(found), found and found.precision) == (wanted, precision)


def test_the_table_is_wide() -> None:
    assert len(TABLE) >= 250
    assert len({language for language, *_ in TABLE}) >= 24


def test_every_language_has_examples_of_both() -> None:
    assert {language for language, *_ in AGES} == {language for language, *_ in DATES}
    assert {"en", "de", "sv", "fr", "es", "it", "nl", "pt"} <= {language for language, *_ in AGES}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Straits Times 13 minutes ago", ("Straits Times",)),
        ("BBC News · 3 hours ago", ("BBC News",)),
        ("3 hours ago | Reuters", ("Reuters",)),
        ("By Shoichi Ishii | 3 July 2025", ("By Shoichi Ishii",)),
        ("Von Keiichi Ono - 3. Juli 2025, 10:00 Uhr", ("Von Keiichi Ono",)),
        ("Published 3 hours ago | Updated 2 hours ago", ()),
        ("2 hours ago • 3 min read", ()),
        ("Lesezeit: 4 Min", ()),
    ],
)
def test_a_line_may_say_a_little_beside_its_time(text: str, rest: tuple[str, ...]) -> None:
    line = read_time_line(text)
    assert line is not None
    assert line.rest == rest


@pytest.mark.parametrize(
    "text",
    [
        "Trump spoke 3 hours ago",
        "It was 3 hours ago that he left the house",
        "The deal was signed on July 3, 2025",
        "In 2024 he won 3 prizes",
        "Chicago",
        "12:30",
        "2024",
        "Pankratius (Märtyrer, 12. Mai)",
        "a day in the life",
        "",
        "3 hours ago " * 20,
    ],
)
def test_a_line_that_says_more_is_no_time(text: str) -> None:
    assert read_time_line(text) is None


@pytest.mark.parametrize(
    ("text", "wanted", "precision"),
    [
        ("Jul 3, 2025 19:48 (JST)", "2025-07-03T10:48:00.000Z", "minute"),
        ("3 July 2025 at 7.48 pm BST", "2025-07-03T18:48:00.000Z", "minute"),
        ("2025-12-03T19:48:22+05:30", "2025-12-03T14:18:22.000Z", "second"),
        ("3 January 2025 8:05 ET", "2025-01-03T13:05:00.000Z", "minute"),
        ("3 July 2025 8:05 ET", "2025-07-03T12:05:00.000Z", "minute"),
        ("3 July 2025 20:00 GMT+8", "2025-07-03T12:00:00.000Z", "minute"),
        ("3 July 2025 20:00", "2025-07-03T20:00:00.000Z", "day"),  # no zone: good to the day
        ("30 March 2025 03:30 Uhr", "2025-03-30T01:30:00.000Z", "minute"),  # the first hour of summer time
        ("31.02.2025", None, "none"),
        ("03/07/2025", None, "none"),  # day or month first?
        ("25/07/2025", "2025-07-25T00:00:00.000Z", "day"),
        ("3 July", None, "none"),
        ("Issued on: 17/12/2025 - 04:21 GMT", "2025-12-17T04:21:00.000Z", "minute"),
        ("Madrid - 3 feb 2026 - 10:15 CET", "2026-02-03T09:15:00.000Z", "minute"),
        ("14 ene. 2026 - 18:32 h", "2026-01-14T18:32:00.000Z", "day"),
        ("By Jane Doe - March 3, 2026 - 10:15 AM ET", "2026-03-03T15:15:00.000Z", "minute"),
        ("1.1.70", "1970-01-01T00:00:00.000Z", "day"),
    ],
)
def test_absolute_times(text: str, wanted: str | None, precision: str) -> None:
    line = read_time_line(text)
    assert line is not None
    (time,) = line.times
    assert (at(time), time.precision) == (wanted, precision)


def test_a_time_without_zone_is_read_in_that_of_the_language() -> None:
    line = read_time_line("2025-07-03 19:48")
    assert line is not None
    (time,) = line.times
    assert [(at(known), known.precision) for known in (time.in_zone_of("ja"), time.in_zone_of("en"))] == [
        ("2025-07-03T10:48:00.000Z", "minute"),
        ("2025-07-03T19:48:00.000Z", "day"),
    ]


def test_an_age_in_weeks_or_more_is_known_and_not_resolved() -> None:
    for text in ("2 weeks ago", "3 months ago", "a year ago"):
        line = read_time_line(text)
        assert line is not None
        published = resolve(list(line.times), FETCHED, None)
        assert (published.at, published.precision, published.raw) == (None, "none", text)


def test_a_stamp_inside_a_text_needs_year_and_clock() -> None:
    text = "News from Japan World Jul 3, 2025 19:48 (JST) Seoul, July 3 (Jiji Press)--South"
    found = find_stamp(text)
    assert found is not None
    assert text[found[0] : found[1]] == "Jul 3, 2025 19:48 (JST)"
    assert find_stamp("On July 3, 2025 the ministry said that 19 of 48 were found") is None
    assert find_stamp("On July 3 at 19:48 the lights went out") is None


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        ("2025-03-30T01:59", "Europe/Berlin", "2025-03-30T00:59"),
        ("2025-03-30T03:00", "Europe/Berlin", "2025-03-30T01:00"),
        ("2025-10-26T01:59", "Europe/Berlin", "2025-10-25T23:59"),
        ("2025-10-26T03:00", "Europe/Berlin", "2025-10-26T02:00"),
        ("2025-03-28T01:59", "Asia/Jerusalem", "2025-03-27T23:59"),
        ("2025-03-28T03:00", "Asia/Jerusalem", "2025-03-28T00:00"),
        ("2025-10-26T02:30", "Asia/Jerusalem", "2025-10-26T00:30"),
        ("2025-03-09T01:59", "ET", "2025-03-09T06:59"),
        ("2025-03-09T03:00", "ET", "2025-03-09T07:00"),
        ("2025-11-02T02:00", "ET", "2025-11-02T07:00"),
        ("2025-07-01T12:00", "Europe/Istanbul", "2025-07-01T09:00"),
        ("2025-07-01T12:00", "+0530", "2025-07-01T06:30"),
        ("2025-07-01T12:00", "−03:00", "2025-07-01T15:00"),
    ],
)
def test_zones_know_their_summer_time(local: str, zone: str, utc: str) -> None:
    moment = timezones.to_utc(datetime.fromisoformat(local), zone)
    assert moment is not None
    assert moment.replace(tzinfo=None) == datetime.fromisoformat(utc)


def test_the_zone_of_every_language_is_known() -> None:
    zones = {table["language"]: table["zone"] for table in LANGUAGES if "zone" in table}
    assert len(zones) > 20
    for language, zone in zones.items():
        assert timezones.to_utc(datetime(2025, 7, 1), zone) is not None, language  # noqa: DTZ001 - local time, on purpose


@pytest.mark.parametrize("zone", ["XYZ", "+15:00", "Europe/Nowhere", ""])
def test_an_unknown_zone_is_none(zone: str) -> None:
    assert timezones.to_utc(datetime(2025, 7, 1), zone) is None  # noqa: DTZ001 - local time, on purpose
    assert not timezones.known(zone)


def times(*texts: str) -> list[PrintedTime]:
    return [time for text in texts for line in [read_time_line(text)] if line is not None for time in line.times]


def test_an_article_has_the_printed_time_before_its_age() -> None:
    published = resolve(times("2 hours ago", "3 July 2025 10:00 UTC"), FETCHED, None)
    assert (published.at, published.origin) == (from_rfc3339("2025-07-03T10:00:00Z"), "page")


def test_an_age_is_counted_from_the_fetch_before_the_clock_of_the_page() -> None:
    published = resolve(times("2 hours ago"), FETCHED, (0, "minute"))
    assert (published.at, published.precision, published.origin) == (FETCHED - 7_200_000, "hour", "relative")


def test_the_clock_of_a_page_needs_an_age_and_a_time_of_one_article() -> None:
    both, age, day = (
        Draft(times=times("3 July 2025 10:00 UTC", "2 hours ago")),
        Draft(times=times("1 hour ago")),
        Draft(),
    )
    day.times = times("3 July 2025", "2 hours ago")
    assert page_clock([age, both]) == (from_rfc3339("2025-07-03T12:00:00Z"), "hour")
    assert page_clock([age, day]) is None


def test_a_line_may_print_when_an_article_was_changed_too() -> None:
    line = read_time_line("Issued on: 17/12/2025 - 04:21 Modified: 18/12/2025 - 09:30")
    assert line is not None
    assert [at(time) for time in line.times] == ["2025-12-17T04:21:00.000Z", "2025-12-18T09:30:00.000Z"]


@pytest.mark.parametrize(
    "text", ["", "x", "2 hours ago", "3 July", "2025-13-01", "99999-01-01", "July 3 2025 | Reuters"]
)
def test_what_is_no_absolute_time_is_not_parsed(text: str) -> None:
    assert parse(text) is None


def test_a_page_that_prints_both_clocks_dates_its_siblings() -> None:
    """An age counts from the fetch; where that is not known, from the clock of the page; else it stays an age."""
    body = "{0} will be closed until March, the town says, and the school has to wait for it."
    both = f"The Star\n2 hours ago\n- The Star\nPool closes\n3 July 2025 10:00 UTC\n{body.format('The pool')}\n"
    age = f"The Star\n5 hours ago\n- The Star\nTram stops\n{body.format('The tram')}\n"
    main = f"Storm closes the bridge\n{body.format('The bridge')}\n{body.format('The port')}\nRelated Articles\n"

    def published(page: str, fetched_at: str | None) -> list[tuple[str | None, str, str]]:
        document = Document(page.encode(), "text/plain", "d", "s", fetched_at=fetched_at)
        lineage = Lineage(topic="raw", partition=0, offset=0)
        articles = clean(document, limits=Limits(), lineage=lineage, ingested_at="2026-01-01T00:00:00.000Z")
        return [(one["published_at"], one["published_precision"], one["published_from"]) for one in articles[1:]]

    stated = ("2025-07-03T10:00:00.000Z", "minute", "page")
    assert published(main + both + age, None) == [stated, ("2025-07-03T07:00:00.000Z", "hour", "inferred")]
    fetched = "2025-07-03T15:00:00Z"
    assert published(main + both + age, fetched) == [stated, ("2025-07-03T10:00:00.000Z", "hour", "relative")]
    assert published(main + age, None) == [(None, "none", "none")]
