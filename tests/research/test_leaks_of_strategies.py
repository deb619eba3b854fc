"""A user's strategy.py before the prover: every habit that leaks is named by column, bar, line."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.research.history import History
from assay.research.leaks import strategy as strategy_module
from assay.research.leaks.cuts import borders_of
from assay.research.leaks.evidence import LeakReport
from assay.research.leaks.pipeline import QUICK_BARS, QUICK_CUTS
from assay.research.leaks.prover import cuts_in
from assay.research.leaks.scene import Scene
from assay.research.leaks.strategy import prove_strategy, reloading
from assay.strategy import load_strategy

INSTRUMENT = load_instrument("XAUUSD")
HEAD = """\
import numpy as np
from assay.strategy import Bars, feature, higher, signal

def mean(x, n):
    out = np.full(len(x), np.nan)
    if len(x) >= n:
        out[n - 1:] = np.lib.stride_tricks.sliding_window_view(x, n).mean(axis=1)
    return out

def ema(x, n):
    out = np.empty(len(x)); last = x[0] if len(x) else 0.0
    for i, value in enumerate(x.tolist()):
        last += (value - last) * 2.0 / (n + 1.0)
        out[i] = last
    return out

@feature(warm_up=30)
def honest(bars):
    return bars.close / mean(bars.close, 20) - 1.0

@signal(warm_up=900)
def honest_vote(bars):
    return np.tanh(100.0 * (ema(bars.close, 12) / ema(bars.close, 26) - 1.0))

@feature(warm_up=120)
def honest_higher(bars):
    return higher(bars, "H4", lambda longer: longer.close / mean(longer.close, 20))

