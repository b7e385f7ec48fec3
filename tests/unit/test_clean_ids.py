"""Identity of articles: what must not change an id, and what must."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lodestream.clean import Document, Limits, clean
from lodestream.clean.ids import canonical_url, heading_of, main_id, part_id
from lodestream.records import ArticleFields, Lineage

ADDRESS = "https://www.example.org/2025/storm?id=7&b=2"


PAGE = "//example.org/2025/storm?b=2&id=7"
SAME = {
    PAGE: [
        "http://example.org/2025/storm?b=2&id=7",
        "HTTPS://WWW.Example.ORG:443/2025/storm?id=7&b=2",
        "http://example.org:80/2025/storm?id=7&b=2",
        "https://example.org./2025/storm?id=7&b=2",
        "https://user:secret@example.org/2025/storm?id=7&b=2",
        "https://m.example.org/2025/storm/?id=7&b=2#comments",
        "https://mobile.example.org/2025/storm?id=7&b=2",
        "https://www2.example.org/2025/storm?id=7&b=2",
        "https://www.m.example.org/2025/storm?id=7&b=2",
        "https://amp.example.org/2025/storm?id=7&b=2&utm_source=x&utm_medium=y&fbclid=z&gclid=1",
        "https://www.example.org/amp/2025/storm?id=7&b=2",
        "https://www.example.org/amp/amp/2025/storm?id=7&b=2",
        "https://www.example.org/2025/storm/amp/?b=2&id=7&amp=1&outputType=amp",
        "https://www.example.org/2025/storm/amp?b=2&id=7",
        "https://www.example.org/2025/storm/amp/amp//?b=2&id=7",
        "https://www.example.org/2025/storm.amp?b=2&id=7",
        "https://www.example.org/2025/%73torm?id=7&b=2",
        "https://www.example.org/2025/%73%74orm?%69d=7&b=%32",
        " https://www.example.org/2025/storm?id=7&b=2 ",
        "https://www.example.org//2025///storm//?id=7&b=2",
        "https://www.example.org/2025/storm;jsessionid=0A1B2C?id=7&b=2",
        "https://www.example.org/2025/storm?id=7&&b=2&",
        "https://www.example.org/2025/storm?id=7&b=2#:~:text=the%20storm",
        "https://www.example.org/2025/storm?id=7&b=2#",
        "https://www.google.com/amp/s/www.example.org/2025/storm?id=7&b=2",
        "https://google.co.uk/amp/www.example.org/2025/storm?id=7&b=2",
        "https://www-example-org.cdn.ampproject.org/c/s/www.example.org/2025/storm/amp/?id=7&b=2",
        "https://example-org.cdn.ampproject.org/v/s/example.org/2025/storm?id=7&b=2&amp=1",
        *(
            f"https://example.org/2025/storm?id=7&{name}=x&b=2"
            for name in (
                "utm_campaign UTM_Source fbclid gclid gclsrc dclid msclkid yclid twclid ttclid igshid mc_cid mc_eid "
                "mkt_tok ref ref_src cmpid ncid ocid smid sref xtor at_medium _ga _gl spm share s_cid wt_mc "
                "pk_campaign mtm_source matomo_kwd piwik_campaign hsa_acc itm_source ito dicbo srsltid _hsenc intcid "
                "ns_mchannel ftag guccounter"
            ).split()
        ),
    ],
    "//example.org/": [
        "http://example.org",
        "https://www.example.org/",
        "https://example.org/?",
        "https://example.org//",
    ],
    "//example.org/a.html": ["https://example.org/a.amp.html", "https://example.org/a.html/"],
    "//example.org/a%20b": ["https://example.org/a b", "https://example.org/a%20b", "https://example.org/a%20b/"],
    "//example.org/?q=a+b": ["https://example.org/?q=a+b", "https://example.org/?q=a%20b"],
    "//example.org/caf%C3%A9": ["https://example.org/café", "https://example.org/caf%c3%a9"],
    "//example.org/?q=%C3%A9": ["https://example.org/?q=é", "https://example.org/?q=%C3%A9"],
    "//münchen.example/a": [
        "https://münchen.example/a",
        "https://MÜNCHEN.example/a",
        "https://xn--mnchen-3ya.example/a",
    ],
    "//straße.example/": ["https://straße.example", "https://www.xn--strae-oqa.example/"],
    "//пример.example/": ["https://пример.example/", "https://XN--E1AFMKFD.example/"],
    "//例え.example/": ["https://例え.example/", "https://xn--r8jz45g.example"],
    "//example.org:8080/a": ["http://example.org:8080/a", "https://www.example.org:8080/a/"],
    "//example.org:80/a": ["https://example.org:80/a"],
    "//[::1]/a": ["http://[::1]/a", "http://[::1]:80/a"],
    "//example.org/#!/a": ["https://example.org/#!/a", "https://www.example.org/#!/a"],
    "//example.org/#/a": ["https://example.org/#/a"],
    "//m.de/": ["https://m.de/"],
    "//www.de/": ["https://www.de/"],
    "//amp.example/": ["https://amp.example"],
    "//example.org/amplifier": ["https://example.org/amplifier"],
    "//example.org/a/camp": ["https://example.org/a/camp"],
    "//xn--a.example/": ["https://xn--a.example/"],
}
PAIRS = [(url, wanted) for wanted, urls in SAME.items() for url in urls]


def test_the_table_of_addresses_is_wide() -> None:
    assert len(PAIRS) >= 100


@pytest.mark.parametrize(("url", "wanted"), PAIRS)
def test_addresses_of_one_page_are_one(url: str, wanted: str) -> None:
    assert canonical_url(url) == wanted
    assert canonical_url(f"https:{wanted}") == wanted


@pytest.mark.parametrize(
    "other",
    [
        "https://www.example.org/2025/storm?id=8&b=2",
        "https://www.example.org/2025/storm?id=7",
        "https://www.example.org/2025/storm?id=7&b=2&page=2",
        "https://www.example.org/2025/storm?ID=7&b=2",
        "https://www.example.org/2025/Storm?id=7&b=2",
        "https://www.example.org:8080/2025/storm?id=7&b=2",
        "https://news.example.org/2025/storm?id=7&b=2",
        "https://www.example.com/2025/storm?id=7&b=2",
        "https://www.example.org/2025?id=7&b=2",
        "https://www.example.org/2025/storm/2?id=7&b=2",
        "https://www.example.org/2025/storm.html?id=7&b=2",
        "https://www.example.org/2025/storm?id=7&b=2#!/other",
        "https://www.example.org/2025%2Fstorm.pdf?id=7&b=2",
        "https://www.google.com/amp?id=7&b=2",
        "https://www.google.com/search?q=https://www.example.org/2025/storm?id=7&b=2",
    ],
)
def test_addresses_of_other_pages_differ(other: str) -> None:
    assert canonical_url(other) not in {canonical_url(ADDRESS), None}


@pytest.mark.parametrize(
    "text", ["", "x", "/a", "ftp://a.b/c", "http://", "http://[::1", "http://a.b:99999/", "mailto:a@b.c"]
)
def test_what_is_no_web_address(text: str) -> None:
    assert canonical_url(text) is None


@example("a", "bc", "ab", "c")
@given(st.text(), st.text(), st.text(), st.text())
def test_parts_of_an_identity_do_not_run_together(
    site: str, document: str, other_site: str, other_document: str
) -> None:
    same = (site, document) == (other_site, other_document)
    assert (main_id(site, None, document) == main_id(other_site, None, other_document)) == same


@given(st.text(), st.text(), st.integers(0, 9))
def test_ids_are_32_hex_digits(text: str, headline: str, ordinal: int) -> None:
    for identity in (main_id(text, text, text), part_id(text, text, headline, ordinal)):
        assert len(identity) == 32
        assert set(identity) <= set(string.hexdigits.lower())


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    for url in (text, f"http://{text}", f"https://a.b/{text}", f"https://a.b/?{text}"):
        first = canonical_url(url)
        assert first is None or canonical_url(f"http:{first}") == first


HEAD = "The Star\n1 hour ago\n- The Star\n"
MAIN = "Storm closes the bridge\nThe bridge over the sound was closed on Friday because of the wind.\n" * 2


def cleaned(page: str, **headers: str) -> list[ArticleFields]:
    document = Document(page.encode(), "text/plain", **{"document_id": "d", "site": "s", **headers})
    lineage = Lineage(topic="raw", partition=0, offset=0)
    return clean(document, limits=Limits(), lineage=lineage, ingested_at="x")


def ids(page: str, **headers: str) -> list[str]:
    return [article["article_id"] for article in cleaned(page, **headers)]


def item(headline: str, text: str) -> str:
    return f"{HEAD}{headline}\n{text}\n"


def test_a_main_article_is_known_by_its_address_and_else_by_its_document() -> None:
    assert ids(MAIN, url=ADDRESS) == ids(MAIN, url=ADDRESS + "#x", document_id="e")
    assert ids(MAIN, url=ADDRESS) != ids(MAIN, url=ADDRESS, site="t")
    assert ids(MAIN) != ids(MAIN, document_id="e")
    assert ids(MAIN) == ids(MAIN + "And more of the text stands here now, as the story goes on.\n")


def test_a_changing_box_does_not_hand_an_id_to_another_article() -> None:
    first, second = (
        item("Pool closes", "The pool will be closed until March."),
        item("Tram stays", "The tram will stay, they say."),
    )
    assert ids(MAIN + first + second)[1:] == ids(MAIN + second + first)[:0:-1]
    assert ids(MAIN + second)[1] == ids(MAIN + first + second)[2]


def test_a_changing_box_of_parts_without_headlines_does_not_either() -> None:
    """Without a headline the first words tell a part from others, not its place."""

    def listed(*headings: str) -> dict[str, str]:
        value = [{"body": f"{heading} opened on Monday, the town says, and it will stay open."} for heading in headings]
        document = Document(json.dumps(value).encode(), "application/json", "d", "s")
        lineage = Lineage(topic="raw", partition=0, offset=0)
        found = clean(document, limits=Limits(), lineage=lineage, ingested_at="x")
        return {article["body"].split()[1]: article["article_id"] for article in found}

    first, second = listed("A pool", "A tram", "A road"), listed("A port", "A road", "A pool")
    assert {name: second[name] for name in ("pool", "road")} == {name: first[name] for name in ("pool", "road")}
    assert len({*first.values(), *second.values()}) == 4
    assert heading_of(None, "One two\n\nthree") == heading_of("", "One  TWO three") == "one two three"
    assert heading_of("Title", "One") == "title"


@given(st.permutations(["Pool", "Tram", "Road", "Port"]), st.integers(0, 4))
def test_whatever_becomes_of_a_box_an_id_stays_with_its_article(order: list[str], cut: int) -> None:
    boxes = [item(f"{name} closes", f"The {name.lower()} will be closed until March, the town says.") for name in order]
    for page in (MAIN + "".join(boxes[cut:]), MAIN + "".join(boxes[:cut])):
        for article in cleaned(page)[1:]:
            assert article["headline"] is not None
            assert article["article_id"] == part_id("s", "d", article["headline"].lower(), 0)


def test_equal_headlines_are_told_apart_by_their_order() -> None:
    page = (
        MAIN
        + item("Pool closes", "The pool will be closed until March.") * 2
        + item("POOL  closes", "It is closed, they say.")
    )
    found = ids(page)
    assert len(set(found)) == 4
    assert found == ids(page)


def test_the_text_key_is_of_the_body_alone() -> None:
    (article,) = cleaned(MAIN)
    (other,) = cleaned(MAIN.replace("of the wind", "of the ice"), url=ADDRESS)
    assert article["text_key"] != other["text_key"]
    (one,) = cleaned("Storm closes the bridge\n" + MAIN.split("\n")[1])
    (two,) = cleaned("Gale shuts the bridge\n" + MAIN.split("\n")[1])
    assert one["text_key"] == two["text_key"]
