"""From where to where each setting is searched: the usual ranges, and what the user asks for."""

import math
from collections.abc import Mapping
from typing import Any

from assay.config.settings import Settings
from assay.domain.errors import ConfigError
from assay.research.risk_search.parameters import (
    DIGITS,
    PARAMETERS,
    SEARCHED,
    Range,
    settings_of,
)
from assay.research.search.space import flat, values_of

WHOLE_TARGET = "exits.targets"
"""In ``search.space`` an empty list of these keeps the targets as they are."""


def default_ranges(settings: Settings) -> dict[str, Range]:
    """Return what is searched without further words: limits up to what they are now, never more.

    With ``risk.sizing = "fixed"`` the limits that only sizing reads are left out.
    """
    found = {}
    for name in SEARCHED:
        item = PARAMETERS[name]
        if item.is_limit and settings.risk.sizing == "fixed":
            continue
        scale = float(getattr(settings.risk, name)) if item.is_limit else 1.0
        low = float(f"{item.low * scale:.{DIGITS}g}")
        found[name] = Range(low=low, high=item.high * scale, may_be_off=item.may_be_off)
    return found


def ranges_of(settings: Settings) -> dict[str, Range]:
    """Return the default ranges with those of ``search.space`` over them.

    A list searches from its least value above 0 to its largest, and 0 beside them if it holds it;
    ``{low, high, step}`` from *low* to *high*; an empty list leaves a setting as it is. Settings
    that no sweep varies, such as those of labels, are no concern of this search.

    Raises
    ------
    ConfigError
        If an entry makes no sense, or leaves nothing to search.
    """
    found = default_ranges(settings)
    for dotted, wanted in flat(settings.search.space).items():
        values = values_of(dotted, wanted)
        section, _, name = dotted.partition(".")
        if dotted == WHOLE_TARGET:
            _keep_targets(found, values)
        elif name in PARAMETERS and PARAMETERS[name].section == section:
            found.pop(name, None)
            if values:
                found[name] = _range_of(dotted, values)
    check_ranges(settings, found)
    return found


def _keep_targets(found: dict[str, Range], values: tuple[Any, ...]) -> None:
    if values:
        raise ConfigError(
            f"search.space.{WHOLE_TARGET} must be an empty list in a search of risk settings, "
            "which varies the distance of a single target.",
            remedy="Write [] to keep the targets, or delete the line to search their distance.",
            key=f"search.space.{WHOLE_TARGET}",
        )
    found.pop("target_r", None)


def _range_of(dotted: str, values: tuple[Any, ...]) -> Range:
    is_number = all(isinstance(x, int | float) and not isinstance(x, bool) for x in values)
    above = [float(x) for x in values if is_number and x > 0.0]
    if not above or not all(math.isfinite(x) and x >= 0.0 for x in values):
        raise ConfigError(
            f"search.space.{dotted} must have numbers of 0 or more, one of them above 0; was "
            f"{list(values)!r}.",
            remedy="Write it as [4.0, 16.0]; a 0 among them switches the rule off.",
            key=f"search.space.{dotted}",
        )
    return Range(low=min(above), high=max(above), may_be_off=0.0 in values)


def check_ranges(settings: Settings, ranges: Mapping[str, Range]) -> None:
    """Refuse ranges that the settings would not take.

    Raises
    ------
    ConfigError
        Naming the setting and the value.
    """
    if not ranges:
        raise ConfigError(
            "A search of risk settings must vary at least one; none was left.",
            remedy="Delete [search.space], or give one of its settings two values.",
            key="search.space",
        )
    for name, item in ranges.items():
        known = PARAMETERS.get(name)
        if known is None:
            raise ConfigError(
                f"A searched risk setting must be one of {', '.join(PARAMETERS)}; was {name!r}.",
                remedy="Correct its name.",
                key=name,
            )
        is_number = math.isfinite(item.low) and math.isfinite(item.high)
        if not (is_number and 0.0 < item.low <= item.high):
            raise ConfigError(
                f"The range of {name} must have 0 < low <= high; was {item.low:g} to "
                f"{item.high:g}.",
                remedy="Correct the range; a 0 in its list switches the rule off.",
                key=name,
            )
        if item.may_be_off and not known.may_be_off:
            rules = ", ".join(name for name, rule in PARAMETERS.items() if rule.may_be_off)
            raise ConfigError(
                f"{name} must have a value above 0; it cannot be switched off.",
                remedy=f"Take 0 out of its list. Only {rules} can be 0.",
                key=name,
            )
        for value in (item.low, item.high):
            settings_of(settings, {name: value})
