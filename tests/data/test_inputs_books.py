"""Order books and sentiment as venues write them, and damage to any input."""

import random
import time

import numpy as np
import pytest

from assay.data.inputs import import_input, recognise_input
from assay.data.quarantine import Reason
from assay.domain.errors import AssayError, DataError

BOOK = """{"orderBook": {"instrument": "EUR_USD", "time": "2024-01-05T10:00:00Z",
 "price": "1.09500", "bucketWidth": "0.00050", "buckets": [
  {"price": "1.09400", "longCountPercent": "0.2500", "shortCountPercent": "0.1500"},
  {"price": "1.09450", "longCountPercent": "0.3500", "shortCountPercent": "0.1000"},
  {"price": "1.09500", "longCountPercent": "0.4500", "shortCountPercent": "0.3000"},
  {"price": "1.09550", "longCountPercent": "0.0500", "shortCountPercent": "0.2000"}]}}
"""
NEWS = """Date,Time,Currency,Impact,Event,Actual,Forecast,Previous
01/05/2024,8:30am,USD,High,Non-Farm Employment Change,216K,168K,173K
01/11/2024,8:30am,USD,High,CPI m/m,0.3%,0.2%,0.1%
01/18/2024,8:30am,USD,Medium,"Unemployment Claims",187K,207K,203K
03/12/2024,8:30am,USD,High,CPI m/m,0.4%,0.4%,0.3%
07/05/2024,8:30am,USD,High,Non-Farm Employment Change,206K,191K,218K
"""
DEPTH = """timestamp,symbol,bids[0].price,bids[0].amount,asks[0].price,asks[0].amount
1704461400123,XAUUSD,2050.1,3,2050.3,4
1704461401123,XAUUSD,2050.4,3,2050.3,4
1704461402123,XAUUSD,2050.2,3,2050.3,4
"""
SHARES = "time,symbol,long %,short %\n" + "".join(
    f"2024-01-05T{hour:02d}:00:00Z,EURUSD,{50 + hour}%,{50 - hour}%\n" for hour in range(12)
)
ICS = "\r\n".join(
    (
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        "UID:a",
        "DTSTART;TZID=America/New_York:20240105T083000",
        "RRULE:FREQ=MONTHLY;BYDAY=1FR;COUNT=6",
        "SUMMARY:USD Payrolls",
        "DESCRIPTION:Impact: High",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:b",
        "DTSTART:20240112T133000Z",
        "SUMMARY:EUR Speech",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
)
SAMPLES = {
    "book.json": BOOK,
    "news.csv": NEWS,
    "depth.csv": DEPTH,
    "shares.csv": SHARES,
    "calendar.ics": ICS,
}


@pytest.mark.parametrize("name", ["orderbook", "positionbook"])
def test_the_recorded_books_of_oanda_import(shared_data, name) -> None:
    path = shared_data / "formats" / "oanda" / f"v3_instruments_instrument_{name}.json"
    imported = import_input(path)
    rows = imported.rows["EURUSD"]

    assert imported.symbols == ("EURUSD",)
    assert set(rows["book"]) == {"orders" if name == "orderbook" else "positions"}
    assert imported.rows_in == imported.rows_kept == len(rows["price"]) > 20
    assert set(rows["time_ns"]) == {1_498_644_000 * 10**9}
    assert set(rows["known_ns"]) == {1_498_644_060 * 10**9}
    assert np.all(np.diff(rows["price"]) > 0)
    assert np.allclose(np.diff(rows["price"]), 0.0005)
    assert set(rows["market_price"]) == {1.13609}


def test_bad_buckets_are_refused_one_by_one(save) -> None:
    text = BOOK.replace('"0.3500"', '"-1"').replace('"1.09550"', '"1.09500"')
    imported = import_input(save(text, "book.json"))

    assert imported.quarantine.counts == {Reason.DUPLICATE: 1, Reason.RANGE: 1}
    assert [row.line for row in imported.quarantine.rows] == [2, 4]


def test_a_crossed_book_is_refused_whole(save) -> None:
    imported = import_input(save(DEPTH))

    assert imported.rows["XAUUSD"]["price"].tolist() == [2050.3, 2050.1, 2050.3, 2050.2]
    assert imported.quarantine.counts == {Reason.CROSSED: 2}
    assert {row.line for row in imported.quarantine.rows} == {3}


def test_a_market_book_of_mt5_needs_a_time_and_a_symbol(save) -> None:
    text = "type,price,volume\n1,2050.3,4\n1,2050.5,9\n2,2050.1,3\n2,2050.0,8\n"

    with pytest.raises(DataError, match="must state the time"):
        import_input(save(text), symbol="XAUUSD")
    with pytest.raises(DataError, match="names no symbol"):
        import_input(save(text), snapshot_ns=10**18)
    imported = import_input(save(text), symbol="XAUUSD", snapshot_ns=10**18)
    rows = imported.rows["XAUUSD"]
    found = list(zip(rows["side"], rows["level"], rows["price"], strict=True))
    assert sorted(found) == [
        ("ask", 1, 2050.3),
        ("ask", 2, 2050.5),
        ("bid", 1, 2050.1),
        ("bid", 2, 2050.0),
    ]


def test_a_book_of_another_symbol_is_refused(save) -> None:
    with pytest.raises(DataError, match="must hold the order book of XAUUSD"):
        import_input(save(BOOK, "book.json"), symbol="XAUUSD")


def test_shares_become_a_reading(save) -> None:
    rows = import_input(save(SHARES)).rows["EURUSD"]

    assert rows["long_share"][5] == pytest.approx(0.55)
    assert rows["value"][5] == pytest.approx(0.10)


def test_a_scale_that_is_not_said_is_refused(save) -> None:
    text = "time,symbol,score\n" + "".join(
        f"2024-01-05T{hour:02d}:00:00Z,EURUSD,{hour * 5}\n" for hour in range(1, 9)
    )

    with pytest.raises(DataError, match=r"must lie in \[-1, 1\]"):
        import_input(save(text))


def test_what_is_told_must_be_what_it_is(save) -> None:
    with pytest.raises(DataError, match="must be news_csv, as told; it looks like book_csv"):
        import_input(save(DEPTH), kind="news_csv")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return *content* with one kind of damage."""
    at = rng.randrange(len(content))
    kind = rng.randrange(8)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if kind == 2:
        stop = min(len(content), at + rng.randrange(1, 40))
        return content[:at] + content[stop:]
    if kind == 3:
        return content[:at] + content[at : at + 60] * rng.randrange(1, 50) + content[at:]
    if kind == 4:
        return (
            content[:at]
            + rng.choice([b'"', b"\x00", b"\xff", b";", b"{", b"]", b"\n"])
            + (content[at:])
        )
    if kind == 5:
        return content.replace(b",", rng.choice([b";", b"\t", b",,", b""]))
    if kind == 6:
        digit = str(rng.randrange(10)).encode()
        return content.replace(digit, rng.choice([b"9" * 30, b"-", b"1e999", b""]))
    return b"".join(rng.sample(lines := content.splitlines(keepends=True), len(lines)))


def attack(folder, n_files: int, seed: int) -> int:
    rng = random.Random(seed)
    n_refused = 0
    for number in range(n_files):
        name = rng.choice(sorted(SAMPLES))
        content = SAMPLES[name].encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
        for _ in range(rng.randrange(1, 4)):
            content = damaged(content, rng) or b"\n"
        path = folder / name
        path.write_bytes(content)
        started = time.perf_counter()
        try:
            recognise_input(path)
            imported = import_input(path, timezone=rng.choice([None, "UTC", "NY+7"]))
        except AssayError as error:
            assert str(path) in str(error) or name in str(error), (number, error)
            assert error.remedy
            n_refused += 1
        else:
            assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
            for rows in imported.rows.values():
                assert np.all(np.diff(rows["known_ns"]) >= 0)
                assert len({len(values) for values in rows.values()}) == 1
                if imported.kind == "news":
                    late = np.isin(rows["fact"].astype(str), ("actual", "revised"))
                    assert np.all(rows["known_ns"][late] > rows["time_ns"][late])
                else:
                    assert np.all(rows["known_ns"] >= rows["time_ns"])
                if imported.kind == "sentiment":
                    assert np.all(np.abs(rows["value"]) <= 1.0)
        assert time.perf_counter() - started < 5.0, number
    return n_refused


def test_damage_is_refused_or_quarantined_never_a_crash(tmp_path) -> None:
    assert 0 < attack(tmp_path, 600, 1) < 600


@pytest.mark.soak
def test_much_damage_is_refused_or_quarantined_never_a_crash(tmp_path) -> None:
    assert 0 < attack(tmp_path, 20_000, 2) < 20_000
