"""The agent `clean` with a parser that can hang: everything is the service's own, but what its sandbox runs."""

from __future__ import annotations

import sys

from prometheus_client import CollectorRegistry

from lodestream import logs, settings
from lodestream.agents.clean import CleanStep
from lodestream.agents.process import engine_config
from lodestream.clean import Limits
from lodestream.clean.learned import Memory
from lodestream.engine.process import run_engine
from lodestream.engine.runtime import Engine
from lodestream.engine.sandbox import Sandbox
from lodestream.metrics import Metrics


def main() -> int:
    current = settings.load()
    logs.configure(current)
    sandbox = Sandbox("hanging_parser:parse", seconds=current.parser_seconds, memory_bytes=current.parser_memory_bytes)
    metrics = Metrics(CollectorRegistry(), "clean")
    return run_engine(
        lambda: Engine(engine_config("clean", current), lambda: CleanStep(Limits(), sandbox, Memory(1, 1000)), metrics),
    )


if __name__ == "__main__":
    sys.exit(main())
