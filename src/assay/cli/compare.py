"""``assay compare``: strategies side by side, on the days all of them traded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.options import JsonOption, WorkspaceOption
from assay.cli.screen import Screen
from assay.cli.session import SystemClock, open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.config.workspace import Workspace
    from assay.research.comparison.comparison import Comparison
    from assay.research.comparison.entrant import Entrant
    from assay.research.comparison.looks import Look
    from assay.research.trials.evidence import TrialEvidence

SAMPLES = 2_000
PAIRS_SHOWN_MAX = 15


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Runs by name; RUN:ai for another strategy of a run, RUN:all for all of them.",
            show_default=False,
        ),
    ],
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            "-b",
            metavar="RUN",
            help="Compare all others with this one, in place of every pair.",
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence", help="Of the answer and its intervals. [default: evaluation.confidence]"
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", help="Resampled records a pair, at least 500.")
    ] = SAMPLES,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the comparison's folder. [default: its time]"),
    ] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare strategies on the days all of them traded; write a page.

    Better is what earned more for the risk it took, by more than luck explains over all pairs
    that are compared. Every comparison is noted: it is a look at the data.
    """
    from assay.research.comparison.comparison import compare as compare_entrants
    from assay.research.comparison.entrant import read_entrants
    from assay.research.comparison.looks import LOOKS_FILE, note_look
    from assay.research.compute.place import Place

    place, settings = open_workspace(workspace, None)
    screen = Screen(as_json=as_json)
    at_ns = SystemClock().now()
    target = _folder(place, name, at_ns)
    base = _benchmark(place, benchmark)
    entrants = read_entrants(place.reports, runs)
    if base is not None and base.name not in {item.name for item in entrants}:
        entrants.insert(0, base)
    with screen.progress() as progress:
        comparison = compare_entrants(
            entrants,
            benchmark=None if base is None else base.name,
            confidence=settings.evaluation.confidence if confidence is None else confidence,
            samples=samples,
            seed=settings.run.seed,
            trials=_trials(place),
            place=Place.of(settings),
            progress=progress,
        )
    with place.held():
        place.drop_unfinished()
        look = note_look(place.comparisons / LOOKS_FILE, comparison, entrants, at_ns)
        page = _write(target, comparison, entrants, look, place.reports)
    _show(screen, comparison, look, page)
    if is_open:
        import webbrowser

        webbrowser.open(page.as_uri())


def _benchmark(place: "Workspace", benchmark: str | None) -> "Entrant | None":
    """Return the benchmark.

    Raises
    ------
    ConfigError
        If it is more than one strategy.
    """
    from assay.domain.errors import ConfigError
    from assay.research.comparison.entrant import read_entrants

    if benchmark is None:
        return None
    found = read_entrants(place.reports, [benchmark])
    if len(found) > 1:
        raise ConfigError(
            f"--benchmark must be one strategy; {benchmark} has {len(found)}.",
            remedy=f"Write, for example, --benchmark {found[0].name}.",
            value=benchmark,
        )
    return found[0]


def _folder(place: "Workspace", name: str | None, at_ns: int) -> Path:
    from assay.cli.reports import checked_name, free_folder
    from assay.domain.time import iso_utc

    if name is not None:
        return place.comparisons / checked_name(name)
    moment = iso_utc(at_ns).replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
    return free_folder(place.comparisons / f"{moment}-compare")


def _trials(place: "Workspace") -> "TrialEvidence | None":
    """Return what the ledger says; None where nothing was counted."""
    from assay.cli.trials import opened_ledger

    evidence = opened_ledger(place).evidence()
    return evidence if evidence.count else None


def _write(
    target: Path,
    comparison: "Comparison",
    entrants: "Sequence[Entrant]",
    look: "Look",
    reports: Path,
) -> Path:
    """Write the page and the figures into a folder of their own; return the page."""
    from assay.config.workspace import folder_in_one_piece
    from assay.data.disk import Disk, put
    from assay.research.comparison.page import HTML_FILE, JSON_FILE, comparison_page

    page = comparison_page(
        comparison, entrants, look=look.sentence, reports=f"../../{reports.name}"
    )
    with folder_in_one_piece(target) as draft:
        put(Disk(), draft / JSON_FILE, comparison.text().encode())
        put(Disk(), draft / HTML_FILE, page.encode())
    return target / HTML_FILE


def _show(screen: Screen, comparison: "Comparison", look: "Look", page: Path) -> None:
    import json

    from assay.research.comparison.writing import chance, visible

    screen.say("")
    screen.say(visible(comparison.headline), style="bold")
    for sentence in comparison.explanation:
        screen.say(f"  {visible(sentence)}")
    for concern in comparison.concerns:
        style = "yellow" if concern.is_warning else None
        word = "Warning: " if concern.is_warning else ""
        screen.say(f"  {word}{visible(concern.text)}", style=style)
    screen.table(
        ("", "run", "strategy", "Sharpe", "low", "high", "net %", "max drawdown %", "trades"),
        [
            (
                item.letter,
                visible(item.run),
                item.title,
                item.sharpe.value,
                item.sharpe.low,
                item.sharpe.high,
                100.0 * item.total_return,
                100.0 * item.drawdown.value,
                item.n_trades,
            )
            for item in comparison.figures
        ],
    )
    letters = {item.name: item.letter for item in comparison.figures}
    ordered = sorted(comparison.pairs, key=lambda pair: pair.sharpe_p_holm)[:PAIRS_SHOWN_MAX]
    screen.table(
        ("pair", "Sharpe", "low", "high", "by luck", "corrected", "return a year %", "e-value"),
        [
            (
                f"{letters[pair.first]} less {letters[pair.second]}",
                pair.sharpe_difference.value,
                pair.sharpe_difference.low,
                pair.sharpe_difference.high,
                chance(pair.sharpe_p),
                chance(pair.sharpe_p_holm),
                100.0 * pair.return_difference.value,
                pair.e_value,
            )
            for pair in ordered
        ],
    )
    if len(comparison.pairs) > len(ordered):
        screen.say(
            f"The clearest {len(ordered)} of {len(comparison.pairs)} pairs; the page has all."
        )
    screen.say(look.sentence)
    screen.say(f"Page: {page}")
    screen.emit(
        {
            "page": page,
            "look": look.number,
            "strategies_compared_so_far": look.n_strategies,
            "comparison": json.loads(comparison.text()),
        }
    )
