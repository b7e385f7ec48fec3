"""The matcher's own rules, on a small vocabulary, and properties over any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.records import Tag, decode, encode
from lodestream.tag import Tagger, load_vocabulary
from lodestream.tag.inflection import inflect
from lodestream.tag.normalise import normalise
from lodestream.tag.terms import expand
from lodestream.tag.topics import Topics

LANGUAGES = ("en", "de", "sv", "ja", "zh", "es", "fr", "ru", "ar", "ko", "th", "hi", "und", "xx", "")
WORDS = (
    "China Japan US U.S. US$ Georgia Turkey turkey Jordan 中国 日本 其中国有 米国 タイ 한국은 Россией الصين "
    "rare earths rare-earth copper gold war in tariffs election İstanbul ß ﬁ é ² ’ “ ” — . , \n "
    "\u00a0 😀 South China Sea of New Mexico $5 1.5 million dollars one to three billion yen 兆 億円 10"
).split(" ")


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(load_vocabulary())


TAGGER = Tagger(load_vocabulary())


def surfaces(tags: list[Tag], article: dict[str, str], identity: str) -> list[str]:
    return [article[field][start:end] for tag in tags if tag["id"] == identity for field, start, end in tag["spans"]]


COUNTRIES = [
    # Namesakes: a name before a comma and a state.
    ("en", "Storms closed schools in Panama City, Florida, on Monday.", set()),
    ("en", "They flew to Panama City on Monday.", {"PA"}),
    ("en", "in Vienna, Virginia. Later in Vienna", set()),
    ("en", "VIENNA, Va. (AP)", set()),
    ("en", "a barn in Lebanon, PA 17042, and one in Peru, IN", set()),
    ("en", "fires in Lebanon, Pennsylvania, and Cuba, New York", set()),
    ("en", "Cuba, New York. The mayor of Cuba said so; the Cuban ambassador laughed", {"CU"}),
    ("en", "born in Rome, Georgia, and buried in London, Ontario", set()),
    ("en", "the capital Tbilisi, Georgia", {"GE"}),
    ("en", "talks with Armenia, Georgia and Russia", {"AM", "GE", "RU"}),
    ("en", "offices in London, New York and Tokyo", {"GB", "JP"}),
    ("en", "fires in Australia, California and Greece", {"AU", "GR"}),
    ("en", "fires in Australia, California, and Greece", {"AU", "GR"}),
    ("en", "In China, California's governor met them", {"CN"}),
    ("en", "In Mexico, Texas officials met them", {"MX"}),
    ("en", "In London, Virginia Woolf wrote", {"GB"}),
    ("en", "between China, New York Times readers say", {"CN"}),
    ("en", "IT CAME FROM CHINA, IN MAY", {"CN"}),
    # What a longer term with conditions is not, a shorter one inside is not either.
    ("en", "the beaches of Panama City Beach", set()),
    ("ja", "チリ紙を買った", set()),
    ("ja", "チリの銅", {"CL"}),
    # A currency is no country, nor is an airline.
    ("en", "The Swiss franc rose against the Canadian dollar and the Turkish lira.", set()),
    ("en", "The Swiss, frankly, and a Canadian dollar store", {"CH"}),
    ("en", "He flew Turkish Airlines and Air France", set()),
    ("de", "Der Schweizer Franken und die schwedische Krone", set()),
    ("sv", "Norska kronan och kanadensiska dollarn", set()),
    ("es", "el franco suizo y 300 pesos mexicanos", set()),
    ("fr", "le franc suisse et le rouble russe", set()),
    ("ja", "スイスフランとカナダドル", set()),
    ("zh", "瑞士法郎和瑞典克朗", set()),
]


@pytest.mark.parametrize(("language", "text", "expected"), COUNTRIES)
def test_a_name_that_is_part_of_another_is_no_country(
    tagger: Tagger, language: str, text: str, expected: set[str]
) -> None:
    tags = tagger.tag({"body": text, "language": language})
    assert {tag["id"] for tag in tags if tag["kind"] == "country"} == expected


@pytest.mark.parametrize(
    ("language", "text", "identity", "expected"),
    [
        ("en", "Peru, Peru's and PERU: peruse Peruvians’ rights", "PE", ["Peru", "Peru", "PERU", "Peruvians"]),
        ("en", "(China)–China… “China”", "CN", ["China", "China", "China"]),
        ("en", "Chinatown and Indochina", "CN", []),
        ("en", "the U.S., US-based, the US's; us and U S", "US", ["U.S.", "US", "US"]),
        ("en", "paid US$5 and U.S.$6", "US", []),
        ("en", "South Korea, North Korea and Korea", "KR", ["South Korea", "Korea"]),
        ("en", "South Korea, North Korea and Korea", "KP", ["North Korea"]),
        ("en", "Papua New Guinea, Guinea-Bissau", "GN", []),
        ("en", "the United\nStates", "US", ["United\nStates"]),
        ("en", "the men were united. States of mind", "US", []),
        ("en", "Mr Prince of Wales fame, born in Wales", "GB", ["Wales"]),
        (
            "de",
            "Chinas Chinesen, chinesische Ware, Chinesisch, China-Reise",
            "CN",
            ["Chinas", "Chinesen", "chinesische", "China"],
        ),
        ("sv", "Kinas kineser, kinesiska Kina", "CN", ["Kinas", "kineser", "kinesiska", "Kina"]),
        ("es", "los chinos y la industria china en China", "CN", ["chinos", "china", "China"]),
        ("fr", "les Chinois, une chinoise, chinoises", "CN", ["Chinois", "chinoise", "chinoises"]),
        ("ru", "в Китае, Китаю, Китай", "CN", ["Китае", "Китаю", "Китай"]),
        ("ar", "والصين وفي الصين", "CN", ["والصين", "الصين"]),
        ("hi", "चीन ने चीनी पर", "CN", ["चीन"]),
        ("th", "รัฐบาลจีนกล่าว", "CN", ["จีน"]),
        ("ko", "한국은 단한국", "KR", ["한국"]),
        ("ja", "インドとインドネシアとインドア", "IN", ["インド"]),
        ("ja", "インドとインドネシアとインドア", "ID", ["インドネシア"]),
        ("ja", "米国USAの代表", "US", ["米国", "USA"]),
        ("zh", "印度尼西亚和印度", "IN", ["印度"]),
        ("zh", "７月３日本公司表示，日本方面", "JP", ["日本"]),
        ("en", "Lithium, lithium-ion and lithiumlike", "commodity:lithium", ["Lithium", "lithium"]),
        ("de", "Lithiumvorkommen", "commodity:lithium", ["Lithium"]),
        (
            "de",
            "Seltene Erden, Kupfer (Seltene Erden) und Seltene-Erden-Projekte",
            "commodity:rare-earths",
            ["Seltene Erden", "Seltene Erden", "Seltene-Erden"],
        ),
        ("de", "Die ATP-Tour und die WTA-Tour", "medtop:20001085", ["ATP", "WTA"]),
        ("de", "Das Molekül ATP, das die Zelle antreibt: ATP (WTA). Corona, Corona.", "medtop:20001085", []),
        (
            "en",
            "Rare\u2011earth, rare earths; rare. Earths",
            "commodity:rare-earths",
            ["Rare\u2011earth", "rare earths"],
        ),
    ],
)
def test_terms_are_found_where_they_stand(
    tagger: Tagger, language: str, text: str, identity: str, expected: list[str]
) -> None:
    article = {"body": text, "language": language}
    assert surfaces(tagger.tag(article), article, identity) == expected


def test_no_phrase_is_found_across_fields(tagger: Tagger) -> None:
    article = {"headline": "United", "standfirst": "States of", "body": "America", "language": "en"}
    assert [tag["id"] for tag in tagger.tag(article)] == ["US"]
    assert surfaces(tagger.tag(article), article, "US") == ["America"]


def test_a_mention_in_the_headline_weighs_more(tagger: Tagger) -> None:
    def score(article: dict[str, str]) -> float:
        return tagger.tag({**article, "language": "en"})[0]["score"]

    assert score({"headline": "Peru", "body": "x"}) > score({"headline": "x", "body": "Peru"})


def test_topics_need_more_in_a_longer_text(tagger: Tagger) -> None:
    short = {"body": "Inflation slowed.", "language": "en"}
    long = {"body": "Inflation slowed. " + "The committee met and talked about lunch. " * 80, "language": "en"}
    assert "medtop:20000370" in {tag["id"] for tag in tagger.tag(short)}
    assert "medtop:20000370" not in {tag["id"] for tag in tagger.tag(long)}


def test_a_topic_implies_the_topics_above_it(tagger: Tagger) -> None:
    tags = {tag["id"]: tag for tag in tagger.tag({"headline": "Inflation slows", "body": "x", "language": "en"})}
    assert {"medtop:20000370", "medtop:20000344", "medtop:04000000"} <= tags.keys()
    assert tags["medtop:04000000"]["rule"].startswith("implied by medtop:20000370")


def test_tags_are_sorted_by_kind_score_and_id(tagger: Tagger) -> None:
    body = "Peru and Chile mine copper. Chile exports copper ore; tariffs, tariffs. Mining companies and miners object."
    tags = tagger.tag({"headline": None, "body": body, "language": "en"})
    order = {"topic": 0, "country": 1, "commodity": 2}
    assert {tag["kind"] for tag in tags} == order.keys()
    assert tags == sorted(tags, key=lambda tag: (order[tag["kind"]], -tag["score"], tag["id"]))


def test_an_empty_vocabulary_of_terms_tags_nothing() -> None:
    vocabulary = load_vocabulary()
    empty = type(vocabulary)(version="0", entries=())
    assert Tagger(empty).tag({"body": "Peru 中国", "language": "en"}) == []
    assert Topics(()).score([], 0, 0, 0.0) == {}


@given(st.text())
def test_normalising_keeps_every_offset(text: str) -> None:
    assert len(normalise(text)) == len(text)


@pytest.mark.parametrize("char", ["İ", "ß", "ﬁ", "Σ", "ǆ", "\ud800", "\U0001f600", "\u0345"])
def test_normalising_one_character_gives_one(char: str) -> None:
    assert len(normalise(char)) == 1


@given(
    headline=st.none() | st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join),
    body=st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join) | st.lists(st.sampled_from(WORDS)).map("".join),
    language=st.sampled_from(LANGUAGES) | st.none(),
)
def test_any_text_gives_tags_with_spans_inside_it(headline: str | None, body: str, language: str | None) -> None:
    article = {"headline": headline, "standfirst": None, "body": body, "language": language}
    tags = TAGGER.tag(article)
    assert tags == TAGGER.tag(dict(reversed(article.items())))
    assert decode(encode(tags)) == [{**tag, "spans": [list(span) for span in tag["spans"]]} for tag in tags]
    assert len({(tag["kind"], tag["id"]) for tag in tags}) == len(tags)
    for tag in tags:
        assert 0 < tag["score"] <= 1
        assert tag["spans"]
        assert tag["spans"] == sorted(tag["spans"], key=lambda span: (span[0] != "headline", span[1], span[2]))
        for field, start, end in tag["spans"]:
            text = article[field]
            assert text is not None
            assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    ("text", "forms"),
    [("mine{,s}", ["mine", "mines"]), ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"]), ("tax", ["tax"])],
)
def test_braces_stand_for_alternatives(text: str, forms: list[str]) -> None:
    assert list(expand(text)) == forms


@pytest.mark.parametrize(
    ("word", "language", "word_class", "form"),
    [
        ("Russian", "en", "adjective", "Russians"),
        ("russisch", "de", "adjective", "russischem"),
        ("Russe", "de", "adjective", "Russin"),
        ("rysk", "sv", "adjective", "ryskt"),
        ("alemán", "es", "adjective", "alemanas"),
        ("français", "fr", "adjective", "françaises"),
        ("canadien", "fr", "adjective", "canadiennes"),
        ("Саудовская Аравия", "ru", "name", "Саудовской Аравии"),
        ("Україна", "uk", "name", "Україною"),
        ("الصين", "ar", "name", "للصين"),
        ("Perú", "es", "name", "Perú"),
    ],
)
def test_words_are_inflected(word: str, language: str, word_class: str, form: str) -> None:
    assert form in inflect(word, language, word_class)


@pytest.mark.parametrize("language", ["zh-Hant", "zh_TW", "ZH"])
def test_a_language_tag_with_region_or_script_counts_as_its_language(tagger: Tagger, language: str) -> None:
    assert [tag["id"] for tag in tagger.tag({"body": "法國", "language": language})] == ["FR"]


def test_a_user_folder_and_the_package_are_one_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('kind = "country"\n[terms.name.en]\nPE = ["Inkaland"]\n', encoding="utf-8")
    article = {"body": "Inkaland, or Peru", "language": "en"}
    tags = Tagger(load_vocabulary(tmp_path)).tag(article)
    assert surfaces(tags, article, "PE") == ["Inkaland", "Peru"]
