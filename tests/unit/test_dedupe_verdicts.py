"""Verdicts, one table for each kind of situation: what came before, and what the last article is said to be."""

from __future__ import annotations

import pytest
from dedupe_articles import WEEK, article, decide, prose, said

from lodestream.dedupe import Deduper
from lodestream.records import Article

TEXT = prose(1, 300)
EDITED = TEXT.replace(TEXT[300:420], prose(2, 20))
REWRITTEN = prose(3, 300)
ALERT = prose(4, 60)
HALF, REST = prose(5, 200), prose(6, 130)
FULL = f"{HALF} {REST}"
OTHER = prose(7, 300)
SHORT = prose(8, 30)
TINY = "Watch the video here."


def story(*parts: str) -> str:
    return " ".join(parts)


def last(*articles: Article) -> str:
    return said(decide(Deduper(4 * WEEK, 1000), *articles)[-1])


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (TEXT, "exact of a"),
        (TEXT.upper().replace(" ", "\n", 9), "exact of a"),
        (EDITED, "near of a"),
        (story(prose(9, 30), TEXT), "near of a"),
        (" ".join(TEXT.split()[:210]), "contained of a"),
        (" ".join(TEXT.split()[150:]), "contained of a"),
        (story(TEXT, prose(10, 200)), "extends a"),
        (story(prose(10, 60), TEXT, prose(11, 60)), "extends a"),
        (OTHER, "original"),
        (story(" ".join(TEXT.split()[:40]), OTHER), "original"),
        ("", "original"),
    ],
)
def test_the_search_says_how_a_text_relates_to_the_first(body: str, verdict: str) -> None:
    assert last(article("a", TEXT), article("b", body, 1)) == verdict


@pytest.mark.parametrize(
    ("known", "body", "hours", "verdict"),
    [
        (TEXT, EDITED, 72, "near of a"),
        (TEXT, story(EDITED, prose(9, 60)), 72.1, "original"),
        (TEXT, TEXT, 400, "exact of a"),
        (TEXT, f"{TEXT} again", 400, "near of a"),
        (TEXT, " ".join(TEXT.split()[:150]), 73, "contained of a"),
        (TEXT, " ".join(TEXT.split()[:150] + OTHER.split()[:20]), 73, "original"),
        (SHORT, f"{SHORT} today", 24, "near of a"),
        (SHORT, f"{SHORT} today", 24.1, "original"),
        (SHORT, SHORT, 400, "exact of a"),
        (SHORT, " ".join(SHORT.split()[:20]), 1, "original"),
    ],
)
def test_what_is_near_depends_on_age_and_length(known: str, body: str, hours: float, verdict: str) -> None:
    assert last(article("a", known, published=0), article("b", body, 1, published=hours)) == verdict


@pytest.mark.parametrize("ages", [(300, 0), (0, 300)])
def test_a_replay_of_old_articles_finds_the_newer_ones(ages: tuple[float, float]) -> None:
    first, second = ages
    assert last(article("a", TEXT, published=first), article("b", EDITED, 1, published=second)) == "original"
    assert last(article("a", TEXT, published=first), article("b", TEXT, 1, published=second)) == "exact of a"


@pytest.mark.parametrize(
    ("known", "new", "verdict"),
    [
        ({"published": 0}, {"published": 90}, "original"),
        ({"published": 0}, {}, "near of a"),
        ({"published": 0, "fetched": 500}, {"fetched": 500}, "near of a"),
        ({"published": 0, "fetched": 0}, {"fetched": 90}, "original"),
        ({}, {}, "near of a"),
    ],
)
def test_ages_are_compared_in_times_that_both_have(
    known: dict[str, float], new: dict[str, float], verdict: str
) -> None:
    body = story(EDITED, prose(9, 60))
    assert last(article("a", TEXT, **known), article("b", body, 1, **new)) == verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headlines", "verdict"),
    [
        (("Storm", "Storm"), "exact of a"),
        (("Storm", "Strike"), "original"),
        ((None, None), "exact of a"),
        (("Storm", None), "original"),
    ],
)
def test_a_text_of_a_few_words_is_a_copy_only_under_the_same_headline(
    headlines: tuple[str | None, str | None], verdict: str
) -> None:
    one, other = headlines
    assert last(article("a", TINY, headline=one), article("b", TINY, 1, headline=other)) == verdict


RESIGNS = "The prime minister has resigned, state television said on Monday."


