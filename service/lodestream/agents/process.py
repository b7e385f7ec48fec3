"""One agent as one process: settings to engine, metrics and health up before the consumer starts."""

from __future__ import annotations

import structlog

from lodestream.agents import INPUTS, OUTPUTS, STEP_RECORDS, UPSTREAM, steps
from lodestream.engine.config import EngineConfig
from lodestream.engine.process import run_engine
from lodestream.engine.runtime import Engine
from lodestream.http.server import Health, HttpServer
from lodestream.kafka.clients import client_arguments
from lodestream.metrics import Metrics, new_registry
from lodestream.settings import Settings
from lodestream.topics import DEAD_LETTERS, LETTER_MAX_BYTES, MESSAGE_MAX_BYTES, RAW, changelog_of

log = structlog.get_logger(__name__)


def engine_config(agent: str, settings: Settings, number: int = 0) -> EngineConfig:
    """What the engine needs of the settings. `number` tells processes of the same agent apart."""
    instance = None if settings.instance_id is None else f"{settings.instance_id}-{agent}-{number}"
    return EngineConfig(
        agent=agent,
        prefix=settings.topic_prefix,
        group=settings.group(agent),
        input=settings.topic(INPUTS[agent]),
        changelog=settings.topic(changelog_of(agent)),
        outputs=OUTPUTS[agent],
        dead_letters=DEAD_LETTERS,
        client=client_arguments(settings),
        upstream=UPSTREAM.get(agent) and settings.topic(UPSTREAM[agent]),
        instance_id=instance,
        state_folder=settings.state_folder,
        snapshot_interval=settings.snapshot_interval_seconds,
        session_timeout=settings.session_timeout_seconds,
        transaction_timeout=settings.transaction_timeout_seconds,
        watchdog_seconds=settings.watchdog_seconds,
        commit_interval=settings.commit_interval_ms / 1000,
        batch_records=settings.batch_max_records,
        batch_bytes=settings.batch_max_bytes,
        batch_seconds=settings.batch_max_seconds,
        step_records=STEP_RECORDS[agent],
        queue_bytes=settings.lane_queue_bytes,
        entrance=INPUTS[agent] == RAW,
        output_bytes=MESSAGE_MAX_BYTES,
        letter_bytes=LETTER_MAX_BYTES,
        breaker_run=settings.dead_letter_run_limit,
        breaker_ratio=settings.dead_letter_ratio_limit,
        hold_transaction=settings.hold_transaction_seconds,
    )


def run_agent(agent: str, settings: Settings, *, number: int = 0, port: int | None = None) -> int:
    """Run an agent until SIGTERM; the exit code of the process. `port`: of HTTP, default from the settings."""
    registry = new_registry()
    metrics = Metrics(registry, agent)
    new_step = steps(agent, settings)
    engine: Engine | None = None

    def live() -> Health:
        return Health(True, "starting") if engine is None else Health(*engine.live())

    def ready() -> Health:
        return Health(False, "starting") if engine is None else Health(*engine.ready())

    def status() -> dict[str, object]:
        return {"agent": agent, "live": live()._asdict(), "ready": ready()._asdict()}

    def build() -> Engine:
        nonlocal engine
        engine = Engine(engine_config(agent, settings, number), new_step, metrics)
        return engine

    server = HttpServer(
        settings.http_host,
        settings.http_port if port is None else port,
        registry=registry,
        live=live,
        ready=ready,
        status=status,
    )
    server.start()
    log.info("worker", agent=agent, number=number, http_port=server.port)
    try:
        return run_engine(build)
    finally:
        server.stop()
