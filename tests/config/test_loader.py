"""Settings: valid ones load, and every fault is named with its place."""

import math
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.loader import FILE_BYTES_MAX, known_keys, load_settings
from assay.config.settings import Settings
from assay.config.template import render_template, sections
from assay.domain.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "assay.toml"
    path.write_text(text, encoding="utf-8")
    return path


def fault_of(folder: Path, text: str, *overrides: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(written(folder, text), overrides)
    return caught.value


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "")) == Settings()


def test_the_template_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, render_template())) == Settings()


def test_the_template_with_every_key_uncommented_means_the_defaults(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (\w+ = [^\s#])", r"\1", render_template().split("# [instruments")[0])
    loaded = load_settings(written(tmp_path, text))

    assert loaded == Settings()
    assert len(tomllib.loads(text)) == len(list(sections()))


@pytest.mark.parametrize("key", known_keys())
def test_the_template_shows_every_key_in_its_section(key: str) -> None:
    section, name = key.split(".")
    part = render_template().split(f"\n[{section}]")[1].split("\n[")[0]

    assert re.search(rf"(?m)^# {name} =", part)


def test_what_the_template_sets_is_in_force(tmp_path: Path) -> None:
    active = {"market": {"symbols": ("EURUSD", "XAUUSD"), "timeframe": "M15"}, "run": {"seed": 3}}
    loaded = load_settings(written(tmp_path, render_template(active)))

    assert loaded.market.symbols == ("EURUSD", "XAUUSD")
    assert loaded.market.timeframe == "M15"
    assert loaded.run.seed == 3


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("[risk]\nkely_multiplier = 0.1", 2, "risk.kely_multiplier", "risk.kelly_multiplier"),
        ("\n\n[rsk]\na = 1", 3, "rsk", "[risk]"),
        ("[risk]\nfolds = 3", 2, "risk.folds", "evaluation.folds"),
        ("[run]\nzzzzzz = 3", 2, "run.zzzzzz", "no known key"),
        ("[run]\n# seed\nseed = 'seven'", 3, "run.seed", "a whole number"),
        ("[run]\nseed = true", 2, "run.seed", "a whole number"),
        ("[run]\nseed = 1.5", 2, "run.seed", "a whole number"),
        ("[run]\nseed = -1", 2, "run.seed", "at least 0; was -1"),
        ("run = 3", 1, "run", "a table"),
        ("[risk]\nkelly_multiplier = 0.9", 2, "risk.kelly_multiplier", "at most 0.5; was 0.9"),
        ("[risk]\nvolatility_target = 0", 2, "risk.volatility_target", "more than 0"),
        ("[costs]\nspread_multiple = nan", 2, "costs.spread_multiple", "finite"),
        ("[costs]\nspread_multiple = inf", 2, "costs.spread_multiple", "finite"),
        ("[training]\npurge = false", 2, "training.purge", "true"),
        ("[training]\nalgorithms = ['magic']", 1, "training", "none of"),
        ("[fusion]\ntopology = 'star'", 2, "fusion.topology", "'parallel'"),
        ("[fusion]\nweight_ai = 0.9", 1, "fusion", "sum to 1"),
        ("[market]\nsymbols = 'XAUUSD'", 2, "market.symbols", "a list"),
        ("[market]\nsymbols = []", 2, "market.symbols", "valid"),
        ("[market]\nsymbols = [\n  'XAUUSD',\n  'XAUSD',\n]", 2, "market.symbols", "XAUUSD"),
        ("[market]\ntimeframe = 'H7'", 2, "market.timeframe", "M15"),
        ("[market]\nstart = '31.1.2015'", 2, "market.start", "2015-01-31"),
        ("[market]\nstart = 2016-01-01\nend = 2015-01-01", 3, "market.end", "after start"),
        ("[features]\ntimeframes = ['H4', 'D9']", 2, "features.timeframes[1]", "D1"),
        ("[exits]\ntargets = [{at_r = 1.0, fraction = 2.0}]", 2, "exits.targets[0].fraction", "1"),
        ("[[exits.targets]]\nat_r = 1.0", 1, "exits.targets[0].fraction", "must be set"),
        ("[instruments.XAUUSD]\ndigits = 2\nswop_long = 1", 3, "swop_long", "swap_long"),
        ("[instruments.XAUUSD]\ncontract_size = 0", 2, "contract_size", "contract_size"),
        ("[instruments]\nXAUUSD = 3", 2, "instruments.XAUUSD", "a table"),
    ],
)
def test_a_fault_is_named_with_line_key_and_rule(
    tmp_path: Path, text: str, line: int, key: str, said: str
) -> None:
    fault = fault_of(tmp_path, text)

    assert fault.facts["line"] == line
    assert key in str(fault.facts["key"])
    assert said in fault.message
    assert f"assay.toml:{line}: " in fault.message
    assert fault.remedy


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "[run]\nseed = -1\nsead = 1\n[risk]\nkelly_multiplier = 7")

    assert [entry["where"][-1] for entry in fault.facts["faults"]] == ["2", "3", "5"]


