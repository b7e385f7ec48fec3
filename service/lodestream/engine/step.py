"""What the engine asks of an agent: a step over records, and its state.

The engine knows no news. It hands a step the records of one input partition in order and takes what comes out
into one transaction, together with the state's changes and the input offsets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from lodestream.errors import Rejected
from lodestream.headers import Headers


class Record(NamedTuple):
    """One input record; times in ms since the epoch.

    `ingested_at` is when the document that it came from was appended to `raw`; `clock` is the log's clock, the
    largest `ingested_at` of the partition so far. A NamedTuple: one is made per record, and it is cheap.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    ingested_at: int
    clock: int


class Output(NamedTuple):
    """One record to write. `topic` is the name without the deployment's prefix.

    `partition` None means by key, as Kafka's default partitioner does; a step gives all outputs for a topic a
    partition, or none. The engine adds the headers `ingested-at`, `origin` and `processed_at`. `counts` is what the
    output means for the metrics, as (family, label, n), for example `("articles", "near", 1)`: counted once, after
    the transaction that holds the output was committed.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
    counts: tuple[tuple[str, str, int], ...] = ()


Outcome = Sequence[Output] | Rejected
"""The one fate of a record: its outputs, or why it is refused."""


class Size(Protocol):
    """How large a store of the state is: live entries and bytes held for them."""

    @property
    def entries(self) -> int: ...

    @property
    def bytes(self) -> int: ...


class StoreSize(NamedTuple):
    """A `Size` for those who have none of their own."""

    entries: int
    bytes: int


class State(Protocol):
    """Windowed state of one partition: a function of the log, rebuilt from its changelog blocks.

    `drain` gives the changes since the last drain as one binary block, `apply` takes one: by the same code that
    changes the state live, so that a restored state answers exactly as one that ran on. The engine stores
    `FORMAT` beside each block and each snapshot, and refuses those of another format.
    """

    FORMAT: ClassVar[int]

    def drain(self) -> bytes: ...

    def apply(self, block: bytes) -> None: ...

    def freeze(self) -> Callable[[], Iterator[bytes]]:
        """Copy the state as it is, nothing undrained in it; what is returned gives its bytes, from any thread.

        The copy is taken while the stream waits: it should share what never changes.
        """
        ...

    def load(self, data: memoryview) -> None:
        """Take over frozen bytes, in a state that is new; keep no reference to `data`.

        Raises `StateError` for bytes that are not such, or of other settings: the state is of no use then.
        """
        ...

    def sizes(self) -> Mapping[str, Size]: ...

    def evictions(self) -> Mapping[tuple[str, str], int]:
        """Evicted entries so far by (store, why: `window` or `cap`)."""
        ...


class Step(Protocol):
    """A pure function of its input partition: the same log gives the same outcomes, however it is cut.

    `process` gives one outcome per record, in order. A record sees the state changes of all records before it,
    also those of its own batch. It reads no clock and no randomness. An exception other than `Rejected` is a
    bug in the step: the engine throws the state away, restores it and does the batch again without the record.
    """

    @property
    def state(self) -> State: ...

    def process(self, records: Sequence[Record]) -> list[Outcome]: ...


@runtime_checkable
class Prepares(Protocol):
    """A step with work to do outside this process, which the event loop does not wait for.

    The engine awaits `prepare` before it hands the same records to `process`, whose outcomes are the same without it.
    What one record's work comes to is kept for `process` to answer; only what stops the process is raised.
    """

    async def prepare(self, records: Sequence[Record]) -> None: ...


class NoState:
    """State of a step that keeps none."""

    FORMAT: ClassVar[int] = 0

    def drain(self) -> bytes:
        return b""

    def apply(self, block: bytes) -> None:
        if block:
            msg = "a step without state got a changelog block with content"
            raise ValueError(msg)

    def freeze(self) -> Callable[[], Iterator[bytes]]:
        return lambda: iter(())

    def load(self, data: memoryview) -> None:
        self.apply(bytes(data))

    def sizes(self) -> Mapping[str, Size]:
        return {}

    def evictions(self) -> Mapping[tuple[str, str], int]:
        return {}


def one_by_one(take: Callable[[Record], Sequence[Output]], records: Sequence[Record]) -> list[Outcome]:
    """Outcomes of a step that takes its records singly: a `Rejected` becomes that record's outcome."""
    outcomes: list[Outcome] = []
    for record in records:
        try:
            outcomes.append(take(record))
        except Rejected as rejected:
            outcomes.append(rejected)
    return outcomes
