"""What texts carry beside their body: datelines, credits, contributors; and the damage that scrapers do to them."""

from __future__ import annotations

from typing import Final

import pytest

from lodestream.clean.draft import Draft, Paragraph
from lodestream.clean.fields.bylines import byline_names, is_name, reported_names
from lodestream.clean.fields.datelines import find_dateline, find_town
from lodestream.clean.fields.edges import names_in, read_ends, read_starts
from lodestream.clean.plain.promo import strip_runs, strip_signups
from lodestream.clean.plain.repair import cut_link_label, split_glued
from lodestream.clean.words.names import looks_like_publisher, publisher
from lodestream.clean.words.patterns import Cue, cues


@pytest.mark.parametrize(
    ("text", "raw", "place", "agency"),
    [
        ("TOKYO - Japan and", "TOKYO -", "Tokyo", None),
        ("ANCHORAGE, Alaska – The proposal", "ANCHORAGE, Alaska –", "Anchorage, Alaska", None),
        (
            "WASHINGTON, D.C., July 3 (Reuters) - The",
            "WASHINGTON, D.C., July 3 (Reuters) -",
            "Washington, D.C.",
            "Reuters",
        ),
        ("WASHINGTON (AP) — A man", "WASHINGTON (AP) —", "Washington", "Associated Press"),
        ("Seoul, July 3 (Jiji Press)--South", "Seoul, July 3 (Jiji Press)--", "Seoul", "Jiji Press"),
        ("Berlin/Paris (dpa) - Der Mann", "Berlin/Paris (dpa) -", "Berlin/Paris", "DPA"),
        ("[NEW YORK] Current and", "[NEW YORK]", "New York", None),
        ("NEW DELHI: The government", "NEW DELHI:", "New Delhi", None),
        ("(ANSA) - ROMA, 03 LUG - Il governo", "(ANSA) - ROMA, 03 LUG -", "Roma", "ANSA"),
        ("(Reuters) - Apple said", "(Reuters) -", None, "Reuters"),
        ("МОСКВА, 3 июля. /ТАСС/. Президент", "МОСКВА, 3 июля. /ТАСС/.", "Москва", "TASS"),
        ("МОСКВА, 3 июл — РИА Новости. Он", "МОСКВА, 3 июл — РИА Новости.", "Москва", "RIA Novosti"),
        ("Wien – Die Gewerkschaft", "Wien –", "Wien", None),
        ("Baden-Baden – Das ist", "Baden-Baden –", "Baden-Baden", None),
        ("新华社北京7月3日电 国家主席", "新华社北京7月3日电", "北京", "Xinhua"),
        ("【東京＝時事】政府は", "【東京＝時事】", "東京", "Jiji Press"),
        ("【北京時事】中国商務省は", "【北京時事】", "北京", "Jiji Press"),
        ("【ワシントン共同】米政府は", "【ワシントン共同】", "ワシントン", "Kyodo News"),
        ("SYDNEY (Dow Jones)--The bank", "SYDNEY (Dow Jones)--", "Sydney", "Dow Jones"),
        ("(서울=연합뉴스) 편집국 기자 = 정부는", "(서울=연합뉴스) 편집국 기자 =", "서울", "Yonhap"),
        ("PARIS, 3 juillet (Reuters) - Le", "PARIS, 3 juillet (Reuters) -", "Paris", "Reuters"),
        ("Madrid, 3 jul (EFE).- El", "Madrid, 3 jul (EFE).-", "Madrid", "EFE"),
        ("RIO DE JANEIRO, July 3 (Xinhua) -- It", "RIO DE JANEIRO, July 3 (Xinhua) --", "Rio de Janeiro", "Xinhua"),
        ("Stockholm (TT) Regeringen", "Stockholm (TT)", "Stockholm", "TT"),
        ("ST. PETERSBURG, Fla. - A man", "ST. PETERSBURG, Fla. -", "St. Petersburg, Fla.", None),
        ("XI'AN, China - A man", "XI'AN, China -", "Xi'an, China", None),
        ("She said she would try. COPENHAGEN – Prime", "COPENHAGEN –", "Copenhagen", None),
    ],
)
def test_datelines(text: str, raw: str, place: str | None, agency: str | None) -> None:
    found = find_dateline(text)
    assert found is not None
    assert (text[found.start : found.end].strip(), found.place, found.agency) == (raw, place, agency)


