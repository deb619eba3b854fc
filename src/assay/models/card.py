"""The JSON card beside a stored model's graphs: its fields, and what they rule out."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

CARD = "card.json"
FORMAT = "assay-model-1"

Numbers = list[float]


class Strict(BaseModel):
    """Frozen, typed exactly, finite, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class StoredFile(Strict):
    """A file beside the card, and what its bytes must hash to."""

    name: str
    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class StoredStacker(Strict):
    """See `assay.models.stacking.Stacker`."""

    weights: Numbers
    intercept: float


class StoredCalibrator(Strict):
    """See `assay.models.calibration.Calibrator`."""

    slope: float
    intercept: float
    covariance: list[Numbers]
    knots: Numbers
    levels: Numbers
    support: Numbers
    effective_rows: float


class StoredSample(Strict):
    """See `assay.models.ensemble.ParitySample`."""

    x: list[Numbers]
    native: list[Numbers]


class Card(Strict):
    """What ``card.json`` holds.

    Attributes
    ----------
    kind : str
        ``direction`` (with stacker and calibrator) or ``quantile`` (with levels).
    facts : dict
        What the caller adds: data hash, splits, seed, trials, metrics, verdict.
    """

    format: Literal["assay-model-1"]
    kind: Literal["direction", "quantile"]
    schema_hash: str
    names: list[str]
    selected: list[str]
    models: Annotated[list[StoredFile], Field(min_length=1, max_length=100)]
    sample: StoredFile
    stacker: StoredStacker | None
    calibrator: StoredCalibrator | None
    levels: Numbers | None
    libraries: dict[str, str]
    facts: dict[str, JsonValue]
