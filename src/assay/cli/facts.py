"""``assay data facts``: a broker's contract facts, dated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption, examples
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, find_workspace, open_workspace
from assay.domain.errors import ConfigError

if TYPE_CHECKING:
    from assay.data.specification.reading import Specification
    from assay.data.specification.storing import Stored, StoredFacts
    from assay.domain.instrument import Instrument

group = typer.Typer(
    help="Import, list or show a broker's contract facts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@group.callback()
def _facts() -> None:
    """Import, list or show a broker's contract facts, by the date from which they held."""


@group.command(
    "import",
    epilog=examples(
        "assay data facts import mt5_facts.json",
        "assay data facts import XAUUSD.txt --valid-from 2024-05-01 --timezone NY+7",
        "assay data facts import mt5_facts.json --symbol XAUUSD --fact commission_per_lot=3.50",
    ),
)
def import_(
    file: Annotated[
        Path, typer.Argument(help="JSON of symbol_info(), or text of the Specification window.")
    ],
    symbol: Annotated[
        str | None,
        typer.Option("--symbol", "-s", help="Only this symbol. [default: all that the file names]"),
    ] = None,
    valid_from: Annotated[
        str | None,
        typer.Option(
            "--valid-from",
            metavar="DATE",
            help="Day (UTC) from which the facts held. [default: that of the export]",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", help="Clock of the server, for its sessions: NY+7, EET, UTC+3."),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(
            "--fact",
            metavar="NAME=VALUE",
            help="State a fact that the file does not give, such as commission_per_lot=3.50. "
            "May be repeated.",
        ),
    ] = None,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what was recognised; store nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import what MT5 says of a symbol; costs then follow the version that held on each day.

    What Assay cannot charge exactly is refused by name. The same file twice changes nothing.
    """
    from assay.data.specification.reading import read_specifications
    from assay.data.specification.storing import FactsStore

    place, screen = find_workspace(workspace), Screen(as_json=as_json)
    store = FactsStore(place.data)
    found = read_specifications(
        file,
        symbol=symbol,
        valid_from=valid_from,
        timezone=timezone,
        given=parse_facts(fact or ()),
        before=store.before,
    )
    stored: list[Stored] = []
    if not is_dry:
        with place.held():
            now_ns = SystemClock().now()
            stored = [store.add(item, imported_ns=now_ns) for item in found]
    _show_import(found, stored, screen)


@group.command("list", epilog=examples("assay data facts list", "assay data facts list --json"))
def list_(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List every version that is stored, with its origin."""
    from assay.data.specification.storing import FactsStore

    store, screen = FactsStore(find_workspace(workspace).data), Screen(as_json=as_json)
    found = [(symbol, one) for symbol in store.symbols() for one in store.versions(symbol)]
    if not found:
        screen.say("No facts yet: the built-in catalogue holds. Next: assay data facts import FILE")
    else:
        screen.table(
            ("symbol", "valid from", "swap", "margin", "source", "sha256", "imported"),
            [(symbol, *_row(one)) for symbol, one in found],
        )
    screen.emit({"versions": [_as_json(one) for _, one in found]})


@group.command(
    "show",
    epilog=examples("assay data facts show XAUUSD", "assay data facts show XAUUSD --at 2024-05-01"),
)
def show(
    symbol: Annotated[str, typer.Argument(help="Symbol to show.")],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="The version that held then. [default: last]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the facts that a backtest uses, overrides of assay.toml included."""
    from dataclasses import asdict

    from assay.data.specification.loading import load_facts
    from assay.data.specification.reading import parse_moment
    from assay.domain.time import iso_utc

    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    history = load_facts(place.data, symbol, settings.instruments.get(symbol, {}))
    item = history.at(parse_moment(at, symbol, place.root)) if at else history.latest
    dates = [iso_utc(one.valid_from_ns) for one in history.versions if one.valid_from_ns]
    screen.say(f"{symbol}: {', '.join(dates) or 'one version, undated'}", style="bold")
    screen.table(("fact", "value"), [(name, shown(item, name)) for name in asdict(item)])
    for note in history.notes:
        screen.say(note)
    screen.emit(
        {
            "symbol": symbol,
            "valid_from": dates,
            "facts": {name: shown(item, name) for name in asdict(item)},
            "notes": list(history.notes),
        }
    )


def parse_facts(texts: Sequence[str]) -> dict[str, object]:
    """Return the facts of ``NAME=VALUE`` texts; a value is TOML, a bare word is text.

    Raises
    ------
    ConfigError
        If a text has no name or no value.

    Examples
    --------
    >>> parse_facts(["digits=2", "swap_long=-5.10", "quote=USD"])
    {'digits': 2, 'swap_long': '-5.10', 'quote': 'USD'}
    """
    import tomllib

    facts: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name.strip() or not value.strip():
            raise ConfigError(
                f"--fact must be NAME=VALUE; was {text!r}.",
                remedy="For example: --fact commission_per_lot=3.50",
                key="fact",
                value=text,
            )
        try:
            facts[name.strip()] = tomllib.loads(f"v = {value}", parse_float=str)["v"]
        except tomllib.TOMLDecodeError:
            facts[name.strip()] = value.strip()
    return facts


def shown(item: "Instrument", name: str) -> str:
    """Return the text of one fact."""
    value = getattr(item, name)
    if name == "sessions":
        return ", ".join(f"{one.open_minute}-{one.close_minute}" for one in value)
    if name == "margin_tiers":
        return ", ".join(f"up to {one.up_to}: {one.fraction}" for one in value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(getattr(value, "value", value))


def _show_import(
    found: "Sequence[Specification]", stored: "Sequence[Stored]", screen: Screen
) -> None:
    from assay.domain.time import iso_utc

    outcomes: Mapping[str, Stored] = {one.symbol: one for one in stored}
    rows = []
    for item in found:
        one = outcomes.get(item.instrument.symbol)
        rows.append(
            (
                item.instrument.symbol,
                iso_utc(item.valid_from_ns)[:16].replace("T", " "),
                item.form,
                one.outcome if one else "not stored",
                one.n_versions if one else 0,
                ", ".join(f"{name} {old} → {now}" for name, old, now in one.changed) if one else "",
            )
        )
    screen.table(("symbol", "valid from", "form", "", "versions", "changed"), rows)
    for item in found:
        for note in item.notes:
            screen.say(note)
    screen.emit(
        {
            "symbols": [
                {
                    "symbol": item.instrument.symbol,
                    "valid_from": iso_utc(item.valid_from_ns),
                    "form": item.form,
                    "source": item.source,
                    "sha256": item.sha256,
                    "outcome": row[3],
                    "facts": item.instrument,
                    "notes": list(item.notes),
                }
                for item, row in zip(found, rows, strict=True)
            ]
        }
    )


def _row(one: "StoredFacts") -> tuple[str, ...]:
    from assay.domain.time import iso_utc

    item = one.instrument
    margin = str(item.margin_fraction) + (" and tiers" if item.margin_tiers else "")
    return (
        iso_utc(one.valid_from_ns)[:16].replace("T", " "),
        f"{item.swap_long} / {item.swap_short} {item.swap_mode.value}",
        margin,
        one.source,
        one.sha256[:12],
        iso_utc(one.imported_ns)[:16].replace("T", " "),
    )


def _as_json(one: "StoredFacts") -> dict[str, Any]:
    from assay.domain.time import iso_utc

    return {
        "symbol": one.instrument.symbol,
        "valid_from": iso_utc(one.valid_from_ns),
        "imported": iso_utc(one.imported_ns),
        "source": one.source,
        "sha256": one.sha256,
        "form": one.form,
        "facts": one.instrument,
        "notes": list(one.notes),
    }
