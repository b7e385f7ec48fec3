"""The engine's configuration in its unit tests."""

from __future__ import annotations

from lodestream.engine.config import EngineConfig

CONFIG = EngineConfig(
    agent="count",
    prefix="p.",
    group="p.count",
    input="p.in",
    changelog="p.count-state",
    outputs=("out",),
    dead_letters="dead-letters",
    client={},
    batch_seconds=60,  # a machine that stands still for a moment must not split a batch
)
