"""The ledger of trials: counts once, forgets nothing, notices edits, survives kill -9."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evidence_examples import noise, strategy
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.disk import Disk
from assay.domain.errors import DataError
from assay.research.compute.threads import one_thread
from assay.research.statistics.sharpe import deflated_sharpe, expected_maximum
from assay.research.trials.evidence import (
    COMPARED_MAX,
    OVERLAP_MONTHS_MIN,
    TRIALS_AT_ONCE,
    effective_number,
    evidence_of,
)
from assay.research.trials.ledger import LedgerError, TrialLedger
from assay.research.trials.trial import Trial, settings_hash, trial_of
from assay.research.trials.witness import Witness
from assay.research.verdict.meanings import MEANINGS


def trial(index: int, **changes: object) -> Trial:
    made = Trial(
        kind="hybrid",
        settings_hash=f"settings {index}",
        data_hash="data",
        code_hash="code",
        sharpe_daily=0.01 * index,
        n_days=1_000,
        skew=0.0,
        kurtosis=3.0,
        at_ns=index,
        first_month=480,
        monthly=tuple(float(x) for x in np.random.default_rng(index).normal(0, 0.02, 48)),
    )
    return replace(made, **changes)


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    return TrialLedger(tmp_path / "deep" / "trials.jsonl")


def test_the_same_trial_counts_once_whenever_it_is_repeated(ledger: TrialLedger) -> None:
    assert ledger.record(trial(1))
    assert not ledger.record(trial(1, at_ns=99, sharpe_daily=5.0))
    assert ledger.record(trial(1, code_hash="other"))
    assert ledger.record(trial(1, data_hash="other"))
    assert ledger.record(trial(1, kind="ai"))
    assert TrialLedger(ledger.path).count() == 4


def test_trials_come_back_as_they_were(ledger: TrialLedger) -> None:
    idle = trial(2, sharpe_daily=math.nan, skew=math.nan, kurtosis=math.nan)
    ledger.record_all([trial(1), idle])
    one, two = ledger.trials()
    assert one == trial(1)
    assert math.isnan(two.sharpe_daily)
    assert two.monthly == idle.monthly


def test_an_empty_ledger_is_evidence_of_nothing(ledger: TrialLedger) -> None:
    found = ledger.evidence()
    assert (found.count, found.effective, found.correlation) == (0, 1.0, 0.0)


def test_evidence_does_not_depend_on_the_clock_or_the_folder(tmp_path: Path) -> None:
    one, two = TrialLedger(tmp_path / "a"), TrialLedger(tmp_path / "b")
    one.record_all([trial(1), trial(2)])
    two.record_all([trial(1, at_ns=77), trial(2, at_ns=78)])
    assert one.evidence() == two.evidence()


def test_variance_is_that_of_the_recorded_ratios(ledger: TrialLedger) -> None:
    ledger.record_all([trial(i) for i in range(1, 6)])
    assert ledger.variance_of_sharpe() == pytest.approx(np.var(0.01 * np.arange(1, 6), ddof=1))


def test_trials_that_resemble_each_other_count_for_fewer(tmp_path: Path) -> None:
    base = np.random.default_rng(0).normal(0, 0.02, 120)
    alike, apart = TrialLedger(tmp_path / "alike"), TrialLedger(tmp_path / "apart")
    for i in range(6):
        own = np.random.default_rng(i + 1).normal(0, 0.02, 120)
        near = tuple(0.95 * base + 0.1 * own)
        alike.record(trial(i, monthly=near))
        apart.record(trial(i, monthly=tuple(own)))
    close, far = alike.evidence(), apart.evidence()
    assert (close.count, close.clusters) == (6, 1)
    assert 1.0 < close.effective < 1.7
    assert (far.count, far.clusters) == (6, 6)
    assert 5.0 < far.effective <= 6.0


def test_clusters_that_resemble_each_other_are_worth_fewer(ledger: TrialLedger) -> None:
    base = np.random.default_rng(0).normal(0, 0.02, 240)
    for i in range(6):
        own = np.random.default_rng(i + 1).normal(0, 0.02, 240)
        ledger.record(trial(i, monthly=tuple(base + own)))
    found = ledger.evidence()
    assert found.clusters == 6
    assert 0.3 < found.correlation < 0.7
    assert 1.0 < found.effective < 6.0
    expected = math.sqrt(1.0 - found.correlation) * expected_maximum(6)
    assert expected_maximum(found.effective) == pytest.approx(expected, rel=0.1)


def clusters_one_by_one(trials: list[Trial]) -> int:
    """Return the number of clusters by its definition: trial after trial, leader after leader."""
    leaders: list[Trial] = []
    for one in trials:
        for other in leaders:
            start = max(one.first_month, other.first_month)
            stop = min(item.first_month + len(item.monthly) for item in (one, other))
            shared = [
                np.array(item.monthly[start - item.first_month : stop - item.first_month])
                for item in (one, other)
            ]
            if stop - start < OVERLAP_MONTHS_MIN or any(np.ptp(months) == 0.0 for months in shared):
                continue
            if np.corrcoef(*shared)[0, 1] >= 0.8:
                break
        else:
            leaders.append(one)
    return len(leaders)


@pytest.mark.parametrize("seed", range(6))
def test_clusters_are_those_of_their_definition_whatever_is_compared_at_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bases = rng.normal(0, 0.02, (40, 80))
    n = TRIALS_AT_ONCE + 50 if seed == 0 else 120
    trials = []
    for i in range(n):
        start, length = int(rng.integers(0, 40)), int(rng.integers(0, 41))
        months = bases[rng.integers(40)] + rng.choice([0.002, 0.02]) * rng.standard_normal(80)
        months *= rng.choice([0.0, 1.0], p=[0.1, 0.9])
        monthly = tuple(float(x) for x in months[start : start + length])
        trials.append(trial(i, first_month=480 + start if length else 0, monthly=monthly))
    found = evidence_of(trials).clusters
    assert found == clusters_one_by_one(trials)
    assert 40 < found < n


def test_thousands_of_trials_are_grouped_in_seconds() -> None:
    """A verdict asks each time. Minutes would pass for these if each were compared by itself."""
    months = np.random.default_rng(0).normal(0, 0.02, (6_000, 150)).tolist()
    trials = [trial(i, monthly=tuple(row)) for i, row in enumerate(months)]
    with one_thread():
        start = time.process_time()
        assert evidence_of(trials).clusters == 6_000
        assert time.process_time() - start < 8.0


def test_the_correlation_is_that_over_pairs_of_trials_not_of_clusters(ledger: TrialLedger) -> None:
    months = np.random.default_rng(0).normal(0, 0.02, (2, 120))
    rows = [*np.repeat(months[:1], 5, axis=0), months[1]]
    ledger.record_all([trial(i, monthly=tuple(row)) for i, row in enumerate(rows)])
    found = ledger.evidence()
    apart = float(np.corrcoef(months)[0, 1])
    assert found.clusters == 2
    assert found.correlation == pytest.approx((10 * 1.0 + 5 * apart) / 15)
    assert "pairs of trials" in MEANINGS["trials_correlation"]
    assert f"at most {COMPARED_MAX}" in MEANINGS["trials_correlation"]


def test_what_luck_gives_the_best_of_like_trials_is_that_of_their_correlation() -> None:
    for n, rho in ((20, 0.0), (20, 0.5), (100, 0.9)):
        likeness = np.full((n, n), rho) + (1.0 - rho) * np.eye(n)
        expected = math.sqrt(1.0 - rho) * expected_maximum(n)
        found = expected_maximum(effective_number(likeness))
        assert found == pytest.approx(expected, rel=0.06)


def test_further_trials_never_make_luck_smaller() -> None:
    rng = np.random.default_rng(0)
    months = rng.normal(0, 0.02, (60, 60))
    base = [trial(i, monthly=tuple(row)) for i, row in enumerate(months)]
    alike = [
        trial(100 + i, monthly=tuple(months[0] + 0.002 * rng.standard_normal(60)))
        for i in range(60)
    ]
    few, many = evidence_of(base), evidence_of([*base, *alike])
    assert many.effective >= 0.97 * few.effective
    assert evidence_of([*alike, *base]).effective == pytest.approx(many.effective, rel=0.05)


def test_a_tuned_sweep_of_noise_is_rarely_more_than_luck() -> None:
    """Forty variants that correlate by 0.9: the best is judged as one of them, not as the one."""
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(60):
        days = math.sqrt(0.9) * rng.standard_normal(1_000)[:, None] + math.sqrt(
            0.1
        ) * rng.standard_normal((1_000, 40))
        months = days[:987].reshape(47, 21, 40).sum(axis=1)
        found = evidence_of([trial(i, monthly=tuple(months[:, i])) for i in range(40)])
        best = float(np.max(days.mean(axis=0) / days.std(axis=0, ddof=1)))
        passed += deflated_sharpe(best, 1_000, found.effective, 1.0 / 999.0) >= 0.95
    assert passed <= 8


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_edit_of_any_line_is_noticed(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    ledger = TrialLedger(tmp_path_factory.mktemp("ledger") / "trials.jsonl")
    ledger.record_all([trial(i) for i in range(4)])
    content = bytearray(ledger.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 2), label="place")
    value = data.draw(st.integers(32, 126).filter(lambda v: v != content[place]), label="byte")
    if content[place] == ord("\n"):
        return
    content[place] = value
    ledger.path.write_bytes(bytes(content))
    with pytest.raises(LedgerError):
        ledger.count()


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_a_deleted_line_is_noticed_wherever_it_was(ledger: TrialLedger, missing: int) -> None:
    ledger.record_all([trial(i) for i in range(4)])
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    del lines[missing]
    ledger.path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match=r"lines are missing|does not follow"):
        ledger.record(trial(9))


def test_the_trials_of_a_deleted_ledger_count_as_lost(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    ledger.path.unlink()
    found = ledger.evidence()
    assert (found.count, found.lost, found.effective) == (2, 2, 2.0)
    assert ledger.record(trial(3))
    assert (ledger.count(), ledger.lost()) == (1, 2)
    assert ledger.evidence().count == 3
    assert ledger.record(trial(4))
    assert ledger.lost() == 2


def remembered(ledger: TrialLedger) -> Witness:
    return ledger.witness("report gold")


def test_a_report_remembers_a_ledger_of_which_nothing_is_left(ledger: TrialLedger) -> None:
    ledger.record_all([trial(i) for i in range(5)])
    witness = remembered(ledger)
    ledger.path.unlink()
    ledger.head_path.unlink()
    assert TrialLedger(ledger.path).evidence().count == 0
    fresh = TrialLedger(ledger.path, witnesses=[witness])
    assert fresh.evidence().lost == 5
    fresh.record(trial(9))
    assert TrialLedger(ledger.path).evidence().count == 6
    assert fresh.evidence().lost == 5


def test_an_earlier_copy_put_back_counts_what_came_after_it_as_lost(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    early = remembered(ledger)
    content, head = ledger.path.read_bytes(), ledger.head_path.read_bytes()
    ledger.record_all([trial(3), trial(4), trial(5)])
    late = remembered(ledger)
    ledger.path.write_bytes(content)
    ledger.head_path.write_bytes(head)
    again = TrialLedger(ledger.path, witnesses=[late, early])
    assert (again.evidence().count, again.lost()) == (5, 3)
    again.record(trial(3))
    assert (again.evidence().count, again.lost()) == (6, 3)


def test_without_a_witness_of_the_common_part_all_that_was_counted_is_lost(
    ledger: TrialLedger,
) -> None:
    ledger.record_all([trial(i) for i in range(10)])
    witness = remembered(ledger)
    other = TrialLedger(ledger.path.with_name("other"), witnesses=[witness])
    TrialLedger(other.path).record_all([trial(i) for i in range(20, 26)])
    assert (other.evidence().count, other.lost()) == (16, 10)
    assert other.evidence().effective >= 10.0
    other.record(trial(30))
    assert (other.evidence().count, other.lost()) == (17, 10)
    assert TrialLedger(other.path).evidence().count == 17


def test_a_witness_must_have_the_count_and_the_hash_of_one_line(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    more = Witness(count=9, hash=remembered(ledger).hash, source="report gold")
    assert TrialLedger(ledger.path, witnesses=[more]).lost() == 9


def test_a_ledger_in_the_place_of_another_is_noticed(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    witness = remembered(ledger)
    ledger.path.unlink()
    ledger.head_path.unlink()
    TrialLedger(ledger.path).record_all([trial(7), trial(8), trial(9)])
    with pytest.raises(LedgerError, match="line 2, trial 2, is not the one that report gold saw"):
        TrialLedger(ledger.path, witnesses=[witness]).evidence()


def test_a_retry_is_written_down_and_is_no_other_trial(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    ledger.record_all([trial(2, at_ns=5), trial(1, at_ns=6), trial(3)])
    assert (ledger.count(), ledger.retries()) == (3, 2)
    assert ledger.evidence().count == 3


def test_trials_nested_in_the_judged_walk_do_not_count_for_it(ledger: TrialLedger) -> None:
    ledger.record(trial(1))
    ledger.record_all([trial(i, nested_in="walk") for i in range(2, 8)])
    own = ledger.evidence(walk="walk")
    assert (own.count, own.nested, own.recorded) == (1, 6, 7)
    assert ledger.evidence(walk="other").count == ledger.evidence().count == 7
    ledger.record(trial(8, nested_in="walk", cases=1_000, cases_effective=40.0))
    own = ledger.evidence(walk="walk")
    assert (own.count, own.nested, own.recorded) == (1, 1_006, 1_007)


def test_trials_that_saw_none_of_the_judged_span_do_not_count(ledger: TrialLedger) -> None:
    ledger.record(trial(1))  # nobody knows what it saw
    ledger.record(trial(2, saw_from_ns=100, saw_until_ns=200))
    ledger.record(trial(3, saw_from_ns=150, saw_until_ns=300))
    assert ledger.evidence(judged_ns=(201, 400)).count == 2
    assert ledger.evidence(judged_ns=(200, 400)).count == 3


def test_the_cases_of_a_sweep_count_one_by_one(ledger: TrialLedger) -> None:
    ledger.record(trial(1))
    ledger.record(trial(2, cases=1_000, cases_effective=7.5))
    found = ledger.evidence()
    assert found.count == 1_001
    alone = TrialLedger(ledger.path.with_name("alone"))
    alone.record_all([trial(1), trial(2)])
    assert found.effective == pytest.approx(alone.evidence().effective + 6.5)


def test_a_torn_last_line_is_put_aside_and_said(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    with ledger.path.open("ab") as file:
        file.write(b'{"n":3,"prev')
    assert ledger.count() == 2
    assert ledger.record(trial(3))
    assert ledger.quarantine_path.read_bytes() == b'{"n":3,"prev\n'
    assert len(ledger.notices) == 1
    assert TrialLedger(ledger.path).count() == 3


@pytest.mark.parametrize("keep", [0, 1, 40, 400])
def test_a_first_line_torn_anywhere_leaves_a_ledger_that_works(
    ledger: TrialLedger, keep: int
) -> None:
    ledger.record(trial(1))
    content = ledger.path.read_bytes()
    ledger.head_path.unlink()
    ledger.path.write_bytes(content[:keep])
    assert ledger.record(trial(1))
    assert ledger.count() == 1


def test_a_head_that_lags_behind_a_crash_is_no_edit(ledger: TrialLedger) -> None:
    ledger.record(trial(1))
    head = ledger.head_path.read_bytes()
    ledger.record(trial(2))
    ledger.head_path.write_bytes(head)
    assert ledger.count() == 2
    assert ledger.record(trial(3))
    assert json.loads(ledger.head_path.read_bytes())["count"] == 3


class FullDisk(Disk):
    def write_block(self, descriptor: int, block: memoryview) -> None:
        os.write(descriptor, block[: len(block) // 2])
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_trials_that_were_there(ledger: TrialLedger) -> None:
    ledger.record(trial(1))
    with pytest.raises(DataError, match="No space left"):
        TrialLedger(ledger.path, disk=FullDisk()).record(trial(2))
    assert ledger.record(trial(2))
    assert ledger.count() == 2


def test_a_line_has_a_limit(ledger: TrialLedger) -> None:
    with pytest.raises(DataError, match="bytes"):
        ledger.record(trial(1, kind="x" * 70_000))
    assert ledger.count() == 0


WRITER = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from assay.research.trials.ledger import TrialLedger
from test_ledger import trial
ledger = TrialLedger(Path({path!r}))
for i in range(int(sys.argv[1]), 10_000):
    ledger.record(trial(i))
    sys.stdout.write(f"{{i}}\\n")
    sys.stdout.flush()
"""