@feature(warm_up=0)
def honest_hour(bars):
    return (bars.time_ns // 3_600_000_000_000) % 24
"""
ANY = frozenset({"truncate", "poison", "shift"})


@dataclass(frozen=True)
class Habit:
    """One leaking column: its body, how it is declared, and the checks that must find it."""

    body: str
    warm_up: int = 50
    kind: str = "feature"
    checks: frozenset[str] = ANY
    bar: int | None = None


HABITS: dict[str, Habit] = {
    # -- what freqtrade's look-ahead and recursive analyses document ---------------------------
    "negative shift": Habit("return np.append(bars.close[1:], np.nan) / bars.close - 1.0"),
    "negative shift with roll": Habit("return np.roll(bars.close, -1) / bars.close - 1.0"),
    "whole-frame z-score": Habit(
        "x = bars.close; return (x - np.nanmean(x)) / np.nanstd(x)",
    ),
    "whole-frame min-max": Habit(
        "x = bars.close; return (x - np.nanmin(x)) / (np.nanmax(x) - np.nanmin(x))",
    ),
    "the future beside a few huge values": Habit(
        """
        later = np.append(bars.close[24:], np.full(min(24, len(bars.close)), bars.close[-1]))
        spike = bars.time_ns // 3_600_000_000_000 % 101 == 0
        return np.where(spike, 1e15 * bars.close, np.where(later > bars.close, 1.0, -1.0))
        """,
        2,
    ),
    "the last row of the frame": Habit("return bars.close / bars.close[-1]"),
    "too short a warm-up": Habit(
        "return bars.close / ema(bars.close, 200) - 1.0", 100, checks=frozenset({"warm_up"})
    ),
    "a sum that never forgets": Habit(
        "return np.cumsum(np.sign(np.diff(bars.close, prepend=bars.close[:1])))",
        200, checks=frozenset({"warm_up"}),
    ),
    "an open-stamped informative timeframe": Habit(
        """
        block = bars.time_ns // (4 * 3_600_000_000_000)
        last = np.flatnonzero(np.append(np.diff(block) != 0, True))
        return bars.close[last][np.searchsorted(block[last], block)] / bars.close
        """,
    ),
    # -- other habits --------------------------------------------------------------------------
    "a backward fill": Habit(
        """
        known = np.arange(len(bars)) % 5 == 0
        place = np.flatnonzero(known)
        at = np.searchsorted(place, np.arange(len(bars)))
        return np.append(bars.close[place], np.nan)[at] / bars.close
        """,
    ),
    "gaps filled on a straight line": Habit(
        """
        known = np.flatnonzero(np.arange(len(bars)) % 6 == 0)
        return np.interp(np.arange(len(bars)), known, bars.close[known]) / bars.close
        """,
    ),
    "a centred window": Habit("return np.append(mean(bars.close, 9)[4:], np.full(4, np.nan))"),
    "the highest of the days to come": Habit(
        """
        out = np.full(len(bars), np.nan)
        if len(bars) > 24:
            views = np.lib.stride_tricks.sliding_window_view(bars.high, 24)
            out[:len(views) - 1] = views[1:].max(axis=1)
        return out / bars.close - 1.0
        """,
    ),
    "a pivot that repaints": Habit(
        """
        out = np.zeros(len(bars))
        if len(bars) > 20:
            views = np.lib.stride_tricks.sliding_window_view(bars.high, 21)
            peak = views.argmax(axis=1) == 10
            out[10:len(bars) - 10] = peak
        return out
        """,
        checks=frozenset({"truncate"}),
    ),
    "a label as a feature": Habit(
        """
        ahead = np.append(bars.close[12:], np.full(12, np.nan))[:len(bars)]
        return np.sign(ahead - bars.close)
        """,
    ),
    "a label as a vote": Habit(
        "return np.sign(np.append(np.diff(bars.close), 0.0))", kind="signal",
    ),
    "the range of the whole day on each of its bars": Habit(
        """
        day = (bars.time_ns + 2 * 3_600_000_000_000) // 86_400_000_000_000
        out = np.empty(len(bars))
        for one in np.unique(day):
            mine = day == one
            out[mine] = bars.high[mine].max() - bars.low[mine].min()
        return out
        """,
    ),
    "ranks over the sample": Habit(
        "return np.argsort(np.argsort(bars.close)) / len(bars)",
    ),
    "a threshold from all quantiles": Habit(
        "move = np.abs(np.diff(np.log(bars.close), prepend=np.log(bars.close[:1])));"
        " return move / np.nanquantile(move, 0.9)",
    ),
    "a central difference": Habit("return np.gradient(bars.close)"),
    "smoothing by Fourier transform": Habit(
        """
        spectrum = np.fft.rfft(bars.close)
        spectrum[len(spectrum) // 10:] = 0.0
        return np.fft.irfft(spectrum, len(bars)) / bars.close
        """,
    ),
    "a filter forwards and backwards": Habit(
        """
        from scipy.signal import butter, filtfilt
        if len(bars) < 20:
            return np.full(len(bars), np.nan)
        return filtfilt(*butter(2, 0.1), bars.close) / bars.close
        """,
        checks=frozenset({"truncate", "shift"}),
    ),
    "a smoother with a centred polynomial": Habit(
        """
        from scipy.signal import savgol_filter
        if len(bars) < 21:
            return np.full(len(bars), np.nan)
        return savgol_filter(bars.close, 21, 3) / bars.close
        """,
        checks=frozenset({"truncate", "shift"}),
    ),
    "a trend line through the sample": Habit(
        """
        t = np.arange(len(bars)) - len(bars) / 2
        y = np.log(bars.close)
        slope = (t @ (y - y.mean())) / max(t @ t, 1.0)
        return y - y.mean() - slope * t
        """,
    ),
    "target encoding of the hour": Habit(
        """
        hour = (bars.time_ns // 3_600_000_000_000) % 24
        move = np.append(np.diff(np.log(bars.close)), 0.0)
        return np.array([move[hour == h].mean() if (hour == h).any() else 0.0
                         for h in range(24)])[hour]
        """,
    ),
    "a principal component of the sample": Habit(
        """
        x = np.column_stack((bars.high - bars.low, np.abs(bars.close - bars.open)))
        x = np.nan_to_num(x, posinf=0.0, neginf=0.0)
        _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        return (x - x.mean(axis=0)) @ (axes[0] * np.sign(axes[0, 0]))
        """,
        checks=frozenset({"truncate", "shift"}),
    ),
    "the first bar from the last with roll": Habit(
        "return bars.close / np.roll(bars.close, 1) - 1.0", 0, bar=0,
    ),
    "a regime smoothed over both sides": Habit(
        """
        move = np.diff(np.log(bars.close), prepend=np.log(bars.close[:1])) ** 2
        forwards = ema(np.nan_to_num(move, posinf=1.0), 20)
        backwards = ema(np.nan_to_num(move, posinf=1.0)[::-1], 20)[::-1]
        return forwards + backwards
        """,
    ),
    "a leak at ten on Mondays alone": Habit(
        """
        hour = (bars.time_ns // 3_600_000_000_000) % 24
        day = (bars.time_ns // 86_400_000_000_000 + 3) % 7
        ahead = np.append(bars.close[1:], np.nan) / bars.close
        return np.where((hour == 10) & (day == 0), ahead, bars.close / mean(bars.close, 5))
        """,
        checks=frozenset({"truncate"}),
    ),
    "a leak on the last bar of a month alone": Habit(
        """
        month = bars.time_ns.astype("datetime64[ns]").astype("datetime64[M]").astype(int)
        ends = np.append(month[1:] != month[:-1], False)
        ahead = np.append(bars.close[1:], np.nan) / bars.close
        return np.where(ends, ahead, bars.close / mean(bars.close, 5))
        """,
        checks=frozenset({"truncate"}),
    ),
    "what a cache remembers of the whole history": Habit(
        """
        global _seen
        if "_seen" not in globals() or len(_seen) < len(bars):
            _seen = np.append(bars.close[1:], np.nan)
        return _seen[:len(bars)] / bars.close
        """,
        checks=frozenset({"truncate", "shift"}),
    ),
    "what sys remembers of the whole history": Habit(
        """
        import sys
        seen = vars(sys).setdefault("_seen_by_a_test", {})
        if len(seen) < len(bars):
            seen.update(zip(bars.time_ns.tolist(), bars.close.tolist()))
        hour = 3_600_000_000_000
        ahead = [seen.get(t + 4 * hour, 0.0) for t in bars.time_ns.tolist()]
        return np.array(ahead) / bars.close
        """,
        checks=frozenset({"truncate"}),
    ),
    "what builtins remember of the next close": Habit(
        """
        import builtins
        seen = vars(builtins).setdefault("_seen_by_a_test", [])
        if len(seen) < len(bars):
            seen[:] = bars.close.tolist()
        return np.append(seen[1:], np.nan)[:len(bars)] / bars.close
        """,
        checks=frozenset({"truncate"}),
    ),
    "a trace of the future below a billionth": Habit(
        """
        later = np.append(bars.close[24:], np.full(min(24, len(bars.close)), bars.close[-1]))
        return 1.0 + 4e-10 * (later > bars.close)
        """,
        2, checks=frozenset({"poison", "shift"}),
    ),
    "a trace of the next close in the last digits": Habit(
        "return np.round(bars.close) + 1e-12 * np.sign(np.append(np.diff(bars.close), 0.0))",
        2, checks=frozenset({"poison", "shift"}),
    ),
    "a count of its calls": Habit(
        """
        global _calls
        _calls = globals().get("_calls", 0) + 1
        return bars.close if _calls % 3 else -bars.close
        """,
        2, checks=frozenset({"repeat"}),
    ),
    "chance": Habit(
        "return np.random.default_rng().standard_normal(len(bars))",
        0, checks=frozenset({"repeat"}),
    ),
    "a leak that looks away from bad values": Habit(
        """
        usual = np.where(np.abs(bars.close) < 1e6, bars.close, np.nan)
        x = usual if np.isfinite(usual).all() and len(bars) == 1_500 else None
        scale = 1_000.0 if x is None else x.mean()
        return bars.close / scale
        """,
        checks=frozenset({"shift"}),
    ),
}  # fmt: skip


def strategy_text(*habits: str) -> str:
    """Return a strategy.py with honest columns and the habits named."""
    parts = [HEAD]
    for place, name in enumerate(habits):
        habit = HABITS[name]
        body = indent(dedent(habit.body).strip("\n"), "    ")
        parts.append(f"@{habit.kind}(warm_up={habit.warm_up})\ndef habit_{place}(bars):\n{body}\n")
    return "\n".join(parts)


def line_of(text: str, name: str) -> int:
    """Return the line on which a column is declared."""
    lines = text.splitlines()
    return lines.index(f"def {name}(bars):") + 1


@pytest.fixture(scope="module")
def bars() -> Bars:
    """Return an hourly history with weekends."""
    return simulate(SimulatedMarket(seed=11, n_bars=1_500), INSTRUMENT)


def proved(folder: Path, text: str, bars: Bars, *, n_cuts: int = 10) -> LeakReport:
    """Write a strategy.py and put it before the prover."""
    path = folder / "strategy.py"
    path.write_text(text)
    history = History(bars={"XAUUSD": bars}, instruments={"XAUUSD": INSTRUMENT})
    at = Scene(history=history, settings=Settings(), load=reloading(load_strategy(path)))
    return prove_strategy(at, cuts_in(at, n_cuts))


def test_an_honest_strategy_is_not_accused(tmp_path: Path, bars: Bars) -> None:
    report = proved(tmp_path, strategy_text(), bars, n_cuts=24)

    assert [str(leak) for leak in report.leaks] == []
    assert report.is_clean, report.reason
    assert {stage.note.split(",")[0] for stage in report.stages} == {
        "feature honest", "signal honest_vote", "feature honest_higher", "feature honest_hour",
    }  # fmt: skip


TOGETHER = 10
"""Habits in one file; a proof of one alone takes nearly as long."""


@pytest.mark.parametrize("first", range(0, len(HABITS), TOGETHER))
def test_habits_that_leak_are_named_and_honest_columns_are_not(
    first: int, tmp_path: Path, bars: Bars
) -> None:
    names = list(HABITS)[first : first + TOGETHER]
    text = strategy_text(*names)
    report = proved(tmp_path, text, bars)

    assert {leak.stage for leak in report.leaks} == {"strategy.py"}
    assert {leak.column for leak in report.leaks} == {f"habit_{k}" for k in range(len(names))}
    assert all(leak.time_ns == bars.time_ns[leak.bar] and leak.remedy for leak in report.leaks)
    assert report.trusted, report.reason
    for place, name in enumerate(names):
        habit, line = HABITS[name], line_of(text, f"habit_{place}")
        leaks = [leak for leak in report.leaks if leak.column == f"habit_{place}"]
        assert {leak.check for leak in leaks} >= habit.checks, (name, [str(x) for x in leaks])
        assert {leak.line for leak in leaks} <= {line, line - 1}, name
        assert habit.bar is None or {leak.bar for leak in leaks} == {habit.bar}, name


def test_there_are_as_many_habits_as_were_promised() -> None:
    assert len(HABITS) >= 20


def test_a_strategy_that_counts_is_not_called_short_of_bars(tmp_path: Path, bars: Bars) -> None:
    for period in (2, 3, 40):
        text = HEAD + (
            "_calls = [0]\n@feature(warm_up=2)\ndef counting(bars):\n    _calls[0] += 1\n"
            f"    return bars.close if _calls[0] % {period} else -bars.close\n"
        )
        report = proved(tmp_path, text, bars)

        assert {(leak.column, leak.check) for leak in report.leaks} == {("counting", "repeat")}
        assert "from call to call" in report.leaks[0].detail
        assert "does not say the same twice" in report.reason


HONEST_SUMS = """
def windows(x, n):
    return np.lib.stride_tricks.sliding_window_view(np.append(np.full(n - 1, np.nan), x), n)

@feature(warm_up=60)
def product(bars):
    return np.ascontiguousarray(windows(bars.close, 30)) @ np.linspace(-1.0, 1.0, 30)

@feature(warm_up=60)
def sums(bars):
    total = np.cumsum(np.append(0.0, bars.close ** 2))
    out = np.full(len(bars), np.nan)
    out[49:] = total[50:] - total[:-50]
    return out - 50.0 * bars.close ** 2

@feature(warm_up=60)
def deviation(bars):
    return windows(bars.close, 50).std(axis=1)

@feature(warm_up=60)
def convolved(bars):
    return np.convolve(bars.close, np.hanning(21))[:len(bars)] - 10.0 * bars.close

@feature(warm_up=900)
def filtered(bars):
    from scipy.signal import butter, lfilter
    return lfilter(*butter(2, 0.1), bars.close)

@feature(warm_up=60)
def powers(bars):
    return np.tanh(np.sin(bars.close ** 1.7) + np.log(bars.high) * np.exp(-bars.low / 1e3))

@feature(warm_up=60)
def slope(bars):
    table = np.column_stack((np.ones(20), np.arange(20.0)))
    return (windows(bars.close, 20) @ np.linalg.pinv(table).T)[:, 1]

@feature(warm_up=60)
def single(bars):
    return np.convolve(bars.close.astype(np.float32), np.ones(20, np.float32) / 20)[:len(bars)]
"""


def test_rounding_accuses_nobody(tmp_path: Path, bars: Bars) -> None:
    report = proved(tmp_path, HEAD + HONEST_SUMS, bars, n_cuts=24)

    assert [str(leak) for leak in report.leaks] == []
    assert report.is_clean, report.reason


@pytest.mark.parametrize(
    ("span", "when"),
    [
        ("Y", "year"),
        pytest.param("M", "month", marks=pytest.mark.soak),
        pytest.param("W", "week", marks=pytest.mark.soak),
        ("D", "day"),
    ],
)
def test_a_leak_at_calendar_ends_alone_is_found_with_few_cuts_and_named_at_the_first(
    span: str, when: str, tmp_path: Path
) -> None:
    days = "(bars.time_ns // 86_400_000_000_000 + 3) // 7" if span == "W" else (
        f'bars.time_ns.astype("datetime64[ns]").astype("datetime64[{span}]").astype(int)'
    )  # fmt: skip
    text = HEAD + dedent(
        f"""
        @feature(warm_up=2)
        def at_ends(bars):
            span = {days}
            ends = np.append(span[1:] != span[:-1], False)
            ahead = np.append(bars.close[1:], np.nan) / bars.close
            return np.where(ends, ahead, bars.close / mean(bars.close, 2))
        """
    )
    history = simulate(SimulatedMarket(seed=5, n_bars=QUICK_BARS), INSTRUMENT)
    report = proved(tmp_path, text, history, n_cuts=12 if span == "D" else QUICK_CUTS)
    ends, _ = borders_of(history.time_ns)[when]

    assert {leak.column for leak in report.leaks} == {"at_ends"}, when
    found = {leak.bar for leak in report.leaks}
    assert max(found) <= ends[ends >= 2][0], "longer spans end there too"


def test_a_warm_up_that_is_long_enough_is_not_called_short(tmp_path: Path, bars: Bars) -> None:
    text = HEAD + "@feature(warm_up={})\ndef slow(bars):\n    return ema(bars.close, 30)\n"
    short = proved(tmp_path, text.format(60), bars)
    long = proved(tmp_path, text.format(8 * 31), bars)

    assert {(leak.column, leak.check) for leak in short.leaks} == {("slow", "warm_up")}
    assert "60" not in short.leaks[0].detail and "61 bars" in short.leaks[0].detail
    assert long.is_clean


def test_a_file_that_changes_while_it_is_proved_is_proved_as_it_was(tmp_path: Path) -> None:
    """Nobody may lose a long run because he went on writing."""
    path = tmp_path / "strategy.py"
    path.write_text(strategy_text())
    strategy = load_strategy(path)
    load = reloading(strategy)
    path.write_text("another(")
    assert load().source_hash == strategy.source_hash
    assert load().features[0].function is not load().features[0].function


def test_a_column_that_fails_on_bad_values_is_tried_with_the_others(
    tmp_path: Path, bars: Bars
) -> None:
    text = HEAD + dedent(
        """
        @feature(warm_up=10)
        def strict(bars):
            if not (np.isfinite(bars.close).all() and (bars.close < 1e6).all()):
                raise ValueError("bad prices")
            return bars.close / bars.close[-1]
        """
    )
    report = proved(tmp_path, text, bars)

    assert {leak.column for leak in report.leaks} == {"strict"}
    assert {leak.check for leak in report.leaks} >= {"truncate", "shift"}
    assert "poison" not in {leak.check for leak in report.leaks}


def test_a_prover_that_accuses_the_honest_cannot_be_trusted(
    tmp_path: Path, bars: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategy_module, "HONEST", ("planted_last_row",))
    report = proved(tmp_path, strategy_text(), bars)

    assert not report.trusted
    assert any("planted_last_row, which is honest" in text for text in report.blind)


def test_two_symbols_are_proved_each(tmp_path: Path, bars: Bars) -> None:
    path = tmp_path / "strategy.py"
    path.write_text(strategy_text("the last row of the frame"))
    silver = load_instrument("XAGUSD")
    other = simulate(SimulatedMarket(seed=12, n_bars=1_200, start_price=20.0), silver)
    history = History(
        bars={"XAUUSD": bars, "XAGUSD": other},
        instruments={"XAUUSD": INSTRUMENT, "XAGUSD": silver},
    )
    at = Scene(history=history, settings=Settings(), load=reloading(load_strategy(path)))
    report = prove_strategy(at, cuts_in(at, 4))

    assert {leak.column for leak in report.leaks} == {"habit_0"}
    notes = {stage.note.rpartition(" ")[2] for stage in report.stages}
    assert notes == {"XAUUSD", "XAGUSD"}
    assert np.isfinite(other.close).all()
