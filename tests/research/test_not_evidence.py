"""A cross-validated accuracy of 99 %, made by leaking on purpose, is not evidence."""

from dataclasses import replace

import leaky_pipeline as pipeline
import numpy as np
import pytest
from evidence_examples import CLEAN, noise, strategy
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold

from assay.config.settings import EvaluationSettings
from assay.data.bars import Bars
from assay.domain.errors import DataError
from assay.research.leaks.evidence import LeakReport
from assay.research.leaks.prover import prove
from assay.research.leaks.rows import judge_split
from assay.research.leaks.stages import FitStage, RowStage, SeriesStage
from assay.research.splits.purged import purged_kfold
from assay.research.trials.ledger import TrialLedger
from assay.research.verdict.judge import Outcome, Verdict, judge

HORIZON = 24


class Cheat:
    """A student's pipeline: overlapping labels, a scaler over everything, the target inside."""

    def __init__(self, bars: Bars, *, target_inside: bool) -> None:
        self.bars = bars
        self.target_inside = target_inside
        self.rows = np.arange(60, len(bars) - HORIZON)
        self.start, self.end = self.rows, self.rows + HORIZON
        shuffled = KFold(n_splits=5, shuffle=True, random_state=1).split(self.rows)
        self.folds = [(train, test) for train, test in shuffled]

    def labels(self, bars: Bars) -> np.ndarray:
        """Return whether the close is higher a day later."""
        return pipeline.lagged(bars.close, -HORIZON) > bars.close

    def features(self, bars: Bars) -> dict[str, np.ndarray]:
        """Return slow trends scaled over the whole sample, and perhaps the target itself."""
        trend = bars.close / pipeline.lagged(bars.close, HORIZON) - 1.0
        finite = trend[np.isfinite(trend)]
        is_scaled = len(finite) > 1  # the prover cuts histories down to a few bars
        columns = {
            "trend": trend,
            "trend_scaled": (trend - finite.mean()) / finite.std() if is_scaled else trend,
            "close": bars.close,
            "time": np.arange(len(bars), dtype=np.float64),
        }
        if self.target_inside:
            columns["target"] = self.labels(bars).astype(np.float64)
        return columns

    def accuracy(self) -> float:
        """Return the share of right answers in cross-validation."""
        x = np.column_stack(list(self.features(self.bars).values()))[self.rows]
        y = self.labels(self.bars)[self.rows]
        right = []
        for train, test in self.folds:
            model = RandomForestClassifier(n_estimators=30, random_state=0, n_jobs=1)
            right.append(model.fit(x[train], y[train]).predict(x[test]) == y[test])
        return float(np.mean(np.concatenate(right)))

    def proved(self) -> LeakReport:
        """Ask the prover about the features, the scaler and the folds."""
        at = pipeline.scene_of(self.bars)
        scaler = FitStage(
            name="scaler",
            fit=lambda scene: {"scaled": self.features(scene.bars)["trend_scaled"][60:61]},
            until_ns=int(at.known_ns[700]),
        )
        features = SeriesStage(name="features", compute=pipeline.on(self.features))
        split = RowStage(name="split", start=self.start, end=self.end, split=lambda *_: self.folds)
        return prove([features, scaler, split], at)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return pipeline.market()


def verdict_on(report: LeakReport | None, folder: object) -> Verdict:
    """Judge a splendid record whose pipeline the prover has seen."""
    ledger = TrialLedger(folder / "ledger.jsonl")  # type: ignore[operator]
    rng = np.random.default_rng(1)
    return judge(
        strategy(noise(2_000, 3.0, rng)),
        ledger.evidence(),
        {"buy_and_hold": strategy(noise(2_000, 0.2, rng))},
        None,
        EvaluationSettings(),
        random_sharpes=rng.standard_normal(100),
        leaks=report,
    )  # fmt: skip


