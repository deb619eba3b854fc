"""The shape of a simulated market: how volatility, jumps, gaps and spreads behave."""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from assay.data.arrays import FloatArray
from assay.data.calendar import MINUTES_PER_WEEK
from assay.data.spread import typical_shape
from assay.domain.errors import ConfigError

# Volatility by hour of the day in New York, multiple of the mean; gold and EURUSD, 2006-2019.
_HOURLY_VOLATILITY = (
    0.62, 0.70, 0.95, 1.15, 1.00, 0.90, 0.88, 0.97, 1.62, 1.50, 1.52, 1.25,
    1.05, 1.00, 1.05, 0.90, 0.55, 0.45, 0.55, 0.75, 0.90, 0.72, 0.65, 0.58,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketShape:
    """Everything about a simulated market but its size, price, seed and edge.

    Attributes
    ----------
    hourly_volatility : tuple of 24 float
        Volatility in each hour of the day in New York, up to one common factor.
    regime_volatility : tuple of 3 float
        Volatility of the calm, usual and stressed regime, up to one common factor.
    regime_hours : tuple of 3 float
        Mean stay in each, in trading hours.
    cluster_hours : float
        How long a burst of volatility lasts.
    cluster_weight : float
        Answer of the variance to one squared hourly shock.
    jumps_per_hour : float
    jump_sigmas : float
        Standard deviation of a jump, in hourly sigmas.
    gap_sigmas_weekend, gap_sigmas_daily : float
        Standard deviation of a gap, in hourly sigmas.
    spread_noise : float
        Standard deviation of the log spread about its usual one.
    spread_memory : float
        Correlation of that noise over an hour.
    spread_volatility_power : float
        The spread grows with this power of volatility.
    spread_week : tuple of float
        Multiple of the usual spread in equal slots of the week from Sunday 00:00 New York; the
        number of slots divides 10,080. Empty: the typical shape.
    spread_points : float or None
        The usual spread; None is the instrument's own.
    """

    hourly_volatility: tuple[float, ...] = _HOURLY_VOLATILITY
    regime_volatility: tuple[float, float, float] = (0.7, 1.0, 1.7)
    regime_hours: tuple[float, float, float] = (350.0, 230.0, 110.0)
    cluster_hours: float = 60.0
    cluster_weight: float = 0.09
    jumps_per_hour: float = 0.004
    jump_sigmas: float = 4.0
    gap_sigmas_weekend: float = 1.5
    gap_sigmas_daily: float = 0.35
    spread_noise: float = 0.20
    spread_memory: float = 0.9
    spread_volatility_power: float = 0.4
    spread_week: tuple[float, ...] = ()
    spread_points: float | None = None

    def __post_init__(self) -> None:
        """Refuse a shape that cannot be simulated."""
        limits = {
            "cluster_hours": (0.1, 100_000.0),
            "cluster_weight": (0.0, 0.9),
            "jumps_per_hour": (0.0, 1.0),
            "jump_sigmas": (0.0, 50.0),
            "gap_sigmas_weekend": (0.0, 50.0),
            "gap_sigmas_daily": (0.0, 50.0),
            "spread_noise": (0.0, 3.0),
            "spread_memory": (0.0, 0.9999),
            "spread_volatility_power": (0.0, 2.0),
            "spread_points": (0.0, 1e6),
            "hourly_volatility": (1e-3, 100.0),
            "regime_volatility": (1e-3, 100.0),
            "regime_hours": (1.0, 1e6),
            "spread_week": (0.05, 1_000.0),
        }
        lengths = {"hourly_volatility": 24, "regime_volatility": 3, "regime_hours": 3}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            bad = [item for item in values if not (math.isfinite(item) and low <= item <= high)]
            if bad or len(values) != lengths.get(name, len(values)):
                raise ConfigError(
                    f"A market's {name} must lie between {low:g} and {high:g}"
                    f"{f', {lengths[name]} of them' if name in lengths else ''}; was {value}.",
                    remedy="Fit the market again with `assay data fit`, or correct the file.",
                    key=name,
                    value=value,
                )
        if self.spread_week and MINUTES_PER_WEEK % len(self.spread_week):
            raise ConfigError(
                f"A market's spread_week must have slots of whole minutes; had "
                f"{len(self.spread_week)} slots.",
                remedy="Use 168 (hours) or 672 (quarters of an hour).",
                key="spread_week",
                value=len(self.spread_week),
            )

    def spread_multiple(self) -> FloatArray:
        """Return the multiple of the usual spread at each minute of the week: shape (10080,)."""
        if not self.spread_week:
            return typical_shape(np.arange(MINUTES_PER_WEEK, dtype=np.int64))
        return np.repeat(np.array(self.spread_week), MINUTES_PER_WEEK // len(self.spread_week))

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return asdict(self)


USUAL_SHAPE = MarketShape()
"""A usual metal or currency market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedMarket:
    """A market as ``assay data fit`` stores it.

    Attributes
    ----------
    symbol, series : str
        What it was fitted to.
    content_hash : str
        Of the bars it was fitted to.
    annual_volatility : float
    start_price : float
        Last mid of the history.
    shape : MarketShape
    """

    symbol: str
    series: str
    content_hash: str
    annual_volatility: float
    start_price: float
    shape: MarketShape

    def encode(self) -> str:
        """Return the JSON document."""
        return json.dumps({"fitted_market": 1, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> "FittedMarket":
        """Read what :meth:`encode` wrote.

        Raises
        ------
        ConfigError
            If the file is absent or no such document; the message names the key.
        """
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            if body.pop("fitted_market", None) != 1:
                raise ValueError("it lacks fitted_market = 1")
            shape = body.pop("shape")
            known = {item.name for item in fields(MarketShape)}
            if set(shape) - known:
                raise ValueError(f"unknown key {sorted(set(shape) - known)[0]}")
            values: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in shape.items()
            }
            return cls(**body, shape=MarketShape(**values))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"{path} must be a fitted market; was not: {error}.",
                remedy="Write it with `assay data fit SYMBOL`.",
                path=str(path),
            ) from error
