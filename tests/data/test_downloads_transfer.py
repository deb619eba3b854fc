"""A transfer gives the truth or a clear error, within its limits, whatever the server does."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from misbehaving_server import FAULTS, SLOW, STALL_S, Server, random_faults, serving

from assay.data.downloads.pace import BACKOFF_S_MAX, Pace, Politeness
from assay.data.downloads.transfer import Answer, Request, Transfer
from assay.domain.errors import DataError

TRUTH = json.dumps({"rows": list(range(400))}).encode()
NOW_NS = 1_700_000_000 * 10**9


class FixedClock:
    def now(self) -> int:
        return NOW_NS


class VirtualTime:
    """Seconds that pass only where somebody waits for them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waited_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        target = self.now_s + seconds
        self.waited_s += seconds
        await asyncio.sleep(0)
        self.now_s = max(self.now_s, target)


def no_json(content: bytes) -> str | None:
    try:
        return None if json.loads(content) else "empty"
    except ValueError:
        return "no JSON"


QUICK = Politeness(
    concurrency=3, requests_per_second=50.0, retries_max=4, timeout_s=6.0, stall_s=3.0
)
HASTY = replace(QUICK, timeout_s=0.4, stall_s=0.2)
"""For the faults that last; a busy machine may end a connection of its own within these limits."""


def run(
    work: Callable[[Transfer], Awaitable[Any]],
    politeness: Politeness = QUICK,
    passing: VirtualTime | None = None,
    secrets: Sequence[str] = (),
) -> tuple[Any, Transfer]:
    passing = passing or VirtualTime()

    async def within() -> tuple[Any, Transfer]:
        pace = Pace(
            politeness,
            rng=np.random.default_rng(1),
            monotonic=passing.monotonic,
            sleep=passing.sleep,
        )
        async with Transfer(politeness, pace, FixedClock(), secrets=secrets) as transfer:
            return await work(transfer), transfer

    return asyncio.run(within())


def getting(*requests: Request) -> Callable[[Transfer], Awaitable[list[Answer]]]:
    async def work(transfer: Transfer) -> list[Answer]:
        return list(await asyncio.gather(*(transfer.get(request) for request in requests)))

    return work


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"/a": TRUTH, "/b": TRUTH[::-1], "/empty": b""}) as state:
        yield state


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_repeated_until_the_truth_comes(server: Server, fault: str) -> None:
    server.faults["/a"] = [fault, fault]
    passing = VirtualTime()
    (answer,), transfer = run(
        getting(Request(url=f"{server.url}/a", flaw=no_json)),
        HASTY if fault in SLOW else QUICK,
        passing,
    )

    assert answer.content == TRUTH
    assert 3 <= server.n_requests("/a") <= transfer.tally.retries + 1
    assert fault in SLOW or transfer.tally.retries == 2
    assert 0.0 < passing.waited_s <= 2 * 7 + QUICK.wait_s_per_request_max


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_ends_in_an_error_that_says_why(server: Server, fault: str) -> None:
    n_max = 2
    politeness = replace(HASTY if fault in SLOW else QUICK, retries_max=n_max - 1)
    server.faults["/a"] = [fault] * 50
    with pytest.raises(DataError) as caught:
        run(getting(Request(url=f"{server.url}/a", flaw=no_json)), politeness)
    error = caught.value

    n_requests = server.n_requests("/a")
    assert n_requests == n_max or (fault in SLOW and n_requests < n_max)
    assert f"{server.url}/a" in error.message
    assert f"{n_max} attempts" in error.message
    assert error.facts["attempts"] == n_max
    assert error.facts["is_lasting"] is False
    assert error.remedy
    if fault[:3].isdigit():
        assert error.facts["status"] == int(fault[:3])
        assert fault[:3] in error.message


@pytest.mark.parametrize("fault", ["drip", "drip of headers"])
def test_a_drip_never_counts_as_an_answer_under_way(server: Server, fault: str) -> None:
    """It is never silent, so only the limit for a whole answer can end it."""
    server.faults["/a"] = [fault]
    politeness = Politeness(retries_max=0, timeout_s=1.0, stall_s=0.9)
    began = time.monotonic()
    with pytest.raises(DataError, match=r"no whole answer within 1 s"):
        run(getting(Request(url=f"{server.url}/a")), politeness)

    assert time.monotonic() - began < STALL_S


