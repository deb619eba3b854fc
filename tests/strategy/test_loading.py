"""What a strategy.py may say, and what is said about one that may not."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed
from strategy_worlds import COLUMNS, tipped

from assay.domain.errors import ConfigError, StrategyError
from assay.features.catalogue import all_features
from assay.strategy import Bars, Strategy, load_strategy
from assay.strategy.loading import COLUMNS_MAX, SOURCE_BYTES_MAX, strategy_from

BARS = tipped(200)


def test_columns_come_in_the_order_of_the_file_with_their_lines(load) -> None:
    strategy = load(COLUMNS)
    assert strategy.feature_names == ("tip", "rise_h4")
    assert strategy.signal_names == ("tip_vote",)
    assert [column.name for column in strategy.columns] == ["tip", "rise_h4", "tip_vote"]
    assert [column.warm_up for column in strategy.columns] == [20, 24, 20]
    lines = strategy.source.decode().splitlines()
    for column in strategy.columns:
        assert lines[column.line - 1] == f"@{column.kind}(warm_up={column.warm_up})"
        assert column.path == strategy.path
    assert (
        strategy.features[0].meaning
        == "Upper less lower wick, mean of 20 bars, in thousandths of the price."
    )
    assert strategy.features[1].meaning == ""


def test_the_hash_is_that_of_the_bytes_that_ran(load) -> None:
    strategy = load(COLUMNS)
    assert strategy.source == strategy.path.read_bytes()
    assert strategy.source_hash == hashlib.sha256(strategy.source).hexdigest()
    assert load(COLUMNS + "\n").source_hash != strategy.source_hash


def test_nothing_is_written_beside_the_file_and_no_bytecode_is_read(load, tmp_path: Path) -> None:
    first = load("@feature(warm_up=0)\ndef one(bars):\n    return bars.close\n")
    second = load("@feature(warm_up=0)\ndef two(bars):\n    return bars.close\n")
    assert (first.feature_names, second.feature_names) == (("one",), ("two",))
    assert [path.name for path in tmp_path.iterdir()] == ["strategy.py"]
    assert "strategy" not in sys.modules


def test_dataclasses_and_future_annotations_work(load) -> None:
    strategy = load(
        """
        @dataclass
        class Span:
            bars: int

        @feature(warm_up=Span(3).bars)
        def late(bars: Bars) -> np.ndarray:
            return bars.close
        """,
        head="from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "import numpy as np\nfrom assay.strategy import Bars, feature\n",
    )
    assert strategy.features[0].warm_up == 3


def test_columns_can_be_made_in_a_loop(load) -> None:
    strategy = load(
        """
        for n in (10, 20):
            feature(warm_up=n, name=f"gap_over_{n}")(lambda bars, n=n: bars.close - n)
        """
    )
    assert strategy.feature_names == ("gap_over_10", "gap_over_20")
    bars = tipped(30)
    np.testing.assert_array_equal(strategy.features[1].compute(bars)[20:], bars.close[20:] - 20)


BROKEN = {
    "no Python": ("def squeeze(bars:\n", "line 3: the file must run", "SyntaxError"),
    "no such package": ("import teacup_dreams\n", "line 3", "ModuleNotFoundError"),
    "an error at the top": ("x = 1\ny = x / 0\n", "line 4", "ZeroDivisionError"),
    "an exit": ("raise SystemExit(3)\n", "line 3", "SystemExit: 3"),
    "no column": ("x = 1\n", "must declare at least one", "declares 0"),
    "no warm-up": ("@feature()\ndef a(bars): ...\n", "line 3: feature", "was missing"),
    "no parentheses": ("@signal\ndef abc(bars): ...\n", "line 3: signal abc", "was missing"),
    "a negative warm-up": ("@feature(warm_up=-1)\ndef a(bars): ...\n", "line 3", "was -1"),
    "a fraction": ("@feature(warm_up=1.5)\ndef a(bars): ...\n", "line 3", "was 1.5"),
    "a truth": ("@feature(warm_up=True)\ndef a(bars): ...\n", "line 3", "was True"),
    "a huge warm-up": ("@feature(warm_up=50_001)\ndef a(bars): ...\n", "50,000", "50001"),
    "a name twice": (
        "@feature(warm_up=1)\ndef a(bars): ...\n@signal(warm_up=1)\ndef a(bars): ...\n",
        "line 3: feature a must have a name of its own",
        "lines 3, 5",
    ),
    "a name of the catalogue": (
        "@feature(warm_up=1)\ndef rsi_14(bars): ...\n",
        "that the catalogue has not",
        "my_rsi_14",
    ),
    "a stem of the catalogue": (
        "@feature(warm_up=1)\ndef donchian_upper(bars): ...\n",
        "that the catalogue has not",
        "line 3",
    ),
    "a name of an indicator's vote": (
        "@signal(warm_up=1)\ndef trend_frames(bars): ...\n",
        "that the catalogue has not",
        "line 3",
    ),
    "a name with capitals": ("@feature(warm_up=1)\ndef Abc(bars): ...\n", "small letters", "Abc"),
    "no name": ("feature(warm_up=1)(lambda bars: 1)\n", "small letters", "<lambda>"),
    "a name with an at sign": (
        "feature(warm_up=1, name='a@H4')(lambda bars: 1)\n",
        "small letters",
        "a@H4",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_file_is_refused_by_line(name: str, load, tmp_path: Path) -> None:
    text, *told = BROKEN[name]
    with pytest.raises(StrategyError) as caught:
        load(text)
    for part in ("strategy.py", *told):
        assert part in f"{caught.value}"
    assert caught.value.facts["file"] == str(tmp_path / "strategy.py")
    assert isinstance(caught.value, ConfigError)
    assert caught.value.exit_status == 2


def test_a_file_that_fails_leaves_no_module_behind(load) -> None:
    before = set(sys.modules)
    with pytest.raises(StrategyError):
        load("1 / 0\n")
    assert set(sys.modules) == before


def test_every_name_of_the_catalogue_is_taken(load) -> None:
    for name in all_features():
        with pytest.raises(StrategyError, match="catalogue"):
            load(f"feature(warm_up=1, name={name!r})(len)\n")


def test_a_linked_file_keeps_its_name_and_has_no_neighbours_at_either_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "first_try.py").write_text(
        "from assay.strategy import feature\n@feature(warm_up=0)\ndef one(bars):\n"
        "    return bars.close\n"
    )
    link = tmp_path / "strategy.py"
    link.symlink_to(shelf / "first_try.py")
    assert load_strategy(link).path == link
    (shelf / "book_on_shelf.py").write_text("x = 1\n")
    (shelf / "first_try.py").write_text("import book_on_shelf\n")
    monkeypatch.syspath_prepend(shelf)
    try:
        with pytest.raises(StrategyError, match=r"strategy\.py must be one file"):
            load_strategy(link)
    finally:
        sys.modules.pop("book_on_shelf", None)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "strategy.py"
    path.write_bytes(b"x = '\xff\xfe'\n")
    with pytest.raises(StrategyError, match="must run without an error"):
        load_strategy(path)


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="must be readable"):
        load_strategy(tmp_path / "strategy.py")
    path = tmp_path / "strategy.py"
    path.write_bytes(b"#" * (SOURCE_BYTES_MAX + 1))
    with pytest.raises(StrategyError, match="1,000,000 bytes"):
        load_strategy(path)


def test_too_many_columns_are_refused(load) -> None:
    with pytest.raises(StrategyError, match="1,001"):
        load(
            f"for i in range({COLUMNS_MAX + 1}):\n"
            "    feature(warm_up=1, name=f'a_{i}')(lambda bars: bars.close)\n"
        )


@pytest.mark.parametrize("kind", ["file", "package", "folder"])
def test_a_file_beside_it_is_no_part_of_it(
    kind: str, write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash would not know what that file says; with its folder on the path it is refused."""
    name = f"neighbour_of_{kind}"
    if kind == "file":
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    else:
        (tmp_path / name).mkdir()
    if kind == "package":
        (tmp_path / name / "__init__.py").write_text("x = 1\n")
    path = write(f"import {name}\n")
    with pytest.raises(StrategyError, match="ModuleNotFoundError"):
        load_strategy(path)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with pytest.raises(StrategyError, match="must be one file"):
            load_strategy(path)
    finally:
        sys.modules.pop(name, None)


