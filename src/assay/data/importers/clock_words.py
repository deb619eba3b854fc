"""What was found out about a clock, in words for the user."""

from collections.abc import Sequence

from assay.data.arrays import BoolArray, FloatArray, IntArray
from assay.data.importers.clock_candidates import PRIOR, Groups, prior_of
from assay.data.importers.clock_finding import ClockChange, percentages

_ALTERNATIVES_MAX = 4


def alternatives_of(chance: FloatArray, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Return the clocks of one day by probability; those that agree on it are one."""
    found: dict[float, str] = {}
    for value, name in sorted(
        zip(chance.tolist(), names, strict=True), key=lambda pair: (-pair[0], -prior_of(pair[1]))
    ):
        found.setdefault(value, name)
    pairs = [(name, round(value, 3)) for value, name in found.items() if value >= 0.005]
    return tuple(pairs[:_ALTERNATIVES_MAX])


def words_of_evidence(
    names: Sequence[str],
    groups: Groups,
    path: IntArray,
    changes: Sequence[ClockChange],
    n_hits: int,
    n_closes: int,
    what: Sequence[str],
) -> str:
    """Return the evidence for a clock in one sentence."""
    name = names[int(path[0])]
    parts = []
    if n_closes:
        parts.append(f"{n_hits / n_closes:.0%} of {n_closes} weekends begin at 17:00 New York")
    parts += [text for text in what if "weekend" not in text]
    text = ", ".join(parts)
    if changes:
        return "; ".join([*(change.says for change in changes), text])
    same = [other for other in groups[name][1] if other in PRIOR]
    if same:
        text += f" (for these rows the same as {', '.join(same[:3])})"
    return f"{text}: {name}"


def words_of_doubt(
    days: IntArray,
    weakest: int,
    alternatives: Sequence[tuple[str, float]],
    what: Sequence[str],
    changes: Sequence[ClockChange],
    far: BoolArray,
) -> str:
    """Return why the rows do not tell."""
    text = " and ".join(what) + f" fit {percentages(alternatives)}"
    if changes:
        text += "; perhaps " + "; ".join(change.says for change in changes)
    if len(days) > 14 and len(far):
        date = days[weakest : weakest + 1].astype("datetime64[D]")[0]
        text += f" (least clear around {date})"
    return text
