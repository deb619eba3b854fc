"""The report: the same bytes, no request, no injected markup, and nothing left unsaid."""

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import hourly_times, made_up_run

from assay.data.disk import Disk
from assay.domain.errors import DataError
from assay.research.report import write_report
from assay.research.report.page import page_of
from assay.research.report.records import results_text, trades_text
from assay.research.report.scale import Scale, growth_ticks, ticks, year_ticks
from assay.research.report.sections import calibration_section
from assay.research.report.svg import thinned
from assay.research.run_result import RunResult

HOSTILE = '<script>alert("1")</script>\'"&{{ 7*7 }}'


@pytest.fixture(scope="module")
def run() -> RunResult:
    return made_up_run(n=14_000, n_trades=500)


@pytest.fixture(scope="module")
def page(run: RunResult) -> str:
    return page_of(run)


class Outline(HTMLParser):
    """Collects tags, attributes and text, and checks that what opens closes."""

    VOID = frozenset({"meta", "line", "rect", "circle", "path", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    assert not parser.open
    return parser


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    one = write_report(made_up_run(n=8_000, n_trades=200), tmp_path / "one")
    other = replace(made_up_run(n=8_000, n_trades=200), meta={"at": "another time"})
    two = write_report(other, tmp_path / "two")
    for name in ("html", "json", "trades"):
        assert getattr(one, name).read_bytes() == getattr(two, name).read_bytes(), name
    assert one.meta.read_bytes() != two.meta.read_bytes()


def test_the_number_of_workers_and_the_command_are_not_in_the_results(run: RunResult) -> None:
    settings = {**run.settings, "run": {**run.settings["run"], "workers": 4}}
    other = replace(run, settings=settings, repeat=("assay run --set run.workers=4",))
    assert results_text(other) == results_text(run)


BESIDE = {"verdict.html", "optimisation.html"}
"""Files of the same folder that the page may link."""


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    found = outline(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(found.tags)
    for name, value in found.attributes:
        assert not name.startswith("on")
        if name in ("href", "src"):
            assert value is not None
            assert value.startswith("#") or value in BESIDE
    assert not re.search(r"https?://|url\(|@import|//[a-z]", page)


def test_every_link_of_the_page_leads_to_a_section(page: str) -> None:
    found = outline(page)
    targets = {value for name, value in found.attributes if name == "id"}
    links = {str(value) for name, value in found.attributes if name == "href"}
    assert {link[1:] for link in links - BESIDE} <= targets
    assert links & BESIDE == {"verdict.html"}  # no settings were searched


def test_hostile_names_and_settings_stay_text(run: RunResult) -> None:
    hostile = replace(
        run,
        title=HOSTILE,
        warnings=(HOSTILE,),
        assumptions=(HOSTILE,),
        settings={**run.settings, HOSTILE: HOSTILE},
        hashes={HOSTILE: HOSTILE},
        quality=((HOSTILE, HOSTILE),),
        features=(replace(run.features[0], name=HOSTILE),),
        strategies=(
            *(replace(item, symbols=(HOSTILE,)) for item in run.strategies[:-1]),
            replace(run.strategies[-1], name=HOSTILE, symbols=(HOSTILE,)),
        ),
        metrics={**run.metrics, HOSTILE: run.metrics["random"]},
    )
    text = page_of(hostile)
    found = outline(text)
    assert "script" not in found.tags
    assert HOSTILE in "".join(found.text)
    assert '<script>alert("1")' not in text


def test_a_symbol_that_is_a_formula_is_defused_in_the_spreadsheet(run: RunResult) -> None:
    bad = replace(run, strategies=(replace(run.strategies[0], symbols=("=1+1",)),))
    rows = list(csv.DictReader(io.StringIO(trades_text(bad))))
    assert {row["symbol"] for row in rows} == {"'=1+1"}


def test_the_results_hold_every_trade_and_every_metric(run: RunResult) -> None:
    results = json.loads(results_text(run))
    for strategy in run.strategies:
        stored = results["strategies"][strategy.name]
        assert len(stored["trades"]["net"]) == len(strategy.trades)
        assert sum(stored["trades"]["net"]) == pytest.approx(strategy.trades["net"].sum())
        assert stored["daily"]["equity"][-1] == pytest.approx(strategy.equity[-1])
        assert set(results["metrics"][strategy.name]["sharpe"]) == {"value", "low", "high"}
    assert results["verdict"]["outcome"] in ("edge", "no edge", "not enough data")
    assert results["verdict"]["numbers"]["trials"] == 3
    assert results["schema"] == "assay.results/1"
    assert "workers" not in results["settings"]["run"]


def test_the_results_are_strict_json_with_unknown_numbers_as_null(run: RunResult) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    results = json.loads(results_text(run), parse_constant=refuse)
    assert results["metrics"]["buy_and_hold"]["win_rate"]["low"] is None


def test_the_spreadsheet_holds_every_trade_of_every_strategy(run: RunResult) -> None:
    rows = list(csv.DictReader(io.StringIO(trades_text(run))))
    assert len(rows) == sum(len(item.trades) for item in run.strategies)
    assert rows[0]["side"] in ("long", "short")
    assert rows[0]["entry"].endswith("Z")


def test_a_long_list_of_trades_is_cut_and_says_so(monkeypatch, run: RunResult) -> None:
    monkeypatch.setattr("assay.research.report.sections.TRADES_SHOWN_MAX", 100)
    text = page_of(run)
    assert "The first 100 are shown here; all 500 are in trades.csv" in text
    assert text.count("<tr><td>20") < 200


def test_the_verdict_stands_above_everything_else(page: str, run: RunResult) -> None:
    words = " ".join("".join(outline(page).text).split())
    assert words.index(run.verdict.headline) < words.index("Side by side")
    for reason in run.verdict.reasons:
        assert reason in words
    for key in ("risk.kelly_multiplier", "costs.spread_multiple", "a1" * 32, "Seed: run"):
        assert key in words


def test_a_run_that_never_traded_still_has_a_report(run: RunResult, tmp_path: Path) -> None:
    from test_verdict import CLEAN, SETTINGS, evidence

    from assay.research.metrics import measure
    from assay.research.verdict.judge import judge

    first = run.strategies[0]
    idle = replace(
        first,
        trades=first.trades[:0],
        equity=np.full(len(first.equity), 100_000.0),
        balance=np.full(len(first.equity), 100_000.0),
        refusals={},
        spread_cost=0.0,
        slippage_cost=0.0,
    )
    bare = replace(
        run,
        strategies=(idle,),
        metrics={"hybrid": measure(idle, samples=100)},
        verdict=judge(idle, evidence(1), {}, None, SETTINGS, leaks=CLEAN),
        forecasts=None,
        features=(),
        models=(),
        folds=(),
        regimes=None,
        random_sharpes=None,
        settings={},
        warnings=(),
    )
    paths = write_report(bare, tmp_path)
    text = paths.html.read_text(encoding="utf-8")
    outline(text)
    assert "It closed no trade." in text
    assert "nan" not in "".join(outline(text).text).lower().replace("finance", "")


class FullDisk(Disk):
    def write_block(self, descriptor: int, block: memoryview) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_said_and_leaves_no_half_file(run: RunResult, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No space left"):
        write_report(run, tmp_path, disk=FullDisk())
    assert not list(tmp_path.iterdir())


def test_importing_research_loads_no_plotting_and_no_templates() -> None:
    code = (
        "import sys, assay.research, assay.research.report\n"
        "heavy = {'matplotlib', 'jinja2', 'sklearn', 'scipy.stats', 'pandas'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_ticks_are_round_few_and_inside(low: float, span: float, n_about: int) -> None:
    found = ticks(low, low + span, n_about)
    assert 1 <= len(found) <= 2 * n_about + 2
    assert all(low - 1e-6 * span <= value <= low + 1.000001 * span for value in found)


@given(st.floats(0.05, 1.0), st.floats(1.01, 500.0))
def test_growth_ticks_are_inside_and_few(low: float, high: float) -> None:
    found = growth_ticks(low, high)
    assert len(found) <= 8
    assert all(low <= value <= high for value in found)


def test_year_ticks_fit_a_decade_and_a_month() -> None:
    time = hourly_times(60_000)
    years = year_ticks(int(time[0]), int(time[-1]))
    assert 4 <= len(years) <= 11
    assert years[0][1] == "2011"
    months = year_ticks(int(time[0]), int(time[4_000]))
    assert months[0][1] == "Feb 2010"


def test_a_thinned_line_keeps_its_ends_and_its_extremes() -> None:
    values = np.random.default_rng(0).standard_normal(10_000).cumsum()
    kept = thinned(values, 500)
    assert len(kept) <= 502
    assert {0, 9_999, int(values.argmax()), int(values.argmin())} <= set(kept.tolist())


def test_a_logarithmic_scale_gives_equal_room_to_equal_factors() -> None:
    scale = Scale(1.0, 100.0, 0.0, 200.0, is_log=True)
    assert scale(10.0) == pytest.approx(100.0)
    np.testing.assert_allclose(scale.places(np.array([1.0, 10.0, 100.0])), [0.0, 100.0, 200.0])


def test_the_calibration_error_stands_beside_its_interval(run: RunResult, page: str) -> None:
    assert run.forecasts is not None
    section = calibration_section(run.forecasts, confidence=0.95, seed=7)
    assert section is not None
    for value, (low, high) in (
        (section.figures.ece, section.ece),
        (section.figures.ece_mass, section.ece_mass),
    ):
        assert 0.0 <= low <= value <= high <= 1.0 and high > 0.0
    shown = re.search(r"95% interval (\S+)% to (\S+)%; (\S+)% with bins of equal mass", page)
    assert shown is not None
    expected = (*section.ece, section.figures.ece_mass)
    assert [float(x) for x in shown.groups()] == [round(100 * x, 2) for x in expected]
    assert section.ece[0] == 0.0 and "luck alone explains it" in page

    lying = replace(run.forecasts, p=np.clip(run.forecasts.p + 0.3, 0.0, 1.0))
    found = calibration_section(lying, confidence=0.95, seed=7)
    assert found is not None and found.ece[0] > 0.1 and found.ece_mass[0] > 0.1
    assert "luck alone explains it" not in page_of(replace(run, forecasts=lying))
