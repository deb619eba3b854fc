"""``assay runs``: every run in one table, whatever else lies among the reports."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "research"))

from comparison_examples import made_up, stored

from assay.cli.ablate import JSON_FILE as ABLATION_FILE
from assay.research.comparison.results_file import SCHEMAS, UnreadableRunError, read_keys
from assay.research.comparison.run_filter import ORDERS
from assay.research.comparison.run_table import read_run
from assay.research.report.records import SCHEMA
from assay.research.stress.page import JSON_FILE as STRESS_FILE
from assay.research.verdict.judge import Outcome

DAYS = 320


def returns(seed: int, drift: float = 0.0) -> np.ndarray:
    return 0.006 * np.random.default_rng(seed).standard_normal(DAYS) + drift


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return report folders of four runs that differ."""
    folder = tmp_path_factory.mktemp("stock")
    stored(folder / "first", made_up({"hybrid": returns(1), "ai": returns(2)}))
    stored(
        folder / "tight",
        made_up(
            {"hybrid": returns(3, 0.001)},
            changes={"exits.stop_atr": 6.0},
            at="2026-02-01T10:00:00Z",
        ),
    )
    stored(
        folder / "euro",
        made_up(
            {"indicators": returns(4, -0.003)},
            changes={"market.symbols": ["EURUSD", "XAUUSD"], "market.timeframe": "H4"},
            currency="EUR",
            at="2026-03-01T10:00:00Z",
            command="backtest",
            outcome=Outcome.NOT_ENOUGH_DATA,
        ),
    )
    stored(folder / "flat", made_up({"hybrid": np.zeros(DAYS)}, at="2026-04-01T10:00:00Z"))
    return folder


@pytest.fixture
def place(gold: Path, stock: Path) -> Path:
    """Return a workspace with these reports, and stand in it."""
    shutil.copytree(stock, gold / "reports", dirs_exist_ok=True)
    return gold


def names(answer) -> list[str]:
    assert answer.status == 0, answer.err
    return [row["name"] for row in answer.json["runs"]]


def test_the_table_says_what_the_reports_say(assay, place: Path) -> None:
    answer = assay("runs", "--json").json
    row = next(row for row in answer["runs"] if row["name"] == "first")
    results = json.loads((place / "reports" / "first" / "results.json").read_text())
    measured = results["metrics"]["hybrid"]

    assert answer["total"] == answer["matching"] == 4
    assert row["sharpe"] == measured["sharpe"]
    assert row["total_return"] == measured["total_return"]
    assert row["max_drawdown"] == measured["max_drawdown"]["value"]
    assert row["n_trades"] == measured["n_trades"] > 0
    assert row["verdict"] == results["verdict"]["outcome"]
    assert row["deflated_sharpe"] == results["verdict"]["numbers"]["dsr"]
    assert row["n_trials"] == results["verdict"]["numbers"]["trials"] == 3
    days = results["strategies"]["hybrid"]["daily"]["day"]
    assert [row["first_day"], row["last_day"]] == [days[0], days[-1]]
    assert (row["kind"], row["timeframe"], row["symbols"]) == ("run", "H1", ["XAUUSD"])
    assert row["at"] == "2026-01-01T00:00:00Z"


