"""What each topic should be, and how differences are told."""

from __future__ import annotations

import pytest

from lodestream.commands.topics import table
from lodestream.kafka.admin import Difference, _fits, all_topics, topic_configs
from lodestream.settings import load
from lodestream.topics import COMPACT, DAY_MS, Topic

HOUR_MS = 3_600_000


@pytest.mark.parametrize("hours", [1, 168, 1000])
def test_changelogs_live_for_two_windows(hours: int) -> None:
    kept = {topic.name: topic.retention_ms for topic in all_topics(load(dedupe_window_hours=hours))}
    for agent in ("clean", "dedupe", "tag"):
        retention = kept[f"{agent}-state"]
        assert retention is not None
        assert retention >= 2 * hours * HOUR_MS


def test_every_topic_has_the_clock_of_the_log_and_room_for_the_largest_document() -> None:
    for topic in all_topics(load()):
        configs = topic_configs(topic)
        assert configs["message.timestamp.type"] == "LogAppendTime"
        mebibytes = 10 if topic.name == "dead-letters" else 9  # a letter is larger than what it is about
        assert int(configs["max.message.bytes"]) == mebibytes * 1024 * 1024
        assert "compression.type" not in configs


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (Topic("raw", 4, 7 * DAY_MS), {"cleanup.policy": "delete", "retention.ms": "604800000"}),
        (Topic("stories", 4, COMPACT), {"cleanup.policy": "compact"}),
    ],
)
def test_a_topic_is_kept_for_a_time_or_compacted(topic: Topic, expected: dict[str, str]) -> None:
    configs = topic_configs(topic)
    assert {key: configs[key] for key in configs if key in {"cleanup.policy", "retention.ms"}} == expected


def test_partitions_follow_the_setting_but_for_the_single_ones() -> None:
    counts = {topic.name: topic.partitions for topic in all_topics(load(partitions=7))}
    assert {name for name, count in counts.items() if count != 7} == {"trends", "dead-letters"}
    assert counts["trends"] == counts["dead-letters"] == 1


@pytest.mark.parametrize(
    ("topic", "key", "wanted", "found", "fits"),
    [
        ("raw", "retention.ms", "5", "5", True),
        ("raw", "retention.ms", "5", "6", False),
        ("raw", "retention.ms", "5", "", False),
        ("raw", "cleanup.policy", "delete", "delete", True),
        ("raw", "cleanup.policy", "delete", "compact", False),
        ("raw", "cleanup.policy", "delete", "compact,delete", False),
        ("stories", "cleanup.policy", "compact", "delete,compact", False),
        ("enriched", "cleanup.policy", "delete", "compact", True),
        ("enriched", "cleanup.policy", "delete", "compact, delete", True),
        ("enriched", "cleanup.policy", "delete", "", False),
    ],
)
def test_a_value_fits_or_not(*, topic: str, key: str, wanted: str, found: str, fits: bool) -> None:
    assert _fits(topic, key, wanted, found) is fits


def test_differences_are_a_table_with_aligned_columns() -> None:
    text = table(
        [Difference("p.raw", "partitions", "4", "12"), Difference("p.articles", "topic", "present", "missing")]
    )
    assert text.splitlines() == [
        "TOPIC       WHAT        WANTED   FOUND",
        "p.raw       partitions  4        12",
        "p.articles  topic       present  missing",
    ]
