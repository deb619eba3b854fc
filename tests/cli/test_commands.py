"""Commands keep their word: output, exit code, remedy, and a workspace left in order."""

import os
import sys
from pathlib import Path

import pytest

from assay.cli.failures import describe_fault
from assay.cli.screen import plain
from assay.domain.errors import BrokerError, ConfigError, DataError, ModelError

ROWS = [
    f"2024-01-{day:02d} {hour:02d}:00,2000,2001,1999,2000.5,10"
    for day in range(1, 31)
    for hour in range(23)
    if (day - 1) % 7 < 4
]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "XAUUSD_H1.csv"
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(ROWS) + "\n")
    return path


def test_a_fresh_workspace_is_valid_and_says_what_comes_next(assay, tmp_path: Path) -> None:
    answer = assay("init", tmp_path / "fx", "--symbol", "EURUSD", "--symbol", "USDJPY", "-t", "M15")

    assert answer.status == 0
    assert "assay data import" in answer.out
    shown = assay("config", "show", "-w", tmp_path / "fx", "--json").json
    assert shown["settings"]["market"]["symbols"] == ["EURUSD", "USDJPY"]
    assert shown["settings"]["market"]["timeframe"] == "M15"
    assert shown["instruments"]["USDJPY"]["digits"] == 3


def test_init_refuses_a_symbol_that_nobody_can_trade(assay, tmp_path: Path) -> None:
    answer = assay("init", tmp_path / "x", "--symbol", "XAUSD")

    assert answer.status == 2
    assert "XAUUSD" in answer.err
    assert not (tmp_path / "x").exists()


def test_init_twice_changes_nothing(assay, gold: Path) -> None:
    before = (gold / "assay.toml").read_bytes()
    answer = assay("init", gold)

    assert answer.status == 2
    assert "exists already" in answer.err
    assert (gold / "assay.toml").read_bytes() == before


def test_config_show_marks_what_was_set(assay, gold: Path) -> None:
    lines = assay("config", "show", "--set", "run.seed=8").out.splitlines()
    seed = next(line for line in lines if line.split()[:1] == ["run.seed"])
    workers = next(line for line in lines if line.split()[:1] == ["run.workers"])

    assert seed.split()[1:3] == ["8", "set"]
    assert "set" not in workers.split()


@pytest.mark.parametrize("command", ["run", "train", "backtest", "doctor", "config show"])
def test_a_fault_in_the_settings_stops_every_command_with_its_line(
    assay, gold: Path, command: str
) -> None:
    (gold / "assay.toml").write_text("[run]\nsead = 7\n")
    answer = assay(*command.split())

    assert answer.status == 2
    assert "assay.toml:2: run.sead" in answer.out + answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("command", ["run", "data list", "config show", "report", "train"])
