"""Amounts of money: where they stand, what they are worth, in which currency.

A number is an amount when a currency stands before or behind it; percentages and bare numbers are none, nor are
words without a number ("multibillion-dollar", "trillions of dollars"). "One to three billion yen" and "S$12.9
million to S$38.7 million" are ranges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from lodestream.tag.currencies import (
    BARE_SIGNS,
    BETWEEN_WORDS,
    CHANGE_WORDS,
    CODES,
    CODES_BEFORE,
    DECIMAL_POINT,
    NOT_BEHIND_SIGNS,
    NUMBER_WORDS,
    RANGE_WORDS,
    RATES,
    SHARED_WORDS,
    SYMBOLS,
    UNKNOWN,
    UNSURE_MAGNITUDES,
    alternatives,
    both_cases,
    code_of,
    currency_words,
    magnitudes,
)

# The second form is Indian: 1,50,000. Whatever comes out must be the whole number; bounded, so that a table of numbers
# is not read to its end from each of them.
_DIGITS: Final = (
    r"(?>\d{1,3}(?:[.,'’ \xa0\u202f]\d{3}){1,8}(?:[.,]\d+)?(?!\d)"
    r"|\d{1,2}(?:,\d{2}){1,8},\d{3}(?:\.\d+)?"
    r"|\d+(?:[.,]\d+)?)(?![.,]?\d)"
)
_SPACE: Final = r"[ \xa0\u202f-]?"
_UNSPACED: Final = frozenset({"ja", "zh"})
_PERCENT: Final = r"[ \xa0]?(?:%|percent|per cent|Prozent|procent|por ciento|pour cent)"
_OF: Final = r"(?:[ \xa0](?:de|di)(?=[ \xa0])|[ \xa0]d['’])?"  # millones de dólares, milliards d'euros
_TAIL: Final = re.compile(r"\d[.,'’百千万萬亿億兆]?\Z")  # before what is only the end of a longer number
_LETTER_BEFORE: Final = re.compile(r"[^\W_]\Z")
_PART_OF_WORDS: Final = re.compile(r"(?:[^\W\d_][-‐‑]|(?i:hundred(?: and)?) )\Z")  # "twenty-five", "hundred and five"
_LONE_THOUSANDS: Final = re.compile(r"\d{1,3},\d{3}")
_WORD_BEFORE: Final = re.compile(r"([^\W\d_]+)[ \xa0]\Z")
_RUN_OF_DIGITS: Final = re.compile("[0-9０-９]+")  # a third of the time of the class for all scripts
_PREFIX_ENDS: Final = frozenset(written[-1] for written in (*SYMBOLS, *CODES_BEFORE))
_PREFIX_MAX: Final = 6  # "U.S.$ ", "AUD $ "
_WORDS_BEFORE: Final = 24  # "between eleven and twelve "
_DIGITS_MAX: Final = 15  # longer runs of digits are no money but account numbers and the like


@dataclass(frozen=True, slots=True)
class Amount:
    """[start, end) of the text in code points; `low` and `high` are equal unless it is a range."""

    start: int
    end: int
    currency: str
    low: Decimal
    high: Decimal

    @property
    def id(self) -> str:
        """`USD:6000000000`, or `JPY:1000000000..3000000000` for a range."""
        return f"{self.currency}:{_plain(self.low)}" + ("" if self.low == self.high else f"..{_plain(self.high)}")

    @property
    def label(self) -> str:
        """`6000000000 USD`, `1000000000–3000000000 JPY`."""
        return _plain(self.low) + ("" if self.low == self.high else f"–{_plain(self.high)}") + f" {self.currency}"


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A number as it stands in the text, with what was written beside it. Undone parts are None."""

    start: int
    end: int
    number: Decimal
    factor: Decimal | None
    currency: str | None
    prefix: str  # the sign or code before the number
    unsure: bool  # in a currency that shares its name with others
    year: bool = False  # "in 2025 dollars"
    verb: bool = False  # "five won"


@dataclass(frozen=True, slots=True)
class _Grammar:
    language: str
    prefix: re.Pattern[str]
    long_factors: tuple[str, ...]
    word: re.Pattern[str] | None
    part: re.Pattern[str]
    scale: re.Pattern[str]
    quantity: re.Pattern[str]
    between: re.Pattern[str]
    words: Mapping[str, str]
    factors: Mapping[str, Decimal]
    numbers: Mapping[str, int]


def find_amounts(text: str, language: str) -> list[Amount]:
    """The amounts of a text in reading order, none inside another."""
    grammar = _grammar(language)
    amounts: list[tuple[str, Amount]] = []  # with their signs
    foreign: set[str] = set()  # signs that stand for something else in this text
    reached = 0
    for position in _anchors(grammar, text):
        first = _quantity(grammar, text, position, alone=True) if position >= reached else None
        if first is None:
            continue
        if first.unsure and first.prefix:
            foreign.add(first.prefix)
        found = _range(grammar, text, first) or _single(first)
        if found is not None:
            amounts.append((first.prefix, found))
            reached = found.end
    # A text that once says "$ 5.000 pesos" means pesos by every other "$" too.
    return [amount for sign, amount in amounts if sign not in foreign]