def test_a_person_sees_the_same(assay, place: Path) -> None:
    shown = assay("runs").out

    assert "exits.stop_atr=6" in "".join(shown.split())
    assert "EURUSD" in shown
    assert "4 runs." in shown


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--symbol", "eurusd"], {"euro"}),
        (["--timeframe", "h1"], {"first", "tight", "flat"}),
        (["--kind", "backtest"], {"euro"}),
        (["--since", "2026-02"], {"tight", "euro", "flat"}),
        (["--since", "2026-02-01 10:00Z"], {"tight", "euro", "flat"}),
        (["--since", "2026-02-01T10:00:01"], {"euro", "flat"}),
        (["--setting", "exits.stop_atr=6"], {"tight"}),
        (["--setting", "exits.stop_atr=8.0", "--setting", "account.currency=EUR"], {"euro"}),
        (["--setting", "market.symbols=EURUSD,XAUUSD"], {"euro"}),
        (["--setting", 'market.symbols=["EURUSD", "XAUUSD"]'], {"euro"}),
        (["--setting", "market.start=null"], {"first", "tight", "euro", "flat"}),
        (["--sharpe-min", "1"], {"tight"}),
        (["--verdict", "edge"], set()),
        (["--verdict", "not-enough-data"], {"euro"}),
        (["--verdict", "not enough data", "--kind", "run"], set()),
        (["--verdict", "no-edge"], {"first", "tight", "flat"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_filter_keeps_what_is_asked_for(assay, place: Path, options, expected) -> None:
    assert set(names(assay("runs", "--json", *options))) == expected


def test_the_best_come_first_and_the_unknown_last(assay, place: Path) -> None:
    ordered = names(assay("runs", "--json", "--sort", "sharpe"))

    assert ordered[0] == "tight"
    assert ordered[-2:] == ["euro", "flat"]
    assert names(assay("runs", "--json", "--sort", "sharpe", "--reverse")) == [
        *ordered[:3][::-1],
        "flat",
    ]
    assert names(assay("runs", "--json", "--sort", "name")) == ["euro", "first", "flat", "tight"]
    assert names(assay("runs", "--json", "--limit", "2")) == ["flat", "euro"]


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_lists_every_run(assay, place: Path, order: str) -> None:
    assert len(names(assay("runs", "--json", "--sort", order))) == 4


def test_only_settings_that_are_not_usual_are_shown(assay, place: Path) -> None:
    rows = {row["name"]: row["differs"] for row in assay("runs", "--json").json["runs"]}

    assert rows["tight"] == {"exits.stop_atr": 6.0}
    assert rows["euro"] == {"account.currency": "EUR"}
    assert rows["first"] == rows["flat"] == {}
    pair = assay("runs", "--json", "--setting", "account.currency=USD", "--limit", "2").json
    assert {row["name"]: row["differs"] for row in pair["runs"]} == {
        "tight": {"exits.stop_atr": 6.0},
        "flat": {"exits.stop_atr": 8.0},
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sort", "sharp"], "Use sharpe"),
        (["--verdict", "maybe"], "no edge"),
        (["--since", "yesterday"], "2026-01-31"),
        (["--since", "2011-99-99"], "calendar such as 2026-01-31; was '2011-99-99'"),
        (["--since", "2011-02-29"], "was '2011-02-29'"),
        (["--since", "2011-13"], "was '2011-13'"),
        (["--since", "0000"], "was '0000'"),
        (["--since", "2026-01-31T25:00"], "was '2026-01-31T25:00'"),
        (["--sharpe-min", "nan"], "number"),
        (["--setting", "stop_atr"], "section.key=value"),
        (["--setting", "exits.stop_atrs=6"], "exits.stop_atr"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_filter_that_means_nothing_is_refused(assay, place: Path, options, words) -> None:
    answer = assay("runs", *options)

    assert answer.status == 2
    assert words in answer.err


def damage(reports: Path) -> dict[str, str]:
    """Break copies of a run in every way, and return what each must be blamed for."""
    whole = (reports / "first" / "results.json").read_bytes()
    lines = whole.split(b"\n")

    def put(name: str, content: bytes) -> None:
        (reports / name).mkdir()
        (reports / name / "results.json").write_bytes(content)

    def without(key: bytes) -> bytes:
        return b"\n".join(line for line in lines if not line.startswith(b'"' + key + b'"'))

    (reports / "nothing").mkdir()
    (reports / "page-only").mkdir()
    (reports / "page-only" / "report.html").write_text("<html>")
    put("void", b"")
    put("cut", whole[: len(whole) // 2])
    put("prose", b"Dear diary\n")
    put("pretty", json.dumps(json.loads(whole), indent=2).encode())
    put("older", whole.replace(SCHEMA.encode(), b"assay.results/0"))
    put("foreign", b'{\n"schema":"somebody.else/7"\n}\n')
    put("nameless", without(b"schema"))
    put("unjudged", without(b"verdict"))
    put("torn", whole.replace(b'"settings":{', b'"settings":{{'))
    put("deep", b'{\n"schema":"' + SCHEMA.encode() + b'",\n"title":' + b"[" * 99_999 + b"\n}\n")
    put("wordy", whole.replace(b'"n_trades":', b'"n_trades":"many",\n"x":'))
    put("endless", whole.replace(b'"n_trades":', b'"n_trades":1e999,"x":'))
    put("listed", whole.replace(b'"headline":"hybrid"', b'"headline":"another"'))
    (reports / "folder").mkdir()
    (reports / "folder" / "results.json").mkdir()
    (reports / "pipe").mkdir()
    os.mkfifo(reports / "pipe" / "results.json")
    return {
        "nothing": "no results.json",
        "page-only": "no results.json",
        "void": "empty",
        "cut": "cut short",
        "prose": "cut short or was not written by Assay",
        "pretty": "cut short or was not written by Assay",
        "older": "assay.results/0",
        "foreign": "somebody.else/7",
        "nameless": "missing",
        "unjudged": "lacks verdict",
        "torn": "settings in results.json is damaged",
        "deep": "title in results.json is damaged",
        "wordy": "metrics in results.json is damaged",
        "endless": "not as a run leaves it",
        "listed": "'another' is missing",
        "folder": "is no file",
        "pipe": "is no file",
    }


def test_what_is_no_run_is_named_with_the_reason(assay, place: Path) -> None:
    blamed = damage(place / "reports")
    (place / "reports" / ".unfinished-x").mkdir()
    (place / "reports" / "note.txt").write_text("by hand")
    answer = assay("runs", "--json").json
    told = {item["name"]: item["reason"] for item in answer["unreadable"]}

    assert {row["name"] for row in answer["runs"]} == {"first", "tight", "euro", "flat"}
    assert set(told) == set(blamed)
    for name, words in blamed.items():
        assert words in told[name], (name, told[name])
    shown = assay("runs").out
    assert "Unreadable: older: its schema is 'assay.results/0'" in shown


def test_a_stress_test_and_an_ablation_are_no_runs_and_not_unreadable(assay, place: Path) -> None:
    reports = place / "reports"
    for name, file in (("bent", STRESS_FILE), ("hard", STRESS_FILE), ("less", ABLATION_FILE)):
        (reports / name).mkdir()
        for written in (file, "meta.json"):
            (reports / name / written).write_text("{}")
    (reports / "first" / STRESS_FILE).write_text("{}")
    answer = assay("runs", "--json").json

    assert answer["unreadable"] == []
    assert answer["others"] == [
        {"name": "bent", "kind": "stress"},
        {"name": "hard", "kind": "stress"},
        {"name": "less", "kind": "ablate"},
    ]
    assert {row["name"] for row in answer["runs"]} == {"first", "tight", "euro", "flat"}
    assert "Beside them, and no runs: 2 stress tests and 1 ablation." in assay("runs").out
    assert "Unreadable" not in assay("runs", "--html").out
    page = (reports / "runs.html").read_text()
    assert "unreadable" not in page
    assert '<a href="./bent/stress.html">bent</a></th><td>stress test<' in page
    assert '<a href="./less/ablation.html">less</a></th><td>ablation<' in page
    listed = assay("report", "--list", "--json").json["reports"]
    assert set(listed) == {"first", "tight", "euro", "flat"}
    assert "Did you mean" not in assay("compare", "first", "lesss").err


def test_a_run_without_its_page_is_still_a_run(assay, place: Path) -> None:
    for name in ("report.html", "trades.csv", "meta.json"):
        (place / "reports" / "first" / name).unlink()
    os.utime(place / "reports" / "first" / "results.json", (0, 86_400))
    row = next(row for row in assay("runs", "--json").json["runs"] if row["name"] == "first")

    assert row["missing"] == ["report.html", "trades.csv", "meta.json"]
    assert (row["at"], row["kind"]) == ("1970-01-02T00:00:00Z", "")


@pytest.mark.parametrize("meta", ["{", "[]", '{"at": 7, "repeat": "x"}', '{"repeat": [3]}', ""])
def test_circumstances_that_are_damaged_spoil_no_figure(assay, place: Path, meta: str) -> None:
    (place / "reports" / "first" / "meta.json").write_text(meta)
    row = next(row for row in assay("runs", "--json").json["runs"] if row["name"] == "first")

    assert row["kind"] == ""
    assert row["n_trades"] > 0


def test_of_many_unreadable_folders_a_person_sees_the_first(assay, place: Path) -> None:
    for i in range(25):
        (place / "reports" / f"nothing-{i:02d}").mkdir()

    assert "Unreadable: 5 more; --json lists them all." in assay("runs").out
    assert len(assay("runs", "--json").json["unreadable"]) == 25


def test_a_page_that_cannot_be_written_is_a_fault_with_a_remedy(assay, gold: Path) -> None:
    shutil.rmtree(gold / "reports")
    (gold / "reports").write_text("no folder")
    answer = assay("runs", "--html")

    assert answer.status == 3
    assert "permissions" in answer.err


def test_no_runs_are_no_fault(assay, gold: Path) -> None:
    answer = assay("runs", "--json")

    assert (answer.json["runs"], answer.json["total"]) == ([], 0)
    shutil.rmtree(gold / "reports")
    assert assay("runs", "--html").status == 0
    assert "No run is shown" in (gold / "reports" / "runs.html").read_text()


def test_the_page_shows_the_table_and_runs_nothing(assay, place: Path) -> None:
    nasty = place / "reports" / "<img src=x onerror=alert(1)>\x1b[2J"
    shutil.copytree(place / "reports" / "first", nasty)
    (place / "reports" / "<script>").mkdir()
    answer = assay("runs", "--html", "--json", "--kind", "run").json
    page = Path(answer["page"]).read_text()

    assert Path(answer["page"]) == place / "reports" / "runs.html"
    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert 'href="./tight/report.html"' in page
    assert "exits.stop_atr=6" in page
    assert "4 of 5 runs" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "\x1b" not in assay("runs").out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep names readable")
def test_a_name_that_is_no_text_is_shown_and_written_all_the_same(assay, place: Path) -> None:
    reports = os.fsencode(place / "reports")
    shutil.copytree(place / "reports" / "first", os.fsdecode(reports + b"/bad\xff"))
    Path(os.fsdecode(reports + b"/worse\xfe")).mkdir()
    answer = assay("runs", "--html")

    assert answer.status == 0, answer.err
    assert "bad�" in answer.out
    assert "worse�" in (place / "reports" / "runs.html").read_text()
    refused = assay("compare", "first", os.fsdecode(b"bad\xff"))
    assert refused.status == 2
    assert "printable" in refused.err


def test_a_thousand_runs_are_listed_in_two_seconds(assay, place: Path) -> None:
    """Only what the table shows is read: the strategies of a real run take megabytes."""
    whole = (place / "reports" / "first" / "results.json").read_bytes()
    begin = whole.index(b'\n"strategies":')
    large = whole.replace(b'"trades":{', b'"padding":"' + b"7" * 2_000_000 + b'","trades":{', 1)
    assert large.index(b'\n"strategies":') == begin
    source = place / "reports" / "first" / "results.json"
    source.write_bytes(large)
    meta = place / "reports" / "first" / "meta.json"
    for i in range(1_000):
        folder = place / "reports" / f"run-{i:04d}"
        folder.mkdir()
        os.link(source, folder / "results.json")
        os.link(meta, folder / "meta.json")
    began_s = time.process_time()  # not of the clock: other tests run beside this one
    answer = assay("runs", "--json", "--sort", "sharpe")
    took_s = time.process_time() - began_s

    assert answer.json["total"] == 1_004
    assert took_s < 2.0


def test_the_long_line_is_read_whole_when_it_is_asked_for(stock: Path) -> None:
    path = stock / "first" / "results.json"
    content = json.loads(path.read_text())

    assert read_keys(path, ["strategies"])["strategies"] == content["strategies"]
    assert read_keys(path, ["warnings", "folds", "nothing"]) == {
        "warnings": content["warnings"],
        "folds": content["folds"],
        "schema": SCHEMA,
    }


def test_the_schema_that_is_written_can_be_read() -> None:
    assert SCHEMA in SCHEMAS


def test_a_key_that_later_versions_add_hides_nothing(stock: Path, tmp_path: Path) -> None:
    text = (stock / "first" / "results.json").read_text()
    for key in ("aaa", "stress", "zzz"):
        lines = [*text[2:-3].split(",\n"), f'"{key}":{{"strategies":1}}']
        added = sorted(lines, key=lambda line: line.split('":')[0])
        (tmp_path / "results.json").write_text("{\n" + ",\n".join(added) + "\n}\n")

        assert read_run(tmp_path).n_trades == read_run(stock / "first").n_trades
        assert set(read_keys(tmp_path / "results.json", ["strategies"])["strategies"]) == {
            "hybrid",
            "ai",
        }


def test_a_run_of_one_empty_strategy_has_no_span(tmp_path: Path) -> None:
    stored(tmp_path / "r", made_up({"hybrid": np.zeros(0)}))

    assert read_run(tmp_path / "r").first_day == ""


def test_a_folder_that_may_not_be_read_says_so(tmp_path: Path, stock: Path) -> None:
    copy = tmp_path / "first"
    shutil.copytree(stock / "first", copy)
    (copy / "results.json").unlink()
    (copy / "results.json").symlink_to(copy / "results.json")

    with pytest.raises(UnreadableRunError, match="cannot be read"):
        read_run(copy)
