"""Download history into the workspace: plan, fetch with progress, store, and say how to go on."""

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.cli.pull_progress import PullProgress, duration
from assay.cli.screen import Screen
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import Clock, iso_utc

if TYPE_CHECKING:
    from assay.config.settings import Settings
    from assay.config.workspace import Workspace
    from assay.data.catalogue import Catalogue
    from assay.data.downloads.fetching import Outcome
    from assay.data.downloads.pull import Plan
    from assay.data.downloads.source import Batch, Source, Wish
    from assay.data.downloads.store import Store
    from assay.data.downloads.storing import Stored
    from assay.data.downloads.transfer import Transfer

SYMBOLS_MAX = 200
FOLDER = "downloads"
"""Inside the data folder of a workspace: what was fetched, in the layout of its source."""


@dataclass(slots=True)
class _Pulled:
    """One symbol: what it asked for, and what became of it."""

    wish: "Wish"
    batches: "Sequence[Batch]"
    outcome: "Outcome"
    stored: "list[Stored]" = field(default_factory=list)
    waiting: "list[Batch]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What all symbols of one command share."""

    place: "Workspace"
    source: "Source"
    store: "Store"
    catalogue: "Catalogue"
    clock: Clock
    progress: PullProgress


def pull_history(
    source_text: str,
    symbols: str,
    period_text: str,
    series: str | None,
    *,
    place: "Workspace",
    settings: "Settings",
    screen: Screen,
    clock: Clock,
    is_dry: bool,
    divisor: int | None = None,
    options: Sequence[str] = (),
) -> None:
    """Download the history of each symbol and store it; with *is_dry* show the plan only.

    The command that is shown to go on with ends in *options*.

    Raises
    ------
    ConfigError
        If source, symbols, period or series cannot be what they are.
    DataError
        If files could not be fetched or stored; all others are in the catalogue.
    """
    from assay.data.catalogue import Catalogue
    from assay.data.downloads.fetching import Outcome
    from assay.data.downloads.period import parse_period
    from assay.data.downloads.source import Wish, checked_series
    from assay.data.downloads.sources import source_named
    from assay.data.downloads.store import Store

    now_ns = clock.now()
    source = source_named(source_text, settings.downloads, now_ns, os.environ.get)
    period = parse_period(period_text, now_ns)
    timeframe = checked_series(source, series)
    pulls = []
    for text in _split(symbols):
        name, store_as = source.named(text)
        wish = Wish(
            symbol=name, store_as=store_as, timeframe=timeframe, period=period, divisor=divisor
        )
        pulls.append(_Pulled(wish, source.batches(wish), Outcome()))
    desk = _Desk(
        place=place,
        source=source,
        store=Store(place.data / FOLDER / source.name),
        catalogue=Catalogue(place.data),
        clock=clock,
        progress=PullProgress(sys.stderr),
    )
    if source.notice is not None:
        screen.say(source.notice, style="yellow")
    if is_dry:
        _show_plans(pulls, desk, settings, screen)
        return
    _refuse_simulated(pulls, desk)
    words = ["assay", "data", "pull", source_text, symbols, period_text]
    words += ["--series", wish.series] if series else []
    words += ["--price-divisor", str(divisor)] if divisor is not None else []
    _run(pulls, desk, settings, screen, shlex.join([*words, *options]))


def _split(symbols: str) -> list[str]:
    names = list(dict.fromkeys(text.strip() for text in symbols.split(",") if text.strip()))
    if not 1 <= len(names) <= SYMBOLS_MAX:
        raise ConfigError(
            f"There must be 1 to {SYMBOLS_MAX} symbols; were {len(names)}.",
            remedy="Write, for example, XAUUSD, or XAUUSD,EURUSD.",
            value=symbols[:100],
        )
    return names


