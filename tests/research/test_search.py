"""The nested search: the same wherever and however often it runs, counted, and blind to tests."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from search_examples import QUICK, executed, history, same, search_in, searched, with_search

from assay.domain.errors import DataError
from assay.domain.progress import SilentProgress
from assay.research.history import History
from assay.research.identity import code_hash
from assay.research.report.records import results_text
from assay.research.search.adoption import signed_rank_p
from assay.research.search.journal import SearchJournal
from assay.research.search.nested import efficiency, walk_identity
from assay.research.search.outcome import Outcome, annual_sharpe, monthly_of, objective_of
from assay.research.search.proposals import given_up, propose
from assay.research.search.record import search_records
from assay.research.search.review import kept
from assay.research.search.search import best_of
from assay.research.search.space import space_of
from assay.research.trials.ledger import TrialLedger
from assay.research.verdict.schema import document_of, verdict_of, verdict_text
from assay.research.walk import walk
from assay.signals.signal_model import Opinion
from assay.strategy import load_strategy

SPACE = space_of(QUICK)


def outcome(number: int, point=None, *, level: float = 0.0, n: int = 6, complete=True) -> Outcome:
    rng = np.random.default_rng(number)
    by_split = {k: level + 0.01 * float(rng.standard_normal()) for k in range(n)}
    paths = tuple(by_split.values()) if complete else ()
    return Outcome(
        number=number,
        point=dict(point or SPACE.start()),
        by_split=by_split,
        paths=paths,
        objective=objective_of(paths, 0.5) if complete else math.nan,
        daily=rng.standard_normal(30) if complete else np.empty(0),
    )


def test_the_objective_is_the_median_less_the_dispersion() -> None:
    assert objective_of((1.0, 2.0, 4.0), 0.0) == 2.0
    assert objective_of((1.0, 2.0, 4.0), 1.0) == pytest.approx(2.0 - 1.482602218505602)


def test_days_without_trades_have_no_sharpe_ratio_and_count_as_zero() -> None:
    assert annual_sharpe(np.zeros(50)) == 0.0


def test_months_compound_days() -> None:
    days = np.array(["2020-01-30", "2020-01-31", "2020-03-02"], "datetime64[ns]").astype(np.int64)
    first, monthly = monthly_of(np.array([0.1, 0.1, -0.5]), days)
    assert first == 50 * 12
    assert monthly == pytest.approx((0.21, 0.0, -0.5))


def test_proposals_depend_on_what_was_tried_and_on_nothing_else() -> None:
    first = propose(SPACE, [], n=3, seed=1)
    assert first[0] == SPACE.start()
    tried = [outcome(k, point) for k, point in enumerate(first)]
    assert propose(SPACE, tried, n=3, seed=1) == propose(SPACE, tried, n=3, seed=1)
    assert propose(SPACE, tried, n=3, seed=1) != propose(SPACE, tried, n=3, seed=2)


def test_no_configuration_is_proposed_twice_and_the_space_ends() -> None:
    tried: list[Outcome] = []
    while points := propose(SPACE, tried, n=5, seed=3):
        tried += [outcome(len(tried) + k, point) for k, point in enumerate(points)]
    keys = {tuple(sorted(item.point.items())) for item in tried}
    assert len(keys) == len(tried) == SPACE.n_points


def test_what_is_clearly_worse_is_given_up_and_what_is_as_good_is_not() -> None:
    best = outcome(0, level=1.0)
    assert given_up(outcome(1, level=-1.0), best, p=0.1)
    assert not given_up(outcome(2, level=1.0), best, p=0.1)
    assert not given_up(outcome(1, level=-1.0), best, p=0.0)
    assert not given_up(outcome(1, level=-1.0, n=2), best, p=0.1)


def test_better_on_every_split_is_better() -> None:
    assert signed_rank_p(outcome(0, level=1.0), outcome(1)) == pytest.approx(1 / 64)
    assert signed_rank_p(outcome(1), outcome(1)) == 1.0


def test_the_best_is_complete_and_the_earliest_of_equals() -> None:
    one, two = outcome(1, level=1.0), replace(outcome(1, level=1.0), number=2)
    assert best_of([outcome(0), one, two, outcome(3, level=9.0, complete=False)]) is one
    assert best_of([]) is None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("search")
    return folder, *searched(folder)


def test_two_workers_and_one_give_the_same_bytes(finished, tmp_path: Path) -> None:
    more = QUICK.model_copy(update={"run": QUICK.run.model_copy(update={"workers": 2})})
    result, _ = searched(tmp_path, more)
    assert results_text(result) == results_text(finished[1])


def test_the_second_call_evaluates_nothing_and_says_the_same(finished, tmp_path: Path) -> None:
    folder, result, search = finished
    shutil.copytree(folder, tmp_path / "again")
    journal = next((tmp_path / "again").glob("*/journal.log"))
    before, retries = journal.read_bytes(), search_retries(folder)
    again, other = searched(tmp_path / "again")
    assert journal.read_bytes() == before
    assert other.journal.n_fits == 0
    assert search_retries(tmp_path / "again") == retries
    assert results_text(again) == results_text(result)
    assert [len(item.outcomes) for item in search.found] == [6, 6]


def search_retries(folder: Path) -> int:
    """Return how often the ledger met a configuration of a search that it knew already."""
    lines = [json.loads(text) for text in (folder / "ledger.jsonl").read_text().splitlines()]
    searches = {
        line["identity"]
        for line in lines
        if "trial" in line and line["trial"]["origin"] == "search"
    }
    return sum(line.get("retry") in searches for line in lines)


def test_neighbours_of_a_winner_are_in_the_journal_as_a_study_of_their_own(finished) -> None:
    search = finished[2]
    studies = [search.journal.outcomes(f"{item.name} plateau") for item in search.found]
    assert any(studies)
    for item, around in zip(search.found, studies, strict=True):
        neighbours = [*SPACE.neighbours(item.best.point)]
        assert all(outcome.is_complete and outcome.point in neighbours for outcome in around)


class Stopping(TrialLedger):
    """A ledger that is interrupted when the first batch of the second search is to be counted."""

    def record_all(self, trials) -> int:
        if trials[0].kind == "search, fold 1":
            raise KeyboardInterrupt
        return super().record_all(trials)


def test_a_search_stopped_behind_another_keeps_its_fits_to_itself(finished, tmp_path: Path) -> None:
    """The first search, read back, takes no fit of the second, and throws none away."""
    _, result, search = finished
    stopped = search_in(tmp_path, ledger=Stopping(tmp_path / "ledger.jsonl"))
    with pytest.raises(KeyboardInterrupt):
        executed(stopped)
    assert list(tmp_path.rglob("*.fit")), "fits of the batch that was cut off"
    again, resumed = searched(tmp_path)
    assert results_text(again) == results_text(result)
    assert [item.plateau for item in resumed.found] == [item.plateau for item in search.found]
    assert stopped.journal.n_fits + resumed.journal.n_fits == search.journal.n_fits
    assert not list(tmp_path.rglob("*.fit")), "fits are kept until their search has ended"


@pytest.mark.parametrize("lines", [1, 5, 9])
def test_a_search_cut_off_anywhere_ends_like_one_that_was_not(
    finished, tmp_path: Path, lines: int
) -> None:
    folder, result, search = finished
    shutil.copytree(folder, tmp_path / "cut")
    journal = next((tmp_path / "cut").glob("*/journal.log"))
    kept = journal.read_bytes().splitlines(keepends=True)[:lines]
    journal.write_bytes(b"".join(kept) + b'{"op_code": 4, "wor')
    again, other = searched(tmp_path / "cut")
    assert results_text(again) == results_text(result)
    for one, two in zip(search.found, other.found, strict=True):
        assert all(same(a, b) for a, b in zip(one.outcomes, two.outcomes, strict=True))


def test_the_gate_reads_the_verdict_of_a_search(finished) -> None:
    _, result, search = finished
    verdict = verdict_of(verdict_text(document_of(result)))
    assert verdict.outcome is result.verdict.outcome
    assert verdict.numbers["trials_nested"] >= sum(len(item.outcomes) for item in search.found)


def test_a_search_remembers_what_the_ledger_held(finished) -> None:
    folder, _, search = finished
    (path,) = folder.glob("*/ledger.json")
    note = json.loads(path.read_text())["ledger"]
    lines = [json.loads(text) for text in (folder / "ledger.jsonl").read_text().splitlines()]
    (seen,) = [line for line in lines if line["hash"] == note["hash"]]
    assert seen["n"] == note["count"] >= sum(len(item.outcomes) for item in search.found)


def test_every_configuration_is_counted_and_none_against_its_own_walk(finished) -> None:
    folder, result, search = finished
    ledger = TrialLedger(folder / "ledger.jsonl")
    trials = [trial for trial in ledger.trials() if trial.origin == "search"]
    evaluated = {(item.name, str(o.point)) for item in search.found for o in item.outcomes}
    assert len(trials) >= len(evaluated) == 12
    numbers = result.verdict.numbers
    assert (numbers["trials"], numbers["trials_nested"]) == (3.0, float(len(trials)))
    for trial in trials:
        assert trial.nested_in == search.identity
        assert trial.saw_until_ns <= max(item.until_ns for item in search.found)
    assert ledger.evidence().count == len(trials) + 3
    told = json.loads(results_text(result))["searches"]
    assert [record["trials"] for record in told] == [6, 6]


def test_no_trial_sees_what_its_choice_is_judged_on(finished) -> None:
    """With another future after the second search began, both choose the same."""
    search = finished[2]
    until = search.found[1].until_ns
    bars = history().bars["XAUUSD"]
    factor = np.where(bars.time_ns >= until, 1.5, 1.0)
    columns = {
        name: getattr(bars, name) * factor
        for name in ("open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close")
        if getattr(bars, name) is not None
    }
    other = History(bars={"XAUUSD": replace(bars, **columns)}, instruments=history().instruments)
    again = replace_search(search)
    walk(QUICK, other, progress=SilentProgress(), choosing=again)
    for one, two in zip(search.found, again.found, strict=True):
        assert one.settings == two.settings
        assert all(same(a, b) for a, b in zip(one.outcomes, two.outcomes, strict=True))


def replace_search(search):
    """Return the same search with a journal and a ledger of its own."""
    folder = search.journal.folder.with_name("elsewhere")
    shutil.rmtree(folder, ignore_errors=True)
    return replace(
        search,
        journal=SearchJournal(folder),
        ledger=TrialLedger(folder / "ledger.jsonl"),
        found=[],
    )


def test_what_a_search_chose_is_what_the_walk_traded_under(finished) -> None:
    result, search = finished[1:]
    chosen = {record["name"]: record["values"] for record in result.searches}
    for item in search.found:
        assert item.is_adopted is (item.best is not item.start)
        assert chosen[item.name] == item.values


def test_another_setting_of_the_search_is_another_search() -> None:
    identity = walk_identity(QUICK, history(), None)
    assert walk_identity(QUICK, history(), None) == identity
    assert walk_identity(with_search(trials=7), history(), None) != identity
    more = QUICK.model_copy(update={"run": QUICK.run.model_copy(update={"workers": 4})})
    assert walk_identity(more, history(), None) == identity


def test_the_same_settings_under_another_strategy_are_other_trials(tmp_path: Path) -> None:
    settings = with_search(trials=2, batch=2, every_folds=2)
    path, ledger = tmp_path / "strategy.py", TrialLedger(tmp_path / "ledger.jsonl")
    counts = []
    for told in ("a thought", "a second thought"):
        path.write_text(f"from assay.strategy import feature\n{COLUMN}# {told}\n")
        own = load_strategy(path)
        search = search_in(tmp_path, settings, strategy=own, ledger=ledger)
        walk(settings, history(), progress=SilentProgress(), strategy=own, choosing=search)
        counts.append(ledger.count())
    assert counts[1] == 2 * counts[0] >= 4
    assert ledger.retries() == 0
    assert len({trial.code_hash for trial in ledger.trials()} - {code_hash()}) == 2


def test_without_a_strategy_the_package_is_the_code_of_a_trial(tmp_path: Path) -> None:
    assert search_in(tmp_path).hashes["code"] == code_hash()


COLUMN = """
@feature(warm_up=1)
def rise(bars):
    return bars.close / bars.open - 1.0
