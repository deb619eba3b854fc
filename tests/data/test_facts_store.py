"""Dated facts on disk: whole or absent, checked when read, merged with the user's overrides."""

import json
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest
from ending_disks import Full
from facts_files import GOLD_INFO, exported
from hypothesis import given
from hypothesis import strategies as st

from assay.config.instruments import load_instrument
from assay.data.specification.loading import load_facts
from assay.data.specification.reading import Specification, read_specifications
from assay.data.specification.storing import FOLDER, FactsStore
from assay.domain.errors import ConfigError, DataError
from assay.domain.facts_history import FactsHistory
from assay.domain.instrument import Instrument, MarginBasis, MarginTier, SwapMode

GOLD = load_instrument("XAUUSD")
DAY = 86_400 * 10**9


def version(day: int, item: Instrument = GOLD, **changes) -> Specification:
    plain = {
        "instrument": item,
        "valid_from_ns": day * DAY,
        "form": "window",
        "source": f"day{day}.txt",
        "sha256": "ab" * 32,
        "notes": (f"{item.symbol}: a note.",),
    }
    return Specification(**{**plain, **changes})


@pytest.fixture
def store(tmp_path: Path) -> FactsStore:
    return FactsStore(tmp_path)


def document(folder: Path, symbol: str = "XAUUSD") -> Path:
    return folder / FOLDER / f"{symbol}.json"


def test_versions_come_back_in_order_of_time_with_their_origin(tmp_path, store) -> None:
    dearer = replace(GOLD, swap_long=D("-9.10"))
    assert store.add(version(200, dearer), imported_ns=7).outcome == "added"
    added = store.add(version(100), imported_ns=8)
    again = FactsStore(tmp_path).versions("XAUUSD")

    assert (added.n_versions, added.changed) == (2, ())
    assert [one.instrument for one in again] == [GOLD, dearer]
    assert [one.valid_from_ns for one in again] == [100 * DAY, 200 * DAY]
    assert again[0].source == "day100.txt"
    assert (again[0].imported_ns, again[0].form, again[0].sha256) == (8, "window", "ab" * 32)
    assert again[0].notes == ("XAUUSD: a note.",)
    assert store.symbols() == ("XAUUSD",)
    assert store.versions("EURUSD") == ()


def test_what_changed_is_said_and_the_same_file_twice_changes_nothing(tmp_path, store) -> None:
    store.add(version(100), imported_ns=1)
    dearer = replace(GOLD, swap_long=D(-9), margin_tiers=(tier("Infinity", "0.01"),))
    added = store.add(version(200, dearer), imported_ns=2)
    before = document(tmp_path).read_bytes()
    same = store.add(version(200, dearer, source="renamed.txt"), imported_ns=3)

    assert added.changed == (("swap_long", "-5.25", "-9"), ("margin_tiers", "none", "1 entries"))
    assert (same.outcome, same.n_versions) == ("unchanged", 2)
    assert document(tmp_path).read_bytes() == before
    corrected = store.add(version(200), imported_ns=4)
    assert (corrected.outcome, corrected.n_versions) == ("replaced", 2)
    assert store.versions("XAUUSD")[1].instrument == GOLD


def tier(up_to: str, fraction: str) -> MarginTier:
    return MarginTier(up_to=D(up_to), fraction=D(fraction))


money = st.decimals("-1000", "1000", places=4)


