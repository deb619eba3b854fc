"""What a search of risk settings may vary, and how far."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.config.settings import Settings
from assay.engine.sweep import varied_rules
from assay.kernels.compiler import FloatArray
from assay.research.search.space import settings_with
from assay.risk.facts import RecordArray

OFF_SHARE = 1.0 / 3.0
"""Share of the design in which a rule that may be off is off."""
DIGITS = 3
"""Significant digits of a value: what is tried is what can be written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One setting.

    Attributes
    ----------
    name : str
        As in ``assay.toml``; ``target_r`` is a single take-profit for the whole position.
    section : str
    title : str
        For readers, with its unit.
    low, high : float
        Default range; times the setting itself where it is a limit, so that a search tightens and
        never loosens one unless it is told to.
    is_log, is_whole, may_be_off, is_limit : bool
        Spaced evenly in its logarithm; a whole number; 0 switches it off; a limit of the risk.
    """

    name: str
    section: str
    title: str
    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False
    may_be_off: bool = False
    is_limit: bool = False


PARAMETERS: Mapping[str, Parameter] = {
    item.name: item
    for item in (
        Parameter(
            name="stop_atr", section="exits", title="stop, ATR", low=1.0, high=16.0, is_log=True
        ),
        Parameter(
            name="target_r", section="exits", title="target, stop distances", low=0.5, high=6.0,
            is_log=True, may_be_off=True,
        ),
        Parameter(
            name="trailing_atr", section="exits", title="trailing stop, ATR", low=1.0, high=16.0,
            is_log=True, may_be_off=True,
        ),
        Parameter(
            name="break_even_at_r", section="exits", title="break-even, stop distances",
            low=0.25, high=4.0, is_log=True, may_be_off=True,
        ),
        Parameter(
            name="time_stop_bars", section="exits", title="time stop, bars", low=4.0, high=240.0,
            is_log=True, is_whole=True, may_be_off=True,
        ),
        Parameter(name="pass_score", section="fusion", title="score to enter", low=0.5, high=0.75),
        Parameter(name="hold_score", section="fusion", title="score to hold", low=0.3, high=0.55),
        Parameter(
            name="kelly_multiplier", section="risk", title="share of Kelly", low=0.2, high=1.0,
            is_log=True, is_limit=True,
        ),
        Parameter(
            name="risk_fraction_max", section="risk", title="risk per trade, of equity",
            low=0.1, high=1.0, is_log=True, is_limit=True,
        ),
        Parameter(
            name="volatility_target", section="risk", title="volatility target, a year",
            low=0.2, high=1.0, is_log=True, is_limit=True,
        ),
        Parameter(
            name="symbol_exposure_max", section="risk", title="exposure, of equity",
            low=0.1, high=1.0, is_log=True, is_limit=True,
        ),
        Parameter(
            name="margin_fraction_max", section="risk", title="margin, of equity",
            low=0.1, high=1.0, is_log=True, is_limit=True,
        ),
    )
}  # fmt: skip
"""All that can be varied, by name."""

SEARCHED = (
    "stop_atr",
    "target_r",
    "trailing_atr",
    "break_even_at_r",
    "time_stop_bars",
    "pass_score",
    "hold_score",
    "kelly_multiplier",
    "risk_fraction_max",
    "volatility_target",
)
"""What is searched without further words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From where to where a setting is searched; equal ends fix it.

    Attributes
    ----------
    low, high : float
    may_be_off : bool
        Whether 0, which switches the rule off, is searched as well.
    """

    low: float
    high: float
    may_be_off: bool = False


def value_of(settings: Settings, name: str) -> float:
    """Return what a setting is now; NaN for the distance of several targets."""
    if name != "target_r":
        return float(getattr(getattr(settings, PARAMETERS[name].section), name))
    targets = settings.exits.targets
    if not targets:
        return 0.0
    is_single = len(targets) == 1 and targets[0].fraction == 1.0
    return targets[0].at_r if is_single else float("nan")


def settings_of(settings: Settings, values: Mapping[str, float]) -> Settings:
    """Return *settings* with *values* by the names of ``PARAMETERS``.

    ``hold_score`` is lowered to ``pass_score`` where it lies above it.

    Raises
    ------
    ConfigError
        If the settings do not take a value: their own ceilings hold here too.
    """
    content: dict[str, object] = {}
    for name, value in values.items():
        item = PARAMETERS[name]
        if name == "target_r":
            content["exits.targets"] = [{"at_r": value, "fraction": 1.0}] if value > 0.0 else []
        else:
            content[f"{item.section}.{name}"] = round(value) if item.is_whole else float(value)
    return settings_with(settings, content)


def rules_of(settings: Settings, values: Mapping[str, FloatArray]) -> RecordArray:
    """Return the rules of each case: those of ``settings_of``, for many cases at once."""
    rules = varied_rules(settings, **values)
    rules.hold_score = np.minimum(rules.hold_score, rules.pass_score)
    return rules


def values_at(units: FloatArray, ranges: Mapping[str, Range]) -> dict[str, FloatArray]:
    """Return the values of points of the unit cube, by name.

    Parameters
    ----------
    units : float64, shape (n_cases, n_parameters)
        In the order of *ranges*, [0, 1). The first third of a rule that may be off is off.
    ranges : mapping of str to Range

    Returns
    -------
    values : mapping of str to float64, shape (n_cases,)
        Of three significant digits, never outside the range; ``hold_score`` is at most
        ``pass_score`` where both are searched.
    """
    found = {}
    for column, (name, item) in enumerate(ranges.items()):
        u = units[:, column]
        is_off = np.zeros(len(u), dtype=np.bool_)
        if item.may_be_off:
            is_off = u < OFF_SHARE
            u = (u - OFF_SHARE) / (1.0 - OFF_SHARE)
        if PARAMETERS[name].is_log:
            value = item.low * (item.high / item.low) ** u
        else:
            value = item.low + u * (item.high - item.low)
        value = np.rint(value) if PARAMETERS[name].is_whole else _rounded(value)
        found[name] = np.where(is_off, 0.0, np.clip(value, item.low, item.high))
    if "hold_score" in found and "pass_score" in found:
        found["hold_score"] = np.minimum(found["hold_score"], found["pass_score"])
    return found


def units_at(values: Mapping[str, FloatArray], ranges: Mapping[str, Range]) -> FloatArray:
    """Return the places of values in the unit cube, shape (n_cases, n_parameters).

    The other way of ``values_at``: what is off lies in the middle of what is off, and what lies
    outside its range at the end of it.
    """
    columns = []
    for name, item in ranges.items():
        value = np.clip(values[name], item.low, item.high)
        if item.low == item.high:
            u = np.full(len(value), 0.5)
        elif PARAMETERS[name].is_log:
            u = np.log(value / item.low) / np.log(item.high / item.low)
        else:
            u = (value - item.low) / (item.high - item.low)
        if item.may_be_off:
            u = np.where(values[name] == 0.0, 0.5 * OFF_SHARE, OFF_SHARE + (1.0 - OFF_SHARE) * u)
        columns.append(np.minimum(u, np.nextafter(1.0, 0.0)))
    return np.stack(columns, axis=1)


def can_be(value: float, item: Range) -> bool:
    """Whether *value* is among what is searched; several targets never are."""
    return item.low <= value <= item.high or (value == 0.0 and item.may_be_off)


def _rounded(values: FloatArray) -> FloatArray:
    """Return positive values to ``DIGITS`` digits: those that the decimal text stands for."""
    scale = 10.0 ** (DIGITS - 1.0 - np.floor(np.log10(values)))
    return np.asarray(np.rint(values * scale) / scale)
