"""The port through which long work says how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Hear of stages and steps. Implementations never influence a result."""

    def stage(self, name: str, total: int) -> None:
        """Begin the stage *name* of *total* steps, which ends the stage before it."""
        ...

    def advance(self, n: int = 1) -> None:
        """Count *n* more steps of the current stage."""
        ...

    def done(self) -> None:
        """End the current stage; nothing follows."""
        ...


class SilentProgress:
    """Say nothing: for tests, workers and machine output."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage, silently."""

    def advance(self, n: int = 1) -> None:
        """Count steps, silently."""

    def done(self) -> None:
        """End, silently."""
