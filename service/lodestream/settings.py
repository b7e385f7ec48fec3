"""The one settings object: frozen, documented, read from the environment (`LODESTREAM_…`) and secret files.

A secret `sasl_password` can also stand in a file `lodestream_sasl_password` below `LODESTREAM_SECRETS_DIR`
(default `/run/secrets`, where containers mount them).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lodestream.errors import LodestreamError

MIB = 1024 * 1024
OTHER_VARIABLES = frozenset({"LODESTREAM_SECRETS_DIR", "LODESTREAM_BROKER_CACHE", "LODESTREAM_PARENT_PID"})
"""Variables that are read elsewhere: where secrets and the broker's files are, and by children who their parent is."""


class Settings(BaseSettings):
    """Everything that can be set. Each field is the environment variable `LODESTREAM_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="LODESTREAM_", frozen=True, extra="ignore")

    # Kafka
    bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka brokers, host:port, comma separated.")
    topic_prefix: str = Field(
        "lodestream.",
        pattern=r"^[A-Za-z0-9._-]{1,80}$",
        description="Prefix of topics, groups and transactional ids: two deployments share nothing.",
    )
    partitions: PositiveInt = Field(4, description="Partitions of the flow's topics, fixed for the life of a prefix.")
    replication_factor: int = Field(-1, ge=-1, le=7, description="Replicas of each topic; -1: the cluster's default.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT", description="How to speak to Kafka."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, where the protocol has SASL."
    )
    sasl_username: str | None = Field(None, description="SASL user.")
    sasl_password: SecretStr | None = Field(None, description="SASL password; better as a secret file.")
    sasl_without_tls: bool = Field(False, description="Allow SASL_PLAINTEXT: the login then travels without TLS.")
    tls_ca_file: Path | None = Field(None, description="CA certificates (PEM) to trust instead of the system's.")

    # Worker
    instance_id: str | None = Field(None, description="Static group membership; one per process, never two alike.")
    session_timeout_seconds: PositiveFloat = Field(10, description="A silent worker loses its partitions.")
    transaction_timeout_seconds: PositiveFloat = Field(20, description="Kafka ends an abandoned transaction.")
    watchdog_seconds: PositiveFloat = Field(
        120,
        validate_default=True,
        description="A worker that has work and makes no progress for this long ends itself.",
    )
    commit_interval_ms: int = Field(50, ge=0, le=5000, description="A lane that is not behind waits this long to fill.")
    batch_max_records: PositiveInt = Field(5000, description="Records of one transaction at most.")
    batch_max_bytes: PositiveInt = Field(8 * MIB, description="Input bytes of one transaction, above one record.")
    batch_max_seconds: PositiveFloat = Field(0.2, description="Work of one transaction: bounds latency and shutdown.")
    lane_queue_bytes: PositiveInt = Field(16 * MIB, description="Fetched records that may wait per partition.")
    state_folder: Path | None = Field(
        None, description="Folder for snapshots of state; none: a restore reads the whole changelog."
    )
    snapshot_interval_seconds: PositiveFloat = Field(300, description="A partition's state is written this often.")
    dead_letter_run_limit: PositiveInt = Field(1000, description="Dead letters in a row that stop a worker.")
    dead_letter_ratio_limit: float = Field(
        0.5, gt=0, le=1, description="Share of dead letters among the last 2,000 records that stops a worker."
    )
    http_host: str = Field("127.0.0.1", description="Address of metrics and health.")
    http_port: int = Field(9464, ge=0, le=65535, description="First port of metrics and health; 0: any free one.")

    # Steps
    document_max_bytes: PositiveInt = Field(4 * MIB, description="A larger document is a dead letter.")
    article_max_bytes: PositiveInt = Field(MIB, description="A larger article body is a dead letter.")
    parser_seconds: float = Field(
        5,
        gt=0,
        validate_default=True,
        description="Work that parsing a document's markup may take, and twice as long by the clock.",
    )
    parser_memory_bytes: PositiveInt = Field(512 * MIB, description="Memory that parsing a document's markup may take.")
    articles_max: PositiveInt = Field(500, description="More articles in one document are a dead letter.")
    clean_window_hours: PositiveInt = Field(
        168, description="What a site repeats is forgotten this long after the story came that it was last seen in."
    )
    clean_max_entries: PositiveInt = Field(
        500_000,
        description="Lines that a partition remembers of its sites; as many runs of words, and as many stories.",
    )
    dedupe_window_hours: PositiveInt = Field(168, description="An article leaves the duplicate window after this.")
    dedupe_max_articles: PositiveInt = Field(1_000_000, description="Articles in the window of one partition.")
    vocabularies: Path | None = Field(None, description="Folder with own vocabularies for tagging.")

    # Logs
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: JSON unless on a terminal.")

    # Tests only
    hold_transaction_seconds: float = Field(
        0, ge=0, le=60, description="Fault tests only: keep each transaction open this long before its commit."
    )

    @field_validator("watchdog_seconds")
    @classmethod
    def _longer_than_a_transaction(cls, seconds: float, others: ValidationInfo) -> float:
        """A transaction has its own deadline, whose answer is better than a dump of stacks."""
        transaction = others.data.get("transaction_timeout_seconds", 0)
        if seconds <= transaction:
            raise ValueError(f"{seconds:g} is not more than LODESTREAM_TRANSACTION_TIMEOUT_SECONDS ({transaction:g})")
        return seconds

    @field_validator("parser_seconds")
    @classmethod
    def _shorter_than_the_watchdog(cls, seconds: float, others: ValidationInfo) -> float:
        """Documents that hang on several partitions wait for each other, and that is no reason to end the worker."""
        watchdog = others.data.get("watchdog_seconds", 10 * seconds)
        if 10 * seconds > watchdog:
            raise ValueError(f"ten times {seconds:g} is more than LODESTREAM_WATCHDOG_SECONDS ({watchdog:g})")
        return seconds

    def topic(self, name: str) -> str:
        """A topic's full name."""
        return self.topic_prefix + name

    def group(self, agent: str) -> str:
        """The consumer group of an agent."""
        return self.topic_prefix + agent


def unknown(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with the names of variables `LODESTREAM_…`, a sentence each: a misspelt one changes nothing.

    They are not refused: a container platform adds variables of its own that begin with a service's name.
    """
    names = {f"LODESTREAM_{field.upper()}" for field in Settings.model_fields} | OTHER_VARIABLES
    sentences = []
    for name in sorted(environment):
        if name.upper().startswith("LODESTREAM_") and name.upper() not in names:
            close = get_close_matches(name.upper(), names, 1, 0.8)
            sentences.append(f"{name} is no setting" + (f"; did you mean {close[0]}?" if close else ""))
    return sentences


def load(**overrides: object) -> Settings:
    """Settings from environment and secret files. Raises `LodestreamError` that names each wrong setting."""
    secrets = os.environ.get("LODESTREAM_SECRETS_DIR", "/run/secrets")
    if Path(secrets).is_dir():
        overrides["_secrets_dir"] = secrets
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"LODESTREAM_{'_'.join(map(str, item['loc'])).upper()}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise LodestreamError(f"wrong setting: {wrong}") from None
