"""Every entry of the languages' tables is an example of itself: set into a line of its kind, it is told to be that.

So an entry that does nothing, because another rule takes its line or because it is written wrongly, fails here; and so
does a table that no frame is given for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from lodestream.clean import Document, Kind, Limits, clean
from lodestream.clean.plain.lines import Line, make_line
from lodestream.clean.plain.marks import mark
from lodestream.clean.times.ages import find_age
from lodestream.clean.words.patterns import (
    ABBREVIATIONS,
    ARTICLES,
    FUNCTIONS,
    HEADINGS,
    KICKERS,
    LANGUAGES,
    SECTIONS,
    STARTERS,
    Heading,
    key,
)
from lodestream.records import Lineage

SECONDS: Final = {
    "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_629_746, "year": 31_556_952,
}  # fmt: skip
LINK: Final = "Storm shuts the old bridge over the sound"
NAME: Final = "Kyodo News"


def marked(text: str) -> Line:
    lines = [make_line(0, " ".join(text.split()))]
    mark(lines)
    return lines[0]


def is_kind(*kinds: Kind) -> Callable[[str], bool]:
    return lambda text: marked(text).kind in kinds


def is_no_content(text: str) -> bool:
    line = marked(text)
    return not line.content or bool(line.pieces)


def starts_no_text(start: str) -> bool:
    return is_no_content(start if start.endswith(" ") is False else f"{start}XYZ")


def begins_section(text: str) -> bool:
    return marked(text).heading is not None


FRAMES: Final[dict[str, tuple[str, Callable[[str], bool]]]] = {
    "headings.related": ("{}", begins_section),
    "headings.soft": ("{}", begins_section),
    "headings.promo": ("{}", begins_section),
    "headings.comments": ("{}", begins_section),
    "headings.summary": ("{}", begins_section),
    "headings.end": ("{}", begins_section),
    "headings.prefixes": ("{}XYZ", begins_section),
    "cues.newsletter": ("{}", is_no_content),
    "cues.cookies": ("{}", is_no_content),
    "cues.full_article": ("{}", is_no_content),
    "cues.follow": ("{}", is_no_content),
    "lines.interface": ("{}", is_no_content),
    "lines.advert": ("{}", is_no_content),
    "lines.starts": ("{}", starts_no_text),
    "labels.source": (f"{{}}: {NAME}", is_kind(Kind.SOURCE, Kind.CAPTION)),
    "labels.photo": (f"{{}}: {NAME}", is_kind(Kind.CAPTION, Kind.SOURCE)),
    "labels.link": (f"{{}}: {LINK}", is_kind(Kind.LINK, Kind.CAPTION)),
    "labels.byline": (
        f"{{}}: {NAME}",
        lambda text: marked(text).kind in {Kind.BYLINE, Kind.CONTRIBUTORS, Kind.CAPTION, Kind.LINK},
    ),
    "labels.contributors": (f"{{}} {NAME}", lambda text: marked(text).kind in {Kind.CONTRIBUTORS, Kind.BYLINE}),
    "labels.editors": (f"{{}} {NAME}", lambda text: marked(text).kind in {Kind.CONTRIBUTORS, Kind.BYLINE}),
    "labels.contributed": (f"{NAME} of Tokyo {{}} report.", is_kind(Kind.CONTRIBUTORS)),
    "labels.ai": ("{}", is_kind(Kind.AI_LABEL)),
}
"""By table: the line into which an entry is set, and what tells that it does what it is there for."""
ELSEWHERE: Final = {"labels.about", "labels.staff", "labels.reporter", "lines.sections"}  # tested below
WORDS: Final = {
    "starters": STARTERS, "functions": FUNCTIONS, "abbreviations": ABBREVIATIONS, "kickers": KICKERS,
    "articles": ARTICLES,
}  # fmt: skip


def entries(language: dict[str, Any], table: str) -> list[str]:
    group, name = table.split(".")
    found: str | list[str] = language[group].get(name, [])
    if not isinstance(found, str):
        return found
    return [entry for entry in (found.split("|") if table != "lines.sections" else found.split()) if entry]


TABLES: Final = sorted(
    {
        f"{group}.{name}"
        for language in LANGUAGES
        for group in ("headings", "cues", "lines", "labels")
        for name in language[group]
    }
)


def test_every_table_has_a_frame() -> None:
    assert set(TABLES) == {*FRAMES, *ELSEWHERE}
    assert {name for language in LANGUAGES for name in language["words"]} == set(WORDS)


@pytest.mark.parametrize("table", sorted(FRAMES))
def test_every_entry_does_what_its_table_says(table: str) -> None:
    frame, holds = FRAMES[table]
    wrong = [
        (language["language"], entry)
        for language in LANGUAGES
        for entry in entries(language, table)
        if not holds(frame.format(entry))
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language["language"])
def test_every_form_of_a_relative_time_is_read_with_every_unit(language: dict[str, Any]) -> None:
    table = language["relative"]
    wrong = []
    for form in table["forms"]:
        for unit, words in table["units"].items():
            for word in words:
                text = form.replace("{n}", "3").replace("{unit}", word)
                found = find_age(text.lower(), text)
                ages = {SECONDS[unit] * number for number in (1, 2, 3)}  # a dual is two
                if found is None or found[2].age not in ages:
                    wrong.append((text, found and found[2].age))
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language["language"])
def test_every_language_has_examples_of_its_times_and_no_empty_table_that_others_need(language: dict[str, Any]) -> None:
    assert language["relative"]["examples"]
    assert language["absolute"]["examples"]
    assert {*language["absolute"]["updates"].split()} <= {*language["absolute"]["labels"].split()}
    for table in (
        "headings.related",
        "headings.promo",
        "headings.comments",
        "lines.interface",
        "lines.advert",
        "labels.photo",
    ):
        assert entries(language, table), table


def test_small_words_and_sections_are_known() -> None:
    for language in LANGUAGES:
        assert all({*language["words"][name].split()} <= known for name, known in WORDS.items())
        assert {*entries(language, "lines.sections")} <= SECTIONS


def test_headings_of_one_key_agree_or_the_list_of_articles_wins() -> None:
    for language in LANGUAGES:
        for entry in language["headings"]["related"]:
            assert HEADINGS[key(entry)] is Heading.RELATED, entry


TEXT: Final = "The bridge over the sound was closed on Friday because of the wind. Trains went on, the operator said."


def byline(line: str) -> list[str]:
    page = f"Storm closes the bridge over the sound\n{line}\nJuly 3, 2025\n{TEXT}\n{TEXT}\n"
    document = Document(page.encode(), "text/plain", "page", "own.example")
    lineage = Lineage(topic="raw", partition=0, offset=0)
    (article,) = clean(document, limits=Limits(), lineage=lineage, ingested_at="2025-07-04T12:00:00.000Z")
    return article["byline"]


def test_who_writes_without_a_name_is_a_byline() -> None:
    wrong = [
        (language["language"], entry, found)
        for language in LANGUAGES
        for entry in entries(language, "labels.staff")
        if (found := byline(entry)) != [entry]
    ]
    assert not wrong


def test_a_role_behind_a_name_makes_it_a_byline() -> None:
    for language in LANGUAGES:
        for role in entries(language, "labels.reporter"):
            assert byline(f"共同通 {role}") == ["共同通"], role


def test_a_sentence_about_the_pages_own_text_needs_ai_in_it_too() -> None:
    for language in LANGUAGES:
        for about in entries(language, "labels.about"):
            for ai in entries(language, "labels.ai")[:1]:
                assert marked(f"{about} with six more words … {ai}.").kind is Kind.AI_LABEL, about
            assert marked(f"{about} with six more words … Oslo.").kind is not Kind.AI_LABEL
