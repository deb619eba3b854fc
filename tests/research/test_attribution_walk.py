"""Attribution of a real walk forward: sources that add up, and what is left without each."""

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from attribution_walk import SETTINGS, history, signed_views, small_walk

from assay.domain.errors import ConfigError
from assay.domain.fill import ExitReason
from assay.domain.progress import SilentProgress
from assay.models.calibration import fit_isotonic, fit_platt
from assay.research.attribution.ablation import Finding, ablate, chosen_removals
from assay.research.attribution.collecting import attribute, told_by_walk
from assay.research.attribution.part import AFTER_SIGNALS, GROUPS, model_part, vote_part
from assay.research.attribution.removal import (
    RULES,
    Removal,
    market_without,
    removals,
    spoken_in,
    views_refitted,
    views_without,
)
from assay.research.attribution.voices import (
    Voices,
    spoken_by,
    voices_of_model,
    voices_of_walk,
)
from assay.research.benchmarks import as_result
from assay.research.report import write_report
from assay.research.report.ablation_page import ablation_page, ablation_text, forest_chart
from assay.research.run import execute, regimes_of
from assay.research.trials.ledger import TrialLedger
from assay.signals.signal_model import PATHS, logit_rows
from assay.signals.votes import VOTES

NOTHING = Removal(name="nothing", title="Nothing", how="", parts=frozenset())


@pytest.fixture(scope="module")
def walked():
    return small_walk()


