"""The verdict on one page: what was tested, the answer, the evidence, and how to recompute it."""

import json
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from assay.research.metrics import Metrics
from assay.research.report.environment import LABELS, environment, tone_of
from assay.research.report.lines import Line, line_chart
from assay.research.report.plots import luck_chart
from assay.research.report.scale import day_text, year_ticks
from assay.research.result import StrategyResult
from assay.research.run_result import RunResult
from assay.research.tables import daily_of
from assay.research.trials.evidence import TrialEvidence
from assay.research.verdict.changes import what_would_change
from assay.research.verdict.figures import variance_of_luck
from assay.research.verdict.judge import Outcome, Verdict
from assay.research.wording import count, percent, ratio

LINES_MAX = 13
"""Of each side's reasons in print: the page must stay one."""
LINE_LETTERS = 124
"""Letters of a printed line over both sides."""
SHARES = (38, 62)
"""Least and largest share of the page, in per cent, that the reasons for it get."""
WARNINGS_MAX = 2
WARNING_LETTERS_MAX = 150
COMMAND_LETTERS_MAX = 200
GROWTH_SIZE = (560.0, 290.0)
LOG_FROM = 8.0
"""Growth over the span, highest over lowest, from which the axis is logarithmic."""
BESIDE = ("buy_and_hold", "random")
"""Strategies whose growth is drawn beside the judged one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputing:
    """A figure, its value, and how a reader gets it again.

    Attributes
    ----------
    name, value : str
    command : str
        A line for the shell, in the workspace.
    """

    name: str
    value: str
    command: str


def verdict_page(run: RunResult) -> str:
    """Return ``verdict.html``: one printed page, no script, the same bytes for the same run."""
    verdict = run.verdict
    judged = run.strategy(run.headline)
    measured = run.metrics[run.headline]
    numbers = verdict.numbers
    share = _share(verdict)
    heading = (
        "What its figures say, which do not count"
        if verdict.outcome is Outcome.NOT_EVIDENCE
        else "What speaks for it"
    )
    text = (
        environment()
        .get_template("verdict.html")
        .render(
            title=run.title,
            label=LABELS[verdict.outcome],
            tone=tone_of(verdict.outcome),
            verdict=verdict,
            tested=tested(run, judged, measured),
            is_dense=_is_dense(run, share),
            share=share,
            sides=(
                ("for", heading, *_shown(verdict.reasons_for, share)[:2]),
                (
                    "against",
                    "What speaks against it",
                    *_shown(verdict.reasons_against, 100 - share)[:2],
                ),
            ),
            warnings=[_short(words, WARNING_LETTERS_MAX) for words in run.warnings[:WARNINGS_MAX]],
            n_warnings=len(run.warnings),
            trials=trials_told(verdict),
            luck=luck_chart(
                measured.sharpe,
                numbers["luck_sharpe"],
                numbers["sharpe_needed"],
                run.random_sharpes,
            ),
            n_random=0 if run.random_sharpes is None else len(run.random_sharpes),
            confidence=percent(_confidence(verdict), 0),
            growth=small_growth(run),
            changes=what_would_change(verdict),
            commands=commands(run),
            lines=python_lines(run),
            hashes=sorted((name, value[:12]) for name, value in run.hashes.items()),
        )
    )
    return text + "\n"


def tested(run: RunResult, judged: StrategyResult, measured: Metrics) -> str:
    """Return what was tested on what, in two or three sentences."""
    if not len(judged.time_ns):
        return f"{judged.title} on {run.title}: the record has no events."
    span = f"{day_text(int(judged.time_ns[0]))} to {day_text(int(judged.time_ns[-1]))}"
    word = "trade" if measured.n_trades == 1 else "trades"
    told = (
        f"{judged.title} on {run.title}, {span}: {ratio(measured.years, 1)} years, "
        f"{count(measured.n_trades)} {word}, after spread, slippage, commission and swap."
    )
    steps = len(run.folds)
    if steps:
        step = "one step" if steps == 1 else f"{steps} steps"
        told += f" Models were trained in {step}, and each was judged on what came after it alone."
    if run.searches:
        n_trials = sum(int(record["trials"]) for record in run.searches)
        times = "once" if len(run.searches) == 1 else f"{len(run.searches)} times"
        told += (
            f" Settings were searched {times} ({count(n_trials)} configurations), each time in the "
            "past of what was then judged."
        )
    if run.risk_search:
        n_steps = len(run.risk_search["steps"])
        told += (
            f" Risk settings were searched before {count(n_steps)} of {count(steps)} steps, each "
            "time in the record before the step."
        )
    return told


def trials_told(verdict: Verdict) -> tuple[str, ...]:
    """Return how many trials count and what they are worth, in sentences."""
    numbers, trials = verdict.numbers, verdict.trials
    luck, needed = ratio(numbers["luck_sharpe"]), ratio(numbers["sharpe_needed"])
    if trials is None:
        return (f"A record of this length needs a Sharpe ratio of about {needed}.",)
    confidence = percent(_confidence(verdict), 0)
    if trials.count <= 1:
        told = [
            "Nothing else was tried that saw something of this record: one trial counts. To stand "
            f"out from luck with {confidence} confidence, a record of this length needs a Sharpe "
            f"ratio of about {needed}."
        ]
    else:
        told = [
            f"{count(trials.count)} trials saw something of this record and count against it. "
            f"{_worth(trials)}",
            f"The best of so many shows a Sharpe ratio of {luck} by luck alone. To stand out from "
            f"that with {confidence} confidence, a record of this length needs about {needed}.",
        ]
    if trials.lost:
        told.append(
            f"{count(trials.lost)} of them are missing from the ledger; each counts as independent."
        )
    if trials.nested:
        told.append(
            f"{count(trials.nested)} further trials chose settings, each before the span that it "
            "chose for; they do not count."
        )
    return tuple(told)


def _worth(trials: TrialEvidence) -> str:
    groups = "one group" if trials.clusters == 1 else f"{count(trials.clusters)} groups"
    alike = (
        f"Those nearly the same form {groups}; together they are" if trials.clusters else "They are"
    )
    return f"{alike} worth {ratio(trials.effective, 1)} independent trials."


def small_growth(run: RunResult) -> Markup:
    """Return the growth of the judged strategy beside buying, holding and random entries."""
    lines = []
    first, last, values = None, None, [1.0]
    for slot, strategy in enumerate(_drawn(run)):
        daily = daily_of(strategy)
        if len(daily.equity) < 2:
            continue
        growth = daily.equity / strategy.start_balance
        lines.append(
            Line(
                label=strategy.title,
                slot=(0, 3, 4)[slot],
                x=daily.day_ns.astype(np.float64),
                y=growth,
            )
        )
        first = min(int(daily.day_ns[0]), first or int(daily.day_ns[0]))
        last = max(int(daily.day_ns[-1]), last or 0)
        values += [float(growth.min()), float(growth.max())]
    if first is None or last is None:
        return Markup("")
    is_log = min(values) > 0.02 and max(values) / min(values) >= LOG_FROM
    width, height = GROWTH_SIZE
    return line_chart(
        lines,
        f"Growth of the account, {'logarithmic' if is_log else 'linear'} axis",
        x_marks=[(float(at), words) for at, words in year_ticks(first, last, 6)],
        y_text=lambda value: percent(value - 1.0, 0, sign=True),
        is_log_y=is_log,
        width=width,
        height=height,
    )


def _drawn(run: RunResult) -> list[StrategyResult]:
    others = [item for name in BESIDE for item in run.strategies if item.name == name]
    return [run.strategy(run.headline), *(item for item in others if item.name != run.headline)]


def commands(run: RunResult) -> tuple[Recomputing, ...]:
    """Return the commands that make the figures again."""
    numbers = run.verdict.numbers
    found = [
        Recomputing(
            name="Everything on this page",
            value="",
            command=_short(command, COMMAND_LETTERS_MAX),
        )
        for command in run.repeat[:2]
    ]
    found.append(
        Recomputing(
            name="Trials in the ledger by then, lost ones included",
            value=count(numbers["trials_recorded"] + numbers["trials_lost"]),
            command="assay ledger",
        )
    )
    found.append(
        Recomputing(
            name="Nothing knew the future",
            value="" if run.verdict.leaks is None else _clean(run.verdict),
            command="assay leaks",
        )
    )
    found.append(
        Recomputing(
            name="This answer from its own figures",
            value="passed" if run.verdict.is_passed else "not passed",
            command="assay report NAME --check",
        )
    )
    return tuple(found)


def _clean(verdict: Verdict) -> str:
    return "clean" if verdict.leaks is not None and verdict.leaks.is_clean else "not clean"


def python_lines(run: RunResult) -> tuple[tuple[str, str], ...]:
    """Return Python that computes the figures from ``results.json``, each line with its value.

    A test runs them in the report's folder.
    """
    verdict, numbers = run.verdict, run.verdict.numbers
    is_ruined = float(run.strategy(run.headline).equity.min(initial=1.0)) <= 0.0
    growth = "equity[1:] / equity[:-1]"
    lines = [
        ("import json, numpy as np; from assay.research.statistics.sharpe import *", ""),
        ('run = json.load(open("results.json", encoding="utf-8"))', ""),
        (
            f'own, year = run["strategies"][{json.dumps(run.headline)}], '
            f"{numbers['days_per_year']!r}",
            "",
        ),
        ('equity = np.array([own["start_balance"], *own["daily"]["equity"]])', ""),
        (
            f"r = np.nan_to_num({growth}, nan=1.0) - 1" if is_ruined else f"r = {growth} - 1",
            f"{count(numbers['n_days'])} daily returns",
        ),
    ]
    if verdict.trials is None or numbers["sharpe_daily"] == 0.0:
        return tuple(lines)
    trials = verdict.trials
    worth, spread = max(trials.effective, 1.0), variance_of_luck(trials, numbers["n_days"])
    lines += [
        ("s = sharpe_ratio(r); s * year**0.5", ratio(numbers["sharpe"], 4)),
        (
            f"luck = {spread!r}**0.5 * expected_maximum({worth!r}); luck * year**0.5",
            ratio(numbers["luck_sharpe"], 4),
        ),
        (
            "probabilistic_sharpe(s, luck, len(r), skewness(r), kurtosis(r))",
            f"{ratio(numbers['dsr'], 4)}, deflated",
        ),
    ]
    check = next((item for item in verdict.checks if item.name == "random_entries"), None)
    if check is not None and run.random_sharpes is not None and check.threshold < 0.5:
        lines.append(
            (
                'np.mean([True, *(np.array(run["random_sharpes"]) >= s * year**0.5)])',
                f"{ratio(check.value, 4)} of random runs",
            )
        )
    return tuple(lines)


def _confidence(verdict: Verdict) -> float:
    found = [item.threshold for item in verdict.checks if item.name == "deflated_sharpe"]
    return found[0] if found else 0.95


def _share(verdict: Verdict) -> int:
    """Return how much of the page's width the reasons for it get, in per cent."""
    letters = [sum(map(len, side)) for side in (verdict.reasons_for, verdict.reasons_against)]
    wanted = round(100 * letters[0] / max(sum(letters), 1))
    return min(max(wanted, SHARES[0]), SHARES[1])


