"""What a search may change: parameters with their values, and settings made from a choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from assay.config.settings import Settings
from assay.domain.errors import ConfigError

VALUES_MAX = 1_000

Point = dict[str, int]
"""A choice: the place of the chosen value of every parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One setting that is searched.

    Attributes
    ----------
    name : str
        Dotted, such as ``labels.horizon_bars``.
    values : tuple
        What it may be, in an order in which neighbours resemble each other.
    """

    name: str
    values: tuple[Any, ...]

    @property
    def is_of_models(self) -> bool:
        """Whether another value asks for other fits, and not for other decisions alone."""
        return self.name.split(".")[0] in ("labels", "features", "training")


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """All that is searched.

    Attributes
    ----------
    parameters : tuple of Parameter
    base : Settings
        Everything else, and the values that the search begins with.
    """

    parameters: tuple[Parameter, ...]
    base: Settings

    @property
    def n_points(self) -> int:
        """Number of configurations."""
        return int(np.prod([len(item.values) for item in self.parameters], dtype=np.float64))

    def start(self) -> Point:
        """Return the choice that is the base itself."""
        return {
            item.name: item.values.index(_value_of(self.base, item.name))
            for item in self.parameters
        }

    def values(self, point: Mapping[str, int]) -> dict[str, Any]:
        """Return the chosen values by name."""
        return {item.name: item.values[point[item.name]] for item in self.parameters}

    def settings(self, point: Mapping[str, int]) -> Settings:
        """Return the base with the chosen values.

        Notes
        -----
        ``fusion.hold_score`` is at most ``fusion.pass_score``, and ``fusion.weight_ai`` takes
        its share from ``fusion.weight_traditional``.

        Raises
        ------
        ConfigError
            If the settings refuse a value.
        """
        return settings_with(self.base, self.values(point))

    def neighbours(self, point: Point) -> list[Point]:
        """Return the choices that differ from *point* by one step of one parameter."""
        found = []
        for item in self.parameters:
            for step in (-1, 1):
                place = point[item.name] + step
                if 0 <= place < len(item.values):
                    found.append({**point, item.name: place})
        return found


def settings_with(base: Settings, values: Mapping[str, Any]) -> Settings:
    """Return *base* with *values* by dotted name; see ``Space.settings``."""
    content = base.model_dump()
    for name, value in values.items():
        section, key = name.split(".")
        content[section][key] = value
    fusion = content["fusion"]
    if "fusion.weight_ai" in values:
        rest = 1.0 - fusion["weight_correlation"] - fusion["weight_ai"]
        fusion["weight_traditional"] = round(max(0.0, rest), 12)
    fusion["hold_score"] = min(fusion["hold_score"], fusion["pass_score"])
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        told = error.errors()[0]
        place = ".".join(str(part) for part in told["loc"])
        raise ConfigError(
            f"A searched setting must be one that the settings allow; {place}: {told['msg']}.",
            remedy="Correct search.space, or the setting that it does not fit.",
            key=f"search.space.{place}",
        ) from None


def space_of(settings: Settings) -> Space:
    """Return what *settings* ask to be searched: the default space with ``search.space`` over it.

    The value of a setting itself always takes part: a search begins with the settings as they are.

    Raises
    ------
    ConfigError
        If a name or a range of ``search.space`` makes no sense.
    """
    ranges: dict[str, Sequence[Any]] = dict(DEFAULT_SPACE)
    for name, wanted in flat(settings.search.space).items():
        ranges[name] = values_of(name, wanted)
    parameters = tuple(
        Parameter(name=name, values=_with_own(values, _value_of(settings, name)))
        for name, values in ranges.items()
        if values
    )
    if not parameters:
        raise ConfigError(
            "A search must have something to search; search.space leaves nothing.",
            remedy="Delete [search.space], or give one of its settings a list of values.",
            key="search.space",
        )
    space = Space(parameters=parameters, base=settings)
    for item in parameters:
        for value in item.values:
            settings_with(settings, {item.name: value})
    return space


DEFAULT_SPACE: Mapping[str, Sequence[Any]] = {
    "labels.horizon_bars": (12, 24, 36, 48, 96),
    "labels.barrier_volatility": (1.5, 2.5, 4.0),
    "training.features_max": (15, 40, 80),
    "fusion.pass_score": (0.52, 0.55, 0.58, 0.6, 0.63, 0.66, 0.7),
    "fusion.hold_score": (0.45, 0.5, 0.55),
    "fusion.weight_ai": (0.2, 0.4, 0.6),
    "exits.stop_atr": (4.0, 8.0, 16.0),
    "risk.kelly_multiplier": (0.25, 0.5),
}
SEARCHED = ("labels", "training", "features", "fusion", "exits", "risk")
"""Sections whose settings may be searched: what the market and its costs are is not chosen."""

NOT_SEARCHED = (
    "features.timeframes",
    "exits.atr_bars",
    "training.embargo_bars",
    "training.inner_folds",
    "training.quantiles",
)
"""On these depend votes, the unit of the stops or the splits; or a search fits with its own."""


def flat(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"a": {"b": x}}`` and ``{"a.b": x}`` alike as ``{"a.b": x}``."""
    flat: dict[str, Any] = {}
    for name, value in space.items():
        if isinstance(value, Mapping) and "." not in name and not {"low", "high"} <= set(value):
            flat |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            flat[name] = value
    return flat


