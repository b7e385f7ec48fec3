"""Each condition of a term: a text where it holds and one where it does not."""

from __future__ import annotations

import pytest

from lodestream.tag import Tagger, load_vocabulary

VOCABULARY = """
kind = "commodity"
[cues]
opera = ["Scala", "aria{,s}"]

[[entry]]
id = "x"
label = "x"
name.en = [
    { term = "Alonia", alone = true },
    { term = "Insidia", inside = true },
    { term = "lowwood", lower = true },
    { term = "MIX", mixed = true },
    { term = "Befor", not_before = ["County", "Florida", "trot*"] },
    { term = "Aftr", not_after = ["New", "Bank of"] },
    { term = "Needr", needs = ["@opera", "music"] },
    { term = "Unlesser", unless = ["@opera"] },
    "openwood*",
    "*closewood",
    "prewood-*",
    "*-postwood",
]
name.zh = [{ term = "甲国", not_after = ["司"], not_before = ["洋"] }]

[[entry]]
id = "y"
label = "y"
name.en = ["Needr Prime", { term = "Sured", needs = ["music"] }, "Surely"]
"""


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    folder = tmp_path_factory.mktemp("vocabulary")
    (folder / "own.toml").write_text(VOCABULARY, encoding="utf-8")
    return Tagger(load_vocabulary(folder))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("we went to Alonia.", True),
        ("In Alonia, and Alonia's", True),
        ("King of Alonia", True),
        ("Mia Alonia sang", False),
        ("M. Alonia sang", False),
        ("Alonia Henderson sang", False),
        ("the people of Insidia", True),
        ("He came. Insidia is far", False),
        ("“Insidia” is far", False),
        ("made of lowwood", True),
        ("It came. Lowwood is hard", True),
        ("said Ms Lowwood", False),
        ("the MIX of it", True),
        ("STIR THE MIX WELL NOW", False),
        ("MIX", True),
        ("in Befor they met", True),
        ("in Befor County", False),
        ("in Befor, Florida", False),
        ("the Befor trotters", False),
        ("in Aftr", True),
        ("in New Aftr", False),
        ("the Bank of Aftr", False),
        ("the Bank. Of Aftr", True),
        ("Needr sang an aria", True),
        ("Needr sang", False),
        ("Needr sang. It was no music", True),
        ("Unlesser sang", True),
        ("Unlesser sang arias", False),
        ("Unlesser sang at la Scala", False),
        ("openwoodlike things", True),
        ("a reopenwood", False),
        ("an enclosewood", True),
        ("closewoody", False),
        ("the prewood-age", True),
        ("the prewood\u2011age", True),
        ("the prewood, which", False),
        ("(prewood) prewood. Prewood prewood—and", False),
        ("an old-postwood", True),
        ("old, postwood", False),
    ],
)
def test_a_condition_decides_whether_a_term_counts(tagger: Tagger, text: str, found: bool) -> None:  # noqa: FBT001 - a table
    tags = tagger.tag({"body": text, "language": "en"})
    assert ("commodity:x" in {tag["id"] for tag in tags}) is found


@pytest.mark.parametrize(("text", "found"), [("在甲国", True), ("公司甲国", False), ("甲国洋", False)])
def test_neighbours_in_a_script_without_spaces_are_characters(
    tagger: Tagger,
    text: str,
    found: bool,  # noqa: FBT001 - a table
) -> None:
    tags = tagger.tag({"body": text, "language": "zh"})
    assert ("commodity:x" in {tag["id"] for tag in tags}) is found


def test_a_certain_term_of_the_same_entry_is_what_another_needs(tagger: Tagger) -> None:
    def spans(text: str) -> list[str]:
        tags = tagger.tag({"body": text, "language": "en"})
        return [text[start:end] for tag in tags if tag["id"] == "commodity:y" for _, start, end in tag["spans"]]

    assert spans("Sured alone") == []
    assert spans("Sured and Surely") == ["Sured", "Surely"]


def test_the_longest_term_wins_over_what_lies_inside_it(tagger: Tagger) -> None:
    tags = tagger.tag({"body": "Needr Prime and music", "language": "en"})
    assert [tag["id"] for tag in tags] == ["commodity:y"]
