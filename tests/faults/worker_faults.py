"""Faults of workers and of their groups."""

from __future__ import annotations

import contextlib
import random
import resource
import time
from typing import Final

import psutil

from crew import AGENTS, Post, children
from faults import Scene, fault
from lodestream.topics import ARTICLES, ENRICHED, ORIGINALS

WRITES: Final = {"clean": ARTICLES, "dedupe": ORIGINALS, "tag": ENRICHED}
SESSION_SECONDS: Final = 4.0
START_SECONDS: Final = 20.0
STARVE_SECONDS: Final = 8.0
PARTITIONS: Final = 4
MIB: Final = 1 << 20


def _agent(schedule: random.Random) -> str:
    return schedule.choice(AGENTS)


def _worker(scene: Scene, schedule: random.Random) -> Post:
    return schedule.choice(scene.crew.staying)


@fault("worker", 3)
def kill_in_a_transaction(scene: Scene, schedule: random.Random) -> str:
    """SIGKILL while a transaction is open on the topic that the worker writes to."""
    agent = _agent(schedule)
    inside = scene.in_transaction(WRITES[agent])
    victim = schedule.choice(scene.crew.of(agent))
    scene.crew.kill(victim)
    return f"{victim.name}{'' if inside else ', no transaction seen'}"


@fault("worker", 2)
def kill_after_a_commit(scene: Scene, schedule: random.Random) -> str:
    """SIGKILL as soon as a commit shows and no transaction is open: before the next batch."""
    agent = _agent(schedule)
    seen = scene.after_commit(WRITES[agent])
    victims = scene.crew.of(agent)
    scene.crew.kill(*victims)  # any of them may be the one that committed
    return f"{', '.join(each.name for each in victims)}{'' if seen else ', no commit seen'}"


@fault("worker", 2)
def kill_while_restoring(scene: Scene, schedule: random.Random) -> str:
    """SIGKILL to a successor that says, on `readyz`, that it restores its partitions."""
    crew = scene.crew
    agent = schedule.choice(["dedupe", "dedupe", "tag"])
    victim = schedule.choice(crew.of(agent))
    crew.kill(victim)
    crew.wait(0.3)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        crew.look_after()
        answer = crew.ask_health(victim, "readyz")
        if answer is not None and ("restoring" in answer[1] or answer[0] == 200):
            crew.kill(victim)
            return f"{victim.name}, {answer[1].strip()}"
        time.sleep(0.01)
    crew.kill(victim)
    return f"{victim.name}, not restoring in time"


@fault("worker", 2)
def sigterm(scene: Scene, schedule: random.Random) -> str:
    """SIGTERM: it must finish what it has begun and end with 0."""
    victim = _worker(scene, schedule)
    scene.crew.ask(victim)
    return victim.name


@fault("worker", 3)
def zombie(scene: Scene, schedule: random.Random) -> str:
    """SIGSTOP for longer than the session, so that another takes over; SIGCONT, and it goes on writing."""
    agent = _agent(schedule)
    scene.in_transaction(WRITES[agent])
    victim = schedule.choice(scene.crew.of(agent))
    scene.crew.freeze(victim)
    substitute = None
    if len(scene.crew.of(agent)) == 1:
        substitute = scene.crew.add(agent)
    seconds = SESSION_SECONDS + schedule.uniform(1, 4)
    scene.crew.wait(seconds)
    scene.crew.thaw(victim)
    if substitute is not None:
        scene.crew.wait(1)
        scene.crew.dismiss(victim if schedule.random() < 0.5 else substitute)
    return f"{victim.name}, {seconds:.1f} s"


@fault("worker", 2)
def out_of_memory(scene: Scene, schedule: random.Random) -> str:
    """RLIMIT_AS of a running worker at what it has, or a little more: the next allocation fails."""
    victim = _worker(scene, schedule)
    slack = schedule.choice([0, 0, 1, 4])
    victim.starved = True
    process = victim.process
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        limit = psutil.Process(process.pid).memory_info().vms + slack * MIB
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    until = time.monotonic() + STARVE_SECONDS
    while process.poll() is None and time.monotonic() < until:
        scene.crew.wait(0.2)
    code = process.poll()
    if code is None:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return f"{victim.name}, {slack} MiB left, {'goes on' if code is None else f'ended with {code}'}"


