"""The three agents: each a step bound to its topics. This is the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from lodestream.agents import clean, dedupe, tag
from lodestream.engine.step import Step
from lodestream.settings import Settings
from lodestream.topics import ARTICLES, DUPLICATES, ENRICHED, ORIGINALS, RAW, STORIES

INPUTS: Final[Mapping[str, str]] = MappingProxyType({"clean": RAW, "dedupe": ARTICLES, "tag": ORIGINALS})
"""Agents in the order of the flow, with the topic that each reads."""

UPSTREAM: Final[Mapping[str, str]] = MappingProxyType({"dedupe": RAW, "tag": ARTICLES})
"""What the agent before reads, whose coordinates an agent's input names as `origin`; `clean` has none before it."""

OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"clean": (ARTICLES,), "dedupe": (ORIGINALS, DUPLICATES, STORIES), "tag": (ENRICHED,)}
)
"""Topics that each agent writes to, beside its changelog and the dead letters."""

STEP_RECORDS: Final[Mapping[str, int]] = MappingProxyType({"clean": 1, "dedupe": 64, "tag": 64})
"""Records that a step gets at once. The event loop turns in between, and a document that hangs takes seconds."""

_FACTORIES: Final[Mapping[str, Callable[[Settings], Callable[[], Step]]]] = MappingProxyType(
    {"clean": clean.steps, "dedupe": dedupe.steps, "tag": tag.steps}
)


def steps(agent: str, settings: Settings) -> Callable[[], Step]:
    """A factory of fresh steps, one per partition; what they share (vocabularies, limits) is loaded here, once."""
    return _FACTORIES[agent](settings)
