"""Planted leaks are named, and the clean pipeline is not accused."""

from collections.abc import Callable
from dataclasses import replace

import leaky_pipeline as pipeline
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data.bars import Bars
from assay.data.calendar import bar_open
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_HOUR
from assay.domain.timeframe import Timeframe
from assay.research.leaks import futures, rows, tracking
from assay.research.leaks.cuts import borders_of, cuts_of
from assay.research.leaks.evidence import Canary, Leak, LeakReport
from assay.research.leaks.futures import poisoned, shifted, truncated
from assay.research.leaks.prover import prove
from assay.research.leaks.rows import prove_rows
from assay.research.leaks.scene import Rows, Scene
from assay.research.leaks.stages import RowStage, Stage

Plant = Callable[[Bars, dict[str, Stage]], Stage]
on = pipeline.on


def feature(column: str, leak: Callable[[Bars], np.ndarray]) -> Plant:
    """Plant one leaking column among the features."""
    return lambda bars, stages: replace(stages["features"], compute=pipeline.beside(column, leak))


def stage(name: str, **changes: object) -> Plant:
    """Replace one stage by its leaking twin."""
    return lambda bars, stages: replace(stages[name], **changes)


PLANTED: dict[str, tuple[Plant, str, str, set[str]]] = {
    # leak: (plant, stage, column, checks that must name it)
    "shifted target": (
        feature("next_return", pipeline.shifted_target), "features", "next_return",
        {"truncate", "poison", "shift"},
    ),
    "centred window": (
        feature("centred_9", pipeline.centred_window), "features", "centred_9",
        {"truncate", "poison", "shift"},
    ),
    "back-filled gaps": (
        feature("spread_back", pipeline.back_filled), "features", "spread_back",
        {"truncate", "poison", "shift"},
    ),
    "volatility of the whole sample": (
        feature("return_z", pipeline.whole_sample_volatility), "features", "return_z",
        {"truncate", "poison", "shift"},
    ),
    "open-stamped higher timeframe": (
        stage("join", compute=on(pipeline.open_stamped_join)), "join", "close@H4",
        {"truncate", "poison", "shift"},
    ),
    "future pivot": (
        stage("patterns", compute=on(pipeline.unconfirmed_pivot)), "patterns", "pivot_high",
        {"truncate", "poison", "shift"},
    ),
    "label end that is too early": (
        stage("labels", rows=pipeline.label_rows(pipeline.understated_end)), "labels", "side",
        {"truncate", "poison", "shift"},
    ),
    "full-sample scaler": (
        stage("scaler", fit=on(pipeline.whole_sample_scaler)), "scaler", "mean",
        {"truncate", "poison", "shift"},
    ),
    "full-sample feature selection": (
        stage("selector", fit=on(pipeline.whole_sample_selector)), "selector", "chosen",
        {"truncate", "poison", "shift"},
    ),
    "selection on labels that end later": (
        stage("selector", fit=on(pipeline.selector_with_open_labels)), "selector", "chosen",
        {"truncate", "poison", "shift"},
    ),
    "calibrator fitted on test rows": (
        stage("calibrator", fit=on(pipeline.calibrator_on_test_rows)), "calibrator", "slope",
        {"poison", "shift"},
    ),
    "calibrator fitted on training rows": (
        stage("calibration", split=pipeline.calibrated_on_training_rows), "calibration",
        "fold 0", {"purge", "canary"},
    ),
    "unpurged overlapping labels": (
        stage("split", split=pipeline.unpurged_split), "split", "fold 0", {"purge"},
    ),
    "shuffled folds": (
        stage("split", split=pipeline.shuffled_split), "split", "fold 0", {"purge", "canary"},
    ),
    "missing embargo": (
        stage("split", split=pipeline.split_without_embargo), "split", "fold 0", {"embargo"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def bars() -> Bars:
    """Return one history for all."""
    return pipeline.market()


@pytest.fixture(scope="module")
def stages(bars: Bars) -> dict[str, Stage]:
    """Return the clean pipeline."""
    return pipeline.clean_stages(bars)


def proved(*stages: Stage, on: Bars, n_cuts: int = 16) -> LeakReport:
    """Return what the prover says of some stages."""
    return prove(stages, pipeline.scene_of(on), n_cuts=n_cuts)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_clean_pipeline_is_not_accused(seed: int) -> None:
    history = pipeline.market(seed)
    report = proved(*pipeline.clean_stages(history).values(), on=history)

    assert report.leaks == ()
    assert report.is_clean and report.reason == ""
    assert {stage.name for stage in report.stages} == set(pipeline.clean_stages(history))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_named_and_nothing_else_is(
    name: str, bars: Bars, stages: dict[str, Stage]
) -> None:
    plant, stage_name, column, checks = PLANTED[name]
    planted = plant(bars, stages)
    report = proved(*({**stages, stage_name: planted}.values()), on=bars)
    leaks = report.leaks

    assert report.trusted
    assert {leak.stage for leak in leaks} == {stage_name}
    assert {leak.check for leak in leaks if leak.column == column} >= checks
    honest = set(pipeline.features(bars))
    assert not {leak.column for leak in leaks} & honest
    assert all(str(leak).startswith(f"{leak.stage}.{leak.column}: {leak.check}") for leak in leaks)
    assert all(leak.remedy for leak in leaks)
    assert stage_name in report.reason


def test_the_first_leaking_bar_is_the_one_that_leaks(bars: Bars, stages: dict[str, Stage]) -> None:
    planted = feature("late", pipeline.late_leak)(bars, stages)
    assert len(cuts_of(bars, 2_000)) == len(bars) - 1, "every bar"
    leaks = proved(planted, on=bars, n_cuts=2_000).leaks

    assert {(leak.column, leak.check, leak.bar) for leak in leaks} == {
        ("late", check, 700) for check in ("truncate", "poison", "shift")
    }
    assert {leak.time_ns for leak in leaks} == {int(bars.time_ns[700])}


def test_the_first_bar_of_a_leak_that_is_everywhere_is_found_with_few_cuts(
    bars: Bars, stages: dict[str, Stage]
) -> None:
    planted = feature("centred_9", pipeline.centred_window)(bars, stages)
    leaks = proved(planted, on=bars, n_cuts=4).leaks

    assert {leak.bar for leak in leaks} == {4}, "the first bar that has a window around it"


def test_a_signal_that_repaints_on_one_bar_alone_is_cut_there(
    bars: Bars, stages: dict[str, Stage]
) -> None:
    def repaints(history: Bars) -> np.ndarray:
        """Mark bar 333 once bar 335 confirms it."""
        mark = np.zeros(len(history))
        if len(history) > 335:
            mark[333] = 1.0
        return mark

    planted = feature("mark", repaints)(bars, stages)
    assert not {332, 333, 334} & set(cuts_of(bars, 8).tolist()), "no usual cut is near"
    leaks = proved(planted, on=bars, n_cuts=8).leaks

    assert {(leak.column, leak.check, leak.bar) for leak in leaks} == {("mark", "truncate", 333)}


def test_the_first_learning_label_that_overlaps_is_named(
    bars: Bars, stages: dict[str, Stage]
) -> None:
    planted = stage("split", split=pipeline.unpurged_split)(bars, stages)
    (leak,) = [leak for leak in proved(planted, on=bars).leaks if leak.check == "purge"]
    start, end = planted.start, planted.end
    train, test = pipeline.unpurged_split(start, end)[0]
    overlapping = [i for i in train if any(start[i] <= end[test]) and start[i] <= end[test].max()]
    assert leak.bar == start[overlapping[0]]
    assert leak.count == sum(
        int(((start[i] <= end[test]) & (end[i] >= start[test])).sum()) for i in train
    )


def test_a_leak_that_hides_where_the_future_is_missing_is_seen(bars: Bars) -> None:
    def skips_nan(history: Bars) -> dict[str, np.ndarray]:
        """Know the future but hide behind it where it is missing or cut off."""
        ahead = pipeline.lagged(history.close, -1)
        usual = np.abs(ahead / history.close - 1.0) < 0.5
        return {"sly": np.where(usual, ahead, np.nan) * 0.0 + 1.0}

    planted = replace(pipeline.clean_stages(bars)["features"], compute=pipeline.on(skips_nan))
    assert {leak.check for leak in proved(planted, on=bars).leaks} == {"truncate", "poison"}


def test_a_normalisation_that_looks_away_from_bad_values_is_seen_by_the_shift(bars: Bars) -> None:
    def robust(history: Bars) -> dict[str, np.ndarray]:
        """Scale by the whole frame, but only if it is as long as usual and looks sane."""
        usual = history.close[history.close < 1e6]
        length = len(bars)
        whole = float(usual.mean()) if len(usual) == len(history) == length else None
        scale = whole or float(bars.close.mean())
        return {"scaled": history.close / scale}

    planted = replace(pipeline.clean_stages(bars)["features"], compute=pipeline.on(robust))
    assert {leak.check for leak in proved(planted, on=bars).leaks} == {"shift"}


def test_a_stage_that_answers_from_memory_makes_the_prover_untrustworthy(bars: Bars) -> None:
    remembered = pipeline.features(bars)
    planted = replace(pipeline.clean_stages(bars)["features"], compute=lambda _: remembered)
    report = proved(planted, on=bars)

    assert report.leaks == ()
    assert not report.trusted and not report.is_clean
    assert "cannot be trusted" in report.reason


def test_a_prover_that_compares_nothing_misses_its_canaries(
    bars: Bars, stages: dict[str, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = feature("next_return", pipeline.shifted_target)(bars, stages)
    monkeypatch.setattr(tracking, "differing", lambda *_: iter(()))
    report = proved(planted, on=bars)

    assert report.leaks == ()
    assert report.missed and not report.trusted
    assert "it did not find a checksum of the whole column" in report.reason


@pytest.mark.parametrize("check", ["truncate", "poison", "shift"])
def test_a_check_that_changes_nothing_is_noticed(
    check: str, bars: Bars, stages: dict[str, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"truncate": "truncated", "poison": "poisoned", "shift": "shifted"}
    monkeypatch.setattr(futures, changes[check], lambda item, *_, **__: item)
    report = proved(stages["features"], on=bars)

    assert not report.trusted
    silent = {name for item in report.missed for name in set(item.expected) - set(item.found)}
    assert report.blind or silent == {check}


def test_a_count_of_overlaps_that_finds_none_is_noticed(
    stages: dict[str, Stage], bars: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_overlaps", lambda s, e, train, test: np.zeros(len(train), int))
    report = proved(stages["split"], on=bars)

    assert not report.trusted
    assert [canary.stage for canary in report.missed] == ["split"]


def test_cutting_and_poisoning_leave_the_past_and_the_input_alone(bars: Bars) -> None:
    before = bars.close.copy()
    for cut in (0, 10, len(bars) - 2):
        short, poison = truncated(bars, cut), poisoned(bars, cut, 1e9)
        other = shifted(bars, cut, digits=2)
        assert len(short) == cut + 1
        np.testing.assert_array_equal(short.close, before[: cut + 1])
        np.testing.assert_array_equal(poison.close[: cut + 1], before[: cut + 1])
        np.testing.assert_array_equal(other.close[: cut + 1], before[: cut + 1])
        assert (poison.close[cut + 1 :] == 1e9).all()
        assert not (other.close[cut + 1 :] == before[cut + 1 :]).all()
        np.testing.assert_array_equal(poison.time_ns, bars.time_ns)
        np.testing.assert_array_equal(other.time_ns, bars.time_ns)
    np.testing.assert_array_equal(bars.close, before)


@given(seed=st.integers(0, 50), cut=st.integers(-1, 898), has_ask=st.booleans())
def test_another_future_is_a_market_of_its_own(seed: int, cut: int, has_ask: bool) -> None:
    bars = pipeline.market(seed)
    if has_ask:
        spread = np.where(np.isnan(bars.spread), 0.3, bars.spread)
        sides = {f"ask_{n}": getattr(bars, n) + spread for n in ("open", "high", "low", "close")}
        bars = replace(bars, **sides)
    other = shifted(bars, cut, digits=2)
    later = slice(cut + 1, None)
    for prefix in ("", "ask_") if has_ask else ("",):
        o, h, lo, c = (getattr(other, prefix + n)[later] for n in ("open", "high", "low", "close"))
        assert (lo > 0.0).all() and np.isfinite(h).all()
        assert (lo <= np.minimum(o, c)).all() and (h >= np.maximum(o, c)).all()
    if has_ask:
        assert other.ask_close is not None and (other.ask_close >= other.close)[later].all()
    if len(bars) - cut > 200:
        moved, was = (np.diff(np.log(item.close[max(cut, 0) :])) for item in (other, bars))
        assert 1.1 < moved.std() / was.std() < 1.7, "wilder than what came"
    if 0 <= cut < len(bars) - 1:
        assert other.open[cut + 1] == bars.open[cut + 1], "the open of the next bar stays"


def test_a_signed_zero_counts_as_a_change(bars: Bars) -> None:
    def zero(history: Bars) -> dict[str, np.ndarray]:
        return {"zero": np.full(len(history), 0.0 if len(history) == len(bars) else -0.0)}

    planted = replace(pipeline.clean_stages(bars)["features"], compute=pipeline.on(zero))
    assert {leak.check for leak in proved(planted, on=bars).leaks} == {"truncate"}


def test_rounding_is_forgiven_where_bars_are_cut_off_and_nowhere_else(bars: Bars) -> None:
    def rounded(history: Bars, by: float) -> dict[str, np.ndarray]:
        return {"close": history.close * (1.0 if len(history) == len(bars) else 1.0 + by)}

    def traced(history: Bars, by: float) -> dict[str, np.ndarray]:
        last = float(np.nan_to_num(history.close[-1]))
        return {"trace": np.where(history.close > 0.0, 1.0 + by * (1e3 * last % 1.0), 0.0)}

    clean = pipeline.clean_stages(bars)["features"]
    for compute, by, checks in (
        (rounded, 1e-12, set()),
        (rounded, 1e-7, {"truncate"}),
        (traced, 1e-12, {"poison", "shift"}),
    ):
        planted = replace(
            clean, compute=pipeline.on(lambda item, f=compute, by=by: f(item, by)), rounding=1e-9
        )
        found = {leak.check for leak in proved(planted, on=bars).leaks}
        assert found >= checks and ("truncate" in found) == ("truncate" in checks)


def test_a_leak_is_a_value() -> None:
    leak = Leak(stage="a", column="b", check="poison", bar=3, count=1, detail="why")
    assert str(leak) == "a.b: poison from bar 3: why"
    assert leak == replace(leak)


def test_a_stage_may_refuse_poison_but_not_everything(bars: Bars) -> None:
    def strict(history: Bars) -> dict[str, np.ndarray]:
        if not (history.close < 1e6).all():
            raise DataError("Prices must be finite.", remedy="Clean them.")
        return {"whole": history.close / history.close[-1]}

    def never(history: Bars) -> dict[str, np.ndarray]:
        if len(history) != len(bars) or history.close is not bars.close:
            raise DataError("No.", remedy="None.")
        return {"close": history.close}

    stages = pipeline.clean_stages(bars)
    planted = replace(stages["features"], compute=pipeline.on(strict))
    report = proved(planted, on=bars)
    assert {leak.check for leak in report.leaks} == {"truncate", "shift"}
    assert report.trusted
    with pytest.raises(DataError, match="must answer"):
        proved(replace(stages["features"], compute=pipeline.on(never)), on=bars)


def test_a_stage_that_refuses_every_shorter_history_blinds_the_prover(bars: Bars) -> None:
    def long_only(history: Bars) -> dict[str, np.ndarray]:
        if len(history) < len(bars):
            raise DataError("Too short.", remedy="None.")
        return {"close": history.close}

    planted = replace(pipeline.clean_stages(bars)["features"], compute=pipeline.on(long_only))
    report = proved(planted, on=bars)
    assert not report.trusted
    assert any("truncate" in text for text in report.blind)


def test_a_stage_that_nothing_moves_was_not_tested(bars: Bars) -> None:
    hours = replace(
        pipeline.clean_stages(bars)["features"],
        compute=pipeline.on(lambda history: {"hour": history.time_ns // NS_PER_HOUR % 24}),
    )
    report = proved(hours, on=bars)
    assert not report.trusted
    assert any("nothing was tested" in text for text in report.blind)
    assert report.stages[0].constant == ("hour",)
    assert proved(
        replace(hours, may_stand_still=True), pipeline.clean_stages(bars)["features"], on=bars
    ).is_clean


def test_a_stage_that_drops_bars_is_refused(bars: Bars) -> None:
    short = replace(
        pipeline.clean_stages(bars)["features"],
        compute=pipeline.on(lambda history: {"c": history.close[5:]}),
    )
    with pytest.raises(DataError, match="a value for each"):
        proved(short, on=bars)


def test_rows_that_are_said_to_be_known_and_are_not_there_have_changed(bars: Bars) -> None:
    """A stage that stamps its rows with the open of their bar knows them an hour too early."""

    def opened(scene: Scene) -> Rows:
        time_ns = scene.bars.time_ns
        return Rows(time_ns=time_ns, known_ns=time_ns, settled_ns=time_ns)

    early = replace(pipeline.clean_stages(bars)["features"], rows=opened)
    report = proved(early, on=bars)

    assert {leak.check for leak in report.leaks} == {"truncate", "poison", "shift"}
    assert report.trusted


@pytest.mark.parametrize("n_cuts", [9, 12, 24])
def test_cuts_fall_on_the_ends_of_years_months_and_weeks(n_cuts: int, bars: Bars) -> None:
    times = np.arange(len(bars), dtype=np.int64) * 12 * NS_PER_HOUR
    cuts = set(cuts_of(replace(bars, time_ns=times), n_cuts).tolist())
    borders = borders_of(times)

    assert list(borders) == ["year", "month", "week", "day"]
    assert all(cuts & set(borders[name][0].tolist()) for name in ("year", "month", "week"))
    assert len(cuts) <= n_cuts


def test_a_row_that_ends_a_year_is_no_further_end_of_a_month() -> None:
    times = np.array(["2023-11-30", "2023-12-31", "2024-01-01", "2024-02-01", "2024-02-02"])
    borders = borders_of(times.astype("datetime64[ns]").astype(np.int64))

    assert {name: last.tolist() for name, (last, _) in borders.items()} == {
        "year": [1], "month": [0, 2],
    }  # fmt: skip
    assert borders_of(np.empty(0, np.int64)) == {}


@given(
    seed=st.integers(0, 50),
    cut=st.integers(0, 90),
    step=st.sampled_from([0.5, 5.0, 20.0]),
)
def test_the_next_bar_of_another_future_closes_elsewhere(seed: int, cut: int, step: float) -> None:
    """However coarse the prices are: a planted leak of the next close must show."""
    bars = pipeline.market(seed).between(0, 120)
    coarse = {name: np.round(getattr(bars, name) / step) * step for name in futures.PRICES}
    flat = replace(bars, **coarse)
    other = shifted(flat, cut, digits=1)
    moves = np.flatnonzero(np.diff(flat.close[cut:]))

    assert (other.close[cut + 1] != flat.close[cut + 1]) or len(moves) < 2


@pytest.mark.parametrize("values", ["never", "rarely", "huge", "mostly unknown"])
def test_a_column_of_any_kind_lets_its_canaries_be_found(values: str, bars: Bars) -> None:
    def column(history: Bars) -> dict[str, np.ndarray]:
        move = np.diff(np.log(history.close), prepend=np.log(history.close[:1]))
        rare = np.arange(len(history)) % 97 == 5
        made = {
            "never": np.where(move > 0.02, 1.0, 0.0),
            "rarely": np.where(move > np.log(1.012), 1.0, 0.0),
            "huge": np.where(rare, 1.7e308, move),
            "mostly unknown": np.where(rare, history.close, np.nan),
        }
        return {"made": made[values]}

    stage = replace(
        pipeline.clean_stages(bars)["features"],
        compute=pipeline.on(column), rounding=1e-9, may_stand_still=True,
    )  # fmt: skip
    report = proved(stage, pipeline.clean_stages(bars)["features"], on=bars, n_cuts=4)

    assert report.is_clean, report.reason


def test_a_fit_before_a_standstill_is_tried_by_what_still_changes(bars: Bars) -> None:
    """After a market has stopped, another future has the same prices, and other volumes."""
    half = len(bars) // 2
    stopped = {}
    for name in futures.PRICES:
        stopped[name] = getattr(bars, name).copy()
        stopped[name][half:] = bars.close[half - 1]
    flat = replace(bars, **stopped)
    scene = pipeline.scene_of(flat)
    fit = replace(pipeline.clean_stages(bars)["scaler"], until_ns=int(scene.known_ns[half]))

    assert prove([fit], scene).trusted
    dead = replace(flat, volume=np.zeros(len(flat)), spread=np.full(len(flat), np.nan))
    silent = prove([replace(fit, checks=("shift",))], pipeline.scene_of(dead))
    assert not silent.trusted
    assert any("differs from what came" in text for text in silent.blind)


def test_few_long_labels_do_not_hide_a_judged_row_that_learns() -> None:
    start = np.arange(0, 60, 2)
    end = start + 50
    folds = [(np.arange(20), np.arange(20, 30))]
    stage = RowStage(name="split", start=start, end=end, split=lambda *_: folds)

    assert not prove_rows([stage]).missed


def test_what_does_not_repeat_is_not_called_knowledge_of_the_future() -> None:
    leak = Leak(stage="a", column="b", check="repeat", bar=3, count=1, detail="why")
    canary = Canary(leak="x", stage="a", column="b", expected=("shift",), found=("shift",))
    report = LeakReport(leaks=(leak,), stages=(), canaries=(canary,))

    assert not report.sees_future and not report.is_clean
    assert report.reason == "It does not say the same twice in a, b: why."
    both = replace(report, leaks=(leak, replace(leak, check="shift", column="c")))
    assert both.sees_future
    assert both.reason == "It sees the future in a, c (1 more): why."


def test_cuts_fall_where_leaks_like_to_show(bars: Bars) -> None:
    cuts = set(cuts_of(bars, 40).tolist())
    opens = bar_open(bars.time_ns, Timeframe.D1)
    ends_of_day = set((np.flatnonzero(np.diff(opens) > 0)).tolist())
    missing = set(np.flatnonzero(np.isnan(bars.spread)).tolist())
    holes = np.flatnonzero(np.diff(bars.time_ns) > 3_600_000_000_000)

    assert len(cuts) <= 40
    assert cuts & ends_of_day and cuts & missing and cuts & {*holes, *(holes + 1)}
    assert min(cuts) == 0 and max(cuts) == len(bars) - 2
