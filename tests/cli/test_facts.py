"""A broker's facts through the command line: imported, listed, shown, followed by a backtest."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest


def beside(folder: str, name: str):
    """Return the module *name* of another folder of tests."""
    path = Path(__file__).resolve().parents[1] / folder / f"{name}.py"
    spec = spec_from_file_location(f"{folder}_{name}", path)
    assert spec and spec.loader
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


files = beside("data", "facts_files")
GOLD_INFO, WINDOW, exported, saved = files.GOLD_INFO, files.WINDOW, files.exported, files.saved
QUICK = ("--set", "evaluation.bootstrap_samples=100", "--set", "run.workers=1")


def test_import_list_and_show(assay, gold: Path, tmp_path: Path) -> None:
    window = saved(tmp_path)
    first = assay("data", "facts", "import", window, "--valid-from", "2024-05-01", "--timezone",
                  "NY+7", "--fact", "commission_per_lot=2.50", "--json")  # fmt: skip
    assert (first.status, first.json["symbols"][0]["outcome"]) == (0, "added")
    later = exported(tmp_path, {**GOLD_INFO, "swap_long": -50.0})
    second = assay(
        "data", "facts", "import", later, "--valid-from", "2024-06-01", "--timezone", "NY+7"
    )
    assert second.status == 0
    assert "swap_long -38.2 → -50.0" in " ".join(second.out.split())
    assert "commission_per_lot 2.50" in second.out

    listed = assay("data", "facts", "list", "--json").json["versions"]
    assert [one["valid_from"][:10] for one in listed] == ["2024-05-01", "2024-06-01"]
    assert listed[0]["source"] == window.name
    assert "-38.2 / 15.6 points" in assay("data", "facts", "list").out

    shown = assay("data", "facts", "show", "XAUUSD", "--json").json
    assert shown["facts"]["swap_long"] == "-50.0"
    early = assay("data", "facts", "show", "XAUUSD", "--at", "2024-05-20", "--json").json
    assert early["facts"]["swap_long"] == "-38.2"
    mine = ("--set", "instruments.XAUUSD.swap_long=-1")
    over = assay("data", "facts", "show", "XAUUSD", "--at", "2024-05-20", *mine)
    assert "overrides swap_long" in over.out
    assert assay("config", "show", "--json").json["instruments"]["XAUUSD"]["swap_long"] == "-50.0"


def test_the_doctor_reads_every_version(assay, gold: Path, tmp_path: Path) -> None:
    def finding() -> dict[str, str]:
        found = assay("doctor", "--json").json["findings"]
        return next(one for one in found if one["check"] == "broker facts")

    assert "none imported" in finding()["detail"]
    words = ("--valid-from", "2024-05-01", "--timezone", "NY+7")
    assert assay("data", "facts", "import", saved(tmp_path), *words).status == 0
    assert finding()["detail"] == "XAUUSD: 1 versions"
    path = gold / "data" / "_facts" / "XAUUSD.json"
    path.write_text(path.read_text().replace("-38.2", "-3.82"))
    assert finding()["state"] == "fault"


def test_a_dry_run_stores_nothing(assay, gold: Path, tmp_path: Path) -> None:
    done = assay("data", "facts", "import", saved(tmp_path), "--valid-from", "2024-05-01",
                 "--timezone", "NY+7", "--dry-run")  # fmt: skip

    assert done.status == 0
    assert "not stored" in done.out
    assert "No facts yet" in assay("data", "facts", "list").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--valid-from", "2024-05-01"), "--timezone NY+7"),
        (("--timezone", "NY+7"), "--valid-from 2024-05-01"),
        (("--fact", "commission"), "NAME=VALUE"),
        (("--valid-from", "2024-05-01", "--timezone", "Mars"), "Time zone must be"),
    ],
)
def test_a_refusal_says_what_to_add(assay, gold: Path, tmp_path: Path, words, says: str) -> None:
    answer = assay("data", "facts", "import", saved(tmp_path), *words)

    assert answer.status not in (0, 1)
    assert says in answer.err


def test_a_broker_s_own_name_needs_no_table_once_its_facts_are_known(
    assay, gold: Path, tmp_path: Path
) -> None:
    text = WINDOW.replace("XAUUSD", "XAUUSD.raw")
    words = ("--set", "market.symbols=XAUUSD.raw")
    assert assay("config", "show", *words).status != 0
    done = assay("data", "facts", "import", saved(tmp_path, text), "--valid-from", "2024-05-01",
                 "--timezone", "NY+7", "--fact", "base=XAU")  # fmt: skip
    assert done.status == 0, done.err
    assert assay("config", "show", *words).status == 0


def test_a_backtest_names_the_versions_that_it_followed(assay, gold: Path, tmp_path: Path) -> None:
    assert assay("data", "simulate", "--years", "0.6").status == 0
    dates = {"2010-03-01": -10, "2010-05-15": -90, "2090-01-01": -5}
    for day, swap in dates.items():
        path = exported(tmp_path, {**GOLD_INFO, "swap_long": swap})
        done = assay("data", "facts", "import", path, "--valid-from", day, "--timezone", "NY+7")
        assert done.status == 0, done.err
    words = ("--set", "market.timeframe=H4", *QUICK)
    answer = assay("backtest", *words, "--json")
    assert answer.status == 0, answer.err

    text = next((gold / "reports").rglob("report.html")).read_text()
    assert "XAUUSD from 2010-03-01 00:00 UTC" in text
    assert "swap -10 (long)" in text
    assert "swap -90 (long)" in text
    assert "swap -5 (long)" not in text, "no bar is as late as that"
    assert "the facts of 2010-03-01 are used before that date" in text

    other = assay("backtest", *words, "--set", "instruments.XAUUSD.swap_long=-1", "--json")
    assert other.json["hashes"]["facts"] != answer.json["hashes"]["facts"]
    assert other.json["hashes"]["data"] == answer.json["hashes"]["data"]
