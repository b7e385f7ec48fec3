"""The command line as a whole: help that helps, wrong use said in one line, no Kafka said in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lodestream import __version__
from lodestream.cli import COMMANDS, cli
from lodestream.commands.worker import _counts, _programs
from lodestream.errors import BrokerError, LodestreamError
from lodestream.export import FILES

SEEDS = Path(__file__).parents[2] / "seeds"
PROGRAM = [sys.executable, "-m", "lodestream"]
AGENTS = ("clean", "dedupe", "tag")


def every(command: click.Command = cli, *path: str) -> Iterator[tuple[str, ...]]:
    """The command and all below it, by their words."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from every(below, *path, name)


def found(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        below = command.get_command(click.Context(command), name)
        assert below is not None
        command = below
    return command


def start(line: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *line],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with process:
        try:
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    return process.returncode, output, errors


@pytest.mark.parametrize("path", list(every()), ids=" ".join)
def test_help_says_in_sentences_what_a_command_and_its_options_do(path: tuple[str, ...]) -> None:
    long, short = (CliRunner().invoke(cli, [*path, flag]) for flag in ("--help", "-h"))
    assert long.exit_code == 0
    assert long.output == short.output
    usage, _, *rest = long.output.splitlines()
    assert usage.startswith(" ".join(("Usage: cli", *path)))
    assert re.match(r"  [A-Z].*", rest[0]), "it begins with what it does"
    command = found(path)
    for paragraph in filter(None, (command.help, command.epilog)):
        assert paragraph.rstrip().endswith(".")
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.name
            assert re.search(r"\.( \[default: \w+\])?$", option.help), option.name
    folded = [line for line in long.output.splitlines() if "|" not in line]  # a choice is one word to click
    assert max(map(len, folded)) <= 110


def test_the_first_page_names_every_command_with_a_sentence() -> None:
    output = CliRunner().invoke(cli, ["--help"]).output
    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text[:40])}", output, re.MULTILINE)
        assert text.endswith(".")


def test_a_module_and_its_command_have_the_name_by_which_it_is_called() -> None:
    for name, (module, _) in COMMANDS.items():
        assert module.rpartition(".")[2] == name.replace("-", "_")
        assert found((name,)).name in {name, "command"}