def test_text_that_is_no_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "[run]\nseed = = 3")

    assert "line 2, column 8" in fault.message


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_bytes("[run]\n# Größe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"assay\.toml:2 must be UTF-8 text; was byte 0xf6"):
        load_settings(path)


def test_a_byte_order_mark_and_foreign_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "assay.toml"
    path.write_bytes(b"\xef\xbb\xbf[run]\r\nseed = 3\r\n")

    assert load_settings(path).run.seed == 3


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="assay init"):
        load_settings(tmp_path / "assay.toml")


def test_a_folder_or_a_huge_file_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="readable file"):
        load_settings(tmp_path)
    with pytest.raises(ConfigError, match="at most 1,000,000 bytes"):
        load_settings(written(tmp_path, "#" * (FILE_BYTES_MAX + 1)))


def test_an_override_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[run]\nseed = 3\n[market]\nsymbols = ['XAUUSD']")
    loaded = load_settings(
        path,
        (
            "run.seed=4",
            "market.symbols=EURUSD, GBPUSD",
            "market.timeframe=M15",
            "training.algorithms=logistic",
            "risk.kelly_multiplier=0.5",
            "instruments.EURUSD.spread_points=9",
            "market.start=2015-01-31",
        ),
    )

    assert loaded.run.seed == 4
    assert loaded.market.symbols == ("EURUSD", "GBPUSD")
    assert loaded.market.timeframe == "M15"
    assert loaded.training.algorithms == ("logistic",)
    assert loaded.risk.kelly_multiplier == 0.5
    assert loaded.market.start == "2015-01-31"
    assert loaded.instruments["EURUSD"] == {"spread_points": 9}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("run.seed", "section.key=value"),
        ("seed=3", "section.key=value"),
        ("=3", "section.key=value"),
        ("run..seed=3", "section.key=value"),
        ("run.seed=", "whole number"),
        ("run.seed=x", "whole number"),
        ("run.sead=3", "run.seed"),
        ("run.seed.deeper=3", "run.seed"),
        ("instruments.XAUUSD.digitz=3", "digits"),
    ],
)
def test_a_faulty_override_is_named_as_it_was_written(
    tmp_path: Path, override: str, said: str
) -> None:
    fault = fault_of(tmp_path, "[run]\nseed = 3", override)

    assert said in fault.message
    assert override in fault.message


NUMBERS = [
    (f"{section}.{key}", bound.ge if hasattr(bound, "ge") else bound.gt, "below")
    for section, kind in sections()
    for key, field in kind.model_fields.items()
    for bound in field.metadata
    if hasattr(bound, "ge") or hasattr(bound, "gt")
] + [
    (f"{section}.{key}", bound.le if hasattr(bound, "le") else bound.lt, "above")
    for section, kind in sections()
    for key, field in kind.model_fields.items()
    for bound in field.metadata
    if hasattr(bound, "le") or hasattr(bound, "lt")
]


@pytest.mark.parametrize(("key", "bound", "side"), NUMBERS)
def test_no_number_passes_its_bound(tmp_path: Path, key: str, bound: float, side: str) -> None:
    section, name = key.split(".")
    beyond = bound - 1 if side == "below" else bound + 1
    fault = fault_of(tmp_path, f"[{section}]\n{name} = {beyond}")

    assert fault.facts["key"] == key
    assert fault.facts["line"] == 2


@pytest.mark.parametrize("key", known_keys())
def test_a_date_is_no_valid_setting_but_for_dates(tmp_path: Path, key: str) -> None:
    if key in {"market.start", "market.end"}:
        return
    section, name = key.split(".")
    fault = fault_of(tmp_path, f"[{section}]\n\n{name} = 1979-05-27")

    assert fault.facts["line"] == 3


@given(key=st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12))
def test_no_unknown_key_is_ever_ignored(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    if f"run.{key}" in known_keys():
        return
    fault = fault_of(tmp_path_factory.mktemp("w"), f"[run]\n{key} = 1")

    assert fault.facts["key"] == f"run.{key}"
    assert fault.facts["line"] == 2


@given(value=st.floats(allow_nan=True, allow_infinity=True))
def test_a_fraction_is_accepted_exactly_between_zero_and_one(
    tmp_path_factory: pytest.TempPathFactory, value: float
) -> None:
    path = written(tmp_path_factory.mktemp("w"), f"[account]\nstop_out_level = {value!r}")
    if math.isfinite(value) and 0.0 <= value <= 1.0:
        assert load_settings(path).account.stop_out_level == value
    else:
        with pytest.raises(ConfigError):
            load_settings(path)
