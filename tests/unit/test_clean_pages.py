# ruff: noqa: E501 - a paragraph of a page is one line
"""Invented pages in other layouts and languages than the seeds.

Each line of a page is annotated: `h` headline, `b` body, `s` standfirst, each with the number of its article, and `x`
for what must be cut; `-` is a blank line. Inside a line, ⟦what stands like this⟧ must be cut too.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from lodestream.clean import Document, Limits, clean
from lodestream.records import ArticleFields, Lineage, encode


@dataclass(frozen=True)
class Page:
    """An annotated page and what its articles must say; a list has one entry for each article."""

    name: str
    lines: str
    roles: str = "main"
    fields: dict[str, list[Any]] = field(default_factory=dict)


PAGES: Final = [
    Page(
        "a portal with menu, deck, byline, advert, list of headlines, cards and footer",
        """
x Skip to content
x Home
x News
x Business
x Sign in
-
x Home / Business / Mining
-
h0 Lithium plant in Cornwall wins approval after long dispute
s0 A decision taken behind closed doors ends four years of argument
x By Steven Erlanger and Constant Méheut
x Published 3 July 2025 at 09:15 BST
x Share
x Facebook
-
b0 ⟦TRURO, England (Reuters) -⟧ Councillors in Cornwall approved a lithium plant on Thursday after a dispute of four years.
b0 The plant near St. Austell will take ore from two former clay pits and should produce enough for 250,000 cars a year.
x Advertisement
b0 Opponents said the noise of the mills would carry. "We will go to court," said one resident who lives beside the pit.
x Top stories
x Interest rates held as inflation eases
x Rail strike called off at the last minute
x Heatwave to return at the weekend
b0 The company promised to enclose the mills and to run them only by day for the first two years.
b0 What happens next
b0 Building should start in spring. The first lithium is expected in 2028, according to the company's plan.
x (Reporting by Steven Erlanger in Truro; Editing by Keiichi Ono)
-
x Related Stories
-
h1 Germany opens its deepest geothermal lithium well
x Reuters · 3 hours ago
b1 The well in the Upper Rhine valley reaches 4,300 metres and will supply a pilot plant.
-
h2 Chile delays its lithium tender again
x Mining Journal · a day ago
b2 The ministry gave no new date and said only that talks with communities had to come first.
-
x About us
x Privacy policy
x © 2025 The Western Courier. All rights reserved.
""",
        "main teaser teaser",
        {
            "publisher": [None, "Reuters", "Mining Journal"],
            "credits": [["Reuters"], [], []],
            "place": ["Truro, England", None, None],
            "byline": [["Steven Erlanger", "Constant Méheut"], [], []],
            "published_at": ["2025-07-03T08:15:00.000Z", "2025-07-04T09:00:00.000Z", "2025-07-03T12:00:00.000Z"],
            "published_from": ["page", "relative", "relative"],
            "published_precision": ["minute", "hour", "day"],
        },
    ),
    Page(
        "full articles below a heading, without times",
        """
h0 Town votes to keep its tram
-
b0 The council of Wellbridge voted on Monday to keep the tram line that has run along the sea front since 1902.
-
b0 Supporters filled the gallery and cheered as the result was read. The mayor said the tram was the town's signature.
-
x Related Articles
-
h1 Museum ship needs a new hull
-
b1 The museum ship Aurelia, moored in the old dock since 1978, needs a new hull, a survey has found. Divers measured plates that had lost half of their thickness, and two frames had cracked.
-
b1 The trust that owns the ship wants to raise three million pounds by the end of next year. It has asked the lottery fund for half of the sum and hopes that schools and firms in the county will give the rest.
-
h2 Lighthouse keepers hold a reunion
-
b2 Former lighthouse keepers from eight countries met on the Skerries this weekend, twenty-five years after the last light on the coast was automated. They lit the old lamp for one night.
-
b2 Some had brought their logbooks. One entry from 1963 records eleven days of fog without a break, during which the horn was sounded every ninety seconds by hand after its engine had failed. The keepers will meet again in two years.
""",
        "main related related",
    ),
    Page(
        "a box of links inside the article, under a heading that announces articles",
        """