@pytest.mark.parametrize(
    "text",
    [
        "NATO - the alliance of",
        "BREAKING - Trump said that",
        "The U.S. - China relation",
        "Trump – Putin summit ends",
        "Japan – the world's third",
        "UBS – The bank said",
        "Mr. Speaker - The man",
        "In 2024 - The year",
        "Apple Inc (AAPL) - The stock",
        "(CNN) The president",
        "A dash - is no dateline",
        "TRUMP: We will do it.",
        "They asked both men. VANCE: The plan is ready.",
        "They asked the ministry. NEW DELHI: The government",
        "RELATED: What the rate means",
        "NEWS - The central bank",
        "",
        "-",
        "[1] The first",
    ],
)
def test_what_is_no_dateline(text: str) -> None:
    assert find_dateline(text) is None


@pytest.mark.parametrize(
    ("second", "third", "standfirst"),
    [
        ("PARIS, 3 July (Reuters) - The rate was raised.", "It will hold.", "A short summary."),
        ("PARIS (AFP) - The rate was raised.", "It will hold.", "A short summary."),
        ("PARIS – The rate was raised.", "It will hold.", None),
        ("Wien – Die Zinsen steigen.", "Und weiter.", None),
        ("PARIS (AFP) - The rate was raised.", "OSLO (AFP) - The rate was not raised.", None),
    ],
)
def test_a_paragraph_above_a_dateline_is_a_standfirst_only_where_that_is_sure(
    second: str, third: str, standfirst: str | None
) -> None:
    draft = Draft(paragraphs=[Paragraph(text) for text in ("A short summary.", second, third)])
    read_starts(draft)
    assert draft.standfirst == standfirst
    assert draft.place == (None if standfirst is None else "Paris")
    assert len(draft.paragraphs) == (3 if standfirst is None else 2)


def ended(text: str) -> Draft:
    draft = Draft(paragraphs=[Paragraph("The first paragraph stays."), Paragraph(text, 1, spans(text))])
    read_ends(draft)
    return draft


def spans(text: str) -> dict[Cue, list[tuple[int, int]]]:
    return {cue: [(start, end)] for cue, start, end in cues(text.lower())}


@pytest.mark.parametrize(
    ("tail", "credited"),
    [
        (" REUTERS", ["Reuters"]),
        (" AFP", ["AFP"]),
        (" – Reuters", ["Reuters"]),
        (" (dpa)", ["DPA"]),
        (" AFP, REUTERS", ["AFP", "Reuters"]),
        (" AFP/Reuters", ["AFP", "Reuters"]),
        ("REUTERS", ["Reuters"]),
        (" NYTIMES", ["The New York Times"]),
        (" [Copyright The Jiji Press, Ltd.] Jiji Press", ["Jiji Press"]),
        (" THE NEW PAPER", ["THE NEW PAPER"]),
        (" /TT/", ["TT"]),
        (" ENDS", []),
        (" (FRANCE 24 with AP and AFP)", ["AFP", "Associated Press"]),
        ("（共同）", ["Kyodo News"]),
        (" © 2025 AFP", []),
        (" All rights reserved.", []),
    ],
)
def test_a_trailing_credit_is_a_field_and_not_body(tail: str, credited: list[str]) -> None:
    draft = ended(f"So said the trade ministry.{tail}")
    assert draft.paragraphs[-1].text == "So said the trade ministry."
    assert sorted(draft.credits) == sorted(credited)


