"""Times as the records write them: RFC 3339 in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
_DURATION: Final = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit in _UNITS_MS), re.ASCII)


def rfc3339(milliseconds: int) -> str:
    """Milliseconds since the epoch as RFC 3339 in UTC with three decimals: `2025-07-17T03:04:05.678Z`."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def from_rfc3339(text: str) -> int:
    """RFC 3339 as milliseconds since the epoch. Raises `ValueError`; a time without a zone is refused."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"time without a zone: {text!r}"
        raise ValueError(msg)
    return round(moment.timestamp() * 1000)


def from_duration(text: str) -> int:
    """A duration as people write it, in milliseconds: `90s`, `2h`, `1d12h`. Raises `ValueError`."""
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"no duration: {text!r}")
    return sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS_MS.values(), strict=True))
