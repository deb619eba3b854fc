"""Planted leaks are named, and the clean pipeline is not accused."""

from collections.abc import Callable
from dataclasses import replace

import leaky_pipeline as pipeline
import numpy as np
import pytest

from assay.data.bars import Bars
from assay.domain.errors import DataError
from assay.research.leaks.prover import Leak, Stage, cuts_of, poisoned, prove, truncated

Plant = Callable[[Bars, dict[str, Stage]], Stage]


def feature(column: str, leak: Callable[[Bars], np.ndarray]) -> Plant:
    """Plant one leaking column among the features."""
    return lambda bars, stages: replace(stages["features"], compute=pipeline._with(column, leak))


def stage(name: str, **changes: object) -> Plant:
    """Replace one stage by its leaking twin."""
    return lambda bars, stages: replace(stages[name], **changes)


PLANTED: dict[str, tuple[Plant, str, str, set[str]]] = {
    # leak: (plant, stage, column, checks that must name it)
    "shifted target": (
        feature("next_return", pipeline.shifted_target), "features", "next_return",
        {"truncate", "poison"},
    ),
    "centred window": (
        feature("centred_9", pipeline.centred_window), "features", "centred_9",
        {"truncate", "poison"},
    ),
    "back-filled gaps": (
        feature("spread_back", pipeline.back_filled), "features", "spread_back",
        {"truncate", "poison"},
    ),
    "volatility of the whole sample": (
        feature("return_z", pipeline.whole_sample_volatility), "features", "return_z",
        {"truncate", "poison"},
    ),
    "open-stamped higher timeframe": (
        stage("join", compute=pipeline.open_stamped_join), "join", "close@H4",
        {"truncate", "poison"},
    ),
    "future pivot": (
        stage("patterns", compute=pipeline.unconfirmed_pivot), "patterns", "pivot_high",
        {"truncate", "poison"},
    ),
    "label end that is too early": (
        stage("labels", known=pipeline.understated_end), "labels", "side",
        {"truncate", "poison"},
    ),
    "full-sample scaler": (
        stage("scaler", fit=pipeline.whole_sample_scaler), "scaler", "mean",
        {"truncate", "poison"},
    ),
    "full-sample feature selection": (
        stage("selector", fit=pipeline.whole_sample_selector), "selector", "chosen",
        {"truncate", "poison"},
    ),
    "selection on labels that end later": (
        stage("selector", fit=pipeline.selector_with_open_labels), "selector", "chosen",
        {"truncate", "poison"},
    ),
    "calibrator fitted on test rows": (
        stage("calibrator", fit=pipeline.calibrator_on_test_rows), "calibrator", "slope",
        {"poison"},
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


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_clean_pipeline_is_not_accused(seed: int) -> None:
    history = pipeline.market(seed)
    clean = pipeline.clean_stages(history)
    assert prove(clean.values(), history, n_cuts=16) == ()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_named_and_nothing_else_is(
    name: str, bars: Bars, stages: dict[str, Stage]
) -> None:
    plant, stage_name, column, checks = PLANTED[name]
    planted = plant(bars, stages)
    leaks = prove([*({**stages, stage_name: planted}.values())], bars, n_cuts=16)

    assert {leak.stage for leak in leaks} == {stage_name}
    assert {leak.check for leak in leaks if leak.column == column} >= checks
    honest = set(pipeline.features(bars))
    assert not {leak.column for leak in leaks} & honest
    assert all(str(leak).startswith(f"{leak.stage}.{leak.column}: {leak.check}") for leak in leaks)


def test_the_first_leaking_bar_is_the_one_that_leaks(bars: Bars, stages: dict[str, Stage]) -> None:
    planted = feature("late", pipeline.late_leak)(bars, stages)
    cuts = cuts_of(bars, 2_000)  # every bar
    assert len(cuts) == len(bars) - 1
    leaks = prove([planted], bars, n_cuts=2_000)
    assert {(leak.column, leak.check, leak.bar) for leak in leaks} == {
        ("late", "truncate", 700),
        ("late", "poison", 700),
    }


def test_the_first_learning_label_that_overlaps_is_named(
    bars: Bars, stages: dict[str, Stage]
) -> None:
    planted = stage("split", split=pipeline.unpurged_split)(bars, stages)
    (leak,) = [leak for leak in prove([planted], bars) if leak.check == "purge"]
    start, end = planted.start, planted.end
    train, test = pipeline.unpurged_split(start, end)[0]
    overlapping = [i for i in train if any(start[i] <= end[test]) and start[i] <= end[test].max()]
    assert leak.bar == start[overlapping[0]]
    assert leak.count == sum(
        int(((start[i] <= end[test]) & (end[i] >= start[test])).sum()) for i in train
    )


def test_a_leak_that_shows_only_as_nan_or_only_as_a_number_is_seen(bars: Bars) -> None:
    def skips_nan(history: Bars) -> dict[str, np.ndarray]:
        """Know the future but hide behind it where it is missing or cut off."""
        ahead = pipeline.lagged(history.close, -1)
        usual = np.abs(ahead / history.close - 1.0) < 0.5
        return {"sly": np.where(usual, ahead, np.nan) * 0.0 + 1.0}

    planted = replace(pipeline.clean_stages(bars)["features"], compute=skips_nan)
    assert {leak.check for leak in prove([planted], bars)} == {"truncate", "poison"}


def test_cutting_and_poisoning_leave_the_past_and_the_input_alone(bars: Bars) -> None:
    before = bars.close.copy()
    for cut in (0, 10, len(bars) - 2):
        short, poison = truncated(bars, cut), poisoned(bars, cut, 1e9)
        assert len(short) == cut + 1
        np.testing.assert_array_equal(short.close, before[: cut + 1])
        np.testing.assert_array_equal(poison.close[: cut + 1], before[: cut + 1])
        assert (poison.close[cut + 1 :] == 1e9).all()
        np.testing.assert_array_equal(poison.time_ns, bars.time_ns)
    np.testing.assert_array_equal(bars.close, before)


def test_a_signed_zero_counts_as_a_change(bars: Bars) -> None:
    def zero(history: Bars) -> dict[str, np.ndarray]:
        return {"zero": np.full(len(history), 0.0 if len(history) == len(bars) else -0.0)}

    planted = replace(pipeline.clean_stages(bars)["features"], compute=zero)
    assert {leak.check for leak in prove([planted], bars)} == {"truncate"}


def test_a_leak_is_a_value(bars: Bars) -> None:
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
    planted = replace(stages["features"], compute=strict)
    assert {leak.check for leak in prove([planted], bars)} == {"truncate"}
    with pytest.raises(DataError, match="must answer"):
        prove([replace(stages["features"], compute=never)], bars)


def test_a_stage_that_drops_bars_is_refused(bars: Bars) -> None:
    short = replace(
        pipeline.clean_stages(bars)["features"], compute=lambda history: {"c": history.close[5:]}
    )
    with pytest.raises(DataError, match="a value for each"):
        prove([short], bars)