@pytest.mark.parametrize(
    "text",
    [
        "India is holding talks, Reuters reported.",
        "He told AFP.",
        "That is what he told Reuters",
        "as reported by Agence France-Presse (AFP).",
        "The talks were in the U.S.",
        "He works for NASA",
        "He agreed. He met with AFP",
        "The law on copyright is old.",
    ],
)
def test_a_mention_of_an_agency_stays(text: str) -> None:
    draft = ended(text)
    assert draft.paragraphs[-1].text == text
    assert draft.credits == []


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (
            "Additional reporting by Steven Erlanger from New York and Constant Méheut from Kyiv.",
            ["Steven Erlanger", "Constant Méheut"],
        ),
        (
            "(Reporting by Shoichi Ishii in Oslo; Writing by Ursula von der Leyen; Editing by Keiichi Ono)",
            ["Shoichi Ishii", "Ursula von der Leyen"],
        ),
        ("Keiichi Ono and Shoichi Ishii contributed to this report.", ["Keiichi Ono", "Shoichi Ishii"]),
    ],
)
def test_contributors_are_a_field(line: str, names: list[str]) -> None:
    draft = ended(
        f"So said the ministry. REUTERS {line}" if line.startswith("Add") else f"So said the ministry. {line}"
    )
    assert draft.paragraphs[-1].text == "So said the ministry."
    assert draft.byline == names


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Von Katrin Meier, Frankfurt", ["Katrin Meier"]),
        ("By Jane Doe, Mary Major and John Roe", ["Jane Doe", "Mary Major", "John Roe"]),
        ("By Jane Doe, Reuters", ["Jane Doe", "Reuters"]),
        ("By Smith, Jones and Brown", ["Smith", "Jones", "Brown"]),
        ("Par Jeanne Dupont et Luc Petit", ["Jeanne Dupont", "Luc Petit"]),
    ],
)
def test_names_in_a_byline(line: str, names: list[str]) -> None:
    assert byline_names(line) == names


def test_places_are_no_names_of_contributors() -> None:
    assert names_in("Reporting by Shoichi Ishii in New York and Keiichi Ono from Los Angeles") == [
        "Shoichi Ishii",
        "Keiichi Ono",
    ]


def test_credits_never_eat_a_whole_text() -> None:
    draft = Draft(paragraphs=[Paragraph("REUTERS")])
    read_ends(draft)
    assert (draft.paragraphs, draft.credits) == ([], ["Reuters"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("media reported.According to him", ["media reported.", "According to him"]),
        ("with the US.Infographic: Rare", ["with the US.", "Infographic: Rare"]),
        ("in 2025.The next", ["in 2025.", "The next"]),
        ("by 40%.In May", ["by 40%.", "In May"]),
        ("he said.”According to", ["he said.”", "According to"]),
        ('he said."We know', ['he said."We know']),  # an opening quote
        ('"we know."The man', ['"we know."', "The man"]),
        ("was told.A man", ["was told.", "A man"]),
        ("in the U.S.The president", ["in the U.S.", "The president"]),
        ("сказал он.По словам", ["сказал он.", "По словам"]),
        ("A.B.C.D.", ["A.B.C.D."]),
    ],
)
def test_glued_paragraphs_are_taken_apart(text: str, parts: list[str]) -> None:
    assert split_glued(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "the U.S. and St. Louis, St.Louis and Dr.Smith",
        "2.693,00 JPY and 1.5 mln",
        "Mining.com, Booking.Com and www.Example.Org said",
        "N(T) students and N(A)",
        "Node.JS, ASP.NET and Yahoo!Japan",
        "J.R.R. Tolkien and J.K.Rowling",
        "e.g. this, i.e. that, a.m. and p.m.",
        "FRITZ!Box 7590 costs 2.Bundesliga",
        "„Wait …“ and so on…And on",
    ],
)
def test_what_looks_like_glue_and_is_none_survives(text: str) -> None:
    assert split_glued(text) == [text]


def test_a_label_glued_before_a_paragraph_is_cut_where_a_word_runs_into_the_next() -> None:
    assert cut_link_label("Infographic: Rare earth spheres of controlFor decades, China") == (
        "Infographic: Rare earth spheres of control",
        "For decades, China",
    )
    assert cut_link_label("Infographic: SoftBank and OpenAI in figuresThe deal") == (
        "Infographic: SoftBank and OpenAI in figures",
        "The deal",
    )
    assert cut_link_label("Video: SoftBank speaks about its future.") is None
    assert cut_link_label("For decades, China") is None


@pytest.mark.parametrize(
    ("before", "ask", "after"),
    [
        ("", "Sign up now: Get ST's newsletters delivered to your inbox", "Since the invasion, all is lost."),
        ("He left.", "Subscribe to our newsletter for more of this.", "She stayed."),
        ("", "Jetzt abonnieren!", "Der Rat tagt."),
        ("The mail went to your inbox, he said, and to nobody else in the firm.", "", ""),
        ("“Subscribe”, he cried. We asked for our newsletter, and nothing came of it.", "", ""),
    ],
)
def test_sign_up_sentences_are_cut_and_nothing_else(before: str, ask: str, after: str) -> None:
    text = " ".join(part for part in (before, ask, after) if part)
    found = [(start, end) for cue, start, end in cues(text.lower()) if cue is Cue.NEWSLETTER]
    stripped = strip_signups(text, found)
    assert stripped.text == " ".join(part for part in (before, after) if part)
    assert [piece for _, piece in stripped.pieces] == [ask] * bool(ask)


