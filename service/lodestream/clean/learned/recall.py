"""One record's articles beside what the records before it have taught."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from lodestream.clean.learned.blocks import Lesson, Part
from lodestream.clean.learned.cut import Repeated, Run, without
from lodestream.clean.learned.memory import RUNS, Memory, Seen
from lodestream.clean.learned.reading import Mask, Reading
from lodestream.clean.learned.rules import PAGE, RECORD, RUN_WORDS, SAME, WIDTH
from lodestream.hashes import Hashes, Places
from lodestream.records import ArticleFields

_LINES_MAX: Final = 1 << 13
_RUNS_MAX: Final = 1 << 15
"""Keys of each kind that one record teaches: 320 KiB in all, so that no page fills a block of the changelog."""


class Recalled(NamedTuple):
    """Articles without what the site repeats, and what they teach: for `Memory.learn`, when they come to something."""

    articles: list[ArticleFields]
    lesson: Lesson


def recall(memory: Memory, site: str, articles: Sequence[ArticleFields], clock: int, *, page: bool) -> Recalled:
    """The articles of the next record at the log's clock (ms), which never goes back.

    Cuts by what the records before have taught, and by the article's own being one more story; its siblings teach
    the next record. Changes nothing that a later answer depends on. `page`: they are of a page's text, not of JSON
    or markup.
    """
    memory.expire(clock)
    reading = Reading([article["body"] for article in articles], site, PAGE if page else RECORD)
    about, about_counts = reading.about([article["article_id"] for article in articles])
    windows = reading.picked if reading.rules.runs else _NONE
    asked = (about, reading.lines, reading.runs[windows])
    lengths = [len(keys) for keys in asked]
    answers = memory.look_up(np.arange(len(asked)).repeat(lengths), np.concatenate(asked))
    seen_about, seen_lines, seen_windows = np.split(answers, np.cumsum(lengths)[:-1])
    stories = _stories(memory.next_story, seen_about, about, about_counts)
    own = np.array(stories).repeat(np.diff(reading.first_line))
    cut = _others(seen_lines, own) >= reading.rules.stories - 1
    whole = ~cut[reading.line_of[windows]]
    runs, windows = _runs(memory, reading, own, windows[whole], seen_windows[whole])
    return Recalled(
        [
            without(article, repeated, words.tolist(), reading.rules)
            for article, repeated, words in _by_article(reading, articles, cut, runs)
        ],
        Lesson(clock, *_parts(reading, stories, (about, about_counts), windows)),
    )


def _stories(following: int, answers: Seen, about: Hashes, counts: Sequence[int]) -> list[int]:
    """By article its story: the one with its id, else the one that shares most keys with it, else a new one.

    `following` is the number of the next new one, `answers` what is known of the keys.
    """
    seen, keys = answers.tolist(), about.tolist()
    stories: list[int] = []
    siblings: defaultdict[int, set[int]] = defaultdict(set)  # stories of this record by key
    at = 0
    for count in counts:
        sketch = range(at + 1, at + count)
        known = Counter([story for n in sketch for story in {*seen[n], *siblings.get(keys[n], ())} if story])
        nearest = max(known, key=lambda story: (known[story], story), default=0)
        is_same = known[nearest] >= max(1, SAME * len(sketch))
        story = max(seen[at]) or (nearest if is_same else following)
        following += story == following
        for n in sketch:
            siblings[keys[n]].add(story)
        stories.append(story)
        at += count
    return stories


def _others(seen: Seen, own: Places) -> Places:
    """In how many stories but its own each key was seen."""
    others: Places = ((seen > 0) & (seen != own[:, np.newaxis])).sum(axis=1)
    return others


def _runs(
    memory: Memory, reading: Reading, own: Places, windows: Places, seen: Seen
) -> tuple[dict[int, list[Run]], Places]:
    """Runs to cut by line, and the windows to learn. `windows` are those that were picked, with what is known of them.

    Of the windows of a line few are kept, until one of them is seen in another story: then all are, for the run that
    both have may end anywhere. So a run is what has been seen before around a window that was seen often enough; where
    most of it was, it ends with that: two stories may go on with the same word by chance.
    """
    lines = reading.line_of[windows]
    elsewhere = _others(seen, own[lines]) > 0
    if not elsewhere.any():
        return {}, windows
    suspect = np.zeros(len(own), dtype=np.bool_)
    suspect[lines[elsewhere]] = True
    close = np.flatnonzero(reading.inside & suspect[reading.line_of])
    others = _others(memory.look_up(RUNS, reading.runs[close]), own[reading.line_of[close]])
    found: defaultdict[int, list[Run]] = defaultdict(list)
    known = np.flatnonzero(others > 0)
    apart = (np.diff(close[known]) > WIDTH) | (np.diff(reading.line_of[close[known]]) > 0)
    for group in np.split(known, np.flatnonzero(apart) + 1):
        sure = group[others[group] >= reading.rules.stories - 1]
        if not len(sure):
            continue
        edges = close[sure if 2 * len(sure) > len(group) else group]
        first, behind = int(edges[0]), int(edges[-1]) + WIDTH
        if behind - first >= RUN_WORDS:
            line = int(reading.line_of[first])
            start = int(reading.starts[line])
            found[line].append((first - start, behind - start))
    return found, np.union1d(windows, close)


def _by_article(
    reading: Reading, articles: Sequence[ArticleFields], cut: Mask, runs: dict[int, list[Run]]
) -> list[tuple[ArticleFields, Repeated, Places]]:
    """Each article, what is repeated in it by line of its own, and the words of its lines."""
    repeated = [Repeated([], {}) for _ in articles]
    for line in np.flatnonzero(cut).tolist():
        article = int(np.searchsorted(reading.first_line, line, side="right")) - 1
        repeated[article].lines.append(line - int(reading.first_line[article]))
    for line, some in runs.items():
        article = int(np.searchsorted(reading.first_line, line, side="right")) - 1
        repeated[article].runs[line - int(reading.first_line[article])] = some
    words = np.split(reading.words, reading.first_line[1:-1])
    return list(zip(articles, repeated, words, strict=True))


def _parts(
    reading: Reading, stories: Sequence[int], about: tuple[Hashes, list[int]], windows: Places
) -> tuple[list[Part], Hashes]:
    """What each article teaches, and all keys."""
    bounds = reading.first_line
    counted = np.flatnonzero(reading.lines)
    tokens = np.append(reading.starts, reading.ends[-1])[bounds]
    lines, line_counts = _once(reading.lines[counted], np.searchsorted(counted, bounds), _LINES_MAX)
    runs, run_counts = _once(reading.runs[windows], np.searchsorted(windows, tokens), _RUNS_MAX)
    keys, about_counts = about
    parts = [
        Part(story, (n_about, n_lines, n_runs))
        for story, n_about, n_lines, n_runs in zip(stories, about_counts, line_counts, run_counts, strict=True)
    ]
    return parts, np.concatenate((keys, lines, runs))


def _once(keys: Hashes, bounds: Places, most: int) -> tuple[Hashes, list[int]]:
    """The first keys, each once per article, and how many of them each article has. `bounds`: of the articles."""
    if len(set(keys.tolist())) < len(keys):
        articles = np.arange(len(bounds) - 1).repeat(np.diff(bounds))
        order = np.lexsort((keys, articles))
        again = np.zeros(len(keys), dtype=np.bool_)
        again[order[1:]] = (np.diff(keys[order]) == 0) & (np.diff(articles[order]) == 0)
        keys, articles = keys[~again], articles[~again]
        bounds = np.searchsorted(articles, np.arange(len(bounds)))
    some = keys[:most]
    return some, np.diff(np.minimum(bounds, len(some))).tolist()


_NONE: Final = np.zeros(0, dtype=np.intp)
