"""The files that a user names: folders walked, archives unpacked, each within limits."""

import bz2
import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from assay.domain.errors import DataError

FILES_MAX = 500_000
FOLDER_DEPTH_MAX = 16
ARCHIVE_DEPTH_MAX = 3
MEMBERS_MAX = 100_000
UNPACKED_BYTES_MAX = 64 << 30
UNPACKED_RATIO_MAX = 200
_RATIO_FREE_BYTES = 64 << 20
_COPY_BYTES = 1 << 20
_NAMED_MAX = 5

_ZIP = b"PK\x03\x04"
_STREAMS = {
    b"\x1f\x8b": (".gz", ".gzip"),
    b"BZh": (".bz2",),
    b"\xfd7zXZ\x00": (".xz",),
}
"""First bytes of archives of one file, and the endings of their names."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file to import.

    Attributes
    ----------
    path : Path
        Where its bytes lie; for a member of an archive only until the next file is asked for.
    name : str
        What to call it: a file its name, in a folder ``folder/sub/file.csv``, in an archive
        ``archive.zip/member.csv``. Without the folders above, which are the user's own.
    is_named : bool
        Whether the user named it, rather than the folder or archive it was found in.
    n_bytes : int
        Its share of ``total_bytes``, for progress.
    is_lasting : bool
        Whether the bytes stay where they are; False for what an archive held.
    """

    path: Path
    name: str
    is_named: bool
    n_bytes: int
    is_lasting: bool


def find_files(
    paths: Sequence[Path], *, is_whole: Callable[[Path], bool], files_max: int = FILES_MAX
) -> Iterator[Found]:
    """Yield every file that *paths* name, in order: folders walked, archives unpacked.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders, archives (zip; gz, bz2 and xz of one file each).
    is_whole : callable
        Tells which zip is a format of its own (LEAN's) and must stay as it is.
    files_max : int
        More files than this are refused.

    Raises
    ------
    DataError
        If a path does not exist, a folder holds too many files or none, or an archive is damaged,
        encrypted, or larger than it pretends to be.

    Notes
    -----
    Hidden files and links to folders are passed over. Members are unpacked one archive at a time
    into a temporary folder, with their folder names, since these may carry the date.
    """
    n_files = 0
    for path in paths:
        n_before = n_files
        for file, is_named in _walked(path):
            name = path.name if is_named else str(path.absolute().name / file.relative_to(path))
            for found in _unpacked(file, name, is_named, is_whole, _size(file)):
                n_files += 1
                if n_files > files_max:
                    raise DataError(
                        f"{path} must hold at most {files_max:,} files; holds more.",
                        remedy="Import it folder by folder.",
                        path=str(path),
                        files_max=files_max,
                    )
                yield found
        if n_files == n_before:
            raise DataError(
                f"{path} must hold files; held none.", remedy="Check the path.", path=str(path)
            )


