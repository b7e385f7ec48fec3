"""The kinds of errors, so that each can be treated as what it is.

Invalid input is one record's fault and becomes a dead letter (`Rejected`). Everything else that goes wrong
(settings, Kafka, disk, state) is a `LodestreamError`: the command says it in one line and exits non-zero.
An exception of any other type is a bug.
"""

from __future__ import annotations

import traceback
from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """Why a record became a dead letter: a closed list."""

    EMPTY_DOCUMENT = "empty_document"
    DOCUMENT_TOO_LARGE = "document_too_large"
    UNKNOWN_CONTENT_TYPE = "unknown_content_type"
    MISSING_HEADER = "missing_header"
    INVALID_HEADER = "invalid_header"
    NOT_UTF8 = "not_utf8"
    UNKNOWN_CHARSET = "unknown_charset"
    INVALID_JSON = "invalid_json"
    INVALID_SHAPE = "invalid_shape"
    NO_ARTICLE = "no_article"
    TOO_MANY_ARTICLES = "too_many_articles"
    ARTICLE_TOO_LARGE = "article_too_large"
    INVALID_RECORD = "invalid_record"
    PARSER_TIMEOUT = "parser_timeout"
    PARSER_MEMORY = "parser_memory"
    PARSER_CRASH = "parser_crash"
    OUTPUT_TOO_LARGE = "output_too_large"
    STEP_ERROR = "step_error"


class Rejected(Exception):  # noqa: N818 - it is a fate of a record, not an error of the program
    """A record that the step will not take: it becomes a dead letter with this reason.

    `detail` tells an operator what is wrong. It never quotes the body; the engine cuts it at 200 characters.
    A step must raise it before it has changed any state.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


def place_of(error: BaseException) -> str:
    """Type and innermost place of an exception, never its text: that may quote a record."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno} {frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} at {where}"


class LodestreamError(Exception):
    """Something that stops the command: its text is one clear line for the operator."""

    exit_code: ClassVar[int] = 1


class BrokerError(LodestreamError):
    """The embedded broker cannot be set up, started or kept running."""


class TopicsError(LodestreamError):
    """A topic is missing or differs from what the service needs."""


class TruncatedError(TopicsError):
    """Offsets that were to be read are no longer in the log: retention took them."""


class StateError(LodestreamError):
    """State cannot be restored or applied: unknown format, missing blocks, wrong partition count."""


class BreakerOpenError(LodestreamError):
    """Too many dead letters in a row or as a ratio: the worker stops rather than drain a topic."""
