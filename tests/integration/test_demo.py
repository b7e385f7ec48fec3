"""The main job as a newcomer runs it: `lodestream demo`, and the same pages through `lodestream run`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness import wait_until

ROOT = Path(__file__).parents[2]
GOLD = json.loads((ROOT / "tests/gold/seeds_gold.json").read_text())
PROGRAM = [sys.executable, "-m", "lodestream"]
VOLATILE = {"ingested_at", "first_seen", "lineage"}  # the broker's time, and the topic's prefix

Records = list[dict[str, Any]]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def read(folder: Path, name: str) -> Records:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def settled(records: Records) -> list[str]:
    return sorted(
        json.dumps({key: value for key, value in record.items() if key not in VOLATILE}, sort_keys=True)
        for record in records
    )


@pytest.fixture(scope="module")
def demo(prepared_broker: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:  # noqa: ARG001
    """The demo's folder and what it printed. Another demo runs at the same time: they must not meet."""
    folders = [tmp_path_factory.mktemp("demo") for _ in range(2)]
    demos = [
        subprocess.Popen(
            [*PROGRAM, "demo", "--out", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for folder in folders
    ]
    printed = [one.communicate(timeout=200)[0] for one in demos]
    assert [one.returncode for one in demos] == [0, 0], printed
    return folders[0], printed[0]


def test_an_output_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [*PROGRAM, "demo", "--out", str(tmp_path / "file" / "x")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("lodestream: cannot make the folder ")
    assert len(done.stderr.splitlines()) == 1


def test_every_main_and_related_article_of_the_seeds_is_there(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    bodies = {
        (record["role"], squeezed(record["headline"] or ""), squeezed(record["body"]))
        for record in read(folder, "enriched")
    }
    copies = {squeezed(record["headline"]) for record in read(folder, "duplicates")}
    wanted = [
        (
            {"embedded": "related"}.get(article["role"], article["role"]),
            squeezed(article["headline"]),
            squeezed(article["body"]),
        )
        for page in GOLD["pages"]
        for article in page["articles"]
        if article["role"] in {"main", "embedded"}
    ]
    assert len(wanted) == 14
    assert [one for one in wanted if one not in bodies and one[1] not in copies] == []


def test_the_one_duplicate_is_001_of_000_and_no_other(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    (link,) = read(folder, "duplicates")
    originals = {record["article_id"]: record for record in read(folder, "enriched")}
    original = originals[link["duplicate_of"]]
    assert (link["document_id"][:3], link["role"], link["kind"]) == ("001", "main", "near")
    assert (original["document_id"][:3], original["role"]) == ("000", "main")


def test_it_says_what_came_out_and_that_the_ledger_adds_up(demo: tuple[Path, str]) -> None:
    folder, printed = demo
    assert "ledger adds up: clean 5" in printed
    assert "1 duplicates linked" in printed
    assert re.search(r"metrics while it ran: http://127\.0\.0\.1:\d+/metrics", printed)
    assert read(folder, "dead-letters") == []


def test_without_kafka_the_same_pages_give_the_same_records(demo: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = demo
    subprocess.run(
        [*PROGRAM, "run", str(ROOT / "seeds"), "--out", str(tmp_path)], check=True, capture_output=True, timeout=120
    )
    for name in ("enriched", "duplicates", "dead-letters"):
        assert settled(read(tmp_path, name)) == settled(read(folder, name))


def test_ctrl_c_leaves_no_process_behind(prepared_broker: None, tmp_path: Path) -> None:  # noqa: ARG001
    marker = f"LODESTREAM_TEST_MARK={os.getpid()}-{time.monotonic_ns()}"
    name, value = marker.split("=")
    with (tmp_path / "printed").open("wb") as printed:
        demo = subprocess.Popen(
            [*PROGRAM, "demo", "--keep", "--out", str(tmp_path)],
            stdout=printed,
            stderr=printed,
            env={**os.environ, name: value},
        )
    wait_until("the agents to start", lambda: "agents clean" in (tmp_path / "printed").read_text(), 90)
    assert len(marked(name, value)) > 3
    demo.send_signal(signal.SIGINT)
    assert demo.wait(90) == 130
    wait_until("all its processes to be gone", lambda: marked(name, value) == [], 20)


def marked(name: str, value: str) -> list[int]:
    """Processes that have the mark in their environment: the demo and whatever it started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
