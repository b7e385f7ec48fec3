"""Places that are called like a country or a capital: "Panama City, Florida", "Vienna, Va.", "Cuba, New York".

A name before a comma and a state of the United States or a province of Canada is the place there. It is not where
the two are items of a list ("Chile, California and Japan") or where a new clause begins ("In China, California's
governor said").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lodestream.tag.guards import in_capitals
from lodestream.tag.matcher import Match

_KIND: Final = "country"
_CAPITAL: Final = "capital"
_NAMES: Final = frozenset({_CAPITAL, "name"})
_NEW_YORK: Final = "New York"  # a city beside other capitals, so it is a state behind names of countries only
_GEORGIA: Final = "Georgia"  # a country beside other countries, so it is a state behind capitals only, but its own
_GEORGIAN: Final = "GE"
_STATES: Final = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|"
    "Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|"
    "Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|"
    "Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|West Virginia|Virginia|"
    "Wisconsin|Wyoming|Alberta|British Columbia|Manitoba|New Brunswick|Newfoundland|Nova Scotia|Ontario|Quebec|"
    "Saskatchewan"
)
_SHORT: Final = (  # as American papers write them behind a town; they are nothing else
    r"(?:Ala|Ariz|Ark|Calif|Colo|Conn|Del|Fla|Ga|Ill|Ind|Kan|Ky|La|Md|Mass|Mich|Minn|Miss|Mo|Mont|Neb|Nev|N\.H|N\.J|"
    r"N\.M|N\.Y|N\.C|N\.D|Okla|Ore|Pa|R\.I|S\.C|S\.D|Tenn|Tex|Vt|Va|Wash|W\. ?Va|Wis|Wyo|Ont|Que|B\.C)\.|Fla\b"
)
_POSTAL: Final = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|"
    "PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|ON|BC|AB|QC"
)
_BEHIND: Final = re.compile(
    rf", ?(?:(?P<state>{_STATES})(?![\w'’-])|(?P<short>{_SHORT})|(?P<postal>{_POSTAL})(?![\w'’-]))"
)
_GOES_ON: Final = re.compile(r" [^\W\d_a-z]")  # "Virginia Woolf", "New York Times"
_PAIR: Final = rf"[\w. ]{{2,25}}, (?:{_STATES}|{_SHORT})"
_LIST: Final = re.compile(rf"(?:,? (?:and|or|&) (?:the )?|, )(?=[^\W\d_a-z])(?!{_PAIR})")
_LISTED: Final = re.compile(r"\w, \Z")
_CLAUSE: Final = re.compile(r"(?:^|[.!?:\n\"“] ?)(?:In|From|Outside) \Z")


def without_namesakes(matches: list[Match], text: str, identity: Callable[[Match], str]) -> list[Match]:
    """The matches without names of countries and capitals that stand for another place.

    An article about Lebanon, Pennsylvania, calls it Lebanon from then on: where a name was found to be another
    place, it is one everywhere, unless something else speaks for the country. `identity` gives its code.
    """
    before_comma = [match for match in matches if text[match.end] == ","]
    dropped = {match for match in before_comma if _is_namesake(match, text, identity)}
    if not dropped:
        return matches
    kept = [match for match in matches if match not in dropped]
    names = {(match.sense.entry, match.sense.term.text) for match in dropped}
    certain = {
        match.sense.entry
        for match in kept
        if match.sense.kind == _KIND and (match.sense.entry, match.sense.term.text) not in names
    }
    return [
        match
        for match in kept
        if match.sense.entry in certain or (match.sense.entry, match.sense.term.text) not in names
    ]


def _is_namesake(match: Match, text: str, identity: Callable[[Match], str]) -> bool:
    start, end, sense = match
    if sense.kind != _KIND or sense.term.word_class not in _NAMES:
        return False
    found = _BEHIND.match(text, end)
    if found is None or found["state"] is None:
        return found is not None and (found["short"] is not None or not in_capitals(text, start, end))
    return _is_in_state(match, text, found["state"], found.end(), identity)


def _is_in_state(match: Match, text: str, state: str, behind: int, identity: Callable[[Match], str]) -> bool:
    start, _, sense = match
    if _GOES_ON.match(text, behind) or (_CLAUSE.search(text, max(0, start - 12), start) and text[behind] == " "):
        return False
    if sense.term.word_class == _CAPITAL:
        if state == _NEW_YORK:
            return False
        return state != _GEORGIA or not (identity(match) == _GEORGIAN or _LIST.match(text, behind))
    if state == _GEORGIA or _LIST.match(text, behind):
        return False
    return state != _NEW_YORK or not _LISTED.search(text, max(0, start - 3), start)