@fault("worker", 1)
def start_without_memory(scene: Scene, schedule: random.Random) -> str:
    """A worker joins whose RLIMIT_AS does not let it get far: at import, at start, or in the group."""
    extra = scene.crew.add(_agent(schedule))
    extra.starved = True
    limit = schedule.randint(120, 380)
    resource.prlimit(extra.process.pid, resource.RLIMIT_AS, (limit * MIB, resource.RLIM_INFINITY))
    extra.leaving = True  # once it has ended it is not replaced
    until = time.monotonic() + STARVE_SECONDS
    process = extra.process
    while process.poll() is None and time.monotonic() < until:
        scene.crew.wait(0.2)
    code = process.poll()
    if code is None:
        scene.crew.kill(extra)
    return f"{extra.name}, {limit} MiB, {'lives' if code is None else f'ended with {code}'}"


@fault("group", 2)
def all_agents_at_once(scene: Scene, schedule: random.Random) -> str:
    """SIGKILL to every worker in the same moment."""
    scene.in_transaction(schedule.choice(list(WRITES.values())))
    scene.crew.kill(*scene.crew.staying)
    return ""


@fault("group", 1)
def joining_and_leaving(scene: Scene, schedule: random.Random) -> str:
    """Workers join and leave, a rebalance before the last one is over."""
    names = []
    for _ in range(3):
        extra = scene.crew.add(_agent(schedule))
        names.append(extra.name)
        scene.crew.wait(schedule.uniform(1.5, 4))
        scene.crew.dismiss(extra, kill=schedule.random() < 0.5)
    return ", ".join(names)


@fault("group", 0.7)
def more_workers_than_partitions(scene: Scene, schedule: random.Random) -> str:
    """One agent gets more workers than its input has partitions; then they leave, in one way or the other."""
    agent = _agent(schedule)
    extra = [scene.crew.add(agent) for _ in range(PARTITIONS + 1 - len(scene.crew.of(agent)))]
    _wait_until_running(scene, extra)
    scene.crew.wait(schedule.uniform(0, 3))
    for each in extra:
        scene.crew.dismiss(each, kill=schedule.random() < 0.5)
    return f"{agent}, {PARTITIONS + 1} workers"


@fault("group", 0.5)
def one_worker_for_everything(scene: Scene, schedule: random.Random) -> str:
    """All go; one with all three agents takes their place for a while, and is killed."""
    crew = scene.crew
    agents = [post.agents for post in crew.staying]
    for post in crew.staying:
        crew.dismiss(post, kill=True)
    alone = crew.add()
    scene.wait_for_flow()
    kill = schedule.random() < 0.5
    below = children(alone)
    crew.dismiss(alone, kill=kill)
    for each in agents:
        crew.add(*each)
    if kill:  # its agents notice that it is gone and stop by themselves: they must not be left behind
        _, left = psutil.wait_procs(below, timeout=60)
        for process in left:
            crew.wrong.append(f"process {process.pid} has outlived {alone.name}")
            process.kill()
    return f"{alone.name}, {'killed' if kill else 'asked to stop'}"


@fault("group", 0.7)
def rolling_restart(scene: Scene, schedule: random.Random) -> str:
    """Every worker is asked to stop and started again, one after the other."""
    crew = scene.crew
    posts = crew.staying
    schedule.shuffle(posts)
    for post in posts:
        process = post.process
        crew.ask(post)
        until = time.monotonic() + START_SECONDS
        while post.process is process and time.monotonic() < until:
            crew.wait(0.1)
    return f"{len(posts)} workers"


@fault("group", 1)
def same_instance_id_twice(scene: Scene, schedule: random.Random) -> str:
    """Two more workers of an agent with the same static id: they fence each other."""
    agent = _agent(schedule)
    twins = [scene.crew.add(agent, LODESTREAM_INSTANCE_ID="twin") for _ in range(2)]
    scene.crew.wait(START_SECONDS / 4 + schedule.uniform(0, 5))
    for each in twins:
        scene.crew.dismiss(each, kill=schedule.random() < 0.5)
    return agent


def _wait_until_running(scene: Scene, posts: list[Post]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and not all(scene.crew.runs(post) for post in posts):
        scene.crew.wait(0.2)