def test_nothing_is_ever_asked_of_another_host(server: Server) -> None:
    with serving({"/elsewhere": TRUTH}) as other:
        server.elsewhere = f"{other.url}/elsewhere"
        server.faults["/a"] = ["redirect elsewhere"] * 50
        with pytest.raises(DataError, match="another host"):
            run(getting(Request(url=f"{server.url}/a")))

        assert other.requests == []


@pytest.mark.parametrize("location", ["/b", "b", "//{}/b"])
def test_a_redirection_within_the_host_is_followed(server: Server, location: str) -> None:
    server.elsewhere = location.format(server.url.removeprefix("http://"))
    server.faults["/a"] = ["redirect elsewhere"]
    (answer,), transfer = run(getting(Request(url=f"{server.url}/a")))

    assert answer.content == TRUTH[::-1]
    assert transfer.tally.retries == 0


def test_redirections_in_a_circle_end(server: Server) -> None:
    server.elsewhere = "/a"
    server.faults["/a"] = ["redirect elsewhere"] * 1_000
    with pytest.raises(DataError, match="redirections"):
        run(getting(Request(url=f"{server.url}/a")))

    assert server.n_requests("/a") <= 4 * (QUICK.retries_max + 1)


def test_a_pause_that_the_server_asks_for_holds_back_every_request(server: Server) -> None:
    server.faults["/a"] = ["429 with pause"]
    passing = VirtualTime()
    began: list[float] = []

    async def work(transfer: Transfer) -> None:
        await transfer.get(Request(url=f"{server.url}/a"))
        began.append(passing.now_s)

    run(work, passing=passing)
    assert began[0] >= 7.0


def test_other_requests_wait_as_well_when_one_is_told_to() -> None:
    passing = VirtualTime()
    pace = Pace(
        QUICK, rng=np.random.default_rng(1), monotonic=passing.monotonic, sleep=passing.sleep
    )
    pace.pause_all(7.0)
    asyncio.run(pace.turn())

    assert passing.now_s >= 7.0


def test_a_pause_beyond_the_limit_is_refused_at_once(server: Server) -> None:
    politeness = Politeness(wait_s_max=5.0)
    server.faults["/a"] = ["429 with pause"] * 9
    passing = VirtualTime()
    with pytest.raises(DataError, match="pause of 7 s"):
        run(getting(Request(url=f"{server.url}/a")), politeness, passing)

    assert server.n_requests("/a") == 1
    assert passing.waited_s == 0.0


def test_never_more_requests_at_once_than_allowed(server: Server) -> None:
    server.delay_s = 0.05
    politeness = Politeness(concurrency=3, requests_per_second=1_000.0)
    run(getting(*(Request(url=f"{server.url}/a") for _ in range(12))), politeness)

    assert server.n_active_max == 3


def test_never_more_requests_a_second_than_allowed(server: Server) -> None:
    passing = VirtualTime()
    politeness = Politeness(concurrency=8, requests_per_second=4.0)
    run(getting(*(Request(url=f"{server.url}/a") for _ in range(21))), politeness, passing)

    assert passing.now_s == pytest.approx(20 / 4.0)


def test_pauses_grow_and_have_a_limit() -> None:
    pace = Pace(QUICK, rng=np.random.default_rng(3))
    drawn = np.array([[pace.backoff_s(attempt) for attempt in range(1, 12)] for _ in range(50)])

    longest = np.minimum(BACKOFF_S_MAX, 2.0 ** np.arange(11))
    assert (drawn <= longest).all()
    assert (drawn >= longest / 2).all()
    assert drawn.std(axis=0).min() > 0.0


def test_a_missing_file_is_an_answer_only_where_the_source_means_it(server: Server) -> None:
    url = f"{server.url}/nothing"
    (answer,), _ = run(getting(Request(url=url, may_be_absent=True)))
    assert answer.is_absent
    with pytest.raises(DataError, match="status 404") as caught:
        run(getting(Request(url=url)))
    assert caught.value.facts["is_lasting"] is True
    assert server.n_requests("/nothing") == 2


def test_an_empty_answer_is_an_answer_of_zero_bytes(server: Server) -> None:
    (answer,), _ = run(getting(Request(url=f"{server.url}/empty", may_be_absent=True)))
    assert (answer.content, answer.is_absent) == (b"", False)


