"""Faults of workers and of their groups."""

from __future__ import annotations

import contextlib
import random
import resource
import subprocess
import time
from typing import Final

import psutil

from crew import AGENTS, Post, children
from faults import AGAIN_SECONDS, Made, Scene, fault
from lodestream.topics import ARTICLES, ENRICHED, ORIGINALS
from proxy import Mode

WRITES: Final = {"clean": ARTICLES, "dedupe": ORIGINALS, "tag": ENRICHED}
SESSION_SECONDS: Final = 4.0
START_SECONDS: Final = 20.0
STARVE_SECONDS: Final = 8.0
PARTITIONS: Final = 4
RESTORE_DELAY_SECONDS: Final = 0.4
# What Kafka's client, or the worker, says to one whose place in the group another took with the same static id.
MET: Final = ("not recognized", "refuses this worker", "fenced out")
MIB: Final = 1 << 20


def _agent(schedule: random.Random) -> str:
    return schedule.choice(AGENTS)


def _worker(scene: Scene, schedule: random.Random) -> Post:
    return schedule.choice(scene.crew.staying)


@fault("worker", 3)
def kill_in_a_transaction(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL while a transaction is open on the topic that the worker writes to."""
    agent = _agent(schedule)
    inside = scene.in_transaction(WRITES[agent], AGAIN_SECONDS)
    victim = schedule.choice(scene.crew.of(agent))
    scene.crew.kill(victim)
    return Made(f"{victim.name}{'' if inside else ', no transaction seen'}", inside)


@fault("worker", 2)
def kill_after_a_commit(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL as soon as a commit shows and no transaction is open: before the next batch."""
    agent = _agent(schedule)
    seen = scene.after_commit(WRITES[agent])
    victims = scene.crew.of(agent)
    scene.crew.kill(*victims)  # any of them may be the one that committed
    return Made(f"{', '.join(each.name for each in victims)}{'' if seen else ', no commit seen'}", seen)


@fault("worker", 2)
def kill_while_restoring(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL to a successor that says, on `readyz`, that it restores its partitions; a slow network gives us time."""
    crew = scene.crew
    agent = schedule.choice(["dedupe", "dedupe", "tag"])
    victim = schedule.choice(crew.of(agent))
    crew.kill(victim)
    scene.cluster.proxies.switch(Mode.DELAY, RESTORE_DELAY_SECONDS)
    said = "never ready"
    until = time.monotonic() + 2 * START_SECONDS
    while time.monotonic() < until:
        crew.look_after()
        answer = crew.ask_health(victim, "readyz")
        if answer is not None and ("restoring" in answer[1] or answer[0] == 200):
            said = answer[1].strip()
            break
        time.sleep(0.01)
    crew.kill(victim)
    scene.cluster.proxies.heal(late=True)
    return Made(f"{victim.name}, {said}", "restoring" in said)


@fault("worker", 2)
def sigterm(scene: Scene, schedule: random.Random) -> Made:
    """SIGTERM: it must finish what it has begun and end with 0."""
    scene.cluster.wait()
    victim = _worker(scene, schedule)
    until = time.monotonic() + START_SECONDS
    while not scene.crew.is_ready(victim) and time.monotonic() < until:
        scene.crew.wait(0.2)
    flows = scene.wait_for_flow() and scene.crew.is_ready(victim)
    process = victim.process
    scene.crew.ask(victim, calm=flows)
    _wait_until_replaced(scene, victim, process)
    return Made(victim.name, flows)


@fault("worker", 3)
def zombie(scene: Scene, schedule: random.Random) -> Made:
    """SIGSTOP until another has taken over what it had; SIGCONT, and it goes on writing."""
    crew = scene.crew
    agent = _agent(schedule)
    victim = schedule.choice(crew.of(agent))
    inside = scene.in_transaction(WRITES[agent], AGAIN_SECONDS)
    began = time.monotonic()
    crew.freeze(victim)
    substitute = crew.add(agent) if len(crew.of(agent)) == 1 else None
    others = [each for each in crew.of(agent) if each is not victim]
    before = sum(map(crew.assignments, others))
    crew.wait(SESSION_SECONDS)
    until = time.monotonic() + START_SECONDS
    while (assigned := sum(map(crew.assignments, others))) <= before and time.monotonic() < until:
        crew.wait(0.2)
    crew.wait(schedule.uniform(0, 3))
    crew.thaw(victim)
    if substitute is not None:
        crew.wait(1)
        crew.dismiss(victim if schedule.random() < 0.5 else substitute)
    said = "in a transaction" if inside else "no transaction seen"
    return Made(f"{victim.name}, {said}, {time.monotonic() - began:.1f} s", assigned > before)


@fault("worker", 2)
def out_of_memory(scene: Scene, schedule: random.Random) -> Made:
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
    said = "goes on" if code is None else f"ended with {code}"
    return Made(f"{victim.name}, {slack} MiB left, {said}", code is not None)


@fault("worker", 1)
def start_without_memory(scene: Scene, schedule: random.Random) -> Made:
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
    return Made(f"{extra.name}, {limit} MiB, {'lives' if code is None else f'ended with {code}'}", code is not None)


@fault("group", 2)
def all_agents_at_once(scene: Scene, schedule: random.Random) -> Made:
    """SIGKILL to every worker in the same moment."""
    topic = schedule.choice(list(WRITES.values()))
    inside = scene.in_transaction(topic)
    scene.crew.kill(*scene.crew.staying)
    return Made(f"a transaction on {topic}" if inside else "no transaction seen")


@fault("group", 1)
def joining_and_leaving(scene: Scene, schedule: random.Random) -> Made:
    """Workers join and leave, a rebalance before the last one is over."""
    extra, joined = [], 0
    for _ in range(3):
        extra.append(scene.crew.add(_agent(schedule)))
        scene.crew.wait(schedule.uniform(2, 6))
        joined += scene.crew.runs(extra[-1])
        if len(extra) == 2:  # two in the group, or on their way into it
            scene.crew.dismiss(extra[0], kill=schedule.random() < 0.5)
    _wait_until_running(scene, extra[1:])
    joined += sum(map(scene.crew.runs, extra[1:]))
    for each in extra[1:]:
        scene.crew.dismiss(each, kill=schedule.random() < 0.5)
    return Made(", ".join(each.name for each in extra), joined > 1)


@fault("group", 0.7)
def more_workers_than_partitions(scene: Scene, schedule: random.Random) -> Made:
    """One agent gets more workers than its input has partitions; then they leave, in one way or the other."""
    agent = _agent(schedule)
    extra = [scene.crew.add(agent) for _ in range(PARTITIONS + 1 - len(scene.crew.of(agent)))]
    joined = _wait_until_running(scene, extra)
    scene.crew.wait(schedule.uniform(0, 3))
    for each in extra:
        scene.crew.dismiss(each, kill=schedule.random() < 0.5)
    return Made(f"{agent}, {PARTITIONS + 1} workers", joined)


@fault("group", 0.5)
def one_worker_for_everything(scene: Scene, schedule: random.Random) -> Made:
    """All go; one with all three agents takes their place for a while, and is killed."""
    crew = scene.crew
    agents = [post.agents for post in crew.staying]
    for post in crew.staying:
        crew.dismiss(post, kill=True)
    alone = crew.add()
    flows = scene.wait_for_flow(3 * START_SECONDS)
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
    return Made(f"{alone.name}, {'killed' if kill else 'asked to stop'}", flows)


@fault("group", 0.7)
def rolling_restart(scene: Scene, schedule: random.Random) -> Made:
    """Every worker is asked to stop and started again, one after the other."""
    crew = scene.crew
    posts = crew.staying
    schedule.shuffle(posts)
    replaced = 0
    for post in posts:
        process = post.process
        crew.ask(post)
        replaced += _wait_until_replaced(scene, post, process)
    return Made(f"{replaced} of {len(posts)} workers", replaced == len(posts))


@fault("group", 1)
def same_instance_id_twice(scene: Scene, schedule: random.Random) -> Made:
    """Two more workers of an agent with the same static id: they fence each other."""
    agent = _agent(schedule)
    twins = [scene.crew.add(agent, LODESTREAM_INSTANCE_ID="twin") for _ in range(2)]

    def met() -> bool:
        return any(sign in scene.crew.all_output(each) for each in twins for sign in MET)

    until = time.monotonic() + 2 * START_SECONDS
    while not met() and time.monotonic() < until:
        scene.crew.wait(0.2)
    scene.crew.wait(schedule.uniform(0, 5))
    for each in twins:
        scene.crew.dismiss(each, kill=schedule.random() < 0.5)
    return Made(agent, met())


def _wait_until_replaced(scene: Scene, post: Post, process: subprocess.Popen[bytes]) -> bool:
    """Until another stands in its place, for a while at most; whether one does."""
    until = time.monotonic() + 2 * START_SECONDS
    while post.process is process and time.monotonic() < until:
        scene.crew.wait(0.1)
    return post.process is not process


def _wait_until_running(scene: Scene, posts: list[Post]) -> bool:
    """Until they have been given partitions, for a while at most; whether they all were."""
    until = time.monotonic() + 2 * START_SECONDS
    while time.monotonic() < until and not all(map(scene.crew.runs, posts)):
        scene.crew.wait(0.2)
    return all(map(scene.crew.runs, posts))