def _refuse_simulated(pulls: Sequence[_Pulled], desk: _Desk) -> None:
    from assay.cli.mixture import refuse_mixture

    for item in pulls:
        refuse_mixture(desk.catalogue, item.wish.store_as, item.wish.timeframe, is_simulated=False)


def _show_plans(
    pulls: Sequence[_Pulled], desk: _Desk, settings: "Settings", screen: Screen
) -> None:
    from assay.data.downloads.pull import plan_of

    shown = []
    for item in pulls:
        plan: Plan = plan_of(item.batches, desk.store, settings.downloads.requests_per_second)
        screen.say(
            f"{desk.source.name} {item.wish.symbol} {item.wish.series}: {plan.n_files:,} files, "
            f"{plan.n_here:,} here; to fetch: {plan.n_files - plan.n_here:,}, about "
            f"{plan.bytes_about / 1e6:,.1f} MB, at least {duration(plan.seconds_about)}."
        )
        shown.append(
            {
                "symbol": item.wish.symbol,
                "store_as": item.wish.store_as,
                "series": item.wish.series,
                "from": iso_utc(item.wish.period.start_ns),
                "to": iso_utc(item.wish.period.stop_ns),
                "files": plan.n_files,
                "files_here": plan.n_here,
                "bytes_about": plan.bytes_about,
                "seconds_about": plan.seconds_about,
            }
        )
    screen.emit({"source": desk.source.name, "plans": shown})


def _run(
    pulls: Sequence[_Pulled], desk: _Desk, settings: "Settings", screen: Screen, command: str
) -> None:
    """Fetch and store; whatever ends it, say what is here and how to go on."""
    is_complete = False
    try:
        with desk.store.held():
            try:
                asyncio.run(_pull_all(pulls, desk, settings))
            except DataError:
                _store_waiting(pulls, desk, is_last=False)
                raise
            finally:
                desk.progress.done()
            _store_waiting(pulls, desk, is_last=True)
            _refuse_unread(pulls)
        is_complete = True
    finally:
        for item in pulls:
            _say(item, screen)
        if not is_complete:
            sys.stderr.write(f"What was fetched is kept. Go on with: {command}\n")
    tally = desk.progress.tally
    screen.emit(
        {
            "source": desk.source.name,
            "requests": 0 if tally is None else tally.requests,
            "requests_repeated": 0 if tally is None else tally.retries,
            "pulls": [_as_json(item) for item in pulls],
        }
    )


async def _pull_all(pulls: Sequence[_Pulled], desk: _Desk, settings: "Settings") -> None:
    import numpy as np

    from assay.data.downloads.pace import Pace, Politeness
    from assay.data.downloads.transfer import Transfer

    wanted = settings.downloads
    politeness = Politeness(
        **{name: getattr(wanted, name) for name in Politeness.__dataclass_fields__}
    )
    # Jitter must differ between processes; no result depends on it.
    rng = np.random.default_rng(np.random.SeedSequence())
    pace = Pace(politeness, rng=rng)
    async with Transfer(politeness, pace, desk.clock, secrets=desk.source.secrets) as transfer:
        for item in pulls:
            await _pull_one(item, desk, transfer)


async def _pull_one(item: _Pulled, desk: _Desk, transfer: "Transfer") -> None:
    from assay.data.downloads.pull import pull

    name = f"{desk.source.name} {item.wish.symbol} {item.wish.series}"
    desk.progress.begin(name, sum(len(batch.pieces) for batch in item.batches), transfer.tally)

    def arrived(batch: "Batch") -> None:
        item.waiting.append(batch)
        _store(item, desk, is_last=False)

    await pull(
        desk.source,
        item.wish,
        item.batches,
        desk.store,
        transfer,
        desk.clock,
        outcome=item.outcome,
        heard=desk.progress,
        arrived=arrived,
    )


def _store_waiting(pulls: Sequence[_Pulled], desk: _Desk, *, is_last: bool) -> None:
    """Store what had to wait for another command that was writing to the workspace."""
    for item in pulls:
        if item.waiting:
            _store(item, desk, is_last=is_last)