def test_installed_packages_and_built_in_modules_are_importable(load) -> None:
    for name in ("_lsprof", "wave"):
        sys.modules.pop(name, None)
    strategy = load(
        "import _lsprof, wave\n@feature(warm_up=0)\ndef one(bars):\n    return bars.close\n"
    )
    assert {"_lsprof", "wave"} <= set(sys.modules)
    assert strategy.feature_names == ("one",)


def test_a_column_of_another_file_is_refused(
    tmp_path: Path, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "shop_of_columns.py").write_text(
        "from assay.strategy import feature\n@feature(warm_up=1)\ndef bought(bars): ...\n"
    )
    monkeypatch.syspath_prepend(packages)
    try:
        with pytest.raises(StrategyError, match=r"bought must be declared in strategy\.py"):
            load_strategy(write("from shop_of_columns import bought\n"))
    finally:
        sys.modules.pop("shop_of_columns", None)


def test_what_the_file_prints_is_no_output_of_the_command(
    load, capsys: pytest.CaptureFixture[str]
) -> None:
    strategy = load(
        """
        print("loading")

        @feature(warm_up=0)
        def loud(bars):
            print("computing")
            return bars.close
        """
    )
    strategy.features[0].compute(tipped(5))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "loading\ncomputing\n"


def test_the_same_bytes_run_again_though_the_file_has_changed(load) -> None:
    strategy = load("calls = []\n" + COLUMNS)
    strategy.path.write_text("nonsense(")
    again = strategy_from(strategy.path, strategy.source)
    assert again.source_hash == strategy.source_hash
    assert again.feature_names == strategy.feature_names
    memory = [s.features[0].function.__globals__["calls"] for s in (strategy, again)]
    assert memory[0] is not memory[1], "nothing that one remembers reaches the other"


def test_a_strategy_travels_to_other_processes_as_its_source(load) -> None:
    strategy = load(COLUMNS).reading(["rise_h4"])
    expected = strategy.features_of(BARS), strategy.votes_of(BARS)
    strategy.path.unlink()
    jobs = [delayed(columns_of)(strategy, BARS) for _ in range(2)]
    for names, features, votes in Parallel(n_jobs=2)(jobs):
        assert names == ("rise_h4", "tip_vote")
        np.testing.assert_array_equal(features, expected[0])
        np.testing.assert_array_equal(votes, expected[1])


def columns_of(strategy: Strategy, bars: Bars) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    names = tuple(column.name for column in strategy.columns)
    return names, strategy.features_of(bars), strategy.votes_of(bars)


def test_a_strategy_can_read_fewer_features(load) -> None:
    strategy = load(COLUMNS)
    fewer = strategy.reading(["drift_8", "rise_h4"])
    assert isinstance(fewer, Strategy)
    assert fewer.feature_names == ("rise_h4",)
    assert fewer.signal_names == ("tip_vote",)
    assert fewer.source_hash == strategy.source_hash
    bars = tipped(40)
    assert fewer.features_of(bars).shape == (40, 1)
    assert fewer.votes_of(bars).shape == (40, 1)
