"""Shared fixtures: one real Kafka for the whole test run, and names of its own for each test.

Nothing here is fixed: ports are free ones, data folders are temporary, topics carry a random prefix. Two test runs
on one machine, and tests in any order, do not meet.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

from cluster import Cluster
from harness import Topics, Workers
from lodestream.kafka.archive import prepare
from lodestream.kafka.embedded import EmbeddedKafka
from lodestream.settings import Settings, load

# No deadlines: two busy cores make a slow example of any. CI tries the same examples each time, people new ones.
hypothesis.settings.register_profile("lodestream", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("lodestream")

# A run in the background of a script ignores Ctrl-C, and so would all that it starts, which the tests send one to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests do not reach them; only the broker's cache folder may be theirs."""
    for name in os.environ:
        if name.startswith("LODESTREAM_") and name != "LODESTREAM_BROKER_CACHE":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def ended_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test ends the processes that it starts. Where one does not, and where it fails half way, they end here."""
    # A look at all processes takes milliseconds, and brokers of the cluster that were started again stay.
    if request.path.parent.name not in ("integration", "faults") or "cluster" in request.fixturenames:
        yield
        return
    own = psutil.Process()
    before = set(own.children())
    yield
    left = [child for child in own.children() if child not in before and child.status() != psutil.STATUS_ZOMBIE]
    for child in left:
        child.terminate()  # the demo and the supervisor end their own with it
    for child in psutil.wait_procs(left, 20)[1]:
        child.kill()
    assert left == []


@pytest.fixture(scope="session")
def prepared_broker() -> None:
    """Jars and archive of the broker are in the user's cache: for tests that start brokers of their own."""
    prepare()


@pytest.fixture(scope="session")
def kafka(prepared_broker: None) -> Iterator[EmbeddedKafka]:  # noqa: ARG001 - for its effect
    """A running broker, shared by all tests. A test that kills or fills a broker starts one of its own."""
    with EmbeddedKafka() as broker:
        yield broker


@pytest.fixture
def prefix() -> str:
    """A topic prefix that no other test uses: `t-1f2e3d4c.`."""
    return f"t-{uuid.uuid4().hex[:8]}."


@pytest.fixture
def settings(kafka: EmbeddedKafka, prefix: str) -> Settings:
    """Settings of a deployment of the test's own on the shared broker."""
    return load(bootstrap_servers=kafka.bootstrap_servers, topic_prefix=prefix, http_port=0)


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[Workers]:
    """Starts worker processes of the test's deployment; ends those that still run."""
    some = Workers(settings, tmp_path)
    yield some
    some.end()


@pytest.fixture
def topics(settings: Settings) -> Topics:
    """The topics of the test's deployment, filled and read from outside the service."""
    return Topics(settings)


@pytest.fixture(scope="session")
def running_cluster(prepared_broker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:  # noqa: ARG001 - for its effect
    some = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        some.start()
        yield some
    finally:
        some.end()


@pytest.fixture
def cluster(running_cluster: Cluster) -> Iterator[Cluster]:
    """Three brokers behind proxies, shared by the tests that need them; whole again after each."""
    yield running_cluster
    running_cluster.heal()
