"""Ask a strategy that was sent to another process as source; it imports no more than it needs."""

from pathlib import Path

from assay.data.bars import Bars
from assay.domain.errors import AssayError
from assay.kernels.compiler import FloatArray
from assay.strategy.loading import strategy_from

Asked = tuple[tuple[str, Bars], ...]
"""The name of a column, and the bars it is asked about."""

Answer = FloatArray | None
"""One value per bar; None where the column failed."""


def answered(path: Path, source: bytes, asked: Asked) -> list[Answer]:
    """Execute *source* afresh, and return what its columns say; what fails has no answer."""
    own = {column.name: column for column in strategy_from(path, source).columns}
    answers: list[Answer] = []
    for name, bars in asked:
        try:
            answers.append(own[name].values(bars))
        except AssayError:
            answers.append(None)
    return answers
