# ruff: noqa: E501 - a paragraph of a page is one line
"""More invented pages, each for one thing that a layout does, annotated as in `test_clean_pages`."""

from __future__ import annotations

from typing import Any, Final

import pytest
from test_clean_pages import Page, check_articles, check_characters, cleaned, plain

from lodestream.clean.plain.lines import read_lines

FIRST: Final = "The central bank raised its main rate on Monday by a quarter point to 4.5 percent, its governor said."
SECOND: Final = "Analysts had expected a smaller step, and some now see higher rates in the spring of next year too."
HIKERS: Final = (
    "Two hikers were rescued on Sunday from a canyon in southern Utah after a night in the cold. Both were unhurt."
)

PAGES: Final = [
    Page(
        "items end in an agency's name, and the next one's age starts in lower case",
        f"""
h0 Central bank raises its main rate
b0 {FIRST}
b0 {SECOND}
x Related Articles
-
x 2 hours ago
h1 Oil slides as output rises
b1 Oil prices fell on Monday after the cartel agreed to raise output again, and Brent lost 1.2% to $64.10 a barrel. ⟦REUTERS⟧
x a day ago
h2 Yen falls to nine-month low
b2 The yen fell to a nine-month low against the dollar on Monday as traders bet on more spending. ⟦AFP⟧
x an hour ago
h3 Harbour closes for a week
b3 The harbour will be closed for a week in March because of works on the quays, the operator said. ⟦AFP⟧
""",
        "main related related related",
        {
            "credits": [[], ["Reuters"], ["AFP"], ["AFP"]],
            "published_at": [
                None,
                "2025-07-04T10:00:00.000Z",
                "2025-07-03T12:00:00.000Z",
                "2025-07-04T11:00:00.000Z",
            ],
        },
    ),
    Page(
        "the same in German",
        """
h0 Notenbank erhöht den Leitzins
b0 Die Notenbank hat am Montag den Leitzins um einen Viertelpunkt angehoben, wie der Präsident sagte.
b0 Fachleute hatten einen kleineren Schritt erwartet, und manche rechnen nun mit höheren Zinsen im Frühjahr.
x Ähnliche Artikel
x vor 2 Stunden
h1 Ölpreis fällt nach Beschluss
b1 Der Ölpreis ist am Montag gefallen, nachdem das Kartell beschlossen hatte, die Förderung zu erhöhen. ⟦dpa⟧
x vor einem Tag
h2 Hafen bleibt eine Woche zu
b2 Der Hafen bleibt im März wegen Arbeiten an den Kais eine Woche lang geschlossen, teilte der Betreiber mit.
x vor 5 Stunden
h3 Yen fällt auf tiefsten Stand
b3 Der Yen ist am Montag auf den tiefsten Stand seit neun Monaten gefallen, weil Händler mit Ausgaben rechnen.
""",
        "main related teaser teaser",
        {"published_from": ["none", "relative", "relative", "relative"]},
    ),
    Page(
        "headlines of a few Chinese characters",
        """
x 首页
x 财经
h0 国际油价周三下跌逾2%
x 2025-07-03 08:30
b0 国际油价2日显著下跌，纽约原油期货价格收于每桶64.10美元，跌幅为百分之二点一。
b0 分析人士认为，欧佩克增产的决定给油价带来压力，需求前景仍不明朗。
x 相关阅读
x 2小时前
x - 财新网
h1 中国出口增长放缓
b1 中国海关总署公布的数据显示，六月份出口同比增长百分之三，低于市场此前的预期。
x 3小时前
x - 新华网
h2 上海举行进口博览会
b2 第九届中国国际进口博览会将于今年秋季在上海举行，主办方称参展企业数量将创新高。
""",
        "main teaser teaser",
        {"publisher": [None, "财新网", "新华网"]},
    ),
    Page(
        "a headline of nine characters above a dateline",
        """
h0 日银决定维持利率不变
b0 ⟦新华社东京2月11日电⟧ 日本央行11日结束货币政策会议，决定维持现行利率不变，符合市场预期。
""",
    ),
    Page(
        "a headline of eight Japanese characters",
        """
h0 大阪で大規模停電
b0 大阪市内で11日夜、大規模な停電が発生し、およそ12万世帯に影響が出ていると関西電力が発表しました。
b0 関西電力は変電所の設備に不具合が生じたとみて、原因を調べています。
""",
    ),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_articles_of_a_page_are_told_from_what_stands_around_them(page: Page) -> None:
    check_articles(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_character_of_a_page_is_in_exactly_one_place(page: Page) -> None:
    check_characters(page)


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        ("vor 2 Stunden", "published_at", "2025-07-04T10:00:00.000Z"),
        ("il y a 2 heures", "published_at", "2025-07-04T10:00:00.000Z"),
        ("hace 2 h", "published_at", "2025-07-04T10:00:00.000Z"),
        ("för en timme sedan", "published_at", "2025-07-04T11:00:00.000Z"),
        ("i går 18:32", "published_at", "2025-07-03T12:00:00.000Z"),
        ("heute, 08:12 Uhr", "published_raw", "heute, 08:12"),
        ("mercredi 2 juillet 2025 18:32", "published_at", "2025-07-02T16:32:00.000Z"),
        ("den 2 juli 2025 kl. 18:32", "published_at", "2025-07-02T16:32:00.000Z"),
        ("Issued on: 03/07/2025 - 13:21", "published_raw", "Issued on: 03/07/2025 - 13:21"),
        ("Issued on: 17/06/2025 - 04:21\nModified: 18/06/2025 - 09:30", "published_at", "2025-06-17T04:21:00.000Z"),
        ("By Jane Doe, Associated Press", "credits", ["Associated Press"]),
        ("2025-07-03 08:33 来源：新华网", "credits", ["Xinhua"]),
        ("by Jane Doe", "byline", ["Jane Doe"]),
        ("par Jeanne Dupont", "byline", ["Jeanne Dupont"]),
        ("di Mario Rossi", "byline", ["Mario Rossi"]),
        ("dpa", "credits", ["DPA"]),
    ],
)
def test_a_time_or_a_name_in_lower_case_is_no_rest_of_the_headline(line: str, name: str, wanted: Any) -> None:
    headline = "Regierung beschließt neues Gesetz zum Schutz der Wälder"  # as long as a line that was broken
    (article,) = cleaned(f"{headline}\n{line}\n{FIRST}\n{SECOND}")
    assert (article["headline"], plain(article["body"])) == (headline, f"{FIRST} {SECOND}")
    assert article.get(name) == wanted


