"""Trafilatura, for the pages on which our own extraction fails its checks: slower, and different mistakes."""

from __future__ import annotations

import logging

from lodestream.clean.document import one_line


def paragraphs_by_trafilatura(markup: str) -> list[str]:
    """The paragraphs of the article; none where it finds none. It takes its own errors on odd markup for none."""
    # Imported here: it takes a second and 60 MB, which workers without pages of HTML need not spend.
    import trafilatura  # noqa: PLC0415

    logging.getLogger(trafilatura.__name__).setLevel(logging.CRITICAL + 1)  # it quotes what it discards
    text = trafilatura.extract(markup, include_comments=False)
    return [line for each in (text or "").splitlines() if (line := one_line(each))]