def test_an_accuracy_of_99_percent_made_by_leaking_is_not_evidence(
    bars: Bars, tmp_path: object
) -> None:
    cheat = Cheat(bars, target_inside=True)
    assert cheat.accuracy() >= 0.99
    splendid = verdict_on(CLEAN, tmp_path)
    assert splendid.outcome is Outcome.EDGE, "but for the leaks it is one"
    report = cheat.proved()
    verdict = verdict_on(report, tmp_path)

    named = {(leak.stage, leak.column, leak.check) for leak in report.leaks}
    assert {
        ("features", "target", "truncate"),
        ("features", "trend_scaled", "shift"),
        ("scaler", "scaled", "shift"),
        ("split", "fold 0", "purge"),
        ("split", "fold 0", "canary"),
    } <= named
    assert {column for stage, column, _ in named if stage == "features"} == {
        "target", "trend_scaled",
    }  # fmt: skip
    assert report.trusted
    assert verdict.outcome is Outcome.NOT_EVIDENCE
    assert any("trend_scaled" in reason for reason in verdict.reasons_against)
    assert not verdict.is_passed


def test_unpurged_folds_alone_are_reason_enough(bars: Bars, tmp_path: object) -> None:
    cheat = Cheat(bars, target_inside=False)
    chance = float(np.mean(cheat.labels(bars)[cheat.rows]))
    assert cheat.accuracy() > max(chance, 1.0 - chance) + 0.1, "overlap alone is worth that much"
    report = judge_split(cheat.start, cheat.end, cheat.folds)
    verdict = verdict_on(report, tmp_path)

    assert {leak.check for leak in report.leaks} == {"purge", "canary"}
    assert "overlapping pairs of labels" in report.reason
    assert verdict.outcome is Outcome.NOT_EVIDENCE
    assert any("overlapping pairs" in reason for reason in verdict.reasons_against)


def test_honest_folds_are_not_accused_and_carry_the_verdict(bars: Bars, tmp_path: object) -> None:
    cheat = Cheat(bars, target_inside=False)
    folds = purged_kfold(cheat.start, cheat.end, n_folds=5, embargo=HORIZON)
    report = judge_split(cheat.start, cheat.end, folds, embargo=HORIZON)

    assert report.is_clean, report.reason
    assert verdict_on(report, tmp_path).outcome is Outcome.EDGE


def test_any_splitter_may_be_judged_whatever_the_order_of_its_rows() -> None:
    rng = np.random.default_rng(5)
    start = rng.permutation(200)
    late = np.flatnonzero(start >= 120)
    early = np.flatnonzero(start < 120 - 6)
    touching = np.flatnonzero(start < 120)

    assert judge_split(start, start + 5, [(early, late)]).is_clean
    found = judge_split(start, start + 5, [(touching.tolist(), late.tolist())], name="mine")
    assert [(leak.stage, leak.check, leak.count) for leak in found.leaks] == [("mine", "purge", 15)]


@pytest.mark.parametrize(
    ("start", "end", "folds", "told"),
    [
        ([0, 1, 2], [3, 4], [([0], [1])], "one end per start"),
        ([0, 1, 2], [3, 0, 4], [([0], [1])], "must not end before"),
        ([0, 1, 2], [1, 2, 3], [], "learning and judged rows"),
        ([0, 1, 2], [1, 2, 3], [([], [1, 2])], "learning and judged rows"),
    ],
)
def test_what_is_no_split_is_refused(start: list, end: list, folds: list, told: str) -> None:
    with pytest.raises(DataError, match=told):
        judge_split(np.array(start), np.array(end), folds)


def test_a_report_says_why_in_one_sentence_and_survives_json(bars: Bars) -> None:
    cheat = Cheat(bars, target_inside=True)
    report = cheat.proved()
    content = report.to_json()

    assert content["clean"] is False and content["trusted"] is True
    assert content["reason"] == report.reason
    assert {leak["column"] for leak in content["leaks"]} >= {"target"}
    assert all(canary["is_found"] for canary in content["canaries"])
    untried = replace(report, canaries=())
    assert not untried.trusted and "No leak was planted" in untried.reason
    both = report.joined(LeakReport(leaks=(), stages=(), canaries=(), blind=("Dark.",)))
    assert both.leaks == report.leaks and not both.trusted
    assert both.reason == "The leak prover cannot be trusted. Dark."