@given(
    st.builds(
        replace,
        st.just(GOLD),
        swap_mode=st.sampled_from(SwapMode),
        swap_long=money,
        swap_short=money,
        swap_nights=st.sampled_from([(), tuple(map(D, ("1", "1", "1", "1", "1", "0.5", "2")))]),
        freeze_level_points=st.integers(0, 50),
        account_currency=st.sampled_from(["", "USD", "EUR"]),
        margin_currency=st.sampled_from(["", "XAU"]),
        margin_basis=st.sampled_from(MarginBasis),
        margin_tiers=st.sampled_from([(), (tier("5.5", "0.01"), tier("Infinity", "0.2"))]),
        description=st.sampled_from(["Gold", "Göld – 金"]),
    )
)
def test_every_fact_survives_the_disk(tmp_path_factory, item: Instrument) -> None:
    folder = tmp_path_factory.mktemp("facts")
    FactsStore(folder).add(version(1, item), imported_ns=0)

    assert FactsStore(folder).versions("XAUUSD")[0].instrument == item


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text.replace("-5.25", "-5.20"),
        lambda text: text.replace("XAUUSD", "XAGUSD"),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace('"layout": 1', '"layout": 2'),
        lambda text: text.replace('"checksum"', '"chequesum"'),
    ],
)
def test_a_damaged_document_is_refused_by_name(tmp_path, store, harm) -> None:
    store.add(version(1), imported_ns=0)
    path = document(tmp_path)
    path.write_text(harm(path.read_text()))
    for attempt in (
        lambda: store.versions("XAUUSD"),
        lambda: store.add(version(2), imported_ns=0),
        lambda: load_facts(tmp_path, "XAUUSD"),
    ):
        with pytest.raises(DataError, match=r"_facts/XAUUSD\.json must be as it was written"):
            attempt()


def test_a_document_with_impossible_facts_is_refused(tmp_path, store, monkeypatch) -> None:
    store.add(version(1), imported_ns=0)
    path = document(tmp_path)
    body = json.loads(path.read_text())
    body["versions"][0]["facts"]["digits"] = "two"
    del body["layout"], body["checksum"]
    from assay.data.specification import storing

    whole = {"layout": 1, "checksum": storing._checksum(body), **body}
    path.write_text(json.dumps(whole))
    with pytest.raises(DataError, match="digits must be a whole number"):
        store.versions("XAUUSD")
    monkeypatch.setattr(storing, "DOCUMENT_BYTES_MAX", 10)
    with pytest.raises(DataError, match=r"has .* bytes"):
        store.versions("XAUUSD")


def test_a_write_that_fails_leaves_the_document_before_or_after(tmp_path) -> None:
    FactsStore(tmp_path).add(version(1), imported_ns=0)
    outcomes = set()
    for last in range(1, 8):
        later = replace(GOLD, swap_long=D(-9 - last))
        failing = FactsStore(tmp_path, disk=Full(last))
        before, is_told = FactsStore(tmp_path).versions("XAUUSD"), False
        try:
            failing.add(version(2, later), imported_ns=0)
        except DataError as error:
            is_told = "facts of XAUUSD; the disk answered: No space" in error.message
            assert is_told
        after = FactsStore(tmp_path).versions("XAUUSD")
        assert after == before or after[-1].instrument == later
        outcomes.add((is_told, after == before))
    assert outcomes == {(True, True), (True, False), (False, False)}
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["XAUUSD.json"]


def test_strangers_and_names_that_leave_the_folder_are_refused(store, monkeypatch) -> None:
    store.add(version(1), imported_ns=0)
    with pytest.raises(DataError, match="XAU/USD, the file has XAU/EUR"):
        store.add(version(2, replace(GOLD, quote="EUR")), imported_ns=0)
    for name in ("../XAUUSD", "con", ""):
        with pytest.raises(DataError):
            store.add(version(1, replace(GOLD, symbol=name)), imported_ns=0)
    monkeypatch.setattr("assay.data.specification.storing.VERSIONS_MAX", 1)
    with pytest.raises(DataError, match="at most 1 versions"):
        store.add(version(2), imported_ns=0)
    assert store.add(version(1, replace(GOLD, digits=3)), imported_ns=0).outcome == "replaced"


def test_an_unreadable_document_is_refused(tmp_path, store) -> None:
    document(tmp_path).mkdir(parents=True)
    with pytest.raises(DataError, match="could not be read"):
        store.versions("XAUUSD")


