"""The exception tree: what went wrong, and what to do next.

::

    AssayError
    ├── ConfigError            fix the file, start again (names key, value, nearest known key)
    │   └── StrategyError        the user's strategy.py is wrong (names file, line, column)
    ├── DataError              gap, bad rows, schema: do not trade this bar (names file, line)
    ├── ModelError             missing, corrupt, wrong schema: step down the fallback ladder
    ├── ComputeError           workers died or were lost: fewer of them, then again
    └── BrokerError
        ├── UnavailableError     never sent: may retry, with backoff and a limit
        ├── RejectedError        certainly refused: do not retry
        └── OutcomeUnknownError  may exist: reconcile before anything else
"""

from typing import Any, ClassVar


class AssayError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    message : str
        *Subject* must *rule*; was *value*. One sentence.
    remedy : str
        What to do next, as one imperative sentence.
    **facts
        The values behind the message; they become attributes.

    Attributes
    ----------
    code : str
        Stable identifier. Alerts, tests and runbooks refer to it, never to the text.
    message, remedy : str
    facts : dict
    """

    code: ClassVar[str] = "assay"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str, **facts: object) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the trip back from a worker process, keyword arguments and all."""
        return _restore, (type(self), self.message, self.remedy, self.facts)


def _restore(
    kind: type[AssayError], message: str, remedy: str, facts: dict[str, object]
) -> AssayError:
    return kind(message, remedy=remedy, **facts)


class ConfigError(AssayError):
    """A setting, argument or workspace is wrong."""

    code: ClassVar[str] = "config"
    exit_status: ClassVar[int] = 2


class StrategyError(ConfigError):
    """A user's ``strategy.py`` fails, or does not do what it declares."""

    code: ClassVar[str] = "config.strategy"


class DataError(AssayError):
    """Market data are missing, malformed, or too few."""

    code: ClassVar[str] = "data"
    exit_status: ClassVar[int] = 3


class ModelError(AssayError):
    """A model is missing, corrupt, or was fitted to another schema."""

    code: ClassVar[str] = "model"
    exit_status: ClassVar[int] = 4


class ComputeError(AssayError):
    """The workers that compute died, cannot start, or were lost with their cluster."""

    code: ClassVar[str] = "compute"
    exit_status: ClassVar[int] = 6


class BrokerError(AssayError):
    """The venue could not be asked, or did not agree."""

    code: ClassVar[str] = "broker"
    exit_status: ClassVar[int] = 5


class UnavailableError(BrokerError):
    """The request was never sent: it may be tried again, with backoff and a limit."""

    code: ClassVar[str] = "broker.unavailable"


class RejectedError(BrokerError):
    """The venue certainly refused: do not retry."""

    code: ClassVar[str] = "broker.rejected"


class OutcomeUnknownError(BrokerError):
    """The order may exist: reconcile before anything else."""

    code: ClassVar[str] = "broker.outcome_unknown"
