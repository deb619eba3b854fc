"""Collects refused rows during an import, within a limit on what is kept of their text."""

from collections import Counter
from collections.abc import Iterable

from assay.data.quarantine import (
    ROWS_LISTED_MAX,
    TEXT_CHARACTERS_MAX,
    Quarantine,
    QuarantinedRow,
    Reason,
)


class Refusals:
    """Rows refused so far; every one is counted, the first ``ROWS_LISTED_MAX`` are listed."""

    def __init__(self) -> None:
        self.rows: list[QuarantinedRow] = []
        self._unlisted: Counter[Reason] = Counter()

    def __len__(self) -> int:
        return len(self.rows) + sum(self._unlisted.values())

    @property
    def room(self) -> int:
        """How many more rows can be listed."""
        return ROWS_LISTED_MAX - len(self.rows)

    def add(self, line: int, reason: Reason, text: str) -> None:
        """Refuse one row."""
        shown = text[:TEXT_CHARACTERS_MAX]
        self.add_row(QuarantinedRow(line=int(line), reason=reason, text=shown))

    def add_row(self, row: QuarantinedRow) -> None:
        """Refuse one row of which more may be known than its text."""
        if self.room > 0:
            self.rows.append(row)
        else:
            self._unlisted[row.reason] += 1

    def add_all(self, refused: Iterable[tuple[int, Reason, str]]) -> None:
        """Refuse rows given as line, reason and text."""
        for line, reason, text in refused:
            self.add(line, reason, text)

    def count(self, reason: Reason, n_rows: int = 1) -> None:
        """Refuse rows without listing them."""
        self._unlisted[reason] += n_rows

    @classmethod
    def joined(cls, parts: Iterable["Refusals"]) -> "Refusals":
        """Return the refusals of several as one."""
        whole = cls()
        for part in parts:
            for row in part.rows:
                whole.add_row(row)
            whole._unlisted.update(part._unlisted)
        return whole

    def quarantine(self) -> Quarantine:
        """Return what was refused."""
        return Quarantine.of(self.rows, self._unlisted)