def test_no_trial_is_lost_or_doubled_when_the_writer_is_killed(ledger: TrialLedger) -> None:
    code = WRITER.format(paths=[str(Path(__file__).parent), *sys.path], path=str(ledger.path))
    told = -1
    for wait_s in (0.0, 0.013, 0.031):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(told + 1)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            told = int(process.stdout.readline())
            time.sleep(wait_s)
            process.send_signal(signal.SIGKILL)
            told = max([told, *(int(line) for line in process.stdout if line.endswith("\n"))])
    kinds = [found.settings_hash for found in ledger.trials()]
    assert len(kinds) == len(set(kinds))
    assert {f"settings {i}" for i in range(told + 1)} <= set(kinds)


def test_workers_and_the_verdicts_own_settings_make_no_other_trial() -> None:
    base = {"run": {"seed": 7, "workers": 1}, "evaluation": {"folds": 8, "confidence": 0.95}}
    same = {"run": {"seed": 7, "workers": 4}, "evaluation": {"folds": 8, "confidence": 0.99}}
    other = {"run": {"seed": 7, "workers": 1}, "evaluation": {"folds": 9, "confidence": 0.95}}
    assert settings_hash(base) == settings_hash(same)
    assert settings_hash(base) != settings_hash(other)


def test_a_trial_remembers_the_months_of_its_strategy() -> None:
    result = strategy(noise(600, 1.0, np.random.default_rng(0)))
    found = trial_of(result, settings_hash="s", data_hash="d", code_hash="c", at_ns=0)
    assert found.first_month == 40 * 12
    assert np.prod(1.0 + np.array(found.monthly)) == pytest.approx(
        result.equity[-1] / 100_000.0, rel=1e-4
    )


def test_a_copy_hands_over_what_it_gained_and_nothing_twice(ledger: TrialLedger) -> None:
    ledger.record_all([trial(1), trial(2)])
    copy = TrialLedger(ledger.path.with_name("copy"))
    copy.path.write_bytes(ledger.path.read_bytes())
    copy.head_path.write_bytes(ledger.head_path.read_bytes())
    copy.record_all([trial(2, at_ns=50), trial(3)])
    assert copy.hand_over(ledger) == 1
    assert (ledger.count(), ledger.retries()) == (3, 1)
    assert copy.hand_over(ledger) == 0
    assert ledger.path.read_bytes() == copy.path.read_bytes()


def test_a_copy_hands_over_to_a_ledger_that_another_wrote_to(ledger: TrialLedger) -> None:
    copy = TrialLedger(ledger.path.with_name("copy"))
    copy.record_all([trial(2), trial(3)])
    ledger.record(trial(1))
    assert copy.hand_over(ledger) == 2
    assert [found.at_ns for found in ledger.trials()] == [1, 2, 3]
