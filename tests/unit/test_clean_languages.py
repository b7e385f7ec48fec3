# ruff: noqa: E501 - a paragraph of a page is one line
"""Invented pages in other languages than English, annotated as in `test_clean_pages`."""

from __future__ import annotations

from typing import Final

import pytest
from test_clean_pages import Page, check_articles, check_characters

PAGES: Final = [
    Page(
        "German",
        """
x Startseite > Wirtschaft > Rohstoffe
h0 Neue Anlage soll seltene Erden aus Altgeräten gewinnen
x Stand: 03.07.2025, 19:48 Uhr
x Von Steven Erlanger
x Anhören
-
b0 ⟦Magdeburg (dpa) -⟧ In Sachsen-Anhalt ist eine Anlage eröffnet worden, die seltene Erden aus Motoren zurückgewinnt.
b0 Rund 400 Tonnen Magnete sollen dort im Jahr verarbeitet werden, teilte das Unternehmen am Donnerstag mit.
x Lesen Sie auch: Warum Magnete so schwer zu ersetzen sind
b0 Das Land fördert den Bau mit 2.693,00 Euro je Tonne. Der Betreiber sprach von einem Signal an die Industrie.
x Anzeige
b0 Kritik kam von Umweltverbänden. Sie bemängeln, dass die Säuren am Ufer der Elbe lagern sollen. ⟦© dpa⟧
-
x Mehr zum Thema
-
x Handelsblatt
x vor 3 Stunden
h1 Brüssel plant Lager für kritische Rohstoffe
b1 Die EU-Kommission will bis zum Herbst einen Vorschlag für ein gemeinsames Lager vorlegen. ⟦(AFP)⟧
-
x MDR
x vor einer Stunde
h2 Elbe führt so wenig Wasser wie seit Jahren nicht
b2 Der Pegel in Magdeburg sank auf 48 Zentimeter. Schiffe können nur noch mit halber Ladung fahren.
-
x Impressum
x Datenschutz
""",
        "main related teaser",
        {
            "publisher": [None, "Handelsblatt", "MDR"],
            "credits": [["DPA"], ["AFP"], []],
            "language": ["de", "de", "de"],
            "published_at": ["2025-07-03T17:48:00.000Z", "2025-07-04T09:00:00.000Z", "2025-07-04T11:00:00.000Z"],
        },
    ),
    Page(
        "French, an article without its publisher below one with",
        """
h0 Le port de Dunkerque mise sur le lithium
x Publié le 3 juillet 2025 à 19h48
x Par Constant Méheut
b0 Dunkerque veut devenir la capitale française de la batterie et attire une troisième usine sur ses quais.
b0 L'usine emploiera 500 personnes d'ici à 2028, selon la région. Elle traitera un minerai venu d'Australie.
x À lire aussi : Les mines rouvrent dans le Massif central
b0 Les riverains demandent des garanties. « Nous ne sommes pas contre, mais nous voulons des chiffres », dit l'un d'eux.
x Articles similaires
-
x Ouest-France
x il y a 3 heures
x - Ouest-France
h1 La Bretagne cherche du lithium sous ses landes
b1 Le permis couvre 50 kilomètres carrés. Les habitants ont appris la nouvelle par un courrier de la préfecture. ⟦AFP⟧
-
x il y a une heure
h2 Grève dans les ports jeudi
b2 Les dockers cesseront le travail pendant 24 heures. Le trafic des ferries sera perturbé.
""",
        "main related teaser",
        {
            "publisher": [None, "Ouest-France", None],
            "byline": [["Constant Méheut"], [], []],
            "language": ["fr", "fr", "fr"],
            "published_at": ["2025-07-03T17:48:00.000Z", "2025-07-04T09:00:00.000Z", "2025-07-04T11:00:00.000Z"],
        },
    ),
    Page(
        "Spanish, the headline above publisher and time",
        """
x Portada
x Economía
h0 Chile pospone su licitación de litio
x Redacción
x Hace 2 horas
b0 El Gobierno de Chile aplazó este jueves la licitación de tres salares y no fijó una nueva fecha para el proceso.
b0 Las empresas pidieron reglas claras. «Llevamos dos años esperando», dijo un directivo.
x Fuente: La Tercera
x Noticias relacionadas
h1 Bolivia firma un acuerdo con una empresa rusa
x Reuters
x Hace 5 horas
b1 El convenio prevé una planta piloto en el salar de Uyuni y una inversión de 900 millones de dólares.
h2 Argentina exporta un 30 % más de litio
x Hace un día
b2 Las ventas al exterior crecieron por los nuevos proyectos en Catamarca y Salta.
""",
        "main teaser teaser",
        {"publisher": ["La Tercera", "Reuters", None], "language": ["es", "es", "es"]},
    ),
    Page(
        "Swedish with a box of links and a cookie notice",
        """
h0 Gruvan i Kiruna får vänta på sitt tillstånd
x Publicerad 3 juli 2025 kl. 19.48
b0 ⟦Stockholm (TT)⟧ Mark- och miljödomstolen skjuter upp beslutet om den nya gruvan i Kiruna till efter nyår.
b0 Domstolen vill ha mer underlag om renbetet. Bolaget beklagar beskedet men räknar med start 2030.
x Annons
b0 Samebyn är nöjd. "Nu får vi tid att visa vad som står på spel", säger ordföranden.
x TT
x Läs mer
x Så påverkas renarna av gruvan
x Läs också
-
x Dagens Nyheter
x för 2 timmar sedan
h1 Rekordmånga söker jobb i norr
b1 Arbetsförmedlingen har fått in 4 000 ansökningar på en vecka. De flesta kommer från södra Sverige.
x Denna webbplats använder kakor
x Godkänn alla
""",
        "main teaser",
        {"publisher": [None, "Dagens Nyheter"], "credits": [["TT"], []], "language": ["sv", "sv"]},
    ),
    Page(
        "Japanese",
        """
x 経済
h0 南鳥島沖でレアアース泥の試験採取へ
x 2025年7月3日 19時48分
b0 政府は来年1月から、南鳥島沖の水深およそ6000メートルの海底でレアアースを含む泥の試験的な採取を始めると発表しました。
b0 専門家は「採算が取れるかどうかは、まだわからない」と話しています。
x 関連記事
x 1日前
h1 自動車大手、磁石の使用量を半減
b1 新しいモーターを来年度から採用します。
x シェアする
""",
        "main teaser",
        {"language": ["ja", "ja"], "published_at": ["2025-07-03T10:48:00.000Z", "2025-07-03T12:00:00.000Z"]},
    ),
    Page(
        "Chinese",
        """
x 首页 > 财经
h0 我国稀土出口管制新规正式实施
x 来源：财经时报
x 2025-07-03 19:48
b0 ⟦新华社北京7月3日电⟧ 商务部3日宣布，对部分中重稀土相关物项实施出口管制的新规即日起正式实施。
b0 业内人士认为，短期内相关产品价格可能出现波动，但供应总体稳定。
x 责任编辑：新闻中心
x 相关阅读
x 3小时前
h1 欧盟拟建立关键原材料储备
b1 欧盟委员会计划在秋季提出建立关键原材料共同储备的方案，储备规模可满足六个月的需求。
x 版权所有
""",
        "main teaser",
        {
            "publisher": ["财经时报", None],
            "credits": [["Xinhua"], []],
            "place": ["北京", None],
            "published_at": ["2025-07-03T11:48:00.000Z", "2025-07-04T09:00:00.000Z"],  # Beijing, by the language
        },
    ),
    Page(
        "Russian",
        """
x Главная
x Экономика
h0 Россия увеличит добычу редкоземельных металлов
x 3 июля 2025, 19:48
b0 ⟦МОСКВА, 3 июля. /ТАСС/.⟧ Россия намерена увеличить добычу редкоземельных металлов в пять раз, сообщили в министерстве.
b0 Объем инвестиций оценивается в 150 млрд рублей, заявили в ведомстве журналистам.
x Читайте также: Почему дорожают магниты
b0 Эксперты отмечают, что основной трудностью остаются технологии разделения металлов.
x Похожие новости
x Коммерсантъ
x 2 часа назад
h1 Китай ужесточил экспорт галлия
b1 Новые правила вступили в силу в четверг. Экспортеры обязаны получать лицензию на каждую партию.
x Реклама
""",
        "main teaser",
        {"publisher": [None, "Коммерсантъ"], "credits": [["TASS"], []], "place": ["Москва", None]},
    ),
    Page(
        "Arabic",
        """
x الرئيسية
h0 السعودية تطلق مشروعا لمعالجة المعادن النادرة
x منذ 3 ساعات
b0 أعلنت السعودية اليوم الخميس إطلاق مشروع لمعالجة المعادن النادرة بالشراكة مع شركة أمريكية كبرى.
b0 وأضافت الوزارة أن الاستثمارات تبلغ ستة مليارات ريال، وستوفر ألفي وظيفة.
x مقالات ذات صلة
x منذ ساعة
h1 ارتفاع أسعار النحاس في لندن
b1 ارتفعت أسعار النحاس في بورصة لندن للمعادن إلى أعلى مستوى لها منذ عشرة أشهر بدعم من تراجع الدولار.
""",
        "main teaser",
        {"language": ["ar", "ar"]},
    ),
    Page(
        "a run of headlines inside a paragraph in German",
        """
h0 Stadtrat beschließt neuen Radweg
b0 Der Stadtrat hat einen neuen Radweg entlang der Elbe beschlossen. Die Kosten liegen bei acht Millionen Euro. ⟦Meistgelesen Politik Ministerin kündigt Reform der Pflege an Wirtschaft Autobauer streicht 800 Stellen in Zwickau Sport Dresden verliert das Derby gegen Aue⟧ Der Radweg beginnt am Hafen und führt bis zur Stadtgrenze.
""",
        fields={"language": ["de"]},
    ),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_articles_of_a_page_are_told_from_what_stands_around_them(page: Page) -> None:
    check_articles(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_character_of_a_page_is_in_exactly_one_place(page: Page) -> None:
    check_characters(page)
