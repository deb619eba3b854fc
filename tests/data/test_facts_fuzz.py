"""Mutated specification files: read as something valid, or refused by name; never a crash."""

import json
import random
from pathlib import Path

import pytest
from facts_files import GOLD_INFO, WEEK, WINDOW

from assay.data.specification.reading import read_specifications
from assay.domain.errors import AssayError

TIERS = [{"up_to": 50, "unit": "lots", "leverage": 500}]
PROBES = [{"lots": 1.0, "price": 2400.0, "margin": 1200.0}]
DOCUMENT = {
    "exported_utc": "2024-05-01T09:30:00Z",
    "server_timezone": "NY+7",
    "account": {"currency": "USD", "leverage": 200},
    "symbols": [
        {**GOLD_INFO, "sessions": WEEK, "margin_probes": PROBES},
        {**GOLD_INFO, "name": "XAGUSD", "leverage_tiers": TIERS, "swap_friday": 1.0},
    ],
}
COLUMNS = "\n".join(f"{key},{value}" for key, value in GOLD_INFO.items())
ORIGINALS = [json.dumps(DOCUMENT), json.dumps(GOLD_INFO), WINDOW, COLUMNS]
PIECES = (
    "-", "0", "9" * 50, "1e999999999", "1e99999999999999999999", "NaN", "null", "[", "{", '"', "\t",
    ",", ".", ":", "\n", "\x00", "\ufeff", "∞", "true", "1:0", "0 - 5 lots\t1:500\n", "-1e-400",
)  # fmt: skip


def mutated(generator: random.Random) -> bytes:
    """Return one of the originals with some bytes changed, moved, doubled or lost."""
    text = generator.choice(ORIGINALS)
    for _ in range(generator.choice((1, 1, 2, 5))):
        at, length = generator.randrange(len(text)), generator.choice((0, 1, 1, 4, 30))
        kind = generator.randrange(4)
        if kind == 0:
            text = text[:at] + generator.choice(PIECES) + text[at + length :]
        elif kind == 1:
            text = text[:at] + text[at + length :]
        elif kind == 2:
            text = text[:at] + text[at : at + length] * 2 + text[at + length :]
        else:
            text = text[:at] + chr(generator.randrange(1, 256)) + text[at + 1 :]
        text = text or "x"
    encoding = generator.choice(("utf-8", "utf-8", "utf-16", "latin-1"))
    return text.encode(encoding, errors="replace")


def try_many(folder: Path, seeds: range) -> tuple[int, int]:
    """Return how many files were read, and how many refused."""
    path = folder / "mutant.txt"
    n_read = n_refused = 0
    for seed in seeds:
        path.write_bytes(mutated(random.Random(seed)))
        try:
            found = read_specifications(path, valid_from="2024-05-01", timezone="NY+7")
        except AssayError as error:
            n_refused += 1
            assert error.remedy, seed
            assert path.name in error.message or "instruments." in error.message or (
                "Time zone" in error.message or "A date" in error.message
            ), (seed, error.message)  # fmt: skip
        else:
            n_read += 1
            assert all(item.instrument.contract_size > 0 for item in found), seed
    return n_read, n_refused


def test_mutated_files_are_read_or_refused_by_name(tmp_path) -> None:
    n_read, n_refused = try_many(tmp_path, range(2_000))

    assert n_read > 100
    assert n_refused > 500


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_hundred_thousand_mutated_files_are_read_or_refused_by_name(tmp_path) -> None:
    try_many(tmp_path, range(10_000, 110_000))