@pytest.mark.parametrize(
    ("last", "kept", "credited"),
    [
        ("The company declined to comment. REUTERS", "The company declined to comment.", ["Reuters"]),
        (
            "The two sides are due to meet again next week. AFP",
            "The two sides are due to meet again next week.",
            ["AFP"],
        ),
        ("Das Ministerium wollte sich nicht äußern. (dpa)", "Das Ministerium wollte sich nicht äußern.", ["DPA"]),
        ("Das Ministerium wollte sich nicht äußern. dpa", "Das Ministerium wollte sich nicht äußern.", ["DPA"]),
        ('"Never," he said.', '"Never," he said.', []),
        ("Talks continue on Monday.", "Talks continue on Monday.", []),
        ("Talks continue on Monday. AFP\n\nAbout us\nPrivacy policy", "Talks continue on Monday.", ["AFP"]),
        ("The law has three parts:\n- a ban\n- money\n- fines", "The law has three parts: - a ban - money - fines", []),
        ("The company said it would appeal. ■", "The company said it would appeal.", []),
        ("The court gave no date for a ruling ■", "The court gave no date for a ruling", []),
        ("The report is at https://www.example.org/r", "The report is at https://www.example.org/r", []),
        (
            "Read also: Dollar falls\nRead also: Yen rises\nThe firm said it would appeal.",
            "The firm said it would appeal.",
            [],
        ),
        ("Advertisement\nTalks continue on Monday.", "Talks continue on Monday.", []),
        ("Advertisement · Scroll to continue\nTalks continue on Monday.", "Talks continue on Monday.", []),
        ("Our Standards: The Thomson Reuters Trust Principles.", "", []),
        ("(FRANCE 24 with AP and AFP)", "", ["Associated Press", "AFP"]),
        ("（共同）", "", ["Kyodo News"]),
        (
            "Article content\nStory continues below\nArticle content\nThe company said it would appeal.",
            "The company said it would appeal.",
            [],
        ),
        ("This advertisement has not loaded yet, but your article continues below.", "", []),
        ("Read or share this story: https://www.example.org/r", "", []),
        ("Follow Jane Doe on Twitter at: https://www.example.org/jane", "", []),
        ("What do you think?", "", []),
        ("\n\n\nThank you for reading.", "", []),
    ],
)
def test_a_short_last_paragraph_stays_and_what_is_of_the_page_goes(last: str, kept: str, credited: list[str]) -> None:
    (article,) = cleaned(f"Central bank raises its main rate\n{FIRST}\n{SECOND}\n{last}\n")
    assert plain(article["body"]) == plain(f"{FIRST} {SECOND} {kept}")
    assert article["credits"] == credited


