"""A strategy through the whole job: dataset, training, backtest, store, ledger."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategy_worlds import BARS, COLUMNS, GOLD, N_BARS, SETTINGS, dataset_of, tipped

from assay.data.mirror import mirrored
from assay.domain.errors import DataError, ModelError, StrategyError
from assay.domain.progress import SilentProgress
from assay.research.backtests import backtest_stored
from assay.research.dataset import build_dataset
from assay.research.history import History
from assay.research.identity import acting_code
from assay.research.preparation import prepare
from assay.research.report import write_report
from assay.research.run import execute
from assay.research.run_result import RunResult
from assay.research.stored import CARD_FILE, StoredModel, fit_on_all, store
from assay.research.stored import load as load_model
from assay.research.training import select_rows, train
from assay.research.trials.ledger import TrialLedger
from assay.signals.signal_model import traditional
from assay.signals.votes import VOTES
from assay.strategy import Strategy

HISTORY = History(bars={"XAUUSD": BARS}, instruments=GOLD)


def run(
    folder: Path, strategy: Strategy | None, *, workers: int = 1, history: History = HISTORY
) -> RunResult:
    place = SETTINGS.run.model_copy(update={"workers": workers})
    return execute(
        SETTINGS.model_copy(update={"run": place}),
        history,
        ledger=TrialLedger(folder / "ledger.jsonl"),
        progress=SilentProgress(),
        at_ns=7,
        strategy=strategy,
    )


# -- the dataset -------------------------------------------------------------------------------


def test_features_and_signals_come_after_those_of_the_house(load) -> None:
    strategy = load(COLUMNS)
    plain, own = dataset_of(None), dataset_of(strategy)
    assert own.names == (*plain.names, "tip", "rise_h4")
    assert own.vote_names == (*VOTES, "tip_vote")
    assert plain.vote_names == VOTES
    assert own.schema_hash != plain.schema_hash
    mine, its = own.data["XAUUSD"], plain.data["XAUUSD"]
    n = len(plain.names)
    np.testing.assert_array_equal(mine.x[:, :n], its.x)
    np.testing.assert_array_equal(mine.x[:, n:], strategy.features_of(BARS))
    np.testing.assert_array_equal(mine.votes[:, :14], its.votes)
    np.testing.assert_array_equal(mine.votes[:, 14:], strategy.votes_of(BARS))
    assert mine.x.flags.c_contiguous
    np.testing.assert_array_equal(own.is_ready, np.isfinite(mine.x).all(axis=1) & plain.is_ready)


def test_the_mirror_image_is_computed_by_the_same_functions(load) -> None:
    strategy = load(
        COLUMNS
        + """
@signal(warm_up=1)
def busy(bars):
    return np.sign(bars.volume - np.append(np.nan, bars.volume[:-1]))
"""
    )
    item = dataset_of(strategy).data["XAUUSD"]
    image = mirrored(BARS)
    np.testing.assert_array_equal(item.mirror_x[:, -2:], strategy.features_of(image))
    np.testing.assert_array_equal(item.mirror_votes[:, 14:], strategy.votes_of(image))
    np.testing.assert_array_equal(item.mirror_votes[:, :14], -item.votes[:, :14])
    np.testing.assert_array_equal(item.mirror_votes[:, 15], item.votes[:, 15])  # takes no side
    sided, opposite = item.votes[:, 14], item.mirror_votes[:, 14]
    assert np.abs(sided).max() > 0.5
    np.testing.assert_allclose(opposite, -sided, atol=0.02)


def test_a_signal_that_always_says_up_gets_no_weight_where_prices_rose(load) -> None:
    """Without the computed mirror image it would have learned that this sample rose."""
    rising = replace(BARS, **{
        name: getattr(BARS, name) * np.exp(0.001 * np.arange(N_BARS))
        for name in ("open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close")
    })  # fmt: skip
    strategy = load(
        """
        @signal(warm_up=0)
        def bull(bars):
            return np.ones(len(bars))
        """
    )
    dataset = build_dataset(
        {"XAUUSD": rising}, GOLD, {"XAUUSD": np.ones(N_BARS)}, SETTINGS, strategy
    )
    rows = select_rows(dataset, SETTINGS, from_ns=0, until_ns=2**62)
    assert (rows.side > 0).mean() > 0.6
    assert train(rows, SETTINGS, seed=1).model.vote_weights[14] < 1e-3
    deceived = replace(rows, mirror_votes=-rows.votes)
    assert train(deceived, SETTINGS, seed=1).model.vote_weights[14] > 0.05


def test_a_feature_without_any_value_is_left_out_and_named(load) -> None:
    strategy = load(
        COLUMNS
        + """
