"""The examples in the docstrings of the statistics run, and the refusals name what is wrong."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

from assay.domain.errors import ConfigError, DataError
from assay.research import statistics
from assay.research.statistics import observations

MODULES = sorted(module.name for module in pkgutil.iter_modules(statistics.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"{statistics.__name__}.{name}")
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.failed == 0


def test_a_column_stands_for_a_table() -> None:
    assert observations.table([1, 2, 3], "x").shape == (3, 1)
    assert observations.series((1, 2), "x").dtype == np.float64


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 95.0, float("nan")])
def test_a_share_lies_inside(value: float) -> None:
    with pytest.raises(ConfigError, match="confidence must lie between 0 and 1"):
        observations.share(value, "confidence")


@pytest.mark.parametrize("value", [0, 11, 2.5])
def test_a_count_is_whole_and_in_range(value: float) -> None:
    with pytest.raises(ConfigError, match="lags must be a whole number from 1 to 10"):
        observations.count(value, "lags", minimum=1, maximum=10)


def test_the_first_bad_row_is_named() -> None:
    with pytest.raises(DataError, match=r"x must hold finite numbers; row 1 is -inf\.") as caught:
        observations.series([0.0, -np.inf, np.nan], "x")
    assert caught.value.facts == {"name": "x", "row": 1}
