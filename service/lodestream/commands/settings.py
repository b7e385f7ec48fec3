"""`lodestream settings`: every setting, its value and what it means; and the page `docs/settings.md`."""

from __future__ import annotations

import json
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodestream.logs import effective
from lodestream.settings import Settings, load

PREFIX: Final = "LODESTREAM_"
PIPE_WIDTH: Final = 200  # columns where the output is no terminal: a value and its description on one line


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The page docs/settings.md: defaults, not values.")
def command(*, as_json: bool, as_markdown: bool) -> None:
    """Print every setting, its value and what it means. Secrets are masked."""
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other")
    if as_markdown:
        click.echo(markdown(), nl=False)
    elif as_json:
        click.echo(json.dumps(as_dict(load()), indent=2))
    else:
        _print_table(load())


def as_dict(settings: Settings) -> dict[str, dict[str, Any]]:
    """By variable: `value` (masked), `set` (False: it is the default) and `description`."""
    values = effective(settings)
    return {
        variable(name): {
            "value": values[name],
            "set": name in settings.model_fields_set,
            "description": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    }


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def markdown() -> str:
    """The page `docs/settings.md`. It depends on the code alone, not on the environment."""
    schema: dict[str, dict[str, Any]] = Settings.model_json_schema()["properties"]
    lines = [
        "# Settings",
        "",
        "Made by `lodestream settings --markdown`; do not edit.",
        "",
        "Each setting is an environment variable. A secret can also stand in a file of the variable's name in lower",
        f"case below `{PREFIX}SECRETS_DIR` (default `/run/secrets`). A wrong value is refused at start, with the",
        "name of the setting. `lodestream settings` prints what is in force.",
        "",
        "| variable | default | values | says |",
        "|---|---|---|---|",
    ]
    for name, property_schema in schema.items():
        default = property_schema.get("default")
        shown = "–" if default is None else f"`{_as_variable(default)}`"
        lines.append(
            f"| `{variable(name)}` | {shown} | {_values(property_schema)} | {property_schema.get('description', '')} |"
        )
    return "\n".join(lines) + "\n"


def _print_table(settings: Settings) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("says")
    for name, row in as_dict(settings).items():
        value = "–" if row["value"] is None else _as_variable(row["value"])
        table.add_row(name, escape(f"{value} (set)" if row["set"] else value), escape(row["description"]))
    console.print(table)


def _as_variable(value: object) -> str:
    """A value as one would write it in the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(schema: dict[str, Any]) -> str:
    """What a setting may be, in words, from its JSON Schema."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    return " or ".join(_value(option) for option in options)


def _value(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "boolean":
        return "`true`, `false`"
    if schema.get("format") == "password":
        return "secret"
    if schema.get("format") == "path":
        return "path"
    words = [{"string": "text", "integer": "whole number", "number": "number"}.get(schema["type"], schema["type"])]
    words += [
        f"{sign} {schema[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    if "pattern" in schema:
        words.append(f"like `{schema['pattern']}`")
    return " ".join(words)
