"""The pace of requests: how many at once, how many a second, and who has asked for a pause."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

BACKOFF_S_FIRST = 1.0
BACKOFF_S_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    """What a client allows itself. Every wait and every repetition has a limit.

    Attributes
    ----------
    concurrency : int
        Requests under way at once.
    requests_per_second : float
        Requests begun per second.
    retries_max : int
        Repetitions of one request.
    timeout_s : float
        Longest wait for one whole answer, from the connection to its last byte.
    stall_s : float
        Longest wait for a connection, or for the next bytes.
    wait_s_max : float
        Longest pause that a server may ask for.
    answer_bytes_max : int
        Largest answer.
    """

    concurrency: int = 4
    requests_per_second: float = 5.0
    retries_max: int = 6
    timeout_s: float = 60.0
    stall_s: float = 15.0
    wait_s_max: float = 300.0
    answer_bytes_max: int = 64_000_000

    @property
    def wait_s_per_request_max(self) -> float:
        """Longest that one request can take with all its repetitions and pauses, in seconds."""
        pauses = sum(backoff_s_max(attempt) for attempt in range(1, self.retries_max + 1))
        return (self.retries_max + 1) * (self.timeout_s + self.wait_s_max) + pauses


def backoff_s_max(attempt: int) -> float:
    """Return the longest pause after failed attempt *attempt* (from 1), in seconds.

    Examples
    --------
    >>> [backoff_s_max(attempt) for attempt in (1, 2, 3, 10)]
    [1.0, 2.0, 4.0, 60.0]
    """
    return float(min(BACKOFF_S_MAX, BACKOFF_S_FIRST * 2.0 ** (attempt - 1)))


class Pace:
    """Hands out turns to begin a request.

    Parameters
    ----------
    politeness : Politeness
    rng : numpy.random.Generator
        For the jitter of pauses, so that clients that failed together do not return together.
    monotonic : callable
        Seconds that never go back.
    sleep : callable
        Awaits a number of seconds.

    Notes
    -----
    A pause that one answer asks for holds back all requests: it is the host that is tired.
    """

    def __init__(
        self,
        politeness: Politeness,
        *,
        rng: np.random.Generator,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap_s = 1.0 / politeness.requests_per_second
        self._rng = rng
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_s = self._resume_s = float("-inf")

    async def turn(self) -> None:
        """Wait until a request may begin."""
        at = max(self._monotonic(), self._next_s, self._resume_s)
        self._next_s = at + self._gap_s
        while True:
            wait_s = max(at, self._resume_s) - self._monotonic()
            if wait_s <= 0.0:
                return
            await self._sleep(wait_s)

    def pause_all(self, seconds: float) -> None:
        """Let no request begin for *seconds* from now."""
        self._resume_s = max(self._resume_s, self._monotonic() + seconds)

    def backoff_s(self, attempt: int) -> float:
        """Draw the pause after failed attempt *attempt*: half of the longest, or up to all."""
        return backoff_s_max(attempt) * float(self._rng.uniform(0.5, 1.0))

    async def back_off(self, seconds: float) -> None:
        """Wait before the same request is repeated."""
        await self._sleep(seconds)
