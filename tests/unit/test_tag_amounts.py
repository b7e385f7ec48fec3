"""Amounts of money: what they are worth, what is none, and those of the seeds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodestream.tag import Tagger, load_vocabulary
from lodestream.tag.amounts import find_amounts

GOLD = Path(__file__).parents[1] / "gold" / "seeds_gold.json"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "worth US$6 billion", {"US$6 billion": "USD:6000000000"}),
        ("en", "cost $1,234.50 or £3,500", {"$1,234.50": "USD:1234.5", "£3,500": "GBP:3500"}),
        ("en", "S$12.9 million to S$38.7 million", {"S$12.9 million to S$38.7 million": "SGD:12900000..38700000"}),
        ("en", "one to three billion yen", {"one to three billion yen": "JPY:1000000000..3000000000"}),
        ("en", "$5-7 million", {"$5-7 million": "USD:5000000..7000000"}),
        ("en", "between $1.5bn and $2bn", {"$1.5bn and $2bn": "USD:1500000000..2000000000"}),
        ("en", "$5m and $7m", {"$5m": "USD:5000000", "$7m": "USD:7000000"}),
        ("en", "rose from $5m to $7m", {"$5m": "USD:5000000", "$7m": "USD:7000000"}),
        ("en", "it rose $2 to $71", {"$2": "USD:2", "$71": "USD:71"}),
        ("en", "$5 to €7", {"$5": "USD:5", "€7": "EUR:7"}),
        ("en", "€5m-€10m, from £5-£10", {"€5m-€10m": "EUR:5000000..10000000", "£5-£10": "GBP:5..10"}),
        ("en", "Rs 500 pesos, RM 20 million", {"RM 20 million": "MYR:20000000"}),
        ("en", "Two million Swiss francs", {"Two million Swiss francs": "CHF:2000000"}),
        ("en", "a 90-million-euro deal", {"90-million-euro": "EUR:90000000"}),
        ("en", "EUR 4 million, 300 CHF", {"EUR 4 million": "EUR:4000000", "300 CHF": "CHF:300"}),
        ("en", "a $1-a-day wage", {"$1": "USD:1"}),
        ("en", "5 lakh rupees", {"5 lakh rupees": "INR:500000"}),
        # Magnitudes: short forms, in capitals, one times another.
        ("en", "RM50mil and RM1.2bil", {"RM50mil": "MYR:50000000", "RM1.2bil": "MYR:1200000000"}),
        ("en", "$5 mil or $1.2 mil", {"$5 mil": "USD:5000000", "$1.2 mil": "USD:1200000"}),
        ("en", "US$5-7 mil, a $5 bill", {"US$5-7 mil": "USD:5000000..7000000", "$5": "USD:5"}),
        ("en", "WINS $5 MILLION, 3 BILLION YEN", {"$5 MILLION": "USD:5000000", "3 BILLION YEN": "JPY:3000000000"}),
        ("en", "Rs 1.5 lakh crore", {"Rs 1.5 lakh crore": "INR:1500000000000"}),
        ("en", "Rs 20,000 cr, ₹1,50,000", {"Rs 20,000 cr": "INR:200000000000", "₹1,50,000": "INR:150000"}),
        ("en", "two hundred million dollars", {"two hundred million dollars": "USD:200000000"}),
        ("en", "twenty-five million dollars, one hundred and five million euros", {}),
        ("en", "$5zillion, $12% and $3 million percent", {}),
        ("en", "£30pp, $5.1.2", {"£30": "GBP:30"}),
        ("ms", "RM50 juta, RM1.2 bilion", {"RM50 juta": "MYR:50000000", "RM1.2 bilion": "MYR:1200000000"}),
        # "mil" is a thousand in Spanish, Portuguese and Catalan; of an unknown language it says nothing.
        ("es", "$5 mil y 20 mil euros", {"$5 mil": "USD:5000", "20 mil euros": "EUR:20000"}),
        ("es", "US$ 3 mil millones", {"US$ 3 mil millones": "USD:3000000000"}),
        ("pt", "R$ 5 mil, R$ 3 mil milhões", {"R$ 5 mil": "BRL:5000", "R$ 3 mil milhões": "BRL:3000000000"}),
        ("ca", "$5 mil", {"$5 mil": "USD:5000"}),
        ("und", "RM50mil, $5 mil and $5 thousand", {"$5 thousand": "USD:5000"}),
        # A word behind the number says more than a bare sign before it.
        ("es", "$ 5.000 pesos colombianos", {"$ 5.000 pesos colombianos": "COP:5000"}),
        ("es", "$ 5.000 pesos, de $3.000 a $4.000", {}),
        ("es", "US$ 5.000, unos 5.000 pesos", {"US$ 5.000": "USD:5000"}),
        ("es", "$5,000 o 1,549 euros", {"$5,000": "USD:5000", "1,549 euros": "EUR:1.549"}),
        (
            "en",
            "$5 million Canadian dollars, $300 CAD",
            {"$5 million Canadian dollars": "CAD:5000000", "$300 CAD": "CAD:300"},
        ),
        ("en", "AUD $300 and US$5 million", {"AUD $300": "AUD:300", "US$5 million": "USD:5000000"}),
        ("en", "the $500,000 won by a $100 COP28 pledge", {"$500,000": "USD:500000", "$100": "USD:100"}),
        ("en", "multibillion-dollar deals, trillions of US dollars", {}),
        ("en", "5 percent, 30 per cent, 7% and 12 points of 20", {}),
        ("en", "COP28 of 2023, a TRY in 2024, the five won, the 7 won all", {}),
        ("en", "50,000 won in 2025 dollars", {"50,000 won": "KRW:50000"}),
        ("en", "call 555.123.4567 dollars", {}),
        ("de", "1,5 Milliarden Euro", {"1,5 Milliarden Euro": "EUR:1500000000"}),
        ("de", "2.500 Euro und 3,5 Mio. Franken", {"2.500 Euro": "EUR:2500", "3,5 Mio. Franken": "CHF:3500000"}),
        ("de", "20 bis 30 Millionen Euro", {"20 bis 30 Millionen Euro": "EUR:20000000..30000000"}),
        ("de", "eine Billion Dollar", {"eine Billion Dollar": "USD:1000000000000"}),
        ("de", "12 Prozent und 2.693,00 JPY", {"2.693,00 JPY": "JPY:2693"}),
        ("sv", "2,5 miljarder kronor, 1 200 kr", {"2,5 miljarder kronor": "SEK:2500000000", "1 200 kr": "SEK:1200"}),
        ("sv", "mellan 5 och 7 miljoner kronor", {"5 och 7 miljoner kronor": "SEK:5000000..7000000"}),
        ("es", "3.000 millones de dólares", {"3.000 millones de dólares": "USD:3000000000"}),
        ("es", "tres mil millones de euros", {"tres mil millones de euros": "EUR:3000000000"}),
        ("fr", "3 milliards d'euros, 25 000 €", {"3 milliards d'euros": "EUR:3000000000", "25 000 €": "EUR:25000"}),
        ("ja", "約3000億ドル、1兆2000億円", {"3000億ドル": "USD:300000000000", "1兆2000億円": "JPY:1200000000000"}),
        ("ja", "5万5000円と3千万円", {"5万5000円": "JPY:55000", "3千万円": "JPY:30000000"}),
        ("ja", "1億2345万6789円、5千億円", {"1億2345万6789円": "JPY:123456789", "5千億円": "JPY:500000000000"}),
        ("ja", "5万60000円", {}),
        ("zh", "1.2万亿美元，3亿5000万元", {"1.2万亿美元": "USD:1200000000000", "3亿5000万元": "CNY:350000000"}),
        ("fr", "150 M€, 2 Mds d'euros", {"150 M€": "EUR:150000000", "2 Mds d'euros": "EUR:2000000000"}),
        ("ja", "2025年に500円〜600円", {"500円〜600円": "JPY:500..600"}),
        ("zh", "30亿美元，5.5万元，¥300", {"30亿美元": "USD:3000000000", "5.5万元": "CNY:55000", "¥300": "CNY:300"}),
        ("it", "300 milioni di euro", {"300 milioni di euro": "EUR:300000000"}),
        ("und", "$5 million", {"$5 million": "USD:5000000"}),
    ],
)
def test_an_amount_has_its_value_and_currency(language: str, text: str, expected: dict[str, str]) -> None:
    assert {text[found.start : found.end]: found.id for found in find_amounts(text, language)} == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "123 "), ("en", "12,34,"), ("en", "12,345,"), ("ja", "5万"), ("ja", "5億千"), ("ja", "5億億億億億億億")],
)
def test_a_table_of_numbers_takes_no_longer_than_its_length(language: str, text: str) -> None:
    """Read from each number to the end of the table, this takes minutes."""
    assert find_amounts(text * 50_000, language) == []


def test_every_amount_of_the_gold_is_tagged_and_no_other() -> None:
    tagger = Tagger(load_vocabulary())
    total = 0
    for page in json.loads(GOLD.read_text(encoding="utf-8"))["pages"]:
        for article in page["articles"]:
            must = set()
            for amount in article["tags"]["amounts"]:
                if amount["level"] == "must":
                    value = amount["value"] if isinstance(amount["value"], list) else [amount["value"]]
                    must.add(amount["currency"] + ":" + "..".join(f"{end:.0f}" for end in value))
            record = {key: article[key] for key in ("headline", "body", "language")}
            found = {tag["id"]: tag for tag in tagger.tag(record) if tag["kind"] == "amount"}
            assert found.keys() == must, article["id"]
            total += len(must)
            for amount in article["tags"]["amounts"]:
                if amount.get("count_in_body"):
                    tag = found[f"{amount['currency']}:{amount['value']:.0f}"]
                    assert sum(field == "body" for field, _, _ in tag["spans"]) == amount["count_in_body"]
    assert total == 16


@given(
    text=st.text(alphabet="0123456789.,'  -–$€¥kmbn%abcdefghijklmoprstuwyzA万億亿円元dollars to", max_size=60)
    | st.text(),
    language=st.sampled_from(["en", "de", "sv", "es", "fr", "ja", "zh", "it", "und", ""]),
)
def test_any_text_gives_amounts_in_order_with_plain_decimals(text: str, language: str) -> None:
    reached = 0
    for amount in find_amounts(text, language):
        assert reached <= amount.start < amount.end <= len(text)
        assert amount.low <= amount.high
        assert re.fullmatch(r"[A-Z]{3}:\d+(\.\d+)?(\.\.\d+(\.\d+)?)?", amount.id)
        reached = amount.end
