"""What was fetched is kept: whole files, and a ledger that any crash leaves readable."""

from pathlib import Path

import pytest
from ending_disks import Full
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.downloads.store import LEDGER, Store
from assay.domain.errors import DataError

FILES = {f"EURUSD/2019/01/0{i}/00h_ticks.bi5": bytes([i]) * (i * 7) for i in range(1, 6)}


def filled(folder: Path) -> Store:
    store = Store(folder)
    for at, (path, content) in enumerate(FILES.items()):
        store.keep(path, content, etag=f'"{at}"', fetched_ns=at)
    store.keep_absent("EURUSD/2019/01/09/00h_ticks.bi5", fetched_ns=9)
    return store


def test_what_was_kept_is_found_after_a_restart(tmp_path: Path) -> None:
    filled(tmp_path)
    store = Store(tmp_path)

    for at, (path, content) in enumerate(FILES.items()):
        kept = store.find(path)
        assert kept is not None
        assert (kept.size, kept.etag, kept.fetched_ns) == (len(content), f'"{at}"', at)
        assert store.file(path).read_bytes() == content
    absent = store.find("EURUSD/2019/01/09/00h_ticks.bi5")
    assert absent is not None
    assert absent.is_absent
    assert store.find("EURUSD/2019/01/08/00h_ticks.bi5") is None


def test_a_ledger_torn_at_any_byte_loses_its_last_line_only(tmp_path: Path) -> None:
    filled(tmp_path)
    whole = (tmp_path / LEDGER).read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10]
    for cut in (*range(0, len(whole), 9), *range(len(whole) - 130, len(whole))):
        (tmp_path / LEDGER).write_bytes(whole[:cut])
        store = Store(tmp_path)
        # A line without its line end is whole if nothing but that is missing.
        n_whole = sum(end <= cut + 1 for end in ends)
        found = [path for path in FILES if store.find(path) is not None]
        assert found == list(FILES)[: min(n_whole, len(FILES))]
        store.keep("later.bi5", b"later", etag=None, fetched_ns=1)
        assert Store(tmp_path).find("later.bi5") is not None
        assert [path for path in FILES if Store(tmp_path).find(path)] == found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=60), at=st.integers(0, 10_000))
def test_noise_in_the_ledger_is_passed_over(tmp_path: Path, noise: bytes, at: int) -> None:
    (tmp_path / LEDGER).unlink(missing_ok=True)
    filled(tmp_path)
    whole = (tmp_path / LEDGER).read_bytes()
    at %= len(whole)
    (tmp_path / LEDGER).write_bytes(whole[:at] + noise + whole[at:])
    store = Store(tmp_path)

    for path, content in FILES.items():
        kept = store.find(path)
        assert kept is None or (store.file(path).read_bytes() == content == bytes(content))


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "longer"])
def test_a_damaged_file_is_not_found(tmp_path: Path, damage: str) -> None:
    store = filled(tmp_path)
    path = next(reversed(FILES))
    file, content = store.file(path), FILES[path]
    if damage == "gone":
        file.unlink()
    else:
        changed = {"cut": content[:-1], "changed": b"x" + content[1:], "longer": content + b"x"}
        file.write_bytes(changed[damage])

    assert store.find(path) is None
    assert store.is_known(path)


@pytest.mark.parametrize("n_good", range(9))
def test_a_full_disk_at_any_moment_leaves_the_file_of_before_or_the_one_of_after(
    tmp_path: Path, n_good: int
) -> None:
    path = "a/b.bi5"
    Store(tmp_path).keep(path, b"before", etag=None, fetched_ns=1)
    store = Store(tmp_path, disk=Full(n_good + 1))
    try:
        store.keep(path, b"after!!", etag=None, fetched_ns=2)
        assert n_good > 7
    except DataError as error:
        assert "No space left" in error.message
        assert error.remedy
    again = Store(tmp_path)
    kept = again.find(path)
    assert again.file(path).read_bytes() in (b"before", b"after!!")
    assert kept is None or kept.size == len(again.file(path).read_bytes())
    again.keep(path, b"after!!", etag=None, fetched_ns=3)
    kept = Store(tmp_path).find(path)
    assert kept is not None
    assert kept.fetched_ns == 3


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", "a\\b", "C:/x"])
def test_no_file_lies_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError, match="must lie in its folder"):
        Store(tmp_path).keep(path, b"", etag=None, fetched_ns=0)


def test_two_downloads_of_one_source_do_not_meet(tmp_path: Path) -> None:
    first, second = Store(tmp_path), Store(tmp_path)
    with (
        first.held(),
        pytest.raises(DataError, match="another is at work"),
        second.held(),
    ):
        pass
    with second.held():
        pass


def test_a_ledger_of_much_history_is_written_anew(tmp_path: Path) -> None:
    store = filled(tmp_path)
    kept = store.find(next(iter(FILES)))
    assert kept is not None
    lines = (tmp_path / LEDGER).read_bytes()
    (tmp_path / LEDGER).write_bytes(lines * 200)
    store = Store(tmp_path)
    with store.held():
        assert len((tmp_path / LEDGER).read_bytes()) == len(lines)
        assert all(store.find(path) is not None for path in FILES)
    again = Store(tmp_path)
    assert all(again.find(path) is not None for path in FILES)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    Store(tmp_path / "none").find("a")
    assert list(tmp_path.iterdir()) == []
