"""assay why and assay ablate: from the command line to the number that decided."""

import csv
import json
import math
import shutil
from pathlib import Path

import pytest

from assay.cli.main import main
from assay.research.attribution.storing import read_decisions
from assay.research.attribution.why import explain
from assay.research.trials.ledger import TrialLedger

QUICK = (
    "training.algorithms=lightgbm,logistic",
    "training.rows_max=2000",
    "training.inner_folds=2",
    "evaluation.folds=2",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
    "features.timeframes=[]",
    "run.workers=1",
)
OPTIONS = [word for text in QUICK for word in ("--set", text)]
SIGNAL = '''
import numpy as np
from assay.strategy import signal


@signal(warm_up=30)
def my_trend(bars):
    """Follow the last day."""
    moved = np.full(len(bars), np.nan)
    moved[24:] = np.log(bars.close[24:] / bars.close[:-24])
    return np.tanh(moved / 0.005)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a run, one with a user's signal, a backtest and an ablation."""
    folder = tmp_path_factory.mktemp("w") / "gold"
    where = ["-w", str(folder)]
    for words in (
        ["init", str(folder)],
        ["data", "simulate", "--years", "2", "--edge", "2", *where],
        ["run", "--name", "plain", *where, *OPTIONS],
        ["backtest", "--name", "votes", *where, *OPTIONS],
        ["ablate", "--name", "less", "--only", "trend", "--only", "exits", *where, *OPTIONS],
    ):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0, words
    strategy = folder / "strategy.py"
    strategy.write_text(SIGNAL)
    with pytest.raises(SystemExit) as caught:
        main(["run", "--name", "own", *where, *OPTIONS])
    assert caught.value.code == 0
    strategy.unlink()
    return folder


def lines_of(place: Path, name: str) -> list[dict[str, str]]:
    with (place / "reports" / name / "attribution.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["plain", "votes", "own"])
def test_the_parts_of_every_trade_of_every_report_add_up(place: Path, name: str) -> None:
    lines = lines_of(place, name)
    first = list(lines[0]).index("held_until") + 1

    assert len(lines) > 20
    for line in lines:
        net = float(line["net"])
        parts = [float(line[column]) for column in list(line)[first:]]
        assert abs(math.fsum(parts) - net) <= 1e-9 * max(1.0, abs(net))


def test_a_users_signal_has_a_part_of_its_own(place: Path) -> None:
    told = json.loads((place / "reports" / "own" / "results.json").read_text())
    parts = {
        part["name"]: part for part in told["attribution"]["strategies"]["indicators"]["parts"]
    }

    assert parts["own_my_trend"]["group"] == "own"
    assert parts["own_my_trend"]["total"] != 0.0


def test_a_trade_is_explained_from_its_sources_to_its_costs(assay, place: Path) -> None:
    answer = assay("why", "--report", "plain", "--trade", "3", "-w", place, "--json").json
    shown = assay("why", "--report", "plain", "--trade", "3", "-w", place).out
    decision, trade = answer["decision"], answer["trade"]

    assert decision["opens"] == trade["trade"] == 3
    assert decision["outcome"] in ("entered", "left and entered")
    assert decision["side"] == trade["side"]
    lean = sum(voice["lean"] for voice in decision["sources"])
    side = 1 if decision["side"] == "long" else -1
    assert 0.5 + 0.5 * side * lean == pytest.approx(decision["score"], abs=1e-3)
    assert math.fsum(trade["parts"].values()) == pytest.approx(trade["net"], abs=1e-9)
    assert [gate["state"] for gate in decision["gates"]] == ["PASSED"] * 9
    assert "Lean" in shown and "Spread" in shown and "lots are ordered" in shown


def test_the_decision_at_a_time_is_the_one_in_force(assay, place: Path) -> None:
    entered = lines_of(place, "plain")[2]["decided"]
    at = assay("why", "-r", "plain", "--at", entered[:16], "-w", place, "--json").json
    late = assay("why", "-r", "plain", "--at", f"{entered[:14]}59:00Z", "-w", place, "--json").json
    east = assay(
        "why", "-r", "plain", "--at", f"{entered[:19]}+00:00", "-w", place, "--symbol", "XAUUSD",
        "--json",
    ).json  # fmt: skip

    assert at["decision"]["opens"] == 3
    assert late["decision"]["event"] == at["decision"]["event"] == east["decision"]["event"]


def test_refusals_are_counted_and_listed_with_their_numbers(assay, place: Path) -> None:
    told = json.loads((place / "reports" / "plain" / "results.json").read_text())
    refusals = told["strategies"]["hybrid"]["refusals"]
    answer = assay("why", "-r", "plain", "--refused", "--last", "5", "-w", place, "--json").json
    shown = assay("why", "-r", "plain", "--refused", "--reason", "score", "-w", place)

    assert answer["counts"] == refusals
    assert len(answer["refused"]) == 5
    assert all("must be above" in item["text"] for item in answer["refused"])
    assert "score 0." in shown.out and "--last shows more" in shown.out


def test_a_position_that_stays_opens_no_gate_and_an_unused_reason_lists_nothing(
    assay, place: Path
) -> None:
    line = next(
        line
        for line in lines_of(place, "plain")
        if line["strategy"] == "hybrid" and line["held_until"] > line["entry"]
    )
    held = assay("why", "-r", "plain", "--at", line["entry"][:16] + ":30Z", "-w", place)
    entry = assay("why", "-r", "plain", "--at", line["held_until"][:16], "-w", place, "--json").json
    unused = assay("why", "-r", "plain", "--refused", "--reason", "margin_call", "-w", place)

    assert held.status == 0 and entry["decision"]["held"]["leaves"]
    assert "No entry was refused for that." in unused.out
    stays = assay("why", "-r", "plain", "--trade", line["trade"], "-w", place, "--json").json
    event = stays["decision"]["event"]
    table = read_decisions(place / "reports" / "plain")
    later = next(k for k in range(event + 1, len(table)) if explain(table, k).outcome == "held")
    moment = explain(table, later).time
    assert "no gate was" in assay("why", "-r", "plain", "--at", moment, "-w", place).out


def test_without_a_question_the_last_decision_of_the_last_report_is_explained(
    assay, place: Path
) -> None:
    answer = assay("why", "-w", place, "--json").json
    held = assay("why", "-w", place)

    assert Path(answer["report"]).name in {"plain", "votes", "own"}
    assert answer["decision"]["outcome"] in {"held", "left", "refused", "entered"}
    assert held.status == 0


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--trade", "99999"), 2, "must be one of 1 to"),
        (("--trade", "1", "--refused"), 2, "One question at a time"),
        (("--at", "yesterday"), 2, "ISO 8601"),
        (("--trade", "0"), 2, "must be one of 1 to"),
        (("--trade", "-3"), 2, "must be one of 1 to"),
        (("--at", "1990-01-01"), 2, "tested span"),
        (("--at", "2200-01-01"), 2, "tested span; was asked for 2200-01-01"),
        (("--at", "9999-12-31"), 2, "tested span; was asked for 9999-12-31"),
        (("--reason", "SCORE"), 2, "--reason must come with --refused"),
        (("--trade", "1", "--reason", "SCORE"), 2, "--reason must come with --refused"),
        (("--at", "2015-03-04", "--last", "5"), 2, "--last must come with --refused"),
        (("--trade", "1", "--symbol", "XAUUSD"), 2, "came with --trade"),
        (("--refused", "--symbol", "XAUUSD"), 2, "came with --refused"),
        (("--refused", "--reason", "LUCK"), 2, "must be one of NO_VIEW"),
        (("--report", "nothing"), 2, "must exist"),
        (("--symbol", "EURUSD"), 2, "one of the report"),
    ],
)
def test_a_question_without_an_answer_is_refused(assay, place: Path, words, status, told) -> None:
    answer = assay("why", *words, "-w", place)

    assert answer.status == status
    assert told in " ".join(answer.err.split())


def test_a_report_without_its_decisions_says_so(assay, place: Path) -> None:
    path = place / "reports" / "votes" / "decisions.parquet"
    kept = path.read_bytes()
    path.unlink()
    answer = assay("why", "-r", "votes", "-w", place)
    path.write_bytes(kept)

    assert answer.status == 3
    assert "Run `assay run` again" in answer.err


def test_an_ablation_writes_its_page_and_counts_its_trials(assay, place: Path) -> None:
    folder = place / "reports" / "less"
    told = json.loads((folder / "ablation.json").read_text())
    ledger = TrialLedger(place / "ledger" / "trials.jsonl")
    mine = [trial for trial in ledger.trials() if trial.origin == "ablation"]

    assert [row["name"] for row in told["removed"]] == ["trend", "exits"]
    assert {trial.kind for trial in mine} == {"hybrid without trend", "hybrid without exits"}
    assert ledger.retries() == 1, "the whole strategy is the trial that the run counted"
    note = json.loads((folder / "meta.json").read_text())["ledger"]
    lines = (place / "ledger" / "trials.jsonl").read_text().splitlines()
    assert any(note["hash"] == json.loads(line)["hash"] for line in lines)
    assert not (folder / "ledger").exists()
    assert "what each source is worth" in (folder / "ablation.html").read_text()
    assert "less" not in assay("report", "--list", "-w", place, "--json").json["reports"]


def test_an_ablation_alone_counts_the_whole_strategy_and_remembers_it(
    assay, place: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "gold"
    shutil.copytree(place / "data", alone / "data")
    shutil.copy(place / "assay.toml", alone)
    done = assay("ablate", "--only", "trend", "--name", "less", "-w", alone, *OPTIONS)
    assert done.status == 0, done.err

    ledger = alone / "ledger"
    assert [trial.kind for trial in TrialLedger(ledger / "trials.jsonl").trials()] == [
        "hybrid",
        "hybrid without trend",
    ]
    shutil.rmtree(ledger)
    evidence = assay("ledger", "-w", alone, "--json").json["evidence"]
    assert (evidence["lost"], evidence["count"]) == (2, 2)


def test_an_ablation_of_nothing_known_is_refused(assay, place: Path) -> None:
    answer = assay("ablate", "--only", "astrology", "-w", place, *OPTIONS)

    assert answer.status == 2
    assert "must be one of trend" in answer.err


def test_an_ablation_can_train_again(assay, place: Path) -> None:
    answer = assay(
        "ablate", "--only", "model_logistic", "--refit", "--name", "again", "-w", place, *OPTIONS,
        "--json",
    )  # fmt: skip
    removed = answer.json["removed"]

    assert answer.status == 0, answer.err
    assert removed[0]["was_refitted"] is True
    assert removed[0]["how"] == "trained again without it"
