"""What a column may return, and what is said where it does not."""

from dataclasses import fields, replace

import numpy as np
import pytest
from strategy_worlds import COLUMNS, tipped

from assay.data.bars import Bars
from assay.domain.errors import StrategyError

BARS = tipped(40)


def test_leading_values_are_unknown_whatever_the_function_says(load) -> None:
    strategy = load(
        """
        @feature(warm_up=7)
        def last(bars):
            return bars.close

        @signal(warm_up=7)
        def always_up(bars):
            return np.ones(len(bars))
        """
    )
    last, always_up = strategy.columns
    np.testing.assert_array_equal(last.compute(BARS)[:7], np.full(7, np.nan))
    np.testing.assert_array_equal(last.compute(BARS)[7:], BARS.close[7:])
    np.testing.assert_array_equal(always_up.compute(BARS), np.arange(40) >= 7)


def test_a_history_within_the_warm_up_needs_no_call(load) -> None:
    strategy = load(
        """
        @feature(warm_up=7)
        def fragile(bars):
            assert len(bars) > 7
            return bars.close

        @signal(warm_up=7)
        def fragile_vote(bars):
            assert len(bars) > 7
            return bars.close * 0
        """
    )
    fragile, vote = strategy.columns
    for n_bars in (0, 1, 7):
        short = BARS.between(0, n_bars)
        np.testing.assert_array_equal(fragile.compute(short), np.full(n_bars, np.nan))
        np.testing.assert_array_equal(vote.compute(short), np.zeros(n_bars))
    assert np.isfinite(fragile.compute(BARS.between(0, 8))[-1])