def test_a_sign_behind_a_paragraph_does_not_hide_the_next_head() -> None:
    first, second = (
        f"{publisher}\n{age} hours ago\n{title}\n{body}"
        for publisher, age, title, body in (
            ("The Star", 2, "Pool closes for repairs", f"The pool will be closed until March. {SECOND} ■"),
            ("The Sun", 3, "Ferry runs again in the sound", "The ferry runs again after a week of heavy weather ■"),
        )
    )
    articles = cleaned(f"Central bank raises its main rate\n{FIRST}\n{SECOND}\nRelated Articles\n{first}\n{second}\n")
    assert [article["headline"] for article in articles[1:]] == [
        "Pool closes for repairs",
        "Ferry runs again in the sound",
    ]
    assert [article["source"]["name"] for article in articles[1:]] == ["The Star", "The Sun"]


@pytest.mark.parametrize(
    "end", ["yesterday.", "two months ago.", "last November 25.", "0.25 pesetas a kilo yesterday."]
)
def test_the_end_of_a_broken_sentence_is_no_time(end: str) -> None:
    (article,) = cleaned(
        f"Central bank raises its main rate\n{FIRST}\nIt had raised the rate by half a point the last time\n{end}\n{SECOND}\n"
    )
    assert plain(article["body"]) == f"{FIRST} It had raised the rate by half a point the last time {end} {SECOND}"


def test_a_headline_in_capitals_is_no_sentence_with_a_credit() -> None:
    (article,) = cleaned(f"CANADIANS URGE EXEMPTION FROM U.S. TRADE BILL\n{FIRST}\n{SECOND}\n")
    assert article["headline"] == "CANADIANS URGE EXEMPTION FROM U.S. TRADE BILL"


@pytest.mark.parametrize(
    "stamp",
    [
        "Newsweek\n2 hours ago\n- Politics\n- Newsweek",
        "Newsweek\n2 hours ago\n- Newsweek\n- Politics",
        "2 hours ago\n- Personal Finance\n- Newsweek",
        "2 hours ago\n- Newsweek\n- Politics",
    ],
)
def test_a_section_between_time_and_publisher_is_neither(stamp: str) -> None:
    page = f"Central bank raises its main rate\n{FIRST}\n{SECOND}\nRelated Articles\n"
    for headline in ("Approval rating slips in Michigan", "Hikers rescued in Utah"):
        page += f"\n{stamp}\n{headline}\n{HIKERS}\n"
    articles = cleaned(page)
    assert [article["source"]["name"] for article in articles] == [None, "Newsweek", "Newsweek"]
    assert [article["headline"] for article in articles[1:]] == [
        "Approval rating slips in Michigan",
        "Hikers rescued in Utah",
    ]
    assert [plain(article["body"]) for article in articles[1:]] == [HIKERS, HIKERS]


