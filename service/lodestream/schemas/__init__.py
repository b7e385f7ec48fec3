"""JSON Schemas (2020-12) of the records: one file per record, `fields` and `story-fields` for what they share."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

import orjson

NAMES: Final = ("document", "fields", "story-fields", "article", "original", "enriched", "duplicate", "story")


def schema(name: str) -> dict[str, Any]:
    """A schema by its name. References between them are by `$id`: `urn:lodestream:schema:NAME`."""
    if name not in NAMES:
        raise KeyError(name)
    loaded: dict[str, Any] = orjson.loads(resources.files(__package__).joinpath(f"{name}.json").read_bytes())
    return loaded
