"""Where stored rows came from."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One import: enough to repeat it and to tell whether the source changed since.

    Attributes
    ----------
    source : str
        File name, without folders.
    sha256 : str
        Hash of the bytes of the source.
    importer : str
        Format that was recognised or asked for, such as ``mt5_bars``.
    timezone : str
        Clock of the source.
    rows_in, rows_kept, rows_quarantined : int
        ``rows_in == rows_kept + rows_quarantined``.
    imported_ns : int
        When, in UTC nanoseconds; passed in by the caller.
    piece : str
        Which piece of a source too large for memory, such as ``2014-05-03``; else empty.
    """

    source: str
    sha256: str
    importer: str
    timezone: str
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    imported_ns: int
    piece: str = ""

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON document."""
        return asdict(self)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes two imports the same: bytes, importer, clock and piece."""
        return self.sha256, self.importer, self.timezone, self.piece
