"""Faults of brokers, and of the network between them and clients."""

from __future__ import annotations

import random
import time
from typing import Final

from cluster import BROKERS
from crew import AGENTS
from faults import Made, Scene, fault
from lodestream.agents import INPUTS
from lodestream.topics import ARTICLES, ENRICHED, ORIGINALS, RAW
from proxy import Mode

PARTITIONS: Final = 4
COMMIT_SECONDS: Final = 3.0  # within which some commit can be lost
OUTCOME_SECONDS: Final = 10.0  # longer than a worker waits for the outcome of a commit


@fault("broker", 2)
def kill_the_leader(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL to the leader of a partition; it comes back after a while."""
    scene.cluster.wait()
    topic, partition = schedule.choice([RAW, ARTICLES, ORIGINALS, ENRICHED]), schedule.randrange(PARTITIONS)
    scene.in_transaction(ARTICLES)
    return _kill(scene, schedule, scene.cluster.leader(scene.topics.settings.topic(topic), partition), topic)


@fault("broker", 2)
def kill_the_transaction_coordinator(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL to the broker that coordinates the transactions of a worker's partition."""
    scene.cluster.wait()
    agent, partition = schedule.choice(AGENTS), schedule.randrange(PARTITIONS)
    settings = scene.topics.settings
    transactional_id = f"{settings.group(agent)}-{settings.topic(INPUTS[agent])}-{partition}"
    scene.in_transaction(ARTICLES)
    return _kill(scene, schedule, scene.cluster.transaction_coordinator(transactional_id), transactional_id)


@fault("broker", 1)
def kill_the_group_coordinator(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL to the broker that coordinates an agent's group and keeps its offsets."""
    scene.cluster.wait()
    agent = schedule.choice(AGENTS)
    return _kill(scene, schedule, scene.cluster.group_coordinator(scene.topics.settings.group(agent)), agent)


def _kill(scene: Scene, schedule: random.Random, broker: int | None, whose: str) -> Made:
    at = schedule.randrange(BROKERS) if broker is None else broker
    scene.cluster.kill(at)
    seconds = schedule.uniform(1, 5)
    scene.crew.wait(seconds)
    scene.cluster.restart_soon(at)
    return Made(f"broker {at} ({whose}), {seconds:.1f} s", happened=broker is not None)


@fault("broker", 0.2)
def no_quorum(scene: Scene, schedule: random.Random) -> Made:
    """Two of three brokers are killed and stay away for a minute: nothing can be written, nobody is elected."""
    scene.cluster.wait()
    some = schedule.sample(range(BROKERS), 2)
    scene.cluster.kill(*some)
    scene.crew.wait(60)
    scene.cluster.restart_soon(*some)
    _wait_for_brokers(scene)
    return Made(f"brokers {some}, 60 s")


@fault("broker", 0.5)
def restart_of_all(scene: Scene, schedule: random.Random) -> Made:
    """All brokers: killed in the same moment, or stopped and started one after the other."""
    scene.cluster.wait()
    if schedule.random() < 0.5:
        scene.cluster.kill(*range(BROKERS))
        scene.crew.wait(1)
        scene.cluster.restart_soon(*range(BROKERS))
        _wait_for_brokers(scene)
        return Made("killed at once")
    for at in range(BROKERS):
        scene.cluster.shut_down(at)
        scene.cluster.restart_soon(at)
        _wait_for_brokers(scene)
    return Made("one after the other")


def _wait_for_brokers(scene: Scene) -> None:
    while scene.cluster.starting():
        scene.crew.wait(0.2)
    scene.cluster.wait()


@fault("broker", 2)
def slow_broker(scene: Scene, schedule: random.Random) -> Made:
    """SIGSTOP for seconds, around the time after which the controller takes a broker for dead."""
    scene.cluster.wait()
    at, seconds = schedule.randrange(BROKERS), schedule.uniform(1, 8)
    scene.cluster.stop(at)
    scene.crew.wait(seconds)
    scene.cluster.go_on(at)
    return Made(f"broker {at}, {seconds:.1f} s")


@fault("network", 2)
def delay(scene: Scene, schedule: random.Random) -> Made:
    """Every byte between clients and brokers comes later, each way."""
    seconds, lasts = schedule.uniform(0.05, 1), schedule.uniform(3, 8)
    only = _brokers(schedule)
    scene.cluster.proxies.switch(Mode.DELAY, seconds, only)
    scene.crew.wait(lasts)
    scene.cluster.proxies.heal(late=True)
    return Made(f"{seconds:.2f} s, brokers {only}, {lasts:.1f} s")


@fault("network", 2)
def cut(scene: Scene, schedule: random.Random) -> Made:
    """All connections to some brokers are reset, new ones refused."""
    scene.in_transaction(ARTICLES)
    only, lasts = _brokers(schedule), schedule.uniform(0.1, 8)
    scene.cluster.proxies.switch(Mode.CUT, only=only)
    scene.crew.wait(lasts)
    scene.cluster.proxies.heal()
    return Made(f"brokers {only}, {lasts:.1f} s")


@fault("network", 3)
def half_open(scene: Scene, schedule: random.Random) -> Made:
    """Connections stay open, but nothing arrives, one way or both; in the end they are reset, or it all comes late."""
    scene.in_transaction(ARTICLES)
    mode = schedule.choice([Mode.SILENT, Mode.SILENT_UP, Mode.SILENT_DOWN])
    only, lasts, late = _brokers(schedule), schedule.uniform(1, 11), schedule.random() < 0.5
    scene.cluster.proxies.switch(mode, only=only)
    scene.crew.wait(lasts)
    scene.cluster.proxies.heal(late=late)
    return Made(f"{mode}, brokers {only}, {lasts:.1f} s, then {'late' if late else 'reset'}")


@fault("network", 2)
def committed_but_not_told(scene: Scene, schedule: random.Random) -> Made:
    """Brokers commit a transaction; their answer never comes."""
    return _lose(scene, schedule, Mode.LOSE_ANSWERS)


@fault("network", 2)
def not_committed_and_not_told(scene: Scene, schedule: random.Random) -> Made:
    """A commit is lost on its way; no answer comes."""
    return _lose(scene, schedule, Mode.LOSE_COMMITS)


def _lose(scene: Scene, schedule: random.Random, mode: Mode) -> Made:
    proxies = scene.cluster.proxies
    before = proxies.lost
    proxies.switch(mode)
    until = time.monotonic() + COMMIT_SECONDS
    while proxies.lost == before and time.monotonic() < until:
        scene.crew.wait(0.01)
    lasts = schedule.choice([schedule.uniform(0, 2), OUTCOME_SECONDS])
    scene.crew.wait(lasts)
    lost = proxies.lost - before
    proxies.heal()
    return Made(f"{lost} commits, {lasts:.1f} s", happened=lost > 0)


def _brokers(schedule: random.Random) -> list[int]:
    """All of them, or one."""
    return list(range(BROKERS)) if schedule.random() < 0.5 else [schedule.randrange(BROKERS)]
