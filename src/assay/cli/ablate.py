"""``assay ablate``: take one source away at a time, and see what is lost."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.research.attribution.ablation import Ablation
    from assay.research.trials.ledger import TrialLedger
    from assay.research.walk import Walked

HTML_FILE = "ablation.html"
JSON_FILE = "ablation.json"


def ablate(
    is_refit: Annotated[
        bool, typer.Option("--refit", help="Train again without each source; takes many runs.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Take away only this: trend, model_logistic, ai, exits … May be repeated.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the folder in reports/. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take one source or rule away at a time, and see what the strategy loses.

    Trains once, as `assay run` does, then trades without each group of indicators, each model,
    the swap in the view, the sizing and the exits. Differences are tested on the same days, with
    Holm's correction. Each strategy that is traded counts as a trial in the ledger, the whole one
    as the trial that `assay run` counts.
    """
    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    with place.held():
        place.drop_unfinished()
        folder, ablation = _ablated_into(
            place, settings, screen, name=name, only=tuple(only or ()), is_refit=is_refit
        )
    _show(folder, ablation, screen)


def _ablated_into(
    place: "Workspace",
    settings: "Settings",
    screen: Screen,
    *,
    name: str | None,
    only: tuple[str, ...],
    is_refit: bool,
) -> tuple["Path", "Ablation"]:
    """Do the whole of it and write its folder; return both."""
    import json

    from threadpoolctl import threadpool_limits

    from assay.cli.history import read_history
    from assay.cli.own_strategy import find_strategy, keep_copy
    from assay.cli.reports import report_folder
    from assay.cli.run import circumstances
    from assay.cli.trials import META_FILE, count_trials, ledger_note, staged_ledger
    from assay.config.workspace import folder_in_one_piece
    from assay.data.catalogue import Catalogue
    from assay.research.attribution.ablation import ablate as ablate_walk
    from assay.research.attribution.ablation import chosen_removals
    from assay.research.report.ablation_page import ablation_page, ablation_text
    from assay.research.walk import walk
    from assay.signals.votes import VOTES

    at_ns, began_s = SystemClock().now(), time.monotonic()
    target = report_folder(place, settings, name, at_ns, kind="ablate")
    strategy = find_strategy(place, screen)
    own = () if strategy is None else strategy.signal_names
    chosen = chosen_removals(settings, (*VOTES, *own), only)
    with screen.progress() as progress, folder_in_one_piece(target) as draft:
        history = read_history(Catalogue(place.data), settings, progress)
        book = staged_ledger(place, draft)
        walked = walk(settings, history, progress=progress, strategy=strategy)
        with threadpool_limits(limits=1):
            found = ablate_walk(walked, chosen, progress, refit=is_refit)
        _count(book, walked, found, at_ns, is_refit=is_refit)
        progress.stage("Writing the report", 1)
        title = f"{', '.join(history.bars)} {settings.market.timeframe}"
        hashes, shown = dict(walked.prepared.hashes), settings.of_a_result()
        told = {"title": title, "hashes": hashes, "settings": shown}
        page = ablation_page(found, title, settings.account.currency, ())
        (draft / HTML_FILE).write_text(page, encoding="utf-8")
        (draft / JSON_FILE).write_text(ablation_text(found, **told), encoding="utf-8")
        notes = {**circumstances(at_ns, began_s), **ledger_note(book)}
        text = json.dumps(notes, sort_keys=True, indent=1)
        (draft / META_FILE).write_text(f"{text}\n", encoding="utf-8")
        keep_copy(strategy, draft)
        count_trials(place, book)
        progress.advance()
    return target, found


def _count(
    book: "TrialLedger", walked: "Walked", found: "Ablation", at_ns: int, *, is_refit: bool
) -> None:
    """Count what was traded: the whole strategy as a run counts it, and each without something."""
    from assay.research.judging import count_trials
    from assay.research.trials.trial import hash_of, settings_hash

    settings, hashes = walked.settings, walked.prepared.hashes
    own = settings_hash(settings.of_a_result())
    without = hash_of([own, "refitted" if is_refit else "silenced"])
    for results, identity in (((found.whole,), own), (found.results, without)):
        count_trials(
            book,
            results,
            settings=settings,
            settings_hash=identity,
            hashes=hashes,
            at_ns=at_ns,
            origin="ablation",
        )


def _show(folder: "Path", ablation: "Ablation", screen: Screen) -> None:
    from assay.research.attribution.ablation import as_record

    screen.say(
        f"The whole strategy: {100.0 * ablation.total_return:+.1f} %, Sharpe ratio "
        f"{ablation.sharpe:.2f}, {len(ablation.whole.trades):,} trades.",
        style="bold",
    )
    screen.table(
        (
            "without",
            "net %",
            "Sharpe",
            "trades",
            "Sharpe lost",
            "low",
            "high",
            "p (Holm)",
            "finding",
        ),
        [
            (
                row.name,
                100.0 * row.total_return,
                row.sharpe,
                row.n_trades,
                row.sharpe_difference.value,
                row.sharpe_difference.low,
                row.sharpe_difference.high,
                row.p_adjusted,
                row.finding.value,
            )
            for row in ablation.rows
        ],
    )
    if not any(row.was_refitted for row in ablation.rows):
        screen.say("All weights stayed as they were fitted; --refit trains again without each one.")
    screen.say(f"Page: {folder / HTML_FILE}")
    screen.emit({"folder": folder, **as_record(ablation)})
