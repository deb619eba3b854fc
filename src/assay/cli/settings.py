"""``assay config``: what is in force, and what may be set."""

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption, examples
from assay.cli.screen import Screen
from assay.cli.session import open_workspace

group = typer.Typer(help="Show the settings in force.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _config() -> None:
    """Show the settings in force."""


@group.command(
    "show", epilog=examples("assay config show", "assay config show --set run.seed=8 --json")
)
def show(
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every setting: its value, its default, its range; and the contract facts."""
    from dataclasses import asdict
    from enum import Enum

    from assay.config.template import allowed_values, sections, toml_value
    from assay.data.specification.loading import load_facts

    place, settings = open_workspace(workspace, overrides)
    facts = {
        symbol: asdict(load_facts(place.data, symbol, settings.instruments.get(symbol, {})).latest)
        for symbol in settings.market.symbols
    }
    rows = []
    for section, kind in sections():
        for key, field in kind.model_fields.items():
            value = getattr(getattr(settings, section), key)
            text = "" if value is None else toml_value(value)
            mark = "" if value == field.default else "set"
            rows.append((f"{section}.{key}", text, mark, allowed_values(field)))
    screen = Screen(as_json=as_json)
    screen.say(str(place.settings_path), style="bold")
    screen.table(("setting", "value", "", "allowed"), rows)
    for symbol, values in facts.items():
        shown = {**values, "sessions": f"{len(values['sessions'])} stretches a week"}
        screen.table(
            (f"instruments.{symbol}", "value"),
            [
                (key, value.value if isinstance(value, Enum) else str(value))
                for key, value in shown.items()
            ],
        )
    screen.emit(
        {
            "file": place.settings_path,
            "settings": settings.model_dump(mode="json"),
            "instruments": facts,
        }
    )
