"""Creates the topics of the service and says where a cluster differs from what they should be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from lodestream.errors import TopicsError
from lodestream.kafka.clients import clear_errors, client_arguments, reachable, started
from lodestream.kafka.partitions import LATEST, leaders, list_offsets
from lodestream.settings import Settings
from lodestream.topics import COMPACT, ENRICHED, Topic, topics

_HOUR_MS: Final = 3_600_000
_SERVED_SECONDS: Final = 30.0
_SERVED_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a topic that is not as it should be. `topic` is the full name."""

    topic: str
    what: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found or 'not set'}, not {self.wanted}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is taken of a topic: by age (ms; None: nothing is), by size, and what a newer record of its key replaces."""

    compacts: bool
    retention_ms: int | None
    by_size: bool = False

    def lost_until(self, now_ms: int) -> int:
        """Up to which time (ms) the topic may have lost all records; 0: it loses none."""
        if self.by_size:
            return now_ms
        return 0 if self.retention_ms is None else now_ms - self.retention_ms


def all_topics(settings: Settings) -> tuple[Topic, ...]:
    """The topics of a deployment. Changelogs are kept for the longest window."""
    hours = max(settings.clean_window_hours, settings.dedupe_window_hours)
    return topics(hours * _HOUR_MS, settings.partitions)


def topic_configs(topic: Topic) -> dict[str, str]:
    """The configuration that a topic is created with. `compression.type` stays what producers send."""
    configs = {
        # The log's clock is the broker's: it never goes back by what a producer believes.
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(topic.max_bytes),
        "cleanup.policy": "compact" if topic.retention_ms is COMPACT else "delete",
    }
    if topic.retention_ms is not COMPACT:
        configs["retention.ms"] = str(topic.retention_ms)
    return configs


_KEYS: Final = frozenset(key for retention in (1, COMPACT) for key in topic_configs(Topic("", 1, retention)))
_POLICY_KEYS: Final = ("cleanup.policy", "retention.ms", "retention.bytes")


async def apply_topics(settings: Settings) -> list[str]:
    """Creates the topics that are missing and gives their full names. What exists is left as it is.

    Returns when every partition of them is served by its leader. Two may run it at once. Raises
    `LodestreamError` when the cluster cannot be reached or refuses.
    """
    async with _admin(settings) as admin:
        existing = await _describe(admin, settings)
        missing = [topic for topic in all_topics(settings) if settings.topic(topic.name) not in existing]
        created = await _create(admin, settings, missing) if missing else []
        await _wait_until_led(settings)
        return created


async def check_topics(settings: Settings) -> list[Difference]:
    """What differs: missing topics, partition counts, too few replicas, configuration values. Changes nothing.

    A cluster that keeps more replicas than asked for, or records for longer, is no worse, but only the first is let
    pass: retention is a policy. Raises `LodestreamError` when the cluster cannot be reached or refuses.
    """
    async with _admin(settings) as admin:
        existing = await _describe(admin, settings)
        configs = await _configs(admin, sorted(existing))
    differences: list[Difference] = []
    for topic in all_topics(settings):
        name = settings.topic(topic.name)
        if name not in existing:
            differences.append(Difference(name, "topic", "present", "missing"))
            continue
        partitions = existing[name]
        if len(partitions) != topic.partitions:
            differences.append(Difference(name, "partitions", str(topic.partitions), str(len(partitions))))
        replicas = min(len(partition["replicas"]) for partition in partitions)
        if replicas < settings.replication_factor:
            differences.append(Difference(name, "replicas", str(settings.replication_factor), str(replicas)))
        for key, wanted in topic_configs(topic).items():
            found = configs[name].get(key, "")
            if not _fits(topic.name, key, wanted, found):
                differences.append(Difference(name, key, wanted, found))
    return differences


async def topic_policies(settings: Settings, names: Sequence[str]) -> dict[str, Policy]:
    """What the cluster takes of these topics (short names) in fact; those that do not exist are left out.

    Without the permission to read configurations (DescribeConfigs) it is none. Raises `LodestreamError` when the
    cluster cannot be reached or refuses otherwise.
    """
    async with _admin(settings) as admin:
        try:
            configs = await _configs(admin, [settings.topic(name) for name in names], _POLICY_KEYS)
        except TopicAuthorizationFailedError:
            return {}
    return {name: _policy(configs[settings.topic(name)]) for name in names if configs[settings.topic(name)]}


def wanted_policies(settings: Settings) -> dict[str, Policy]:
    """What the cluster is to take of each topic (short name), as `apply_topics` says it."""
    return {topic.name: Policy(topic.retention_ms is COMPACT, topic.retention_ms) for topic in all_topics(settings)}


def _policy(configs: Mapping[str, str]) -> Policy:
    policies = {part.strip() for part in configs["cleanup.policy"].split(",")}
    deletes = "delete" in policies
    kept_ms = int(configs["retention.ms"])
    return Policy(
        compacts="compact" in policies,
        retention_ms=kept_ms if deletes and kept_ms >= 0 else None,
        by_size=deletes and int(configs["retention.bytes"]) >= 0,
    )


def _fits(topic: str, key: str, wanted: str, found: str) -> bool:
    """Whether a configuration value will do. Of `enriched` an operator may keep the newest record per article."""
    if key == "cleanup.policy":
        policies = {part.strip() for part in found.split(",")}
        return policies == {wanted} or (topic == ENRICHED and policies <= {"compact", "delete"})
    return found == wanted


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    await reachable(settings)
    with clear_errors(settings):
        admin = AIOKafkaAdminClient(**client_arguments(settings))
        try:
            await started(admin.start())
            yield admin
        finally:
            await admin.close()


async def _describe(admin: AIOKafkaAdminClient, settings: Settings) -> dict[str, list[Mapping[str, Any]]]:
    """The partitions of each of our topics that exists, by full name."""
    names = [settings.topic(topic.name) for topic in all_topics(settings)]
    found: dict[str, list[Mapping[str, Any]]] = {}
    for topic in await admin.describe_topics(names):
        error = for_code(topic["error_code"])
        if error is NoError:
            found[topic["topic"]] = topic["partitions"]
        elif error is TopicAuthorizationFailedError:
            raise error(topic["topic"])
        # Any other code means that it is not there, or only just being created.
    return found


async def _create(admin: AIOKafkaAdminClient, settings: Settings, missing: Sequence[Topic]) -> list[str]:
    """Creates topics and gives the names of those that were not there yet."""
    wanted = [
        NewTopic(
            settings.topic(topic.name),
            topic.partitions,
            settings.replication_factor,  # -1 is the cluster's default.replication.factor
            replica_assignments={} if settings.replication_factor == -1 else None,
            topic_configs=topic_configs(topic),
        )
        for topic in missing
    ]
    response = await admin.create_topics(wanted)
    created: list[str] = []
    for name, code, message in response.topic_errors:
        error = for_code(code)
        if error is NoError:
            created.append(name)
        elif error is TopicAuthorizationFailedError:
            raise error(name)
        elif error is not TopicAlreadyExistsError:  # somebody else was quicker: that is as good
            raise TopicsError(f"cannot create {name}: {message or error.__name__}")
    return created


async def _wait_until_led(settings: Settings) -> None:
    """Until the leader of every partition serves it.

    For a moment after its creation a topic is missing from the metadata, then its leader is named and does not know
    it yet: a consumer that starts then finds no topic, and a producer logs errors.
    """
    client = AIOKafkaClient(**client_arguments(settings))
    deadline = time.monotonic() + _SERVED_SECONDS
    try:
        await started(client.bootstrap())
        for topic in all_topics(settings):
            name = settings.topic(topic.name)
            while True:
                try:
                    await list_offsets(client, name, await leaders(client, name), LATEST)
                    break
                except (TopicsError, KafkaError) as error:
                    if time.monotonic() > deadline or (isinstance(error, KafkaError) and not error.retriable):
                        raise
                    await asyncio.sleep(_SERVED_POLL_SECONDS)
    finally:
        await client.close()


async def _configs(
    admin: AIOKafkaAdminClient, names: Sequence[str], keys: Iterable[str] = _KEYS
) -> dict[str, dict[str, str]]:
    """The configuration of each topic: key and value, defaults included."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(keys, "")) for name in names]
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for resource in response.to_object()["resources"]:
            error = for_code(resource["error_code"])
            if error is UnknownTopicOrPartitionError:  # deleted between two questions
                found[resource["resource_name"]] = {}
            elif error is not NoError:
                raise error(resource["resource_name"])
            else:
                entries = resource["config_entries"]
                found[resource["resource_name"]] = {
                    entry["config_names"]: entry["config_value"] or "" for entry in entries
                }
    return found
