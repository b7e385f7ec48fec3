"""`lodestream settings` and the page made from the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lodestream.cli import cli
from lodestream.commands.settings import markdown
from lodestream.settings import Settings, unknown

ROOT = Path(__file__).parents[2]
PASSWORD = "hunter2"  # noqa: S105 - a secret for the tests to look for


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["settings", *arguments], env=environment)


def test_every_setting_is_printed_with_value_and_description() -> None:
    result = run(LODESTREAM_TOPIC_PREFIX="news.", LODESTREAM_VOCABULARIES="/srv/[bold]x")
    assert result.exit_code == 0
    for name, field in Settings.model_fields.items():
        (line,) = [line for line in result.output.splitlines() if line.startswith(f"LODESTREAM_{name.upper()} ")]
        assert field.description
        assert field.description in line
    assert "news. (set)" in result.output
    assert "/srv/[bold]x (set)" in result.output


def test_json_says_value_and_whether_it_was_set() -> None:
    shown = json.loads(run("--json", LODESTREAM_PARTITIONS="8").output)
    assert shown.keys() == {f"LODESTREAM_{name.upper()}" for name in Settings.model_fields}
    assert shown["LODESTREAM_PARTITIONS"]["value"] == 8
    assert shown["LODESTREAM_PARTITIONS"]["set"] is True
    assert shown["LODESTREAM_HTTP_PORT"]["set"] is False


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--markdown",)])
def test_a_secret_is_never_printed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "lodestream_sasl_password").write_text(PASSWORD + "-file")
    shown = run(*arguments, LODESTREAM_SASL_PASSWORD=PASSWORD)
    assert shown.exit_code == 0
    assert PASSWORD not in shown.output
    shown = run(*arguments, LODESTREAM_SECRETS_DIR=str(tmp_path))
    assert PASSWORD not in shown.output
    if "--markdown" not in arguments:
        assert "********" in shown.output


def test_a_wrong_value_is_refused_by_its_name() -> None:
    result = run(LODESTREAM_HTTP_PORT="seventy")
    assert result.exit_code != 0
    assert "LODESTREAM_HTTP_PORT" in str(result.exception)


@pytest.mark.parametrize(("watchdog", "transaction"), [("20", "20"), ("5", "10"), (None, "300")])
def test_a_watchdog_that_bites_before_a_transaction_is_given_up_is_refused(
    watchdog: str | None, transaction: str
) -> None:
    own = {} if watchdog is None else {"LODESTREAM_WATCHDOG_SECONDS": watchdog}
    result = run(**own, LODESTREAM_TRANSACTION_TIMEOUT_SECONDS=transaction)
    assert result.exit_code == 1
    assert str(result.exception) == (
        f"wrong setting: LODESTREAM_WATCHDOG_SECONDS: {watchdog or 120} is not more than "
        f"LODESTREAM_TRANSACTION_TIMEOUT_SECONDS ({transaction})"
    )


def test_a_parser_that_may_take_as_long_as_the_watchdog_waits_is_refused() -> None:
    result = run(LODESTREAM_PARSER_SECONDS="5.5", LODESTREAM_WATCHDOG_SECONDS="54")
    assert result.exit_code == 1
    assert str(result.exception) == (
        "wrong setting: LODESTREAM_PARSER_SECONDS: ten times 5.5 is more than LODESTREAM_WATCHDOG_SECONDS (54)"
    )
    assert run(LODESTREAM_PARSER_SECONDS="5.5", LODESTREAM_WATCHDOG_SECONDS="55").exit_code == 0


def test_a_misspelt_variable_is_told_with_what_was_meant() -> None:
    environment = {
        "LODESTREAM_BOOTSTRAP_SERVER": "x",
        "LODESTREAM_SERVICE_PORT_METRICS_FOO": "x",
        "LODESTREAM_TOPIC_PREFIX": "x.",
        "lodestream_secrets_dir": "x",
        "PATH": "x",
    }
    assert unknown(environment) == [
        "LODESTREAM_BOOTSTRAP_SERVER is no setting; did you mean LODESTREAM_BOOTSTRAP_SERVERS?",
        "LODESTREAM_SERVICE_PORT_METRICS_FOO is no setting",
    ]


def test_every_command_but_the_worker_says_so_on_standard_error() -> None:
    result = CliRunner().invoke(cli, ["settings", "--json"], env={"LODESTREAM_TOPIC_PREFX": "x."})
    assert result.exit_code == 0
    assert "did you mean LODESTREAM_TOPIC_PREFIX?" in result.stderr
    assert "PREFX" not in result.stdout


def test_two_formats_at_once_are_refused() -> None:
    assert run("--json", "--markdown").exit_code == 2


def test_every_setting_has_a_description_that_is_a_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_the_documentation_is_what_the_settings_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LODESTREAM_PARTITIONS", "17")
    page = (ROOT / "docs" / "settings.md").read_text()
    assert page == markdown(), "lodestream settings --markdown > docs/settings.md"
