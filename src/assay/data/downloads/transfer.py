"""One polite request after another: whole and plausible answers, or an error that says why."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from assay import __version__
from assay.data.downloads.pace import Pace, Politeness
from assay.domain.errors import DataError
from assay.domain.time import NS_PER_SECOND, Clock

USER_AGENT = f"assay/{__version__} (market history; python-httpx/{httpx.__version__})"
REDIRECTS_MAX = 3
FAULTS_SHOWN_MAX = 3
_EXCERPT_CHARACTERS = 160
_NOT_MODIFIED = 304
_NOT_THERE = 404
_LOCAL = ("all://127.0.0.1", "all://localhost", "all://[::1]")
_BUSY = frozenset({429, 503})
_WORTH_REPEATING = frozenset({408, 425, 429})
_REMEDIES = {
    401: "Check the access token, and whether it is of a practice or of a live account.",
    403: "Check that this source may be used from here; ask less often if it worked before.",
    404: "Check the symbol, the period and the address of the source in [downloads].",
}
_REMEDY = "Run the command again: what was fetched is kept. If it fails again, ask later."

Flaw = Callable[[bytes], str | None]
"""Says what is wrong with the bytes of an answer; None if nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    url : str
        With its query. It appears in errors, so it holds no secret.
    headers : mapping
        Sent along, never shown.
    flaw : callable or None
        Looks at the bytes; what it finds wrong is asked for again.
    may_be_absent : bool
        Whether "404" is an answer of this source: there is no such file.
    etag : str or None
        Of the copy that is here; the source may say that it has not changed.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    flaw: Flaw | None = None
    may_be_absent: bool = False
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes
    ----------
    content : bytes
        Empty if absent or unchanged.
    is_absent : bool
        The source has no such file.
    is_unchanged : bool
        The copy with the etag of the request is the current one.
    etag : str or None
    """

    content: bytes = b""
    is_absent: bool = False
    is_unchanged: bool = False
    etag: str | None = None


@dataclass(slots=True)
class Tally:
    """What a client has done so far."""

    requests: int = 0
    retries: int = 0
    bytes_received: int = 0


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why an attempt gave no answer."""

    reason: str
    status: int | None = None
    pause_s: float | None = None
    is_lasting: bool = False


