"""Time zones as pages print them, and their summer time: a small table of our own, so that no machine's data counts.

Rules of daylight saving: European Union since 1996 (last Sunday of March to last Sunday of October, at 01:00 UTC),
United States since 2007 (second Sunday of March to first Sunday of November, at 02:00 local time); Israel since 2013
(Friday before the last Sunday of March to the last Sunday of October, at 02:00 local time). Iran has had none since
2022.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

_Rule = Literal["eu", "us", "il", "none"]

_FIXED: Final = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 60, "BST": 60, "IST": 330, "CET": 60, "MEZ": 60, "CEST": 120,
    "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180, "МСК": 180, "TRT": 180, "GST": 240, "PKT": 300, "WIB": 420,
    "ICT": 420,
    "SGT": 480, "HKT": 480, "MYT": 480, "PHT": 480, "AWST": 480, "JST": 540, "KST": 540, "ACST": 570, "AEST": 600,
    "AEDT": 660, "NZST": 720, "NZDT": 780, "EST": -300, "EDT": -240, "CDT": -300, "CST": -360, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "BRT": -180, "ART": -180, "CAT": 120, "SAST": 120, "WAT": 60, "EAT": 180,
}  # fmt: skip
"""Minutes east of UTC. Of a name with two meanings the one that news prints more: India, America, Britain."""

_PLACES: Final[dict[str, tuple[int, _Rule]]] = {
    "ET": (-300, "us"), "CT": (-360, "us"), "MT": (-420, "us"), "PT": (-480, "us"),
    "Europe/Amsterdam": (60, "eu"), "Europe/Berlin": (60, "eu"), "Europe/Copenhagen": (60, "eu"),
    "Europe/Helsinki": (120, "eu"), "Europe/Istanbul": (180, "none"), "Europe/Kyiv": (120, "eu"),
    "Europe/Moscow": (180, "none"), "Europe/Oslo": (60, "eu"), "Europe/Paris": (60, "eu"),
    "Europe/Rome": (60, "eu"), "Europe/Stockholm": (60, "eu"), "Europe/Warsaw": (60, "eu"),
    "Europe/Athens": (120, "eu"), "Europe/Bucharest": (120, "eu"), "Europe/Budapest": (60, "eu"),
    "Europe/Prague": (60, "eu"), "Asia/Ho_Chi_Minh": (420, "none"), "Asia/Jakarta": (420, "none"),
    "Europe/Sofia": (120, "eu"), "Africa/Nairobi": (180, "none"), "Asia/Bangkok": (420, "none"),
    "Asia/Dhaka": (360, "none"), "Asia/Jerusalem": (120, "il"), "Asia/Karachi": (300, "none"),
    "Asia/Kolkata": (330, "none"), "Asia/Tehran": (210, "none"),
    "Asia/Seoul": (540, "none"), "Asia/Shanghai": (480, "none"), "Asia/Tokyo": (540, "none"),
}  # fmt: skip

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+\-−])(\d{1,2})(?::?(\d{2}))?")


def to_utc(local: datetime, zone: str) -> datetime | None:
    """A naive local time in a zone, as UTC; None when the zone is not known.

    `zone`: a name as printed (`JST`, `ET`), an offset (`+09:00`, `GMT+8`), or the key of a place (`Europe/Berlin`).
    """
    minutes = _minutes(local, zone)
    if minutes is None:
        return None
    try:
        return (local - timedelta(minutes=minutes)).replace(tzinfo=UTC)
    except OverflowError:
        return None


def known(zone: str) -> bool:
    """Whether this is a zone as pages print it."""
    return zone in _FIXED or (zone in _PLACES and "/" not in zone) or _offset(zone) is not None


def _minutes(local: datetime, zone: str) -> int | None:
    if zone in _FIXED:
        return _FIXED[zone]
    if zone in _PLACES:
        standard, rule = _PLACES[zone]
        return standard + 60 * _is_summer(local, standard, rule)
    return _offset(zone)


def _offset(zone: str) -> int | None:
    """Minutes east of UTC of a zone like `+09:00`, at most 14 hours."""
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return (-minutes if match[1] != "+" else minutes) if minutes <= 14 * 60 else None


def _is_summer(local: datetime, standard: int, rule: _Rule) -> bool:
    """Whether daylight saving holds. Of the hour that an autumn night has twice, the first is taken."""
    if rule == "eu":
        one_utc = timedelta(hours=1, minutes=standard)
        return (
            _sunday(local.year, 3, -1) + one_utc <= local < _sunday(local.year, 10, -1) + one_utc + timedelta(hours=1)
        )
    if rule == "il":
        two = timedelta(hours=2)
        return _sunday(local.year, 3, -1) - timedelta(days=2) + two <= local < _sunday(local.year, 10, -1) + two
    if rule == "us":
        two = timedelta(hours=2)
        return _sunday(local.year, 3, 2) + two <= local < _sunday(local.year, 11, 1) + two
    return False


def _sunday(year: int, month: int, number: int) -> datetime:
    """Midnight of the nth Sunday of a month; -1 is the last, of a month with 31 days."""
    day = datetime(year, month, 31 if number < 0 else 1)  # noqa: DTZ001 - local time, on purpose
    if number < 0:
        return day - timedelta(days=(day.weekday() + 1) % 7)
    return day + timedelta(days=(6 - day.weekday()) % 7 + 7 * (number - 1))
