"""Decisions on disk: one Parquet file beside the report, the same bytes for the same run."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.domain.errors import DataError
from assay.research.attribution.decisions import (
    ANSWER_COLUMNS,
    FINE,
    VIEW_COLUMNS,
    Decisions,
)
from assay.research.attribution.part import Kind, Part
from assay.research.attribution.records import ATTRIBUTION_FILE

DECISIONS_FILE = "decisions.parquet"
SCHEMA = "assay.decisions/1"
LOG_ODDS, LEAN = "log_odds.", "lean."
_FIXED = ("known", "market")
_META = b"assay"
REQUIRED = {*_FIXED, *VIEW_COLUMNS, *ANSWER_COLUMNS, "mid", "p", "opens", "trade", "rule"}


def decisions_bytes(decisions: Decisions) -> bytes:
    """Return the content of the file: a column per fact, and a pair of them per source."""
    arrays: dict[str, pa.Array] = {
        "known": pa.array(decisions.known_ns.view("datetime64[ns]")).cast(
            pa.timestamp("ns", tz="UTC")
        ),
        "market": pa.DictionaryArray.from_arrays(
            pa.array(decisions.of_market), list(decisions.market)
        ),
    }
    for name, column in decisions.columns.items():
        arrays[name] = pa.array(column, from_pandas=False)
    for prefix, table in ((LOG_ODDS, decisions.log_odds), (LEAN, decisions.lean)):
        for part, column in zip(decisions.sources, table.T, strict=True):
            arrays[prefix + part.name] = pa.array(np.ascontiguousarray(column), from_pandas=False)
    told = {
        "schema": SCHEMA,
        "strategy": decisions.strategy,
        "sources": [
            {"name": part.name, "group": part.group, "title": part.title, "kind": part.kind.value}
            for part in decisions.sources
        ],
        "rules": list(decisions.rules),
        "unit": FINE,
    }
    table = pa.table(arrays).replace_schema_metadata({_META: json.dumps(told, sort_keys=True)})
    split = [
        name for name in arrays if arrays[name].type in (pa.float32(), pa.float64(), pa.int32())
    ]
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        row_group_size=max(1, len(decisions)),
        compression="zstd",
        compression_level=9,
        use_dictionary=["market"],
        column_encoding={
            "known": "DELTA_BINARY_PACKED",
            **dict.fromkeys(split, "BYTE_STREAM_SPLIT"),
        },
        write_statistics=["known"],
        store_schema=True,
    )
    return buffer.getvalue()


def read_decisions(folder: Path) -> Decisions:
    """Return the decisions of a stored report.

    Raises
    ------
    DataError
        If the report has none, or the file cannot be read.
    """
    path = folder / DECISIONS_FILE
    if not path.exists():
        raise DataError(
            f"The report {folder.name} must hold its decisions; has no {DECISIONS_FILE}.",
            remedy="Run `assay run` again: reports of earlier versions did not keep them.",
            file=str(path),
        )
    try:
        table = pq.read_table(path)
        told = json.loads((table.schema.metadata or {})[_META])
        if told["schema"] != SCHEMA:
            raise ValueError(f"its schema is {told['schema']}")
        return _decisions(table, told)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(
            f"{path} must hold the decisions of a report; cannot be read: {error}.",
            remedy="Run `assay run` again.",
            file=str(path),
        ) from None


def read_trade(folder: Path, strategy: str, number: int) -> dict[str, str]:
    """Return one line of ``attribution.csv``: a trade and its parts, as text.

    Raises
    ------
    DataError
        If the file or the trade is not there.
    """
    path = folder / ATTRIBUTION_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                if line["strategy"] == strategy and line["trade"] == str(number):
                    return line
    except (OSError, KeyError) as error:
        raise DataError(
            f"{path} must hold the parts of every trade; cannot be read: {error}.",
            remedy="Run `assay run` again.",
            file=str(path),
        ) from None
    raise DataError(
        f"{path} must hold trade {number} of {strategy}; does not.",
        remedy="Run `assay run` again.",
        file=str(path),
    )


def _decisions(table: pa.Table, told: dict[str, Any]) -> Decisions:
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    missing = sorted(REQUIRED - set(columns))
    if missing:
        raise ValueError(f"it has no column {missing[0]}")
    sources = tuple(
        Part(name=s["name"], group=s["group"], title=s["title"], kind=Kind(s["kind"]))
        for s in told["sources"]
    )
    market = columns["market"]
    plain = [
        name for name in columns if name not in _FIXED and not name.startswith((LOG_ODDS, LEAN))
    ]

    def stacked(prefix: str) -> Any:
        found = [columns[prefix + part.name].to_numpy(zero_copy_only=False) for part in sources]
        return np.column_stack(found) if found else np.zeros((len(table), 0), np.int32)

    return Decisions(
        strategy=told["strategy"],
        known_ns=columns["known"].cast(pa.int64()).to_numpy(zero_copy_only=False),
        market=tuple(market.dictionary.to_pylist()),
        of_market=market.indices.to_numpy(zero_copy_only=False),
        sources=sources,
        log_odds=stacked(LOG_ODDS),
        lean=stacked(LEAN),
        columns={name: columns[name].to_numpy(zero_copy_only=False) for name in plain},
        rules=tuple(told["rules"]),
    )
