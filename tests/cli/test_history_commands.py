"""History through the public door: folders in, quality out, rows away and back, markets fitted."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate

EURO = load_instrument("EURUSD")
GOLD = load_instrument("XAUUSD")
QUICK = (
    "training.algorithms=logistic",
    "training.inner_folds=2",
    "evaluation.folds=2",
    "evaluation.bootstrap_samples=100",
    "features.names=drift_8,drift_32,trend_16,rsi_14",
    "features.timeframes=[]",
    "run.workers=1",
)
OPTIONS = [word for text in QUICK for word in ("--set", text)]


def lines_of(bars: Bars) -> list[str]:
    times = bars.time_ns.view("datetime64[ns]").astype("datetime64[s]").astype(str)
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return [
        f"{time.replace('T', ' ')}," + ",".join(f"{column[i]:.5f}" for column in columns)
        for i, time in enumerate(times)
    ]


def write(path: Path, bars: Bars) -> None:
    path.write_text("Gmt time,open,high,low,close,volume\n" + "\n".join(lines_of(bars)) + "\n")


@pytest.fixture(scope="module")
def euro() -> Bars:
    return simulate(SimulatedMarket(seed=21, n_bars=9_000), EURO)


@pytest.fixture(scope="module")
def spoilt() -> Bars:
    """Gold with every fifteenth close far from its neighbours."""
    bars = simulate(SimulatedMarket(seed=22, n_bars=9_000), GOLD)
    leap = np.where(np.arange(9_000) % 15 == 7, 1.1, 1.0)
    values = {name: getattr(bars, name) for name in Bars.__slots__}
    values |= {"close": bars.close * leap, "high": bars.high * leap}
    values |= {f"ask_{name}": None for name in ("open", "high", "low", "close")}
    return Bars(**values)


def test_a_folder_with_an_archive_a_calendar_and_rubbish_is_sorted_out(
    assay, gold: Path, euro: Bars, tmp_path: Path
) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    write(folder / "EURUSD_2010.csv", euro.between(0, 5_000))
    write(tmp_path / "EURUSD_2011.csv", euro.between(5_000, 9_000))
    with zipfile.ZipFile(folder / "EURUSD_2011.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "EURUSD_2011.csv", "EURUSD_2011.csv")
    (folder / "calendar.csv").write_text(
        "Date,Time,Time Zone,Currency,Impact,Event,Actual,Forecast,Previous\n"
        "2024-03-08,08:30,America/New_York,USD,High,Non-Farm Payrolls,275K,198K,229K\n"
        "2024-04-05,08:30,America/New_York,USD,High,Non-Farm Payrolls,303K,212K,270K\n"
    )
    (folder / "notes.txt").write_text("remember the milk\n")
    (folder / "README.md").write_text("mine\n")
    answer = assay("data", "import", folder, "--timezone", "America/New_York", "--json")
    told = json.loads(answer.out)

    assert answer.status == 3
    assert [item["source"] for item in told["failed"]] == ["downloads/notes.txt"]
    assert told["error"]["code"] == "data"
    assert told["passed_over"] == 1
    assert [item["recognised"]["kind"] for item in told["inputs"]] == ["news"]
    assert told["merges"][0]["rows_added"] == 9_000
    assert told["merges"][0]["files"] == 2
    listed = assay("data", "list", "--json").json
    assert [(entry["symbol"], entry["rows"]) for entry in listed["entries"]] == [("EURUSD", 9_000)]
    assert [item["kind"] for item in listed["inputs"]] == ["news"]


def test_a_dry_run_of_a_folder_stores_nothing(assay, gold: Path, euro: Bars) -> None:
    folder = gold / "incoming"
    folder.mkdir()
    write(folder / "EURUSD.csv", euro)
    shown = assay("data", "import", folder, "--dry-run", "--json").json["files"]

    assert [item["source"] for item in shown] == ["incoming/EURUSD.csv"]
    assert shown[0]["recognised"]["timeframe"] == "H1"
    assert assay("data", "list", "--json").json["entries"] == []


def test_nothing_trains_on_spoilt_history_until_somebody_says_why(
    assay, gold: Path, spoilt: Bars, tmp_path: Path
) -> None:
    path = tmp_path / "XAUUSD_H1.csv"
    write(path, spoilt)
    assert assay("data", "import", path).status == 0
    checked = assay("data", "check", "--report", "--json").json
    assert checked["reports"][0]["score"] < 60
    page = Path(checked["pages"][0]).read_text()
    assert "Not good enough to train or trade on." in page

    for command in (["run"], ["train"], ["backtest"]):
        refused = assay(*command, *OPTIONS)
        assert refused.status == 3
        assert "must score at least 60 of 100" in refused.err
        assert "quality.accept" in refused.err
    accepted = assay("backtest", "--name", "known", *OPTIONS, "--set", "quality.accept=a test")
    assert accepted.status == 0, accepted.err
    results = json.loads((gold / "reports" / "known" / "results.json").read_text())
    assert any("because: a test" in text for text in results["warnings"])
    assert "because: a test" in (gold / "reports" / "known" / "report.html").read_text()

    assert assay("train", "--name", "m", *OPTIONS, "--set", "quality.accept=a test").status == 0
    card = json.loads((gold / "models" / "m" / "decision.json").read_text())
    assert card["quality"]["accepted"] == "a test"
    assert card["quality"]["scores"]["XAUUSD"] < 60


def test_flagged_rows_are_taken_out_listed_and_restored(
    assay, gold: Path, spoilt: Bars, tmp_path: Path
) -> None:
    path = tmp_path / "XAUUSD_H1.csv"
    write(path, spoilt)
    assay("data", "import", path)
    before = assay("data", "list", "--json").json["entries"][0]
    assert assay("data", "quarantine", "--json").json["quarantines"] == []
    taken = assay("data", "quarantine", "XAUUSD", "--take", "spikes", "--json").json["taken"]
    (listed,) = assay("data", "quarantine", "--json").json["quarantines"]

    assert taken > 500
    assert listed["rows"] == listed["restorable"] == taken
    shown = assay("data", "quarantine", "--show", listed["id"], "--json").json["listed"]
    assert len(shown) == taken
    assert assay("data", "quarantine", "--restore", listed["id"], "--lines", "1,3-4").status == 0
    (rest,) = assay("data", "quarantine", "--json").json["quarantines"]
    assert rest["rows"] == taken - 3
    assert assay("data", "quarantine", "--restore", rest["id"]).status == 0
    assert (
        assay("data", "list", "--json").json["entries"][0]["content_hash"]
        == (before["content_hash"])
    )


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--take", "spkes", "XAUUSD"], 2, "must name a check"),
        (["--take", "spikes", "--restore", "x"], 2, "at a time"),
        (["--restore", "zzz"], 3, "fits 0"),
        (["EURUSD"], 3, "must be stored"),
        (["--restore", "zzz", "--lines", "a-b"], 3, "fits 0"),
    ],
)
def test_a_wrong_wish_for_the_quarantine_is_refused(
    assay, gold: Path, words: list[str], status: int, says: str
) -> None:
    assay("data", "simulate", "--years", "0.3")
    answer = assay("data", "quarantine", *words)

    assert answer.status == status
    assert says in answer.err


def test_a_market_is_fitted_shown_and_simulated_again(assay, gold: Path, tmp_path: Path) -> None:
    assay("data", "simulate", "--years", "2", "--seed", "5")
    fit = assay("data", "fit", "XAUUSD", "--json").json
    spread = assay("data", "spread", "XAUUSD", "--json").json
    other = tmp_path / "other"
    assay("init", other)
    made = assay("data", "simulate", "--like", fit["market"], "--years", "1", "-w", other, "--json")

    assert Path(fit["page"]).read_text().count("<svg") == 7
    assert spread["slot_minutes"] == 60
    assert made.status == 0
    assert "like XAUUSD H1" in made.json["market"]
    assert assay("data", "spread", "EURUSD").status == 3
    assert assay("data", "fit", "EURUSD").status == 3
    assert assay("data", "simulate", "--like", gold / "assay.toml", "-w", other).status == 2
