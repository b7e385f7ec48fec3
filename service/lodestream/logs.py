"""Logs: structlog, JSON lines on stderr unless it is a terminal; the libraries' loggers go the same way.

A line says what happened, never what a record holds. An exception is given by type and place; its text only
where its type is known to quote no record (`_text`).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from lodestream import __version__
from lodestream.errors import LodestreamError
from lodestream.settings import Settings, unknown

MASK: Final = "********"
LIBRARIES: Final = ("aiokafka", "asyncio", "faust", "mode")
REPEAT_SECONDS: Final = 10.0  # a library that retries every 100 ms says the same at most so often
MESSAGE_MAX: Final = 500  # characters of a library's message: its reprs of messages and buffers are cut
FRAMES: Final = 8  # innermost frames of an exception: the place, and how it was reached


def configure(settings: Settings, *, agent: str | None = None, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (default: stderr). Can be called again; the last call counts.

    Replaces the root logger's handlers. A Faust `Worker` would put its own in their place: give it
    `override_logging=False`.
    """
    target = sys.stderr if stream is None else stream
    console = settings.log_format == "console" or (settings.log_format == "auto" and target.isatty())
    # On a terminal one knows what one started; only the agents of a worker need telling apart.
    context: dict[str, Any] = {} if console else {"service": "lodestream", "version": __version__, "pid": os.getpid()}
    if agent is not None:
        context["agent"] = agent
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Context(context),
        _exception,
    ]
    renderers: list[Processor] = (
        [_readable, structlog.dev.ConsoleRenderer(colors=target.isatty())]
        if console
        else [_ordered, structlog.processors.JSONRenderer(default=lambda value: f"<{type(value).__name__}>")]
    )
    handler = logging.StreamHandler(target)
    handler.addFilter(_Libraries())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in LIBRARIES:
        # Their info is a diary of every service that starts; it is of use only to who debugs.
        logging.getLogger(name).setLevel(level if level == logging.DEBUG else max(level, logging.WARNING))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def effective(settings: Settings) -> dict[str, Any]:
    """Every setting by name, as plain JSON values, secrets masked: fit for a log or a page."""
    return {name: _plain(value) for name, value in settings}


def log_settings(settings: Settings) -> None:
    """One line with what is in force, for whoever reads the log later."""
    log = structlog.get_logger("lodestream")
    log.info("settings in force", settings=effective(settings))
    for sentence in unknown(os.environ):
        log.warning("unknown variable", said=sentence)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as `type`, `places` (innermost last), `text` where it may be shown, and its `cause`."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    described: dict[str, Any] = {
        "type": _type_name(type(error)),
        "places": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if (text := _text(error)) is not None:
        described["text"] = text
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = describe(cause)
    return described


class _Context:
    """Adds what is the same on every line of this process."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = dict(context)

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        for key, value in self._context.items():
            event.setdefault(key, value)
        return event


class _Libraries(logging.Filter):
    """Tames what the Kafka libraries say.

    Their errors that say a retry follows are warnings here: at first start a group's coordinator is not there
    for some seconds, and that is no fault. The same text is said once per `REPEAT_SECONDS`. Exceptions and
    bytes among a message's arguments are shown without their content.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in LIBRARIES:
            return True
        arguments = record.args if isinstance(record.args, tuple) else ()
        if record.levelno == logging.ERROR and any(getattr(item, "retriable", False) for item in arguments):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        if arguments:
            record.args = tuple(_harmless(item) for item in arguments)
        # asyncio's further lines are reprs of futures and their exceptions; the exception comes along as exc_info.
        text = record.getMessage() if record.name != "asyncio" else record.getMessage().partition("\n")[0]
        record.msg, record.args = text[:MESSAGE_MAX], ()
        return record.levelno < logging.WARNING or self._is_news(f"{record.name} {record.levelno} {record.msg}")

    def _is_news(self, text: str) -> bool:
        now = time.monotonic()
        if now - self._said.get(text, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._said = {said: at for said, at in self._said.items() if now - at < REPEAT_SECONDS}
        self._said[text] = now
        return True


def _exception(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Puts `exception` in the place of `exc_info`, whoever logged it."""
    info = event.pop("exc_info", None)
    record = event.get("_record")
    if info is None and record is not None:
        info = record.exc_info
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def _ordered(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """When, how bad and what come first: lines are read by people too."""
    return {name: event[name] for name in ("timestamp", "level", "event") if name in event} | dict(event)


def _readable(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """The exception as lines for the console's renderer, which wants text."""
    lines = []
    described = event.get("exception")
    while described is not None:
        lines.append(": ".join(part for part in (described["type"], described.get("text")) if part))
        lines += [f"    {place}" for place in described["places"]]
        described = described.get("cause")
    if lines:
        event["exception"] = "\n".join(lines)
    return event


def _harmless(item: object) -> object:
    if isinstance(item, BaseException):
        text = _text(item)
        return _type_name(type(item)) if text is None else f"{_type_name(type(item))}: {text}"
    if isinstance(item, bytes | bytearray | memoryview):
        return f"<{len(item)} bytes>"
    return item


def _text(error: BaseException) -> str | None:
    """The text of an exception whose type quotes no record: our own, the system's, the Kafka libraries'."""
    ours = isinstance(error, LodestreamError | OSError)
    theirs = any(base.__module__.partition(".")[0] in LIBRARIES for base in type(error).__mro__)
    return str(error)[:MESSAGE_MAX] if ours or theirs else None


def _type_name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _short(filename: str) -> str:
    """The path from the package on, without where it is installed."""
    for marker in ("/site-packages/", "/service/"):
        if marker in filename:
            return filename.rpartition(marker)[2]
    return filename.rpartition("/")[2]


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger("lodestream").critical("uncaught exception", exc_info=error)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        thread = args.thread.name if args.thread is not None else None
        structlog.get_logger("lodestream").critical("uncaught exception", thread=thread, exc_info=args.exc_value)
