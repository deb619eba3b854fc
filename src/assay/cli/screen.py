"""What a command shows: results on stdout, progress on stderr, or one JSON object."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from assay.domain.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console


class Screen:
    """The output of one command.

    Parameters
    ----------
    as_json : bool
        Print one JSON object on stdout and nothing else there; progress stays on stderr.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, text: str, *, style: str | None = None) -> None:
        """Print one line for a human; silent with ``--json``."""
        if not self.as_json:
            self._console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
    ) -> None:
        """Print a table for a human; silent with ``--json``. Numbers are right-aligned."""
        if self.as_json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        lines = [list(row) for row in rows]
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for i_column, name in enumerate(columns):
            numeric = bool(lines) and all(
                isinstance(row[i_column], int | float) and not isinstance(row[i_column], bool)
                for row in lines
            )
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in lines:
            table.add_row(*(Text(_cell(value)) for value in row))
        console = self._console()
        if not console.is_terminal:
            console.width = 160
        console.print(table)

    def emit(self, payload: Mapping[str, Any]) -> None:
        """Print the machine's form of the result; silent without ``--json``."""
        if self.as_json:
            sys.stdout.write(json.dumps(plain(payload), indent=2, allow_nan=False) + "\n")
            sys.stdout.flush()

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show how far the work is, on stderr: a bar with ETA, or lines where no terminal is."""
        from assay.cli.progress import BarProgress, LineProgress

        shown: BarProgress | LineProgress
        shown = BarProgress() if sys.stderr.isatty() else LineProgress(sys.stderr)
        try:
            yield shown
        finally:
            shown.done()

    def _console(self) -> "Console":
        from rich.console import Console

        return Console()


def plain(value: Any) -> Any:
    """Return *value* in the types of JSON. What is not finite becomes null.

    Examples
    --------
    >>> plain({"a": (1, float("nan"))})
    {'a': [1, None]}
    """
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        return plain(value.tolist())
    return str(value)


def _cell(value: object) -> str:
    """Return the text of one table cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if math.isfinite(value) else "–"
    return "" if value is None else str(value)