def test_help_needs_none_of_the_large_libraries() -> None:
    text = (
        "import sys\nfrom click.testing import CliRunner\nfrom lodestream.cli import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "sys.exit(str({'aiokafka', 'faust', 'numpy', 'pydantic'} & set(sys.modules)) if "
        "{'aiokafka', 'faust', 'numpy', 'pydantic'} & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"lodestream, version {__version__}\n"


WRONG = {
    # command line: what the one line says
    "polish": "No such command 'polish'.",
    "--loud": "No such option",
    "demo --input no/such/folder": "'no/such/folder' does not exist",
    "demo --speed 3": "No such option",
    "worker polish": "'polish' is not one of 'clean', 'dedupe', 'tag'",
    "replay": "Missing argument 'PATHS...'",
    "replay seeds --rate 0": "0.0 is not in the range x>0",
    "replay seeds --skip -1": "-1 is not in the range x>=0",
    "replay seeds --fetched-at yesterday": "'yesterday' is no time with a zone",
    "replay seeds --charset klingon": "'klingon' is no known charset",
    "run seeds": "Missing option '--out'",
    "run --out out": "Missing argument 'PATHS...'",
    "run seeds --out out --ingested-at 2026-01-01T00:00:00": "is no time with a zone",
    "read": "Missing argument 'TOPIC'",
    "read news": "'news' is no topic; there are raw, articles,",
    "read enriched --from then": "'then' is neither beginning nor end nor a time",
    "read enriched --limit many": "'many' is not a valid integer range",
    "verify everything": "Got unexpected extra argument",
    "verify --since yesterday": "'yesterday' is neither a time with a zone, such as 2025-07-17T03:04:05Z, nor how",
    "verify --until 2025-07-17T03:04:05": "is neither a time with a zone",
    "verify --since 1h --until 2h": "nothing lies within: it ends before it begins",
    "verify --from raw:0": "'raw:0' is no place such as raw:0:1000",
    "verify --to enriched:0:5": "the topic is one of raw, articles, originals",
    "verify --from raw:0:5 --to raw:0:5": "nothing lies within: raw:0 ends at 5, before it begins",
    "verify --from raw:0:5 --to articles:0:9": "name more than one topic: articles, raw",
    "verify --from raw:0:5 --from raw:0:6": "--from names a partition twice",
    "verify --problems -1": "-1 is not in the range x>=0",
    "topics create": "No such command 'create'",
    "dead-letters burn": "No such command 'burn'",
    "dead-letters list --reason ugly": "'ugly' is not one of 'empty_document'",
    "dead-letters show first": "'first' is no place of a letter",
    "dead-letters redrive": "say which: --reason, --stage, --id or --all",
    "broker --port 70000": "70000 is not in the range 0<=x<=65535",
    "settings --json --markdown": "exclude each other",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_use_is_one_line_and_exit_code_2(line: str) -> None:
    result = CliRunner().invoke(cli, line.split())
    assert result.exit_code == 2
    assert result.stdout == ""
    usage, *rest = result.stderr.splitlines()
    assert usage.startswith("Usage: cli")
    (error,) = [each for each in rest if each and not each.startswith("Try ")]
    assert error.startswith("Error: ")
    assert WRONG[line] in error


@pytest.mark.parametrize(
    ("agents", "processes", "counts"),
    [
        (AGENTS, (), {"clean": 1, "dedupe": 1, "tag": 1}),
        (("tag", "clean"), (), {"clean": 1, "tag": 1}),
        (("clean", "clean"), (), {"clean": 1}),
        (AGENTS, ("clean=4", "tag=2"), {"clean": 4, "dedupe": 1, "tag": 2}),
        (("clean",), ("clean=64",), {"clean": 64}),
    ],
)
def test_processes_by_agent(agents: tuple[str, ...], processes: tuple[str, ...], counts: dict[str, int]) -> None:
    assert list(_counts(agents, processes).items()) == list(counts.items()), "in the order of the flow"


@pytest.mark.parametrize(
    "item", ["clean=0", "clean=65", "clean=-1", "clean=two", "clean=²", "clean", "tag=2", "=2", ""]
)
def test_a_wrong_number_of_processes_is_refused(item: str) -> None:
    with pytest.raises(click.BadParameter, match=r"agents to run|a number of processes"):
        _counts(("clean",), (item,))


@pytest.mark.parametrize(("first", "ports"), [(9464, ["9464", "9465", "9466"]), (0, ["0", "0", "0"])])
def test_each_process_has_a_name_a_number_and_a_port_of_its_own(first: int, ports: list[str]) -> None:
    programs = _programs({"clean": 2, "tag": 1}, first)
    assert [program.name for program in programs] == ["clean-0", "clean-1", "tag-0"]
    words = [list(program.arguments[4:]) for program in programs]
    assert words == [
        ["clean", "--number=0", f"--port={ports[0]}"],
        ["clean", "--number=1", f"--port={ports[1]}"],
        ["tag", "--number=0", f"--port={ports[2]}"],
    ]


def test_an_expected_error_is_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class OtherError(LodestreamError):
        exit_code = 7

    def failing(error: LodestreamError) -> None:
        def main(**_arguments: object) -> None:
            raise error

        monkeypatch.setattr(cli, "main", main)

    from lodestream.cli import main

    for error, code in ((BrokerError("it is gone"), 1), (OtherError("it is gone"), 7)):
        failing(error)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        assert capsys.readouterr() == ("", "lodestream: it is gone\n")


UNREACHABLE = ("topics check", f"replay {SEEDS}", "read enriched", "verify", "dead-letters list", "worker")


@pytest.fixture(scope="module")
def without_kafka() -> dict[str, tuple[int, str, str]]:
    """How commands end that find nobody: all at once, as each waits ten seconds for somebody."""
    own = {"LODESTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LODESTREAM_HTTP_PORT": "0"}
    running = {line: start(line.split(), **own) for line in UNREACHABLE}
    return {line: ended(process) for line, process in running.items()}


@pytest.mark.parametrize("line", UNREACHABLE)
def test_an_unreachable_broker_is_one_clear_line(without_kafka: dict[str, tuple[int, str, str]], line: str) -> None:
    code, output, errors = without_kafka[line]
    *logged, error = errors.splitlines()
    assert (code, output) == (1, "")
    assert error == "lodestream: no Kafka broker answers at 127.0.0.1:1: the connection is refused"
    assert [json.loads(each)["event"] for each in logged] == (["settings in force"] if line == "worker" else [])


@pytest.mark.parametrize(
    ("line", "environment", "message"),
    [
        ("verify", {"LODESTREAM_PARTITIONS": "0"}, "wrong setting: LODESTREAM_PARTITIONS: Input should be greater"),
        ("topics check", {"LODESTREAM_TOPIC_PREFIX": "a b"}, "wrong setting: LODESTREAM_TOPIC_PREFIX: "),
        (f"run {SEEDS} --out out", {"LODESTREAM_VOCABULARIES": "no/such"}, "no folder of vocabularies: no/such"),
        ("run no/such/page.txt --out out", {}, "no/such/page.txt: no such file or folder"),
        (f"run {SEEDS} --out file/below", {}, "cannot write to file/below: Not a directory"),
        ("replay no/such/page.txt --dry-run", {}, "no/such/page.txt: no such file or folder"),
    ],
)
def test_what_cannot_work_is_one_clear_line_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, environment: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    result = CliRunner().invoke(cli, line.split(), env=environment)
    assert isinstance(result.exception, LodestreamError), "which `main` prints as one line"
    assert str(result.exception).startswith(message)
    assert "\n" not in str(result.exception)
    assert result.output == ""
    assert not list(tmp_path.glob("**/*.jsonl*"))


def test_run_gives_the_same_bytes_for_the_same_input(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    line = ["run", str(SEEDS), "--ingested-at", "2026-01-01T00:00:00Z", "--out"]
    running = [start([*line, str(folder)], PYTHONHASHSEED=str(number)) for number, folder in enumerate(folders)]
    for process in running:
        code, output, errors = ended(process)
        assert (code, errors) == (0, "")
        assert output.startswith("5 documents in ")
    for name in FILES.values():
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert (folders[0] / "enriched.jsonl").stat().st_size > 10_000


def test_run_takes_the_good_and_says_what_it_refuses(tmp_path: Path) -> None:
    large = b"x" * (9 * 1024 * 1024)
    (tmp_path / "some.jsonl").write_bytes(
        b'{"id": "a", "body": "A good one."}\n%s\nno json\n{"id": "b", "body": 7}\n' % large
    )
    result = CliRunner().invoke(
        cli, ["run", str(tmp_path / "some.jsonl"), "--source", "one.example", "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 3
    count, refused = result.stderr.splitlines()
    assert count == "refused or unreadable: 1"
    assert refused.startswith(f"  {tmp_path / 'some.jsonl'}:2: ")
    enriched, letters = ((tmp_path / "out" / FILES[topic]).read_text() for topic in ("enriched", "dead-letters"))
    assert [json.loads(line)["body"] for line in enriched.splitlines()] == ["A good one."]
    reasons = [json.loads(line)["reason"] for line in letters.splitlines()]
    assert sorted(reasons) == ["invalid_json", "invalid_shape"]