def test_reading_makes_nothing(tmp_path, store) -> None:
    assert store.symbols() == ()
    assert store.versions("XAUUSD") == ()
    assert load_facts(tmp_path, "XAUUSD") == FactsHistory.of(GOLD)
    assert list(tmp_path.iterdir()) == []


def test_overrides_win_over_every_version_and_say_so(tmp_path, store) -> None:
    tiers = (tier("5", "0.01"), tier("Infinity", "0.02"))
    nights = tuple(map(D, (1, 1, 1, 1, 1, 1, 1)))
    store.add(version(100, replace(GOLD, margin_tiers=tiers, swap_nights=nights)), imported_ns=1)
    store.add(version(200, replace(GOLD, swap_long=D(-9))), imported_ns=1)

    plain = load_facts(tmp_path, "XAUUSD")
    assert [item.swap_long for item in plain.instruments] == [D("-5.25"), D(-9)]
    assert "imported in 2 dated versions from day100.txt" in plain.notes[0]
    assert plain.notes.count("XAUUSD: a note.") == 1

    stated = {
        "swap_long": "-1",
        "margin_fraction": "0.5",
        "swap_triple_weekday": 4,
        "like": "EURUSD",
    }
    mine = load_facts(tmp_path, "XAUUSD", stated)
    assert {item.swap_long for item in mine.instruments} == {D(-1)}
    assert {item.margin_tiers for item in mine.instruments} == {()}, "one fraction was stated"
    assert {item.nights[4] for item in mine.instruments} == {3}, "a triple day was stated"
    assert {item.digits for item in mine.instruments} == {2}, "like names no better start"
    assert mine.starts_ns == (200 * DAY,)
    assert mine.notes[-1] == (
        "XAUUSD: assay.toml overrides swap_long, margin_fraction, swap_triple_weekday in every "
        "version of its facts."
    )
    with pytest.raises(ConfigError, match="must be a known contract fact"):
        load_facts(tmp_path, "XAUUSD", {"swop": 1})


def test_many_files_are_counted_not_listed(tmp_path, store) -> None:
    for day in range(1, 7):
        store.add(version(day, replace(GOLD, swap_long=D(-day))), imported_ns=1)
    notes = load_facts(tmp_path, "XAUUSD").notes

    assert "6 dated versions from day4.txt" in notes[0]
    assert notes[0].endswith("and 3 more.")


def test_other_symbols_keep_the_catalogue_s_facts(tmp_path, store) -> None:
    store.add(version(1), imported_ns=0)

    assert load_facts(tmp_path, "EURUSD") == FactsHistory.of(load_instrument("EURUSD"))
    with pytest.raises(ConfigError, match="must be in the instrument catalogue"):
        load_facts(tmp_path, "NOBODY")


def test_what_a_later_file_leaves_out_stays_as_it_was(tmp_path, store) -> None:
    stated = {"commission_per_lot": "2.75", "swap_nights": [1, 1, 1, 1, 1, 0, 0]}
    (first,) = read_specifications(exported(tmp_path), timezone="NY+7", given=stated)
    store.add(first, imported_ns=0)
    bare = {key: value for key, value in GOLD_INFO.items() if key != "swap_rollover3days"}
    later = exported(tmp_path, {**bare, "swap_long": -50.0, "sessions": {}})
    (second,) = read_specifications(later, valid_from="2025-01-01", before=store.before)

    assert second.instrument.commission_per_lot == D("2.75")
    assert second.instrument.sessions == first.instrument.sessions
    assert second.instrument.swap_nights == first.instrument.swap_nights
    assert second.instrument.swap_long == D("-50.0")
    assert any("taken from the version of 2024-05-01" in note for note in second.notes)
    (early,) = read_specifications(later, valid_from="2020-01-01", before=store.before)
    assert early.instrument.commission_per_lot == D("3.50"), "nothing older is stored"
