"""A written time is read as it stands, or refused: no byte of it may be off."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from assay.data.importers.stamps import NO_TIME, Stamp, parse_texts, stamp_patterns

FIRST = datetime(2023, 1, 5, 0, 5, 7, 120_000, tzinfo=UTC)
STEP = timedelta(hours=3, minutes=7, seconds=1, milliseconds=70)
MOMENTS = [FIRST + at * STEP for at in range(80)]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WAYS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S,%f",
    "%Y.%m.%d %H:%M",
    "%Y%m%d %H%M%S",
    "%Y%m%d",
    "%d.%m.%Y %H:%M:%S.%f GMT%z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%m/%d/%Y %I:%M:%S %p",
    "%b %d %Y %H:%M",
    "%b %d, %Y %H:%M:%S.%f",
    "%d-%b-%Y %H:%M:%S",
)
"""Ways of writing, in the notation of Python."""

STRANGE = " \t\f\u2003\u0661\u00e9+-.,:/T0569aZ"


def one_off(text: str, every: int) -> Iterator[str]:
    """Yield the texts that one sign too few, too many or other makes of *text*.

    Of the strange signs each place meets every *every*-th, the next place others.
    """
    for at in range(len(text) + 1):
        yield text[:at] + text[at + 1 :]
        for sign in STRANGE[at % every :: every]:
            yield text[:at] + sign + text[at:]
            yield text[:at] + sign + text[at + 1 :]


def kinds(text: str) -> str:
    """Return what stands where: digits, letters, and marks as they are."""
    text = re.sub(r"[+-]([0-9]{2}):?([0-9]{2})$", r"+\1\2", text)
    return re.sub("[A-Za-z]", "a", re.sub("[0-9]", "0", text))


def plainly(text: str, way: str) -> int | None:
    """Return the nanoseconds that Python reads; None if it reads no time of these centuries."""
    try:
        moment = datetime.strptime(text, way)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000


def stamp_of(texts: list[str]) -> Stamp:
    """Return the way of writing in which all of *texts* are times."""
    series = pl.Series(texts)
    (stamp,) = (
        stamp for stamp in stamp_patterns(texts) if (parse_texts(series, stamp) != NO_TIME).all()
    )
    return stamp


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("way", WAYS)
def test_a_time_with_one_sign_amiss_is_refused_or_read_as_it_stands(way: str, every: int) -> None:
    good = [moment.strftime(way) for moment in MOMENTS]
    stamp, before = stamp_of(good), good[40]
    expected = [plainly(text, way) for text in good]
    assert parse_texts(pl.Series(good), stamp).tolist() == expected
    odd = []
    for text in dict.fromkeys(one_off(before, every)):
        *others, found = parse_texts(pl.Series([*good, text]), stamp).tolist()
        assert others == expected
        plain = plainly(text, way) if kinds(text) == kinds(before) else None
        if found not in (NO_TIME, plain):
            odd.append((text, found, plain))
    assert odd == []


@pytest.mark.parametrize(
    ("usual", "odd", "n_odd", "n_refused"),
    [
        ("1/13/2023 9:00 | 12/31/2023 13:00", "1/4/2023 10:30", 1, 0),
        ("01/13/2023 09:00 | 01/13/2023 13:00", "01/13/2023 3:00", 1, 1),
        ("01/13/2023 09:00 | 01/13/2023 13:00", "01/13/2023 3:00", 4, 0),
        ("2023-01-03 10:00:00.120 | 2023-01-03 10:00:00.125", "2023-01-03 10:00:01", 1, 0),
        ("2023-01-03 10:00:00.120 | 2023-01-03 10:00:00.125", "2023-01-03 10:00:00.15", 1, 1),
        ("2023-01-03 10:00:00.123 | 2023-01-03 10:00:00.125", "2023-01-03 10:00:00.15", 1, 0),
        ("2023-01-03 10:00:00,120 | 2023-01-03 10:00:00,125", "2023-01-03 10:00:00.120", 1, 1),
        ("2023-01-03T10:00:00Z | 2023-01-04T10:00:00Z", "2023-07-03T10:00:00+01:00", 1, 0),
        ("2023-01-03 10:00 GMT | 2023-01-04 10:00 GMT", "2023-07-03 10:00 GMT+01:00", 1, 0),
        ("2023-01-03 10:00 GMT+0100 | 2023-01-04 10:00 GMT+0100", "2023-01-05 10:00+0100", 1, 1),
        ("2023-01-03 10:00 GMT+0100 | 2023-01-04 10:00 GMT+0100", "2023-01-05 10:00+0100", 4, 0),
        ("2023-01-03 10:00+1400 | 2023-01-03 10:00-1000", "2023-01-03 10:00+1401", 1, 1),
        ("2023-01-03 10:00+0100 | 2023-01-03 10:00-1000", "2023-01-03 10:00+0160", 1, 1),
        ("2023-01-03 10:00:59 | 2023-01-03 10:01:00", "2023-01-03 10:00:60", 1, 1),
        ("2023-01-03 10:00:59.5 | 2023-01-03 10:01:00.5", "2023-01-03 10:00:60.25", 4, 4),
        ("Jan 3, 2023 | Feb 28, 2023", "Jan 0,4 2023", 1, 1),
    ],
)
def test_a_rare_way_of_writing_is_damage_and_a_frequent_one_a_habit(
    usual: str, odd: str, n_odd: int, n_refused: int
) -> None:
    texts = [*usual.split(" | ") * 20, *[odd] * n_odd]
    is_refused = parse_texts(pl.Series(texts), stamp_patterns(texts)[-1]) == NO_TIME
    assert is_refused.tolist() == [False] * 40 + [at < n_refused for at in range(n_odd)]
