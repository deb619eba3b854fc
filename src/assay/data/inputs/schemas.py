"""The tables of inputs other than prices: news, sentiment, order books.

In every table ``known_ns`` is when a row could first be known and ``time_ns`` what it is
about. Rows are only ever added (see :mod:`assay.data.inputs.storing`), so what was known at
some time stays known.
"""

from assay.data.schema import MARKET, Period, Schema, register

__all__ = ["BOOK", "MARKET", "NEWS", "SENTIMENT"]

NEWS = register(
    Schema(
        kind="news",
        columns={
            "known_ns": "int64",
            "time_ns": "int64",
            "event_id": "string",
            "fact": "string",
            "currency": "string",
            "impact": "int64",
            "title": "string",
            "timing": "string",
            "status": "string",
            "value": "float64",
            "unit": "string",
        },
        keys=("known_ns", "event_id", "fact"),
    )
)
"""One row states one fact about one event: see :mod:`assay.data.inputs.news`."""

SENTIMENT = register(
    Schema(
        kind="sentiment",
        columns={
            "known_ns": "int64",
            "time_ns": "int64",
            "source": "string",
            "value": "float64",
            "long_share": "float64",
        },
        keys=("known_ns", "time_ns", "source"),
    )
)
"""One row is one reading; see :mod:`assay.data.inputs.sentiment`."""

BOOK = register(
    Schema(
        kind="book",
        columns={
            "known_ns": "int64",
            "time_ns": "int64",
            "book": "string",
            "snapshot": "string",
            "side": "string",
            "level": "int64",
            "price": "float64",
            "size": "float64",
            "long_percent": "float64",
            "short_percent": "float64",
            "market_price": "float64",
            "bucket_width": "float64",
        },
        keys=("known_ns", "time_ns", "book", "snapshot", "side", "level"),
        period=Period.MONTH,
    )
)
"""One row is one level of one snapshot: see :mod:`assay.data.inputs.order_book`."""