h0 Bakers warn of a butter shortage
b0 Bakers in the region warn that butter may run short before Christmas because two dairies have closed this year.
b0 The price of a kilo has risen by a third since January, according to the bakers' guild, and small shops suffer.
x Related Articles
x Chocolate makers cut their ranges
x Sugar tax raises less than planned
b0 The master of the guild said that many bakers now mix butter with margarine, which the guild allows in cakes.
b0 The dairies blame the drought. Farmers sold cows when hay became too dear, and the bakers fear for years to come.
""",
    ),
    Page(
        "readers' comments with ages of their own",
        """
h0 Library opens on Sundays
b0 The city library will open on Sundays from September, the council decided after a trial that drew 900 visitors.
b0 Staff will be paid extra, and the café will be run by volunteers. The trial showed that families came above all.
x Comments
x A reader
x 3 hours ago
x At last! I have waited for this for years and will be there every week.
x Another reader
x 2 hours ago
x Who is going to pay for it?
x Related Articles
-
x The Star
x 1 hour ago
x - The Star
h1 Swimming pool closes for repairs
b1 The indoor pool will be closed until March because the roof leaks. School classes will swim in the next town.
""",
        "main teaser",
        {"publisher": [None, "The Star"], "published_at": [None, "2025-07-04T11:00:00.000Z"]},
    ),
    Page(
        "a list of headlines on lines of their own inside the article",
        """
h0 Ferry sinks in calm sea off Batam
x Sign up now: Get ST's newsletters delivered to your inbox
b0 ⟦SINGAPORE –⟧ A ferry with 84 people on board sank in calm sea off Batam, and all of them were rescued within the hour.
b0 The harbour master said the hull had been inspected in May.
x Top stories
x Swipe. Select. Stay informed.
x Singapore
x Two men charged over online scams
x Opinion
x Why we should plant more trees
b0 A passenger said the crew had handed out life jackets before the alarm was given. "They knew," he said.
x AFP, REUTERS
""",
        fields={"publisher": ["The Straits Times"], "credits": [["AFP", "Reuters"]], "place": ["Singapore"]},
    ),
    Page(
        "hard-wrapped lines",
        """
h0 COPPER MINE REOPENS AFTER FLOOD
-
b0 ⟦LUSAKA, July 3 -⟧ Zambia's second largest copper mine reopened on
b0 Thursday, ten weeks after a flood filled its lower levels, the
b0 operator said in a statement.
b0 Pumps had lowered the water by 300 metres. The company expects to
b0 reach full output in October and keeps its forecast for the year,
b0 which analysts at two banks had doubted.
-
b0 The union welcomed the news. About 4,000 miners had been sent home
b0 on half pay after the flood of April 22.
""",
        fields={"place": ["Lusaka"], "paragraphs": [3]},
    ),
    Page(
        "a run of headlines below its marker's own line",
        """
h0 Ferry sinks in calm sea off Batam
b0 A ferry with 84 people on board sank in calm sea off Batam, and all of them were rescued within the hour.
x Top stories
x Swipe. Select. Stay informed.
b0 ⟦World Talks go into a third day in Geneva Opinion Why we should plant more trees Sport Champions lose the final⟧ The ferry had sailed the route for eleven years, and its hull was inspected in May.
b0 The crew had handed out life jackets before the alarm was given, a passenger said.
""",
    ),
    Page(
        "an article about what pages say",
        """
h0 Scams in your inbox: what to look out for
b0 Mail that asks you to sign up now is often a fraud, the consumer office said on Monday, and it advises care.
b0 Google uses cookies to follow readers, the court found, and the firm must change its privacy policy by June.
b0 Advertisement is all that many free newsletters are made of, and more of them come from our own portals.
b0 All comments on the ruling, which Reuters reported first, were sent to the court by mail.
""",
    ),
    Page(
        "headlines of one length are no wrapped text",
        """
h0 Council agrees on a new bridge over the river
b0 The council agreed on Monday on a new bridge, which will be built beside the old one until 2029, the mayor said.
x Related Articles
x Teachers ask for smaller classes in all schools
x Ferries run again after a week of heavy weather
x Farmers hope for rain before the end of the month
x Museum shows boats of two thousand years ago
x Orchestra opens the season with a new conductor
""",
    ),
    Page(
        "an interview: questions are no headlines",
        """
h0 "We measured the ice every day"
s0 An interview with a glaciologist
b0 Professor, how thick is the ice?
b0 It was eleven metres in May, and it is nine now. We measured it every day, and we never saw it grow.
b0 Is that much?
b0 It is twice what we expected, and more than in any year since the station opened in 1961.
""",
    ),
    Page(
        "a list of things",
        """
