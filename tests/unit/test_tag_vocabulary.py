"""Loading vocabularies: what is packaged, what a user's folder adds, what is refused."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from lodestream.tag import Entry, Tagger, Vocabulary, VocabularyError, load_vocabulary
from lodestream.tag.build_countries import countries_toml


@pytest.fixture(scope="module")
def packaged() -> Vocabulary:
    return load_vocabulary()


def entries(vocabulary: Vocabulary, kind: str) -> dict[str, Entry]:
    return {entry.id: entry for entry in vocabulary.entries if entry.kind == kind}


def tag_ids(vocabulary: Vocabulary, body: str, language: str = "en") -> set[str]:
    return {tag["id"] for tag in Tagger(vocabulary).tag({"body": body, "language": language})}


def write(folder: Path, text: str, name: str = "own.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_committed_country_names_are_what_the_build_script_makes() -> None:
    committed = (files("lodestream.tag") / "vocabularies" / "countries.toml").read_text(encoding="utf-8")
    assert committed == countries_toml()


def test_the_version_names_the_release_and_the_content(packaged: Vocabulary) -> None:
    assert re.fullmatch(r"2026\.1-[0-9a-f]{8}", packaged.version)
    assert load_vocabulary().version == packaged.version


def test_topics_have_triggers_over_all_top_terms(packaged: Vocabulary) -> None:
    topics = entries(packaged, "topic")
    with_triggers = [topic for topic in topics.values() if any(term.language == "en" for term in topic.terms)]
    assert len(with_triggers) >= 100

    def top(topic: Entry) -> str:
        while topic.broader is not None:
            topic = topics[topic.broader]
        return topic.id

    assert {top(topic) for topic in with_triggers} == {f"medtop:{number:02}000000" for number in range(1, 18)}
    assert {topic.id for topic in topics.values() if topic.broader is None} == {
        f"medtop:{number:02}000000" for number in range(1, 18)
    }


def test_countries_have_names_in_the_main_languages_and_adjectives_in_english(packaged: Vocabulary) -> None:
    countries = entries(packaged, "country")
    # The members of the United Nations with their own names in each language; SZ for Eswatini and so on.
    for language in ("en", "de", "sv", "ja", "zh", "es", "fr"):
        named = {code for code, entry in countries.items() if any(term.language == language for term in entry.terms)}
        assert len(named) >= 230, language
    described = {
        code for code, entry in countries.items() if any(term.word_class == "adjective" for term in entry.terms)
    }
    assert len(described) >= 185


@pytest.mark.parametrize(("name", "size"), [("usgs-2022", 50), ("usgs-2025", 60)])
def test_every_mineral_of_the_american_lists_is_a_commodity(packaged: Vocabulary, name: str, size: int) -> None:
    assert sum(name in entry.lists for entry in entries(packaged, "commodity").values()) == size


def test_a_commodity_of_the_user_is_tagged(tmp_path: Path) -> None:
    text = 'kind = "commodity"\n[[entry]]\nid = "vanilla"\nlabel = "vanilla"\nname.en = ["vanilla bean{,s}"]\n'
    vocabulary = load_vocabulary(write(tmp_path, text))
    assert "commodity:vanilla" in tag_ids(vocabulary, "Growers sold all their vanilla beans.")
    assert vocabulary.version != load_vocabulary().version


def test_words_of_the_user_extend_a_packaged_entry(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write(tmp_path, 'kind = "country"\n[terms.government.en]\nCH = ["Bundeshaus"]\n'))
    assert tag_ids(vocabulary, "The Bundeshaus said no; the Swiss agreed.") == {"CH"}


def test_the_user_replaces_and_removes_words(tmp_path: Path) -> None:
    text = (
        'kind = "country"\n[[entry]]\nid = "JP"\nreplace = true\nname.en = ["Nippon"]\n'
        '[[entry]]\nid = "CN"\nremove = ["Beijing"]\n'
    )
    vocabulary = load_vocabulary(write(tmp_path, text))
    assert tag_ids(vocabulary, "Japan and Nippon, China and Beijing.") == {"JP", "CN"}
    assert tag_ids(vocabulary, "Japan and Beijing.") == set()


def test_a_mask_of_the_user_hides_what_stands_inside(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write(tmp_path, 'kind = "country"\n[mask]\nen = ["China Grove"]\n'))
    assert tag_ids(vocabulary, "They met in China Grove.") == set()
    assert tag_ids(vocabulary, "They met in China.") == {"CN"}


def test_triggers_of_the_user_make_a_topic(tmp_path: Path) -> None:
    text = 'kind = "topic"\nlanguage = "en"\n[[entry]]\nid = "20000934"\nstrong = ["triple axel", "quadruple jump"]\n'
    vocabulary = load_vocabulary(write(tmp_path, text))
    body = "She landed a triple axel and a quadruple jump."
    found = Tagger(vocabulary).tag({"body": body, "language": "en"})
    skating = next(tag for tag in found if tag["id"] == "medtop:20000934")
    assert skating["label"] == "figure skating"
    assert [body[start:end] for _, start, end in skating["spans"]] == ["triple axel", "quadruple jump"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = ", r"own\.toml: "),
        ('kind = "planet"', r"own\.toml, top level: kind is one of"),
        ('kind = "country"\nname = 1', r"own\.toml, top level: unknown key 'name'"),
        ('kind = "country"\n[terms.name.en]\nXX = ["Atlantis"]', r"own\.toml, entry XX .*: no country has the id 'XX'"),
        (
            'kind = "topic"\nlanguage = "en"\n[[entry]]\nid = "99"\nstrong = ["x"]',
            r"entry 99: no topic has the id '99'",
        ),
        ('kind = "country"\n[terms.colour.en]\nSE = ["blue"]', r"entry SE .*: a country has no terms of the class"),
        (
            'kind = "commodity"\n[[entry]]\nid = "vanilla"\nname.en = ["vanilla"]',
            r"entry vanilla: no commodity has the id",
        ),
        ('kind = "commodity"\n[[entry]]\nlabel = "vanilla"', r"entry number 1: no id"),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nname.en = "tin"', r"entry tin: terms are a list"),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nname.en = ["--"]', r"entry tin: no term to look for"),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nname.en = ["a{b"]', r"entry tin: braces that do not close"),
        (
            'kind = "commodity"\n[[entry]]\nid = "tin"\nname.en = [{ term = "tin", colour = 1 }]',
            r"unknown key 'colour'",
        ),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nname.en = [{ needs = ["x"] }]', r"entry tin: a term without text"),
        (
            'kind = "commodity"\n[[entry]]\nid = "tin"\nname.en = [{ term = "tin", needs = ["@none"] }]',
            r"entry tin: no list of cues is named 'none'",
        ),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nname = ["tin"]', r"entry tin: terms need a language"),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nfrom = { a = "b" }', r"entry tin: the weight of 'a' is a number"),
        ('kind = "commodity"\n[[entry]]\nid = "tin"\nbroader = "x"', r"commodity:tin: its broader entry 'commodity:x'"),
        ('kind = "commodity"\n[[entry]]\nid = "coal"\nbroader = "metallurgical-coal"', r"run in a circle"),
        ('kind = "country"\n[terms.name.en]\nSE = ["Norway"]', r"the term 'Norway' \(en\) also stands for NO"),
        ('kind = "country"\n[mask]\nen = [{ term = "x", needs = ["y"] }]', r"mask: a mask has no conditions"),
        ('kind = "country"\nterms = 3', r"terms: a table, not 3"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(VocabularyError, match=said):
        load_vocabulary(write(tmp_path, text))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="no folder of vocabularies"):
        load_vocabulary(tmp_path / "none")


def test_the_version_does_not_depend_on_line_ends(tmp_path: Path) -> None:
    text = 'kind = "country"\n[terms.government.en]\nCH = ["Bundeshaus"]\n'
    (tmp_path / "unix").mkdir()
    (tmp_path / "dos").mkdir()
    unix = write(tmp_path / "unix", text)
    (tmp_path / "dos" / "own.toml").write_bytes(text.replace("\n", "\r\n").encode())
    assert load_vocabulary(unix).version == load_vocabulary(tmp_path / "dos").version
