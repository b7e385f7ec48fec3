"""The feeder of `benchmarks/latency.py`, a process of its own: python latency_feeder.py SERVERS TOPIC RATE NUMBER OF.

Sends the first NUMBER of so many generated articles (OF) at a constant rate, whatever becomes of them: when something
holds it up, it sends at once what is due. So a latency is to be taken from when an article was due, and what happened
while it waited counts. It prints when the first one is due, and in the end how late it was itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.flow import articles

LEAD_SECONDS = 0.5


async def feed(servers: str, topic: str, rate: float, number: int, of: int) -> None:
    documents = articles(of)[:number]
    gc.freeze()
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True, compression_type="lz4")
    await producer.start()
    await producer.partitions_for(topic)
    start = time.time() + LEAD_SECONDS
    tell({"start": start})
    late, sent = [], []
    for at, document in enumerate(documents):
        due = start + at / rate
        await asyncio.sleep(max(0.0, due - time.time()))
        late.append(time.time() - due)
        sent.append(await producer.send(topic, document.value, key=document.key, headers=list(document.headers)))
    await asyncio.gather(*sent)
    await producer.stop()
    tell({"late_p99_ms": float(np.percentile(late, 99)) * 1000, "late_max_ms": max(late) * 1000})


def tell(what: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(feed(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