h0 Five things to pack for the fjord
b0 The fjord is wet and the wind is cold even in July. These things belong in every bag:
b0 - a jacket that keeps the rain out
b0 - two pairs of woollen socks
b0 - a thermos flask
b0 Whoever forgets the socks will buy them dearly in the only shop, says the guide.
b0 - matches in a tin
""",
    ),
    Page(
        "no headline",
        "\nb0 The river has frozen for the first time in forty years, and the ferrymen have taken to skates.\n",
    ),
    Page("one sentence", "\nh0 Storm closes the bridge\nb0 The bridge over the sound was closed on Friday.\n"),
    Page(
        "a publisher, a time and a headline above the only article",
        """
x NHK
x 2 hours ago
h0 Quake shakes northern coast, no damage seen
b0 A quake with a magnitude of 5.8 shook the northern coast of Japan on Thursday, and no damage was seen at first.
b0 Trains stopped for twenty minutes while the tracks were checked, the weather agency said.
""",
        fields={"publisher": ["NHK"], "published_at": ["2025-07-04T10:00:00.000Z"]},
    ),
]


def annotated(page: Page) -> tuple[str, list[dict[str, str]]]:
    """The page's text, and for each article the headline, standfirst and body that it must have."""
    lines: list[str] = []
    expected: list[dict[str, str]] = [{} for _ in page.roles.split()]
    for line in page.lines.strip("\n").split("\n"):
        if line == "-":
            lines.append("")
            continue
        mark, text = line.split(" ", 1)
        lines.append(text.replace("⟦", "").replace("⟧", ""))
        if mark != "x":
            part = expected[int(mark[1:])]
            part[mark[0]] = plain(f"{part.get(mark[0], '')} {re.sub('⟦.*?⟧', '', text)}")
    return "\n".join(lines), expected


def plain(text: str | None) -> str:
    return " ".join((text or "").split())


def cleaned(text: str) -> list[ArticleFields]:
    document = Document(text.encode(), "text/plain", "page-1", "own.example", fetched_at="2025-07-04T12:00:00Z")
    lineage = Lineage(topic="raw", partition=0, offset=0)
    articles = clean(document, limits=Limits(), lineage=lineage, ingested_at="2025-07-04T12:00:01.000Z")
    assert encode(articles)
    return articles


def value(article: ArticleFields, name: str) -> Any:
    known: dict[str, Any] = {
        "publisher": article["source"]["name"],
        "place": article["dateline"]["place"],
        "paragraphs": len(article["body"].split("\n\n")),
        "byline": sorted(article["byline"]),
    }
    return known.get(name, article.get(name))


def check_articles(page: Page) -> None:
    """Asserts that a page gives its articles, each with its texts and fields."""
    text, expected = annotated(page)
    articles = cleaned(text)
    assert [article["role"] for article in articles] == page.roles.split()
    for article, parts in zip(articles, expected, strict=True):
        assert plain(article["body"]) == parts["b"]
        assert plain(article["headline"]) == parts.get("h", "")
        assert plain(article["standfirst"]) == parts.get("s", "")
    for name, values in page.fields.items():
        wanted = [sorted(entry) for entry in values] if name == "byline" else values
        assert [value(article, name) for article in articles] == wanted, name


def check_characters(page: Page) -> None:
    """Asserts that each visible character of a page is in one field or cut, and in no two."""
    text, _ = annotated(page)
    placed: Counter[str] = Counter()
    for article in cleaned(text):
        texts = [article["headline"], article["standfirst"], article["dateline"]["raw"], article["body"]]
        for part in [*texts, *(piece["text"] for piece in article["removed"])]:
            placed += Counter(character for character in part or "" if not character.isspace())
    assert placed == Counter(character for character in text if not character.isspace())


def test_the_annotations_are_read() -> None:
    text, expected = annotated(Page("x", "\nh0 A\nx c\n-\nb0 ⟦d -⟧ e\nb0 f\n"))
    assert (text, expected) == ("A\nc\n\nd - e\nf", [{"h": "A", "b": "e f"}])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_articles_of_a_page_are_told_from_what_stands_around_them(page: Page) -> None:
    check_articles(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_character_of_a_page_is_in_exactly_one_place(page: Page) -> None:
    check_characters(page)
