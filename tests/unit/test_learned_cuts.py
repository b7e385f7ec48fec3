"""What clean learns of a site's repetition, and what it must leave alone."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learned_articles import DAY, WEEK, article, prose, read, repeated, stories

from lodestream.clean.learned import Memory
from lodestream.records import ArticleFields
from lodestream.text import words

MENU = "Subscribe to our newsletter"
NOTICE = "Sign up for the letter that our editors write on every weekday morning before breakfast."
PROMO = (
    "Top stories Swipe Select Stay informed Lorries queue at the bridge Mayor resigns over the ferry "
    "Weather turns on Friday and stays so until Sunday"
)


def memory(window: int = WEEK, entries: int = 1000) -> Memory:
    return Memory(window, entries)


@pytest.mark.parametrize(("number", "found"), [(1, []), (2, []), (3, [MENU]), (4, [MENU])])
def test_a_line_of_a_page_is_cut_from_its_third_story_on(number: int, found: list[str]) -> None:
    assert stories(memory(), [MENU], number) == found


@pytest.mark.parametrize(("number", "found"), [(3, []), (4, [NOTICE])])
def test_a_paragraph_of_a_record_is_cut_from_its_fourth_story_on(number: int, found: list[str]) -> None:
    assert stories(memory(), [NOTICE], number, page=False) == found


def test_a_record_keeps_its_short_lines_and_those_that_differ_in_a_number() -> None:
    one = memory()
    for seed in range(8):
        table = f"Net profit of the first nine months was {seed} million crowns, which is above that of last year."
        assert repeated(read(one, article(f"story {seed}", prose(seed, 120), MENU, table), page=False)) == []


def test_a_page_loses_lines_that_differ_in_numbers_case_and_punctuation() -> None:
    one = memory()
    lines = ["12 comments, 3 shares", "74 COMMENTS – 8 shares!", "00 comments 1 shares"]
    found = [repeated(read(one, article(f"{n}", prose(n, 120), line))) for n, line in enumerate(lines)]
    assert found == [[], [], lines[2:]]


@pytest.mark.parametrize("line", ["12.5", "4 – 1", "١٢٫٥", "…", ""])
def test_a_line_without_a_word_teaches_nothing(line: str) -> None:
    assert stories(memory(), [line], 6) == []


def test_what_one_site_repeats_is_no_repetition_of_another() -> None:
    one = memory()
    for seed in range(6):
        assert repeated(read(one, article(f"{seed}", prose(seed, 120), MENU), site=f"{seed % 3}.example")) == []


def test_the_cut_is_in_removed_and_everything_else_is_as_it_was() -> None:
    one = memory()
    stories(one, [MENU], 2)
    full = article("last", prose(7, 60), MENU, prose(8, 60))
    (cut,) = read(one, full)
    assert cut["body"] == f"{prose(7, 60)}\n\n{prose(8, 60)}"
    assert cut["removed"] == [*full["removed"], {"kind": "repeated", "text": MENU}]
    assert cut["word_count"] == len(words(cut["body"])) == 120
    assert {**full, "body": "", "removed": [], "word_count": 0} == {**cut, "body": "", "removed": [], "word_count": 0}


def test_copies_updates_and_refetches_of_an_article_teach_nothing() -> None:
    one = memory()
    text = [prose(seed, 40) for seed in range(6)]
    for n in range(8):  # another address each time, another beginning, and now and then an edit
        some = [*text[: n % 4], prose(100 + n, 25), *text[n % 4 :]]
        assert repeated(read(one, article(f"copy {n}", *some, MENU))) == []
    for n in range(8):  # the same address with less and less of the old text
        assert repeated(read(one, article("live", *text[n:], *(prose(200 + m, 60) for m in range(n)), NOTICE))) == []


def test_an_article_that_is_rewritten_again_and_again_is_one_story() -> None:
    one = memory()
    for n in range(6):
        assert repeated(read(one, article("live", prose(n, 120), MENU))) == []


def test_a_related_article_on_ten_pages_is_one_story_of_its_own() -> None:
    one = memory()
    embedded = [prose(500, 50), "A line of the related article", prose(501, 50)]
    for n in range(10):
        found = read(one, article(f"main {n}", prose(n, 120)), article(f"related {n}", *embedded))
        assert repeated(found) == []


def test_siblings_teach_the_next_record_and_not_each_other() -> None:
    one = memory()
    page = [article(f"a{n}", prose(n, 80), MENU) for n in range(3)]
    assert repeated(read(one, *page)) == []
    assert repeated(read(one, article("b", prose(9, 80), MENU))) == [MENU]


def test_siblings_that_are_copies_are_one_story() -> None:
    one = memory()
    read(one, *(article(f"a{n}", prose(1, 80), MENU) for n in range(5)))
    assert repeated(read(one, article("b", prose(9, 80), MENU))) == []


def test_a_promo_inside_a_paragraph_is_cut_to_its_ends_by_the_third_story() -> None:
    one = memory()
    for seed in range(4):
        before, behind = prose(seed, 40), prose(100 + seed, 45)
        (found,) = read(one, article(f"{seed}", prose(200 + seed, 80), f"{before} {PROMO} {behind}"))
        if seed < 2:
            assert repeated([found]) == []
        else:
            assert repeated([found]) == [PROMO]
            assert found["body"] == f"{prose(200 + seed, 80)}\n\n{before} {behind}"
            assert found["word_count"] == 165


def test_a_word_that_two_stories_have_behind_a_promo_by_chance_stays() -> None:
    one = memory()
    for seed, word in enumerate(["Ada", "Bela", "Cleo", "Cleo"]):
        line = f"{prose(seed, 40)} {PROMO} {word} {prose(100 + seed, 45)}"
        (found,) = read(one, article(f"{seed}", prose(200 + seed, 80), line))
    assert repeated([found]) == [PROMO]


def test_a_phrase_that_stories_share_is_no_promo() -> None:
    phrase = "the ministry of trade and industry of the northern provinces said on Monday"
    one = memory()
    for seed in range(6):
        line = f"{prose(seed, 40)} {phrase} {prose(100 + seed, 40)}"
        assert repeated(read(one, article(f"{seed}", line))) == []


def test_a_paragraph_that_is_a_promo_alone_goes_as_a_line() -> None:
    assert stories(memory(), [PROMO], 3) == [PROMO]


@pytest.mark.parametrize("page", [True, False])
def test_no_article_of_a_template_loses_more_than_two_fifths(*, page: bool) -> None:
    """Earnings tables: all of it stands in every other one, but for names and numbers."""
    one = memory()
    for n in range(40):
        lines = [
            f"{prose(1000 + n, 2)} reports its results for the quarter that ended on the last day of March {n}",
            "Shr 23 cts vs 18 cts",
            f"Net {n}.2 mln vs 900,000",
            "Revs 8.1 mln vs 7.7 mln",
            "Avg shrs 5.2 mln vs 5.1 mln",
            "The company said that the results of both years include gains from the sale of assets and of tax credits",
        ]
        full = article(f"{n}", *lines)
        (found,) = read(one, full, page=page)
        assert found == full


def test_a_page_with_an_article_of_its_own_may_lose_most() -> None:
    """A frame of teasers is more than the story in it: that is what stays."""
    frame = [f"{prose(3000 + n, 9)}" for n in range(60)]
    one = memory()
    for n in range(3):
        (found,) = read(one, article(f"{n}", *frame[:30], prose(n, 160), *frame[30:]))
    assert found["body"] == prose(2, 160)
    for n in range(3, 6):  # too little is left for an article
        full = article(f"{n}", *frame[:30], prose(n, 140), *frame[30:])
        assert read(one, full) == [full]


def test_a_record_loses_no_more_than_two_fifths_whatever_is_left() -> None:
    notices = [prose(4000 + n, 20) for n in range(12)]  # 240 of 580 words
    one = memory()
    for n in range(6):
        full = article(f"{n}", prose(n, 170), prose(100 + n, 170), *notices)
        assert read(one, full, page=False) == [full]


def test_lines_in_scripts_without_spaces_are_lines_and_have_no_runs() -> None:
    label, phrase = "关注我们的微信公众号", "国家发展和改革委员会有关负责人在北京举行的新闻发布会上表示"
    one = memory()
    for n in range(4):
        story = "".join(chr(0x4E00 + (n * 977 + at * 131) % 5000) for at in range(150))
        (found,) = read(one, article(f"{n}", f"{story[:70]}{phrase}{story[70:]}", label))
    assert repeated([found]) == [label]
    assert one.sizes()["runs"].entries == 0


@pytest.mark.parametrize(
    "line", ["Абонирайте се за бюлетина", "اشترك في النشرة البريدية", "Ｆｏｌｌｏｗ ｕｓ", "l’Été à Straße"]
)
def test_lines_of_any_script_are_learned(line: str) -> None:
    assert stories(memory(), [line], 3) == [line]


def test_a_page_fetched_again_after_the_site_taught_a_cut_keeps_its_key_and_id() -> None:
    one = memory()
    full = article("again", prose(50, 120), MENU)
    (before,) = read(one, full)
    stories(one, [MENU], 4)
    (after,) = read(one, full)
    assert (before["body"], repeated([after])) == (full["body"], [MENU])
    assert [after[name] for name in ("text_key", "article_id")] == [full[name] for name in ("text_key", "article_id")]


@pytest.mark.parametrize(("days", "found"), [(6.9, [MENU]), (7, []), (30, [])])
def test_what_was_learned_is_forgotten_a_window_after_the_stories_came(days: float, found: list[str]) -> None:
    one = memory()
    stories(one, [MENU], 2)
    assert repeated(read(one, article("late", prose(99, 120), MENU), days=days)) == found


def test_what_goes_on_to_be_seen_is_not_forgotten() -> None:
    one = memory()
    for n in range(20):
        cut = repeated(read(one, article(f"{n}", prose(n, 120), MENU), days=3 * n))
        assert cut == ([MENU] if n > 1 else [])


def test_the_oldest_make_room_when_there_are_too_many() -> None:
    one = memory(entries=64)
    stories(one, [MENU], 2)
    stories(one, [], 200, first=10)
    assert stories(one, [MENU], 1, first=300) == []
    sizes, evicted = one.sizes(), one.evictions()
    assert max(size.entries for size in sizes.values()) <= 64
    assert min(evicted[store, "cap"] for store in ("stories", "sketches", "lines", "runs")) > 0
    assert sum(evicted[store, "window"] for store in sizes) == 0


TEXTS = st.lists(
    st.one_of(
        st.sampled_from([MENU, NOTICE, PROMO, f"{prose(1, 30)} {PROMO} {prose(2, 30)}", prose(3, 200), "稀土出口" * 9]),
        st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=60),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=6), st.booleans())
def test_nothing_is_lost_what_is_not_in_the_body_is_in_removed(records: list[list[list[str]]], page: bool) -> None:  # noqa: FBT001
    one = memory()
    for n, texts in enumerate(records):
        given_ = [article(f"{n}.{k}", *paragraphs) for k, paragraphs in enumerate(texts)]
        for full, cut in zip(given_, read(one, *given_, page=page), strict=True):
            gone = cut["removed"][1:]
            assert visible(cut["body"], *(each["text"] for each in gone)) == visible(full["body"])
            assert all(each["kind"] == "repeated" and each["text"] in full["body"] for each in gone)
            assert cut["word_count"] == len(words(cut["body"]))
            assert cut["text_key"] == full["text_key"]


def visible(*texts: str) -> Counter[str]:
    return Counter("".join("".join(texts).split()))


HOSTILE = {
    "one word of a mebibyte": ["x" * (1 << 20)],
    "one line of a mebibyte": ["ab " * (350_000)],
    "one line of a mebibyte, all different": [" ".join(f"{n:x}" for n in range(150_000))],
    "20,000 paragraphs alike": ["a b"] * 20_000,
    "20,000 paragraphs": [f"word{n:x}" for n in range(20_000)],
    "combining marks": ["e" + "\u0301" * 200_000],
    "nothing but breaks": [""] * 20_000,
}


def test_a_line_of_many_promos_loses_them_in_time() -> None:
    one = memory(entries=500_000)
    run = PROMO.lower()
    began = time.process_time()
    for n in range(4):
        lines = " ".join(f"{prose(50 * n + k, 40)} {run}" for k in range(50))
        (found,) = read(one, article(f"{n}", *[lines] * 8))
    assert repeated([found]) == [run] * 400
    many = " ".join(f"{n:x} {run}" for n in range(9000))
    for n in range(3):
        read(one, article(f"many {n}", prose(9000 + n, 60), prose(n, 40) + many, *[prose(70 + n, 300)] * 400))
    assert time.process_time() - began < 20


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_read_in_time_and_fill_no_block(name: str) -> None:
    one = memory(entries=500_000)
    began = time.process_time()
    for n in range(3):
        read(one, article(f"{n}", *HOSTILE[name]))
    assert time.process_time() - began < 6, "seconds for three; a quarter of that where nothing else runs"
    assert len(one.drain()) < 3 * 400_000


def test_time_grows_with_the_length_alone() -> None:
    """Eight times the text takes no 24 times the time: what is quadratic takes 64."""
    taken = []
    for size in (20_000, 160_000):
        texts: list[ArticleFields] = [
            article(f"{size} {n}", *(prose(1000 * size + 10 * n + k, size // 20) for k in range(10)), *[PROMO] * 20)
            for n in range(3)
        ]
        one = memory(entries=100_000)
        began = time.process_time()
        for each in texts:
            read(one, each)
        taken.append(time.process_time() - began)
    assert taken[1] < 24 * taken[0]
    assert DAY < WEEK
