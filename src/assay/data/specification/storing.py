"""Dated contract facts on disk: one JSON document for each symbol, replaced whole or not at all."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.config.instruments import checked_instrument
from assay.data.disk import Disk, disk_refused, put
from assay.domain.errors import ConfigError, DataError
from assay.domain.instrument import Instrument
from assay.domain.time import iso_utc

if TYPE_CHECKING:
    from assay.data.specification.compiling import Lender
    from assay.data.specification.reading import Specification

FOLDER = "_facts"
"""Inside the folder of the catalogue."""
LAYOUT = 1
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
VERSIONS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFacts:
    """One version of one symbol's facts, with its origin.

    Attributes
    ----------
    valid_from_ns : int
    instrument : Instrument
    notes : tuple of str
    source, sha256, form : str
        Name, hash and form of the file.
    imported_ns : int
        When it was imported, UTC nanoseconds.
    """

    valid_from_ns: int
    instrument: Instrument
    notes: tuple[str, ...]
    source: str
    sha256: str
    form: str
    imported_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What storing one specification did.

    Attributes
    ----------
    symbol : str
    valid_from_ns : int
    n_versions : int
        Versions of the symbol now.
    outcome : str
        ``added``, ``replaced`` or ``unchanged``.
    changed : tuple of (str, str, str)
        Fact, value in the version before, value now; empty for the first version.
    """

    symbol: str
    valid_from_ns: int
    n_versions: int
    outcome: str
    changed: tuple[tuple[str, str, str], ...]


