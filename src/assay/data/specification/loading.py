"""The contract facts that hold in a workspace: imported versions, else those of the catalogue."""

from collections.abc import Mapping
from pathlib import Path

from assay.config.instruments import LIKE, load_instrument, with_overrides
from assay.domain.facts_history import DatedFacts, FactsHistory

FILES_NAMED = 3


def load_facts(
    root: Path, symbol: str, overrides: Mapping[str, object] | None = None
) -> FactsHistory:
    """Return the contract facts of *symbol* by the time from which they held.

    Parameters
    ----------
    root : Path
        Folder of the catalogue, where imported versions lie.
    symbol : str
    overrides : mapping, optional
        The table ``[instruments.<symbol>]`` of ``assay.toml``; it wins over every version.

    Raises
    ------
    ConfigError
        If the symbol is unknown, or an override is wrong.
    DataError
        If the stored facts are damaged.
    """
    from assay.data.specification.storing import FOLDER, FactsStore

    overrides = dict(overrides or {})
    if not (Path(root) / FOLDER).is_dir():
        return FactsHistory.of(load_instrument(symbol, overrides))
    stored = FactsStore(root).versions(symbol)
    if not stored:
        return FactsHistory.of(load_instrument(symbol, overrides))
    stated = [name for name in overrides if name != LIKE]
    versions = tuple(
        DatedFacts(
            valid_from_ns=one.valid_from_ns,
            instrument=with_overrides(one.instrument, overrides),
        )
        for one in stored
    )
    files = list(dict.fromkeys(f"{one.source} (sha256 {one.sha256[:12]})" for one in stored))
    more = f" and {len(files) - FILES_NAMED} more" if len(files) > FILES_NAMED else ""
    notes = [
        f"{symbol}: contract facts are a broker's, imported in {len(stored)} dated version"
        f"{'s' if len(stored) > 1 else ''} from {', '.join(files[-FILES_NAMED:])}{more}."
    ]
    notes += list(dict.fromkeys(note for one in stored for note in one.notes))
    if stated:
        notes.append(
            f"{symbol}: assay.toml overrides {', '.join(stated)} in every version of its facts."
        )
    return FactsHistory(symbol=symbol, versions=versions, notes=tuple(notes))