def _anchors(grammar: _Grammar, text: str) -> list[int]:
    """Where amounts may begin: at digits, at the currency before them, and at number words before a magnitude.

    Digits and magnitudes are rare in a text: looking for them first and back from there takes a tenth of the time
    of looking for all that an amount can begin with.
    """
    positions = []
    for digits in _RUN_OF_DIGITS.finditer(text):
        start = digits.start()
        beside = text[max(0, start - 2) : start].rstrip()[-1:]
        before = grammar.prefix.search(text, max(0, start - _PREFIX_MAX), start) if beside in _PREFIX_ENDS else None
        positions.append(before.start() if before else start)
    if grammar.word is not None:
        for magnitude in grammar.long_factors:
            found = text.find(magnitude)
            while found >= 0:
                window = max(0, found - _WORDS_BEFORE), found
                positions += [word.start() for word in grammar.word.finditer(text, *window)]
                found = text.find(magnitude, found + 1)
    return sorted(set(positions))


def _single(quantity: _Quantity) -> Amount | None:
    if quantity.currency is None:
        return None
    if quantity.factor is None and (quantity.verb or quantity.year):
        return None
    value = quantity.number * (quantity.factor or 1)
    return Amount(quantity.start, quantity.end, quantity.currency, value, value)


def _range(grammar: _Grammar, text: str, first: _Quantity) -> Amount | None:
    """`first` and a second quantity as a range, None where they are two amounts or the second is none."""
    link = grammar.between.match(text, first.end)
    if link is None or not _joins(link.group().strip(), text, first.start):
        return None
    second = _quantity(grammar, text, link.end())
    if second is None or (second.currency is None and not first.prefix) or first.unsure or second.unsure:
        return None
    if first.currency and second.currency and first.currency != second.currency:
        return None
    factor = second.factor or Decimal(1)
    low = first.number * (first.factor or factor)
    high = second.number * factor
    if low > high and first.factor is None:
        low = first.number
    if low >= high:
        return None
    return Amount(first.start, second.end, first.currency or second.currency or "", low, high)


def _joins(word: str, text: str, start: int) -> bool:
    """Whether the word between two quantities makes them a range, by what stands before the first."""
    before = _WORD_BEFORE.search(text[max(0, start - 12) : start])
    word_before = before.group(1).lower() if before else ""
    if word in BETWEEN_WORDS:
        return word_before == BETWEEN_WORDS[word]
    return not (word.isalpha() and word_before in CHANGE_WORDS)


def _quantity(grammar: _Grammar, text: str, position: int, *, alone: bool = False) -> _Quantity | None:
    """What stands at `position`. `alone`: None at once for a number that neither a currency nor a range follows."""
    found = grammar.quantity.match(text, position)
    if found is None:
        return None
    prefix, suffix = found["prefix"], found["suffix"]
    if alone and not (prefix or suffix or grammar.between.match(text, found.end())):
        return None
    before = text[max(0, position - 2) : position]
    if _TAIL.search(before) or (_LETTER_BEFORE.search(before) and grammar.language not in _UNSPACED):
        return None
    if found["glued"] and found["glued"] not in RATES:  # a magnitude or unit that is not known
        return None
    value = _value(grammar, text, found)
    if value is None:
        return None
    number, factor = value
    end = found.end()
    if prefix and suffix in NOT_BEHIND_SIGNS:
        end, suffix = found.start() + len(text[found.start() : found.start("suffix")].rstrip()), None
    written = suffix if suffix and (prefix is None or prefix in BARE_SIGNS) else prefix
    currency = code_of(written, grammar.language, grammar.words) if written else None
    year = prefix is None and len(found["number"]) == 4 and 1900 <= number <= 2100
    verb = suffix == "won" and number < 1_000
    return _Quantity(
        start=found.start(),
        end=end,
        number=number,
        factor=factor,
        currency=currency,
        prefix=prefix or "",
        unsure=bool(written) and currency is None,
        year=year and suffix == "dollars",
        verb=verb,
    )


def _value(grammar: _Grammar, text: str, found: re.Match[str]) -> tuple[Decimal, Decimal | None] | None:
    """The number and the factor that was written behind it, None where there is none. None: not understood."""
    if not found["number"][0].isdigit() and _PART_OF_WORDS.search(text, max(0, found.start() - 12), found.start()):
        return None
    number = _number(found["number"], grammar, found["prefix"] or "")
    if number is None:
        return None
    factor = _factor(grammar, found["factor"])
    if not found["more"]:
        return number, factor
    # 1兆2000億, 5万5000: each part is smaller than the unit of the one before.
    total, unit = number * (factor or 1), factor or Decimal(1)
    for part in grammar.part.finditer(found["more"]):
        digits, scale = _number(part["number"], grammar, ""), _factor(grammar, part["factor"]) or Decimal(1)
        if digits is None or digits * scale >= unit:
            return None
        total += digits * scale
        unit = scale
    return total, None