@pytest.mark.parametrize(
    ("body", "hours", "verdict"),
    [
        (RESIGNS, 24, "exact of a"),
        (RESIGNS, 24.1, "original"),
        (f"{RESIGNS} He gave no reason.", 24, "exact of a"),
        (f"{RESIGNS} He gave no reason.", 400, "exact of a"),
        (RESIGNS.removeprefix("The "), 0, "original"),
        ("国営テレビは首相が辞任したと伝えた。", 24, "exact of a"),
        ("動画をご覧ください。", 0, "original"),
    ],
)
def test_a_sentence_of_its_own_is_a_copy_under_any_headline_for_a_day(body: str, hours: float, verdict: str) -> None:
    known = article("a", body, headline="PM resigns", published=0)
    assert last(known, article("b", body, 1, headline="Breaking", published=hours)) == verdict


@pytest.mark.parametrize(
    ("again", "verdict"),
    [
        (article("a", TEXT, 3, fetched=3), "refetch of a"),
        (article("a", f"{TEXT} menu", 3, fetched=3, text_key="same"), "version 2"),
        (article("a", EDITED, 3, fetched=3), "version 2"),
        (article("a", REWRITTEN, 3, fetched=3), "version 2"),
        (article("a", OTHER, 3, fetched=3), "version 2"),
        (article("a", EDITED, 3, fetched=0.5), "older_version of a"),
        (article("a", TEXT, 3, fetched=0.5), "refetch of a"),
    ],
)
def test_the_same_article_again_comes_before_the_search(again: Article, verdict: str) -> None:
    assert last(article("a", TEXT, fetched=1), article("x", OTHER, 2), again) == verdict


@pytest.mark.parametrize(
    ("known", "new", "verdict"),
    [
        ({"fetched": 5, "published": 5}, {"fetched": 4, "published": 6}, "older_version of a"),
        ({"fetched": 5, "published": 5}, {"fetched": 5, "published": 4}, "older_version of a"),
        ({"fetched": 5}, {"published": 4}, "version 2"),
        ({"published": 5}, {"published": 4}, "older_version of a"),
        ({"published": 5}, {"published": 5}, "version 2"),
        ({}, {"fetched": 0}, "version 2"),
    ],
)
def test_which_version_is_older_is_told_by_the_first_time_that_differs(
    known: dict[str, float], new: dict[str, float], verdict: str
) -> None:
    assert last(article("a", TEXT, **known), article("a", EDITED, 1, **new)) == verdict  # type: ignore[arg-type]


def test_a_text_key_decides_what_is_a_refetch_not_the_body() -> None:
    learned = article("a", TEXT, 1, text_key="k")
    assert last(article("a", f"{TEXT} Sign up now", text_key="k"), learned) == "refetch of a"


def test_versions_are_counted_and_name_the_text_that_they_replace() -> None:
    texts = [TEXT, EDITED, REWRITTEN]
    decisions = decide(Deduper(WEEK, 1000), *(article("a", body, at, fetched=at) for at, body in enumerate(texts)))
    originals = [decision.original for decision in decisions if decision.original]
    assert [original["version"] for original in originals] == [1, 2, 3]
    assert [original.get("previous") for original in originals] == [
        None,
        {"version": 1, "text_key": originals[0]["text_key"]},
        {"version": 2, "text_key": originals[1]["text_key"]},
    ]
    assert {original["story_id"] for original in originals} == {"a"}


def test_a_copy_that_becomes_an_extension_names_the_text_that_it_replaces() -> None:
    deduper = Deduper(WEEK, 1000)
    *_, copy, grown = decide(
        deduper, article("a", HALF), article("b", f"{HALF} today", 1), article("b", story(HALF, REST), 2)
    )
    assert (said(copy), said(grown)) == ("near of a", "extends a")
    assert grown.original is not None
    assert grown.original["version"] == 2
    assert grown.original["previous"]["version"] == 1


def test_a_replay_that_repeats_several_versions_brings_nothing_new() -> None:
    versions = [article("a", body, at) for at, body in enumerate([TEXT, EDITED, REWRITTEN])]
    decisions = decide(Deduper(WEEK, 1000), *versions, *versions)
    assert [said(decision) for decision in decisions[3:]] == ["refetch of a"] * 3


def test_a_text_that_comes_back_later_is_a_new_version() -> None:
    back = [article("a", body, at, fetched=at) for at, body in enumerate([TEXT, EDITED, TEXT])]
    assert last(*back) == "version 3"


def test_a_copy_of_an_older_version_is_still_found() -> None:
    versions = [article("a", TEXT, fetched=0), article("a", REWRITTEN, 1, fetched=1)]
    assert last(*versions, article("b", EDITED, 2)) == "near of a"
    assert last(*versions, article("b", REWRITTEN, 2)) == "exact of a"


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (EDITED, "near of a"),
        (TEXT, "refetch of a"),
        (story(TEXT, prose(12, 30)), "near of a"),
        (story(TEXT, prose(12, 250)), "extends a"),
        (OTHER, "version 2"),
        (REWRITTEN, "version 2"),
    ],
)
def test_a_new_text_of_a_copy_stays_a_copy_while_it_is_near(body: str, verdict: str) -> None:
    """Also where the new text is a copy of a third article: that is for the search, which versions go before."""
    before = (article("a", TEXT), article("x", OTHER, 1), article("b", TEXT, 2, fetched=2))
    assert last(*before, article("b", body, 3, fetched=3)) == verdict