def _shown(reasons: tuple[str, ...], share: int) -> tuple[tuple[str, ...], int, int]:
    """Return the reasons that fit into print, how many are left for the report, and their lines."""
    letters = LINE_LETTERS * share // 100
    shown: list[str] = []
    n_lines = 0
    for reason in reasons:
        words = _short(reason, 4 * letters)
        needed = -(-len(words) // letters)
        if n_lines + needed > LINES_MAX:
            break
        shown.append(words)
        n_lines += needed
    return tuple(shown), len(reasons) - len(shown), n_lines


def _is_dense(run: RunResult, share: int) -> bool:
    """Tell whether the page has more to say than one sheet holds at its usual size."""
    verdict = run.verdict
    sides = ((verdict.reasons_for, share), (verdict.reasons_against, 100 - share))
    n_lines = max(_shown(reasons, width)[2] for reasons, width in sides)
    n_lines += 2 * max(0, len(trials_told(verdict)) - 2)
    n_lines += 2 * max(0, min(len(run.warnings), WARNINGS_MAX + 1) - 1)
    n_lines += sum(len(command) // 50 for command in run.repeat) + len(run.title) // 40
    return n_lines > LINES_MAX


def _short(words: str, letters_max: int) -> str:
    return words if len(words) <= letters_max else f"{words[: letters_max - 1].rstrip()}…"
