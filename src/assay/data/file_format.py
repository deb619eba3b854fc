"""Formats of files, as a user names them."""

from enum import Enum
from typing import Self

from assay.domain.errors import ConfigError


class FileFormat(Enum):
    """A family of formats; the value is what a user writes with ``--format``."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a format from user text.

        Raises
        ------
        ConfigError
            If *text* names none.
        """
        try:
            return cls(text.strip().lower())
        except ValueError:
            raise ConfigError(
                f"Format must be one of {', '.join(member.value for member in cls)}; was {text!r}.",
                remedy="Correct the spelling, or leave --format out to let it be recognised.",
                value=text,
            ) from None
