"""What an engine needs to know about its agent and its cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """One agent on one cluster. Topic names are full unless said otherwise; times are seconds, sizes bytes."""

    agent: str
    prefix: str
    group: str
    input: str
    changelog: str
    outputs: tuple[str, ...]  # topics that the step writes to, without the prefix
    dead_letters: str  # without the prefix
    client: Mapping[str, Any] = field(repr=False)  # aiokafka client arguments; may hold a password
    entrance: bool = False  # records enter the service on the input: its append time is their `ingested_at`
    upstream: str | None = None  # full name of the topic that the stage before reads; None: there is none
    instance_id: str | None = None
    state_folder: Path | None = None  # for snapshots; None: the changelog alone
    snapshot_interval: float = 300
    compression: str | None = "lz4"
    session_timeout: float = 10
    transaction_timeout: float = 20
    watchdog_seconds: float = 120  # without progress, though there is work: then the process ends
    commit_interval: float = 0.05
    batch_records: int = 5000
    batch_bytes: int = 8 << 20
    batch_seconds: float = 0.2
    step_records: int = 64  # a step gets at once: enough for vector code, few enough to turn the loop in between
    queue_bytes: int = 16 << 20
    output_bytes: int = 9 << 20  # what topics take of a record
    letter_bytes: int = 10 << 20  # what `dead-letters` takes: any record of the input, and why it is there
    breaker_run: int = 1000
    breaker_ratio: float = 0.5
    hold_transaction: float = 0  # fault tests: stay inside the open transaction

    def transactional_id(self, partition: int) -> str:
        """One id per input partition: starting its producer fences whoever owned the partition before."""
        return f"{self.group}-{self.input}-{partition}"
