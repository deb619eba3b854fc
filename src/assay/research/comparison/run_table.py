"""The runs of a workspace as rows of a table: what each was, and what came of it."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.research.comparison.results_file import (
    META_FILE,
    RESULTS_FILE,
    UnreadableRunError,
    read_keys,
    read_meta,
)

_KEYS = ("title", "currency", "headline", "verdict", "metrics", "settings", "hashes", "span")
SHOWN_ELSEWHERE = frozenset({"market.symbols", "market.timeframe"})
"""Settings that have a column of their own."""

OTHER_REPORTS: Mapping[str, str] = {"stress.json": "stress", "ablation.json": "ablate"}
"""Files of reports that are of no run, by which they are known, and the commands that make them."""

_WORDS = {"stress": "stress test", "ablate": "ablation"}

_BESIDE = ("report.html", "trades.csv", META_FILE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its interval; NaN where unknown."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run of the table.

    Attributes
    ----------
    name : str
        Of its folder.
    at : str
        When it ended, ISO 8601 UTC; the time of the file where ``meta.json`` does not say.
    kind : str
        The command that made it: ``run``, ``backtest`` and so on; empty where unknown.
    symbols : tuple of str
    timeframe : str
    first_day, last_day : str
        Of the record out of sample, ISO dates; empty where nothing was tested.
    verdict : str
        ``edge``, ``no edge`` or ``not enough data``.
    strategy : str
        The one that was judged; the figures are its own.
    sharpe : Figure
        Annual, after costs, with its interval.
    deflated_sharpe : float
        Probability that the true ratio beats luck, at the number of trials of that time.
    total_return, max_drawdown : float
        Fractions of the account.
    n_trades, n_days, n_trials : int
        Trades closed, days of the record, trials that counted against it when it was judged.
    currency : str
    settings : mapping of str to object
        By dotted key.
    hashes : mapping of str to str
    missing : tuple of str
        Files of a report that are no longer in the folder.
    differs : tuple of (str, object)
        Settings in which it differs from most runs of the table.
    """

    name: str
    at: str
    kind: str
    symbols: tuple[str, ...]
    timeframe: str
    first_day: str
    last_day: str
    verdict: str
    strategy: str
    sharpe: Figure
    deflated_sharpe: float
    total_return: float
    max_drawdown: float
    n_trades: int
    n_days: int
    n_trials: int
    currency: str
    settings: Mapping[str, Any]
    hashes: Mapping[str, str]
    missing: tuple[str, ...] = ()
    differs: tuple[tuple[str, Any], ...] = ()

    @property
    def market(self) -> str:
        """Symbols and timeframe, the first three named."""
        names = ", ".join(self.symbols[:3])
        more = f" and {len(self.symbols) - 3} more" if len(self.symbols) > 3 else ""
        return f"{names}{more} {self.timeframe}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRun:
    """A folder among the reports that is no run, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherReport:
    """A folder among the reports that is whole, but of no run: a stress test or an ablation.

    Attributes
    ----------
    name : str
        Of its folder.
    kind : str
        The command that made it: ``stress`` or ``ablate``.
    page : str
        The file in it that people read.
    """

    name: str
    kind: str
    page: str

    @property
    def words(self) -> str:
        """What it is, for people."""
        return _WORDS[self.kind]


def run_folders(reports: Path) -> list[Path]:
    """Return the folders among the reports that should hold a run, by name.

    Those that another command leaves are none of them, see ``other_reports``.
    """
    return [folder for folder in _folders(reports) if not _other_file(folder)]


def other_reports(reports: Path) -> list[OtherReport]:
    """Return the folders among the reports that hold something else than a run, by name."""
    return [
        OtherReport(name=folder.name, kind=OTHER_REPORTS[file], page=file.replace("json", "html"))
        for folder in _folders(reports)
        if (file := _other_file(folder))
    ]


def _other_file(folder: Path) -> str:
    """Return the file by which a folder without a run is known; nothing where there is none."""
    try:
        if (folder / RESULTS_FILE).exists():
            return ""
        return next((name for name in OTHER_REPORTS if (folder / name).is_file()), "")
    except OSError:
        return ""  # it is read later, and says why it cannot be


def _folders(reports: Path) -> list[Path]:
    """Return every folder among the reports, by name; hidden ones are unfinished or foreign."""
    try:
        return sorted(
            path for path in reports.iterdir() if path.is_dir() and not path.name.startswith(".")
        )
    except OSError:
        return []


def read_runs(folders: Iterable[Path]) -> tuple[list[RunRow], list[UnreadableRun]]:
    """Return what each folder holds, in their order; a folder that is no run says why."""
    rows, unreadable = [], []
    for folder in folders:
        try:
            rows.append(read_run(folder))
        except UnreadableRunError as error:
            unreadable.append(UnreadableRun(name=folder.name, reason=str(error)))
    return rows, unreadable


def read_run(folder: Path) -> RunRow:
    """Return the row of one report folder.

    Raises
    ------
    UnreadableRunError
        If it holds no run, or a part of one.
    """
    content = read_keys(folder / RESULTS_FILE, _KEYS)
    missing = [key for key in _KEYS if key not in content and key != "span"]
    if missing:
        raise UnreadableRunError(f"{RESULTS_FILE} lacks {', '.join(missing)}")
    try:
        return _row(folder, content, read_meta(folder))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        told = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UnreadableRunError(f"{RESULTS_FILE} is not as a run leaves it: {told}") from None


def _row(folder: Path, content: Mapping[str, Any], meta: Mapping[str, Any]) -> RunRow:
    headline = str(content["headline"])
    measured, verdict = content["metrics"][headline], content["verdict"]
    settings = flat(content["settings"])
    first, last = content.get("span") or ("", "")
    return RunRow(
        name=folder.name,
        at=_when(folder, meta),
        kind=_kind(meta),
        symbols=tuple(str(name) for name in settings.get("market.symbols", ())),
        timeframe=str(settings.get("market.timeframe", "")),
        first_day=first if _DAY.fullmatch(first) else "",
        last_day=last if _DAY.fullmatch(last) else "",
        verdict=str(verdict["outcome"]),
        strategy=headline,
        sharpe=Figure(*(_number(measured["sharpe"], key) for key in ("value", "low", "high"))),
        deflated_sharpe=_number(verdict["numbers"], "dsr"),
        total_return=_number(measured, "total_return"),
        max_drawdown=_number(measured["max_drawdown"], "value"),
        n_trades=_count(measured, "n_trades"),
        n_days=_count(measured, "n_days"),
        n_trials=_count(verdict["numbers"], "trials"),
        currency=str(content["currency"]),
        settings=settings,
        hashes={str(key): str(value) for key, value in content["hashes"].items()},
        missing=tuple(name for name in _BESIDE if not (folder / name).is_file()),
    )


def _number(table: Mapping[str, Any], key: str) -> float:
    """Return a number; NaN for null."""
    value = table[key]
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{key} must be a number; was {type(value).__name__}")
    return float(value)


def _count(table: Mapping[str, Any], key: str) -> int:
    number = _number(table, key)
    return 0 if math.isnan(number) else int(number)


def _when(folder: Path, meta: Mapping[str, Any]) -> str:
    """Return when the run ended, as it says, or else as its file says."""
    said = meta.get("at")
    if isinstance(said, str) and _DAY.match(said):
        return said
    try:
        at_s = (folder / RESULTS_FILE).stat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(int(at_s), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _kind(meta: Mapping[str, Any]) -> str:
    """Return the command that made the run, from the command line that repeats it."""
    lines = meta.get("repeat")
    first = lines[0] if isinstance(lines, list) and lines else ""
    words = first.split() if isinstance(first, str) else []
    return words[1] if len(words) > 1 and words[0] == "assay" else ""


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings by dotted key; an empty table stays as it is.

    Examples
    --------
    >>> flat({"exits": {"stop_atr": 6.0, "targets": []}, "instruments": {}})
    {'exits.stop_atr': 6.0, 'exits.targets': [], 'instruments': {}}
    """
    found: dict[str, Any] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        elif prefix:
            found[prefix] = value

    walk("", settings)
    return found


def canonical(value: object) -> str:
    """Return a setting's value as text by which equal ones are known; 6 and 6.0 are equal."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**53:
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def with_differences(rows: Sequence[RunRow]) -> list[RunRow]:
    """Return *rows* with the settings in which each differs from most of them.

    A value that more of the rows have than any other is left out; where none leads, every row
    shows its own. A setting that a row does not know, as it is older, is no difference.
    """
    texts = [{key: canonical(value) for key, value in row.settings.items()} for row in rows]
    usual: dict[str, str | None] = {}
    for key in sorted({key for text in texts for key in text} - SHOWN_ELSEWHERE):
        counts = Counter(text[key] for text in texts if key in text).most_common(2)
        if len(counts) > 1:
            usual[key] = counts[0][0] if counts[0][1] > counts[1][1] else None
    shown = []
    for row, text in zip(rows, texts, strict=True):
        own = [(key, row.settings[key]) for key in usual if key in text and text[key] != usual[key]]
        shown.append(replace(row, differs=tuple(own)))
    return shown
