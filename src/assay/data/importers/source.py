"""The bytes of a file to import: its encoding, a sample, and whole lines in bounded blocks."""

import codecs
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.domain.errors import DataError

Progress = Callable[[int, int], None]
"""Called with bytes read so far and bytes in all."""

BLOCK_BYTES = 16 << 20
_SAMPLE_BYTES = 1 << 16
_LINE_BYTES_MAX = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive", "Unpack it and import the files inside."),
    (b"PK\x05\x06", "an empty zip archive", "Download it again."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it with gunzip and import the result."),
    (b"\xfd7zXZ\x00", "an xz archive", "Unpack it with unxz and import the result."),
    (b"BZh", "a bzip2 archive", "Unpack it with bunzip2 and import the result."),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "Unpack it with unzstd and import the result."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it and import the files inside."),
    (b"Rar!", "a RAR archive", "Unpack it and import the files inside."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV and import that."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV and import that."),
    (b"%PDF", "a PDF document", "Import the CSV it was made from."),
    (b"ARROW1", "an Arrow file", "Save it as Parquet and import that."),
    (b"\x89HDF", "an HDF5 file", "Save the table as Parquet and import that."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Lines from the head, the middle and the tail of a text file.

    Attributes
    ----------
    head : tuple of str
        First lines, without line ends.
    later : tuple of str
        Whole lines from the middle and the end; empty for a small file.
    encoding : str
    has_bom : bool
    line_bytes : float
        Mean length of a line in bytes.
    """

    head: tuple[str, ...]
    later: tuple[str, ...]
    encoding: str
    has_bom: bool
    line_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Whole lines of a file, as UTF-8.

    Attributes
    ----------
    text : bytes
        Lines, each ended by a newline; carriage returns are gone.
    first_line : int
        Number of the first line, from 1.
    n_lines : int
    ends_cut : bool
        Whether the last line of the file is in this block and lacked its line end.
    """

    text: bytes
    first_line: int
    n_lines: int
    ends_cut: bool


def checked_file(path: Path) -> int:
    """Return the size of *path* in bytes.

    Raises
    ------
    DataError
        If it is missing, no file, unreadable or empty.
    """
    try:
        if path.is_dir():
            raise DataError(
                f"{path} must be a file; was a folder.",
                remedy="Name the files in it, such as folder/*.csv.",
                path=str(path),
            )
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise DataError(
            f"{path} must exist; does not.", remedy="Check the path.", path=str(path)
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} must be readable; was not: {error}.",
            remedy="Check the path and its permissions.",
            path=str(path),
        ) from error
    if size == 0:
        raise DataError(
            f"{path} must have rows; was empty (0 bytes).",
            remedy="Export or download it again.",
            path=str(path),
            size=0,
        )
    return size


def file_sha256(path: Path) -> str:
    """Return the hash of the bytes of *path*, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def read_sample(path: Path) -> Sample:
    """Look at the head, the middle and the tail of a text file.

    Raises
    ------
    DataError
        If the bytes are not text.
    """
    size = checked_file(path)
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        _refuse_binary(path, head)
        encoding, bom = _encoding(path, head)
        pieces = []
        if size > 4 * _SAMPLE_BYTES:
            for start in (size // 2, size - _SAMPLE_BYTES):
                file.seek(start - start % 4 + len(bom))
                pieces.append(file.read(_SAMPLE_BYTES))
    lines = _lines(head[len(bom) :], encoding)
    is_whole = size <= len(head)
    later = [line for piece in pieces for line in _lines(piece, encoding)[1:-1]]
    n_bytes = len(head) - len(bom)
    return Sample(
        head=tuple(lines if is_whole else lines[:-1] or lines),
        later=tuple(later),
        encoding=encoding,
        has_bom=bool(bom),
        line_bytes=n_bytes / max(1, len(lines)),
    )


def _lines(content: bytes, encoding: str) -> list[str]:
    text = content.decode(encoding, errors="replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _refuse_binary(path: Path, head: bytes) -> None:
    for signature, name, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise DataError(
                f"{path} must be text or Parquet; was {name}.", remedy=remedy, path=str(path)
            )


def _encoding(path: Path, head: bytes) -> tuple[str, bytes]:
    """Return the encoding and the byte-order mark."""
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name, bom
    even, odd = head[0::2], head[1::2]
    if len(head) >= 4 and odd.count(0) > 0.8 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le", b""
    if len(head) >= 4 and even.count(0) > 0.8 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be", b""
    n_control = sum(head.count(code) for code in range(32) if code not in (9, 10, 13))
    n_high = sum(1 for byte in head[:4096] if byte >= 128)
    if n_control > max(2, 0.001 * len(head)) or n_high > 0.3 * min(len(head), 4096):
        first = next((i for i, byte in enumerate(head) if byte < 32 and byte not in (9, 10, 13)), 0)
        raise DataError(
            f"{path} must be text or Parquet; was binary (byte {head[first]:#04x} at offset "
            f"{first}).",
            remedy="Export it as CSV and import that.",
            path=str(path),
            offset=first,
        )
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return "latin-1", b""
    return "utf-8", b""


def read_blocks(
    path: Path,
    encoding: str,
    *,
    block_bytes: int = BLOCK_BYTES,
    progress: Progress | None = None,
) -> Iterator[Block]:
    """Yield the file as blocks of whole lines; memory stays at a few blocks.

    Bytes that are not text in *encoding* become U+FFFD, so that their rows can be found
    and refused by line.

    Raises
    ------
    DataError
        If a line is longer than any row can be: the file is not a table.
    """
    size = checked_file(path)
    line, rest, done = 1, b"", 0
    boms = {name: bom for bom, name in _BOMS}
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    with path.open("rb") as file:
        bom = boms.get(encoding, b"")
        if bom and file.read(len(bom)) != bom:
            file.seek(0)
        while True:
            raw = file.read(block_bytes)
            done += len(raw)
            is_last = not raw
            if encoding not in ("utf-8", "latin-1"):
                raw = decoder.decode(raw, final=is_last).encode()
            text = rest + raw
            if not is_last and text.endswith(b"\r"):
                text, held = text[:-1], b"\r"
            else:
                held = b""
            if b"\r" in text:
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            cut = len(text) if is_last else text.rfind(b"\n") + 1
            text, rest = text[:cut], text[cut:] + held
            if len(rest) > _LINE_BYTES_MAX:
                raise _too_long(path, line + text.count(b"\n"), len(rest))
            if text:
                ends_cut = is_last and not text.endswith(b"\n")
                text += b"\n" if ends_cut else b""
                n_lines = text.count(b"\n")
                yield Block(text=text, first_line=line, n_lines=n_lines, ends_cut=ends_cut)
                line += n_lines
            if progress is not None:
                progress(min(done, size), size)
            if is_last:
                return


def _too_long(path: Path, line: int, length: int) -> DataError:
    return DataError(
        f"{path} line {line} must be at most {_LINE_BYTES_MAX} bytes long; was over {length}.",
        remedy="Check that the file is a table with one row per line.",
        path=str(path),
        line=line,
    )


def lines_at(
    path: Path, encoding: str, numbers: Sequence[int], *, block_bytes: int = BLOCK_BYTES
) -> dict[int, str]:
    """Return the text of the lines *numbers*, in one further pass over the file."""
    wanted = sorted(set(numbers))
    found: dict[int, str] = {}
    at = 0
    if not wanted:
        return found
    for block in read_blocks(path, encoding, block_bytes=block_bytes):
        stop = block.first_line + block.n_lines
        if at < len(wanted) and wanted[at] < stop:
            lines = block.text.split(b"\n")
            while at < len(wanted) and wanted[at] < stop:
                raw = lines[wanted[at] - block.first_line]
                found[wanted[at]] = raw.decode("utf-8", errors="replace")
                at += 1
        if at == len(wanted):
            break
    return found