def values_of(name: str, wanted: object) -> tuple[Any, ...]:
    """Return the values of one entry of ``search.space``.

    Raises
    ------
    ConfigError
        If the name or the values make no sense.
    """
    section, _, key = name.partition(".")
    known = Settings.model_fields
    is_known = section in SEARCHED and key in getattr(known[section].annotation, "model_fields", {})
    if not is_known or name in NOT_SEARCHED:
        raise ConfigError(
            f"A searched setting must be one of {', '.join(f'[{item}]' for item in SEARCHED)}, and "
            f"none of {', '.join(NOT_SEARCHED)}; was {name!r}.",
            remedy="See `assay config show` for the names, such as labels.horizon_bars.",
            key=f"search.space.{name}",
        )
    if isinstance(wanted, list | tuple):
        values = tuple(tuple(item) if isinstance(item, list) else item for item in wanted)
    elif isinstance(wanted, Mapping) and {"low", "high", "step"} == set(wanted):
        values = _stepped(name, wanted)
    else:
        raise ConfigError(
            f"search.space.{name} must be a list of values or {{low, high, step}}; was {wanted!r}.",
            remedy="Write it as [12, 24, 48], or as { low = 12, high = 96, step = 12 }.",
            key=f"search.space.{name}",
        )
    if len(values) > VALUES_MAX or len(set(map(repr, values))) != len(values):
        raise ConfigError(
            f"search.space.{name} must have at most {VALUES_MAX} values, all different; "
            f"had {len(values)}.",
            remedy="Use a larger step.",
            key=f"search.space.{name}",
        )
    return values


def _stepped(name: str, wanted: Mapping[str, Any]) -> tuple[Any, ...]:
    low, high, step = (wanted[key] for key in ("low", "high", "step"))
    if not all(isinstance(x, int | float) and not isinstance(x, bool) for x in (low, high, step)):
        raise ConfigError(
            f"search.space.{name} must have numbers as low, high and step; was {dict(wanted)!r}.",
            remedy="Write it as { low = 12, high = 96, step = 12 }.",
            key=f"search.space.{name}",
        )
    if not (step > 0 and low <= high and (high - low) / step < VALUES_MAX):
        raise ConfigError(
            f"search.space.{name} must rise from low to high in at most {VALUES_MAX} steps; "
            f"was {low} to {high} by {step}.",
            remedy="Correct low, high or step.",
            key=f"search.space.{name}",
        )
    n = int((high - low) / step + 1e-9) + 1
    if all(isinstance(x, int) for x in (low, high, step)):
        return tuple(low + k * step for k in range(n))
    return tuple(round(low + k * step, 12) for k in range(n))


def _value_of(settings: Settings, name: str) -> Any:
    section, key = name.split(".")
    return getattr(getattr(settings, section), key)


def _with_own(values: Sequence[Any], own: Any) -> tuple[Any, ...]:
    """Return *values* with *own* among them: in order if they are numbers that rise, else last."""
    if own in values:
        return tuple(values)
    every = (*values, own)
    is_number = all(isinstance(x, int | float) and not isinstance(x, bool) for x in every)
    return tuple(sorted(every)) if is_number and list(values) == sorted(values) else every
