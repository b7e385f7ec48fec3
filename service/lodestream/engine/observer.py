"""What the engine tells about itself: one method per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from lodestream.engine.step import Size

TopicPartition = tuple[str, int]


class Tear(StrEnum):
    """What a restore finds of a transaction that Kafka did not keep whole; of outputs only the next stage can tell."""

    CHANGELOG_AHEAD = "changelog_ahead"  # a block beyond the committed offset
    OFFSET_AHEAD = "offset_ahead"  # a committed offset beyond the last block


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

    def restoring(self, partition: int, blocks: int, share: float) -> None:
        """Progress of a restore: blocks that the state is made of so far, and which share of the log is read."""

    def restored(self, partition: int, blocks: int, seconds: float) -> None:
        """State of a partition is complete."""

    def state(
        self,
        partition: int,
        sizes: Mapping[str, Size],
        evictions: Mapping[tuple[str, str], int],
    ) -> None:
        """Size of a partition's state by store, and entries evicted since its start by (store, why)."""

    def snapshot_written(self, partition: int, seconds: float, size: int) -> None:
        """A snapshot of so many bytes is on disk."""

    def snapshot_failed(self, partition: int) -> None:
        """The disk did not take a snapshot; the one before stays."""

    def snapshot_used(self, partition: int) -> None:
        """A restore begins with a snapshot."""

    def snapshot_ignored(self, partition: int) -> None:
        """There is a snapshot that does not fit: the changelog gives the state."""

    def torn(self, tear: Tear) -> None:
        """A restore found a torn transaction."""

    def repeated(self, records: int) -> None:
        """Records that the stage before wrote twice, taken once."""

    def expired(self, records: int) -> None:
        """Offsets of the input that retention took before they were read."""

    def released(self, partition: int) -> None:
        """The partition is no longer ours: its state is gone from memory."""

    def lag(self, records: Mapping[TopicPartition, int]) -> None:
        """Records between the committed position and the high watermark, per input partition."""

    def loop_delay(self, seconds: float) -> None:
        """How late the event loop was when it should have woken up."""

    def ready(self, is_ready: bool) -> None:  # noqa: FBT001
        """Partitions assigned, producers fenced, state restored."""
