"""Records of a small file: the rows of a CSV, the objects of a JSON document or of JSON lines."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.data.importers.documents import looks_like_json, read_documents
from assay.data.importers.source import checked_file, read_sample
from assay.domain.errors import DataError

BYTES_MAX = 64 << 20
ROWS_MAX = 1_000_000
FIELDS_MAX = 500
LINE_CHARACTERS_MAX = 1 << 16
_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 60
HeaderTest = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row: its line (in a JSON document: its number, from 1), its fields, its text."""

    line: int
    fields: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A text file seen as a table.

    Attributes
    ----------
    headers : tuple of str
        As written; empty if the file has none.
    rows : tuple of Record
        Rows below the header, blank lines left out.
    delimiter : str
        Empty for JSON.
    encoding : str
    ends_cut : bool
        Whether the last line has no line end.
    """

    headers: tuple[str, ...]
    rows: tuple[Record, ...]
    delimiter: str
    encoding: str
    ends_cut: bool = False

    @property
    def n_columns(self) -> int:
        """Fields of most rows."""
        counts = Counter(len(row.fields) for row in self.rows[:1000])
        return len(self.headers) or (counts.most_common(1)[0][0] if counts else 0)


def read_text(path: Path, *, bytes_max: int = BYTES_MAX) -> tuple[str, str]:
    """Return the text of a file and its encoding; bytes that are not text become U+FFFD.

    Raises
    ------
    DataError
        If it is missing, empty, binary, or larger than *bytes_max*.
    """
    size = checked_file(path)
    if size > bytes_max:
        raise DataError(
            f"{path} must be at most {bytes_max:,} bytes; was {size:,}.",
            remedy="Split it by year and import each part; parts merge.",
            path=str(path),
            size=size,
        )
    encoding = read_sample(path).encoding
    text = path.read_bytes().decode(encoding, errors="replace").lstrip("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def split_line(line: str, delimiter: str) -> tuple[str, ...]:
    """Return the fields of one line; a quote that does not end stops at the line's end."""
    try:
        fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        fields = line.split(delimiter)
    return tuple(field.strip() for field in fields)


def best_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that cuts most lines into the same number of fields, most of all."""
    best, score_best = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        counts = Counter(len(split_line(line, delimiter)) for line in lines)
        counts.pop(1, None)
        if counts:
            n_fields, n_lines = max(counts.items(), key=lambda item: (item[1], item[0]))
            score = (round(n_lines / len(lines), 1), n_fields)
            if score > score_best:
                best, score_best = delimiter, score
    return best


def read_csv(path: Path, text: str, encoding: str, is_header: HeaderTest) -> Table:
    """Return the rows of a delimited text.

    Parameters
    ----------
    path : Path
        Named in refusals.
    text, encoding : str
        As :func:`read_text` returned them.
    is_header : callable
        Tells whether the fields of one of the first twenty lines name columns.

    Raises
    ------
    DataError
        If a line or the table is too large.
    """
    lines = text.split("\n")
    ends_cut = bool(lines[-1])
    first_lines = [line[:LINE_CHARACTERS_MAX] for line in lines[:400] if line.strip()]
    delimiter = best_delimiter(first_lines[:_SAMPLE_LINES])
    headers: tuple[str, ...] = ()
    skip = 0
    for at, line in enumerate(lines[:20]):
        fields = split_line(line[:LINE_CHARACTERS_MAX], delimiter)
        if len(fields) >= 2 and is_header(fields):
            headers, skip = fields, at + 1
            break
    while headers and not headers[-1]:
        headers = headers[:-1]
    rows: list[Record] = []
    for at, line in enumerate(lines[skip:], start=skip + 1):
        if not line.strip(" \t,;|"):
            continue
        if len(line) > LINE_CHARACTERS_MAX:
            raise _too_large(path, at, f"{LINE_CHARACTERS_MAX:,} characters long", len(line))
        if len(rows) >= ROWS_MAX:
            raise _too_large(path, at, f"one of {ROWS_MAX:,} rows", at)
        rows.append(Record(line=at, fields=split_line(line, delimiter), text=line))
    return Table(
        headers=headers,
        rows=tuple(rows),
        delimiter=delimiter,
        encoding=encoding,
        ends_cut=ends_cut,
    )


def _too_large(path: Path, line: int, rule: str, value: object) -> DataError:
    return DataError(
        f"{path} line {line} must be at most {rule}; was {value}.",
        remedy="Split the file, or check that it is a table with one row per line.",
        path=str(path),
        line=line,
    )


def read_values(path: Path) -> list[tuple[int, object]] | None:
    """Return the values of a JSON document, or of JSON lines, each with its number from 1.

    Returns
    -------
    values : list of (number, value) or None
        An array gives its elements, numbered; in JSON lines the number is the line, and a
        line that is no JSON gives its text. None where the file does not begin as JSON does.

    Raises
    ------
    DataError
        If it begins as JSON and is damaged, nested too deeply, or too large.
    """
    with path.open("rb") as file:
        if not looks_like_json(file.read(1 << 16)):
            return None
    documents = list(read_documents(path, bytes_max=BYTES_MAX))
    if len(documents) == 1 and isinstance(documents[0].value, list):
        values: list[tuple[int, object]] = list(enumerate(documents[0].value, 1))
    else:
        values = [(item.line, item.text if item.fault else item.value) for item in documents]
    if len(values) > ROWS_MAX:
        raise _too_large(path, 1, f"one of {ROWS_MAX:,} rows", len(values))
    return values


def table_of_objects(values: Sequence[tuple[int, object]], encoding: str) -> Table | None:
    """Return flat JSON objects as a table, or None if half of *values* are no such objects.

    A value that is no flat object becomes a row without fields, to be refused by its number.
    """
    flat = [(number, value, _flat(value)) for number, value in values]
    n_flat = sum(1 for _, _, fields in flat if fields is not None)
    if n_flat * 2 <= len(flat):
        return None
    headers = tuple(dict.fromkeys(key for _, _, fields in flat[:1000] for key in fields or ()))
    if not 2 <= len(headers) <= FIELDS_MAX:
        return None
    rows: list[Record] = []
    for number, value, fields in flat:
        cells = () if fields is None else tuple(fields.get(key, "") for key in headers)
        rows.append(Record(line=number, fields=cells, text=shown(value)))
    return Table(headers=headers, rows=tuple(rows), delimiter="", encoding=encoding)


def _flat(value: object) -> dict[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    if any(isinstance(inner, dict | list) for inner in value.values()):
        return None
    return {
        str(key).strip(): "" if inner is None else str(inner).strip()
        for key, inner in value.items()
    }


def shown(value: object) -> str:
    """Return a JSON value as one short line, for the quarantine."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:300]
