"""``assay optimise``: search settings inside every training span, then judge what was chosen."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import JsonOption, SetOption, WorkspaceOption
from assay.cli.run import execute_into, show_result
from assay.cli.screen import Screen
from assay.cli.session import open_workspace

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.research.risk_search.task import Plan
    from assay.research.run_result import RunResult


def optimise(
    risk: Annotated[
        bool,
        typer.Option(
            "--risk",
            help="Search the risk settings alone, on the compiled engine: exits, scores, sizing.",
        ),
    ] = False,
    cases: Annotated[
        int | None,
        typer.Option(
            "--cases",
            metavar="N",
            help="With --risk: backtests of each search. [default: 16384]",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            metavar="NAME",
            help="With --risk: sharpe, or growth of the account. [default: sharpe]",
            show_default=False,
        ),
    ] = None,
    drawdown_max: Annotated[
        float | None,
        typer.Option(
            "--drawdown-max",
            metavar="SHARE",
            help="With --risk: leave out what falls deeper, such as 0.2. [default: no limit]",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the report's folder. [default: time and market]"),
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search labels, features, models, fusion and risk settings; walk forward; judge.

    Before each stretch that is judged, the search tries configurations on the history before it,
    by combinatorial purged cross-validation, and adopts the best if it is clearly better than the
    settings of the workspace and no lone peak. What is judged was seen by no trial. Every trial
    is counted in the ledger. A search that was stopped, or killed, goes on where it ended.

    With --risk the models stay as they are, and only what is done with their forecasts is
    searched: a hundred thousand backtests in about a minute.
    """
    place, settings = open_workspace(workspace, overrides)
    screen = Screen(as_json=as_json)
    given = {"cases": cases, "measure": measure, "drawdown-max": drawdown_max}
    plan = _plan(settings, is_risk=risk, given=given)
    with place.held():
        place.drop_unfinished()
        folder, result = execute_into(
            place,
            settings,
            screen,
            name=name,
            overrides=overrides,
            is_searched=plan is None,
            risk_plan=plan,
            options=_words(given) if risk else (),
        )
    if plan is None:
        show_searches(result, screen)
        show_result(folder, result, screen)
    else:
        show_risk(result, screen)
        show_result(folder, result, screen, risk_search=without_series(result.risk_search))


def _words(given: dict[str, Any]) -> list[str]:
    """Return the options of a search of risk settings, as they were given."""
    words = ["--risk"]
    for option, value in given.items():
        if value is not None:
            words += [f"--{option}", str(value)]
    return words


def _plan(settings: "Settings", *, is_risk: bool, given: dict[str, Any]) -> "Plan | None":
    """Return what a search of risk settings is asked to do; None for the search of everything.

    Raises
    ------
    ConfigError
        If an option makes no sense, or says something about a search that was not asked for.
    """
    from assay.domain.errors import ConfigError

    if not is_risk:
        for option, value in given.items():
            if value is not None:
                raise ConfigError(
                    f"--{option} must stand beside --risk; it was given alone.",
                    remedy="Add --risk, or leave it out: the search of everything is set in "
                    "[search].",
                    key=option,
                )
        return None
    import math

    from assay.research.risk_search.objective import Measure
    from assay.research.risk_search.ranges import ranges_of
    from assay.research.risk_search.search import check_plan
    from assay.research.risk_search.task import CASES, Plan

    names = [item.value for item in Measure]
    asked = given["measure"] or names[0]
    if asked not in names:
        raise ConfigError(
            f"--measure must be one of {', '.join(names)}; was {asked!r}.",
            remedy="Use growth to judge how large positions are, else sharpe.",
            key="measure",
        )
    limit = given["drawdown-max"]
    plan = Plan(
        ranges=ranges_of(settings),
        n_cases=CASES if given["cases"] is None else given["cases"],
        measure=Measure(asked),
        drawdown_max=math.inf if limit is None else limit,
    )
    check_plan(plan)
    return plan


def show_searches(result: "RunResult", screen: Screen) -> None:
    """Print what each search tried, chose and expected, and what came of it."""
    screen.say("")
    for record in result.searches:
        screen.say(f"{record['name']} (until {record['until'][:10]}): {record['reason']}")
    screen.table(
        ("search", "trials", "given up", "start", "best", "PBO", "adopted", "efficiency", "chosen"),
        [
            (
                record["name"],
                record["trials"],
                record["given_up"],
                record["start"]["objective"],
                record["best"]["objective"],
                record["pbo"],
                "yes" if record["adopted"] else "no",
                record["efficiency"],
                _chosen(record),
            )
            for record in result.searches
        ],
    )


def _chosen(record: Any) -> str:
    """Return the settings that were changed, in words."""
    changed = {
        name: value
        for name, value in record["values"].items()
        if value != record["start"]["values"][name]
    }
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or "as they were"


def show_risk(result: "RunResult", screen: Screen) -> None:
    """Print the best case beside the settings as they are, and what came after each choice."""
    from assay.research.report.risk_charts import value_text
    from assay.research.report.risk_page import after_told, headline
    from assay.research.risk_search.parameters import PARAMETERS

    found = result.risk_search
    final = found["final"]
    best, as_set = final["best"], final["as_set"]
    screen.say("")
    screen.say(headline(found), style="bold")
    for reason in final["reasons"]:
        screen.say(f"  - {reason}")
    screen.table(
        ("setting", "as set", "best case"),
        [
            *(
                (
                    name,
                    value_text(as_set["values"][name], may_be_off=PARAMETERS[name].may_be_off),
                    value_text(value, may_be_off=PARAMETERS[name].may_be_off),
                )
                for name, value in best["values"].items()
            ),
            *(
                (title, f"{as_set[key]:.4g}", f"{best[key]:.4g}")
                for title, key in (
                    ("= objective", "objective"),
                    ("= Sharpe ratio", "sharpe"),
                    ("= growth a year", "growth"),
                    ("= largest fall", "drawdown"),
                    ("= trades", "n_trades"),
                )
            ),
        ],
    )
    if found["after"] is not None:
        screen.say(after_told(found))
        screen.table(
            ("chose for", "cases", "as set", "best", "PBO", "plateau", "taken",
             "after: as set", "after: chosen"),
            [
                (
                    f"step {step['fold'] + 1}",
                    step["cases"],
                    step["as_set"]["objective"],
                    step["best"]["objective"],
                    step["pbo"],
                    step["plateau"]["share"],
                    "yes" if step["winner"] else "no",
                    step["after"]["as_set"],
                    step["after"]["chosen"],
                )
                for step in found["steps"]
            ],
        )  # fmt: skip
    if found["lines"]:
        screen.say("Lines for assay.toml:")
        for line in found["lines"]:
            screen.say(f"  {line}".rstrip())


def without_series(found: Any) -> dict[str, Any]:
    """Return the record of a risk search without its daily series, which results.json holds."""
    after = found["after"]
    if after is None:
        return dict(found)
    short = {key: {"sharpe": after[key]["sharpe"]} for key in ("chosen", "as_set")}
    return {**found, "after": {**after, **short}}
