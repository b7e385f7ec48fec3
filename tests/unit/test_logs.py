"""What a line of the log holds, and what it never holds."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from aiokafka.errors import GroupCoordinatorNotAvailableError, TopicAuthorizationFailedError
from pydantic import SecretStr

from lodestream import __version__
from lodestream.errors import BrokerError
from lodestream.logs import MASK, configure, effective, log_settings
from lodestream.settings import Settings, load

BODY = "The minister resigned on Tuesday"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Log:
    """Configures logging to a stream of its own and reads back what was written."""

    def __init__(self, **settings: Any) -> None:
        self.stream = io.StringIO()
        configure(load(**settings), agent="clean", stream=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.root
    hooks = (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("aiokafka", "asyncio", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def fail(error: Exception) -> None:
    raise error


def test_a_line_is_json_with_time_level_place_and_context() -> None:
    log = Log()
    structlog.get_logger("lodestream.engine").info("lane started", partition=3)
    (line,) = log.lines
    at = datetime.fromisoformat(line.pop("timestamp"))
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert line == {
        "event": "lane started",
        "level": "info",
        "logger": "lodestream.engine",
        "partition": 3,
        "service": "lodestream",
        "version": __version__,
        "agent": "clean",
        "pid": os.getpid(),
    }


def test_loggers_of_the_standard_library_give_the_same_lines() -> None:
    log = Log()
    logging.getLogger("some.library").warning("disk is %d %% full", 91)
    (line,) = log.lines
    assert line["event"] == "disk is 91 % full"
    assert (line["level"], line["logger"], line["agent"]) == ("warning", "some.library", "clean")


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_json_unless_on_a_terminal(log_format: str, stream: type[io.StringIO], *, is_json: bool) -> None:
    target = stream()
    configure(load(log_format=log_format), stream=target)
    structlog.get_logger("x").info("hello", n=1)
    assert target.getvalue().startswith("{") is is_json
    assert "hello" in target.getvalue()


def test_the_level_holds_for_our_loggers_and_the_libraries_start_at_warnings() -> None:
    log = Log(log_level="info")
    structlog.get_logger("lodestream").debug("no")
    structlog.get_logger("lodestream").info("yes")
    logging.getLogger("faust.app").info("no")
    logging.getLogger("mode.services").warning("yes")
    assert [line["event"] for line in log.lines] == ["yes", "yes"]
    log = Log(log_level="debug")
    logging.getLogger("faust.app").debug("detail")
    assert [line["event"] for line in log.lines] == ["detail"]
    log = Log(log_level="error")
    logging.getLogger("mode.services").warning("no")
    assert log.lines == []


def logged_by_us(error: Exception) -> None:
    structlog.get_logger("lodestream").error("failed", exc_info=error)


def logged_by_a_library(error: Exception) -> None:
    logging.getLogger("mode.services").error("Crashed reason=%r", error, exc_info=error)


def logged_by_another_library(error: Exception) -> None:
    logging.getLogger("some.library").error("crashed", exc_info=error)


LOGGED_BY: list[Callable[[Exception], None]] = [logged_by_us, logged_by_a_library, logged_by_another_library]


@pytest.mark.parametrize("logged", LOGGED_BY)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_given_by_type_and_place_without_its_text(
    log_format: str, logged: Callable[[Exception], None]
) -> None:
    log = Log(log_format=log_format)
    try:
        try:
            fail(ValueError(BODY))
        except ValueError as error:
            raise KeyError(BODY) from error
    except KeyError as error:
        logged(error)
    assert BODY not in log.text
    assert "KeyError" in log.text
    assert "ValueError" in log.text
    assert "test_logs.py" in log.text
    if log_format == "json":
        (line,) = log.lines
        assert line["exception"]["type"] == "KeyError"
        assert line["exception"]["cause"]["type"] == "ValueError"
        assert line["exception"]["cause"]["places"][-1].endswith(" fail")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (BrokerError("no Java found"), "no Java found"),
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (TopicAuthorizationFailedError("lodestream.raw"), "[Error 29] TopicAuthorizationFailedError: lodestream.raw"),
    ],
)
def test_the_text_stands_where_its_type_is_meant_for_the_operator(error: Exception, text: str) -> None:
    log = Log()
    logged_by_us(error)
    assert log.lines[0]["exception"]["text"] == text


def test_an_unfetched_task_exception_does_not_bring_its_text_into_the_log() -> None:
    log = Log()

    async def body() -> None:
        raise ValueError(BODY)

    async def drop_a_failed_task() -> None:
        task = asyncio.create_task(body())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    asyncio.run(drop_a_failed_task())
    assert BODY not in log.text
    (line,) = log.lines
    assert line["event"] == "Task exception was never retrieved"
    assert line["exception"]["type"] == "ValueError"


def test_bytes_and_long_messages_of_libraries_are_cut() -> None:
    log = Log()
    logging.getLogger("aiokafka.conn").warning("cannot read %r", BODY.encode() * 100)
    logging.getLogger("faust").warning("%s", "x" * 10_000)
    first, second = log.lines
    assert first["event"] == f"cannot read '<{len(BODY) * 100} bytes>'"
    assert len(second["event"]) == 500


def test_an_error_that_a_library_retries_is_a_warning_and_said_once() -> None:
    log = Log()
    for _ in range(5):
        logging.getLogger("aiokafka.consumer.group_coordinator").error(
            "Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError()
        )
    logging.getLogger("aiokafka.consumer.group_coordinator").error(
        "Group Coordinator Request failed: %s", TopicAuthorizationFailedError()
    )
    assert [line["level"] for line in log.lines] == ["warning", "error"]


def test_our_own_lines_are_never_held_back() -> None:
    log = Log()
    for _ in range(3):
        structlog.get_logger("lodestream").warning("same")
    assert len(log.lines) == 3


def test_values_that_json_does_not_know_do_not_break_the_line_nor_show_their_content() -> None:
    log = Log()
    structlog.get_logger("lodestream").info("odd", secret=SecretStr("hunter2"), raw=BODY.encode(), text="\ud800")
    (line,) = log.lines
    assert (line["secret"], line["raw"]) == ("<SecretStr>", "<bytes>")


def test_warnings_of_python_become_lines() -> None:
    log = Log()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old api", DeprecationWarning, stacklevel=1)
    assert "old api" in log.lines[0]["event"]
    assert log.lines[0]["level"] == "warning"


def test_context_variables_are_on_the_line() -> None:
    log = Log()
    structlog.contextvars.bind_contextvars(partition=2)
    structlog.get_logger("lodestream").info("x")
    assert log.lines[0]["partition"] == 2


def test_configuring_again_replaces_the_first_time() -> None:
    first = Log()
    second = Log()
    structlog.get_logger("lodestream").info("x")
    assert (len(first.lines), len(second.lines)) == (0, 1)


def test_secrets_are_masked_in_the_effective_settings() -> None:
    settings = load(sasl_password=SecretStr("hunter2"), sasl_username="clean")
    shown = effective(settings)
    assert shown["sasl_password"] == MASK
    assert shown["sasl_username"] == "clean"
    assert shown.keys() == Settings.model_fields.keys()
    assert effective(load())["sasl_password"] is None
    log = Log()
    log_settings(settings)
    assert "hunter2" not in log.text
    assert log.lines[0]["settings"] == json.loads(json.dumps(shown))


@pytest.mark.parametrize("where", ["raise", "thread"])
def test_an_uncaught_exception_is_one_line_without_its_text_and_the_exit_code_stays(where: str) -> None:
    code = {
        "raise": f"raise ValueError({BODY!r})",
        "thread": f"import threading; t = threading.Thread(target=lambda: int({BODY!r})); t.start(); t.join()",
    }[where]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from lodestream import logs, settings; logs.configure(settings.load()); {code}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if where == "raise" else 0)
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (line["level"], line["exception"]["type"]) == ("critical", "ValueError")
    assert BODY not in done.stderr