def total_bytes(paths: Sequence[Path]) -> int:
    """Return the bytes of all files that *paths* name, archives as they are packed."""
    total = 0
    for path in paths:
        for file, _ in _walked(path):
            total += _size(file)
    return total


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _walked(path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the files of a folder, deepest names sorted, or the file itself."""
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise DataError(
                f"{path} must be a file or a folder; was a pipe or a device.",
                remedy="Write its content to a file and import that.",
                path=str(path),
            )
        yield path, True  # also where it does not exist: the reader says so
        return
    waiting = [(path, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            inside = sorted(folder.iterdir())
        except OSError as error:
            raise DataError(
                f"{folder} must be readable; was not: {error.strerror or error}.",
                remedy="Check its permissions.",
                path=str(folder),
            ) from error
        folders = []
        for item in inside:
            if item.name.startswith((".", "__MACOSX")):
                continue
            if item.is_dir():
                if not item.is_symlink():
                    folders.append((item, depth + 1))
            elif item.is_file():
                yield item, False
        if folders and depth >= FOLDER_DEPTH_MAX:
            raise DataError(
                f"{path} must be at most {FOLDER_DEPTH_MAX} folders deep; {folders[0][0]} is "
                "deeper.",
                remedy="Name the folder with the files.",
                path=str(folders[0][0]),
            )
        waiting.extend(reversed(folders))


def _unpacked(
    path: Path,
    name: str,
    is_named: bool,
    is_whole: Callable[[Path], bool],
    n_bytes: int,
    depth: int = 0,
) -> Iterator[Found]:
    """Yield the file, or what an archive holds."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except (OSError, ValueError):
        head = b""  # the reader says what is wrong
    stream = next((start for start in _STREAMS if head.startswith(start)), None)
    is_zip = head.startswith(_ZIP) and not is_whole(path)
    if stream is None and not is_zip:
        yield Found(path=path, name=name, is_named=is_named, n_bytes=n_bytes, is_lasting=depth == 0)
        return
    if depth >= ARCHIVE_DEPTH_MAX:
        raise DataError(
            f"{name} must be at most {ARCHIVE_DEPTH_MAX} archives deep; was deeper.",
            remedy="Unpack it and import the files inside.",
            path=name,
        )
    with tempfile.TemporaryDirectory(prefix="assay-unpack-") as scratch:
        if stream is not None:
            inner = _one_file(path, name, stream, Path(scratch))
            yield from _unpacked(inner, name, is_named, is_whole, n_bytes, depth + 1)
            return
        for inner, member, packed in _members(path, name, Path(scratch)):
            inside = f"{name}/{member}"
            yield from _unpacked(inner, inside, False, is_whole, packed, depth + 1)
            inner.unlink(missing_ok=True)


def _one_file(path: Path, name: str, start: bytes, scratch: Path) -> Path:
    """Unpack an archive of one file; *start* are its first bytes."""
    bare = path.name
    for suffix in _STREAMS[start]:
        bare = bare.removesuffix(suffix)
    target = _parents_kept(path, scratch) / (bare or "content")
    try:
        with _opened(path, start) as source, target.open("wb") as file:
            _copied(source, file, name, path.stat().st_size)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(name, error) from error
    return target


def _opened(path: Path, start: bytes) -> gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
    if start == b"\x1f\x8b":
        return gzip.GzipFile(path, "rb")
    return bz2.BZ2File(path, "rb") if start == b"BZh" else lzma.LZMAFile(path, "rb")


def _members(path: Path, name: str, scratch: Path) -> Iterator[tuple[Path, str, int]]:
    """Yield each member of a zip, unpacked one at a time, its name and its packed bytes."""
    base = _parents_kept(path, scratch)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            if len(members) > MEMBERS_MAX:
                raise DataError(
                    f"{name} must hold at most {MEMBERS_MAX:,} files; holds {len(members):,}.",
                    remedy="Unpack it and import it folder by folder.",
                    path=name,
                )
            left = UNPACKED_BYTES_MAX
            for item in sorted(members, key=lambda item: item.filename):
                parts = PurePosixPath(item.filename.replace("\\", "/")).parts
                if any(part.startswith((".", "__MACOSX")) for part in parts if part != ".."):
                    continue
                if item.flag_bits & 1:
                    raise DataError(
                        f"{name}/{item.filename} must not be encrypted; was.",
                        remedy="Unpack the archive with its password and import the files inside.",
                        path=f"{name}/{item.filename}",
                    )
                safe = [part for part in parts if part not in ("..", "/", ".") and ":" not in part]
                target = base.joinpath(*safe) if safe else base / "content"
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(item) as source, target.open("wb") as file:
                    left -= _copied(source, file, f"{name}/{item.filename}", item.compress_size)
                if left < 0:
                    raise _too_large(name)
                yield target, item.filename, item.compress_size
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _damaged(name, error) from error


def _parents_kept(path: Path, scratch: Path) -> Path:
    """Return a folder in *scratch* that ends in the folders above *path*, which may say a date."""
    parents = [part for part in path.absolute().parent.parts[-6:] if part.strip("/\\.:")]
    folder = scratch.joinpath(*parents)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copied(source: _Readable, target: IO[bytes], name: str, packed_bytes: int) -> int:
    """Copy within the limits of an archive; return the bytes written."""
    allowed = min(
        UNPACKED_BYTES_MAX, max(_RATIO_FREE_BYTES, UNPACKED_RATIO_MAX * max(1, packed_bytes))
    )
    n_bytes = 0
    while block := source.read(_COPY_BYTES):
        n_bytes += len(block)
        if n_bytes > allowed:
            raise _too_large(name)
        target.write(block)
    return n_bytes


def _too_large(name: str) -> DataError:
    return DataError(
        f"{name} must unpack to at most {UNPACKED_BYTES_MAX >> 30} GB and {UNPACKED_RATIO_MAX} "
        "times its size; it is larger.",
        remedy="If you trust it, unpack it yourself and import the files inside.",
        path=name,
    )


def _damaged(name: str, error: Exception) -> DataError:
    says = str(error) or type(error).__name__
    return DataError(
        f"{name} must be a whole archive; was not: {says}.",
        remedy="It is cut off or damaged: download it again.",
        path=name,
    )


def named(names: Sequence[str]) -> str:
    """Return the first few names and how many more there are."""
    shown = ", ".join(names[:_NAMED_MAX])
    more = len(names) - _NAMED_MAX
    return shown + (f" and {more} more" if more > 0 else "")
