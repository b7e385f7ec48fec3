"""Topics on a real broker: created with all their policies, never altered, differences named."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from lodestream.errors import LodestreamError, TopicsError
from lodestream.kafka.admin import (
    Difference,
    Policy,
    all_topics,
    apply_topics,
    check_topics,
    topic_configs,
    topic_policies,
    wanted_policies,
)
from lodestream.kafka.clients import client_arguments
from lodestream.settings import Settings

TOPICS = 11


async def create(settings: Settings, name: str, partitions: int, configs: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    await admin.create_topics([NewTopic(settings.topic(name), partitions, 1, topic_configs=configs)])
    await admin.close()


async def broker_says(settings: Settings, name: str) -> dict[str, str]:
    """A topic's configuration as the broker tells it, asked without the code under test."""
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic(name))])
    await admin.close()
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def test_all_topics_are_created_as_they_should_be(settings: Settings) -> None:
    missing = await check_topics(settings)
    assert len(missing) == TOPICS
    assert {(each.what, each.found) for each in missing} == {("topic", "missing")}

    created = await apply_topics(settings)
    assert sorted(created) == sorted(settings.topic(topic.name) for topic in all_topics(settings))
    assert await check_topics(settings) == []

    for name, policy, retention in (("raw", "delete", "604800000"), ("dedupe-state", "delete", "1209600000")):
        configs = await broker_says(settings, name)
        assert configs["message.timestamp.type"] == "LogAppendTime"
        assert configs["max.message.bytes"] == "9437184"
        assert configs["cleanup.policy"] == policy
        assert configs["retention.ms"] == retention
        assert configs["compression.type"] == "producer"
    assert (await broker_says(settings, "stories"))["cleanup.policy"] == "compact"


async def test_a_second_time_nothing_is_created(settings: Settings) -> None:
    await apply_topics(settings)
    assert await apply_topics(settings) == []


async def test_only_what_is_missing_is_created(settings: Settings) -> None:
    await create(settings, "raw", 4, {})
    created = await apply_topics(settings)
    assert len(created) == TOPICS - 1
    assert settings.topic("raw") not in created


async def test_several_at_once_create_each_topic_once(settings: Settings) -> None:
    results = await asyncio.gather(*(apply_topics(settings) for _ in range(4)))
    created = [name for names in results for name in names]
    assert len(created) == len(set(created)) == TOPICS
    assert await check_topics(settings) == []


async def test_what_differs_is_named_and_not_altered(settings: Settings) -> None:
    await create(settings, "raw", 3, {"retention.ms": "1000", "max.message.bytes": "1000000"})
    await create(settings, "stories", 4, topic_configs(all_topics(settings)[4]) | {"cleanup.policy": "compact,delete"})
    await create(settings, "enriched", 4, topic_configs(all_topics(settings)[5]) | {"cleanup.policy": "compact"})
    await apply_topics(settings)
    raw = settings.topic("raw")
    assert await check_topics(settings) == [
        Difference(raw, "partitions", "4", "3"),
        Difference(raw, "message.timestamp.type", "LogAppendTime", "CreateTime"),
        Difference(raw, "max.message.bytes", "9437184", "1000000"),
        Difference(raw, "retention.ms", "604800000", "1000"),
        Difference(settings.topic("stories"), "cleanup.policy", "compact", "compact,delete"),
    ]
    assert (await broker_says(settings, "raw"))["retention.ms"] == "1000"


async def test_too_few_replicas_are_a_difference(settings: Settings) -> None:
    await apply_topics(settings)
    wanted = settings.model_copy(update={"replication_factor": 3})
    differences = await check_topics(wanted)
    assert len(differences) == TOPICS
    assert {(each.what, each.wanted, each.found) for each in differences} == {("replicas", "3", "1")}


async def test_more_replicas_than_there_are_brokers_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(TopicsError, match=r"cannot create .*replication factor") as error:
        await apply_topics(settings.model_copy(update={"replication_factor": 3}))
    assert "\n" not in str(error.value)


async def test_without_a_broker_it_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lodestream.kafka.clients.reachable.__defaults__", (0.3,))
    with pytest.raises(LodestreamError, match="no Kafka broker answers at"):
        await check_topics(Settings.model_validate({"bootstrap_servers": "127.0.0.1:1"}))


def run(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`lodestream topics …` as its users run it."""
    own = {"LODESTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers, "LODESTREAM_TOPIC_PREFIX": settings.topic_prefix}
    return subprocess.run(
        [sys.executable, "-m", "lodestream", "topics", *arguments],
        capture_output=True,
        check=False,
        text=True,
        env=os.environ | own | environment,
    )


def test_the_commands_create_check_and_exit_with_one_when_something_differs(settings: Settings) -> None:
    before = run(settings, "check")
    assert before.returncode == 1
    assert before.stdout.splitlines()[0].split() == ["TOPIC", "WHAT", "WANTED", "FOUND"]
    assert len(before.stdout.splitlines()) == TOPICS + 1
    assert before.stderr == "lodestream: the topics are not as they should be: 11 differences\n"

    applied = run(settings, "apply")
    assert (applied.returncode, applied.stderr) == (0, "")
    assert applied.stdout.count("created ") == TOPICS

    after = run(settings, "check")
    assert (after.returncode, after.stdout, after.stderr) == (0, "all 11 topics are as they should be\n", "")

    again = run(settings, "apply", LODESTREAM_PARTITIONS="6")
    assert again.returncode == 0
    assert again.stdout == "all 11 topics exist\n"
    assert f"{settings.topic('raw')}" in again.stderr
    assert "nothing of this was changed" in again.stderr
    assert run(settings, "check", LODESTREAM_PARTITIONS="6").returncode == 1


@pytest.mark.parametrize(
    ("configs", "policy", "lost_until"),
    [
        ({"cleanup.policy": "delete", "retention.ms": "60000"}, Policy(False, 60_000), 40_000),
        ({"cleanup.policy": "delete", "retention.ms": "-1"}, Policy(False, None), 0),
        (
            {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "7"},
            Policy(False, None, True),
            100_000,
        ),
        ({"cleanup.policy": "compact", "retention.ms": "60000", "retention.bytes": "7"}, Policy(True, None), 0),
        ({"cleanup.policy": "compact,delete", "retention.ms": "60000"}, Policy(True, 60_000), 40_000),
    ],
)
async def test_policies_are_those_of_the_cluster(
    settings: Settings, configs: dict[str, str], policy: Policy, lost_until: int
) -> None:
    await create(settings, "enriched", 1, configs)
    assert await topic_policies(settings, ["enriched", "raw"]) == {"enriched": policy}, "there is no raw"
    assert policy.lost_until(100_000) == lost_until


async def test_policies_of_topics_that_were_created_are_the_wanted_ones(settings: Settings) -> None:
    await apply_topics(settings)
    wanted = wanted_policies(settings)
    assert await topic_policies(settings, list(wanted)) == wanted
