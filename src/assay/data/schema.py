"""The columns of a stored series: their types, what identifies a row, how parts are cut."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from types import MappingProxyType

import numpy as np

from assay.data.arrays import IntArray
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_DAY

TYPES = ("int64", "float64", "string")
KNOWN = "known_ns"
MARKET = "_MARKET"
"""Stands for the symbol where a table is of no one symbol, such as the economic calendar."""

_KIND = re.compile(r"[a-z][a-z_]{1,39}")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COLUMNS_MAX = 100
_WEEK_STARTS = 5  # 1970-01-01 was a Thursday; weeks begin on Saturday, so no trading week is cut


@unique
class Period(Enum):
    """How much time one part file holds. The value is written into manifests."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"

    def numbers(self, time_ns: IntArray) -> IntArray:
        """Return for each time the number of its period, in UTC.

        Parameters
        ----------
        time_ns : int64, shape (n,)

        Returns
        -------
        number : int64, shape (n,)
            Years or months since 1970; weeks since Saturday 1969-12-27.
        """
        if self is Period.WEEK:
            return np.asarray((time_ns // NS_PER_DAY + _WEEK_STARTS) // 7, dtype=np.int64)
        unit = "datetime64[Y]" if self is Period.YEAR else "datetime64[M]"
        return time_ns.view("datetime64[ns]").astype(unit).astype(np.int64)

    def name_of(self, number: int) -> str:
        """Return a period as text: ``2014``, ``2014-05``, or the first day of the week.

        Examples
        --------
        >>> Period.WEEK.name_of(0), Period.MONTH.name_of(532)
        ('1969-12-27', '2014-05')
        """
        if self is Period.WEEK:
            return str(np.datetime64(number * 7 - _WEEK_STARTS, "D"))
        return str(np.datetime64(number, "Y" if self is Period.YEAR else "M"))

    def is_name(self, text: str) -> bool:
        """Tell whether *text* names a period of this length."""
        return len(text) == {Period.YEAR: 4, Period.MONTH: 7, Period.WEEK: 10}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The columns of one kind of series.

    Attributes
    ----------
    kind : str
        Name of the kind, and of its folder: lower case, such as ``news``.
    columns : mapping of name to type
        Types are ``int64``, ``float64`` and ``string``, in the order of storage. The first
        column is a time in UTC nanoseconds by which rows are sorted; in a table of inputs
        it is ``known_ns``, when the row could first be known. An ``int64`` is never missing,
        a missing ``float64`` is NaN, a missing ``string`` is None and differs from ``""``.
    keys : tuple of str
        Columns that identify a row: of rows with the same keys the newest import stays.
        Empty: rows of one time are replaced together.
    period : Period
        How much time one part file holds.
    optional : tuple of str
        Columns of numbers that are left out of a part where no row has them.

    Raises
    ------
    ConfigError
        If a name or type cannot be stored.
    """

    kind: str
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    period: Period = Period.YEAR
    optional: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))
        object.__setattr__(self, "keys", tuple(self.keys))
        if not _KIND.fullmatch(self.kind):
            raise _refused(self, "a kind of lower-case letters and _ (at most 40)", self.kind)
        if not 1 <= len(self.columns) <= _COLUMNS_MAX:
            raise _refused(self, f"1 to {_COLUMNS_MAX} columns", len(self.columns))
        for name, kind in self.columns.items():
            if not _COLUMN.fullmatch(name) or kind not in TYPES:
                raise _refused(self, f"columns of {', '.join(TYPES)}", f"{name}: {kind}")
        if self.columns[self.time] != "int64" or not self.time.endswith("_ns"):
            raise _refused(self, "a first column of times in nanoseconds", self.time)
        for name in self.keys:
            if self.columns.get(name) not in ("int64", "string"):
                raise _refused(self, "keys among its int64 and string columns", name)

    @property
    def time(self) -> str:
        """Name of the column by which rows are sorted."""
        return next(iter(self.columns))

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that every part has."""
        return tuple(name for name in self.columns if name not in self.optional)

    def as_json(self) -> dict[str, object]:
        """Return plain values for a manifest."""
        return {
            "kind": self.kind,
            "columns": [list(pair) for pair in self.columns.items()],
            "keys": list(self.keys),
            "period": self.period.value,
        }


def _refused(schema: Schema, rule: str, value: object) -> ConfigError:
    return ConfigError(
        f"The schema {schema.kind!r} must have {rule}; was {value!r}.",
        remedy="Correct the schema where it is registered.",
        kind=schema.kind,
    )


def _floats(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "float64")


_ASK = ("ask_open", "ask_high", "ask_low", "ask_close")
BARS = Schema(
    kind="bars",
    columns={
        "time_ns": "int64",
        **_floats("open", "high", "low", "close", "volume", "spread"),
        **_floats(*_ASK),
    },
    keys=(),
    optional=_ASK,
)
TICKS = Schema(
    kind="ticks",
    columns={"time_ns": "int64", **_floats("bid", "ask")},
    keys=(),
    period=Period.WEEK,
)
_SERIES = frozenset({"bars", "ticks"})
_REGISTERED: dict[str, Schema] = {}


def register(schema: Schema) -> Schema:
    """Make tables of this kind known to the catalogue, and return *schema*.

    Registering the same schema again does nothing.

    Raises
    ------
    ConfigError
        If the kind is taken by another schema, or its first column is not ``known_ns``, or
        it has no keys.

    Examples
    --------
    >>> columns = {"known_ns": "int64", "title": "string"}
    >>> register(Schema(kind="example", columns=columns, keys=("known_ns",))).time
    'known_ns'
    """
    if schema.time != KNOWN:
        raise _refused(schema, f"{KNOWN} as its first column", schema.time)
    if not schema.keys:
        raise _refused(schema, "keys that identify a row", schema.keys)
    if schema.kind in _SERIES or _REGISTERED.get(schema.kind, schema) != schema:
        raise _refused(schema, "a kind that is not taken", schema.kind)
    _REGISTERED[schema.kind] = schema
    return schema


def registered(kind: str) -> Schema:
    """Return the schema of tables of *kind*.

    Raises
    ------
    DataError
        If none is registered.
    """
    if kind in _REGISTERED:
        return _REGISTERED[kind]
    raise DataError(
        f"A table must be of a registered kind; was {kind!r}.",
        remedy=f"Choose from {', '.join(sorted(_REGISTERED)) or 'none yet'}.",
        kind=kind,
    )