@pytest.mark.parametrize(
    ("end", "byline", "credited"),
    [
        ("The Associated Press contributed to this report.", [], ["Associated Press"]),
        ("Reuters contributed to this report.", [], ["Reuters"]),
        (
            "Associated Press writer Mari Yamaguchi in Tokyo contributed to this report.",
            ["Mari Yamaguchi"],
            ["Associated Press"],
        ),
        ("— Wire's Mari Yamaguchi contributed to this report.", ["Mari Yamaguchi"], []),
        ("Dr. Keiichi Ono and Shoichi Ishii contributed to this report.", ["Dr. Keiichi Ono", "Shoichi Ishii"], []),
    ],
)
@pytest.mark.parametrize("glue", [" ", "\n"])
def test_of_a_paragraph_only_the_sentence_about_contributors_goes(
    end: str, byline: list[str], credited: list[str], glue: str
) -> None:
    articles = cleaned(
        f"Two hikers rescued in Utah\n{HIKERS}{glue}{end}\nRelated Articles\nFox News\n2 hours ago\n- Fox News\n"
        f"Two hikers rescued in Utah\n{HIKERS}{glue}{end}\n"
    )
    assert [plain(article["body"]) for article in articles] == [HIKERS, HIKERS]
    assert [(article["byline"], article["credits"]) for article in articles] == [(byline, credited)] * 2
    assert [piece["text"] for piece in articles[1]["removed"] if piece["kind"] == "contributors"] == [end]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (
            "The law is old. It protects all forests in the north. Photo: John Roe/AFP",
            "The law is old. It protects all forests in the north.",
        ),
        ("The law protects the forests in the north of the country. Photo: John Roe/AFP", ""),
        ("Follow us on the trail, the ranger says, and walks ahead over the ridge.", None),
        ("Follow us on Facebook and Instagram for the latest news from the region.", ""),
        ("Follow us on social media for more news like this every day.", ""),
        ("Subscribe to our newsletter: three words that made the firm rich. It said it would sell adverts.", None),
        ("Sign up for our newsletter and get the best stories of the day every morning.", ""),
        ("Sign up for our Wine Club today. It is cheap.", "It is cheap."),
        ("Get our newsletter. We send the best stories of the day to your inbox.", ""),
    ],
)
def test_words_of_a_notice_make_no_notice_of_a_paragraph(line: str, kept: str | None) -> None:
    (article,) = cleaned(f"Central bank raises its main rate\n{FIRST}\n{line}\n{SECOND}\n")
    assert plain(article["body"]) == plain(f"{FIRST} {line if kept is None else kept} {SECOND}")


def test_a_sentence_with_its_photographer_above_the_text_is_a_caption() -> None:
    caption = "A woman walks past a forest near the capital of the country. Photo: John Roe/AFP"
    (article,) = cleaned(f"Central bank raises its main rate\n{caption}\n{FIRST}\n{SECOND}\n")
    assert plain(article["body"]) == f"{FIRST} {SECOND}"


WRAPPED = """\
川の渡し舟、70年ぶり復活へ
2025年3月3日 14時02分
　浜松市の住民グループが、橋の開通で1955年に姿を消し
た川の渡し舟を、70年ぶりに復活させる。古い写真と船大工の記憶を
頼りに1年半かけて木造舟を完成させ、4月13日に試乗会を開く。
　舟は長さ7・8メートル、幅1・4メートルで定員8人。地元の杉材を使い、
釘は昔ながらの和釘を鍛冶職人に頼んで打ってもらった。費用の320万円の
うち6割を、インターネットで寄付を募るクラウドファンディングで賄った。
"""


def test_lines_full_of_characters_without_spaces_are_joined() -> None:
    (found,) = cleaned(WRAPPED)
    assert found["headline"] == "川の渡し舟、70年ぶり復活へ"
    assert [part[:8] for part in found["body"].split("\n\n")] == ["浜松市の住民グル", "舟は長さ7・8メ"]
    assert " " not in found["body"]


def test_headlines_of_a_list_in_such_a_script_stay_apart() -> None:
    headlines = [
        "川の渡し舟が70年ぶり復活へ住民らが手作り",
        "市の卸売市場が5月に移転へ競り場は半分に",
        "湖でアサリを放流へ漁協は減少続くと説明へ",
    ]
    lines = read_lines("\n".join([*headlines, "市は3日に発表した。"]), 100)
    assert lines is not None
    assert [line.text for line in lines][:3] == headlines


@pytest.mark.parametrize("says", ["says:", "a dit :", ":"])
def test_remarks_of_readers_are_told_by_their_heads(says: str) -> None:
    remarks = "".join(
        f"Reader{n} {says}\nNovember {n}, 2024 at 6:3{n} am\nThis is what reader {n} thinks of the bank and its rate.\n"
        for n in range(1, 5)
    )
    (article,) = cleaned(f"Central bank raises its main rate\n{FIRST}\n{SECOND}\n{remarks}")
    assert plain(article["body"]) == f"{FIRST} {SECOND}"
    assert sum(piece["kind"] == "comments" for piece in article["removed"]) == 12
