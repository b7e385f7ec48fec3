"""An agent that tears one of its transactions, as Kafka's older protocol can, and dies of it.

`TEARING_WORKER_KEEPS` says which parts are committed: some of `outputs`, `changelog` and `offset`, joined by `+`. It is
one real transaction with just these parts, which is what a torn one looks like to everybody who reads.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from lodestream import logs, settings
from lodestream.agents.process import run_agent
from lodestream.engine import runtime
from lodestream.engine.transaction import Message, TransactionalWriter

KEEPS = os.environ["TEARING_WORKER_KEEPS"].split("+")
WHOLE = 3  # transactions with outputs before it
EXIT_CODE = 9
whole: Counter[int] = Counter()  # by partition


class TearingWriter(TransactionalWriter):
    async def commit(
        self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int
    ) -> Mapping[tuple[str, int], int]:
        first = whole[self._partition] == 0  # without any offset in the group it would be taken for a forgotten one
        has_outputs = len(messages) > 1  # not so when all its records are repeats
        if first or whole.total() < WHOLE or not has_outputs:
            whole[self._partition] += has_outputs
            return await super().commit(messages, next_offset)
        producer, config = self._started(), self._config
        await producer.begin_transaction()
        for where, some in messages.items():
            if ("changelog" if where[0] == config.changelog else "outputs") in KEEPS:
                await self._send(producer, where, some)
        if "offset" in KEEPS:
            source = TopicPartition(config.input, self._partition)
            await producer.send_offsets_to_transaction({source: next_offset}, config.group)
        await producer.commit_transaction()
        os._exit(EXIT_CODE)


if __name__ == "__main__":
    current = settings.load()
    logs.configure(current)
    setattr(runtime, "TransactionalWriter", TearingWriter)  # noqa: B010 - a name that the module does not export
    sys.exit(run_agent(sys.argv[1], current))
