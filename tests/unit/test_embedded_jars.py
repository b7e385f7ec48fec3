"""The broker's jars: where they come from, and that none is used whose sum is not that of the lock."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lodestream.errors import BrokerError
from lodestream.kafka.jars import LOCK_FILE, RESOURCES, cache_folder, read_lock, ready_jars
from lodestream.kafka.java import java_executable

CONTENTS = {"one": b"first jar", "two": b"second jar" * 1000, "three": b""}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of three small jars."""
    path = tmp_path / "jgo.lock.toml"
    path.write_text(
        "".join(
            f'[[dependencies]]\ngroupId = "org.example"\nartifactId = "{name}"\nversion = "1.0"\n'
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            for name, content in CONTENTS.items()
        )
    )
    return path


@pytest.fixture(autouse=True)
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local Maven repository that has the three jars; the remote one refuses every connection."""
    repository = tmp_path / "m2"
    for name, content in CONTENTS.items():
        path = repository / "org" / "example" / name / "1.0" / f"{name}-1.0.jar"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    configuration = tmp_path / "jgo.conf"
    configuration.write_text("[repositories]\ncentral = http://127.0.0.1:1/nothing\n")
    monkeypatch.setenv("M2_REPO", str(repository))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return repository


def one_line(error: pytest.ExceptionInfo[BrokerError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_the_lock_names_kafka_431_and_a_sum_for_every_jar() -> None:
    jars = read_lock()
    names = [jar.name for jar in jars]
    assert {"kafka_2.13-4.3.1.jar", "kafka-clients-4.3.1.jar", "log4j-slf4j-impl-2.25.4.jar"} <= set(names)
    assert len(set(names)) == len(names) == 46
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)


def test_the_lock_names_no_host() -> None:
    assert "://" not in LOCK_FILE.read_text("utf-8")
    assert not re.search(r"repo\d?\.|\.org/|\.com/", LOCK_FILE.read_text("utf-8"))


def test_the_lock_was_made_from_the_jgo_toml_beside_it() -> None:
    """A stale lock, by jgo's own sign: the first 16 digits of the SHA-256 of `jgo.toml`."""
    spec = (RESOURCES / "jgo.toml").read_bytes()
    assert tomllib.loads(LOCK_FILE.read_text("utf-8"))["metadata"]["spec_hash"] == hashlib.sha256(spec).hexdigest()[:16]


def test_an_entry_without_a_sum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock.toml"
    path.write_text('[[dependencies]]\ngroupId = "g"\nartifactId = "a"\nversion = "1"\n')
    with pytest.raises(BrokerError, match="a has no sha256"):
        read_lock(path)


def test_jars_come_in_the_order_of_the_lock_with_the_content_of_the_lock(cache: Path, lock: Path) -> None:
    said: list[str] = []
    paths = ready_jars(cache, lock=lock, say=said.append)
    assert [path.name for path in paths] == [f"{name}-1.0.jar" for name in CONTENTS]
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert len(said) == 1
    assert sorted(path.name for path in cache.iterdir()) == ["jars", "lock", "stamp.json"]


def test_a_second_call_fetches_and_hashes_nothing(cache: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ready_jars(cache, lock=lock)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("a warm start must not hash"))
    assert ready_jars(cache, lock=lock, say=pytest.fail) == first


def test_a_jar_that_differs_from_the_lock_is_refused_and_not_kept(cache: Path, lock: Path, maven: Path) -> None:
    next(maven.rglob("two-1.0.jar")).write_bytes(b"another jar")
    with pytest.raises(BrokerError) as error:
        ready_jars(cache, lock=lock)
    assert "two-1.0.jar is not the jar of the lock" in one_line(error)
    assert not (cache / "jars" / "two-1.0.jar").exists()
    assert not (cache / "stamp.json").exists()
    assert not list(cache.glob("staging-*"))