def test_a_copy_that_is_none_any_more_opens_its_own_story_and_keeps_it() -> None:
    deduper = Deduper(WEEK, 1000)
    bodies = [("a", TEXT), ("b", TEXT), ("b", REWRITTEN), ("b", REWRITTEN + " more"), ("c", REWRITTEN)]
    decisions = decide(deduper, *(article(name, body, at, fetched=at) for at, (name, body) in enumerate(bodies)))
    assert [said(d) for d in decisions] == ["original", "exact of a", "version 2", "version 3", "exact of b"]
    assert [d.original["story_id"] for d in decisions if d.original] == ["a", "b", "b"]


def test_a_copy_of_a_copy_is_linked_to_the_original() -> None:
    assert last(article("a", TEXT), article("b", EDITED, 1), article("c", EDITED, 2)) == "near of a"


@pytest.mark.parametrize("growth", [0, 4])
def test_a_chain_of_small_changes_does_not_tie_together_what_differs(growth: int) -> None:
    tokens = prose(20, 1200).split()
    bodies = [" ".join(tokens[60 * step : 60 * step + 300 + growth * step]) for step in range(12)]
    chain = [said(each) for each in decide(Deduper(WEEK, 1000), *map(article, "abcdefghijkl", bodies))]
    assert chain[1] == "near of a"
    assert "original" in chain[2:6]


def test_a_story_is_extended_only_beyond_its_longest_text() -> None:
    full, more = story(HALF, prose(18, 300)), story(HALF, prose(18, 300), prose(13, 60))
    known = (article("a", HALF), article("b", full, 1))
    assert last(*known) == "extends a"
    assert last(*known, article("c", more, 2)) == "near of b"
    assert last(*known, article("c", story(HALF, prose(14, 170)), 2)) == "contains of a"
    assert last(*known, article("c", story(full, prose(13, 220)), 2)) == "extends b"


def test_a_copy_of_an_extension_names_the_extension_and_the_first_story() -> None:
    deduper = Deduper(WEEK, 1000)
    *_, copy = decide(deduper, article("a", HALF), article("b", FULL, 1), article("c", FULL, 2))
    assert said(copy) == "exact of b"
    assert copy.link is not None
    assert copy.link["story_id"] == "a"
    assert copy.story is not None
    assert copy.story["copies"] == 2


@pytest.mark.parametrize(
    ("headline", "verdict"),
    [
        ("Mine shut after flood", "extends a"),
        ("Flood: mine shut, hundreds safe", "extends a"),
        ("What to know today", "beside a"),
        (None, "beside a"),
    ],
)
def test_an_alert_that_became_a_full_story_keeps_its_headline_and_a_round_up_does_not(
    headline: str | None, verdict: str
) -> None:
    alert = article("a", ALERT, headline="Mine shut after flood")
    assert last(alert, article("b", story(ALERT, prose(15, 300)), 1, headline=headline)) == verdict


def test_a_text_with_two_unrelated_stories_is_a_round_up_whatever_its_headline() -> None:
    parts = (article("a", HALF), article("b", REST, 1))
    deduper = Deduper(WEEK, 1000)
    *_, both = decide(deduper, *parts, article("c", story(HALF, REST), 2))
    assert said(both) == "beside a"
    assert both.original is not None
    assert both.link is not None
    assert (both.original["story_id"], both.link["story_id"]) == ("c", "a")
    assert both.story is not None
    assert both.story["story_id"] == "c"
    assert said(decide(deduper, article("d", f"{HALF} today", 3))[0]) == "near of a"


def test_what_a_round_up_contains_is_no_copy_of_it_but_a_copy_of_the_round_up_is() -> None:
    third = prose(16, 150)
    known = (article("a", HALF), article("b", REST, 1), article("c", story(HALF, REST, third), 2))
    assert last(*known, article("d", third, 3)) == "part of c"
    assert last(*known, article("d", story(HALF, REST, third, "more"), 3)) == "near of c"
    copied = (*known, article("d", story(HALF, REST, third, prose(17, 20)), 3))
    assert last(*copied, article("e", third, 4)) == "part of c"


KH, DK, MID = prose(30, 200), prose(31, 140), prose(32, 120)
ROUND_UP = story(KH, DK, MID)


