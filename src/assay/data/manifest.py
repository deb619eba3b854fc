"""The manifest of one series: which part files hold it, their hashes, where they came from."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.data.provenance import Provenance
from assay.domain.errors import DataError

FILE_NAME = "manifest.json"
_LAYOUT = 1
IMPORTS_KEPT_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One immutable Parquet file.

    Attributes
    ----------
    name : str
        File name: period and hash of the content.
    period : str
        UTC year of bars (``2014``), UTC month of ticks (``2014-05``).
    rows : int
    first_ns, last_ns : int
        Times of the first and last row.
    sha256 : str
        Hash of the decoded arrays.
    has_ask : bool
        Whether any row has ask prices.
    """

    name: str
    period: str
    rows: int
    first_ns: int
    last_ns: int
    sha256: str
    has_ask: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is known of one stored series; parts are in order of time."""

    symbol: str
    series: str
    parts: tuple[Part, ...]
    provenance: tuple[Provenance, ...]
    quarantine: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of stored rows."""
        return sum(part.rows for part in self.parts)

    @property
    def content_hash(self) -> str:
        """SHA-256 over the hashes of the parts: depends on the decoded rows alone."""
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(f"{part.period} {part.rows} {part.sha256}\n".encode())
        return digest.hexdigest()

    def encode(self) -> bytes:
        """Return the JSON document, with a checksum of its own text."""
        body = {"layout": _LAYOUT, **asdict(self), "content_hash": self.content_hash}
        text = json.dumps(body, sort_keys=True)
        checksum = hashlib.sha256(text.encode()).hexdigest()
        return json.dumps({"checksum": checksum, "body": body}, sort_keys=True, indent=1).encode()


def decode(content: bytes, path: Path) -> Manifest:
    """Read what :meth:`Manifest.encode` wrote.

    Raises
    ------
    DataError
        If the text is damaged or of another layout.
    """
    try:
        document = json.loads(content)
        body = document["body"]
        text = json.dumps(body, sort_keys=True)
        if document["checksum"] != hashlib.sha256(text.encode()).hexdigest():
            raise ValueError("its checksum does not match")
        if body["layout"] != _LAYOUT:
            raise ValueError(f"its layout is {body['layout']}, this program reads {_LAYOUT}")
        return Manifest(
            symbol=body["symbol"],
            series=body["series"],
            parts=tuple(Part(**part) for part in body["parts"]),
            provenance=tuple(Provenance(**entry) for entry in body["provenance"]),
            quarantine=tuple(body["quarantine"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} must be a readable manifest; was not: {error}.",
            remedy=f"Delete the folder {path.parent} and import its sources again.",
            path=str(path),
        ) from error