@pytest.mark.parametrize("same_time", [True, False])
def test_a_jar_changed_after_it_was_checked_is_refused(cache: Path, lock: Path, *, same_time: bool) -> None:
    path = ready_jars(cache, lock=lock)[0]
    before = path.stat()
    path.write_bytes(CONTENTS["one"] + b"!" if same_time else b"First jar")
    if same_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BrokerError) as error:
        ready_jars(cache, lock=lock)
    assert "one-1.0.jar is not the jar of the lock" in one_line(error)
    path.unlink()
    assert ready_jars(cache, lock=lock)[0].read_bytes() == CONTENTS["one"]


def test_a_jar_that_was_only_touched_is_checked_again_and_taken(cache: Path, lock: Path) -> None:
    path = ready_jars(cache, lock=lock)[0]
    os.utime(path, (1, 1))
    assert ready_jars(cache, lock=lock)[0] == path
    assert json.loads((cache / "stamp.json").read_text())[path.name][2] == path.stat().st_mtime_ns


def test_a_new_lock_is_checked_even_when_the_jars_have_not_changed(cache: Path, lock: Path) -> None:
    ready_jars(cache, lock=lock)
    lock.write_text(lock.read_text().replace(hashlib.sha256(CONTENTS["one"]).hexdigest(), "0" * 64))
    with pytest.raises(BrokerError, match=r"one-1\.0\.jar is not the jar of the lock"):
        ready_jars(cache, lock=lock)


@pytest.mark.parametrize("stamp", ["", "{", "[]", "null", '{"one-1.0.jar": 3}', "\xff"])
def test_a_stamp_that_cannot_be_read_means_checking_again(cache: Path, lock: Path, stamp: str) -> None:
    paths = ready_jars(cache, lock=lock)
    (cache / "stamp.json").write_text(stamp, "latin-1")
    assert ready_jars(cache, lock=lock) == paths


def test_a_jar_that_is_nowhere_is_one_clear_line(cache: Path, lock: Path, maven: Path) -> None:
    next(maven.rglob("three-1.0.jar")).unlink()
    with pytest.raises(BrokerError) as error:
        ready_jars(cache, lock=lock)
    text = one_line(error)
    assert "cannot fetch three-1.0.jar" in text
    assert "network" in text
    assert len(text) < 400


def test_several_processes_at_once_get_the_same_jars(cache: Path, lock: Path) -> None:
    code = "import sys; from pathlib import Path; from lodestream.kafka.jars import ready_jars; "
    code += "print(*ready_jars(Path(sys.argv[1]), lock=Path(sys.argv[2])), sep='\\n')"

    def run(_: int) -> str:
        command = [sys.executable, "-c", code, str(cache), str(lock)]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(run, range(4)))
    assert len(answers) == 1
    assert answers.pop().split() == [str(cache / "jars" / f"{name}-1.0.jar") for name in CONTENTS]
    assert sorted(path.name for path in cache.iterdir()) == ["jars", "lock", "stamp.json"]


def test_a_cache_that_cannot_be_made_is_one_clear_line(tmp_path: Path, lock: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError) as error:
        ready_jars(tmp_path / "file" / "cache", lock=lock)
    assert "LODESTREAM_BROKER_CACHE" in one_line(error)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("LODESTREAM_BROKER_CACHE", raising=False)
    assert cache_folder() == tmp_path / "xdg" / "lodestream" / "kafka-4.3.1"
    monkeypatch.setenv("LODESTREAM_BROKER_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_without_a_home_folder_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CACHE_HOME", "LODESTREAM_BROKER_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(BrokerError, match="LODESTREAM_BROKER_CACHE"):
        cache_folder()


def test_without_the_extra_the_error_says_how_to_install_it(
    cache: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(BrokerError, match=r"lodestream\[broker\]"):
        java_executable()
    with pytest.raises(BrokerError, match=r"lodestream\[broker\]"):
        ready_jars(cache, lock=lock)
