"""The Dockerfile: what it copies exists, what it installs is locked, and what runs has few rights."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
IGNORED = ROOT / "deploy" / "Dockerfile.dockerignore"


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, rest) in order, continuation lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def pins(path: str) -> dict[str, str]:
    """Package and version of each line of a lock, with the marker where versions differ by it."""
    found = re.findall(r"^([a-z0-9-]+)==(\S+)(?: ; (.*?))? \\$", (ROOT / path).read_text(), re.MULTILINE)
    return {f"{name} {marker}".strip(): version for name, version, marker in found}


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_start_from_the_same_base_with_a_version() -> None:
    build, final = stages()
    assert build[0] == ("FROM", "${PYTHON_IMAGE} AS build")
    assert final[0] == ("FROM", "${PYTHON_IMAGE}")
    (base,) = [rest for name, rest in instructions() if name == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.1[123]-slim-[a-z]+", base)


def test_everything_copied_exists_and_is_sent_to_the_builder() -> None:
    sent = {line.removeprefix("!") for line in IGNORED.read_text().splitlines() if line.startswith("!")}
    copied = set()
    for name, rest in stages()[0]:
        if name == "COPY":
            *sources, _target = shlex.split(rest)
            copied |= {source.split("/")[0] for source in sources}
            assert all((ROOT / source).exists() for source in sources)
    assert copied == sent


def test_packages_come_from_locks_with_hashes_and_are_installed_before_the_source_is_there() -> None:
    names = [f"{name} {rest}" for name, rest in stages()[0]]
    locked = next(index for index, line in enumerate(names) if "--require-hashes" in line)
    source = next(index for index, line in enumerate(names) if line.startswith("COPY service"))
    assert locked < source
    installs = [part for line in names if line.startswith("RUN") for part in line.split("&&") if "pip install" in part]
    assert installs
    assert all("--require-hashes" in part or "--no-index" in part for part in installs)
    assert all("--only-binary :all:" in part for part in installs if "--require-hashes" in part), "no compiler needed"


def test_the_locks_of_the_image_have_the_versions_that_the_tests_run() -> None:
    tested = pins("requirements/run.txt") | pins("requirements/dev.txt")
    for lock in ("requirements/build.txt", "requirements/service.txt"):
        locked = pins(lock)
        assert locked
        assert locked.items() <= tested.items(), lock


def test_the_final_stage_installs_nothing_and_runs_as_a_numbered_user() -> None:
    final = stages()[1]
    assert not [rest for name, rest in final if name in {"RUN", "ADD"}]
    (user,) = [rest for name, rest in final if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes can tell that a number is not root"
    assert [rest for name, rest in final if name == "ENTRYPOINT"] == ['["lodestream"]']
    assert [rest for name, rest in final if name == "CMD"] == ['["--help"]']
