"""When a text is about a topic, and when it only uses one of its words."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from lodestream.tag import Tagger, load_vocabulary

SPACE, WEAPONRY = "medtop:20000739", "medtop:20000602"
CRIME, COURT, TRIAL, POLICE, FIRE = "02000000", "20000107", "20000111", "20000133", "20000150"
FLOOD, SOCIAL_MEDIA, TREATMENT = "medtop:20000154", "medtop:20001182", "medtop:20000464"
LAW = {f"medtop:{number}" for number in (CRIME, COURT, TRIAL, "20000106", "20000121")}
EMERGENCY = {f"medtop:{number}" for number in (CRIME, POLICE, FIRE, "20000082", "03000000")}

LAUNCH = (
    "SpaceX launched 28 Starlink satellites on Monday aboard a Falcon 9 rocket from Florida. The booster landed on a "
    "drone ship in the Atlantic."
)


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(load_vocabulary())


class Case(NamedTuple):
    """An article, topics that it must get and topics that it must not."""

    language: str
    headline: str | None
    body: str
    expected: set[str]
    forbidden: set[str]


CASES = [
    # A word of two fields counts for the one that has better reasons.
    Case("en", "Rocket", LAUNCH, {SPACE}, {WEAPONRY}),
    Case("en", "Rocket with drones aboard", LAUNCH, {SPACE}, {WEAPONRY}),
    Case("en", "Rocket attack kills three", "Rockets hit the town; artillery answered.", {WEAPONRY}, {SPACE}),
    # One word is one word, in the headline and body too.
    Case(
        "en",
        "Drug trial",
        "A new drug cut the risk of a heart attack in a trial of 12,000 patients. The trial ran for two years.",
        {TREATMENT},
        LAW,
    ),
    Case("en", "Man on trial for murder", "The jury heard the defendant.", {f"medtop:{TRIAL}"}, set()),
    Case("en", "Monsoon arrives early in Kerala", "The monsoon reached the state eight days early.", set(), {FLOOD}),
    Case("en", "Monsoon brings floods", "Villages were inundated.", {FLOOD}, set()),
    Case("en", "Court opens", "The court has new nets, and the old court a new floor.", set(), LAW),
    # In passing: once, behind the first sentence, under a headline without a word of the field.
    Case(
        "en",
        "Bakery sells ten thousand loaves",
        "The baker was up all night. His company had mentioned layoffs in spring.",
        set(),
        {"medtop:20000189"},
    ),
    Case("en", "Company shrinks", "It said layoffs would follow in spring.", {"medtop:20000189"}, set()),
    Case("en", None, "The baker was up. His company had mentioned layoffs.", {"medtop:20000189"}, set()),
    Case("en", "Jobs go", "The baker was up. There will be layoffs, and more layoffs.", {"medtop:20000189"}, set()),
    Case("en", "Choir thanks donors", "The members thanked them on social media.", set(), {SOCIAL_MEDIA}),
    Case("en", "No social media for children", "TikTok and Instagram must ask for an age.", {SOCIAL_MEDIA}, set()),
    Case("de", "Chor dankt Spendern", "Er tat es in den sozialen Medien.", set(), {SOCIAL_MEDIA}),
    Case(
        "sv",
        "Katt räddad ur träd",
        "Räddningstjänsten fick rycka ut till parken. Polisen var inte på plats.",
        set(),
        EMERGENCY,
    ),
    Case("sv", "Storbrand i hamnen", "Räddningstjänsten kämpade hela natten.", {f"medtop:{FIRE}"}, set()),
    # A commodity in the headline is no word with two meanings.
    Case("en", "Wheat rebate widened", "The wheat goes to Egypt. Wheat, again.", {"medtop:20000210"}, set()),
]


@pytest.mark.parametrize("case", CASES, ids=[case.headline or case.body[:20] for case in CASES])
def test_different_words_make_a_topic(tagger: Tagger, case: Case) -> None:
    tags = tagger.tag({"headline": case.headline, "body": case.body, "language": case.language})
    found = {tag["id"] for tag in tags if tag["kind"] == "topic"}
    assert (case.expected - found, case.forbidden & found) == (set(), set())


def test_what_a_text_keeps_coming_back_to_needs_one_small_word_more(tagger: Tagger) -> None:
    def topics(text: str) -> set[str]:
        return {tag["id"] for tag in tagger.tag({"headline": "Ban", "body": text, "language": "en"})}

    assert SOCIAL_MEDIA not in topics("Twitter " * 8)
    assert SOCIAL_MEDIA in topics("Twitter, tweets. " + "Twitter. " * 4)
    assert SOCIAL_MEDIA not in topics("Twitter, tweets. Twitter, Twitter.")
