"""The settings that bind decisions, in the form that kernels read."""

import numpy as np

from assay.config.settings import Settings
from assay.risk.facts import RecordArray

LEVELS_MAX = 4
"""Take-profit levels of one position."""

RULES = np.dtype(
    [
        ("balance", "f8"),
        ("stop_out_level", "f8"),
        ("margin_call_level", "f8"),
        ("pass_score", "f8"),
        ("hold_score", "f8"),
        ("is_fixed", "i8"),
        ("fixed_lots", "f8"),
        ("kelly_multiplier", "f8"),
        ("risk_fraction_max", "f8"),
        ("volatility_target", "f8"),
        ("exposure_max", "f8"),
        ("symbol_exposure_max", "f8"),
        ("margin_fraction_max", "f8"),
        ("positions_max", "i8"),
        ("stop_atr", "f8"),
        ("n_levels", "i8"),
        ("level_r", "f8", (LEVELS_MAX,)),
        ("level_fraction", "f8", (LEVELS_MAX,)),
        ("levels_take_all", "i8"),
        ("break_even_at_r", "f8"),
        ("trailing_atr", "f8"),
        ("time_stop_bars", "i8"),
        ("slippage_volatility_fraction", "f8"),
        ("slippage_points_min", "f8"),
        ("commission_multiple", "f8"),
        ("swap_multiple", "f8"),
    ]
)
"""One set of rules; names and units are those of ``assay.config.settings``."""


def compiled_rules(settings: Settings) -> RecordArray:
    """Return *settings* as one ``RULES`` record, shape (1,)."""
    rules = np.zeros(1, dtype=RULES).view(np.recarray)
    record = rules[0]
    sections = (settings.account, settings.fusion, settings.risk, settings.exits, settings.costs)
    for section in sections:
        for name in type(section).model_fields:
            if name in (RULES.names or ()):
                setattr(record, name, getattr(section, name))
    record.is_fixed = settings.risk.sizing == "fixed"
    targets = settings.exits.targets
    record.n_levels = len(targets)
    for k, target in enumerate(targets):
        record.level_r[k] = target.at_r
        record.level_fraction[k] = target.fraction
    record.levels_take_all = abs(sum(target.fraction for target in targets) - 1.0) <= 1e-9
    return rules
