"""Training: the rows it takes are those that a live run at that moment would have had."""

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import LabelSettings, Settings
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import DataError
from assay.research.dataset import build_dataset
from assay.research.training import select_rows, train

GOLD = {"XAUUSD": load_instrument("XAUUSD")}
EAGER = Settings.model_validate(
    {
        "labels": {"barrier_volatility": 0.3},
        "features": {"names": ["drift_8", "drift_32", "rsi_14"], "timeframes": []},
        "training": {"algorithms": ["logistic"], "rows_max": 4_000},
    }
)
N_BARS, CUT = 3_000, 2_500
BARS = simulate(SimulatedMarket(seed=9, n_bars=N_BARS), GOLD["XAUUSD"])


def test_rows_at_a_moment_are_those_of_data_that_end_there() -> None:
    """With near barriers, taking labels by their end would keep only the early touches."""
    whole = build_dataset({"XAUUSD": BARS}, GOLD, {"XAUUSD": np.ones(N_BARS)}, EAGER)
    cut = build_dataset({"XAUUSD": BARS.between(0, CUT)}, GOLD, {"XAUUSD": np.ones(CUT)}, EAGER)
    until = int(whole.start_ns[CUT - 1]) + 1
    one = select_rows(whole, EAGER, from_ns=0, until_ns=until)
    two = select_rows(cut, EAGER, from_ns=0, until_ns=until)
    for name in ("x", "votes", "side", "move", "weight", "start_ns", "end_ns"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.end_ns < until).all()


def test_thinning_keeps_the_span_and_the_limit() -> None:
    dataset = build_dataset({"XAUUSD": BARS}, GOLD, {"XAUUSD": np.ones(N_BARS)}, EAGER)
    few = EAGER.model_copy(
        update={"training": EAGER.training.model_copy(update={"rows_max": 1_000})}
    )
    everything = 2**62
    rows = select_rows(dataset, few, from_ns=0, until_ns=everything)
    assert len(rows.side) <= 500
    assert rows.n_candidates > 2_000
    assert (rows.end_ns > rows.start_ns).all()
    spread = np.diff(rows.start_ns)
    assert spread.max() < 100 * 3_600 * 10**9


def test_training_counts_no_leaking_pair_and_says_what_it_used() -> None:
    usual = EAGER.model_copy(update={"labels": LabelSettings()})
    dataset = build_dataset({"XAUUSD": BARS}, GOLD, {"XAUUSD": np.ones(N_BARS)}, usual)
    rows = select_rows(dataset, usual, from_ns=0, until_ns=2**62)
    training = train(rows, usual, seed=3)
    assert training.n_leaking == 0
    assert training.n_purged > 0
    assert training.n_rows == len(rows.side)
    assert 1.0 <= training.model.persistence <= 10.0
    again = train(rows, usual, seed=3)
    np.testing.assert_array_equal(
        training.model.ai_log_odds(rows.x), again.model.ai_log_odds(rows.x)
    )


def test_too_few_labels_are_refused_with_their_number() -> None:
    dataset = build_dataset({"XAUUSD": BARS}, GOLD, {"XAUUSD": np.ones(N_BARS)}, EAGER)
    early = int(dataset.start_ns[300])
    with pytest.raises(DataError, match="at least 500 labels"):
        select_rows(dataset, EAGER, from_ns=0, until_ns=early)
