"""What is searched: names, ranges, and settings made from a choice."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from search_examples import QUICK, with_search

from assay.config.settings import Settings
from assay.domain.errors import ConfigError
from assay.research.search.space import DEFAULT_SPACE, space_of

DEFAULT = space_of(Settings())


def test_the_default_space_begins_with_the_settings_themselves() -> None:
    assert DEFAULT.settings(DEFAULT.start()) == Settings()
    assert {item.name for item in DEFAULT.parameters} == set(DEFAULT_SPACE)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_choice_is_allowed_by_the_settings(data) -> None:
    point = {
        item.name: data.draw(st.integers(0, len(item.values) - 1)) for item in DEFAULT.parameters
    }
    made = DEFAULT.settings(point)
    assert made.labels.horizon_bars == DEFAULT.values(point)["labels.horizon_bars"]
    fusion = made.fusion
    assert fusion.hold_score <= fusion.pass_score
    assert fusion.weight_ai + fusion.weight_traditional + fusion.weight_correlation == 1.0
    assert made.market == Settings().market and made.costs == Settings().costs


def test_neighbours_are_one_step_away() -> None:
    point = DEFAULT.start()
    for other in DEFAULT.neighbours(point):
        changed = [name for name in point if point[name] != other[name]]
        assert len(changed) == 1
        assert abs(point[changed[0]] - other[changed[0]]) == 1


def test_a_space_in_tables_and_in_dotted_names_is_the_same() -> None:
    tables = with_search(space={"labels": {"horizon_bars": [5, 6]}})
    dotted = with_search(space={"labels.horizon_bars": [5, 6]})
    assert space_of(tables).parameters == space_of(dotted).parameters


def test_a_range_is_stepped_and_an_empty_list_leaves_out() -> None:
    space = space_of(QUICK)
    values = {item.name: item.values for item in space.parameters}
    assert values["fusion.pass_score"] == (0.5, 0.54, 0.58, 0.6, 0.62)
    assert "exits.stop_atr" in values and "fusion.weight_ai" not in values


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"market.symbols": [["EURUSD"]]}, "market.symbols"),
        ({"costs.spread_multiple": [0.0]}, "costs.spread_multiple"),
        ({"labels.horizon": [1]}, "labels.horizon"),
        ({"features.timeframes": [["D1"]]}, "features.timeframes"),
        ({"exits.atr_bars": [14]}, "exits.atr_bars"),
        ({"labels.horizon_bars": 24}, "list of values"),
        ({"labels.horizon_bars": [24, 24]}, "all different"),
        ({"labels.horizon_bars": {"low": 5, "high": 1, "step": 1}}, "rise from low to high"),
        ({"labels.horizon_bars": {"low": "a", "high": 1, "step": 1}}, "numbers"),
        ({"labels.horizon_bars": {"low": 1, "high": 10**9, "step": 1}}, "at most"),
        ({"risk.kelly_multiplier": [0.9]}, "kelly_multiplier"),
        ({"labels.horizon_bars": ["soon"]}, "horizon_bars"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(space: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        space_of(with_search(Settings(), space=space))
    assert caught.value.remedy


def test_a_search_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="leaves nothing"):
        space_of(with_search(Settings(), space={name: [] for name in DEFAULT_SPACE}))


def test_the_settings_themselves_always_take_part() -> None:
    space = space_of(with_search(Settings(), space={"labels.horizon_bars": [5, 100]}))
    values = {item.name: item.values for item in space.parameters}
    assert values["labels.horizon_bars"] == (5, Settings().labels.horizon_bars, 100)
    assert space.settings(space.start()) == space.base
    named = space_of(with_search(Settings(), space={"training.algorithms": [["logistic"]]}))
    values = {item.name: item.values for item in named.parameters}
    assert values["training.algorithms"] == (("logistic",), Settings().training.algorithms)
