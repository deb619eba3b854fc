"""Assay's own pipeline before the prover: honest as it is, and caught with every planted leak."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data import spread as spread_module
from assay.data.bars import Bars
from assay.data.mirror import mirrored
from assay.data.resample import resample
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.data.spread import quoted_both_sides
from assay.data.spread_statistics import spread_statistics
from assay.domain.errors import DataError
from assay.domain.progress import SilentProgress
from assay.domain.timeframe import Timeframe
from assay.engine import backtest as engine_module
from assay.engine import tape as tape_module
from assay.features import frame as frame_module
from assay.models import fitting
from assay.regimes import volatility as regime_module
from assay.research import dataset as dataset_module
from assay.research import oos, preparation, training
from assay.research.history import History
from assay.research.leaks import learning, market, orders, scene
from assay.research.leaks.decisions import Decided, decision_stages, head_of
from assay.research.leaks.evidence import LeakReport
from assay.research.leaks.fits import prove_fits
from assay.research.leaks.learning import Lesson, fold_stage, plans_of, row_stages, split_stage
from assay.research.leaks.own_columns import own_stages
from assay.research.leaks.parts import prove_parts
from assay.research.leaks.pipeline import Depth, prove_pipeline
from assay.research.leaks.prover import cuts_in
from assay.research.leaks.rows import prove_rows
from assay.research.leaks.scene import Scene
from assay.research.leaks.series import prove_series
from assay.research.leaks.strategy import reloading
from assay.research.splits.purged import purged_kfold
from assay.signals.signal_model import SignalModel
from assay.strategy import load_strategy

SYMBOL, CROSS = "XAUUSD", "EURJPY"
SETTINGS = Settings.model_validate(
    {
        "features": {"names": ["drift_8", "rsi_14", "week_sin", "drift_8@H4", "rsi_14@D1"]},
        "labels": {"horizon_bars": 12},
        "evaluation": {"folds": 3},
        "training": {
            "algorithms": ["logistic", "lightgbm"],
            "rows_min": 100,
            "features_max": 8,
            "inner_folds": 2,
        },
        "exits": {
            "stop_atr": 2.0,
            "targets": [{"at_r": 1.0, "fraction": 0.5}],
            "break_even_at_r": 1.0,
            "trailing_atr": 3.0,
        },
    }
)
N_BARS = 6_000
SEED = 5


def bid_only(bars: Bars) -> Bars:
    """Return bars that quote a spread on most bars, and no ask."""
    spread = bars.spread.copy()
    spread[np.arange(len(bars)) % 9 == 4] = np.nan
    sides = ("ask_open", "ask_high", "ask_low", "ask_close")
    return replace(bars, spread=spread, **dict.fromkeys(sides))


@pytest.fixture(scope="module")
def gold() -> Scene:
    """Return the pipeline on a simulated history with weekends, and gaps in its spread."""
    instrument = load_instrument(SYMBOL)
    bars = bid_only(simulate(SimulatedMarket(seed=3, n_bars=N_BARS), instrument))
    history = History(bars={SYMBOL: bars}, instruments={SYMBOL: instrument})
    return Scene(history=history, settings=SETTINGS)


@pytest.fixture(scope="module")
def cross() -> Scene:
    """Return the pipeline on a pair that is priced in a third currency."""
    instrument, dollar = load_instrument(CROSS), load_instrument("USDJPY")
    bars = simulate(SimulatedMarket(seed=4, n_bars=1_500, start_price=130.0), instrument)
    pair = simulate(SimulatedMarket(seed=6, n_bars=1_500, start_price=110.0), dollar)
    history = History(
        bars={CROSS: bars},
        instruments={CROSS: instrument},
        conversion_bars={"USDJPY": replace(pair, symbol="USDJPY")},
    )
    return Scene(history=history, settings=SETTINGS)


def market_report(at: Scene, n_cuts: int = 6) -> LeakReport:
    """Prove every stage that has nothing to learn."""
    fresh = at.on(at.history)
    plants = market.engine_plants(fresh)
    return prove_series(market.market_stages(fresh), fresh, cuts_in(fresh, n_cuts), plants=plants)


def split_report(at: Scene) -> LeakReport:
    """Prove the splits of the walk and of its trainings."""
    return prove_rows(learning.walk_stages(plans_of(at.on(at.history).dataset, SETTINGS)))


def lesson_of(at: Scene) -> Lesson:
    """Return the first training of the walk."""
    return Lesson.of(plans_of(at.on(at.history).dataset, SETTINGS)[0])


def rows_report(at: Scene) -> LeakReport:
    """Prove what each training may learn from."""
    fresh = at.on(at.history)
    return prove_fits(row_stages(plans_of(fresh.dataset, SETTINGS)), fresh)


def parts_report(at: Scene) -> LeakReport:
    """Prove what each part of a training reads."""
    lesson = lesson_of(at)
    fitted = training.train(lesson.rows, lesson.plan.settings, seed=SEED)
    return prove_parts([split_stage(lesson, fitted, SEED), fold_stage(lesson, SEED)])


def decisions_report(at: Scene) -> LeakReport:
    """Prove what a fitted model says and what is done about it."""
    lesson = lesson_of(at)
    fitted = training.train(lesson.rows, lesson.plan.settings, seed=SEED)
    decided = Decided.of(lesson, fitted)
    head = head_of(at.on(at.history), decided)
    first = int(np.searchsorted(head.known_ns, lesson.until_ns))
    cuts = np.linspace(first + 20, len(head.bars) - 20, 5).astype(np.int64)
    return prove_series(decision_stages(decided), head, cuts)


Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Planted:
    """A leak in our own code: how it is put there, and who must be named for it."""

    patch: Patch
    report: Callable[[Scene], LeakReport]
    stage: str
    column: str
    checks: frozenset[str]
    on: str = "gold"


def replacing(module: Any, name: str, make: Callable[[Any], Any]) -> Patch:
    """Put a leaking copy of a function in its place; *make* gets the honest one."""
    return lambda monkeypatch: monkeypatch.setattr(module, name, make(getattr(module, name)))


def together(*patches: Patch) -> Patch:
    """Put several copies in place."""
    return lambda monkeypatch: [patch(monkeypatch) for patch in patches] and None


def early(values: np.ndarray, n: int = 1) -> np.ndarray:
    """Return values *n* rows too early."""
    return np.concatenate((values[n:], values[-n:]))


# -- copies of our functions, each with one leak -----------------------------------------------


def spread_of_the_future(_: Any) -> Any:
    """Fill a missing spread with that of the next bar that has one."""

    def fill(bars: Bars) -> np.ndarray:
        there = np.flatnonzero(np.isfinite(bars.spread))
        place = np.searchsorted(there, np.arange(len(bars)))
        return np.append(bars.spread[there], np.nan)[place]

    return fill


def next_rate(honest: Any) -> Any:
    return lambda *arguments: early(honest(*arguments))


def one_column_early(honest: Any) -> Any:
    def compute(bars: Bars, names: Any) -> Any:
        found = honest(bars, names)
        values = found.values.copy()
        place = found.names.index("drift_8")
        values[:, place] = early(values[:, place])
        return replace(found, values=values)

    return compute


def open_stamped(honest: Any) -> Any:
    """Say that a longer bar is known when it opens."""
    return lambda time_ns, frame: time_ns if frame.name == "H4" else honest(time_ns, frame)


def mirrored_at_the_end(honest: Any) -> Any:
    """Mirror the market at its last price."""

    def mirror(bars: Bars) -> Bars:
        image, factor = honest(bars), float(bars.open[-1] / bars.open[0]) ** 2
        sides = [f"{side}{name}" for side in ("", "ask_") for name in ("open", "high", "low")]
        names = (*sides, "close", "ask_close", "spread")
        return replace(image, **{name: getattr(image, name) * factor for name in names})

    assert mirrored is honest
    return mirror


def votes_early(honest: Any) -> Any:
    return lambda *arguments: early(honest(*arguments))


def ends_understated(honest: Any) -> Any:
    def label(*arguments: Any) -> Any:
        found = honest(*arguments)
        return replace(found, end=np.where(found.end >= 0, np.maximum(found.end - 2, 0), -1))

    return label


def volatility_of_everything(honest: Any) -> Any:
    def label(*arguments: Any) -> Any:
        found = honest(*arguments)
        known = found.volatility[np.isfinite(found.volatility)]
        return replace(found, volatility=found.volatility / (known.mean() if len(known) else 1.0))

    return label


def whole_sample_volatility(honest: Any) -> Any:
    def measure(*arguments: Any) -> Any:
        found = honest(*arguments)
        if np.isnan(found).all():
            return found
        return found / np.nanmedian(found) * (1.0 + np.arange(len(found)) % 3)

    return measure


def volatility_early(honest: Any) -> Any:
    return lambda *arguments: early(honest(*arguments))


def engine_that_peeks(honest: Any) -> Any:
    """Trade on the opinion of the event to come."""

    def trade(tape: Any, views: Any, *more: Any) -> Any:
        side, score = early(views.direction), early(views.score)
        return honest(tape, replace(views, direction=side, score=score), *more)

    return trade


def labels_that_only_began(honest: Any) -> Any:
    """Train on labels that begin before the test, wherever they end."""

    def select(dataset: Any, settings: Any, **span: int) -> Any:
        return honest(replace(dataset, settled_ns=dataset.start_ns), settings, **span)

    return select


def shuffled_folds(_: Any) -> Any:
    def split(start: Any, end: Any, *, n_folds: int, embargo: int) -> Any:
        parts = np.array_split(np.random.default_rng(1).permutation(len(start)), n_folds)
        everything = np.arange(len(start))
        return [(np.setdiff1d(everything, part), np.sort(part)) for part in parts]

    return split


def folds_without_embargo(_: Any) -> Any:
    def split(start: Any, end: Any, *, n_folds: int, embargo: int) -> Any:
        return purged_kfold(start, end, n_folds=n_folds, embargo=0)

    return split


def unpurged(_: Any) -> Any:
    def rows(start: Any, end: Any, test: Any, *, embargo: int) -> Any:
        return np.setdiff1d(np.arange(len(start)), test)

    return rows


def weights_of_all(honest: Any) -> Any:
    """Weigh a label by all that overlap it, those after the training included."""

    def weigh(self: Any, rows: Any) -> Any:
        everything = np.flatnonzero(self.has_label)
        return honest(self, everything)[np.searchsorted(everything, rows)]

    return weigh


def scaled_over_everything(honest: Any) -> Any:
    """Standardise the features over all rows, the held-out ones included, before any fold."""

    def fit(x: Any, *arguments: Any, **more: Any) -> Any:
        return honest((x - x.mean(axis=0)) / x.std(axis=0), *arguments, **more)

    return fit


def selected_on_everything(honest: Any) -> Any:
    def select(x: Any, y: Any, weight: Any, folds: Any, *more: Any) -> Any:
        everything = np.arange(len(y))
        return honest(x, y, weight, [(everything, everything[::2])], *more)

    return select


def fitted_on_everything(honest: Any) -> Any:
    """Fit the final members on the calibration rows as well."""

    def fit(*arguments: Any, calibration: Any, **more: Any) -> Any:
        rows, held = calibration
        return honest(*arguments, calibration=(np.union1d(rows, held), held), **more)

    return fit


def in_sample_forecasts(honest: Any) -> Any:
    """Forecast each fold by members that trained on it."""

    def forecast(x: Any, y: Any, weight: Any, folds: Any, *more: Any) -> Any:
        both = [(np.union1d(train, test), test) for train, test in folds]
        return honest(x, y, weight, both, *more)

    return forecast


def scaled_by_fold(honest: Any) -> Any:
    """Standardise the judged rows by themselves."""

    def forecast(x: Any, y: Any, weight: Any, folds: Any, *more: Any) -> Any:
        test = np.concatenate([part for _, part in folds])
        return honest((x - x[test].mean(axis=0)) / x[test].std(axis=0), y, weight, folds, *more)

    return forecast


class _Labels:
    """What a leaking stacker remembers of the labels that it must not see."""

    share = 0.5


def remembering_labels(honest: Any) -> Any:
    def fit(x: Any, y: Any, weight: Any, **more: Any) -> Any:
        _Labels.share = float(y[: len(y) // 2].mean())
        return honest(x, y, weight, **more)

    return fit


def stacked_on_everything(honest: Any) -> Any:
    def fit(*arguments: Any) -> Any:
        found = honest(*arguments)
        return replace(found, intercept=found.intercept + _Labels.share)

    return fit


def calibrated_on_fit_rows(honest: Any) -> Any:
    """Calibrate the paths on the rows that the members were fitted on."""

    def fit(forecaster: Any, rows: Any, held: Any, **more: Any) -> Any:
        n_rows = len(rows.y)
        pairs = (np.arange(n_rows - 20), np.arange(20, n_rows))
        return honest(forecaster, rows, rows, **{**more, "one_horizon_apart": pairs})

    return fit


def calibrated_on_nothing(honest: Any) -> Any:
    """Calibrate the ensemble without its rows."""
    return lambda z, y, weight: honest(np.linspace(-1.0, 1.0, 50), np.arange(50) % 2, np.ones(50))


def normalised_answers(honest: Any) -> Any:
    """Centre the forecasts over the whole test span."""

    def odds(self: Any, x: Any) -> Any:
        found = honest(self, x)
        return found - np.nanmean(found)

    return odds


def quantiles_early(honest: Any) -> Any:
    return lambda self, x: early(honest(self, x))


FUTURES = frozenset({"truncate", "poison", "shift"})
PLANTED: dict[str, Planted] = {
    "a spread filled backwards": Planted(
        replacing(spread_module, "spread_by_minute_of_week", spread_of_the_future),
        market_report, "spread", "spread", FUTURES,
    ),
    "a conversion rate of the next bar": Planted(
        replacing(preparation, "conversion_rates", next_rate),
        market_report, "conversion", "rate", frozenset({"truncate", "shift"}), on="cross",
    ),
    "a feature one bar early": Planted(
        replacing(dataset_module, "compute", one_column_early),
        market_report, "features", "drift_8", FUTURES,
    ),
    "a longer bar joined at its open": Planted(
        replacing(frame_module, "bar_close", open_stamped),
        market_report, "joined timeframes", "drift_8@H4", FUTURES,
    ),
    "a market mirrored at its last price": Planted(
        replacing(dataset_module, "mirrored", mirrored_at_the_end),
        market_report, "mirrored features", "rsi_14", FUTURES,
    ),
    "votes one bar early": Planted(
        replacing(dataset_module, "votes_from", votes_early),
        market_report, "votes", "sma_20", FUTURES,
    ),
    "labels that say they end too early": Planted(
        replacing(dataset_module, "label_bars", ends_understated),
        market_report, "labels", "move", frozenset({"poison", "shift"}),
    ),
    "a volatility scaled by the whole sample": Planted(
        replacing(dataset_module, "label_bars", volatility_of_everything),
        market_report, "label terms", "volatility", frozenset({"truncate", "shift"}),
    ),
    "regimes against the median of the sample": Planted(
        replacing(regime_module, "ewma_volatility", whole_sample_volatility),
        market_report, "regimes", "regime", frozenset({"truncate", "shift"}),
    ),
    "the engine's volatility one event early": Planted(
        replacing(tape_module, "ewma_volatility", volatility_early),
        market_report, "opens of events", "volatility", frozenset({"shift"}),
    ),
    "orders on the opinion of the next event": Planted(
        replacing(engine_module, "backtest", engine_that_peeks),
        market_report, "entries of the votes", "entered lots", frozenset({"shift"}),
    ),
    "training labels that end in the test": Planted(
        replacing(oos, "select_rows", labels_that_only_began),
        split_report, "walk forward", "fold 0", frozenset({"purge"}),
    ),
    "shuffled inner folds": Planted(
        replacing(training, "purged_kfold", shuffled_folds),
        split_report, "inner folds", "fold 0", frozenset({"purge", "canary"}),
    ),
    "inner folds without embargo": Planted(
        replacing(training, "purged_kfold", folds_without_embargo),
        split_report, "inner folds", "fold 0", frozenset({"embargo"}),
    ),
    "calibration rows that overlap the fit": Planted(
        replacing(training, "purged_train", unpurged),
        split_report, "calibration rows", "fold 0", frozenset({"purge"}),
    ),
    "weights that count later labels": Planted(
        replacing(dataset_module.Dataset, "uniqueness_of", weights_of_all),
        rows_report, "training rows, fold 0", "weight", frozenset({"truncate"}),
    ),
    "a scaler over the full sample": Planted(
        replacing(training, "fit_forecaster", scaled_over_everything),
        parts_report, "members", "logistic.linear", frozenset({"unseen"}),
    ),
    "selection on the held-out rows": Planted(
        replacing(fitting, "select_features", selected_on_everything),
        parts_report, "selector", "importance", frozenset({"unseen"}),
    ),
    "members fitted on the held-out rows": Planted(
        together(
            replacing(fitting, "_check_rows", lambda _: lambda *_: None),
            replacing(training, "fit_forecaster", fitted_on_everything),
        ),
        parts_report, "members", "logistic.linear", frozenset({"unseen"}),
    ),
    "out-of-fold forecasts that are in-sample": Planted(
        replacing(fitting, "out_of_fold", in_sample_forecasts),
        parts_report, "members", "lightgbm out of fold", frozenset({"unseen"}),
    ),
    "a scaler over the judged rows": Planted(
        replacing(fitting, "out_of_fold", scaled_by_fold),
        parts_report, "members", "logistic out of fold", frozenset({"unseen"}),
    ),
    "a stacker that knows the held-out labels": Planted(
        together(
            replacing(training, "fit_forecaster", remembering_labels),
            replacing(fitting, "fit_stacker", stacked_on_everything),
        ),
        parts_report, "stacker", "intercept", frozenset({"unseen"}),
    ),
    "paths calibrated on the fit rows": Planted(
        replacing(training, "fit_signal_model", calibrated_on_fit_rows),
        parts_report, "path calibrators", "ai.slope", frozenset({"unread"}),
    ),
    "an ensemble calibrated on nothing": Planted(
        replacing(fitting, "fit_calibrator", calibrated_on_nothing),
        parts_report, "calibrator", "slope", frozenset({"unread"}),
    ),
    "forecasts centred over the test span": Planted(
        replacing(SignalModel, "ai_log_odds", normalised_answers),
        decisions_report, "forecasts", "ai.p", frozenset({"truncate", "shift"}),
    ),
    "quantiles one bar early": Planted(
        replacing(SignalModel, "move_quantiles", quantiles_early),
        decisions_report, "forecasts", "quantile[0]", frozenset({"truncate", "shift"}),
    ),
}  # fmt: skip


@pytest.fixture
def scenes(gold: Scene, cross: Scene) -> Iterator[dict[str, Scene]]:
    """Return the histories by name."""
    yield {"gold": gold, "cross": cross}


@pytest.mark.parametrize("name", PLANTED)
def test_a_leak_planted_in_our_own_code_is_named(
    name: str, scenes: dict[str, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = PLANTED[name]
    planted.patch(monkeypatch)
    report = planted.report(scenes[planted.on])

    named = {leak.check for leak in report.leaks
             if (leak.stage, leak.column) == (planted.stage, planted.column)}  # fmt: skip
    assert named >= planted.checks, [str(leak) for leak in report.leaks]
    assert report.trusted, report.reason
    for leak in report.leaks:
        if leak.check in FUTURES and "training rows" not in leak.stage:
            assert leak.time_ns == scenes[planted.on].bars.time_ns[leak.bar]


@pytest.mark.parametrize("on", ["gold", "cross"])
def test_the_whole_pipeline_as_it_is_knows_nothing_of_the_future(
    on: str, scenes: dict[str, Scene]
) -> None:
    at = scenes[on]
    depth = Depth(n_cuts=6, learns=on == "gold")
    report = prove_pipeline(at.settings, at.history, depth=depth, progress=SilentProgress())

    assert [str(leak) for leak in report.leaks] == []
    assert report.is_clean, report.reason
    kinds = {stage.kind for stage in report.stages}
    assert kinds == ({"series", "rows", "fit", "parts"} if on == "gold" else {"series", "rows"})


def test_two_symbols_with_finer_bars_are_proved_each(tmp_path: Path) -> None:
    gold, euro = load_instrument(SYMBOL), load_instrument("EURUSD")
    quarters = simulate(SimulatedMarket(seed=3, n_bars=8_000, timeframe=Timeframe.M15), gold)
    bars = resample(quarters, Timeframe.H1)
    other = simulate(SimulatedMarket(seed=9, n_bars=1_900, start_price=1.1), euro)
    history = History(
        bars={SYMBOL: bars, "EURUSD": other},
        instruments={SYMBOL: gold, "EURUSD": euro},
        finer={SYMBOL: quoted_both_sides(quarters, gold)[0]},
    )
    market_settings = {"symbols": [SYMBOL, "EURUSD"]}
    settings = Settings.model_validate({**SETTINGS.model_dump(), "market": market_settings})
    depth = Depth(n_cuts=6, learns=False, bars=1_700)
    report = prove_pipeline(settings, history, depth=depth, progress=SilentProgress())

    assert report.is_clean, report.reason
    names = {stage.name for stage in report.stages}
    assert {f"features, {SYMBOL}", "features, EURUSD", "labels, EURUSD", "events"} <= names


def test_a_users_columns_are_proved_where_the_models_read_them(
    gold: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "strategy.py").write_text(
        "import numpy as np\n"
        "from assay.strategy import Bars, feature, signal\n"
        "@feature(warm_up=5)\n"
        "def change(bars):\n    return bars.close / np.roll(bars.close, 5) - 1.0\n"
        "@signal(warm_up=5)\n"
        "def lean(bars):\n    return np.sign(bars.close - np.roll(bars.close, 5))\n"
    )
    strategy = load_strategy(tmp_path / "strategy.py")
    head = replace(gold.history, bars={SYMBOL: gold.bars.between(0, 1_500)})
    at = Scene(history=head, settings=SETTINGS, load=reloading(strategy))
    (stage,) = own_stages(at, ())
    clean = prove_series([stage], at, cuts_in(at, 6))
    replacing(dataset_module, "beside", lambda honest: lambda *tables: early(honest(*tables)))(
        monkeypatch
    )
    (stage,) = own_stages(at.on(head), ())
    leaking = prove_series([stage], at.on(head), cuts_in(at, 6))

    assert clean.is_clean
    names = {"change", "change in the mirror", "lean", "lean in the mirror"}
    assert {leak.column for leak in leaking.leaks} == names
    assert {leak.stage for leak in leaking.leaks} == {"own columns"}
    assert own_stages(at, ("change", "lean")) == []


def test_a_pair_that_begins_late_leaves_no_cut_before_it(cross: Scene) -> None:
    (pair,) = cross.history.conversion_bars.values()
    late = {"USDJPY": pair.between(100, len(pair))}
    history = replace(cross.history, conversion_bars=late)
    depth = Depth(n_cuts=6, learns=False, bars=1_450)
    report = prove_pipeline(cross.settings, history, depth=depth, progress=SilentProgress())

    assert report.is_clean, report.reason
    assert "conversion" in {stage.name for stage in report.stages}


def test_every_stage_that_is_asked_is_tried_with_a_planted_leak(gold: Scene) -> None:
    depth = Depth(n_cuts=4)
    report = prove_pipeline(gold.settings, gold.history, depth=depth, progress=SilentProgress())
    tried = {canary.stage for canary in report.canaries}
    idle = {stage.name for stage in report.stages if len(stage.constant) == stage.columns}
    parts = {"training, part by part", "members, fold by fold"}

    assert {stage.name for stage in report.stages} - idle - parts <= tried
    assert {"selector", "members", "calibrator", "path calibrators", "fusion"} <= tried
    assert all(canary.is_found for canary in report.canaries)


@pytest.fixture
def silent(gold: Scene) -> Scene:
    """Return the pipeline on bars without a spread, beside a series that has one."""
    bars = simulate(SimulatedMarket(seed=3, n_bars=1_500), load_instrument(SYMBOL))
    features = SETTINGS.features.model_copy(update={"names": ("drift_8", "spread_atr_14")})
    history = replace(
        gold.history,
        bars={SYMBOL: replace(bid_only(bars), spread=np.full(len(bars), np.nan))},
        spreads={SYMBOL: spread_statistics(SYMBOL, "H1", [bars])},
    )
    return Scene(history=history, settings=SETTINGS.model_copy(update={"features": features}))


def test_a_spread_counted_elsewhere_is_a_cost_and_no_input(gold: Scene, silent: Scene) -> None:
    report = prove_parts(market.week_stages(silent))

    assert report.is_clean, report.reason
    assert silent.dataset.names == ("drift_8",), "a feature that would have read it is left out"
    assert {stage.name for stage in report.stages} == {"spread of the week"}
    assert market.week_stages(gold) == []


def test_a_feature_that_reads_a_spread_counted_elsewhere_is_named(
    silent: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def filled(honest: Any) -> Any:
        def quote(*arguments: Any) -> Any:
            found, text = honest(*arguments)
            return replace(found, spread=found.ask_close - found.close), text

        return quote

    replacing(preparation, "quoted_both_sides", filled)(monkeypatch)
    report = prove_parts(market.week_stages(silent.on(silent.history)))

    assert {(leak.stage, leak.column) for leak in report.leaks} == {("features", SYMBOL)}


def test_labels_of_which_half_go_up_do_not_hide_the_canary(gold: Scene) -> None:
    """Flipping every label of an even split keeps its mean: the canary must not rest on that."""
    stage = fold_stage(lesson_of(gold), SEED)
    table = stage.given
    half = replace(table, y=(np.arange(len(table.y)) % 2).astype(np.int8)[: len(table.y)])
    flipped = replace(half, y=1 - half.y)

    assert (stage.full(half) != stage.full(flipped)).any()


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(k, marks=pytest.mark.soak) for k in range(6, 24))]
)
def test_every_canary_is_found_on_any_market_with_few_cuts(seed: int) -> None:
    """What was planted must show, whatever the market does: orders on two cuts, tables of rows."""
    rng = np.random.default_rng(seed)
    name = ("XAUUSD", "EURUSD", "XAGUSD")[seed % 3]
    instrument, price = load_instrument(name), (1_500.0, 1.1, 20.0)[seed % 3]
    n_bars = int(rng.integers(1_200, 5_000))
    bars = simulate(SimulatedMarket(seed=seed, n_bars=n_bars, start_price=price), instrument)
    settings = Settings.model_validate(
        {
            "market": {"symbols": [name]},
            "features": {"names": ["drift_8", "rsi_14"], "timeframes": []},
            "labels": {"horizon_bars": (4, 12, 24, 60)[seed % 4]},
            "training": {"algorithms": ["logistic"], "inner_folds": 2},
            "evaluation": {"folds": 2},
        }
    )
    history = History(bars={name: bars}, instruments={name: instrument})
    depth = Depth(n_cuts=2 + seed % 4)
    report = prove_pipeline(settings, history, depth=depth, progress=SilentProgress())

    assert report.is_clean, report.reason
    assert "how the market ends" in {canary.leak for canary in report.canaries}


def test_a_fold_of_one_side_alone_is_passed_over(gold: Scene) -> None:
    """Labels over long horizons may all go up; a model cannot learn from them."""
    folds = [(np.arange(0, 5), np.arange(5, 9)), (np.arange(5, 9), np.arange(0, 5))]
    y = np.array([0, 0, 0, 0, 0, 0, 1, 0, 1], dtype=np.int8)

    assert learning._with_both_sides(folds, y) is folds[1]
    with pytest.raises(DataError, match="moves up and from moves down"):
        learning._with_both_sides(folds, np.zeros(9, np.int8))


def test_votes_that_nobody_casts_are_not_changed(gold: Scene) -> None:
    """A change that changes nothing asks nothing, so no planted leak can show in it."""
    lesson = lesson_of(gold)
    silent = replace(
        lesson.rows,
        votes=np.zeros_like(lesson.rows.votes),
        mirror_votes=np.zeros_like(lesson.rows.mirror_votes),
    )
    quiet = replace(lesson, rows=silent)
    fitted = training.train(silent, quiet.plan.settings, seed=SEED)
    stage = split_stage(quiet, fitted, SEED)

    assert [change.what for change in stage.changes] == ["the rows held out for calibration"]
    assert prove_parts([stage]).is_clean


def test_features_that_are_unknown_somewhere_do_not_hide_the_canary(gold: Scene) -> None:
    """A mean over a column with one NaN is NaN, whatever else changes."""
    lesson = lesson_of(gold)
    x = lesson.rows.x.copy()
    x[:, :] = np.where(np.arange(len(x))[:, None] == 0, np.nan, x)
    stage = split_stage(lesson, training.train(lesson.rows, lesson.plan.settings, seed=SEED), SEED)
    before = replace(lesson.rows, x=x)
    after = replace(lesson.rows, x=1.25 * x)

    assert (stage.full(before) != stage.full(after)).any()


def test_an_account_too_small_to_trade_does_not_blind_the_prover(gold: Scene) -> None:
    account = SETTINGS.account.model_copy(update={"balance": 5.0})
    small = replace(gold, settings=SETTINGS.model_copy(update={"account": account}), _memory={})
    assert market.engine_plants(small) == {}
    report = market_report(small)

    assert report.is_clean, report.reason
    (orders_stage,) = [item for item in report.stages if item.name == "orders of the votes"]
    assert set(orders_stage.constant) == set(orders.AT_CLOSE)


def test_the_account_of_the_prover_does_trade(gold: Scene) -> None:
    found = orders.traded(gold, orders.voted(gold))

    assert np.count_nonzero(found["fills"]) > 100
    assert np.count_nonzero(found["entered lots"][-500:]) > 10, "also late: it begins afresh"
    assert scene.Rows.of(gold.bars).known_ns[-1] == gold.known_ns[-1]
