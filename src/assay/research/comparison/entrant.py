"""One strategy of one run, as it enters a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.domain.errors import ConfigError, DataError
from assay.kernels.compiler import FloatArray, IntArray
from assay.research.comparison.results_file import (
    RESULTS_FILE,
    UnreadableRunError,
    read_keys,
)
from assay.research.comparison.run_table import flat
from assay.research.daily import daily_returns
from assay.research.identity import acting_code
from assay.research.report.forecast_file import FORECASTS_FILE, read_forecasts
from assay.research.result import TITLES, Forecasts, StrategyResult
from assay.research.run_result import RunResult
from assay.research.trials.trial import hash_of

NOT_EVIDENCE = "not evidence"
"""The verdict on a run whose pipeline knew the future."""
DayArray = NDArray[np.datetime64]
FORECAST_PATH = "hybrid"
"""The strategy whose forecasts a run keeps; the others calibrate theirs by themselves."""

_KEYS = ("currency", "headline", "verdict", "settings", "hashes", "strategies")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeSpans:
    """When each trade was held, in what and on which side; oldest entry first.

    Attributes
    ----------
    entry_ns, exit_ns : int64, shape (n_trades,)
        UTC nanoseconds.
    symbol : str array, shape (n_trades,)
    side : int64, shape (n_trades,)
        +1 or -1.
    net : float64, shape (n_trades,)
        Account currency, after costs.
    """

    entry_ns: IntArray
    exit_ns: IntArray
    symbol: NDArray[np.str_]
    side: IntArray
    net: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entrant:
    """One strategy of one run.

    Attributes
    ----------
    run : str
        Name of the run, such as that of its folder.
    strategy : str
        Such as ``hybrid``.
    is_judged : bool
        Whether the verdict of the run is about it.
    currency : str
    start_balance : float
    day : datetime64[D], shape (n_days,)
        Trading days, increasing.
    equity : float64, shape (n_days,)
        At the end of each day, account currency.
    trades : TradeSpans
    settings : mapping of str to object
        By dotted key.
    hashes : mapping of str to str
    verdict : str
        Outcome of its run, if it is the judged strategy; else empty.
    is_evidence : bool
        Whether its run is one: no leak was found in its pipeline.
    deflated_sharpe : float
        As its run was judged then; NaN if it was not.
    n_trials : int
        Trials that counted against its run when it was judged.
    forecasts : Forecasts or None
        Those of its run, if they are its own: a run keeps them of ``FORECAST_PATH`` alone.
    """

    run: str
    strategy: str
    is_judged: bool
    currency: str
    start_balance: float
    day: DayArray
    equity: FloatArray
    trades: TradeSpans
    settings: Mapping[str, Any] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    is_evidence: bool = True
    deflated_sharpe: float = float("nan")
    n_trials: int = 0
    forecasts: Forecasts | None = None

    @property
    def name(self) -> str:
        """The run, with the strategy unless it is the judged one: as it can be asked for."""
        return self.run if self.is_judged else f"{self.run}:{self.strategy}"

    @property
    def identity(self) -> str:
        """Hash of strategy, settings, data and code: the same trial has the same everywhere.

        The code is all that decides, a ``strategy.py`` of the user included.
        """
        hashes = {"code": "", **self.hashes}
        hashes["code"] = acting_code(hashes)
        known = ("data", "facts", "code", "settings", "model")
        return hash_of([self.strategy, *(hashes.get(key, "") for key in known)])

    @property
    def title(self) -> str:
        """The strategy for a reader."""
        return TITLES.get(self.strategy, self.strategy.replace("_", " ").capitalize())


def read_entrants(reports: Path, names: Sequence[str]) -> list[Entrant]:
    """Return the strategies that *names* ask for.

    Parameters
    ----------
    reports : Path
        Folder of the report folders.
    names : sequence of str
        ``RUN`` for the judged strategy of a run, ``RUN:STRATEGY`` for another, and ``RUN:all``
        for all that it has.

    Raises
    ------
    ConfigError
        If a run or strategy does not exist, or is named twice.
    DataError
        If a run cannot be read.
    """
    found: list[Entrant] = []
    for text in names:
        run, colon, strategy = text.partition(":")
        for entrant in _of_run(reports, run, strategy if colon else None):
            if any(entrant.name == other.name for other in found):
                raise ConfigError(
                    f"A comparison must name each strategy once; {entrant.name} came twice.",
                    remedy="Leave one of them out.",
                    value=entrant.name,
                )
            found.append(entrant)
    return found


def _of_run(reports: Path, run: str, strategy: str | None) -> list[Entrant]:
    folder = _folder(reports, run)
    try:
        content = read_keys(folder / RESULTS_FILE, _KEYS)
        kept = {name: content["strategies"][name] for name in _chosen(content, run, strategy)}
        return [_from_file(run, name, table, content, folder) for name, table in kept.items()]
    except (UnreadableRunError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{folder} must hold a whole run; was not: {error}.",
            remedy="Name another run; `assay runs` lists those that can be read.",
            file=str(folder / RESULTS_FILE),
        ) from None


def _folder(reports: Path, run: str) -> Path:
    """Return the folder of a run; a name never leads out of the reports."""
    if not run.isprintable():
        raise ConfigError(
            f"A run must have a printable name to be compared; was {run!r}.",
            remedy="Rename its folder.",
            value=repr(run),
        )
    folder = reports / run
    if run and folder.parent == reports and run not in (".", "..") and folder.is_dir():
        return folder
    from difflib import get_close_matches

    from assay.research.comparison.run_table import run_folders

    known = [path.name for path in run_folders(reports)]
    close = get_close_matches(run, known, n=1)
    raise ConfigError(
        f"A run must exist to be compared; {run!r} does not.",
        remedy=f"Did you mean {close[0]}?" if close else "`assay runs` lists them.",
        value=run,
        nearest=close[0] if close else None,
    )


def _chosen(content: Mapping[str, Any], run: str, strategy: str | None) -> list[str]:
    """Return the names of the strategies that are asked for."""
    if strategy is None:
        return [content["headline"]]
    known = list(content["strategies"])
    if strategy == "all":
        return sorted(known, key=lambda name: (name != content["headline"], _rank(name), name))
    if strategy not in known:
        raise ConfigError(
            f"{run} must have the strategy that is asked for; {strategy!r} is none of "
            f"{', '.join(known)}.",
            remedy=f"Write, for example, {run}:{known[0]}.",
            value=strategy,
        )
    return [strategy]


def _rank(name: str) -> int:
    return list(TITLES).index(name) if name in TITLES else len(TITLES)


def _from_file(
    run: str, strategy: str, table: Mapping[str, Any], content: Mapping[str, Any], folder: Path
) -> Entrant:
    """Return one strategy of a stored run."""
    is_judged = strategy == content["headline"]
    numbers, outcome = content["verdict"]["numbers"], str(content["verdict"]["outcome"])
    daily, trades = table["daily"], table["trades"]
    day = np.array(daily["day"], dtype="datetime64[D]")
    equity = np.array(daily["equity"], dtype=np.float64)
    if len(day) != len(equity) or np.any(np.diff(day) <= np.timedelta64(0, "D")):
        raise ValueError(f"the days of {strategy} must increase, each with its equity")
    if not np.isfinite(equity).all():
        raise ValueError(f"the equity of {strategy} must be finite")
    return Entrant(
        run=run,
        strategy=strategy,
        is_judged=is_judged,
        currency=str(content["currency"]),
        start_balance=float(table["start_balance"]),
        day=day,
        equity=equity,
        trades=_spans(
            entry_ns=_times(trades["entry"]),
            exit_ns=_times(trades["exit"]),
            symbol=[str(name) for name in trades.get("symbol", ())],
            side=[1 if side == "long" else -1 for side in trades.get("side", ())],
            net=trades.get("net", ()),
        ),
        settings=flat(content["settings"]),
        hashes={str(key): str(value) for key, value in content["hashes"].items()},
        verdict=outcome if is_judged else "",
        is_evidence=outcome != NOT_EVIDENCE,
        deflated_sharpe=_known(numbers.get("dsr")) if is_judged else float("nan"),
        n_trials=int(_known(numbers.get("trials"), 0.0)),
        forecasts=read_forecasts(folder / FORECASTS_FILE) if strategy == FORECAST_PATH else None,
    )


def entrant_of(run: RunResult, strategy: str, *, name: str) -> Entrant:
    """Return one strategy of a run that is in memory.

    Parameters
    ----------
    run : RunResult
    strategy : str
    name : str
        Of the run.

    Raises
    ------
    KeyError
        If the run has no such strategy.
    """
    result = run.strategy(strategy)
    is_judged = strategy == run.headline
    daily = daily_returns(result.time_ns, result.equity, result.start_balance)
    numbers = run.verdict.numbers
    return Entrant(
        run=name,
        strategy=strategy,
        is_judged=is_judged,
        currency=run.currency,
        start_balance=result.start_balance,
        day=(daily.day_ns - 1).astype("datetime64[ns]").astype("datetime64[D]"),
        equity=daily.equity,
        trades=_spans_of(result),
        settings=flat(run.settings),
        hashes=dict(run.hashes),
        verdict=run.verdict.outcome.value if is_judged else "",
        is_evidence=run.verdict.outcome.value != NOT_EVIDENCE,
        deflated_sharpe=numbers.get("dsr", float("nan")) if is_judged else float("nan"),
        n_trials=int(numbers.get("trials", 0)),
        forecasts=run.forecasts if strategy == FORECAST_PATH else None,
    )


def _spans_of(result: StrategyResult) -> TradeSpans:
    trades = result.trades
    if not len(trades):
        return _spans(_no_times(), _no_times(), [], [], [])
    return _spans(
        result.entry_ns,
        result.exit_ns,
        [result.symbols[index] for index in trades["symbol"]] if result.symbols else [],
        trades["side"].tolist(),
        trades["net"],
    )


def _spans(
    entry_ns: IntArray,
    exit_ns: IntArray,
    symbol: Sequence[str],
    side: Sequence[int],
    net: ArrayLike,
) -> TradeSpans:
    """Return trades in order of entry; where the symbol is not told, all are of one."""
    n = len(entry_ns)
    names = np.array(symbol, dtype=np.str_) if len(symbol) else np.full(n, "")
    sides, profits = np.array(side, dtype=np.int64), np.array(net, dtype=np.float64)
    if any(len(part) != n for part in (exit_ns, names, sides, profits)):
        raise ValueError("every trade must have entry, exit, side and profit")
    order = np.argsort(entry_ns, kind="stable")
    return TradeSpans(
        entry_ns=entry_ns[order],
        exit_ns=exit_ns[order],
        symbol=names[order],
        side=sides[order],
        net=profits[order],
    )


def _times(texts: Sequence[str]) -> IntArray:
    """Return UTC nanoseconds of ISO texts that end in Z."""
    seconds = np.array([text.removesuffix("Z") for text in texts], dtype="datetime64[s]")
    return seconds.astype("datetime64[ns]").astype(np.int64)


def _no_times() -> IntArray:
    return np.empty(0, np.int64)


def _known(value: object, unknown: float = float("nan")) -> float:
    """Return a number of the file, *unknown* for null."""
    return float(value) if isinstance(value, int | float) else unknown
