"""The forecasts of a run as a file of their own, to compare two runs label by label."""

import io
from pathlib import Path

import numpy as np

from assay.research.result import Forecasts

FORECASTS_FILE = "forecasts.parquet"


def forecast_bytes(forecasts: Forecasts) -> bytes:
    """Return *forecasts* as Parquet, one row per forecast, in their order.

    Columns: ``time`` (when it was made, UTC), ``symbol``, ``p``, ``y``, ``horizon`` (bars),
    ``fold`` and ``weight`` (1 without uniqueness weights).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(forecasts.p)
    if forecasts.symbol is None:
        names = np.full(n, "")
    else:
        names = np.array(forecasts.symbols, dtype=np.str_)[forecasts.symbol]
    weight = np.ones(n) if forecasts.weight is None else forecasts.weight
    table = pa.table(
        {
            "time": pa.array(forecasts.time_ns, pa.timestamp("ns", tz="UTC")),
            "symbol": pa.array(names.tolist(), pa.string()),
            "p": pa.array(forecasts.p, pa.float64()),
            "y": pa.array(forecasts.y, pa.int8()),
            "horizon": pa.array(forecasts.horizon, pa.int64()),
            "fold": pa.array(forecasts.fold, pa.int64()),
            "weight": pa.array(weight, pa.float64()),
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_forecasts(path: Path) -> Forecasts | None:
    """Return the forecasts of a stored run; None where it has none, as an older one.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        names = table.column("symbol").to_pylist()
        column = {
            name: table.column(name).to_numpy()
            for name in ("time", "p", "y", "horizon", "fold", "weight")
        }
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    symbols = tuple(dict.fromkeys(names))
    place = {name: i for i, name in enumerate(symbols)}
    return Forecasts(
        time_ns=column["time"].astype("datetime64[ns]").astype(np.int64),
        p=column["p"],
        y=column["y"],
        horizon=column["horizon"],
        fold=column["fold"],
        weight=column["weight"],
        symbols=symbols,
        symbol=np.array([place[name] for name in names], np.int64),
    )
