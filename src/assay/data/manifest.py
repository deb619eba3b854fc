"""The manifest of one series: which part files hold it, their hashes, where they came from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

from assay.data.provenance import Provenance
from assay.data.schema import BARS, TICKS, Period, Schema
from assay.domain.errors import DataError

FILE_NAME = "manifest.json"
TICKS_NAME = "TICKS"
IMPORTS_KEPT_MAX = 10_000
QUARANTINES_KEPT_MAX = 1_000
_LAYOUT = 2
_HEAD = b'{"checksum": "%s", "body": '
_HEAD_BYTES = len(_HEAD) - 2 + 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One immutable Parquet file.

    Attributes
    ----------
    name : str
        File name: period and hash of the content.
    period : str
        UTC year of bars (``2014``), UTC week of ticks (``2014-05-03``, a Saturday). Before
        layout 2 ticks were cut by month (``2014-05``).
    rows : int
    first_ns, last_ns : int
        Times of the first and last row.
    sha256 : str
        Hash of the decoded arrays.
    has_ask : bool
        Whether any row has the optional columns of its schema: ask prices.
    """

    name: str
    period: str
    rows: int
    first_ns: int
    last_ns: int
    sha256: str
    has_ask: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineFile:
    """Refused rows of one import, stored beside the series.

    Attributes
    ----------
    name : str
        File name.
    source : str
        The import they came from.
    rows : int
        All refused rows; the file lists the first 100,000.
    reasons : mapping of reason to int
        Empty where an earlier version stored none.
    """

    name: str
    source: str
    rows: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is known of one stored series; parts are in order of time.

    ``schema`` is None for bars and ticks, whose columns are fixed.
    """

    symbol: str
    series: str
    parts: tuple[Part, ...]
    provenance: tuple[Provenance, ...]
    quarantine: tuple[QuarantineFile, ...]
    schema: Schema | None = None

    @property
    def columns(self) -> Schema:
        """The columns of the parts."""
        return self.schema or (TICKS if self.series == TICKS_NAME else BARS)

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
        """Return the JSON document; its checksum is of the bytes of its body."""
        body = {
            "layout": _LAYOUT,
            "symbol": self.symbol,
            "series": self.series,
            "schema": None if self.schema is None else self.schema.as_json(),
            "content_hash": self.content_hash,
            "part_fields": [field.name for field in fields(Part)],
            "parts": [list(astuple(part)) for part in self.parts],
            "provenance": [asdict(entry) for entry in self.provenance],
            "quarantine": [
                {**asdict(entry), "reasons": dict(entry.reasons)} for entry in self.quarantine
            ],
        }
        text = json.dumps(body).encode()
        return _HEAD % hashlib.sha256(text).hexdigest().encode() + text + b"}"


def blank(symbol: str, series: str, schema: Schema | None) -> Manifest:
    """Return the manifest of a series of which nothing is stored yet."""
    return Manifest(
        symbol=symbol, series=series, parts=(), provenance=(), quarantine=(), schema=schema
    )


def decode(content: bytes, path: Path) -> Manifest:
    """Read what :meth:`Manifest.encode` wrote, now or in layout 1.

    Raises
    ------
    DataError
        If the text is damaged or of another layout.
    """
    try:
        if content.startswith(_HEAD[:14]):
            body = _checked_body(content)
        else:
            body = _checked_body_of_layout_1(content)
        if body["layout"] not in (1, _LAYOUT):
            raise ValueError(f"its layout is {body['layout']}, this program reads {_LAYOUT}")
        return _manifest_of(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} must be a readable manifest; was not: {error}.",
            remedy=f"Delete the folder {path.parent} and import its sources again.",
            path=str(path),
        ) from error


def _checked_body(content: bytes) -> dict[str, object]:
    text = content[_HEAD_BYTES:-1]
    head = _HEAD % hashlib.sha256(text).hexdigest().encode()
    if content[:_HEAD_BYTES] != head or content[-1:] != b"}":
        raise ValueError("its checksum does not match")
    body: dict[str, object] = json.loads(text)
    return body


def _checked_body_of_layout_1(content: bytes) -> dict[str, object]:
    document = json.loads(content)
    body: dict[str, object] = document["body"]
    text = json.dumps(body, sort_keys=True)
    if document["checksum"] != hashlib.sha256(text.encode()).hexdigest():
        raise ValueError("its checksum does not match")
    return body


def _manifest_of(body: dict[str, object]) -> Manifest:
    parts: list[Part]
    imports = [Provenance(**entry) for entry in body["provenance"]]  # type: ignore[attr-defined]
    if body["layout"] == 1:
        parts = [Part(**part) for part in body["parts"]]  # type: ignore[attr-defined]
        quarantine = [_quarantine_of_layout_1(name, imports) for name in body["quarantine"]]  # type: ignore[attr-defined]
    else:
        names = body["part_fields"]
        parts = [Part(**dict(zip(names, part, strict=True))) for part in body["parts"]]  # type: ignore[attr-defined,call-overload]
        quarantine = [QuarantineFile(**entry) for entry in body["quarantine"]]  # type: ignore[attr-defined]
    stated = body.get("schema")
    return Manifest(
        symbol=str(body["symbol"]),
        series=str(body["series"]),
        parts=tuple(parts),
        provenance=tuple(imports),
        quarantine=tuple(quarantine),
        schema=None if stated is None else _schema_of(stated),
    )


def _schema_of(stated: object) -> Schema:
    facts = dict(stated)  # type: ignore[call-overload]
    return Schema(
        kind=facts["kind"],
        columns=dict(facts["columns"]),
        keys=tuple(facts["keys"]),
        period=Period(facts["period"]),
    )


def _quarantine_of_layout_1(name: str, imports: list[Provenance]) -> QuarantineFile:
    """Return what layout 1 knew: the file, and through its name the import."""
    stem = name.removeprefix("quarantine-").removesuffix(".csv")
    found = [entry for entry in imports if entry.sha256.startswith(stem)]
    return QuarantineFile(
        name=name,
        source=found[-1].source if found else "",
        rows=found[-1].rows_quarantined if found else 0,
        reasons={},
    )
