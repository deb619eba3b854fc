"""A ledger whose chain was computed again by hand is still read line by line, and strictly."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ledger import trial

from assay.research.trials.ledger import LedgerError, TrialLedger
from assay.research.trials.line import GENESIS, canonical, parsed, plain
from assay.research.trials.trial import hash_of

Body = dict[str, Any]


def bodies(ledger: TrialLedger) -> list[Body]:
    lines = [json.loads(text) for text in ledger.path.read_bytes().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("hash", "previous")} for line in lines]


def chained(ledger: TrialLedger, made: Sequence[Body]) -> TrialLedger:
    """Write *made* as a ledger whose every hash fits, and no head."""
    previous, content = GENESIS, b""
    for body in made:
        line = {**body, "previous": previous}
        previous = hash_of(line)
        text = json.dumps({**line, "hash": previous}, sort_keys=True, separators=(",", ":"))
        content += text.encode() + b"\n"
    ledger.path.write_bytes(content)
    ledger.head_path.unlink(missing_ok=True)
    return TrialLedger(ledger.path)


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    made = TrialLedger(tmp_path / "trials.jsonl")
    made.record_all([trial(1), trial(2), trial(1, at_ns=9)])
    return made


def test_a_chain_computed_again_over_the_same_lines_is_read(ledger: TrialLedger) -> None:
    before = ledger.path.read_bytes()
    again = chained(ledger, bodies(ledger))
    assert again.path.read_bytes() == before
    assert (again.count(), again.retries()) == (2, 1)


def on_trial(**changes: Any) -> Callable[[list[Body]], None]:
    def change(made: list[Body]) -> None:
        made[1] = {**made[1], "trial": {**made[1]["trial"], **changes}}

    return change


def without_field(name: str) -> Callable[[list[Body]], None]:
    def change(made: list[Body]) -> None:
        made[1] = {**made[1], "trial": {**made[1]["trial"]}}
        del made[1]["trial"][name]

    return change


def on_line(**changes: Any) -> Callable[[list[Body]], None]:
    def change(made: list[Body]) -> None:
        made[1] = {**made[1], **changes}

    return change


def instead(**body: Any) -> Callable[[list[Body]], None]:
    def change(made: list[Body]) -> None:
        made[1] = body

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (instead(lost=-2, n=0), "lost must be a whole number from 1 on; was -2"),
        (instead(lost=0, n=1), "lost must be a whole number from 1 on; was 0"),
        (instead(lost=True, n=2), "lost must be a whole number from 1 on; was True"),
        (instead(lost=1.0, n=2), "lost must be a whole number"),
        (instead(lost="1", n=2), "lost must be a whole number"),
        (instead(lost=1, n=2, note="x"), "its keys are"),
        (on_line(n="2"), "n must be a whole number"),
        (on_line(n=None), "n must be a whole number"),
        (on_line(n=7), "does not follow"),
        (on_line(identity="x"), "another identity"),
        (on_line(identity="0" * 64), "another identity"),
        (on_line(trial=[]), "lacks a field"),
        (on_line(extra=1), "its keys are"),
        (on_trial(zz=1), "has one that no trial has"),
        (without_field("n_days"), "lacks a field"),
        (on_trial(n_days="5"), "n_days of its trial cannot be '5'"),
        (on_trial(n_days=-5), "n_days of its trial cannot be -5"),
        (on_trial(n_days=1.5), "n_days of its trial cannot be 1.5"),
        (on_trial(sharpe_daily="0.1"), "sharpe_daily of its trial cannot be"),
        (on_trial(monthly=None), "monthly of its trial cannot be"),
        (on_trial(monthly=[0.1, None]), "monthly of its trial cannot be"),
        (on_trial(monthly=[0.1] * 1_201), "monthly of its trial cannot be"),
        (on_trial(cases=0), "cases of its trial cannot be 0"),
        (on_trial(cases=True), "cases of its trial cannot be True"),
        (on_trial(cases_effective=-50.0), "cases_effective of its trial cannot be -50.0"),
        (on_trial(cases_effective=50.0), "cases_effective of its trial must be at most 1"),
        (on_trial(origin=3), "origin of its trial cannot be 3"),
        (on_trial(tried=[]), "tried of its trial cannot be"),
        (instead(retry="nope", at_ns=1, n=1), "retry must be a SHA-256"),
        (instead(retry="0" * 64, at_ns=1, n=1), "repeats a trial that no line holds"),
        (instead(retry="0" * 64, at_ns=-1, n=1), "at_ns must be a whole number"),
    ],
)  # fmt: skip
def test_a_line_that_assay_does_not_write_is_named(
    ledger: TrialLedger, change: Callable[[list[Body]], None], told: str
) -> None:
    made = bodies(ledger)
    change(made)
    edited = chained(ledger, made)
    for ask in (edited.count, edited.evidence, edited.lost, edited.retries, edited.trials,
                lambda: edited.record(trial(9)), lambda: edited.witness("x"),
                lambda: edited.hand_over(TrialLedger(ledger.path.with_name("other")))):  # fmt: skip
        with pytest.raises(LedgerError) as caught:
            ask()
        assert told in str(caught.value)
        assert str(ledger.path) in str(caught.value)
        assert "line 2" in str(caught.value) and caught.value.facts["line"] == 2
        assert "Restore it" in caught.value.remedy


def test_the_same_trial_is_not_counted_twice_by_hand(ledger: TrialLedger) -> None:
    made = bodies(ledger)
    twice = {**made[1], "n": 3}
    with pytest.raises(LedgerError, match="line 4 counts a trial a second time"):
        chained(ledger, [*made, twice]).evidence()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace(b"\n", b"\r\n"), "line 1 is no record: it is not written"),
        (lambda text: text.replace(b'"n":2', b'"n":99,"n":2', 1), "a key twice"),
        (lambda text: text.replace(b'"n":2', b'"n": 2', 1), "a space or another"),
        (lambda text: text + b"\n", "line 4 is no record: it is no JSON"),
        (lambda text: b"\xef\xbb\xbf" + text, "line 1 is no record"),
        (lambda text: text.replace(b'"n":2', b'"n":NaN', 1), "line 2 is no record: it is no JSON"),
        (lambda text: text.replace(b'"n":2', b'"n":1e999', 1), "line 2 is no record"),
        (lambda text: b"[" * 60_000 + b"\n" + text, "line 1 is no record: it is no JSON"),
        (lambda text: b"1" * 6_000 + b"\n" + text, "line 1 is no record"),
        (lambda text: b" " * 70_000 + b"\n" + text, "more than 65,536 bytes"),
        (lambda text: b"null\n" + text, "line 1 is no record"),
        (lambda text: b"\xff\n" + text, "line 1 is no record"),
    ],
    ids=["CRLF", "twice", "space", "blank", "mark", "NaN", "1e999", "deep", "digits", "long",
         "null", "bytes"],
)  # fmt: skip
def test_another_form_of_the_same_lines_is_refused(
    ledger: TrialLedger, change: Callable[[bytes], bytes], told: str
) -> None:
    ledger.head_path.unlink()
    ledger.path.write_bytes(change(ledger.path.read_bytes()))
    with pytest.raises(LedgerError, match="line"):
        ledger.count()
    with pytest.raises(LedgerError) as caught:
        ledger.evidence()
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"count":"2","lines":3,"hash":"x"}',
     b'{"count":2,"lines":-3,"hash":"x"}', b'{"count":true,"lines":3,"hash":"x"}',
     b'{"count":2,"lines":3,"hash":7}', b"[" * 60_000],
)  # fmt: skip
def test_a_head_that_assay_does_not_write_is_refused(ledger: TrialLedger, head: bytes) -> None:
    ledger.head_path.write_bytes(head)
    with pytest.raises(LedgerError, match=r"trials.jsonl.head cannot be read"):
        ledger.count()


def test_a_line_of_an_earlier_version_lacks_what_has_a_default(ledger: TrialLedger) -> None:
    made = bodies(ledger)
    for name in ("origin", "cases", "cases_effective", "tried", "nested_in", "monthly",
                 "first_month", "saw_from_ns", "saw_until_ns"):  # fmt: skip
        del made[1]["trial"][name]
    found = chained(ledger, made).trials()[1]
    assert (found.origin, found.cases, found.monthly) == ("run", 1, ())


@given(
    sharpe=st.floats(),
    month=st.floats(),
    first=st.integers(-1_000, 10_000),
    text=st.text(max_size=40),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9)),
)
def test_every_trial_is_read_as_it_was_written(sharpe, month, first, text, value) -> None:
    made = trial(
        3, sharpe_daily=sharpe, monthly=(month,), first_month=first, kind=text, tried={text: value}
    )
    body = {"n": 1, "identity": made.identity, "trial": plain(made), "previous": GENESIS}
    line = parsed(canonical({**body, "hash": hash_of(body)}).encode())
    assert line.trial is not None
    assert line.trial.identity == made.identity
    assert dict(line.trial.tried) == {text: value}
    assert line.trial.sharpe_daily == sharpe or (
        math.isnan(line.trial.sharpe_daily) and not math.isfinite(sharpe)
    )
    assert line.trial.monthly == (month if math.isfinite(month) else 0.0,)
