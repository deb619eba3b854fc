"""The parts of ``verdict.json``: what each must be, and what it means.

The published schema is made of them.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from assay.research.leaks.evidence import Canary, Leak, LeakReport, StageProof
from assay.research.leaks.evidence import Check as LeakCheck
from assay.research.trials.evidence import TrialEvidence
from assay.research.verdict.checks import Check
from assay.research.verdict.judge import Outcome

SCHEMA = "assay.verdict/1"
INFINITE = {"infinity": math.inf, "-infinity": -math.inf}
ITEMS_MAX = 10_000


def figure_json(value: float) -> float | str | None:
    """Return *value* as the document holds it: null where unknown, a word where infinite.

    Examples
    --------
    >>> figure_json(0.5), figure_json(float("nan")), figure_json(float("-inf"))
    (0.5, None, '-infinity')
    """
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "infinity" if value > 0.0 else "-infinity"
    return float(value)


def _figure(value: object) -> object:
    """Return what ``figure_json`` wrote as a number; anything else as it is, to be refused."""
    if value is None:
        return math.nan
    return INFINITE.get(value, value) if isinstance(value, str) else value


Figure = Annotated[
    float,
    BeforeValidator(_figure),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": [None, *INFINITE]}]}),
]
Text = Annotated[str, Field(max_length=100_000)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Part(BaseModel):
    """One object of the document: every key is asked for, none beside them is allowed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SpanPart(Part):
    """The record that is judged."""

    first: Moment = Field(description="First event out of sample, UTC.")
    last: Moment = Field(description="Last event, UTC.")


class CheckPart(Part):
    """One condition of the verdict."""

    name: Text = Field(description="Stable identifier, such as deflated_sharpe.")
    passed: bool
    value: Figure = Field(description="What was measured.")
    threshold: Figure = Field(description="What it had to reach.")
    text: Text = Field(description="The finding as a sentence.")

    def check(self) -> Check:
        """Return the condition as the judge made it."""
        return Check(**dict(self))


class NumberPart(Part):
    """One figure that the conditions used."""

    value: Figure
    text: Text = Field(description="What the figure means.")


class TrialsPart(Part):
    """What the ledger of trials says about luck."""

    count: Annotated[int, Field(ge=0)] = Field(
        description="Trials that saw something of what is judged."
    )
    effective: Figure = Field(description="Independent trials that they are worth.")
    correlation: Figure = Field(
        description="Mean correlation of the monthly returns over pairs of trials, of at most 400 "
        "trials; floored at 0."
    )
    variance_luck: Figure = Field(description="Variance of a daily Sharpe ratio by luck alone.")
    variance_observed: Figure = Field(description="Variance of the recorded daily ratios.")
    trials_hash: Text = Field(description="Names the set of trials.")
    recorded: Annotated[int, Field(ge=0)] = Field(
        description="Different trials in the ledger, the cases of sweeps included."
    )
    nested: Annotated[int, Field(ge=0)] = Field(
        description="Trials that chose settings before each judged span; not counted."
    )
    lost: Annotated[int, Field(ge=0)] = Field(
        description="Trials that the ledger no longer holds; each counts."
    )
    clusters: Annotated[int, Field(ge=0)] = Field(
        description="Groups of trials that are nearly the same."
    )

    def evidence(self) -> TrialEvidence:
        """Return it as the ledger made it."""
        return TrialEvidence(**dict(self))


class CanaryPart(Part):
    """A leak that the prover planted itself, and whether it found it."""

    leak: Text = Field(description="What was planted, such as the next bar.")
    stage: Text
    column: Text
    expected: tuple[LeakCheck, ...] = Field(description="Checks that had to name it.")
    found: tuple[LeakCheck, ...] = Field(description="Those that did.")
    is_found: bool

    def canary(self) -> Canary:
        """Return it as the prover made it."""
        return Canary(**{key: item for key, item in dict(self).items() if key != "is_found"})


class LeaksPart(Part):
    """What the leak prover found, and whether it can be believed."""

    clean: bool
    trusted: bool
    reason: Text = Field(description="Why it is no evidence; empty if it may be.")
    leaks: tuple[Leak, ...] = Field(description="Columns that knew the future.")
    stages: tuple[StageProof, ...] = Field(description="What was asked of each stage.")
    canaries: tuple[CanaryPart, ...] = Field(description="Leaks that the prover planted itself.")
    blind: tuple[Text, ...] = Field(description="Where it could see nothing, and why.")

    def report(self) -> LeakReport:
        """Return it as the prover made it."""
        return LeakReport(
            leaks=self.leaks,
            stages=self.stages,
            canaries=tuple(item.canary() for item in self.canaries),
            blind=self.blind,
        )


class VerdictDocument(Part):
    """A verdict of Assay: the answer, the evidence, and what a promotion gate asks."""

    schema_: Literal["assay.verdict/1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    title: Text = Field(description="What was tested on what, such as XAUUSD H1.")
    strategy: Text = Field(description="Name of the strategy that is judged.")
    outcome: Literal["edge", "no edge", "not enough data", "not evidence"]
    passed: bool = Field(description="Whether it may be promoted: true for an edge alone.")
    headline: Text = Field(description="The answer in one sentence.")
    explanation: Text = Field(description="What it means for someone who would trade it.")
    reasons_for: tuple[Text, ...] = Field(max_length=ITEMS_MAX)
    reasons_against: tuple[Text, ...] = Field(max_length=ITEMS_MAX)
    would_change: tuple[Text, ...] = Field(description="What would make another answer.")
    checks: tuple[CheckPart, ...] = Field(
        max_length=ITEMS_MAX, description="All conditions, in the order in which they were asked."
    )
    numbers: dict[str, NumberPart] = Field(description="Every figure used, by name.")
    trials: TrialsPart = Field(description="What the ledger said.")
    leaks: LeaksPart | None = Field(
        description="What the leak prover said; null if it was not asked, which is no evidence."
    )
    span: SpanPart | None = Field(description="The record that is judged; null without events.")
    hashes: dict[str, Text] = Field(description="What it was made of: data, code, settings ...")
    hash: Hash = Field(
        description="SHA-256 of everything else here as JSON with sorted keys and no spaces."
    )


def schema_document() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``verdict.json``."""
    made = _bare(VerdictDocument.model_json_schema(by_alias=True))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('.', ':', 1).replace('/', ':')}",
        "title": "Verdict",
        **made,
        "if": {"properties": {"outcome": {"const": Outcome.EDGE.value}}},
        "then": {
            "properties": {
                "passed": {"const": True},
                **{part: {"type": "object"} for part in ("trials", "leaks", "span")},
            }
        },
        "else": {"properties": {"passed": {"const": False}}},
    }


def _bare(made: Any) -> Any:
    """Return a made schema without titles that repeat names, and with one-line descriptions."""
    if isinstance(made, list):
        return [_bare(item) for item in made]
    if not isinstance(made, dict):
        return made
    kept = {key: _bare(item) for key, item in made.items()}
    if isinstance(kept.get("title"), str):
        del kept["title"]
    if isinstance(kept.get("description"), str):
        kept["description"] = kept["description"].split("\n\n")[0]
    return kept