def test_unknown_is_nan_in_a_feature_and_abstains_in_a_signal(load) -> None:
    strategy = load(
        """
        values = np.array([0.5, np.nan, np.inf, -np.inf])

        @feature(warm_up=0)
        def odd(bars):
            return values

        @signal(warm_up=0)
        def doubtful(bars):
            return values[[0, 1, 1, 1]]
        """
    )
    odd, doubtful = strategy.columns
    short = BARS.between(0, 4)
    np.testing.assert_array_equal(odd.compute(short), [0.5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(doubtful.compute(short), [0.5, 0.0, 0.0, 0.0])


@pytest.mark.filterwarnings("error")
def test_a_division_by_zero_is_unknown_and_warns_nobody(load) -> None:
    strategy = load(
        "@feature(warm_up=0)\ndef flat(bars):\n    return (bars.close - bars.close) / 0.0\n"
    )
    assert np.isnan(strategy.features[0].compute(BARS)).all()


@pytest.mark.parametrize("dtype", ["int64", "int8", "bool", "float32", "uint16"])
def test_every_kind_of_number_becomes_float64(dtype: str, load) -> None:
    strategy = load(
        f"@feature(warm_up=0)\ndef number(bars):\n    return np.ones(len(bars), '{dtype}')\n"
    )
    values = strategy.features[0].compute(BARS)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, np.ones(40))


def test_a_list_will_do_and_the_answer_is_a_copy(load) -> None:
    strategy = load(
        """
        @feature(warm_up=0)
        def listed(bars):
            return list(bars.close)

        @feature(warm_up=1)
        def itself(bars):
            return bars.close
        """
    )
    listed, itself = strategy.columns
    np.testing.assert_array_equal(listed.compute(BARS), BARS.close)
    before = BARS.close.copy()
    assert np.isnan(itself.compute(BARS)[0])
    np.testing.assert_array_equal(BARS.close, before)


WRONG = {
    "nothing": ("return None", "must return numbers; returned NoneType"),
    "a number": ("return 1.0", r"must return 40 values, one per bar; returned shape \(\)"),
    "text": ("return ['a'] * len(bars)", "must return numbers; returned an array of <U1"),
    "times": ("return bars.time_ns.astype('datetime64[ns]')", "returned an array of datetime64"),
    "complex numbers": ("return bars.close * 1j", "returned an array of complex128"),
    "bars": ("return bars", "must return numbers; returned Bars"),
    "ragged rows": ("return [[1], [1, 2]]", "must return numbers; returned an array of object"),
    "one too few": ("return bars.close[1:]", r"returned shape \(39,\)"),
    "two columns": ("return np.ones((len(bars), 2))", r"returned shape \(40, 2\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_of_another_shape_or_kind_is_refused(name: str, load) -> None:
    body, told = WRONG[name]
    strategy = load(f"@feature(warm_up=2)\ndef wrong(bars):\n    {body}\n")
    with pytest.raises(StrategyError, match=told) as caught:
        strategy.features[0].compute(BARS)
    assert f"{caught.value}".startswith("strategy.py, line 3: feature wrong ")
    assert caught.value.facts["column"] == "wrong"


FAILING = {
    "no such column": ("return bars.clsoe", "AttributeError", "Use bars.close. Bars have symbol"),
    "nothing near": ("return bars.rsi_14", "AttributeError", "Bars have symbol, timeframe"),
    "another attribute": ("return bars.close.rolling(3)", "AttributeError", "Correct that line"),
    "a misspelt name": ("return nope", "NameError: name 'nope'", "Correct that line"),
    "a division": ("return 1 // 0", "ZeroDivisionError", "--debug"),
    "writing": ("bars.close[0] = 1.0", "read-only", "bars.close.copy()"),
    "another value error": ("raise ValueError('too odd.')", "ValueError: too odd.", "--debug"),
    "no words": ("raise KeyError", "raised KeyError.", "Correct that line"),
    "an exit": ("raise SystemExit", "raised SystemExit", "Correct that line"),
    "numpy": ("return np.ones(2) + np.ones(3)", "ValueError: operands", "Correct that line"),
}


@pytest.mark.parametrize("name", FAILING)
def test_an_error_inside_names_line_and_remedy(name: str, load) -> None:
    body, told, remedy = FAILING[name]
    strategy = load(
        f"def inner(bars):\n    x = 0\n    {body}\n\n\n"
        "@signal(warm_up=2)\ndef failing(bars):\n    return inner(bars)\n"
    )
    with pytest.raises(StrategyError) as caught:
        strategy.signals[0].compute(BARS)
    assert caught.value.message.startswith(
        "strategy.py, line 5: signal failing must run without an error; raised "
    )
    assert told in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.facts["line"] == 5
    assert caught.value.__cause__ is not None


def test_an_error_deep_in_a_library_is_told_by_the_line_of_the_file(load) -> None:
    strategy = load(
        "@feature(warm_up=2)\ndef failing(bars):\n    return np.linalg.inv(np.zeros((2, 2)))\n"
    )
    with pytest.raises(StrategyError, match=r"line 5: .* raised LinAlgError: Singular matrix"):
        strategy.features[0].compute(BARS)


def test_a_function_of_a_library_is_told_by_the_line_of_its_declaration(load) -> None:
    strategy = load("feature(warm_up=2, name='broken')(np.linalg.inv)\n")
    with pytest.raises(StrategyError, match=r"line 3: feature broken must run"):
        strategy.features[0].compute(BARS)


def test_a_long_error_is_cut(load) -> None:
    strategy = load("@feature(warm_up=0)\ndef a(bars):\n    raise ValueError('x' * 10_000)\n")
    with pytest.raises(StrategyError) as caught:
        strategy.features[0].compute(BARS)
    assert len(caught.value.message) < 500


def test_a_refusal_of_assay_itself_keeps_its_words_and_gets_a_line(load) -> None:
    strategy = load(
        "@feature(warm_up=0)\ndef a(bars):\n    return higher(bars, 'H1', lambda b: b.close)\n"
    )
    with pytest.raises(StrategyError) as caught:
        strategy.features[0].compute(BARS)
    assert caught.value.message == (
        "strategy.py, line 5: feature a must run without an error; raised StrategyError: higher() "
        "must join a timeframe longer than H1; was H1."
    )
    assert caught.value.remedy == "Name a longer one, or call the function with the bars at hand."


def test_an_interrupt_goes_through(load) -> None:
    strategy = load("@feature(warm_up=0)\ndef a(bars):\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        strategy.features[0].compute(BARS)


@pytest.mark.parametrize("vote", [1.0001, -2.0, np.inf])
def test_a_vote_outside_its_range_is_refused_with_bar_and_value(vote: float, load) -> None:
    strategy = load(
        f"""
        @signal(warm_up=3)
        def loud(bars):
            votes = np.zeros(len(bars))
            votes[[1, 9, 11]] = {vote!r}, {vote!r}, 1.5
            return votes
        """,
        head="import numpy as np\nfrom numpy import inf\nfrom assay.strategy import signal\n",
    )
    column = strategy.signals[0]
    with pytest.raises(
        StrategyError, match=r"between -1 and 1; was .* on bar 9, 2020-01-02T09:00:00Z"
    ) as e:
        column.compute(BARS)
    assert e.value.facts["value"] == vote
    assert column.values(BARS)[9] == vote, "the prover looks at votes before their range"


def test_bars_are_given_with_every_column_and_cannot_be_changed(load) -> None:
    strategy = load(
        """
        seen = []

        @feature(warm_up=0)
        def witness(bars):
            seen.append(bars)
            return bars.close
        """
    )
    column = strategy.features[0]
    for given in (BARS, replace(BARS, ask_open=None, ask_high=None, ask_low=None, ask_close=None)):
        column.compute(given)
        (seen,) = column.function.__globals__["seen"][-1:]
        for field in fields(Bars):
            original, view = getattr(given, field.name), getattr(seen, field.name)
            if isinstance(original, np.ndarray):
                np.testing.assert_array_equal(original, view)
                assert not view.flags.writeable
                assert original.flags.writeable
            else:
                assert original is view


def test_one_column_may_use_another(load) -> None:
    strategy = load(COLUMNS)
    tip, _, vote = strategy.columns
    np.testing.assert_array_equal(tip(BARS), tip.function(BARS))
    np.testing.assert_array_equal(vote.compute(BARS)[20:], np.tanh(tip.compute(BARS)[20:]))