"""


def test_efficiency_compares_what_came_with_what_was_expected(finished) -> None:
    search = finished[2].found[0]
    daily = np.random.default_rng(0).normal(0.001, 0.01, 500)
    expected = float(np.median((search.best if search.is_adopted else search.start).paths))
    assert efficiency([search], {0: daily[:250], 1: daily[250:]}) == [
        pytest.approx(annual_sharpe(daily) / expected if expected > 0.0 else np.nan, nan_ok=True)
    ]


def test_what_came_is_recorded_also_where_nothing_was_expected(finished) -> None:
    search = finished[2].found[0]
    lost = replace(search.start, paths=(-1.0, -0.5, -0.2))
    early = replace(search, is_adopted=False, start=lost, first_fold=0)
    late = replace(early, first_fold=1)
    daily = np.random.default_rng(0).normal(0.001, 0.01, 500)
    records = search_records(SPACE, [early, late], {0: daily[:200], 1: daily[200:]})

    assert [record["after"] for record in records] == [
        annual_sharpe(daily[:200]), annual_sharpe(daily[200:]),
    ]  # fmt: skip
    assert all(np.isnan(record["efficiency"]) for record in records)
    assert [item.after for item in kept(records)] == [record["after"] for record in records]
    earlier = {key: value for key, value in records[0].items() if key != "after"}
    assert np.isnan(kept([earlier])[0].after)


def test_a_journal_in_disorder_is_refused(tmp_path: Path) -> None:
    journal = SearchJournal(tmp_path)
    journal.record("fold 0", [outcome(1)])
    with pytest.raises(DataError, match="numbered one by one"):
        journal.outcomes("fold 0")


def test_half_a_batch_is_made_again(tmp_path: Path) -> None:
    journal = SearchJournal(tmp_path)
    journal.record("fold 0", [outcome(0), outcome(1)])
    journal.record("fold 0", [outcome(2), outcome(3), outcome(4, complete=False)])
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[:-1]))
    assert [item.number for item in journal.outcomes("fold 0")] == [0, 1]
    journal.record("fold 0", [outcome(2), outcome(3), outcome(4, complete=False)])
    assert all(
        same(a, outcome(a.number, complete=a.number < 4)) for a in journal.outcomes("fold 0")
    )


def test_a_journal_of_nonsense_is_refused(tmp_path: Path) -> None:
    journal = SearchJournal(tmp_path)
    journal.path.write_text("no journal\n" * 3)
    with pytest.raises(DataError, match="as it was written"):
        journal.outcomes("fold 0")


def opinion(n: int = 5) -> Opinion:
    return Opinion(
        **{name: np.arange(float(n)) for name in ("ai", "traditional", "p_up", "lower", "upper")},
        scale=1.0,
        move=2.0,
        persistence=3.0,
    )


def test_fits_of_one_search_are_not_those_of_another(tmp_path: Path) -> None:
    journal = SearchJournal(tmp_path)
    journal.keep_fit("fold 5", "k", 0, opinion(7))
    assert journal.fit("fold 0", "k", 0) is None
    journal.keep_fit("fold 0", "k", 0, opinion(3))
    journal.forget_fits("fold 0")
    assert journal.fit("fold 0", "k", 0) is None
    kept = journal.fit("fold 5", "k", 0)
    assert kept is not None
    assert len(kept.p_up) == 7
    journal.forget_fits("fold 1")


def test_a_damaged_fit_is_made_again(tmp_path: Path) -> None:
    journal = SearchJournal(tmp_path)
    journal.keep_fit("fold 0", "k", 0, opinion())
    kept = journal.fit("fold 0", "k", 0)
    assert kept is not None
    assert (kept.upper.tolist(), kept.persistence) == (opinion().upper.tolist(), 3.0)
    path = tmp_path / "fits" / "fold 0" / "k-0.fit"
    whole = path.read_bytes()
    for content in (b"", b"PK\x03\x04", whole[:-8], whole[: len(whole) // 2], b"[]\n", whole[9:]):
        path.write_bytes(content)
        assert journal.fit("fold 0", "k", 0) is None
    assert journal.fit("fold 0", "k", 1) is None
