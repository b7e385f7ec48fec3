"""How newspapers write currencies and magnitudes, by language. Codes are ISO 4217."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

# Symbols before or after a number. A bare "$" is the US dollar, as agencies use it; "¥" depends on the language.
SYMBOLS: Final = {
    "US$": "USD", "U.S.$": "USD", "USD$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD",
    "NZ$": "NZD", "S$": "SGD", "NT$": "TWD", "R$": "BRL", "Mex$": "MXN", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY",
    "￥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₫": "VND", "฿": "THB", "₴": "UAH",
    "₦": "NGN", "₱": "PHP", "Rs.": "INR", "Rs": "INR", "RM": "MYR", "Rp": "IDR",
}  # fmt: skip
CODES: Final = (
    "USD EUR GBP JPY CNY RMB CHF AUD CAD NZD SGD HKD TWD KRW INR IDR MYR THB PHP VND PKR BDT LKR RUB UAH KZT TRY ILS "
    "SAR AED QAR KWD EGP ZAR NGN KES GHS BRL MXN ARS CLP COP PEN SEK NOK DKK ISK PLN CZK HUF RON"
).split()
_ALSO_WORDS: Final = frozenset({"COP", "TRY", "PEN", "RON"})
"""Codes that are words or names too ("COP28"): they count behind a number only."""
CODES_BEFORE: Final = tuple(code for code in CODES if code not in _ALSO_WORDS)
_ALIASES: Final = {"RMB": "CNY"}

# Words for currencies after a number; `{s}` for an optional s.
_WORDS: Final = {
    "en": {
        "US dollar{s}": "USD", "U.S. dollar{s}": "USD", "Australian dollar{s}": "AUD", "Canadian dollar{s}": "CAD",
        "Hong Kong dollar{s}": "HKD", "Singapore dollar{s}": "SGD", "New Zealand dollar{s}": "NZD",
        "Taiwan dollar{s}": "TWD", "dollar{s}": "USD", "euro{s}": "EUR", "pounds sterling": "GBP",
        "British pound{s}": "GBP", "yen": "JPY",
        "yuan": "CNY", "renminbi": "CNY", "won": "KRW", "Indian rupee{s}": "INR", "Pakistani rupee{s}": "PKR",
        "rupees": "INR", "rubles": "RUB", "roubles": "RUB", "Swiss francs": "CHF", "Swedish kronor": "SEK",
        "Swedish crowns": "SEK", "Norwegian kroner": "NOK", "Norwegian crowns": "NOK", "Danish kroner": "DKK",
        "Danish crowns": "DKK", "Mexican pesos": "MXN", "Argentine pesos": "ARS", "Chilean pesos": "CLP",
        "Colombian pesos": "COP", "Philippine pesos": "PHP", "Brazilian reais": "BRL", "reais": "BRL", "lira": "TRY",
        "Turkish lira": "TRY", "baht": "THB", "ringgit": "MYR", "rupiah": "IDR", "shekels": "ILS", "hryvnia": "UAH",
        "zlotys": "PLN", "forints": "HUF", "rand": "ZAR", "naira": "NGN", "riyals": "SAR", "dirhams": "AED",
    },
    "de": {
        "US-Dollar": "USD", "Dollar": "USD", "Euro": "EUR", "Pfund": "GBP", "Franken": "CHF",
        "Schweizer Franken": "CHF",
        "Yen": "JPY", "Yuan": "CNY", "Rubel": "RUB", "schwedische Kronen": "SEK", "norwegische Kronen": "NOK",
        "Rupien": "INR", "Won": "KRW", "Lira": "TRY", "Zloty": "PLN", "Forint": "HUF",
    },
    "sv": {
        "kronor": "SEK", "kr": "SEK", "dollar": "USD", "US-dollar": "USD", "euro": "EUR", "pund": "GBP", "yen": "JPY",
        "yuan": "CNY", "rubel": "RUB", "norska kronor": "NOK", "danska kronor": "DKK",
    },
    "es": {
        "dólares estadounidenses": "USD", "dólares": "USD", "euros": "EUR", "libras": "GBP", "libras esterlinas": "GBP",
        "yenes": "JPY", "yuanes": "CNY", "rublos": "RUB", "francos suizos": "CHF", "pesos mexicanos": "MXN",
        "pesos argentinos": "ARS", "pesos chilenos": "CLP", "pesos colombianos": "COP", "pesos uruguayos": "UYU",
        "pesos dominicanos": "DOP", "pesos filipinos": "PHP", "dólares canadienses": "CAD",
        "dólares australianos": "AUD", "reales": "BRL", "soles": "PEN",
    },
    "fr": {
        "dollars américains": "USD", "dollars canadiens": "CAD", "dollars": "USD", "euros": "EUR", "euro": "EUR",
        "livres sterling": "GBP", "yens": "JPY", "yuans": "CNY", "roubles": "RUB", "francs suisses": "CHF",
        "francs CFA": "XOF", "roupies": "INR",
    },
    "it": {"euro": "EUR", "dollari": "USD", "sterline": "GBP", "franchi svizzeri": "CHF", "yen": "JPY", "rubli": "RUB"},
    "pt": {"euros": "EUR", "dólares": "USD", "reais": "BRL", "libras": "GBP", "ienes": "JPY"},
    "nl": {"euro": "EUR", "dollar": "USD", "pond": "GBP"},
    "ja": {
        "円": "JPY", "米ドル": "USD", "ドル": "USD", "ユーロ": "EUR", "ポンド": "GBP", "人民元": "CNY", "元": "CNY",
        "ウォン": "KRW", "豪ドル": "AUD", "香港ドル": "HKD", "ルーブル": "RUB", "スイスフラン": "CHF", "ルピー": "INR",
    },
    "zh": {
        "人民币": "CNY", "元人民币": "CNY", "元": "CNY", "美元": "USD", "欧元": "EUR", "歐元": "EUR",
        "英镑": "GBP", "英鎊": "GBP", "日元": "JPY", "日圆": "JPY", "港元": "HKD", "港币": "HKD",
        "新台币": "TWD", "新台幣": "TWD", "卢布": "RUB", "韩元": "KRW", "瑞士法郎": "CHF", "澳元": "AUD", "加元": "CAD",
    },
}  # fmt: skip

BARE_SIGNS: Final = frozenset({"$", "¥", "￥", "£", "Rs", "Rs."})
"""Signs that several currencies share: a word or code behind the number says which one."""
NOT_BEHIND_SIGNS: Final = frozenset({"won", "Won", "WON", "TRY", "PEN", "RON"})
"""Words that mostly mean something else behind an amount with a sign: "the $500,000 won by the team"."""
UNKNOWN: Final = "und"


def both_cases(words: Iterable[str]) -> set[str]:
    """The words as they are, with a capital and in capitals. Ignoring case altogether is several times slower."""
    return {form for word in words for form in (word, word[:1].upper() + word[1:], word.upper())}


SHARED_WORDS: Final = frozenset(
    both_cases("pesos peso francs franc francos dinars dinar dinares crowns kroner krona Kronen".split())
)
"""Currencies of several countries: without the country the amount has no code, whatever sign stands before it."""

# German Milliarde, Swedish miljard, French milliard are 10^9, and "Billion" is 10^12 there (long scale).
_MAGNITUDES: Final = {
    "en": {
        "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "mn": 6, "mln": 6, "bn": 9, "bln": 9, "tn": 12,
        "trn": 12, "k": 3, "m": 6, "b": 9, "mil": 6, "mio": 6, "bil": 9, "tril": 12,
        "hundred": 2, "lakh": 5, "lakhs": 5, "lac": 5, "crore": 7, "crores": 7, "cr": 7,
    },
    "de": {
        "Tausend": 3, "Million": 6, "Millionen": 6, "Mio.": 6, "Mio": 6, "Milliarde": 9, "Milliarden": 9,
        "Mrd.": 9, "Mrd": 9, "Billion": 12, "Billionen": 12,
    },
    "sv": {
        "tusen": 3, "miljon": 6, "miljoner": 6, "miljard": 9, "miljarder": 9, "mdr": 9,
        "biljon": 12, "biljoner": 12,
    },
    "es": {"mil": 3, "millón": 6, "millones": 6, "M": 6, "billón": 12, "billones": 12},
    "fr": {
        "mille": 3, "million": 6, "millions": 6, "M": 6, "milliard": 9, "milliards": 9, "Md": 9, "Mds": 9,
        "billions": 12,
    },
    "it": {"mila": 3, "milione": 6, "milioni": 6, "miliardo": 9, "miliardi": 9},
    "pt": {
        "mil": 3, "milhão": 6, "milhões": 6, "bilhão": 9, "bilhões": 9, "bilião": 12, "biliões": 12,
        "trilhão": 12, "trilhões": 12,
    },
    "nl": {"duizend": 3, "miljoen": 6, "miljard": 9},
    "ms": {"ribu": 3, "juta": 6, "mil": 6, "bilion": 9, "bil": 9, "trilion": 12},
    "id": {"ribu": 3, "juta": 6, "miliar": 9, "triliun": 12},
    "ja": {"百": 2, "千": 3, "万": 4, "億": 8, "兆": 12},
    "zh": {"百": 2, "千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8, "兆": 12},
}  # fmt: skip
_MAGNITUDES_LIKE: Final = {"ca": "es", "gl": "es"}
UNSURE_MAGNITUDES: Final = frozenset({"mil"})
"""A million in English and a thousand in Spanish: where the language is not known they make no amount."""
RATES: Final = ("pp", "pw", "pm", "pcm", "pa", "ph")
"""What may be written onto a number of money: "£30pp". Other letters there say that it is not understood."""
NUMBER_WORDS: Final = {
    "en": {
        "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
        "eleven": 11, "twelve": 12,
    },
    "de": {
        "eine": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9,
        "zehn": 10,
    },
    "sv": {"en": 1, "två": 2, "tre": 3, "fyra": 4, "fem": 5, "sex": 6, "sju": 7, "åtta": 8, "nio": 9, "tio": 10},
    "es": {
        "un": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9,
        "diez": 10,
    },
    "fr": {
        "un": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
        "dix": 10,
    },
}  # fmt: skip
RANGE_WORDS: Final = {
    "en": ("to", "and"), "de": ("bis", "und"), "sv": ("till", "och"), "es": ("a", "y"), "fr": ("à", "et"),
    "ja": ("から",), "zh": ("至", "到"),
}  # fmt: skip
"""Words between the ends of a range. The second ones count only behind "between"."""
BETWEEN_WORDS: Final = {"and": "between", "und": "zwischen", "och": "mellan", "y": "entre", "et": "entre"}
CHANGE_WORDS: Final = (
    "from", "rose", "fell", "up", "down", "gained", "lost", "climbed", "dropped", "slipped", "jumped", "surged",
    "added", "by", "von", "från", "de",
)  # fmt: skip
"""Before "X to Y" they tell of a change: "rose $2 to $71" is no range."""
DECIMAL_POINT: Final = frozenset({"en", "ja", "zh", "ko", "hi", "th", "he", "ur", "bn", "ta", "ms", "sw"})
"""Languages that write 1,234.5; the others write 1.234,5 or 1 234,5."""


def currency_words(language: str) -> dict[str, str]:
    """Words after a number → code. Languages without a list use the codes and symbols alone."""
    words = {}
    for word, code in _WORDS.get(language, {}).items():
        for form in both_cases((word.replace("{s}", ""), word.replace("{s}", "s"))):
            words[form] = code
    return words


def magnitudes(language: str) -> dict[str, Decimal]:
    """Words after a number → factor. English ones are understood where a language has none of its own.

    The words come first as they are listed, then in the other cases.
    """
    powers = _MAGNITUDES.get(_MAGNITUDES_LIKE.get(language, language), _MAGNITUDES["en"])
    known = language != UNKNOWN
    sure = {word: power for word, power in powers.items() if known or word not in UNSURE_MAGNITUDES}
    forms = {form: power for word, power in sure.items() for form in both_cases((word,))}
    return {word: Decimal(10) ** power for word, power in (sure | forms).items()}


def code_of(written: str, language: str, words: Mapping[str, str]) -> str | None:
    """The ISO 4217 code of a symbol, a code or a word as it stands in the text. None: it may be one of several."""
    if written in {"¥", "￥"} and language == "zh":
        return "CNY"
    if written in SYMBOLS:
        return SYMBOLS[written]
    if written in words:
        return words[written]
    if written in SHARED_WORDS:
        return None
    code = written[:3].upper()  # "AUD $"
    return _ALIASES.get(code, code)


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for one of the words, longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
