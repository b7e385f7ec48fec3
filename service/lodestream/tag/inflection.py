"""Inflected forms of names and of the adjectives made from them, so that a vocabulary lists one form of each.

Small rules per language, for the endings that newspapers use. They may make a form that no one writes
("Chineses"): it does no harm, for nothing else is written so. What a rule would get wrong is written out in
the vocabulary instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


def _english_adjective(word: str) -> list[str]:
    return [word] if word.endswith("s") else [word, word + "s"]


def _german_adjective(word: str) -> list[str]:
    """A stem in lower case takes the endings of an adjective, a noun ("Chinese") -n, -s and -in.

    The bare stem is left out: it is mostly the language ("auf Deutsch").
    """
    if word[0].islower():
        return [word + ending for ending in ("e", "em", "en", "er", "es")]
    stem = word.removesuffix("e")
    return [word, word + "n", word + "s", stem + "in", stem + "innen"]


def _swedish_adjective(word: str) -> list[str]:
    """An adjective ("kinesisk") takes -a, -t, -ar; a noun ("kines") its article, plural and genitive."""
    if word.endswith("sk"):
        return [word + ending for ending in ("", "a", "t", "as", "ar", "ars", "arna", "arnas")]
    return [word + ending for ending in ("", "s", "en", "ens", "er", "ers", "erna", "ernas")]


_SPANISH: Final = (
    ("és", ("és", "esa", "eses", "esas")),
    ("án", ("án", "ana", "anes", "anas")),
    ("ín", ("ín", "ina", "ines", "inas")),
    ("ón", ("ón", "ona", "ones", "onas")),
    ("ol", ("ol", "ola", "oles", "olas")),
    ("o", ("o", "a", "os", "as")),
    ("í", ("í", "íes", "ís")),
)
_FRENCH: Final = (
    ("ien", ("ien", "ienne", "iens", "iennes")),
    ("éen", ("éen", "éenne", "éens", "éennes")),
    ("ain", ("ain", "aine", "ains", "aines")),
    ("ais", ("ais", "aise", "aises")),
    ("ois", ("ois", "oise", "oises")),
    ("and", ("and", "ande", "ands", "andes")),
    ("ol", ("ol", "ole", "ols", "oles")),
    ("ond", ("ond", "onde", "onds", "ondes")),
    ("an", ("an", "ane", "ans", "anes")),
    ("in", ("in", "ine", "ins", "ines")),
    ("on", ("on", "onne", "ons", "onnes")),
)


def _romance_adjective(table: tuple[tuple[str, tuple[str, ...]], ...]) -> Callable[[str], list[str]]:
    def forms(word: str) -> list[str]:
        for ending, endings in table:
            if word.endswith(ending):
                stem = word.removesuffix(ending)
                return [stem + other for other in endings]
        return [word] if word.endswith("s") else [word, word + "s"]

    return forms


def _genitive(word: str) -> list[str]:
    return [word] if word.endswith(("s", "x", "z")) else [word, word + "s"]


_AR_PREFIXES: Final = ("و", "ب", "ف", "ك", "وب")  # and, in, so, as, and in
_HE_PREFIXES: Final = ("ב", "ל", "מ", "ה", "ו", "ש")


def _arabic_name(word: str) -> list[str]:
    """Conjunctions and prepositions are written onto the word; l- swallows the alif of the article."""
    to = "لل" + word.removeprefix("ال") if word.startswith("ال") else "ل" + word
    return [word, to, *(prefix + word for prefix in _AR_PREFIXES)]


def _hebrew_name(word: str) -> list[str]:
    return [word, *(prefix + word for prefix in _HE_PREFIXES)]


# Genitive, dative, accusative, instrumental, locative of a Russian or Ukrainian name by how it ends.
_RUSSIAN: Final = (
    ("ая", ("ой", "ой", "ую", "ой", "ой")),
    ("ый", ("ого", "ому", "ый", "ым", "ом")),
    ("ий", ("ого", "ому", "ий", "им", "ом")),
    ("ия", ("ии", "ии", "ию", "ией", "ии")),
    ("га", ("ги", "ге", "гу", "гой", "ге")),
    ("ка", ("ки", "ке", "ку", "кой", "ке")),
    ("ша", ("ши", "ше", "шу", "шей", "ше")),
    ("а", ("ы", "е", "у", "ой", "е")),
    ("й", ("я", "ю", "й", "ем", "е")),
    ("ль", ("ля", "лю", "ль", "лем", "ле")),
    *((letter, (letter + "а", letter + "у", letter, letter + "ом", letter + "е")) for letter in "бвгдзклмнпрстфхцчшщ"),
)
_UKRAINIAN: Final = (
    ("на", ("ни", "ні", "ну", "ною", "ні")),
    ("ща", ("щі", "щі", "щу", "щею", "щі")),
    ("ія", ("ії", "ії", "ію", "ією", "ії")),
    ("ка", ("ки", "ці", "ку", "кою", "ці")),
    ("а", ("и", "і", "у", "ою", "і")),
    ("й", ("ю", "ю", "й", "єм", "ї")),
    ("ль", ("лю", "лю", "ль", "лем", "лі")),
    *((letter, (letter + "у", letter + "у", letter, letter + "ом", letter + "і")) for letter in "бвгдзклмнпрстфхцчшщ"),
)


def _cases(table: tuple[tuple[str, tuple[str, ...]], ...]) -> Callable[[str], list[str]]:
    """All words of a name in the same case; a word with no known ending ("Перу") does not change."""

    def decline(word: str) -> tuple[str, ...]:
        for ending, endings in table:
            if word.endswith(ending):
                return tuple(word.removesuffix(ending) + other for other in endings)
        return (word,) * 5

    def forms(name: str) -> list[str]:
        words = [decline(word) for word in name.split(" ")]
        return list(dict.fromkeys([name, *(" ".join(case) for case in zip(*words, strict=True))]))

    return forms


_RULES: Final[dict[tuple[str, str], Callable[[str], list[str]]]] = {
    ("en", "adjective"): _english_adjective,
    ("de", "adjective"): _german_adjective,
    ("sv", "adjective"): _swedish_adjective,
    ("es", "adjective"): _romance_adjective(_SPANISH),
    ("fr", "adjective"): _romance_adjective(_FRENCH),
    ("de", "name"): _genitive,
    ("sv", "name"): _genitive,
    ("nb", "name"): _genitive,
    ("da", "name"): _genitive,
    ("de", "capital"): _genitive,
    ("sv", "capital"): _genitive,
    ("ru", "name"): _cases(_RUSSIAN),
    ("uk", "name"): _cases(_UKRAINIAN),
    ("ar", "name"): _arabic_name,
    ("he", "name"): _hebrew_name,
}


def inflect(word: str, language: str, word_class: str) -> list[str]:
    """The forms of a word of a class (`name`, `adjective`, `capital`); the word alone where no rule is known."""
    rule = _RULES.get((language, word_class))
    return rule(word) if rule else [word]
