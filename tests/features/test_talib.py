"""Values equal TA-Lib's where TA-Lib has the indicator; the pairs are those of the benchmark."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import talib

from assay.data.bars import Bars
from assay.features.catalogue import parse

BENCHMARK = Path(__file__).resolve().parents[2] / "bench" / "indicators.py"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_indicators", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCH = loaded()
PAIRS = {pair.names[0]: pair for pair in BENCH.PAIRS}


def columns_of(bars: Bars) -> dict[str, np.ndarray]:
    return {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}


@pytest.mark.parametrize("name", PAIRS)
def test_values_equal_talib_over_a_long_walk(name: str) -> None:
    assert BENCH.compared(PAIRS[name], BENCH.walk(200_000)) <= 1e-9


@pytest.mark.parametrize("name", PAIRS)
def test_values_equal_talib_over_real_gold(name: str, gold: Bars) -> None:
    assert BENCH.compared(PAIRS[name], columns_of(gold)) <= 1e-9


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sma_5", lambda c: talib.SMA(c["close"], 5)),
        ("ema_3", lambda c: talib.EMA(c["close"], 3)),
        ("wma_2", lambda c: talib.WMA(c["close"], 2)),
        ("rsi_2", lambda c: talib.RSI(c["close"], 2)),
        ("atr_5", lambda c: talib.ATR(c["high"], c["low"], c["close"], 5)),
        ("adx_3", lambda c: talib.ADX(c["high"], c["low"], c["close"], 3)),
        ("cci_7", lambda c: talib.CCI(c["high"], c["low"], c["close"], 7)),
        ("mfi_5", lambda c: talib.MFI(c["high"], c["low"], c["close"], c["volume"], 5)),
        ("macd_3_9_4", lambda c: talib.MACD(c["close"], 3, 9, 4)[0]),
        ("macd_signal_3_9_4", lambda c: talib.MACD(c["close"], 3, 9, 4)[1]),
        ("stoch_d_5_2_4", lambda c: talib.STOCH(c["high"], c["low"], c["close"], 5, 2, 0, 4, 0)[1]),
        ("keltner_lower_30", lambda c: talib.KC(c["high"], c["low"], c["close"], 30, 10, 2.0)[2]),
    ],
)
def test_other_periods_agree_too(name: str, call: object) -> None:
    columns = BENCH.walk(5_000)
    bound = parse(name)
    ours = bound.batch(*(columns[column] for column in bound.columns))

    assert BENCH.distance(ours, call(columns)) <= 1e-9  # type: ignore[operator]


def test_efficiency_is_kaufmans_ratio_with_a_sign() -> None:
    close = BENCH.walk(5_000)["close"]

    assert BENCH.distance(np.abs(parse("efficiency_10").batch(close)), talib.ER(close, 10)) <= 1e-9
