"""Records per second and CPU per record of the engine with a no-op step, beside a bare aiokafka loop and stock Faust.

    python benchmarks/engine.py [--records 200000] [--runs 5]

One embedded broker, a fresh set of topics per run, the contenders in turn, the median of the runs. What counts
is the ratio of two runs that stood side by side, of which the median is printed too: absolute figures of this kind
move by 30 % from one hour to the next, and on shared cores within a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import click
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from lodestream.kafka.embedded import EmbeddedKafka

SIZE = 1000  # bytes of a record
CONTENDERS = ("bare", "lodestream", "stock")
STOCK_SHARE = 5  # stock Faust gets a fifth of the records: it needs twenty times as long for each


async def fill(servers: str, prefix: str, records: int) -> None:
    """Topics of their own for one run, with the records on `in`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    names = (("in", 4), ("out", 4), ("state", 4), ("dead-letters", 1))
    stamped = {"message.timestamp.type": "LogAppendTime"}  # as on the topics of the service
    await admin.create_topics([NewTopic(prefix + name, count, 1, topic_configs=stamped) for name, count in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=256 << 10, linger_ms=5)
    await producer.start()
    value = b"x" * SIZE
    waits = [
        await producer.send(f"{prefix}in", value, key=b"%d" % number, partition=number % 4) for number in range(records)
    ]
    await asyncio.gather(*waits)
    await producer.stop()


def run(contender: str, servers: str, prefix: str, records: int, folder: str) -> dict[str, float]:
    program = [sys.executable, str(Path(__file__).with_name("engine_contenders.py"))]
    done = subprocess.run(
        [*program, contender, str(records), servers, prefix],
        env={**os.environ, "BENCHMARK_FOLDER": folder},
        capture_output=True,
        check=True,
        timeout=180,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


@click.command()
@click.option("--records", default=200_000, show_default=True)
@click.option("--runs", default=5, show_default=True)
def main(records: int, runs: int) -> None:
    """Compare; print a table."""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka() as kafka:
        for number in range(runs):
            for contender in CONTENDERS:
                prefix = f"{contender}{number}."
                wanted = records // STOCK_SHARE if contender == "stock" else records
                asyncio.run(fill(kafka.bootstrap_servers, prefix, wanted))
                result = run(contender, kafka.bootstrap_servers, prefix, wanted, folder)
                results[contender].append(result)
                print(f"run {number + 1} {contender:<11}", *(f"{key} {value:,.1f}" for key, value in result.items()))
    print(f"\nmedian of {runs}: records of {SIZE} bytes, 4 partitions, acks=all")
    print("| contender | records/s | of bare | CPU µs/record |\n|---|---|---|---|")
    for name, some in results.items():
        rate = median(result["records_per_second"] for result in some)
        cpu = median(result["cpu_us_per_record"] for result in some)
        of_bare = median(
            one["records_per_second"] / bare["records_per_second"]
            for one, bare in zip(some, results["bare"], strict=True)
        )
        print(f"| {name} | {rate:,.0f} | {of_bare:.2f} | {cpu:.1f} |")


if __name__ == "__main__":
    main()