def _store(item: _Pulled, desk: _Desk, *, is_last: bool) -> None:
    """Merge the batches that arrived, one merge each, unless another command is writing."""
    from assay.data.downloads.storing import is_stored, store_batch

    with ExitStack() as stack:
        try:
            stack.enter_context(desk.place.held())
        except ConfigError:
            if is_last:
                raise
            return  # a run or a training is at work: what is here waits for it
        while item.waiting:
            batch = item.waiting[0]
            if not is_stored(batch, item.wish, desk.store, desk.catalogue):
                item.stored.append(
                    store_batch(
                        batch, item.wish, desk.source, desk.store, desk.catalogue, desk.clock
                    )
                )
            item.waiting.pop(0)


def _refuse_unread(pulls: Sequence[_Pulled]) -> None:
    """Raise for files that came whole but cannot be read, now that all others are stored."""
    unread = [error for item in pulls for stored in item.stored for error in stored.unread]
    if unread:
        rest = f" ({len(unread) - 1} more could not be read as well)" if len(unread) > 1 else ""
        raise DataError(f"{unread[0].message}{rest}", remedy=unread[0].remedy, **unread[0].facts)


def _say(item: _Pulled, screen: Screen) -> None:
    outcome = item.outcome
    screen.say(
        f"{item.wish.symbol} {item.wish.series}: {outcome.n_fetched:,} files fetched "
        f"({outcome.bytes_fetched / 1e6:,.1f} MB), {outcome.n_here:,} were here, "
        f"{outcome.n_absent:,} do not exist, {len(outcome.failures):,} failed."
    )
    if outcome.n_damaged:
        screen.say(f"  {outcome.n_damaged:,} files here were damaged; they were fetched again.")
    reports = [stored.report for stored in item.stored if stored.report is not None]
    if reports:
        screen.say(
            f"  {reports[-1].symbol} {reports[-1].series}: "
            f"{sum(report.rows_added for report in reports):,} rows added, "
            f"{sum(report.rows_replaced for report in reports):,} replaced; "
            f"{reports[-1].rows_total:,} in all; "
            f"{sum(stored.rows_quarantined for stored in item.stored):,} quarantined."
        )
    elif not item.waiting and not item.stored:
        screen.say("  Nothing to store that was not stored already.")
    for text in _warnings(item):
        screen.say(f"  Warning: {text}", style="yellow")


def _warnings(item: _Pulled) -> list[str]:
    bare = [stored.label for stored in item.stored if not stored.n_files and not stored.unread]
    texts = [text for stored in item.stored for text in stored.warnings]
    if bare:
        rest = f" and {len(bare) - 6} more" if len(bare) > 6 else ""
        texts.insert(0, f"the source gave no row for {', '.join(bare[:6])}{rest}")
    if item.waiting:
        labels = ", ".join(batch.label for batch in item.waiting[:12])
        texts.append(f"fetched but not stored yet: {labels}")
    return list(dict.fromkeys(texts))[:5]


def _as_json(item: _Pulled) -> dict[str, Any]:
    outcome = item.outcome
    return {
        "symbol": item.wish.symbol,
        "store_as": item.wish.store_as,
        "series": item.wish.series,
        "files_fetched": outcome.n_fetched,
        "files_here": outcome.n_here,
        "files_absent": outcome.n_absent,
        "files_damaged": outcome.n_damaged,
        "bytes_fetched": outcome.bytes_fetched,
        "failed": [
            {"file": piece.path, "message": error.message} for piece, error in outcome.failures
        ],
        "merges": [
            {
                "batch": stored.label,
                "files": stored.n_files,
                "rows_quarantined": stored.rows_quarantined,
                "merge": None if stored.report is None else stored.report.as_json(),
            }
            for stored in item.stored
        ],
        "warnings": _warnings(item),
    }
