"""Import of many files into the catalogue: grouped by series, failures collected."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from assay.data.bars import Bars
from assay.data.catalogue import Catalogue
from assay.data.entry import MergeReport
from assay.data.importers.discovery import Found, find_files, named, total_bytes
from assay.data.importers.grouping import Group, grouped, is_ask, split_at_partners
from assay.data.importers.imported import Imported
from assay.data.importers.lean import is_lean
from assay.data.importers.reading import Reading, Wish
from assay.domain.errors import AssayError, ConfigError, DataError
from assay.domain.progress import Progress
from assay.domain.timeframe import Timeframe

ROWS_PER_MERGE = 4_000_000
ROWS_WAITING_MAX = 16_000_000
FAILURES_MAX = 1_000
BYTES_PER_STEP = 1 << 20
_DOCUMENTS = (".md", ".html", ".htm", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ipynb")
_SETTINGS = (".log", ".ini", ".toml", ".yaml", ".yml", ".sha256", ".md5", ".set")
_PROGRAMS = (".py", ".ex4", ".ex5", ".mq4", ".mq5", ".mqh", ".exe", ".dll")
_NOT_DATA = frozenset({*_DOCUMENTS, *_SETTINGS, *_PROGRAMS})

Key = tuple[str, Timeframe | None]


@dataclass(frozen=True, slots=True)
class Merged:
    """Files of one series that were merged together."""

    group: Group
    report: MergeReport

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return {
            **self.report.as_json(),
            "files": self.group.n_files,
            "provenance": self.group.provenance.as_json(),
            "quarantine": self.group.quarantine.as_json(),
            "warnings": list(self.group.warnings),
        }


@dataclass(slots=True, kw_only=True)
class Batch:
    """An import of files, folders and archives into a catalogue.

    Attributes
    ----------
    catalogue : Catalogue
    wish : Wish
        What the user fixed.
    now_ns : callable
        The time of import.
    before_merge : callable
        Called with symbol and timeframe before rows are merged; raises to refuse.
    take_other : callable
        Called with a file before it is read as bars or ticks; True if it was something else,
        such as an economic calendar, and is dealt with.
    heard : callable
        Called with every file that was read, as soon as it is.
    merged : list of Merged
    failed : list of (name, error)
    n_files, n_passed_over : int
        Files read; files in folders that are no data, such as ``README.md``.
    """

    catalogue: Catalogue
    wish: Wish
    now_ns: Callable[[], int]
    before_merge: Callable[[str, Timeframe | None], None] = lambda symbol, timeframe: None
    take_other: Callable[[Found], bool] = lambda found: False
    heard: Callable[[Imported], None] = lambda imported: None
    merged: list[Merged] = field(default_factory=list)
    failed: list[tuple[str, AssayError]] = field(default_factory=list)
    n_files: int = 0
    n_passed_over: int = 0
    _waiting: dict[Key, list[Imported]] = field(default_factory=dict)

    def run(self, paths: Sequence[Path], progress: Progress) -> None:
        """Import everything that *paths* name.

        A file that fails does not stop the others; it is in ``failed``. What was merged stays
        merged, so an import that was cut off is completed by running it again.

        Raises
        ------
        DataError
            If nothing at all could be imported, more than ``FAILURES_MAX`` files fail, or the
            catalogue refuses.
        """
        reading = Reading(self.wish, self.catalogue)
        progress.stage("importing", max(1, total_bytes(paths) // BYTES_PER_STEP))
        try:
            for found in find_files(paths, is_whole=is_lean):
                if is_no_data(found):
                    self.n_passed_over += 1
                    continue
                told = _told(progress, found)
                self._import(found, partial(reading.read, found, told))
                told(1, 1)
            for found, outcome in reading.read_unclear():
                if isinstance(outcome, DataError):
                    self._fail(found, outcome)
                else:
                    self._import(found, partial(iter, outcome))
        finally:
            reading.close()
        for key in list(self._waiting):
            self._merge_or_fail(key)
        progress.done()
        if self.failed and not self.merged and not self.n_files:
            raise self._nothing()

    def _import(self, found: Found, read: Callable[[], Iterator[Imported]]) -> None:
        try:
            if self.take_other(found):
                self.n_files += 1
                return
            is_read = False  # a file whose clock is unclear gives nothing yet
            for imported in read():
                self._take(imported)
                is_read = True
            self.n_files += is_read
        except ConfigError:
            raise  # what the user asked for is wrong, not the file
        except AssayError as error:
            self._fail(found, error)

    def _fail(self, found: Found, error: AssayError) -> None:
        if not found.is_lasting:  # nobody knows the folder it was unpacked to
            message = error.message.replace(str(found.path), found.name)
            error = type(error)(message, remedy=error.remedy, **{**error.facts, "path": found.name})
        self.failed.append((found.name, error))
        if len(self.failed) > FAILURES_MAX:
            raise self._nothing()

    def _take(self, imported: Imported) -> None:
        self.heard(imported)
        if len(imported.series) == 0:
            return
        timeframe = None if imported.bars is None else imported.bars.timeframe
        key = imported.series.symbol, timeframe
        waiting = self._waiting.setdefault(key, [])
        waiting.append(imported)
        one_sided = {item.side for item in waiting} == {"ask"}
        n_rows = sum(len(item.series) for item in waiting)
        if n_rows >= ROWS_PER_MERGE and not one_sided:
            self._merge_or_fail(key, is_last=False)
        while _n_rows(self._waiting) > ROWS_WAITING_MAX:
            largest = max(self._waiting, key=lambda key: _n_rows({key: self._waiting[key]}))
            self._merge_or_fail(largest)

    def _merge_or_fail(self, key: Key, *, is_last: bool = True) -> None:
        """Merge one series; where it is refused, the others are merged all the same."""
        names = list(dict.fromkeys(item.source for item in self._waiting[key]))
        try:
            self._merge(key, is_last=is_last)
        except AssayError as error:
            self._waiting.pop(key, None)
            self.n_files = max(0, self.n_files - len(names))
            self.failed += [(name, error) for name in names]

    def _merge(self, key: Key, *, is_last: bool = True) -> None:
        imports, left = self._waiting.pop(key), list[Imported]()
        if not is_last:
            imports, left = split_at_partners(imports)
        if left:
            self._waiting[key] = left
        self.before_merge(*key)
        group = grouped(imports, self.now_ns(), self._stored_bid(key, imports))
        if len(group.series) == 0:
            return
        report = self.catalogue.merge(group.series, group.provenance, group.quarantine)
        self.merged.append(Merged(group, report))

    def _stored_bid(self, key: Key, imports: Sequence[Imported]) -> Bars | None:
        """Return stored bars at the times of ask bars that come without a bid side."""
        symbol, timeframe = key
        is_stored = any((entry.symbol, entry.timeframe) == key for entry in self.catalogue.list())
        if timeframe is None or not is_stored or not all(is_ask(item) for item in imports):
            return None
        first = min(int(item.series.time_ns[0]) for item in imports)
        last = max(int(item.series.time_ns[-1]) for item in imports)
        return self.catalogue.read_bars(symbol, timeframe, first, last + 1)

    def _nothing(self) -> DataError:
        first = self.failed[0][1]
        if len(self.failed) == 1 and isinstance(first, DataError):
            return first
        return DataError(
            f"{len(self.failed)} files must be market history; were not: "
            f"{named([name for name, _ in self.failed])}. The first: {first.message}",
            remedy=first.remedy,
            files=[name for name, _ in self.failed],
        )


def is_no_data(found: Found) -> bool:
    """Tell whether a file of a folder is a document, settings or a program, by its name."""
    return found.path.suffix.lower() in _NOT_DATA and not found.is_named


def _n_rows(waiting: Mapping[Key, Sequence[Imported]]) -> int:
    return sum(len(item.series) for items in waiting.values() for item in items)


def _told(progress: Progress, found: Found) -> Callable[[int, int], None]:
    """Return what turns bytes read of one file into steps of the whole import."""
    n_steps = found.n_bytes // BYTES_PER_STEP
    n_told = 0

    def told(n_read: int, n_all: int) -> None:
        nonlocal n_told
        n_now = n_steps * min(n_read, n_all) // max(1, n_all)
        if n_now > n_told:
            progress.advance(n_now - n_told)
            n_told = n_now

    return told
