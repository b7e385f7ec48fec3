"""What it costs that documents with markup are parsed in a process of their own.

    python -m benchmarks.sandbox [--articles 300]

Articles of 500 words as JSON with HTML, through the step of `clean`: parsed in this process, parsed by the child, and
as in a worker, where a thread waits for the child. Clock and CPU per article, each the best of ten rounds
in turn; then a call that does nothing, and the start of a child.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from unittest.mock import patch

import click
import psutil

from benchmarks.flow import AT, articles
from lodestream.agents.clean import PARSER, CleanStep
from lodestream.clean import Limits
from lodestream.clean.learned import Memory
from lodestream.engine.sandbox import Sandbox
from lodestream.engine.step import Record

ROUNDS = 10


def records(number: int) -> list[Record]:
    """The articles of `flow.py` with their text as HTML: a paragraph of 50 words each."""
    made = []
    for offset, one in enumerate(articles(number)):
        article = json.loads(one.value)
        words = article.pop("body").split()
        article["html"] = "".join(f"<p>{' '.join(words[at : at + 50])}</p>" for at in range(0, len(words), 50))
        made.append(Record("raw", 0, offset, one.key, json.dumps(article).encode(), one.headers, AT, AT))
    return made


def cpu(child: psutil.Process) -> float:
    """Seconds of CPU that this process and the child have used so far."""
    of_the_child = child.cpu_times()
    return time.process_time() + of_the_child.user + of_the_child.system


def cost(work: Callable[[Sequence[Record]], None], some: list[Record], child: psutil.Process) -> tuple[float, float]:
    """Seconds by the clock, and of CPU in both processes."""
    began, used = time.perf_counter(), cpu(child)
    work(some)
    return time.perf_counter() - began, cpu(child) - used


@click.command()
@click.option("--articles", "number", default=300, show_default=True)
def main(number: int) -> None:
    some = records(number)
    sandbox = Sandbox(PARSER, seconds=5, memory_bytes=512 << 20)
    step = CleanStep(Limits(), sandbox, Memory(1, 500_000))

    def here(batch: Sequence[Record]) -> None:
        with patch("lodestream.agents.clean.runs_parser", lambda *_: False):
            step.process(batch)

    def by_the_child(batch: Sequence[Record]) -> None:
        step.process(batch)

    async def prepared(batch: Sequence[Record]) -> None:
        for each in batch:
            await step.prepare([each])
            step.process([each])

    began = time.perf_counter()
    by_the_child(some[:1])
    start = time.perf_counter() - began
    ways: dict[str, Callable[[Sequence[Record]], None]] = {
        "here": here,
        "by the child": by_the_child,
        "as in a worker": lambda batch: asyncio.run(prepared(batch)),
    }
    child = psutil.Process(sandbox.pid)
    found = [{name: cost(work, some, child) for name, work in ways.items()} for _ in range(ROUNDS)]
    for name in ways:
        clock, used = (min(each[name][at] for each in found) / number * 1e6 for at in range(2))
        print(f"{name:16} {clock:7.0f} µs an article, {used:7.0f} of CPU")
    print(f"{'a call alone':16} {call_alone(some[0].value or b''):7.0f} µs")
    print(f"start of a child {start:.2f} s")


def echo(request: bytes) -> bytes:
    return request


def call_alone(request: bytes) -> float:
    """What a call takes whose target does nothing, as many bytes there and back."""
    sandbox = Sandbox("benchmarks.sandbox:echo", seconds=5, memory_bytes=512 << 20)
    sandbox.call(request)
    began = time.perf_counter()
    for _ in range(1000):
        sandbox.call(request)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