def test_an_unchanged_file_is_not_sent_again(server: Server) -> None:
    (first,), _ = run(getting(Request(url=f"{server.url}/a")))
    (again,), transfer = run(getting(Request(url=f"{server.url}/a", etag=first.etag)))

    assert again.is_unchanged
    assert transfer.tally.bytes_received == 0


@pytest.mark.parametrize("is_announced", [True, False])
def test_an_answer_beyond_the_limit_is_not_read(server: Server, is_announced: bool) -> None:
    server.files = {"/a": b"x" * 3_000_000}
    politeness = Politeness(answer_bytes_max=1_000 if is_announced else 2_999_999)
    with pytest.raises(DataError, match="more than") as caught:
        run(getting(Request(url=f"{server.url}/a")), politeness)
    assert caught.value.facts["is_lasting"] is True


def test_a_pause_of_nothing_is_no_leave_to_hammer(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "misbehaving_server.misbehave",
        lambda handler, *_: handler.reply(429, b"", {"Retry-After": "0"}),
    )
    server.faults["/a"] = ["429"] * 4
    passing = VirtualTime()
    run(getting(Request(url=f"{server.url}/a")), passing=passing)

    assert passing.now_s >= 0.5 + 1.0 + 2.0 + 4.0


@pytest.mark.parametrize(
    "words", ["\xb2", "-5", "soon", "1e3", "", "Fri, 99 Foo 2024 00:00:00 GMT"]
)
def test_a_pause_that_cannot_be_read_is_no_end(
    server: Server, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(
        "misbehaving_server.misbehave",
        lambda handler, *_: handler.reply(429, b"", {"Retry-After": words}),
    )
    server.faults["/a"] = ["429"]
    (answer,), _ = run(getting(Request(url=f"{server.url}/a")))
    assert answer.content == TRUTH


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (answer,), _ = run(getting(Request(url=f"{server.url}/a")), Politeness(retries_max=0))

    assert answer.content == TRUTH


def test_the_client_says_who_it_is(server: Server) -> None:
    run(getting(Request(url=f"{server.url}/a")))
    assert server.requests[0][1]["user-agent"].startswith("assay/")


def test_a_token_is_never_quoted(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    token = "planted-canary-7f3a"
    with serving(lambda path, query: f"bad token {token}".encode()) as echo:
        request = Request(
            url=f"{echo.url}/a",
            headers={"authorization": f"Bearer {token}"},
            flaw=lambda content: f"not JSON: {content.decode()}",
        )
        caplog.set_level(0)
        with pytest.raises(DataError) as caught:
            run(getting(request), Politeness(retries_max=1), secrets=(token,))

        assert echo.requests[0][1]["authorization"] == f"Bearer {token}"
    shown = f"{caught.value} {caught.value.facts} {request!r} {caplog.text}"
    assert token not in shown
    assert "***" in shown


def test_an_address_that_is_none_is_refused_once() -> None:
    with pytest.raises(DataError, match="1 attempt"):
        run(getting(Request(url="ftp://127.0.0.1/a")))


def test_a_host_that_does_not_listen_is_asked_a_limited_number_of_times() -> None:
    passing = VirtualTime()
    with pytest.raises(DataError, match="5 attempts") as caught:
        run(getting(Request(url="http://127.0.0.1:9/a")), passing=passing)
    assert caught.value.facts["status"] is None
    assert passing.waited_s <= QUICK.wait_s_per_request_max


@pytest.mark.parametrize("seed", range(3))
def test_any_schedule_of_faults_ends_in_the_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = {f"/file{i}": json.dumps([i] * int(rng.integers(1, 300))).encode() for i in range(12)}
    politeness = Politeness(
        concurrency=4, requests_per_second=1_000.0, retries_max=5, timeout_s=0.8, stall_s=0.4
    )
    passing = VirtualTime()
    with serving(files) as server:
        server.faults.update(random_faults(rng, list(files), 2))
        n_faults = sum(len(faults) for faults in server.faults.values())
        requests = [Request(url=f"{server.url}{path}", flaw=no_json) for path in files]
        answers, transfer = run(getting(*requests), politeness, passing)

        assert [answer.content for answer in answers] == list(files.values())
        assert not any(server.faults.values())
        assert n_faults <= transfer.tally.retries
        assert len(files) + n_faults <= len(server.requests)
        assert len(server.requests) <= len(files) + transfer.tally.retries, "each is told"
        assert server.n_active_max <= politeness.concurrency
    assert passing.waited_s <= len(files) * politeness.wait_s_per_request_max