MARKER: Final = "Top stories Swipe. Select. Stay informed."


@pytest.mark.parametrize(
    ("run", "following"),
    [
        (
            f"{MARKER} Singapore Two men fined over scams World Will tariffs end the bull run? Asia Rescuers find two",
            "The ship was raised on Monday.",
        ),
        (
            f"{MARKER} World Talks go into a third day Opinion A 'we first' city is hard to build",
            "She also denied that the ship had sunk.",
        ),
        (  # headlines about the article's own matter
            f"{MARKER} World Second ship sinks in harbour Opinion Ships need better hulls Asia Divers raise a hull",
            "The ship was raised on Monday.",
        ),
        (
            "Most read Business Prices fall again in June Sport Team loses the last match Life How to bake good bread",
            "Divers reached the ship at noon.",
        ),
    ],
)
def test_a_run_of_headlines_goes_and_the_article_stays(run: str, following: str) -> None:
    before, after = "The ship sank in the harbour.", "Divers said the hull of the ship was broken."
    stripped = strip_runs(f"{before} {run} {following} {after}", "Ship sinks in harbour")
    assert stripped.text == f"{before} {following} {after}"
    assert " ".join(piece for _, piece in stripped.pieces) == run


@pytest.mark.parametrize(
    "text",
    [
        "He left. Top stories of the year include the flood and the fire.",
        "He left. Popular Mechanics described these parts as obsolete.",
        "He left. Latest News Corp results were better than expected.",
        "Most read books are old. World War II books are not.",
        "The most read Business pages are short.",
        "Video: he said so.",
    ],
)
def test_words_of_a_marker_in_a_sentence_start_no_run(text: str) -> None:
    assert strip_runs(text, "") == type(strip_runs("", ""))(text, ())


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("Straits Times", "The Straits Times"),
        ("- Business Times", "The Business Times"),
        ("NHK", "NHK"),
        ("X Daily", "X Daily"),
    ],
)
def test_publishers_have_their_usual_names(name: str, usual: str) -> None:
    assert publisher(name) == usual


def test_names_of_people_do_not_look_like_publishers() -> None:
    assert all(
        looks_like_publisher(name) for name in ("Reuters", "BBC", "Nordsee-Zeitung", "Mining.com", "The Daily Star")
    )
    assert not any(looks_like_publisher(name) for name in ("Shoichi Ishii", "Politik", "Ursula von der Leyen"))


@pytest.mark.parametrize(
    ("text", "others", "town"),
    [
        ("Brunnhausen. Die Sanierung war zu teuer.", "Wochenlang wurde in Brunnhausen gestritten.", "Brunnhausen"),
        ("Bad Salzungen. Das Bad öffnet wieder, wie es aus Bad Salzungen heißt.", "", "Bad Salzungen"),
        ("Berlin. Der Senat hat entschieden.", "", "Berlin"),
        ("Corona. Das Virus breitet sich aus.", "Die Zahlen steigen weiter, auch wegen Corona.", None),
        ("Brunnhausen. Sanierung zu teuer.", "In Brunnhausen wurde gestritten.", None),  # no sentence behind it
        (
            "Brunnhausen. Die Sanierung war zu teuer.",
            "Der Gemeinderat hat gestritten.",
            None,
        ),  # no town for all we know
        ("Stopp. Die Bahn fährt nicht.", "", None),
    ],
)
def test_a_town_before_the_text_is_where_it_was_written(text: str, others: str, town: str | None) -> None:
    found = find_town(text, others)
    assert (found and found.place) == town
    assert found is None or text[found.end :].startswith("D")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("（小池真帆）", ["小池真帆"]),
        ("（佐藤　恵）", ["佐藤　恵"]),
        ("전주=한도윤 기자", ["한도윤"]),
        ("한도윤 기자", ["한도윤"]),
        ("（共同）", None),
        ("（12日）", None),
    ],
)
def test_who_wrote_stands_in_brackets_or_before_the_role(line: str, names: list[str] | None) -> None:
    assert is_name(line) is (names is not None)
    assert names is None or reported_names(line) == names
