"""Invented short articles in several languages: tags that must be there and tags that must not."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from lodestream.tag import Tagger, load_vocabulary

RARE_EARTHS = "commodity:rare-earths"
CRITICAL = "commodity:critical-minerals"
MINING = "medtop:20000316"
TRADE_POLICY = "medtop:20000377"
TARIFF = "medtop:20000384"
RELATIONS = "medtop:20000638"
WAR = "medtop:20000062"
ELECTIONS = "medtop:20000579"
SOCCER = "medtop:20001065"
EARTHQUAKE = "medtop:20000153"
FLOOD = "medtop:20000154"
AI = "medtop:20001298"
OIL_AND_GAS = "medtop:20001243"
INTEREST = "medtop:20000371"
STRIKE = "medtop:20000530"
COURT = "medtop:20000107"


class Case(NamedTuple):
    """An article, ids that it must get and ids that it must not ("country": no country at all)."""

    language: str
    headline: str | None
    body: str
    expected: set[str]
    forbidden: set[str]


ARTICLES: Final = (
    Case(
        "en",
        "Jakarta weighs curbs on nickel ore",
        (
            "Indonesia may restrict exports of nickel ore again, its mining minister said on Monday. The smelters of "
            "Sulawesi sell most of their output to Chinese battery makers."
        ),
        {"CN", "ID", "commodity:nickel", MINING, TRADE_POLICY},
        {"IN", "US"},
    ),
    Case(
        "en",
        "Store chain counts its pennies",
        (
            "The chain paid US$4 million and S$2 million for the shops, or about 5 million Canadian dollars in all. "
            "Let us hope, its owner said, that nobody needs a nickel more."
        ),
        set(),
        {"commodity:nickel", "country"},
    ),
    Case(
        "en",
        "GIVE US A BREAK, SAY COMMUTERS",
        "Trains between the two suburbs were late for the ninth day in a row.",
        set(),
        {"country"},
    ),
    Case(
        "en",
        "Roast turkey with a twist",
        (
            "Turkey is at the heart of Thanksgiving dinner, and a good china plate helps. Serve it with brazil nuts "
            "and a swede mash, then sit back like a panama-hatted planter."
        ),
        set(),
        {"country"},
    ),
    Case(
        "en",
        "Ankara raises its key rate",
        (
            "Turkey's central bank lifted its benchmark rate by 250 basis points as inflation ran on. Turkish "
            "lenders had expected a smaller rate hike."
        ),
        {"TR", INTEREST},
        {"US"},
    ),
    Case(
        "en",
        "Atlanta school board splits",
        (
            "Voters in Georgia will be asked next month. The state's governor, a Republican, has spoken against the "
            "plan, and so has the mayor of Savannah."
        ),
        set(),
        {"GE"},
    ),
    Case(
        "en",
        "Thousands march in Tbilisi",
        (
            "Protesters filled the avenue in front of parliament in Georgia's capital. The Georgian government wants "
            "closer ties with Moscow, they say, and none with the European Union."
        ),
        {"GE", "RU"},
        {"BE"},
    ),
    Case(
        "en",
        "Jordan scores 40 for the Flyers",
        (
            "Michael Jordan's old record fell when Chad Miller, no relation of the NBA star, hit a late "
            "three-pointer. Israel Houghton sang the anthem."
        ),
        {"medtop:20000851"},
        {"JO", "TD"},
    ),
    Case(
        "en",
        "Amman opens a second crossing",
        (
            "Trucks with flour went from Jordan into the West Bank, and more wait at the border with Syria. Refugees "
            "in Chad and Sudan get less than half of that, aid workers said."
        ),
        {"JO", "PS", "SD", "SY", "TD"},
        {"US"},
    ),
    Case(
        "en",
        "Patrols meet in the South China Sea",
        (
            "Two coast guard ships came within 50 metres of each other off the disputed reef. Manila summoned the "
            "ambassador; Beijing spoke of a routine patrol."
        ),
        {"CN", "PH"},
        {"IN", "TW"},
    ),
    Case(
        "en",
        "Latin American writers honoured",
        (
            "Authors from New Mexico to New England read in the town hall. A guinea pig stole the show. Bank of "
            "America pays for the festival, which began in the days of the Soviet Union."
        ),
        set(),
        {"country"},
    ),
    Case(
        "en",
        "Strong quake hits coast of Chile",
        (
            "An earthquake of magnitude 7.1 shook the north of Chile late on Friday. Aftershocks were felt in Lima. "
            "No tsunami warning was given."
        ),
        {"CL", "PE", EARTHQUAKE},
        {WAR},
    ),
    Case(
        "en",
        "Samarium stays scarce",
        (
            "Makers of heat-proof magnets pay five times last year's price for samarium and dysprosium. No mine "
            "outside one province sells either."
        ),
        {"commodity:dysprosium", "commodity:samarium", RARE_EARTHS},
        {CRITICAL},
    ),
    Case(
        "en",
        "Rice wins gold in the long jump",
        (
            "Ms Rice took the gold medal with her last jump. Silver went to the coach's daughter, who has nerves of "
            "steel."
        ),
        set(),
        {"commodity:gold", "commodity:rice", "commodity:silver", "commodity:steel"},
    ),
    Case(
        "en",
        "Brent slips as OPEC+ adds barrels",
        (
            "Crude oil fell for a third day after Saudi Arabia and Kuwait agreed to pump more. Olive oil, meanwhile, "
            "has never cost so much."
        ),
        {"KW", "SA", "commodity:oil", OIL_AND_GAS},
        {MINING},
    ),
    Case(
        "en",
        "Chip designer bets on artificial intelligence",
        (
            "The start-up trains large language models on a tenth of the power. Its chatbot speaks Swedish, its "
            "founders say."
        ),
        {"SE", AI},
        {ELECTIONS, SOCCER},
    ),
    Case(
        "de",
        "Peking verschärft Exportkontrollen für Seltene Erden",
        (
            "Die chinesische Regierung hat die Ausfuhr weiterer Metalle beschränkt. Deutsche Autobauer warnen, dass "
            "ihnen Neodym und Dysprosium ausgehen. Auch aus Österreich und der Schweiz kam Kritik."
        ),
        {"AT", "CH", "CN", "DE", "commodity:neodymium", RARE_EARTHS, TRADE_POLICY},
        {"US"},
    ),
    Case(
        "de",
        "Kupferpreis auf Rekordhoch",
        (
            "An der Londoner Metallbörse verteuerte sich das Metall weiter. Ein Bergwerk in Peru steht still, weil "
            "die Bergarbeiter streiken; die peruanische Gewerkschaft verlangt mehr Lohn. Auf Deutsch erschien der "
            "Bericht zuerst."
        ),
        {"PE", "commodity:copper"},
        {"DE"},
    ),
    Case(
        "de",
        "Hochwasser in Slowenien",
        (
            "Nach Überschwemmungen half die ungarische Armee beim Aufräumen. In Lateinamerika gab es am selben Tag "
            "keine Meldungen."
        ),
        {"HU", "SI", FLOOD},
        {"US"},
    ),
    Case(
        "sv",
        "Kina stoppar export av gallium",
        (
            "Pekings beslut drabbar japanska och sydkoreanska bolag. Exportkontrollerna gäller även germanium och "
            "grafit, uppger USA:s handelsdepartement."
        ),
        {"CN", "JP", "KR", "US", "commodity:gallium", "commodity:germanium", "commodity:graphite", TRADE_POLICY},
        {"KP"},
    ),
    Case(
        "sv",
        "Finländska väljare till valurnorna",
        (
            "I presidentvalet ställs två kandidater mot varandra. Norges statsminister följde valrörelsen från Oslo, "
            "liksom en island av intresserade i Sydkinesiska sjön."
        ),
        {"FI", "NO", ELECTIONS},
        {"CN", "IS"},
    ),
    Case(
        "es",
        "Chile y Bolivia hablan de litio",
        (
            "Los gobiernos chileno y boliviano estudian una empresa minera común. El litio y otros minerales "
            "críticos interesan también a la Unión Europea y a Estados Unidos, aunque pagan en dólares "
            "estadounidenses."
        ),
        {"BO", "CL", "US", "commodity:lithium", CRITICAL, MINING},
        {"BE", "CN"},
    ),
    Case(
        "es",
        "La Casa Blanca amenaza con aranceles",
        "Los aranceles afectarían al acero brasileño y al cobre peruano. En América Latina crece la preocupación.",
        {"BR", "PE", "US", "commodity:copper", "commodity:steel", TARIFF},
        {"MX"},
    ),
    Case(
        "fr",
        "Pékin limite l'exportation des terres rares",
        (
            "Les entreprises françaises et allemandes craignent une pénurie. Les contrôles à l'exportation visent "
            "aussi le tungstène. L'océan Indien n'est pas concerné."
        ),
        {"CN", "DE", "FR", "commodity:tungsten", RARE_EARTHS, TRADE_POLICY},
        {"IN"},
    ),
    Case(
        "fr",
        "Kinshasa suspend les ventes de cobalt",
        (
            "La République démocratique du Congo veut faire monter les prix du cobalt. Une société minière suisse a "
            "fermé sa mine. Dominique et Maurice, deux mineurs, attendent leur salaire."
        ),
        {"CD", "CH", "commodity:cobalt", MINING},
        {"CG", "DM", "MU"},
    ),
    Case(
        "ja",
        "日米首脳、レアアースの供給網で合意",
        (
            "首相は米大統領と会談し、重要鉱物の共同調達で一致した。中国の輸出規制に対抗する。インドネシアとタイトな日"
            "程で調整し、中国地方の企業も加わる。"
        ),
        {"CN", "ID", "JP", "US", CRITICAL, RARE_EARTHS, TRADE_POLICY},
        {"IN", "TH"},
    ),
    Case(
        "ja",
        "ウクライナで停戦交渉",
        "ロシアとウクライナの代表がトルコで会い、停戦交渉を続けた。日中の気温は30度を超えた。",
        {"RU", "TR", "UA", "medtop:20000076"},
        {"CN", "JP"},
    ),
    Case(
        "zh",
        "中方宣布对稀土实施出口管制",
        (
            "商务部表示，锂电池和石墨也在清单之列。美国和日本企业受到影响，其中国有企业占多数。发展中国家呼吁克制，印"
            "度尼西亚愿意增加供应。"
        ),
        {"CN", "ID", "JP", "US", "commodity:graphite", "commodity:lithium", RARE_EARTHS, TRADE_POLICY},
        {"FR", "IN"},
    ),
    Case(
        "zh",
        "沿海地区遭遇强降雨",
        "内蒙古和东海地区今日本报记者报道，司法国际合作会议延期。黄金周的游客不多。",
        set(),
        {"FR", "HT", "JP", "MN", "commodity:gold"},
    ),
    Case(
        "ko",
        "한국과 미국, 관세 협상 재개",
        "정부는 인도적 지원과 별개로 중국의 수출 통제를 논의했다. 남미 순방도 예정돼 있다.",
        {"CN", "KR", "US"},
        {"IN"},
    ),
    Case(
        "ru",
        "Переговоры прошли в Турции",
        "Представители Китая и Саудовской Аравии обсудили ситуацию в Южном Судане. Москва не прислала делегацию.",
        {"CN", "RU", "SA", "SS", "TR"},
        {"SD"},
    ),
    Case(
        "it",
        "Incontro a Roma",
        "Il ministro ha ricevuto i colleghi di Germania, Spagna e Paesi Bassi.",
        {"DE", "ES", "IT", "NL"},
        {"US"},
    ),
    Case(
        "und",
        None,
        "Island of no man, said the captain, and the Chili was hot. Norway and ドイツ sent their greetings.",
        {"DE", "NO"},
        {"CL", "IS"},
    ),
)


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(load_vocabulary())


@pytest.mark.parametrize("case", ARTICLES, ids=[case.headline or case.body[:20] for case in ARTICLES])
def test_an_article_gets_its_tags_and_no_others(tagger: Tagger, case: Case) -> None:
    tags = tagger.tag({"headline": case.headline, "body": case.body, "language": case.language})
    found = {tag["id"] for tag in tags}
    kinds: set[str] = {tag["kind"] for tag in tags}
    assert case.expected - found == set()
    assert case.forbidden & (found | kinds) == set()
