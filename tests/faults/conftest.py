"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Topics, Workers
from lodestream.settings import Settings


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[Workers]:
    some = Workers(settings, tmp_path)
    yield some
    some.end()


@pytest.fixture
def topics(settings: Settings) -> Topics:
    return Topics(settings)
