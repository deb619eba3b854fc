"""Checks of volume: none, unknown, impossible, far above usual."""

import numpy as np

from assay.data.arrays import BoolArray
from assay.data.quality.local import local_median
from assay.data.quality.report import Severity
from assay.data.quality.window import BarRule, BarWindow, no_flags

_KNOWN_SHARE_MIN = 0.5
_SPIKE_TIMES = 15.0
_SPIKE_VOLUME_MIN = 100.0
_OVERFLOWS = (2.0**31 - 1, 2.0**31, 2.0**32 - 1, 2.0**32)
_OVERFLOW = 2.0**63
"""Where counters of 32 and of 64 bits end. Amounts of a currency, as some vendors count, pass the
former honestly, so that only the exact ends of 32 bits say that a counter went round."""


def _zero(window: BarWindow) -> BoolArray:
    """Rule: volume 0 where at least half of the rows have one above."""
    volume = window.bars.volume
    if np.mean(volume > 0.0) < _KNOWN_SHARE_MIN:
        return no_flags(len(window))
    return np.asarray(volume == 0.0, dtype=np.bool_)


def _missing(window: BarWindow) -> BoolArray:
    """Rule: volume unknown where at least half of the rows know it."""
    is_known = np.isfinite(window.bars.volume)
    if np.mean(is_known) < _KNOWN_SHARE_MIN:
        return no_flags(len(window))
    return np.asarray(np.isnan(window.bars.volume), dtype=np.bool_)


def _overflow(window: BarWindow) -> BoolArray:
    """Rule: volume below zero, at an end of 32 bits, or beyond those of 64; infinite ones too."""
    volume = window.bars.volume
    ran_over = (volume < 0.0) | np.isin(volume, _OVERFLOWS) | (volume >= _OVERFLOW)
    return np.asarray(ran_over, dtype=np.bool_)


def _spikes(window: BarWindow) -> BoolArray:
    """Rule: volume above fifteen times the usual one around; one clean hour in 10,000 has eight."""
    volume = np.nan_to_num(window.bars.volume, nan=0.0, posinf=_OVERFLOW, neginf=0.0)
    usual = local_median(volume)
    is_high = volume > np.maximum(_SPIKE_TIMES * usual, _SPIKE_VOLUME_MIN)
    return np.asarray(is_high & (usual > 0.0), dtype=np.bool_)


BAR_RULES = (
    BarRule(
        name="zero_volume",
        what="bars without volume in a history that has it",
        find=_zero,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="missing_volume",
        what="bars whose volume is unknown in a history that knows it",
        find=_missing,
        share_max=0.01,
        severity=Severity.MINOR,
    ),
    BarRule(
        name="volume_overflow",
        what="bars with an impossible volume",
        find=_overflow,
        share_max=0.0,
        severity=Severity.SERIOUS,
    ),
    BarRule(
        name="volume_spike",
        what="bars with a volume far above usual",
        find=_spikes,
        share_max=0.001,
        severity=Severity.MINOR,
    ),
)
