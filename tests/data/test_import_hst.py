"""MT4 history files, both versions: header, records, server time, and damage without checksums."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archive_encoders import hst
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars
from assay.data.importers import Format, Imported, import_file, recognise
from assay.data.importers.hst import BAR_400, BAR_401, HEADER
from assay.data.importers.zones import zone
from assay.data.quarantine import Reason
from assay.data.resample import resample
from assay.domain.errors import AssayError, DataError
from assay.domain.timeframe import Timeframe

PARTS = ("open", "high", "low", "close")
Make = Callable[..., Bars]
Save = Callable[..., Path]


def test_the_structures_have_their_documented_sizes_and_offsets() -> None:
    assert (HEADER.itemsize, BAR_400.itemsize, BAR_401.itemsize) == (148, 44, 60)
    fields = HEADER.fields
    assert fields is not None
    assert [fields[name][1] for name in ("symbol", "period", "digits")] == [68, 80, 84]
    offsets = BAR_400.fields, BAR_401.fields
    assert offsets[0] is not None and offsets[1] is not None
    assert offsets[0]["low"][1] < offsets[0]["high"][1]  # 400 stores low first
    assert offsets[1]["high"][1] < offsets[1]["low"][1]


@given(
    version=st.sampled_from([400, 401]),
    clock=st.sampled_from(["UTC", "NY+7", "Europe/Athens", "UTC+3"]),
    seed=st.integers(0, 999),
    block_bytes=st.sampled_from([1, 999, 1 << 20]),
)
@settings(max_examples=25)
def test_bars_come_back_from_a_history_file_as_they_were(
    version: int,
    clock: str,
    seed: int,
    block_bytes: int,
    make_bars: Make,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bars = make_bars(9, seed=seed)
    local_ns = zone(clock).to_local(bars.time_ns)
    path = tmp_path_factory.mktemp("h") / "EURUSD60.hst"
    path.write_bytes(hst(bars, version=version, local_ns=local_ns))
    imported = import_file(path, block_bytes=max(block_bytes, 60))
    assert imported.recognised.format is Format.HST_BARS
    assert imported.recognised.timeframe is Timeframe.H1
    assert imported.series.symbol == "EURUSD"
    assert imported.bars is not None
    for name in ("time_ns", *PARTS, "volume"):
        np.testing.assert_array_equal(getattr(imported.bars, name), getattr(bars, name))


def test_times_are_those_of_the_server_and_not_utc(make_bars: Make, save: Save) -> None:
    bars = make_bars(12)
    path = save(hst(bars, local_ns=zone("NY+7").to_local(bars.time_ns)), "EURUSD60.hst")
    imported = import_file(path)
    assert imported.recognised.timezone == "NY+7"
    np.testing.assert_array_equal(imported.series.time_ns, bars.time_ns)


def test_too_few_bars_to_tell_the_clock_are_refused(make_bars: Make, save: Save) -> None:
    path = save(hst(make_bars(0.5)), "EURUSD60.hst")
    with pytest.raises(DataError, match="which clock") as caught:
        import_file(path)
    assert "--timezone" in caught.value.remedy
    assert import_file(path, timezone="UTC").rows_kept > 40


@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.M30])
def test_the_header_states_the_timeframe(make_bars: Make, save: Save, timeframe: Timeframe) -> None:
    path = save(hst(make_bars(1, timeframe)), "x.hst")
    assert recognise(path).timeframe is timeframe
    assert import_file(path, timezone="UTC").recognised.timeframe is timeframe


@pytest.mark.parametrize(
    ("timeframe", "minutes"),
    [(Timeframe.H4, 240), (Timeframe.D1, 1_440), (Timeframe.W1, 10_080), (Timeframe.MN1, 43_200)],
)
def test_long_bars_of_a_server_in_new_york_time_stay_on_the_trading_day(
    make_bars: Make, save: Save, timeframe: Timeframe, minutes: int
) -> None:
    bars = resample(make_bars(60), timeframe)
    local_ns = zone("NY+7").to_local(bars.time_ns)
    path = save(hst(bars, local_ns=local_ns, period=minutes), "x.hst")
    imported = import_file(path, timezone="NY+7")
    assert imported.recognised.timeframe is timeframe
    np.testing.assert_array_equal(imported.series.time_ns, bars.time_ns)


def test_volumes_that_overflowed_are_blanked(make_bars: Make, save: Save) -> None:
    bars = make_bars(1)
    volume = bars.volume.copy()
    volume[3], volume[5] = -7.0, 1e15
    imported = import_file(save(hst(replace(bars, volume=volume)), "x.hst"), timezone="UTC")
    assert imported.bars is not None
    assert np.flatnonzero(np.isnan(imported.bars.volume)).tolist() == [3, 5]
    assert any("overflow" in words for words in imported.warnings)
    assert any("above 1e+12" in words for words in imported.warnings)


def test_a_spread_in_points_becomes_a_price(make_bars: Make, save: Save) -> None:
    bars = make_bars(1)
    points = [3 + i % 5 for i in range(len(bars))]
    imported = import_file(save(hst(bars, spread=points), "x.hst"), timezone="UTC")
    assert imported.bars is not None
    np.testing.assert_allclose(imported.bars.spread, np.array(points) * 1e-5)
    assert any("points of 1e-05" in words for words in imported.warnings)
    silent = import_file(save(hst(bars), "y.hst"), timezone="UTC").bars
    assert silent is not None and np.isnan(silent.spread).all()


@pytest.mark.parametrize(
    ("stated", "symbol"), [("EURUSD.m", "EURUSD"), ("EURUSDpro", "EURUSD"), ("US500", "US500")]
)
def test_the_header_states_the_symbol_and_suffixes_of_brokers_go(
    make_bars: Make, save: Save, stated: str, symbol: str
) -> None:
    path = save(hst(make_bars(1), symbol=stated), "x.hst")
    assert import_file(path, timezone="UTC").series.symbol == symbol
    with pytest.raises(DataError, match=f"it states {symbol}"):
        import_file(path, symbol="GBPUSD", timezone="UTC")


def test_a_name_that_contradicts_the_header_is_refused(make_bars: Make, save: Save) -> None:
    path = save(hst(make_bars(1)), "GBPUSD60.hst")
    with pytest.raises(DataError, match="its name says GBPUSD, its contents EURUSD"):
        import_file(path, timezone="UTC")


def test_a_history_file_is_recognised_under_another_name(make_bars: Make, save: Save) -> None:
    assert recognise(save(hst(make_bars(1)), "history.bin")).format is Format.HST_BARS


@pytest.mark.parametrize("version", [400, 401])
def test_high_and_low_in_the_wrong_order_are_noticed(
    make_bars: Make, save: Save, version: int
) -> None:
    bars = make_bars(2)
    path = save(hst(bars, version=version, is_swapped=True), "x.hst")
    imported = import_file(path, timezone="UTC")
    np.testing.assert_array_equal(getattr(imported.bars, "high"), bars.high)  # noqa: B009
    assert any("other way round" in words for words in imported.warnings)


def test_a_header_of_another_period_than_the_bars_is_refused(make_bars: Make, save: Save) -> None:
    path = save(hst(make_bars(2), period=5), "x.hst")
    with pytest.raises(DataError, match="must hold M5 bars; its rows are H1 apart"):
        import_file(path, timezone="UTC")


def test_days_among_hours_are_found_by_record(make_bars: Make, save: Save) -> None:
    bars = make_bars(6)
    days = np.arange(bars.time_ns[0] - 30 * 86_400 * 10**9, bars.time_ns[0], 86_400 * 10**9)
    joined = replace(
        bars,
        time_ns=np.concatenate([days, bars.time_ns]),
        **{part: np.concatenate([getattr(bars, part)[:30], getattr(bars, part)]) for part in PARTS},
        volume=np.concatenate([bars.volume[:30], bars.volume]),
    )
    with pytest.raises(DataError, match="from line 1 on they are D1"):
        import_file(save(hst(joined), "x.hst"), timezone="UTC")


@pytest.mark.parametrize(
    ("offset", "value", "says"),
    [
        (0, 402, "version 400, 401"),
        (80, 7, "period in minutes"),
        (84, 77, "digits 0 to 8"),
        (68, 0, "symbol text"),
    ],
)
def test_a_header_that_is_none_is_refused_with_its_offset(
    make_bars: Make, save: Save, offset: int, value: int, says: str
) -> None:
    content = bytearray(hst(make_bars(1)))
    content[offset : offset + 4] = value.to_bytes(4, "little")
    path = save(bytes(content), "x.hst")
    with pytest.raises(DataError, match=says) as caught:
        import_file(path, timezone="UTC")
    assert caught.value.facts["offset"] == offset
    assert str(path) in caught.value.message


def test_a_header_alone_and_half_a_header_are_refused(make_bars: Make, save: Save) -> None:
    content = hst(make_bars(1))
    with pytest.raises(DataError, match="only its header"):
        import_file(save(content[:150], "x.hst"))
    with pytest.raises(DataError, match="100 bytes in all"):
        import_file(save(content[:100], "x.hst"))


@pytest.mark.parametrize("version", [400, 401])
def test_a_cut_off_last_bar_is_quarantined(make_bars: Make, save: Save, version: int) -> None:
    bars = make_bars(1)
    imported = import_file(save(hst(bars, version=version)[:-11], "x.hst"), timezone="UTC")
    assert imported.quarantine.counts == {Reason.TRUNCATED: 1}
    assert imported.rows_in == len(bars) == imported.rows_kept + 1
    assert imported.quarantine.rows[0].line == len(bars)
    assert any("cut off" in words for words in imported.warnings)


def test_every_truncation_keeps_whole_bars_or_is_refused(make_bars: Make, save: Save) -> None:
    bars = make_bars(0.25)
    content = hst(bars)
    for length in range(0, len(content), 7):  # 7 meets every remainder of a bar of 60 bytes
        path = save(content[:length], "x.hst")
        try:
            imported = import_file(path, timezone="UTC", timeframe="H1")
        except DataError as error:
            assert length < 148 + 60 * 2
            assert str(path) in error.message
            continue
        n_whole = (length - 148) // 60
        assert imported.rows_kept == n_whole
        assert len(imported.quarantine) == (1 if (length - 148) % 60 else 0)
        np.testing.assert_array_equal(imported.series.time_ns, bars.time_ns[:n_whole])


def is_same(imported: Imported, bars: Bars) -> bool:
    found = imported.bars
    names = ("time_ns", *PARTS)
    return (
        found is not None
        and found.symbol == bars.symbol
        and found.timeframe is bars.timeframe
        and len(found) == len(bars)
        and all(np.array_equal(getattr(found, name), getattr(bars, name)) for name in names)
    )


def has_long_wick(imported: Imported, bars: Bars) -> bool:
    """Tell whether one high or low alone differs, by two per cent or more."""
    found = imported.bars
    assert found is not None
    moved = {part: getattr(found, part) != getattr(bars, part) for part in PARTS}
    changed = [part for part in PARTS if moved[part].any()]
    if len(changed) != 1 or changed[0] not in ("high", "low") or moved[changed[0]].sum() != 1:
        return False
    ratio = getattr(found, changed[0]) / getattr(bars, changed[0])
    return bool(np.abs(np.log(ratio)).max() > 0.02)


@pytest.mark.parametrize("version", [400, 401])
def test_no_flipped_bit_changes_a_time_or_a_price_in_silence(
    make_bars: Make, save: Save, version: int
) -> None:
    # Volumes and spreads carry nothing to check them by: a flip there may pass. So may a high or
    # low that moves outwards by a whole number of points, which is thousands of them.
    bars = make_bars(1)
    content = hst(bars, version=version)
    rng = np.random.default_rng(version)
    spots = [*range(148), *rng.choice(np.arange(148, len(content)), 350, replace=False)]
    n_noticed = 0
    for at in spots:
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        path = save(bytes(damaged), "EURUSD60.hst")
        try:
            imported = import_file(path, timezone="UTC")
        except AssayError as error:
            n_noticed += 1
            assert error.remedy
            assert str(path) in error.message
            continue
        assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
        noticed = bool(len(imported.quarantine) or imported.warnings)
        assert noticed or is_same(imported, bars) or has_long_wick(imported, bars), at
        n_noticed += noticed
    assert n_noticed > 100


def test_prices_off_their_step_are_quarantined_if_they_are_few(make_bars: Make, save: Save) -> None:
    bars = make_bars(2)
    close = bars.close.copy()
    close[10] = (bars.high[10] + bars.low[10]) / 2 + 3e-7
    few = import_file(save(hst(replace(bars, close=close)), "x.hst"), timezone="UTC")
    assert few.quarantine.counts == {Reason.OFF_STEP: 1}
    all_of_them = import_file(save(hst(bars, digits=3), "y.hst"), timezone="UTC")
    assert all_of_them.rows_kept == len(bars)
    assert any("more decimals than the 3 digits" in words for words in all_of_them.warnings)
