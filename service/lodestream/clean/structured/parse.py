"""JSON text to a value, with an error that says what is wrong and where, and never a word of the text."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from lodestream.errors import Reason, Rejected

_MAY_END_KEY: Final = re.compile(r'"\s*+:')  # every key's closing quote, and a few quotes inside texts
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],]')


def parse(text: str) -> Any:
    """The value of a JSON text. Raises `Rejected`: what is no JSON, and an object that says a key twice.

    Of two equal keys a parser keeps one and drops the other's text in silence, so they are refused.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Rejected(Reason.INVALID_JSON, _what_is_wrong(text, error)) from None
    if sum(1 for _ in _MAY_END_KEY.finditer(text)) != _keys(value):
        twice = _repeated_key(text)
        if twice is not None:
            raise Rejected(Reason.INVALID_JSON, f"{twice}: a key that its object has twice")
    return value


def _what_is_wrong(text: str, error: orjson.JSONDecodeError) -> str:
    place = f"line {error.lineno} column {error.colno}"
    if error.lineno > 1 and error.colno == 1 and _is_value(text[: error.pos]):
        return f"another value behind the first: {place}; of JSON Lines each line is a document"
    return f"{error.msg[:80]}: {place}"


def _is_value(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _keys(value: Any) -> int:
    """How many keys all objects in a value have. Without recursion: values nest as deep as the parser lets them."""
    count = 0
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            count += len(each)
            left.extend(inner for inner in each.values() if isinstance(inner, dict | list))
        elif isinstance(each, list):
            left.extend(inner for inner in each if isinstance(inner, dict | list))
    return count


class _Open:
    """An object (with the keys it has had so far) or a list that is not closed yet."""

    __slots__ = ("index", "key", "keys")

    def __init__(self, *, is_object: bool) -> None:
        self.keys: set[str] | None = set() if is_object else None
        self.key = ""
        self.index = 0


def _repeated_key(text: str) -> str | None:
    """The path of the first key that its object has twice, in a text that is valid JSON; None when there is none."""
    opened: list[_Open] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        sign = token[0][0]
        inner = opened[-1] if opened else None
        if sign in "{[":
            opened.append(_Open(is_object=sign == "{"))
            expects_key = sign == "{"
        elif sign in "}]":
            opened.pop()
            expects_key = False
        elif inner is None:
            continue
        elif sign == ",":
            inner.index += 1
            expects_key = inner.keys is not None
        elif expects_key and inner.keys is not None:
            inner.key = orjson.loads(token[0])
            expects_key = False
            if inner.key in inner.keys:
                return _path(opened)
            inner.keys.add(inner.key)
    return None


def _path(opened: list[_Open]) -> str:
    """Where in a document its innermost open object is; long paths and keys are cut."""
    steps = (f"[{each.index}]" if each.keys is None else f".{each.key[:40]}" for each in opened)
    return "".join(steps).removeprefix(".")[-120:]
