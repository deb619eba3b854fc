"""``[search]``: the joint, nested optimisation of ``assay optimise``."""

from typing import Any

from pydantic import Field, model_validator

from assay.config.section import ALGORITHMS, NotNegative, Section


class SearchSettings(Section):
    """``[search]``: how settings are searched inside the training spans of the walk forward."""

    trials: int = Field(
        default=24, ge=1, le=10_000, description="configurations that each search evaluates"
    )
    every_folds: int = Field(
        default=5, ge=1, le=100, description="steps of the walk forward between two searches"
    )
    batch: int = Field(
        default=8, ge=1, le=256, description="configurations that are proposed at a time"
    )
    groups: int = Field(
        default=5, ge=3, le=20, description="groups of time of the combinatorial cross-validation"
    )
    test_groups: int = Field(default=2, ge=1, le=10, description="groups that each split tests")
    rows_max: int = Field(
        default=3_000, ge=500, description="labels fitted per model while searching"
    )
    algorithms: tuple[str, ...] = Field(
        default=("lightgbm", "logistic"),
        min_length=1,
        description="members of the ensemble while searching",
    )
    dispersion_weight: NotNegative = Field(
        default=0.5, description="how much of the dispersion over the paths the objective subtracts"
    )
    prune_p: float = Field(
        default=0.1,
        ge=0.0,
        le=0.5,
        description="a configuration is given up when a signed-rank test over the splits says with "
        "this error that it is worse than the best; 0: never",
    )
    adopt_p: float = Field(
        default=0.05,
        gt=0.0,
        le=1.0,
        description="the winner replaces the settings it was searched from when it is better with "
        "this error, split by split and by more than luck gives the best of so many; 1: not asked",
    )
    plateau_share_min: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="share of the winner's neighbours that must do nearly as well",
    )
    space: dict[str, Any] = Field(
        default_factory=dict,
        description="what is searched, by setting: a list of values, or {low, high, step}; "
        "empty: the default space; an empty list leaves a setting out of it",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "SearchSettings":
        if self.test_groups >= self.groups:
            raise ValueError(
                f"test_groups must be less than groups {self.groups}; was {self.test_groups}"
            )
        for name in self.algorithms:
            if name not in ALGORITHMS:
                raise ValueError(f"{name!r} is none of {', '.join(ALGORITHMS)}")
        return self
