"""Every feature by its one name: parse, list, and the default set for learning."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from assay.domain.errors import ConfigError
from assay.domain.timeframe import Timeframe
from assay.features import (
    average,
    channel,
    directional,
    oscillator,
    price,
    session,
    trend,
    true_range,
    volatility,
    volume,
)
from assay.features.feature import BoundFeature, Feature

FAMILIES: tuple[Feature, ...] = (
    *price.FEATURES,
    *average.FEATURES,
    *oscillator.FEATURES,
    *directional.FEATURES,
    *channel.FEATURES,
    *true_range.FEATURES,
    *volatility.FEATURES,
    *trend.FEATURES,
    *volume.FEATURES,
    *session.FEATURES,
)

_NAME = re.compile(r"(?P<stem>[a-z]+(?:_[a-z]+)*)(?P<periods>(?:_\d+)*)(?:@(?P<frame>\w+))?")


@dataclass(frozen=True, slots=True)
class Named:
    """A feature and the timeframe whose bars it reads; None means the bars at hand."""

    bound: BoundFeature
    timeframe: Timeframe | None

    @property
    def name(self) -> str:
        """The one spelling, such as ``rsi_14@H4``."""
        return self.bound.name + (f"@{self.timeframe.name}" if self.timeframe else "")


@cache
def families() -> Mapping[str, Feature]:
    """Return the family behind each public stem.

    Raises
    ------
    ValueError
        If two families spell an output alike.
    """
    found: dict[str, Feature] = {}
    for feature in FAMILIES:
        for stem in feature.public:
            if stem in found:
                raise ValueError(f"{stem} must have one home; {feature.name} spells it again.")
            found[stem] = feature
    return MappingProxyType(found)


def parse(name: str) -> BoundFeature:
    """Return the feature of that name; a timeframe suffix is an error here.

    Raises
    ------
    ConfigError
        If no feature is spelled so; the message names the nearest.

    Examples
    --------
    >>> parse("rsi_14").warm_up
    14
    """
    named = parse_named(name)
    if named.timeframe is not None:
        raise ConfigError(
            f"A feature of the bars at hand must have no timeframe; was {name!r}.",
            remedy="Pass it to features.frame.compute, which joins timeframes.",
            value=name,
        )
    return named.bound


def parse_named(name: str) -> Named:
    """Return the feature of that name and its timeframe.

    Raises
    ------
    ConfigError
        If no feature is spelled so; the message names the nearest.

    Examples
    --------
    >>> parse_named("rsi_14@H4").timeframe
    <Timeframe.H4: 14400>
    """
    match = _NAME.fullmatch(name)
    feature = families().get(match["stem"]) if match else None
    if match is None or feature is None:
        raise _unknown(name)
    frame = match["frame"]
    timeframe = Timeframe.parse(frame) if frame else None
    periods = tuple(int(text) for text in match["periods"].split("_")[1:])
    bound = feature(*periods)
    if match["stem"] != bound.stem:
        bound = bound[match["stem"]]
    named = Named(bound, timeframe)
    if named.name != name:
        raise ConfigError(
            f"A feature must be spelled {named.name}; was {name!r}.",
            remedy="Use the one spelling.",
            value=name,
        )
    return named


def _unknown(name: str) -> ConfigError:
    """Return the error for a name that no feature has, with the nearest that one has."""
    stem, _, frame = name.partition("@")
    guess = get_close_matches(stem, [*all_features(), *families()], n=1, cutoff=0.5)
    nearest = guess[0] + (f"@{frame}" if frame else "") if guess else ""
    return ConfigError(
        f"Feature must be a known name; was {name!r}.",
        remedy=f"Use {nearest}." if nearest else "List them with `assay features`.",
        value=name,
        nearest=nearest,
    )


_TREND_BARS = (4, 8, 16, 32, 64, 128, 256, 512)
_DRIFT_SPANS = (8, 16, 32, 64, 128, 256, 512)

_RAW = (
    *("open", "high", "low", "close"),
    *(f"sma_{n}" for n in (20, 50, 200)),
    *(f"ema_{n}" for n in (12, 26)),
    *("wma_20", "macd_12_26_9", "macd_signal_12_26_9", "macd_hist_12_26_9"),
    *("bb_upper_20", "bb_middle_20", "bb_lower_20", "atr_14"),
    *("donchian_upper_20", "donchian_middle_20", "donchian_lower_20"),
    *("keltner_upper_20", "keltner_middle_20", "keltner_lower_20"),
    *("support_20", "resistance_20", "obv", "vwap_20", "log_volume", "momentum_10"),
)

_SCALE_FREE = (
    *(f"trend_{n}" for n in _TREND_BARS),
    *(f"drift_{n}" for n in _DRIFT_SPANS),
    *(f"steady_drift_{n}" for n in _DRIFT_SPANS),
    *(f"log_return_{n}" for n in (1, 2, 4, 24)),
    *("sma_gap_20", "sma_gap_50", "sma_gap_200", "ema_gap_12", "ema_gap_26"),
    *("rsi_14", "macd_atr_12_26_9", "macd_hist_atr_12_26_9", "bb_percent_20", "bb_width_20"),
    *("zscore_50", "stoch_k_14_3_3", "stoch_d_14_3_3", "cci_20", "williams_r_14", "roc_10"),
    *("adx_14", "plus_di_14", "minus_di_14", "di_balance_14", "efficiency_32"),
    *("donchian_position_20", "donchian_position_100", "keltner_position_20"),
    *("support_gap_20", "resistance_gap_20"),
    *("bar_range_14", "bar_body_14", "bar_gap_14", "close_location_14"),
    *("natr_14", "ew_volatility_32", "ew_volatility_128", "volatility_64"),
    *("parkinson_20", "garman_klass_20", "rogers_satchell_20", "yang_zhang_20"),
    *("vol_ratio_8_64", "vol_ratio_32_256", "range_ratio_20_32"),
    *("skewness_64", "kurtosis_64", "autocorrelation_64"),
    *("week_sin", "week_cos", "day_sin", "day_cos"),
    *("session_asia", "session_london", "session_new_york", "session_overlap"),
    *("spread_atr_14", "mfi_14", "vwap_gap_20", "volume_z_64", "volume_balance_20"),
)

_DEFAULT = (
    *(f"drift_{n}" for n in _DRIFT_SPANS),
    *(f"steady_drift_{n}" for n in _DRIFT_SPANS),
    *(f"trend_{n}" for n in _TREND_BARS),
    *("log_return_1", "rsi_14", "macd_hist_atr_12_26_9", "bb_percent_20", "zscore_50"),
    *("donchian_position_20", "cci_20", "di_balance_14", "adx_14", "efficiency_32"),
    *("donchian_position_100", "sma_gap_200", "support_gap_20", "resistance_gap_20"),
    *("close_location_14", "bar_range_14", "natr_14", "vol_ratio_8_64", "vol_ratio_32_256"),
    *("range_ratio_20_32", "skewness_64", "autocorrelation_64"),
    *("week_sin", "week_cos", "day_sin", "day_cos", "spread_atr_14"),
    *("volume_z_64", "volume_balance_20", "vwap_gap_20"),
)

_DEFAULT_HIGHER = ("drift_8", "drift_32", "rsi_14", "di_balance_14", "vol_ratio_8_64")


def all_features() -> tuple[str, ...]:
    """Return a name of every output of every family, with customary periods."""
    return (*_RAW, *_SCALE_FREE)


def default_features(timeframe: Timeframe, higher: Sequence[Timeframe]) -> tuple[str, ...]:
    """Return the scale-free set for learning: it means the same at any price and any volatility.

    Parameters
    ----------
    timeframe : Timeframe
        Of the bars at hand.
    higher : sequence of Timeframe
        Longer timeframes to join; those that are not longer than *timeframe* are left out, and
        so are months where the bars are weeks, of which no month is made.
    """
    longer = sorted(
        {frame for frame in higher if frame.value > timeframe.value}, key=lambda frame: frame.value
    )
    if timeframe is Timeframe.W1:  # no month is made of weeks
        longer = []
    joined = (f"{name}@{frame.name}" for frame in longer for name in _DEFAULT_HIGHER)
    names = [*_DEFAULT, *joined]
    if timeframe.value >= Timeframe.D1.value:
        names = [name for name in names if not name.startswith("day_")]
    return tuple(names)
