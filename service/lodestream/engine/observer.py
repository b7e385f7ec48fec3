"""What the engine tells about itself: one method per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lodestream.engine.step import Size

TopicPartition = tuple[str, int]


class Observer:
    """Does nothing with what it is told; the metrics of the service are one that counts it.

    Called on the event loop, per batch and never per record; must not block and must not raise.
    """

    def received(self, records: int) -> None:
        """Records handed to the step."""

    def stepped(self, records: int, seconds: float) -> None:
        """A batch went through the step in this time."""

    def committed(self, seconds: float, counts: Mapping[tuple[str, str], int], ages: Sequence[float]) -> None:
        """A transaction was committed.

        `counts`: by (family, label) of its outputs; `ages`: seconds from each record's `ingested-at` to now.
        """

    def aborted(self) -> None:
        """A transaction failed and was given up."""

    def dead_lettered(self, reasons: Mapping[str, int]) -> None:
        """Records of a committed transaction that went to the dead letters, by reason."""

    def rebalanced(self, assigned: int) -> None:
        """The group gave this worker so many input partitions."""

    def fenced(self) -> None:
        """A lane lost its partition to a new owner."""

    def restoring(self, partition: int, blocks: int) -> None:
        """Progress of a restore: changelog blocks applied so far."""

    def restored(self, partition: int, blocks: int, seconds: float) -> None:
        """State of a partition is complete."""

    def state(
        self,
        partition: int,
        sizes: Mapping[str, Size],
        evictions: Mapping[tuple[str, str], int],
    ) -> None:
        """Size of a partition's state by store, and entries evicted since its start by (store, why)."""

    def released(self, partition: int) -> None:
        """The partition is no longer ours: its state is gone from memory."""

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """Records between the committed position and the high watermark, per input partition."""

    def loop_delay(self, seconds: float) -> None:
        """How late the event loop was when it should have woken up."""

    def ready(self, is_ready: bool) -> None:  # noqa: FBT001
        """Partitions assigned, producers fenced, state restored."""
