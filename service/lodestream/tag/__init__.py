"""Tagging: from an article to identifiers that others use, each with the spans that show where it comes from.

Read `vocabulary` for what can be tagged, `matcher` for how it is found, `tagger` for how tags are made of it.
"""

from __future__ import annotations

from lodestream.tag.tagger import Tagger
from lodestream.tag.vocabulary import Entry, Vocabulary, VocabularyError, load_vocabulary

__all__ = ["Entry", "Tagger", "Vocabulary", "VocabularyError", "load_vocabulary"]
