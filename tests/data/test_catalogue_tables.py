"""Tables of inputs: what is stored comes back, and of rows with the same keys the newest stays."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars
from assay.data.catalogue import Catalogue
from assay.data.provenance import Provenance
from assay.data.schema import MARKET, Period, Schema, register, registered
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_DAY
from assay.domain.timeframe import Timeframe

DAY_2020 = 1_577_836_800 * 10**9
COLUMNS = {
    "known_ns": "int64",
    "time_ns": "int64",
    "title": "string",
    "impact": "string",
    "actual": "float64",
}
BY_EVENT = register(Schema(kind="test_by_event", columns=COLUMNS, keys=("time_ns", "title")))
BY_RELEASE = register(
    Schema(
        kind="test_by_release",
        columns=COLUMNS,
        keys=("known_ns", "time_ns", "title"),
        period=Period.MONTH,
    )
)
KINDS = [BY_EVENT.kind, BY_RELEASE.kind]
TEXTS = st.one_of(st.none(), st.sampled_from(["", "CPI", "NFP", "é\u4e2d\x00"]))
FLOATS = st.floats(width=64, allow_nan=True, allow_infinity=True)


def provenance(sha: str) -> Provenance:
    return Provenance(
        source="news.csv",
        sha256=sha,
        importer="news",
        timezone="UTC",
        rows_in=3,
        rows_kept=3,
        rows_quarantined=0,
        imported_ns=1,
    )


ROW = st.tuples(st.integers(0, 30), st.integers(0, 4), TEXTS, TEXTS, FLOATS)
ROWS = st.lists(ROW, min_size=1, max_size=25).map(lambda rows: sorted(rows, key=lambda row: row[0]))


def table_of(rows: list[tuple]) -> dict[str, object]:
    known, about, title, impact, actual = zip(*rows, strict=True)
    return {
        "known_ns": DAY_2020 + np.array(known) * 40 * NS_PER_DAY,
        "time_ns": np.array(about),
        "title": list(title),
        "impact": list(impact),
        "actual": np.array(actual, dtype=np.float64),
    }


def rows_of(table: dict[str, np.ndarray]) -> list[tuple]:
    bits = table["actual"].view(np.int64)
    return list(
        zip(
            table["known_ns"].tolist(),
            table["time_ns"].tolist(),
            table["title"].tolist(),
            table["impact"].tolist(),
            bits.tolist(),
            strict=True,
        )
    )


def key_of(schema: Schema, row: tuple) -> tuple:
    return tuple(row[list(COLUMNS).index(name)] for name in schema.keys)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(imports=st.lists(ROWS, min_size=1, max_size=3))
def test_a_merge_equals_a_dictionary_in_which_the_newest_row_of_a_key_stays(
    tmp_path_factory: pytest.TempPathFactory, kind: str, imports: list[list[tuple]]
) -> None:
    catalogue, schema = Catalogue(tmp_path_factory.mktemp("store")), registered(kind)
    truth: dict[tuple, tuple] = {}
    for i, rows in enumerate(imports):
        table = table_of(rows)
        before = len(truth)
        report = catalogue.merge_table(MARKET, kind, table, provenance(str(i)))
        typed = {**table, "title": np.array(table["title"], dtype=object)}
        typed["impact"] = np.array(table["impact"], dtype=object)
        truth |= {key_of(schema, row): row for row in rows_of(typed)}
        assert report.rows_total == len(truth) == before + report.rows_added
        assert report.rows_added + report.rows_replaced + report.rows_unchanged == len(rows)
        again = catalogue.merge_table(MARKET, kind, table, provenance(f"again {i}"))
        assert not again.is_changed
        assert again.rows_added == 0

    back = catalogue.read_table(MARKET, kind)

    assert sorted(map(repr, rows_of(back))) == sorted(map(repr, truth.values()))
    assert (np.diff(back["known_ns"]) >= 0).all()
    assert list(back) == list(COLUMNS)
    catalogue.verify_table(MARKET, kind)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, cut=st.integers(1, 24))
def test_the_content_hash_depends_on_rows_and_not_on_how_they_arrived(
    tmp_path_factory: pytest.TempPathFactory, kind: str, rows: list[tuple], cut: int
) -> None:
    schema = registered(kind)
    table = table_of(rows)
    typed = {name: np.array(value, dtype=object) for name, value in table.items()}
    typed["actual"] = table["actual"]
    keys = [key_of(schema, row) for row in rows_of(typed)]
    rows = [row for i, row in enumerate(rows) if keys.index(keys[i]) == i]
    folder = tmp_path_factory.mktemp("store")
    whole, pieces = Catalogue(folder / "whole"), Catalogue(folder / "pieces")

    hashes = {whole.merge_table("EURUSD", kind, table_of(rows), provenance("a")).content_hash}
    for part in (rows[cut:], rows[:cut]):
        if part:
            report = pieces.merge_table("EURUSD", kind, table_of(part), provenance("b"))
    hashes.add(report.content_hash)

    assert len(hashes) == 1


def test_a_window_is_of_the_time_at_which_rows_were_known(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    rows = [(day, 100 - day, "CPI", "high", 1.0) for day in range(10)]
    catalogue.merge_table(MARKET, BY_EVENT.kind, table_of(rows), provenance("a"))

    start, stop = DAY_2020 + 80 * NS_PER_DAY, DAY_2020 + 160 * NS_PER_DAY
    back = catalogue.read_table(MARKET, BY_EVENT.kind, start, stop)

    assert back["time_ns"].tolist() == [98, 97]
    assert len(catalogue.read_table(MARKET, BY_EVENT.kind, 0, 1)["title"]) == 0


def test_tables_and_series_stand_in_lists_of_their_own(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.merge_table(
        MARKET, BY_EVENT.kind, table_of([(0, 0, "a", None, 1.0)]), provenance("a")
    )
    one = np.ones(3)
    bars = Bars(
        symbol="EURUSD",
        timeframe=Timeframe.H1,
        time_ns=np.arange(3) * 3_600 * 10**9,
        **dict.fromkeys(("open", "high", "low", "close", "volume", "spread"), one),
    )
    catalogue.merge(bars, provenance("b"))

    assert [entry.symbol for entry in catalogue.list()] == ["EURUSD"]
    (entry,) = catalogue.list_inputs()
    assert (entry.symbol, entry.kind, entry.rows) == (MARKET, BY_EVENT.kind, 1)
    assert entry.as_json()["first"] == "2020-01-01T00:00:00Z"


def test_an_unknown_table_is_refused_with_the_nearest(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    with pytest.raises(DataError, match="registered kind"):
        catalogue.read_table(MARKET, "nothing_of_the_kind")
    with pytest.raises(DataError, match="Import a file first"):
        catalogue.read_table(MARKET, BY_EVENT.kind)
    catalogue.merge_table(
        MARKET, BY_EVENT.kind, table_of([(0, 0, "a", None, 1.0)]), provenance("a")
    )
    for symbol in ("EURUSD", "../EURUSD", "_OTHER"):
        with pytest.raises(DataError, match="Use _MARKET test_by_event, the nearest"):
            catalogue.read_table(symbol, BY_EVENT.kind)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"title": [1]}, "must be string"),
        ({"title": [float("nan")]}, "must be string"),
        ({"actual": ["3"]}, "must be float64"),
        ({"time_ns": [1.5]}, "must be int64"),
        ({"time_ns": [[1]]}, "must be int64"),
        ({"time_ns": [1, 2]}, "one length"),
        ({"extra": [1]}, "must have the columns"),
        ({"known_ns": []}, "one length"),
    ],
)
def test_rows_that_are_not_of_the_schema_are_refused(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    table = table_of([(0, 0, "a", None, 1.0)]) | change
    with pytest.raises(DataError, match=says):
        Catalogue(tmp_path).merge_table(MARKET, BY_EVENT.kind, table, provenance("a"))
    assert not list(tmp_path.iterdir())


def test_rows_out_of_order_of_knowing_are_refused(tmp_path: Path) -> None:
    table = table_of([(5, 0, "a", None, 1.0), (3, 1, "b", None, 1.0)])
    with pytest.raises(DataError, match="sorted by known_ns; row 1"):
        Catalogue(tmp_path).merge_table(MARKET, BY_EVENT.kind, table, provenance("a"))


def test_a_table_stored_under_another_schema_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue, table = Catalogue(tmp_path), table_of([(0, 0, "a", None, 1.0)])
    catalogue.merge_table(MARKET, BY_EVENT.kind, table, provenance("a"))
    other = Schema(kind=BY_EVENT.kind, columns=COLUMNS, keys=("time_ns",))
    monkeypatch.setitem(registered.__globals__["_REGISTERED"], BY_EVENT.kind, other)

    for act in (
        lambda: catalogue.read_table(MARKET, BY_EVENT.kind),
        lambda: catalogue.merge_table(MARKET, BY_EVENT.kind, table, provenance("b")),
    ):
        with pytest.raises(DataError, match="stored by another version"):
            act()


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "H1"},
        {"kind": "ticks"},
        {"kind": BY_EVENT.kind, "keys": ("title",)},
        {"columns": {"time_ns": "int64"}, "keys": ("time_ns",)},
        {"columns": {"known_ns": "float64"}, "keys": ()},
        {"columns": {"known_ns": "int64", "Title": "string"}},
        {"columns": {"known_ns": "int64", "title": "bool"}},
        {"keys": ()},
        {"keys": ("actual",)},
        {"keys": ("absent",)},
    ],
)
def test_a_schema_that_cannot_be_stored_is_refused(facts: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        register(Schema(**{"kind": "test_refused", "columns": COLUMNS, "keys": ("title",)} | facts))