@pytest.mark.parametrize(
    ("articles", "verdicts"),
    [
        # The headline says that what stands in the longer text is a story of its own.
        (
            [("r", ROUND_UP, "Morning briefing"), ("k", KH, "Dam breached"), ("d", DK, "Minister out")],
            ["original", "part of r", "part of r"],
        ),
        # It does not: two stories that have nothing in common say it, from the second one on.
        (
            [("r", ROUND_UP, "Dam breached"), ("k", KH, "Dam breached"), ("d", DK, "Dam breached")],
            ["original", "contained of r", "part of r"],
        ),
        (
            [("r", ROUND_UP, None), ("k", KH, None), ("d", DK, None), ("m", MID, None)],
            ["original", "contained of r", "part of r", "part of r"],
        ),
        # A story that is more than half of the round-up that came after it.
        (
            [("k", KH, "Dam breached"), ("r", story(KH, DK), "Morning briefing"), ("d", DK, "Minister out")],
            ["original", "beside k", "part of r"],
        ),
        (
            [("k", KH, "Dam breached"), ("r", story(KH, DK), "Dam breached"), ("d", DK, "Minister out")],
            ["original", "extends k", "part of r"],
        ),
        # The longer text is a copy itself, so no original has what it contains.
        (
            [("k", story(KH, MID), "Dam breached"), ("r", story(KH, MID, DK[:400]), "Dam"), ("d", DK[:400], "Out")],
            ["original", "near of k", "original"],
        ),
        # A copy of a story beside the round-up is a copy of that story.
        (
            [("r", ROUND_UP, "Briefing"), ("k", KH, "Dam breached"), ("c", KH[:700], "Dam breached")],
            ["original", "part of r", "contained of k"],
        ),
        # Cut anywhere, a text that is no round-up is still a copy.
        (
            [("a", TEXT, "Storm"), ("b", TEXT[:700], "Storm hits"), ("c", TEXT[400:1200], "Storm hits")],
            ["original", "contained of a", "contained of a"],
        ),
        ([("a", ROUND_UP, "Storm"), ("b", KH, None)], ["original", "contained of a"]),
        ([("a", story(KH, MID), "Storm"), ("b", KH, "Rain at last")], ["original", "contained of a"]),
    ],
)
def test_no_story_disappears_in_a_text_that_is_about_more(
    articles: list[tuple[str, str, str | None]], verdicts: list[str]
) -> None:
    decisions = decide(
        Deduper(4 * WEEK, 1000),
        *(article(name, body, at, headline=headline) for at, (name, body, headline) in enumerate(articles)),
    )
    assert [said(decision) for decision in decisions] == verdicts


def test_the_part_of_a_round_up_has_a_story_of_its_own() -> None:
    deduper = Deduper(4 * WEEK, 1000)
    *_, part = decide(deduper, article("r", ROUND_UP, headline="Briefing"), article("k", KH, 1, headline="Dam"))
    assert part.original is not None
    assert part.link is not None
    assert part.story is not None
    assert (part.original["story_id"], part.link["story_id"], part.story["story_id"]) == ("k", "r", "k")
    assert "extends" not in part.original


def test_a_link_names_what_is_in_originals_with_the_figures_of_the_two() -> None:
    """Of the story's copies the longest is likest, but it is not in originals: what it copies is named."""
    more, most = prose(40, 50), prose(41, 250)
    alert, full = ALERT, story(ALERT, prose(42, 240))
    known = (article("alert", alert), article("full", full, 1), article("copy", story(full, more), 2))
    deduper = Deduper(4 * WEEK, 1000)
    *_, third = decide(deduper, *known, article("full3", story(full, more, most), 3))
    assert said(third) == "extends full"
    assert third.link is not None
    assert third.link["story_id"] == "alert"
    assert third.link["jaccard"] == pytest.approx(0.5, abs=0.1)
    assert third.link["containment"] == pytest.approx(1.0, abs=0.05)


def test_a_link_to_what_was_not_found_to_be_alike_has_the_figures_of_that_pair() -> None:
    tokens = prose(43, 500).split()
    bodies = [" ".join(tokens[:300]), " ".join(tokens[100:420]), " ".join(tokens[200:500])]
    *_, near, last_one = decide(Deduper(WEEK, 1000), *map(article, "abc", bodies))
    assert (said(near), said(last_one)) == ("near of a", "near of a")
    assert last_one.link is not None
    assert last_one.link["jaccard"] == pytest.approx(0.2, abs=0.08)


def test_of_several_relations_the_closest_counts() -> None:
    known = (article("a", story(TEXT, OTHER)), article("b", story(" ".join(TEXT.split()[:200]), prose(21, 184)), 1))
    assert said(decide(Deduper(WEEK, 1000), *known)[1]) == "original"
    assert last(*known, article("c", TEXT, 2)) == "near of b"
