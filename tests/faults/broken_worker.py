"""An agent with an engine that is broken on purpose: the suite must find out.

`BROKEN_WORKER` says how. `apart`: outputs have a transaction of their own, before that of changelog and offset, as
where somebody commits offsets beside the outputs. `forgetful`: of every 20th transaction the last output is left out.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Mapping, Sequence

from lodestream import logs, settings
from lodestream.agents.process import run_agent
from lodestream.engine import runtime
from lodestream.engine.transaction import Message, TransactionalWriter

HOW = os.environ["BROKEN_WORKER"]
EVERY = 20
numbers = itertools.count(1)


class BrokenWriter(TransactionalWriter):
    async def commit(
        self, messages: Mapping[tuple[str, int], Sequence[Message]], next_offset: int
    ) -> Mapping[tuple[str, int], int]:
        changelog = {where: some for where, some in messages.items() if where[0] == self._config.changelog}
        outputs = {where: some for where, some in messages.items() if where not in changelog}
        if HOW == "forgetful" and outputs and next(numbers) % EVERY == 0:
            where, some = outputs.popitem()
            return await super().commit(
                {**outputs, **({where: some[:-1]} if some[1:] else {}), **changelog}, next_offset
            )
        if HOW == "apart" and outputs:
            producer = self._started()
            await producer.begin_transaction()
            await asyncio.gather(*(self._send(producer, where, some) for where, some in outputs.items()))
            await producer.commit_transaction()
            return await super().commit(changelog, next_offset)
        return await super().commit(messages, next_offset)


if __name__ == "__main__":
    current = settings.load()
    logs.configure(current)
    setattr(runtime, "TransactionalWriter", BrokenWriter)  # noqa: B010 - a name that the module does not export
    sys.exit(run_agent(sys.argv[1], current))