def _factor(grammar: _Grammar, written: str | None) -> Decimal | None:
    """The product of the magnitudes: lakh crore, mil millones, 千万."""
    if not written:
        return None
    factor = Decimal(1)
    for scale in grammar.scale.findall(written):
        factor *= grammar.factors[scale]
    return factor


def _number(written: str, grammar: _Grammar, prefix: str) -> Decimal | None:
    """A number in the notation of the language: 1,234.5 or 1.234,5 or 1 234,5; words up to twelve."""
    word = grammar.numbers.get(written.lower())
    if word is not None:
        return Decimal(word)
    plain = re.sub(r"['’ \xa0\u202f]", "", written)
    american = prefix.endswith("$") and _LONE_THOUSANDS.fullmatch(plain)  # "$5,000", as Mexico and agencies write
    point, comma = (".", ",") if american or grammar.language in DECIMAL_POINT else (",", ".")
    if plain.count(comma) > 1 or (comma in plain and point in plain and plain.index(comma) < plain.index(point)):
        plain = plain.replace(comma, "")
    elif comma in plain and point not in plain:
        # One foreign separator: three digits behind it are thousands, one or two are decimals.
        whole, _, tail = plain.partition(comma)
        plain = whole + tail if len(tail) == 3 else f"{whole}.{tail}"
    plain = plain.replace(",", ".")
    if plain.count(".") > 1 or sum(char.isdigit() for char in plain) > _DIGITS_MAX:
        return None
    return Decimal(plain)


def _plain(value: Decimal) -> str:
    """A decimal without exponent and without zeros behind the point."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(maxsize=64)
def _grammar(language: str) -> _Grammar:
    words, factors, numbers = currency_words(language), magnitudes(language), NUMBER_WORDS.get(language, {})
    long_factors = tuple(word for word in factors if len(word) > 3 and not word.isupper())
    unspaced = language in _UNSPACED
    word_end = "" if unspaced else r"(?![^\W\d_])"
    codes, symbols, scales = "|".join(CODES_BEFORE), alternatives(SYMBOLS), alternatives(factors)
    number = _DIGITS + (rf"|(?i:{alternatives(numbers)})\b" if numbers else "")
    links = alternatives(RANGE_WORDS.get(language, ("to",)))
    named = alternatives({*words, *SHARED_WORDS})
    if unspaced:
        scaled = rf"(?P<factor>(?:{scales}){{0,2}})(?P<more>(?:{_DIGITS}(?:{scales}){{0,2}}){{0,6}}+)"
        glued = "(?P<glued>(?!))?"
    else:
        times = alternatives(word for word in factors if len(word) > 2)
        unsure = alternatives(both_cases(UNSURE_MAGNITUDES))
        scaled = (
            rf"(?:{_SPACE}(?P<factor>(?:{scales}){word_end}(?:{_SPACE}(?:{times}){word_end})?){_OF})?+(?P<more>(?!))?"
            + (rf"(?!{_SPACE}(?:{unsure}){word_end})" if language == UNKNOWN else "")
        )
        glued = r"(?=(?P<glued>[^\W\d_]*))"
    quantity = (
        rf"(?:(?P<prefix>(?:{codes})[ \xa0]?\$|{symbols}|{codes})[ \xa0]?)?"
        rf"(?P<number>{number}){scaled}(?!{_PERCENT})"
        rf"(?:{_SPACE}(?P<suffix>(?:{named}){word_end}|(?:{'|'.join(CODES)})(?!\w)|[€£¥￥₹₩₽₺₪₫₴](?!\d)|kr\b))?{glued}"
    )
    return _Grammar(
        language=language,
        prefix=re.compile(rf"(?:(?:\b(?:{codes})[ \xa0]?)?\$|{symbols}|\b(?:{codes}))[ \xa0]?\Z"),
        long_factors=long_factors,
        word=re.compile(rf"\b(?i:{alternatives(numbers)})\b") if numbers else None,
        part=re.compile(rf"(?P<number>{_DIGITS})(?P<factor>(?:{scales}){{0,2}})"),
        scale=re.compile(scales),
        quantity=re.compile(quantity),
        between=re.compile(
            rf"[-–—~〜～]|{links}" if unspaced else rf"[ \xa0]?[-–—~][ \xa0]?|[ \xa0](?:{links})[ \xa0]"
        ),
        words=words,
        factors=factors,
        numbers=numbers,
    )