class FactsStore:
    """The dated contract facts of a workspace.

    Parameters
    ----------
    root : Path
        Folder of the catalogue. Reading never creates or changes anything in it.
    disk : Disk
        Where writes go; tests pass one that fails.
    """

    def __init__(self, root: Path, *, disk: Disk | None = None) -> None:
        self._folder = Path(root) / FOLDER
        self._disk = disk or Disk()

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that have facts, sorted."""
        return tuple(sorted(path.stem for path in self._folder.glob("*.json")))

    def versions(self, symbol: str) -> tuple[StoredFacts, ...]:
        """Return the versions of *symbol*, oldest first; none if it has none.

        Raises
        ------
        DataError
            If the document is damaged.
        """
        path = self._path(symbol)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _damaged(path, f"could not be read: {error.strerror}") from None
        return _decoded(raw, symbol, path)

    def before(self, symbol: str, time_ns: int) -> "Lender | None":
        """Return the last version of *symbol* that is valid before *time_ns*, to borrow from.

        Raises
        ------
        DataError
            If the document is damaged.
        """
        from assay.data.specification.compiling import Lender

        older = [one for one in self.versions(symbol) if one.valid_from_ns < time_ns]
        if not older:
            return None
        name = f"the version of {iso_utc(older[-1].valid_from_ns)[:10]}"
        return Lender(instrument=older[-1].instrument, name=name)

    def add(self, found: "Specification", *, imported_ns: int) -> Stored:
        """Store one version; one of the same date is replaced.

        The caller holds the lock of the workspace. A crash leaves the document before or after.

        Raises
        ------
        DataError
            If the stored document is damaged, full, or of other currencies, or the disk refuses.
        """
        item = found.instrument
        before = self.versions(item.symbol)
        version = StoredFacts(
            valid_from_ns=found.valid_from_ns,
            instrument=item,
            notes=found.notes,
            source=found.source,
            sha256=found.sha256,
            form=found.form,
            imported_ns=imported_ns,
        )
        same = [one for one in before if one.valid_from_ns == version.valid_from_ns]
        others = [one for one in before if one.valid_from_ns != version.valid_from_ns]
        _refuse_stranger(item, others)
        older = [one for one in others if one.valid_from_ns < version.valid_from_ns]
        reference = same[0] if same else older[-1] if older else None
        changed = _differences(reference.instrument, item) if reference else ()
        is_known = bool(same) and not changed and same[0].notes == version.notes
        after = sorted([*others, version], key=lambda one: one.valid_from_ns)
        if not is_known:
            path, content = self._path(item.symbol), _encoded(item.symbol, after)
            try:
                self._disk.make_folder(self._folder)
                put(self._disk, path, content)
            except OSError as error:
                raise disk_refused(self._folder, item.symbol, error, what="facts") from error
        outcome = "unchanged" if is_known else "replaced" if same else "added"
        return Stored(
            symbol=item.symbol,
            valid_from_ns=version.valid_from_ns,
            n_versions=len(after),
            outcome=outcome,
            changed=changed,
        )

    def _path(self, symbol: str) -> Path:
        from assay.data.entry import checked_symbol

        return self._folder / f"{checked_symbol(symbol)}.json"


def _refuse_stranger(item: Instrument, others: list[StoredFacts]) -> None:
    for one in others:
        old = one.instrument
        if (old.base, old.quote) != (item.base, item.quote):
            raise DataError(
                f"All versions of {item.symbol} must be of one pair of currencies; stored are "
                f"{old.base}/{old.quote}, the file has {item.base}/{item.quote}.",
                remedy="Import the other contract under its own name with --symbol.",
                symbol=item.symbol,
            )
    if len(others) >= VERSIONS_MAX:
        raise DataError(
            f"{item.symbol} must have at most {VERSIONS_MAX:,} versions; has {len(others):,}.",
            remedy="Keep one a month.",
            symbol=item.symbol,
        )


def _differences(before: Instrument, after: Instrument) -> tuple[tuple[str, str, str], ...]:
    pairs = (
        (field.name, getattr(before, field.name), getattr(after, field.name))
        for field in fields(Instrument)
    )
    return tuple((name, _shown(old), _shown(now)) for name, old, now in pairs if old != now)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} entries" if value else "none"
    return str(getattr(value, "value", value))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return [_plain(one) for one in value.values()]
    return value


def _encoded(symbol: str, versions: list[StoredFacts]) -> bytes:
    body = {
        "symbol": symbol,
        "versions": [
            {
                "valid_from_ns": one.valid_from_ns,
                "valid_from": iso_utc(one.valid_from_ns),
                "facts": {
                    name: _plain(value)
                    for name, value in asdict(one.instrument).items()
                    if name != "symbol"
                },
                "notes": list(one.notes),
                "source": one.source,
                "sha256": one.sha256,
                "form": one.form,
                "imported_ns": one.imported_ns,
                "imported": iso_utc(one.imported_ns),
            }
            for one in versions
        ],
    }
    document = {"layout": LAYOUT, "checksum": _checksum(body), **body}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} must be as it was written; {reason}.",
        remedy="Restore it from a backup, or delete it and import the specifications again.",
        file=str(path),
    )


def _decoded(raw: bytes, symbol: str, path: Path) -> tuple[StoredFacts, ...]:
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise _damaged(path, f"has {len(raw):,} bytes")
    try:
        document = json.loads(raw)
        body = {key: document[key] for key in ("symbol", "versions")}
        layout, checksum = document["layout"], document["checksum"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(path, "is no document of contract facts") from None
    if layout != LAYOUT:
        raise _damaged(path, f"has layout {layout!r}, this release reads {LAYOUT}")
    if checksum != _checksum(body) or body["symbol"] != symbol:
        raise _damaged(path, "its content does not match its checksum")
    try:
        return tuple(
            StoredFacts(
                valid_from_ns=one["valid_from_ns"],
                instrument=checked_instrument(symbol, one["facts"]),
                notes=tuple(one["notes"]),
                source=one["source"],
                sha256=one["sha256"],
                form=one["form"],
                imported_ns=one["imported_ns"],
            )
            for one in body["versions"]
        )
    except (KeyError, TypeError, ConfigError) as error:
        raise _damaged(path, f"a version is not complete: {error}") from None
