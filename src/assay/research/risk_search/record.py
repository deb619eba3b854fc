"""What a walk of risk searches found, as plain values for results and pages."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from assay.config.settings import Settings
from assay.domain.time import iso_utc
from assay.research.risk_search.found import Case, RiskSearch
from assay.research.risk_search.nested import After, RiskStep, RiskWalk, annual
from assay.research.risk_search.parameters import PARAMETERS, settings_of
from assay.research.risk_search.support import Sensitivity
from assay.research.risk_search.task import Plan

SECTIONS = ("fusion", "risk", "exits")


def plan_record(plan: Plan, settings: Settings) -> dict[str, Any]:
    """Return all that the outcome depends on beside the other settings, one value a key.

    A range is ``[low, high]``, with a 0 before it where the rule may be off.
    """
    return {
        "cases": plan.n_cases,
        "measure": plan.measure.value,
        "drawdown_max": plan.drawdown_max if math.isfinite(plan.drawdown_max) else None,
        "dispersion_weight": settings.search.dispersion_weight,
        **{
            name: [*([0.0] if item.may_be_off else []), item.low, item.high]
            for name, item in plan.ranges.items()
        },
    }


def risk_record(found: RiskWalk) -> dict[str, Any]:
    """Return everything that a walk of searches found."""
    return {
        "plan": plan_record(found.plan, found.settings),
        "steps": [_step(step, found.after, i) for i, step in enumerate(found.steps)],
        "after": None if found.after is None else _after(found.after),
        "final": {
            **_search(found.final),
            "top": [_case(case) for case in found.final.top],
            "sensitivities": [_sensitivity(item) for item in found.final.sensitivities],
        },
        "lines": lines_of(found.settings, found.final.best.values) if found.final.is_winner else [],
    }


def lines_of(settings: Settings, values: Mapping[str, float]) -> list[str]:
    """Return the lines of ``assay.toml`` that turn *settings* into those of *values*.

    Only what changes, by section, in the digits that were tried.
    """
    before, after = settings.model_dump(), settings_of(settings, values).model_dump()
    lines = []
    for section in SECTIONS:
        changed = {k: v for k, v in after[section].items() if v != before[section][k]}
        if changed:
            lines += [f"[{section}]", *(f"{k} = {_toml(v)}" for k, v in changed.items()), ""]
    return lines[:-1]


def _toml(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{k} = {_toml(v)}' for k, v in value.items())} }}"
    return repr(value)


def _search(search: RiskSearch) -> dict[str, Any]:
    return {
        "from": iso_utc(search.from_ns),
        "until": iso_utc(search.until_ns),
        "seed": search.seed,
        "cases": search.n_cases,
        "spread": search.n_spread,
        "independent": search.n_independent,
        "winner": search.is_winner,
        "reasons": list(search.reasons),
        "best": _case(search.best),
        "as_set": _case(search.as_set),
        "plateau": asdict(search.plateau),
        "pbo": search.overfitting,
        "loss_out_of_sample": search.loss_out_of_sample,
        "edge": search.edge,
        "gain": search.gain,
    }


def _case(case: Case) -> dict[str, Any]:
    return {**asdict(case), "values": dict(case.values), "paths": list(case.paths)}


def _sensitivity(item: Sensitivity) -> dict[str, Any]:
    return {
        "name": item.name,
        "title": PARAMETERS[item.name].title,
        "share": item.share,
        **{key: getattr(item, key).tolist() for key in ("at", "low", "median", "high")},
    }


def _step(step: RiskStep, after: After | None, i: int) -> dict[str, Any]:
    assert after is not None  # there is a step
    mine = after.step == i
    return {
        "fold": step.fold,
        **_search(step.search),
        "after": {
            "days": int(mine.sum()),
            "chosen": annual(after.chosen, mine),
            "as_set": annual(after.as_set, mine),
        },
    }


def _after(after: After) -> dict[str, Any]:
    return {
        "chosen": _days(after, "chosen"),
        "as_set": _days(after, "as_set"),
        "days": len(after.chosen.returns),
        "difference": None
        if after.difference is None
        else {
            "sharpe": asdict(after.difference.sharpe),
            "mean": asdict(after.difference.mean),
            "days_per_year": after.chosen.days_per_year,
        },
    }


def _days(after: After, which: str) -> dict[str, Any]:
    daily = getattr(after, which)
    return {
        "sharpe": annual(daily),
        "day": [iso_utc(int(day))[:10] for day in daily.day_ns - 1],
        "equity": daily.equity.tolist(),
    }