class Transfer:
    """Asks a host for files, politely.

    Parameters
    ----------
    politeness : Politeness
    pace : Pace
    clock : Clock
        For servers that name the date on which to come back.
    secrets : sequence of str
        Tokens; each is replaced by ``***`` wherever a server's words are quoted.
    transport : httpx.AsyncBaseTransport, optional
        In place of the network.

    Notes
    -----
    Redirections are followed within the same host only. Use it as ``async with``.
    """

    def __init__(
        self,
        politeness: Politeness,
        pace: Pace,
        clock: Clock,
        *,
        secrets: Sequence[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.politeness = politeness
        self.tally = Tally()
        self._pace = pace
        self._clock = clock
        self._secrets = tuple(secret for secret in secrets if secret)
        self._gate = asyncio.Semaphore(politeness.concurrency)
        stall_s = min(politeness.stall_s, politeness.timeout_s)
        self._client = httpx.AsyncClient(
            headers={"user-agent": USER_AGENT, "accept-encoding": "gzip, identity"},
            timeout=httpx.Timeout(stall_s, pool=politeness.timeout_s),
            limits=httpx.Limits(
                max_connections=politeness.concurrency,
                max_keepalive_connections=politeness.concurrency,
            ),
            follow_redirects=False,
            transport=transport,
            mounts=dict.fromkeys(_LOCAL),  # a proxy of the environment is not for these
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def get(self, request: Request) -> Answer:
        """Return the answer, repeating the request while that may help.

        Timeouts, stalls, broken connections, truncated or implausible bodies, "429" and
        "5xx" are repeated at most ``retries_max`` times, after growing pauses or the one
        that the server asks for.

        Raises
        ------
        DataError
            If no attempt gave an answer; names address, status, attempts and reasons. Its
            fact ``is_lasting`` tells whether other requests must fail in the same way.
        """
        faults: list[_Fault] = []
        while True:
            await self._pace.turn()
            async with self._gate:
                outcome = await self._attempt(request)
            if isinstance(outcome, Answer):
                return outcome
            faults.append(outcome)
            if outcome.is_lasting or len(faults) > self.politeness.retries_max:
                raise self._error(request, faults)
            self.tally.retries += 1
            pause_s = self._pace.backoff_s(len(faults))
            if outcome.status in _BUSY:
                self._pace.pause_all(max(pause_s, outcome.pause_s or 0.0))
            await self._pace.back_off(pause_s)

    async def _attempt(self, request: Request) -> Answer | _Fault:
        self.tally.requests += 1
        politeness = self.politeness
        try:
            async with asyncio.timeout(politeness.timeout_s):
                return await self._exchange(request)
        except TimeoutError:
            return _Fault(f"no whole answer within {politeness.timeout_s:g} s")
        except httpx.TimeoutException:
            return _Fault(f"silence for {politeness.stall_s:g} s")
        except httpx.RemoteProtocolError:
            return _Fault("the connection ended in mid-answer, or was no HTTP")
        except httpx.DecodingError:
            return _Fault("a compressed answer that does not unpack")
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            return _Fault(f"not an address: {error}", is_lasting=True)
        except httpx.RequestError as error:
            return _Fault(f"no connection ({self.masked(str(error)) or type(error).__name__})")

    async def _exchange(self, request: Request) -> Answer | _Fault:
        url = httpx.URL(request.url)
        headers = dict(request.headers)
        if request.etag is not None:
            headers["if-none-match"] = request.etag
        for _ in range(REDIRECTS_MAX + 1):
            async with self._client.stream("GET", url, headers=headers) as response:
                if not response.has_redirect_location:
                    return await self._read(request, response)
                target = url.join(response.headers["location"])
                if (target.scheme, target.netloc) != (url.scheme, url.netloc):
                    return _Fault(
                        f"a redirection to another host, {target.host or 'unknown'}, which was "
                        "not followed",
                        response.status_code,
                    )
                url = target
        return _Fault(f"more than {REDIRECTS_MAX} redirections", response.status_code)

    async def _read(self, request: Request, response: httpx.Response) -> Answer | _Fault:
        status = response.status_code
        if status == _NOT_MODIFIED and request.etag is not None:
            return Answer(is_unchanged=True, etag=request.etag)
        announced = response.headers.get("content-length", "")
        limit = self.politeness.answer_bytes_max
        content = bytearray()
        too_large = announced.isdigit() and int(announced) > limit
        if not too_large:
            async for block in response.aiter_bytes():
                content += block
                if len(content) > limit:
                    too_large = True
                    break
        self.tally.bytes_received += response.num_bytes_downloaded
        if too_large:
            return _Fault(f"an answer of more than {limit:,} bytes", status, is_lasting=True)
        if status == _NOT_THERE and request.may_be_absent:
            return Answer(is_absent=True)
        if status != 200:
            return self._refused(response, bytes(content))
        if announced.isdigit() and response.num_bytes_downloaded != int(announced):
            return _Fault(
                f"{response.num_bytes_downloaded:,} bytes where {int(announced):,} were announced",
                status,
            )
        flaw = None if request.flaw is None else request.flaw(bytes(content))
        if flaw is not None:
            return _Fault(self.masked(flaw), status)
        return Answer(content=bytes(content), etag=response.headers.get("etag"))

    def _refused(self, response: httpx.Response, content: bytes) -> _Fault:
        """Turn a status that is no answer into a fault."""
        status = response.status_code
        words = self.masked(excerpt(content))
        reason = f"status {status}{': ' + words if words else ''}"
        if status < 500 and status not in _WORTH_REPEATING:
            return _Fault(reason, status, is_lasting=True)
        pause_s = _retry_after_s(response.headers.get("retry-after"), self._clock)
        if pause_s is not None and pause_s > self.politeness.wait_s_max:
            reason += f"; it asks for a pause of {pause_s:,.0f} s"
            return _Fault(reason, status, is_lasting=True)
        return _Fault(reason, status, pause_s)

    def _error(self, request: Request, faults: Sequence[_Fault]) -> DataError:
        last = faults[-1]
        reasons = list(dict.fromkeys(fault.reason for fault in faults))[-FAULTS_SHOWN_MAX:]
        times = "1 attempt" if len(faults) == 1 else f"{len(faults)} attempts"
        return DataError(
            f"{request.url} must give a whole answer; after {times}: {'; then '.join(reasons)}.",
            remedy=_REMEDIES.get(last.status or 0, _REMEDY),
            url=request.url,
            status=last.status,
            attempts=len(faults),
            is_lasting=last.is_lasting,
        )

    def masked(self, text: str) -> str:
        """Return *text* without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def excerpt(content: bytes) -> str:
    """Return the first words of an answer, as one line of printable text."""
    text = content[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", errors="replace")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _EXCERPT_CHARACTERS else line[:_EXCERPT_CHARACTERS] + "…"


def _retry_after_s(text: str | None, clock: Clock) -> float | None:
    """Read ``Retry-After``: seconds, or a date. None where it cannot be read."""
    if text is None:
        return None
    if re.fullmatch(r"\s*[0-9]+\s*", text):
        return float(text.strip()[:12])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    now = datetime.fromtimestamp(clock.now() / NS_PER_SECOND, tz=UTC)
    return max(0.0, (moment - now).total_seconds())
