"""When a page says to its readers that its article was published: the time that it prints near its heading."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from lodestream.clean.html.tree import Tree, chain, is_of_others, lines_of
from lodestream.clean.times.dates import PrintedTime
from lodestream.clean.times.time_lines import is_update_label, read_time_line

_BELOW_HEADING: Final = 40  # lines in which the time is looked for
_ABOVE_HEADING: Final = 12
_BESIDE: Final = 4  # lines: one that says when it was changed has the other time beside it
_MOST: Final = 3000  # boxes and links that are looked at; of 132 real pages the largest has 8,100 tags in all
_BOXES: Final = ",".join(
    f"[{name}*={word} i]"
    for name in ("class", "id")
    for word in "comment related teaser ticker breaking most-read".split()
)


def printed_times(tree: Tree, lines: list[str], headline: str | None) -> list[PrintedTime]:
    """The first time near the heading that is the article's own; with it those beside it, where it is of a change."""
    at = next((number for number, line in enumerate(lines) if line == headline), 0)
    near = [*lines[at : at + _BELOW_HEADING], *lines[max(0, at - _ABOVE_HEADING) : at]]
    others: Counter[str] | None = None
    found: list[PrintedTime] = []
    left = len(near)
    for number, line in enumerate(near):
        read = read_time_line(line) if left > 0 else None
        left -= 1
        if read is None or not any(time.at is not None for time in read.times):
            continue
        others = _lines_of_others(tree, headline) if others is None else others
        if 0 < lines.count(line) <= others[line]:
            continue
        changed = number > 0 and is_update_label(near[number - 1])
        found += [replace(time, updated=True) if changed else time for time in read.times]
        if any(not time.updated for time in found):
            break
        left = min(left, _BESIDE)
    return found


def _lines_of_others(tree: Tree, headline: str | None) -> Counter[str]:
    """The lines of boxes with other articles, of remarks of readers, and of links."""
    found: Counter[str] = Counter()
    past: set[int] = set()
    for node in [] if tree.body is None else tree.body.css(f"{_BOXES},a")[:_MOST]:
        if (node.tag != "a" and not is_of_others(node)) or any(one.mem_id in past for one in chain(node)):
            continue
        past.add(node.mem_id)
        lines = lines_of(node)
        if headline not in lines:
            found.update(lines)
    return found