@pytest.fixture(scope="module")
def voices(walked):
    return voices_of_walk(walked, PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_the_sources_add_up_to_the_view_that_was_traded(walked, voices, path) -> None:
    np.testing.assert_allclose(
        voices[path].lean.sum(axis=1), signed_views(walked, path), atol=1e-12
    )
    np.testing.assert_array_equal(voices[path].p, walked.tested.leans[path].p)


def test_a_path_without_weight_has_no_part(walked, voices) -> None:
    def columns(path, prefix):
        item = voices[path]
        places = [k for k, part in enumerate(item.sources) if part.name.startswith(prefix)]
        return item.lean[:, places]

    assert (columns("ai", "vote_") == 0.0).all()
    assert (columns("indicators", "model_") == 0.0).all()
    assert (columns("indicators", "calibration") == 0.0).all()
    assert np.abs(columns("ai", "model_")).max() > 0.0
    assert np.abs(columns("indicators", "vote_")).max() > 0.0


def test_what_is_said_adds_up_to_the_log_odds_of_both_paths(walked) -> None:
    training, dataset = walked.tested.trainings[0], walked.tested.datasets[0]
    rows = slice(walked.tested.first, walked.tested.first + 500)
    x, votes = dataset.column("x")[rows], dataset.column("votes")[rows]
    said = spoken_by(training.model, x, votes)

    np.testing.assert_allclose(
        said.log_odds[:, : said.n_ai].sum(axis=1), training.model.ai_log_odds(x), atol=1e-12
    )
    np.testing.assert_allclose(
        said.log_odds[:, said.n_ai :].sum(axis=1),
        training.model.traditional_log_odds(votes),
        atol=1e-12,
    )
    odds = training.model.forecaster.member_log_odds(x)
    weights = training.model.forecaster.stacker.weights
    np.testing.assert_allclose(
        said.log_odds[:, : said.n_ai - 1],
        odds * weights * training.model.forecaster.calibrator.slope,
        rtol=1e-9,
    )


def test_silent_models_say_nothing(walked) -> None:
    training, dataset = walked.tested.trainings[0], walked.tested.datasets[0]
    rows = slice(walked.tested.first, walked.tested.first + 50)
    x = np.full((50, len(dataset.names)), np.nan)
    said = spoken_by(training.model, x, dataset.column("votes")[rows])
    terms = dataset.terms(rows)
    silent = voices_of_model(training.model, said, "hybrid", terms, confidence=0.75)
    unknown = replace(terms, volatility=np.full(50, np.nan))
    lost = voices_of_model(training.model, said, "hybrid", unknown, confidence=0.75)

    assert (said.log_odds[:, : said.n_ai] == 0.0).all()
    assert (silent.lean[:, : said.n_ai] == 0.0).all()
    assert (lost.lean == 0.0).all()


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_any_calibrator_is_shared_without_a_jump(walked, fit) -> None:
    """Isotonic steps bend the log-odds; the members' parts still add up, each with its sign."""
    rng = np.random.default_rng(2)
    z = rng.normal(0.0, 1.0, 4_000)
    y = (rng.random(4_000) < 1.0 / (1.0 + np.exp(-0.5 * z))).astype(np.int8)
    calibrator = fit(z, y, np.ones(4_000))
    model = walked.tested.trainings[0].model
    forecaster = replace(model.forecaster, calibrator=calibrator)
    other = replace(model, forecaster=forecaster)
    dataset = walked.tested.datasets[0]
    rows = slice(walked.tested.first, walked.tested.first + 800)
    x = dataset.column("x")[rows]
    said = spoken_by(other, x, dataset.column("votes")[rows])
    own = forecaster.member_log_odds(x) * forecaster.stacker.weights
    parts = said.log_odds[:, : said.n_ai - 1]

    np.testing.assert_allclose(
        said.log_odds[:, : said.n_ai].sum(axis=1), other.ai_log_odds(x), atol=1e-12
    )
    assert (parts * own >= 0.0).all(), "calibration never turns a member around"
    at_zero = logit_rows(calibrator.p_up(np.zeros(1)))[0]
    assert np.abs(parts).max() <= 30.0 * np.abs(own).max() + abs(at_zero)


def test_every_trade_of_every_strategy_adds_up(walked) -> None:
    told = told_by_walk(walked)
    market = walked.market
    results = [as_result(path, market.trade(walked.views[path]), market) for path in PATHS]
    regimes = regimes_of(walked.prepared.dataset, walked.tested.first)
    found = attribute(results, market, told, regimes, SETTINGS.evaluation, seed=7)
    for result in results:
        item = found[result.name]
        assert item.n_trades == len(result.trades)
        assert item.error < 1e-9 and item.split.gap < 1e-12
        assert sum(part.total for part in item.parts) == pytest.approx(item.net)
        assert sum(part.total for part in item.groups) == pytest.approx(item.net)
        assert item.net + item.open_profit == pytest.approx(
            result.equity[-1] - result.start_balance
        )
        for table in (item.by_side, item.by_regime):
            found_in = [share for shares in table.values() for share in shares.values()]
            assert sum(share.value for share in found_in) == pytest.approx(item.net)
            assert all(share.low <= share.high for share in found_in) or item.n_trades < 20
        months = sum(sum(amounts.values()) for amounts in item.by_month.values())
        assert months == pytest.approx(item.net)
        for part in item.parts if item.n_trades >= 20 else ():
            assert part.low <= part.total <= part.high or part.low == part.high
        assert {group.name for group in item.groups} == set(GROUPS) - {"rule"}
        assert sum(item.sized_by.values()) == len(result.trades)
    assert sum(item.n_trades > 20 for item in found.values()) >= 2


def test_nothing_taken_away_leaves_every_view_to_the_last_bit(walked) -> None:
    views = views_without(walked, spoken_in(walked), NOTHING)

    for name in ("direction", "score", "confidence", "p_win", "payoff", "loss"):
        assert getattr(views, name).tobytes() == getattr(walked.views["hybrid"], name).tobytes()


def test_a_source_that_is_taken_away_has_no_say(walked, voices) -> None:
    spoken = spoken_in(walked)
    every = {item.name: item for item in removals(SETTINGS, VOTES)}
    no_logistic = views_without(walked, spoken, every["model_logistic"])
    no_swap = views_without(walked, spoken, every["swap_view"])
    hybrid = voices["hybrid"]
    swap = [k for k, part in enumerate(hybrid.sources) if part.group == "swap_view"]

    assert (no_logistic.score != walked.views["hybrid"].score).any()
    lean = no_swap.direction * (2.0 * no_swap.score - 1.0)
    np.testing.assert_allclose(
        lean, hybrid.lean.sum(axis=1) - hybrid.lean[:, swap].sum(axis=1), atol=1e-12
    )
    assert views_without(walked, spoken, every["ai"]) is walked.views["indicators"]
    assert views_without(walked, spoken, every["indicators"]) is walked.views["ai"]


def test_all_votes_taken_away_leave_the_models_and_all_models_the_votes(walked) -> None:
    spoken = spoken_in(walked)
    votes = frozenset(vote_part(name).name for name in VOTES)
    models = frozenset(model_part(name).name for name in SETTINGS.training.algorithms)
    without_votes = views_without(walked, spoken, replace(NOTHING, sources=votes))
    without_models = views_without(
        walked, spoken, replace(NOTHING, sources=models | {"calibration"})
    )
    for fold, said in enumerate(spoken):
        mine = walked.tested.fold == fold
        model, dataset = walked.tested.trainings[fold].model, walked.tested.datasets[fold]
        rows = np.flatnonzero(mine) + walked.tested.first
        terms = dataset.terms(slice(int(rows[0]), int(rows[-1]) + 1))
        silence = np.zeros(int(mine.sum()))
        for views, ai, own in (
            (without_votes, said.ai, silence),
            (without_models, silence, said.traditional),
        ):
            lean = model.lean("hybrid", ai, own, terms, confidence=0.75)
            score = np.broadcast_to(views.score, len(mine))[mine]
            np.testing.assert_allclose(score, lean.score, atol=1e-9)


def test_a_difference_has_a_direction(walked) -> None:
    chosen = chosen_removals(SETTINGS, VOTES, ("model_logistic", "model_lightgbm"))
    rows = {row.name: row for row in ablate(walked, chosen, SilentProgress()).rows}

    assert rows["model_logistic"].sharpe_difference.low > 0.0
    assert rows["model_logistic"].finding is Finding.HELPS
    assert rows["model_lightgbm"].sharpe_difference.high < 0.0
    assert rows["model_lightgbm"].finding is Finding.HURTS


def test_without_exits_a_position_leaves_when_its_view_turns_and_has_the_same_size(walked) -> None:
    exits = next(item for item in RULES if item.name == "exits")
    assert exits.change is not None
    market = market_without(walked.market, exits.change)
    views = walked.views["hybrid"]
    bound, free = (as_result("x", m.trade(views), m) for m in (walked.market, market))

    assert set(bound.trades.reason) > {ExitReason.SIGNAL}
    assert set(free.trades.reason) == {ExitReason.SIGNAL}
    assert free.trades.lots[0] == pytest.approx(bound.trades.lots[0], abs=0.011)
    assert not market.settings.exits.targets


def test_what_is_taken_away_is_compared_on_the_same_days(walked) -> None:
    chosen = chosen_removals(
        SETTINGS, VOTES, ("model_logistic", "exits", "sizing", "regime", "trend")
    )
    found = ablate(walked, chosen, SilentProgress())
    rows = {row.name: row for row in found.rows}

    assert [row.name for row in found.rows] == [
        "trend", "model_logistic", "sizing", "regime", "exits"
    ]  # fmt: skip
    assert rows["regime"].attributed != 0.0, "the target bound some sizes here"
    assert {row.finding for row in found.rows} <= set(Finding)
    for row in found.rows:
        assert row.sharpe_difference.value == pytest.approx(found.sharpe - row.sharpe, abs=1e-9)
        assert row.p_adjusted >= row.sharpe_difference.p
        assert not row.was_refitted
    assert [item.name for item in found.results] == [
        f"hybrid without {row.name}" for row in found.rows
    ]
    lots = found.results[2].trades.risk / found.results[2].equity[0]
    assert np.std(lots) < np.std(found.whole.trades.risk / found.whole.equity[0])
    page = ablation_page(found, "XAUUSD H1", "USD", ("A note.",))
    assert "A note." in page and "--refit" in page and "<script" not in page
    told = json.loads(ablation_text(found, title="x"))
    assert told["removed"][1]["name"] == "model_logistic" and told["title"] == "x"


def test_training_without_a_source_is_not_silencing_it(walked) -> None:
    chosen = chosen_removals(SETTINGS, VOTES, ("model_logistic", "trend", "ai"))
    found = ablate(walked, chosen, SilentProgress(), refit=True)
    by_name = {row.name: row for row in found.rows}

    assert by_name["model_logistic"].was_refitted and by_name["trend"].was_refitted
    assert not by_name["ai"].was_refitted, "the indicators are fitted without it anyway"
    assert by_name["trend"].how == "trained again without it"
    assert "--refit" not in ablation_page(found, "x", "USD", ())
    silenced = views_without(walked, spoken_in(walked), chosen[0])
    again = views_refitted(walked, chosen[1], SilentProgress())
    assert (again.score != silenced.score).any()


def test_an_unknown_name_is_refused_and_nothing_is_drawn_of_nothing(walked) -> None:
    with pytest.raises(ConfigError, match="must be one of trend"):
        chosen_removals(SETTINGS, VOTES, ("astrology",))
    assert forest_chart(()) == ""
    assert len(chosen_removals(SETTINGS, VOTES, ())) == len(removals(SETTINGS, VOTES))


@pytest.mark.soak
def test_one_worker_and_two_write_the_same_parts_and_decisions(tmp_path: Path) -> None:
    written = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        run = SETTINGS.run.model_copy(update={"workers": workers})
        result = execute(
            SETTINGS.model_copy(update={"run": run}),
            history(),
            ledger=TrialLedger(folder / "ledger.jsonl"),
            progress=SilentProgress(),
            at_ns=7,
        )
        write_report(result, folder)
        written.append(
            [(folder / name).read_bytes() for name in ("attribution.csv", "decisions.parquet")]
        )

    assert written[0] == written[1]


def test_a_run_writes_its_attribution_and_it_adds_up_to_the_last_digit(tmp_path: Path) -> None:
    result = execute(
        SETTINGS,
        history(),
        ledger=TrialLedger(tmp_path / "ledger.jsonl"),
        progress=SilentProgress(),
        at_ns=7,
    )
    write_report(result, tmp_path)
    told = json.loads((tmp_path / "results.json").read_text())["attribution"]
    page = (tmp_path / "report.html").read_text()
    lines = list(csv.DictReader(io.StringIO((tmp_path / "attribution.csv").read_text())))
    trades = list(csv.DictReader(io.StringIO((tmp_path / "trades.csv").read_text())))
    first = list(lines[0]).index("held_until") + 1
    names = list(lines[0])[first:]

    assert set(told["strategies"]) == {item.name for item in result.strategies}
    assert told["strategies"]["hybrid"]["error"] < 1e-9
    assert "by_month" in told["strategies"]["hybrid"]
    assert "by_month" not in told["strategies"]["ai"]
    assert len(lines) == len(trades) == sum(len(item.trades) for item in result.strategies)
    for line, trade in zip(lines, trades, strict=True):
        assert (line["strategy"], line["net"]) == (trade["strategy"], trade["net"])
        net = float(line["net"])
        assert abs(math.fsum(float(line[name]) for name in names) - net) <= 1e-9 * max(1, abs(net))
    assert set(names) >= {part.name for part in AFTER_SIGNALS}
    assert "Where the profit came from" in page and 'href="#sources"' in page
    assert isinstance(result.decisions, object) and len(result.decisions or ()) > 1_000
    assert isinstance(voices_of_walk(small_walk(), ("ai",))["ai"], Voices)