def test_outside_a_workspace_the_remedy_is_init(
    assay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = assay(*command.split())

    assert answer.status == 2
    assert "assay init" in answer.err


def test_with_json_stdout_holds_one_object_whatever_happens(assay, gold: Path) -> None:
    error = assay("config", "show", "--set", "run.seed=x", "--json").json["error"]
    usage = assay("config", "show", "--sett", "a", "--json").json["error"]

    assert error["code"] == "config"
    assert error["facts"]["key"] == "run.seed"
    assert error["remedy"]
    assert usage["code"] == "config.usage"
    for words in (("data", "list"), ("doctor",), ("features",), ("config", "show")):
        assert isinstance(assay(*words, "--json").json, dict)


def test_a_bug_is_called_a_bug_and_debug_shows_where(
    assay, gold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops\nand more")

    monkeypatch.setattr("assay.cli.settings.open_workspace", broken)
    answer = assay("config", "show")
    shown = assay("config", "show", "--debug")

    assert answer.status == shown.status == 1
    assert "ZeroDivisionError: oops" in answer.err
    assert "this is a bug" in answer.err
    assert "Traceback" not in answer.err
    assert "Traceback" in shown.err


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (ConfigError("a.", remedy="B."), 2, "config"),
        (DataError("a.", remedy="B."), 3, "data"),
        (ModelError("a.", remedy="B."), 4, "model"),
        (BrokerError("a.", remedy="B."), 5, "broker"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 3, "data.memory"),
        (PermissionError(13, "Permission denied", "here"), 3, "data.disk"),
        (RuntimeError("x"), 1, "bug"),
    ],
)
def test_each_kind_of_fault_has_its_exit_code(fault, status: int, code: str) -> None:
    found, content = describe_fault(fault)

    assert (found, content["code"]) == (status, code)
    assert content["message"]
    assert content["remedy"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_workspace_that_cannot_be_written_is_no_bug(assay, gold: Path) -> None:
    gold.chmod(0o500)
    answer = assay("data", "simulate", "--years", "0.1")
    gold.chmod(0o700)

    assert answer.status == 3
    assert "permissions" in answer.err


def test_history_comes_in_is_listed_and_changes_nothing_twice(assay, gold: Path, csv: Path) -> None:
    first = assay("data", "import", csv, "-s", "XAUUSD", "--timezone", "UTC", "--json").json
    again = assay("data", "import", csv, "-s", "XAUUSD", "--timezone", "UTC", "--json").json
    listed = assay("data", "list", "--json").json["entries"]

    assert first["merges"][0]["rows_added"] == len(ROWS)
    assert again["merges"][0]["is_changed"] is False
    assert [(entry["symbol"], entry["series"], entry["rows"]) for entry in listed] == [
        ("XAUUSD", "H1", len(ROWS))
    ]
    assert assay("data", "check").status == 0


def test_bad_rows_are_counted_and_shown_by_line(assay, gold: Path, csv: Path) -> None:
    lines = csv.read_text().splitlines()
    lines[5] = lines[5].replace("2001", "nan", 1)
    lines[9] = lines[9].replace(",1999,", ",-1999,")
    csv.write_text("\n".join(lines) + "\n")
    answer = assay("data", "import", csv, "-s", "XAUUSD", "--timezone", "UTC")

    assert answer.status == 0
    assert f"{len(ROWS)} rows in = {len(ROWS) - 2} kept + 2 quarantined" in answer.out
    assert "first in line 6" in answer.out
    assert "first in line 10" in answer.out


def test_a_dry_run_shows_what_was_told(assay, gold: Path, csv: Path) -> None:
    words = (
        "data",
        "import",
        csv,
        "--timezone",
        "UTC+9",
        "--timeframe",
        "H4",
        "--dry-run",
        "--json",
    )
    shown = assay(*words).json["files"][0]["recognised"]
    assert (shown["timezone"], shown["timeframe"]) == ("UTC+9", "H4")


def test_a_dry_run_shows_and_stores_nothing(assay, gold: Path, csv: Path) -> None:
    answer = assay("data", "import", csv, "-s", "XAUUSD", "--dry-run")

    assert answer.status == 0
    assert "csv_bars" in answer.out
    assert assay("data", "list", "--json").json["entries"] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.csv", b""), ("picture.csv", bytes(range(256)) * 64), ("words.csv", b"hello\n" * 50)],
)
def test_what_is_no_history_is_refused_by_name(
    assay, gold: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    answer = assay("data", "import", path, "-s", "XAUUSD")

    assert answer.status == 3
    assert name in answer.err
    assert assay("data", "list", "--json").json["entries"] == []


def test_a_missing_file_is_a_data_fault(assay, gold: Path) -> None:
    answer = assay("data", "import", "nowhere.csv", "-s", "XAUUSD")

    assert answer.status in (2, 3)
    assert "nowhere.csv" in answer.err


@pytest.mark.parametrize("column", ["close", "=x", "close="])
def test_a_column_is_named_as_ours_equals_theirs(assay, gold: Path, csv: Path, column: str) -> None:
    answer = assay("data", "import", csv, "-s", "XAUUSD", "--column", column)

    assert answer.status == 2
    assert "OURS=THEIRS" in answer.err


def test_the_same_seed_simulates_the_same_market(assay, gold: Path) -> None:
    first = assay("data", "simulate", "--years", "0.2", "--json").json["merge"]
    again = assay("data", "simulate", "--years", "0.2", "--json").json["merge"]

    assert first["rows_added"] > 1000
    assert again["is_changed"] is False
    assert again["content_hash"] == first["content_hash"]


def test_simulated_and_real_rows_never_mix(assay, gold: Path, csv: Path) -> None:
    assert assay("data", "simulate", "--years", "0.1").status == 0
    other = assay("data", "simulate", "--years", "0.1", "--seed", "8")
    real = assay("data", "import", csv, "-s", "XAUUSD", "--timezone", "UTC")

    assert other.status == real.status == 3
    assert "one simulated market" in other.err
    assert "not both" in real.err


def test_check_finds_a_damaged_file(assay, gold: Path) -> None:
    assay("data", "simulate", "--years", "0.1")
    part = next(gold.glob("data/XAUUSD/H1/*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 0xFF
    part.write_bytes(content)

    assert assay("data", "check").status == 3
    doctor = assay("doctor", "--json")
    states = {item["check"]: item["state"] for item in doctor.json["findings"]}
    assert doctor.status == 3
    assert states["data XAUUSD H1"] == "fault"


def test_check_names_a_symbol_that_is_not_stored(assay, gold: Path) -> None:
    answer = assay("data", "check", "EURUSD")

    assert answer.status == 3
    assert "EURUSD" in answer.err


def test_features_are_listed_once_with_meaning_and_warm_up(assay) -> None:
    rows = assay("features", "--json").json["features"]
    found = assay("features", "volatility", "--json").json["features"]

    assert len(rows) >= 60
    assert len({row["name"] for row in rows}) == len(rows)
    assert all(row["meaning"] and row["warm_up_bars"] >= 0 for row in rows)
    assert 0 < len(found) < len(rows)


def test_doctor_is_content_with_this_machine(assay, gold: Path) -> None:
    answer = assay("doctor", "--json")
    findings = answer.json["findings"]

    assert answer.status == 0
    assert {"python", "packages", "compiled code", "settings", "trial ledger"} <= {
        finding["check"] for finding in findings
    }
    assert all(finding["remedy"] for finding in findings if finding["state"] != "ok")


def test_a_run_without_history_says_how_to_get_some(assay, gold: Path) -> None:
    for command in ("run", "train", "backtest"):
        answer = assay(command)
        assert answer.status == 3
        assert "import" in answer.err
    assert list((gold / "reports").iterdir()) == []
    assert list((gold / "models").iterdir()) == []


def test_a_report_or_model_that_is_not_there_is_named(assay, gold: Path) -> None:
    assert assay("report").status == 2
    assert "nightly" in assay("report", "nightly").err
    answer = assay("backtest", "--model", "nightly")
    assert answer.status == 4
    assert "assay train" in answer.err


def test_a_name_cannot_leave_its_folder(assay, gold: Path) -> None:
    for command in ("run", "train", "backtest"):
        assert assay(command, "--name", "../outside").status == 2


def test_json_has_no_number_that_json_lacks() -> None:
    numbers = {"a": float("nan"), "b": [float("inf"), 1.5], "c": Path("x"), "d": sys.maxsize}

    assert plain(numbers) == {"a": None, "b": [None, 1.5], "c": "x", "d": sys.maxsize}
