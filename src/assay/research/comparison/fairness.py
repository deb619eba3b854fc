"""Whether apples are compared with apples: what differs, and what it may do to the answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.domain.errors import ConfigError, DataError
from assay.research.comparison.entrant import Entrant
from assay.research.comparison.run_table import canonical
from assay.research.comparison.shared_days import SharedDays
from assay.research.wording import count, ratio

COST_SETTINGS = ("costs.",)
NAMES_SHOWN_MAX = 4
SHARED_SHARE_MIN = 0.95
"""A comparison over less than this share of somebody's days is worth a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that a reader must know before the answer.

    Attributes
    ----------
    name : str
        Stable identifier: ``spans``, ``data``, ``costs``, ``market``, ``code`` and so on.
    is_warning : bool
        Whether it can change the answer; otherwise it is told for completeness.
    text : str
        A sentence.
    """

    name: str
    is_warning: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting or hash that is not the same for all.

    Attributes
    ----------
    key : str
        Dotted setting, or ``hash.data`` and so on.
    values : tuple of object
        One for each entrant, in order; None where it does not know the key.
    """

    key: str
    values: tuple[Any, ...]


def refuse_mixed_currencies(entrants: Sequence[Entrant]) -> None:
    """Refuse to compare money of different kinds.

    Raises
    ------
    ConfigError
        If the accounts are in different currencies.
    """
    currencies = {item.currency for item in entrants}
    if len(currencies) > 1:
        told = ", ".join(f"{item.name} {item.currency}" for item in entrants)
        raise ConfigError(
            f"Compared accounts must be in one currency; were {told}.",
            remedy="Run them again with one account.currency: an exchange rate is no skill.",
            currencies=sorted(currencies),
        )


def refuse_leaks(entrants: Sequence[Entrant]) -> None:
    """Refuse a record whose pipeline knew the future: it would win, and mean nothing.

    Raises
    ------
    DataError
        If the verdict on the run of one of them is "not evidence".
    """
    leaking = [item.name for item in entrants if not item.is_evidence]
    if leaking:
        raise DataError(
            "A comparison must be between records that did not know the future; "
            f"{', '.join(leaking)} {'is' if len(leaking) == 1 else 'are'} not evidence.",
            remedy="Mend the leak that the report names, and run it again.",
            runs=leaking,
        )


def differences_of(entrants: Sequence[Entrant]) -> tuple[Difference, ...]:
    """Return every setting and hash that is not the same for all, settings first."""
    keys = sorted({key for item in entrants for key in item.settings})
    found = [
        Difference(key=key, values=values)
        for key in keys
        if _differ(values := tuple(item.settings.get(key) for item in entrants))
    ]
    names = sorted({key for item in entrants for key in item.hashes} - {"settings"})
    found += [
        Difference(key=f"hash.{name}", values=values)
        for name in names
        if _differ(values := tuple(item.hashes.get(name) for item in entrants))
    ]
    return tuple(found)


def _differ(values: Iterable[object]) -> bool:
    return len({canonical(value) for value in values}) > 1


def concerns_of(
    entrants: Sequence[Entrant], shared: SharedDays, differences: Sequence[Difference]
) -> tuple[Concern, ...]:
    """Return what a reader must know before the answer, warnings first."""
    by_key = {item.key: item for item in differences}
    found = [
        *_spans(entrants, shared),
        *_markets(by_key),
        *_costs(by_key),
        *_hashes(by_key),
        *_activity(entrants, shared),
        *_same(entrants),
    ]
    return tuple(sorted(found, key=lambda concern: not concern.is_warning))


def _spans(entrants: Sequence[Entrant], shared: SharedDays) -> Iterator[Concern]:
    n = len(shared.day)
    short = [(item, own) for item, own in zip(entrants, shared.own_days, strict=True) if own > n]
    if not short:
        return
    own_spans: dict[tuple[int, str, str], list[str]] = {}
    for item, own in short:
        own_spans.setdefault((own, str(item.day[0]), str(item.day[-1])), []).append(item.name)
    told = "; ".join(
        f"{_listed(names)} {'has' if len(names) == 1 else 'have'} {count(own)}, "
        f"from {first} to {last}"
        for (own, first, last), names in own_spans.items()
    )
    yield Concern(
        name="spans",
        is_warning=any(n < SHARED_SHARE_MIN * own for _, own in short),
        text=f"Only the {count(n)} shared days count, {shared.day[0]} to {shared.day[-1]}: {told}.",
    )


def _listed(names: Sequence[str]) -> str:
    """Return the names in words, the first few of many."""
    shown = list(names[:NAMES_SHOWN_MAX])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _markets(by_key: Mapping[str, Difference]) -> Iterator[Concern]:
    changed = [key for key in ("market.symbols", "market.timeframe") if key in by_key]
    if changed:
        words = " and ".join(key.removeprefix("market.") for key in changed)
        yield Concern(
            name="market",
            is_warning=True,
            text=f"They differ in {words}: a difference may come from the market, not from the "
            "strategy.",
        )


def _costs(by_key: Mapping[str, Difference]) -> Iterator[Concern]:
    keys = [key for key in by_key if key.startswith(COST_SETTINGS)]
    keys += ["contract facts"] * ("hash.facts" in by_key)
    if keys:
        yield Concern(
            name="costs",
            is_warning=True,
            text=f"They did not pay the same costs ({', '.join(keys)} differ): who paid less looks "
            "better without being better.",
        )


def _hashes(by_key: Mapping[str, Difference]) -> Iterator[Concern]:
    if "hash.data" in by_key and "market.symbols" not in by_key:
        yield Concern(
            name="data",
            is_warning=True,
            text="Their histories are not the same bytes: other rows, another span or another "
            "source. The same day may have had other prices.",
        )
    if "hash.code" in by_key:
        yield Concern(
            name="code",
            is_warning=False,
            text="They were made by different versions of Assay.",
        )


def _activity(entrants: Sequence[Entrant], shared: SharedDays) -> Iterator[Concern]:
    still = [
        item.name
        for item, column in zip(entrants, shared.returns.T, strict=True)
        if not column.any()
    ]
    if still:
        yield Concern(
            name="idle",
            is_warning=True,
            text=f"{_listed(still)} did not move on the shared days: a Sharpe ratio of 0.",
        )
    mean = shared.returns.std(axis=0)
    known = mean[mean > 0.0]
    if len(known) > 1 and known.max() > 1.5 * known.min():
        yield Concern(
            name="risk",
            is_warning=False,
            text="They took different risks: the largest volatility is "
            f"{ratio(float(known.max() / known.min()), 1)} times the smallest. Whoever risks more "
            "earns more without being better, so they are ranked by the Sharpe ratio.",
        )


def _same(entrants: Sequence[Entrant]) -> Iterator[Concern]:
    seen: dict[str, str] = {}
    for item in entrants:
        identity = item.identity
        if identity in seen and "settings" in item.hashes:
            yield Concern(
                name="same",
                is_warning=False,
                text=f"{seen[identity]} and {item.name} are the same trial: strategy, settings, "
                "data and code are equal.",
            )
        seen.setdefault(identity, item.name)
