"""What a LEAN zip says by its folders and by the name of its member."""

import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assay.domain.errors import DataError
from assay.domain.time import utc_ns

INNER_BYTES_MAX = 1 << 30
_ZIP_BYTES_MAX = 1 << 30
_DATA = r"_(?P<data>quote|trade|openinterest)(?P<rest>[a-z0-9_.]*)"
_FOLDERS = r"(?:(?P<kind>[a-z]+)/)?(?P<market>[a-z0-9]+)/"
_DAY_PATH = re.compile(
    _FOLDERS
    + r"(?P<resolution>tick|second|minute)/(?P<symbol>[a-z0-9.]+)/(?P<day>\d{8})"
    + _DATA
    + r"\.zip$"
)
_LONG_PATH = re.compile(
    _FOLDERS + r"(?P<resolution>hour|daily)/(?P<symbol>[a-z0-9.]+?)(?:" + _DATA + r")?\.zip$"
)
_DAY_NAME = re.compile(r"(?P<day>\d{8})" + _DATA + r"\.zip$")
_MEMBER = re.compile(
    r"(?P<day>\d{8})_(?P<symbol>[a-z0-9.]+?)_(?P<resolution>tick|second|minute|hour|daily)"
    + _DATA
    + r"\.csv"
)
_LONG_MEMBER = re.compile(r"(?P<symbol>[a-z0-9.]+?)(?:" + _DATA + r")?\.csv")
_OTHER_KINDS = ("equity", "option", "future", "futureoption", "index", "indexoption")
MARKET_ZONES = {"oanda": "UTC", "fxcm": "UTC-5"}
"""Clocks of markets, as the documentation of the data states them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a zip belongs; None where neither folders nor member say.

    Attributes
    ----------
    member : str
        The only file inside.
    symbol : str or None
        In capitals.
    market : str or None
        ``oanda``, ``fxcm`` or another.
    resolution : str or None
        ``tick``, ``second``, ``minute``, ``hour`` or ``daily``.
    day_ns : int or None
        Midnight from which times within a day count, on the clock of the market.
    """

    member: str
    symbol: str | None
    market: str | None
    resolution: str | None
    day_ns: int | None


def place_of(path: Path) -> Place | None:
    """Return where a zip belongs; None if nothing about it is LEAN's.

    Raises
    ------
    DataError
        If it is LEAN's, but damaged, not of currencies or CFDs, or of several things.
    """
    text = path.absolute().as_posix().lower()
    match = _DAY_PATH.search(text) or _LONG_PATH.search(text)
    by_path = match.groupdict() if match else {}
    by_name = _DAY_NAME.search(path.name.lower())
    if match is None and by_name is not None:
        by_path = by_name.groupdict()
    try:
        members = _members(path)
    except DataError:
        if by_path:
            raise
        return None
    inside = _MEMBER.fullmatch(members[0].filename.lower()) if members else None
    if not by_path and inside is None and not _is_long(path, members):
        return None
    by_member = inside.groupdict() if inside else {}
    if not by_member and members:
        long_name = _LONG_MEMBER.fullmatch(members[0].filename.lower())
        by_member = long_name.groupdict() if long_name else {}
    _refuse_kind(path, by_path, by_member)
    _refuse_members(path, members)
    told = {key: _agreed(path, key, by_path, by_member) for key in ("symbol", "resolution", "day")}
    return Place(
        member=members[0].filename,
        symbol=None if told["symbol"] is None else told["symbol"].upper(),
        market=by_path.get("market"),
        resolution=told["resolution"],
        day_ns=None if told["day"] is None else _midnight(path, told["day"]),
    )


def _members(path: Path) -> list[zipfile.ZipInfo]:
    if path.stat().st_size > _ZIP_BYTES_MAX:
        raise damaged(path, f"over {_ZIP_BYTES_MAX >> 30} GiB")
    try:
        with zipfile.ZipFile(path) as archive:
            return [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, says: str) -> DataError:
    """Return the refusal of a zip that cannot be read."""
    return DataError(
        f"{path} must be a whole zip; was damaged: {says}.",
        remedy="Copy or download it again.",
        path=str(path),
    )


_LONG_ROW = re.compile(rb"\d{8} \d{2}:\d{2}(?:,[\d.]+){10}\s*")


def _is_long(path: Path, members: list[zipfile.ZipInfo]) -> bool:
    """Tell whether the only member holds hours or days of quotes as LEAN writes them."""
    if len(members) != 1 or not _LONG_MEMBER.fullmatch(members[0].filename.lower()):
        return False
    try:
        with zipfile.ZipFile(path) as archive, archive.open(members[0]) as stream:
            first = stream.read(256).split(b"\n")[0]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return False
    return bool(_LONG_ROW.fullmatch(first))


def _refuse_kind(path: Path, by_path: dict[str, str], by_member: dict[str, str]) -> None:
    """Refuse trades, open interest, and whatever is not currencies or CFDs."""
    kind = by_path.get("kind")
    data = by_member.get("data") or by_path.get("data") or "quote"
    rest = (by_member.get("rest") or "") + (by_path.get("rest") or "")
    if kind in _OTHER_KINDS or data != "quote" or rest:
        found = f"{kind + ' ' if kind else ''}{data}{rest.replace('_', ' ')}"
        raise DataError(
            f"{path} must be LEAN quotes of forex or cfd; was {found}.",
            remedy="Import quotes of currencies, metals or CFDs; shares, futures and options are "
            "not stored here.",
            path=str(path),
            value=found,
        )


def _refuse_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) != 1:
        raise DataError(
            f"{path} must have one file inside; has {len(members)}.",
            remedy="Unpack it and import the files that are quotes of one symbol.",
            path=str(path),
            members=len(members),
        )
    info = members[0]
    if info.file_size > INNER_BYTES_MAX:
        raise DataError(
            f"{path} must hold at most {INNER_BYTES_MAX:,} bytes; its member states "
            f"{info.file_size:,}.",
            remedy="Split it by day, as LEAN does.",
            path=str(path),
        )
    if info.flag_bits & 1:
        raise DataError(
            f"{path} must not be encrypted; its member {info.filename} is.",
            remedy="Unpack it with its password and zip it again.",
            path=str(path),
        )


def _agreed(path: Path, key: str, by_path: dict[str, str], by_member: dict[str, str]) -> str | None:
    """Return what path and member say of *key*; refuse them if they differ."""
    outside, inside = by_path.get(key), by_member.get(key)
    if outside and inside and outside != inside:
        raise DataError(
            f"{path} must agree with its member on the {key}; the path says {outside}, the member "
            f"{inside}.",
            remedy="Restore the folders and the name that LEAN gave it.",
            path=str(path),
            value=inside,
        )
    return outside or inside


def _midnight(path: Path, day: str) -> int:
    try:
        return utc_ns(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC))
    except ValueError:
        raise DataError(
            f"{path} must name a day as YYYYMMDD; was {day}.",
            remedy="Restore the name that LEAN gave it.",
            path=str(path),
            value=day,
        ) from None
