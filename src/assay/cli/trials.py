"""The ledger of trials of a workspace: opened with its witnesses, staged, shown."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import open_workspace

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.research.stored import StoredModel
    from assay.research.trials.ledger import TrialLedger
    from assay.research.trials.witness import Witness

STAGED = "ledger"
META_FILE = "meta.json"
CARD_FILE = "decision.json"
SHOWN = 20


def ledger(
    last: Annotated[
        int, typer.Option("--last", "-n", min=0, help="How many of the latest trials to show.")
    ] = SHOWN,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the ledger of trials: what was tried, how often, and what that is worth.

    Every fit, backtest, run and step of a search is in it, counted by the machine. The chain of
    hashes is checked, and compared with what reports, models and searches remember.
    """
    from dataclasses import asdict

    from assay.domain.time import iso_utc

    place, _ = open_workspace(workspace, None)
    screen = Screen(as_json=as_json)
    book = opened_ledger(place)
    trials, evidence = book.trials(), book.evidence()
    screen.table(
        ("when", "origin", "kind", "cases", "Sharpe a day", "days", "tried"),
        [
            (
                iso_utc(trial.at_ns),
                trial.origin,
                trial.kind,
                trial.cases,
                trial.sharpe_daily,
                trial.n_days,
                ", ".join(f"{key}={value}" for key, value in trial.tried.items())[:80],
            )
            for trial in trials[len(trials) - min(last, len(trials)) :]
        ],
    )
    by_origin = Counter(trial.origin for trial in trials)
    told = ", ".join(f"{count:,} by {origin}" for origin, count in sorted(by_origin.items()))
    screen.say(
        f"{evidence.count:,} trials ({told or 'none yet'}), {book.retries():,} retries; "
        f"{evidence.clusters:,} clusters, worth {evidence.effective:.1f} independent trials."
    )
    if evidence.lost:
        screen.say(
            f"{evidence.lost:,} of them are lost: earlier results counted them, and the ledger "
            "that recorded them is gone."
        )
    elif trials:
        screen.say("The chain of hashes is unbroken.")
    screen.emit(
        {
            "ledger": place.ledger_path,
            "retries": book.retries(),
            "evidence": asdict(evidence),
            "trials": [asdict(trial) for trial in trials[len(trials) - min(last, len(trials)) :]],
        }
    )


def opened_ledger(place: "Workspace", path: Path | None = None) -> "TrialLedger":
    """Return the ledger of the workspace, or a copy at *path*, with its witnesses."""
    from assay.research.trials.ledger import TrialLedger

    return TrialLedger(path or place.ledger_path, witnesses=witnesses_of(place))


def witnesses_of(place: "Workspace") -> "list[Witness]":
    """Return what reports, models and searches of the workspace remember of its ledger."""
    from assay.research.search.journal import WITNESS_FILE
    from assay.research.trials.witness import Witness

    found = []
    for path, word in (
        *((path, "report") for path in sorted(place.reports.glob(f"*/{META_FILE}"))),
        *((path, "model") for path in sorted(place.models.glob(f"*/{CARD_FILE}"))),
        *((path, "search") for path in sorted(place.searches.glob(f"*/{WITNESS_FILE}"))),
    ):
        note = _note_in(path)
        if note is not None and not path.parent.name.startswith("."):  # not one in the making
            source = f"{word} {path.parent.name}"
            found.append(Witness(count=note[0], hash=note[1], source=source))
    return found


def _note_in(path: Path) -> tuple[int, str] | None:
    """Return count and hash from the notes of a report, a model or a search; None without any."""
    try:
        content = json.loads(path.read_bytes())
        note = content.get("notes", content)["ledger"]
        return int(note["count"]), str(note["hash"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # an older result, or a damaged one that other commands refuse


def ledger_note(book: "TrialLedger") -> dict[str, Any]:
    """Return what a result remembers of the ledger that it was judged by."""
    witness = book.witness("")
    return {"ledger": {"count": witness.count, "hash": witness.hash}}


def staged_ledger(place: "Workspace", draft: Path) -> "TrialLedger":
    """Return a copy of the ledger of trials for one run, in its unfinished folder.

    A run that is stopped shows nothing to anybody, so it counts nothing.
    """
    import shutil

    folder = draft / STAGED
    if place.ledger_path.parent.is_dir():
        shutil.copytree(place.ledger_path.parent, folder)
    return opened_ledger(place, folder / place.ledger_path.name)


def count_trials(place: "Workspace", staged: "TrialLedger") -> None:
    """Append to the ledger of the workspace what a finished run added to its copy."""
    import shutil

    staged.hand_over(opened_ledger(place))
    shutil.rmtree(staged.path.parent)


def count_fit(book: "TrialLedger", fitted: "StoredModel", settings: "Settings", at_ns: int) -> None:
    """Count one fit on all history: it saw everything, and nothing is known of its returns."""
    from assay.config.settings import Settings as Defaults
    from assay.research.identity import acting_code
    from assay.research.trials.trial import Trial, changed_settings, hash_of

    hashes = fitted.hashes
    book.record(
        Trial(
            kind="fit",
            origin="fit",
            settings_hash=hashes["settings"],
            data_hash=hash_of([hashes["data"], hashes["facts"]]),
            code_hash=acting_code(hashes),
            sharpe_daily=float("nan"),
            n_days=0,
            skew=float("nan"),
            kurtosis=float("nan"),
            at_ns=at_ns,
            saw_from_ns=fitted.trained_from_ns,
            saw_until_ns=fitted.trained_until_ns,
            tried=changed_settings(settings.of_a_result(), Defaults().of_a_result()),
        )
    )
