"""Simulated and real rows never share a series."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.data.catalogue import Catalogue
    from assay.domain.timeframe import Timeframe

SIMULATED = "simulated"
"""The importer that provenance names for simulated rows."""


def refuse_mixture(
    catalogue: "Catalogue", symbol: str, timeframe: "Timeframe | None", *, is_simulated: bool
) -> None:
    """Keep simulated and real rows apart: a verdict about a mixture means nothing.

    Raises
    ------
    DataError
        If the series holds rows of the other kind.
    """
    from assay.domain.errors import DataError

    for entry in catalogue.list():
        if entry.symbol != symbol or entry.timeframe != timeframe:
            continue
        kinds = {item.importer == SIMULATED for item in entry.provenance}
        if kinds and kinds != {is_simulated}:
            stored, offered = ("imported", SIMULATED) if is_simulated else (SIMULATED, "imported")
            raise DataError(
                f"{symbol} {entry.series} must hold simulated or imported rows, not both; "
                f"holds {stored} ones, was offered {offered} ones.",
                remedy=f"Use another workspace, or delete the folder "
                f"{catalogue.root / symbol / entry.series} first.",
                symbol=symbol,
                series=entry.series,
            )