@feature(warm_up=0)
def silent(bars):
    return np.full(len(bars), np.nan)
"""
    )
    dataset = dataset_of(strategy)
    assert dataset.unavailable == ("silent",)
    assert dataset.names[-2:] == ("tip", "rise_h4")
    assert dataset.is_ready.any()
    prepare(SETTINGS, HISTORY, strategy)


def test_a_feature_must_have_a_value_on_every_symbol(load) -> None:
    strategy = load(
        COLUMNS
        + """
@feature(warm_up=0)
def busyness(bars):
    return np.log(bars.volume)
"""
    )
    other = replace(tipped(2_000, seed=6), symbol="XAGUSD", volume=np.full(2_000, np.nan))
    facts = {**GOLD, "XAGUSD": replace(GOLD["XAUUSD"], symbol="XAGUSD")}
    bars = {"XAUUSD": BARS, "XAGUSD": other}
    rates = {symbol: np.ones(len(item)) for symbol, item in bars.items()}
    dataset = build_dataset(bars, facts, rates, SETTINGS, strategy)
    assert dataset.unavailable == ("busyness",)
    assert dataset.names[-2:] == ("tip", "rise_h4")
    for symbol, item in bars.items():
        mine = dataset.data[symbol]
        expected = strategy.reading(dataset.names).features_of(item)
        np.testing.assert_array_equal(mine.x[:, -2:], expected)
        np.testing.assert_array_equal(mine.votes[:, 14:], strategy.votes_of(item))


def test_own_features_alone_will_do_and_none_at_all_will_not(load) -> None:
    blind = replace(BARS, volume=np.full(N_BARS, np.nan))
    needs_volume = SETTINGS.model_copy(
        update={"features": SETTINGS.features.model_copy(update={"names": ("volume_z_64",)})}
    )
    facts = (GOLD, {"XAUUSD": np.ones(N_BARS)}, needs_volume)
    strategy = load("@feature(warm_up=1)\ndef body(bars):\n    return bars.close - bars.open\n")
    assert build_dataset({"XAUUSD": blind}, *facts, strategy).names == ("body",)
    for silent in (None, load("@signal(warm_up=1)\ndef up(bars):\n    return bars.close * 0\n")):
        with pytest.raises(DataError, match="at least one feature"):
            build_dataset({"XAUUSD": blind}, *facts, silent)


# -- training and the run ----------------------------------------------------------------------


def test_a_predictive_column_shows_up_and_a_default_run_knows_none(load, tmp_path: Path) -> None:
    strategy = load(COLUMNS)
    (tmp_path / "own").mkdir()
    (tmp_path / "plain").mkdir()
    own, plain = run(tmp_path / "own", strategy), run(tmp_path / "plain", None)
    assert own.features[0].name == "tip"
    assert own.features[0].importance > 1.5 * own.features[1].importance
    assert own.features[0].stability == 1.0
    assert not {"tip", "rise_h4"} & {score.name for score in plain.features}
    assert own.forecasts is not None and plain.forecasts is not None

    def loss(result: RunResult) -> float:
        p, y = result.forecasts.p, result.forecasts.y  # type: ignore[union-attr]
        return float(-np.mean(np.log(np.where(y > 0, p, 1.0 - p))))

    assert loss(own) < loss(plain) - 0.01
    told = [line for line in own.assumptions if "strategy.py" in line]
    assert told == [
        f"strategy.py (SHA-256 {strategy.source_hash[:12]}) adds the features tip, rise_h4 to what "
        "the models read, and the signal tip_vote to the votes of the fourteen indicators."
    ]
    assert own.hashes["strategy"] == strategy.source_hash
    assert "strategy" not in plain.hashes
    assert not [line for line in plain.assumptions if "strategy.py" in line]


def test_a_predictive_signal_gets_the_most_weight(load) -> None:
    rows = select_rows(dataset_of(load(COLUMNS)), SETTINGS, from_ns=0, until_ns=2**62)
    model = train(rows, SETTINGS, seed=1).model
    assert model.vote_names == (*VOTES, "tip_vote")
    assert int(np.argmax(model.vote_weights)) == 14
    _, votes = model.explain(rows.x[-1:], np.eye(1, 15, 14), horizon_bars=8)
    assert votes.reason == "14 indicators and 1 of strategy.py; the strongest is tip_vote"


def test_equal_votes_count_the_same_however_many_there_are() -> None:
    parallel = SETTINGS.fusion.model_copy(update={"topology": "parallel"})
    for n_votes in (14, 15, 40):
        votes = np.full((2, n_votes), 0.4)
        found = traditional(votes, 2.0, np.zeros(n_votes), parallel)
        np.testing.assert_allclose(found, 0.8, rtol=1e-14)


@pytest.mark.soak
def test_one_worker_and_two_write_the_same_bytes(load, tmp_path: Path) -> None:
    strategy = load(COLUMNS)
    texts = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        texts.append(write_report(run(folder, strategy, workers=workers), folder).json.read_bytes())
    assert texts[0] == texts[1]
    assert strategy.source_hash.encode() in texts[0]


def test_bars_without_an_own_value_are_told(load, tmp_path: Path) -> None:
    strategy = load(
        """
        @feature(warm_up=1)
        def half(bars):
            return np.where(bars.time_ns // (3_600 * 10**9) % 2 == 0, bars.close, np.nan)
        """
    )
    warnings = run(tmp_path, strategy).warnings
    assert any("half of strategy.py had no value on 50.0% of" in line for line in warnings)


def test_a_strategy_that_sees_the_future_is_refused_before_anything_is_counted(
    load, tmp_path: Path
) -> None:
    strategy = load(
        """
        @feature(warm_up=1)
        def tomorrow(bars):
            return np.append(bars.close[1:], np.nan) / bars.close
        """
    )
    with pytest.raises(StrategyError, match="feature tomorrow must not read the future"):
        run(tmp_path, strategy)
    assert not (tmp_path / "ledger.jsonl").exists()
    with pytest.raises(StrategyError, match="tomorrow"):
        fit_on_all(SETTINGS, HISTORY, progress=SilentProgress(), strategy=strategy)


def test_another_strategy_is_another_trial(load, tmp_path: Path) -> None:
    remark = "# a remark is a change: nobody can tell that it is none\n"
    for text in (COLUMNS, COLUMNS, COLUMNS + remark):
        run(tmp_path, load(text))
    run(tmp_path, None)
    trials = TrialLedger(tmp_path / "ledger.jsonl").trials()
    assert len({trial.identity for trial in trials}) == 9
    assert len(trials) == 9


def test_the_acting_code_is_the_package_and_the_strategy() -> None:
    plain = {"code": "a"}
    assert acting_code(plain) == "a"
    assert acting_code({**plain, "strategy": "b"}) not in ("a", "b")
    assert acting_code({**plain, "strategy": "b"}) != acting_code({**plain, "strategy": "c"})
    assert acting_code({"code": "x", "strategy": "b"}) != acting_code({**plain, "strategy": "b"})


# -- stored models -----------------------------------------------------------------------------


def stored_with(strategy: Strategy | None, folder: Path) -> StoredModel:
    early = History(bars={"XAUUSD": BARS.between(0, 2_000)}, instruments=GOLD)
    fitted = fit_on_all(SETTINGS, early, progress=SilentProgress(), strategy=strategy)
    folder.mkdir()
    store(fitted, folder, notes={})
    return load_model(folder)


def backtested(stored: StoredModel | None, strategy: Strategy | None, folder: Path) -> RunResult:
    return backtest_stored(
        SETTINGS,
        HISTORY,
        stored,
        ledger=TrialLedger(folder / "ledger.jsonl"),
        progress=SilentProgress(),
        at_ns=7,
        repeat=("assay backtest",),
        strategy=strategy,
    )


def test_a_stored_model_asks_for_the_strategy_it_was_trained_with(load, tmp_path: Path) -> None:
    strategy = load(COLUMNS)
    stored = stored_with(strategy, tmp_path / "model")
    assert stored.hashes["strategy"] == strategy.source_hash
    assert stored.names[-2:] == ("tip", "rise_h4")
    assert stored.model.vote_names == (*VOTES, "tip_vote")
    result = backtested(stored, strategy, tmp_path)
    assert result.hashes["strategy"] == strategy.source_hash
    assert any("adds the features tip" in line for line in result.assumptions)
    for other, was in ((None, "was none"), (load(COLUMNS + "\n"), "was SHA-256")):
        with pytest.raises(ModelError, match=was) as caught:
            backtested(stored, other, tmp_path)
        assert caught.value.facts["trained"] == strategy.source_hash
        assert caught.value.exit_status == 4


def test_a_feature_that_the_model_never_met_is_left_out(load, tmp_path: Path) -> None:
    """It had no value in the history of the training; now it has."""
    strategy = load(
        COLUMNS
        + """
@feature(warm_up=2_100)
def late(bars):
    return bars.close
"""
    )
    stored = stored_with(strategy, tmp_path / "model")
    assert "late" not in stored.names
    assert "late" in dataset_of(strategy).names
    assert backtested(stored, strategy, tmp_path).strategies


def test_a_model_trained_without_a_strategy_leaves_it_out(load, tmp_path: Path) -> None:
    stored = stored_with(None, tmp_path / "model")
    plain = backtested(stored, None, tmp_path)
    beside = backtested(stored, load(COLUMNS), tmp_path)
    assert beside.hashes == plain.hashes
    np.testing.assert_array_equal(beside.strategies[0].equity, plain.strategies[0].equity)


def test_signals_vote_beside_bare_indicators(load, tmp_path: Path) -> None:
    strategy = load(COLUMNS)
    plain, beside = backtested(None, None, tmp_path), backtested(None, strategy, tmp_path)
    assert "Fourteen indicators vote with equal weight" in plain.assumptions[-1]
    assert "Fourteen indicators and 1 signal of strategy.py vote" in beside.assumptions[-1]
    assert not np.array_equal(plain.strategies[0].equity, beside.strategies[0].equity)
    assert beside.hashes["strategy"] == strategy.source_hash
    features = load("@feature(warm_up=1)\ndef body(bars):\n    return bars.close - bars.open\n")
    without_signal = backtested(None, features, tmp_path)
    assert "Fourteen indicators vote with equal weight" in without_signal.assumptions[-1]


def test_a_card_without_names_of_votes_means_the_fourteen_indicators(tmp_path: Path) -> None:
    stored_with(None, tmp_path / "model")
    path = tmp_path / "model" / CARD_FILE
    card = json.loads(path.read_text())
    assert card["decision"].pop("vote_names") == list(VOTES)
    write_card(path, card)
    assert load_model(tmp_path / "model").model.vote_names == VOTES
    card["decision"]["vote_names"] = ["sma_20"]
    write_card(path, card)
    with pytest.raises(ModelError, match="14 weights for 1 votes"):
        load_model(tmp_path / "model")


def write_card(path: Path, card: dict[str, object]) -> None:
    body = {key: value for key, value in card.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    card["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(card))
