"""One spelling of each name in the whole system, and a clear answer to any other."""

import numpy as np
import pytest

from assay.data.bars import Bars
from assay.domain.errors import ConfigError, DataError
from assay.domain.timeframe import Timeframe
from assay.features.catalogue import all_features, default_features, families, parse, parse_named
from assay.features.feature import Feature, Lag
from assay.features.frame import FeatureStream, compute
from assay.features.oscillator import MACD, RSI
from assay.features.price import price_step
from assay.features.schema import schema_hash


def test_there_are_at_least_sixty_features_each_spelled_once() -> None:
    names = all_features()

    assert len(names) == len(set(names)) >= 60
    assert [parse(name).name for name in names] == list(names)


def test_every_family_is_listed() -> None:
    listed = {parse(name).stem for name in all_features()}

    assert set(families()) == listed


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("rsi14", "rsi_14"),
        ("drfit_32", "drift_32"),
        ("sma_gapp_20@H4", "sma_gap_20@H4"),
        ("RSI_14", "rsi_14"),
        ("rsi_014", "one spelling"),
        ("rsi_14@h4", "one spelling"),
        ("rsi", "rsi_<n>"),
        ("rsi_14_3", "rsi_<n>"),
        ("rsi_1", "Correct the number"),
        ("sma_20000", "Correct the number"),
        ("rsi_14@H7", "Correct the spelling"),
        ("", "assay features"),
    ],
)
def test_a_wrong_name_names_the_right_one(name: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_named(name)

    assert remedy in caught.value.remedy


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_default_features_are_known_and_of_longer_frames(timeframe: Timeframe) -> None:
    names = default_features(timeframe, list(Timeframe))

    assert len(names) == len(set(names))
    for name in names:
        joined = parse_named(name).timeframe
        assert joined is None or joined.value > timeframe.value


def test_default_features_do_not_depend_on_the_unit_of_price(make_bars: object) -> None:
    bars: Bars = make_bars(3_000, 1)  # type: ignore[operator]
    names = default_features(Timeframe.H1, [Timeframe.H4, Timeframe.D1])
    scaled = Bars(
        symbol="X",
        timeframe=bars.timeframe,
        time_ns=bars.time_ns,
        open=bars.open / 1_024.0,
        high=bars.high / 1_024.0,
        low=bars.low / 1_024.0,
        close=bars.close / 1_024.0,
        volume=bars.volume,
        spread=bars.spread / 1_024.0,
    )
    one, other = compute(bars, names).values, compute(scaled, names).values

    np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-9)


def test_a_feature_can_be_used_by_itself() -> None:
    close = np.array([1.0, 2.0, 1.5, 1.75, 2.5])
    stream = RSI(2).stream()

    live = [stream.update(value)[0] for value in close]

    np.testing.assert_array_equal(RSI(2).batch(close), live)
    assert RSI(14).name == "rsi_14"
    assert MACD(12, 26, 9)["macd_signal"].name == "macd_signal_12_26_9"
    with pytest.raises(KeyError):
        MACD(12, 26, 9)["rsi"]
    with pytest.raises(ConfigError):
        RSI(14).batch(close, close)


def test_read_only_columns_are_welcome() -> None:
    close = np.arange(1.0, 20.0)
    close.flags.writeable = False

    assert parse("sma_3").batch(close)[2] == 2.0


def test_the_schema_knows_names_and_their_order() -> None:
    assert schema_hash(["rsi_14", "cci_20"]) != schema_hash(["cci_20", "rsi_14"])
    assert schema_hash(["rsi_14"]) == schema_hash(("rsi_14",))


def test_frames_refuse_what_cannot_be_a_column(make_bars: object) -> None:
    bars: Bars = make_bars(50, 2)  # type: ignore[operator]
    for names in (("rsi_14", "rsi_14"), ("rsi_14@H1",), ("rsi_14@M5",), ("rzi_14",)):
        with pytest.raises(ConfigError):
            compute(bars, names)
    with pytest.raises(ConfigError):
        parse("rsi_14@H4")


def test_a_stream_refuses_bars_that_do_not_follow(make_bars: object) -> None:
    bars: Bars = make_bars(50, 3)  # type: ignore[operator]
    stream = FeatureStream(("rsi_14",), Timeframe.H1)
    stream.update(bars.between(5, 6))

    for start, stop in ((5, 6), (4, 5), (6, 8)):
        with pytest.raises(DataError):
            stream.update(bars.between(start, stop))


def test_a_feature_cannot_reach_into_the_future() -> None:
    for bars in (0, -1, 10**6):
        peek = Feature(
            name="peek",
            meaning="tomorrow's close",
            step=price_step,
            inputs=lambda bars=bars: (Lag("close", bars),),
        )
        with pytest.raises(ValueError, match="reach back"):
            peek().batch(np.arange(5.0))


def test_an_own_feature_follows_the_contract() -> None:
    ahead = Feature(
        name="yesterday",
        meaning="the close of the bar before",
        step=price_step,
        inputs=lambda: (Lag("close", 1),),
        warm_up=lambda: 1,
    )

    np.testing.assert_array_equal(ahead().batch(np.arange(4.0)), [np.nan, 0.0, 1.0, 2.0])


def test_an_empty_history_has_empty_features(make_bars: object) -> None:
    frame = compute(make_bars(1, 1).between(0, 0), ("rsi_14", "rsi_14@D1"))  # type: ignore[operator]

    assert frame.values.shape == (0, 2)
    assert frame.warm_up == 0
