"""optimisation.html and the figures on it: drift, efficiency, importance, in plain words."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from page_reader import Reader, words_of
from search_examples import searched
from search_record_examples import HORIZONS, record_of
from verdict_examples import run_with

from assay.research.report import write_report
from assay.research.report.search_charts import drift_chart, paths_chart, trials_chart
from assay.research.report.search_page import drift_told, efficiency_told, search_page
from assay.research.search.review import (
    drifts,
    efficiency_of_all,
    importances,
    kept,
)
from assay.research.verdict.judge import Outcome


def run_searched(*records):
    return replace(run_with(Outcome.NO_EDGE), searches=records)


def with_best(horizons: list[int]):
    """Return searches whose best has these horizons, one after the other."""
    return [record_of(fold, best_horizon=value) for fold, value in enumerate(horizons)]


# Drift


def test_a_setting_that_is_always_best_at_one_value_has_stayed() -> None:
    horizon = drifts(with_best([24] * 5))[0]
    assert horizon.name == "labels.horizon_bars"
    assert horizon.values == HORIZONS
    assert horizon.best == (1,) * 5
    assert (horizon.wandering, horizon.moves, horizon.word) == (0.0, 0, "stayed")
    assert "never moved" in drift_told(horizon)


def test_a_setting_that_jumps_from_end_to_end_wanders_more_than_chance() -> None:
    horizon = drifts(with_best([12, 96, 12, 96]))[0]
    assert horizon.wandering == pytest.approx(3.0 / (15.0 / 12.0))
    assert (horizon.moves, horizon.word) == (3, "wandered")
    assert "wandered like chance: it moved 3 of 3 times, 240%" in drift_told(horizon)


def test_values_drawn_at_random_wander_by_one() -> None:
    rng = np.random.default_rng(3)
    drawn = rng.choice(HORIZONS, 600).tolist()
    base = record_of(0, n=12)
    usual = base["best"]["values"]
    records = [
        {**base, "best": {**base["best"], "values": {**usual, "labels.horizon_bars": value}}}
        for value in drawn
    ]
    assert drifts(records)[0].wandering == pytest.approx(1.0, abs=0.1)


def test_drift_is_unknown_for_one_search_or_one_value() -> None:
    one = drifts([record_of(0)])[0]
    assert math.isnan(one.wandering)
    assert one.word == "unknown"
    assert drift_told(one) == "One search says nothing about drift."
    record = record_of(0, n=3, given_up=0)
    for outcome in (*record["outcomes"], record["start"], record["best"]):
        outcome["values"]["exits.stop_atr"] = 4.0
    record["values"]["exits.stop_atr"] = 4.0
    assert drift_told(drifts([record, record])[1]) == "It had one value only."


def test_what_was_not_adopted_is_best_but_not_chosen() -> None:
    item = drifts([record_of(0, adopted=False)])[0]
    assert item.values[item.best[0]] == 24
    assert item.values[item.chosen[0]] == 48


def test_values_that_are_no_numbers_have_a_place_too() -> None:
    records = with_best([24, 48])
    for record in records:
        for outcome in (*record["outcomes"], record["start"], record["best"], record):
            outcome["values"] = {"features.timeframes": ("H4",) if outcome is record else ("D1",)}
    item = drifts(records)[0]
    assert len(item.values) == 2
    assert "<svg" in drift_chart(item, ["a", "b"], [True, False])


# Efficiency


def test_efficiency_is_what_came_over_what_was_expected() -> None:
    one, two = record_of(0, efficiency=0.5), record_of(1, adopted=False, efficiency=-0.25)
    items = kept([one, two])
    assert items[0].expected == np.median(one["best"]["paths"])
    assert items[1].expected == np.median(two["start"]["paths"])
    assert items[0].after == 0.5 * items[0].expected
    came = items[0].after + items[1].after
    assert efficiency_of_all(items) == came / (items[0].expected + items[1].expected)


def test_a_search_that_expected_nothing_is_left_out() -> None:
    known, unknown = record_of(0, efficiency=0.5), record_of(1, efficiency=math.nan)
    assert efficiency_of_all(kept([known, unknown])) == pytest.approx(0.5)
    assert math.isnan(efficiency_of_all(kept([unknown])))
    assert "cannot be said" in efficiency_told(math.nan)


@pytest.mark.parametrize(
    ("share", "told"),
    [(1.2, "more came than"), (0.7, "most of"), (0.2, "less than half"), (-0.3, "nothing of")],
)
def test_an_efficiency_is_put_into_words(share: float, told: str) -> None:
    assert told in efficiency_told(share)


# Importance


def test_the_setting_that_matters_explains_and_the_other_does_not() -> None:
    records = [record_of(fold, n=200, noise=0.02) for fold in range(3)]
    for record in records:
        del record["outcomes"][1]  # the winner stands out for no reason of its settings
    first, second = importances(records)
    assert first.name == "labels.horizon_bars"
    assert first.share > 0.95
    assert second.share < 0.05
    means = {value: mean for value, mean, _ in first.means}
    assert means[24] - means[12] == pytest.approx(0.9, abs=0.05)
    assert sum(n for *_, n in first.means) == sum(
        bool(outcome["paths"]) for record in records for outcome in record["outcomes"]
    )


def test_a_setting_without_effect_explains_nothing_on_average() -> None:
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(300):
        outcomes = [
            {"values": {"x": int(v)}, "objective": float(o), "paths": [1.0]}
            for v, o in zip(rng.integers(0, 6, 30), rng.standard_normal(30), strict=True)
        ]
        record = {
            "values": {"x": 0},
            "outcomes": outcomes,
            "start": outcomes[0],
            "best": outcomes[0],
        }
        shares.append(importances([record])[0].share)
    assert np.mean(shares) < 0.06  # uncorrected: 5 / 29 = 0.17
    assert np.median(shares) == 0.0


def test_importance_is_unknown_without_variation() -> None:
    record = record_of(0, n=3, given_up=1)
    assert all(math.isnan(item.share) for item in importances([record]))
    assert importances([]) == ()
    assert drifts([]) == ()


# The page


def test_the_page_says_in_plain_words_what_happened() -> None:
    run = run_searched(
        record_of(0), record_of(4, adopted=False, efficiency=-0.4), record_of(8, given_up=0)
    )
    page = search_page(run)
    words = words_of(page)
    for told in (
        "2 of 3 searches changed the settings.",
        "3 searches tried 120 configurations, and gave up 12 of them early",
        "Walk-forward efficiency",
        "the best value stayed about where it was for labels.horizon_bars",
        "labels.horizon_bars mattered most",
        "a lone peak",
        "labels.horizon_bars 48 → 24",
        "step 5",
        "adopted",
        "not adopted",
        run.repeat[0],
    ):
        assert told in words, told
    assert page.count("<svg") == 2 + 2 + 1 + 1 + 3  # paths, kept; drift; shares; searches
    assert Reader(page).asks == []
    assert "nan" not in words.lower().replace("finance", "").split()
    assert search_page(replace(run, meta={"at": "later"})) == page


def test_one_search_that_changed_nothing_is_told_so() -> None:
    words = words_of(search_page(run_searched(record_of(0, adopted=False, efficiency=math.nan))))
    assert "No search changed the settings." in words
    assert "One search tried 40 configurations" in words
    assert "the settings of the workspace stayed" in words
    assert "cannot be said" in words
    assert "One search says nothing about drift." in words


def test_choosing_among_noise_is_called_chance() -> None:
    noisy = {**record_of(0), "pbo": 0.55}
    assert "mostly chance" in words_of(search_page(run_searched(noisy)))
    unknown = {**record_of(0), "pbo": math.nan}
    assert "Chance of overfitting –" in words_of(search_page(run_searched(unknown)))


def test_a_search_that_was_given_up_but_for_its_start_has_charts() -> None:
    record = record_of(0, n=8, given_up=6)
    record["best"], record["values"] = record["start"], record["start"]["values"]
    record["adopted"] = False
    assert "given up" in trials_chart(record)
    assert "<svg" in paths_chart([record])
    assert "<svg" in search_page(run_searched(record))


def test_names_and_values_stay_text() -> None:
    record = record_of(0)
    evil = "<script>x</script>"
    for outcome in (*record["outcomes"], record["start"], record["best"], record):
        outcome["values"] = {evil: evil}
    record["reason"] = evil
    page = search_page(replace(run_searched(record), title=evil))
    assert "<script" not in page


def test_many_values_are_thinned() -> None:
    records = with_best([24, 48])
    for record in records:
        for place, outcome in enumerate(record["outcomes"]):
            outcome["values"] = {"fusion.pass_score": 0.5 + 0.001 * place}
        record["values"] = record["best"]["values"]
    item = drifts(records)[0]
    assert len(item.values) == 40
    assert drift_chart(item, ["a", "b"], [True, True]).count('class="grid"') <= 9
    assert "(2)" in words_of(search_page(run_searched(*records)))


def test_a_real_search_gets_its_page(tmp_path: Path) -> None:
    run, _ = searched(tmp_path)
    write_report(run, tmp_path / "report")
    page = (tmp_path / "report" / "optimisation.html").read_text()
    assert page == search_page(run)
    assert 'href="optimisation.html"' in (tmp_path / "report" / "report.html").read_text()
    words = words_of(page)
    for record in run.searches:
        assert record["reason"] in words
    assert "Settings were searched" in words_of((tmp_path / "report" / "verdict.html").read_text())
